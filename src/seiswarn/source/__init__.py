"""Picks and motions to what and where is the earthquake."""
