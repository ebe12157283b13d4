"""Station health: packets and qualities -> how far each station is to be trusted, and why not.

A stage between waveform and source. What is measured, which thresholds hold and what they gate stands in
docs/health.md.
"""
