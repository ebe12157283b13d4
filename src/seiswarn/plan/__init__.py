"""How soon a network would warn, and how far around an epicentre too late: before and after new stations.

What alerts computes it: a node of the map is an earthquake that goes through the pipeline. Only the
waveform stage is replaced, by what that stage said of synthetic records at each distance (`recordings`).
"""
