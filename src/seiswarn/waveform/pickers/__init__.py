"""Onset refinement: the triggered trace in, the onset out."""
