"""Shaking stage: from what and where the earthquake is to how strongly each place will shake, and when.

`stage.ShakingStage` runs it; `gmpe/` holds ground-motion models, `conversion/` the relations from
motion to intensity, `distance.py` the step from a point source to a rupture, `params.py` the
configuration. This package imports nothing by itself, so that configuration stays quick to load.
"""
