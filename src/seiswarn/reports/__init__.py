"""Reports stage: the history of an event, gathered into a quick report. Drawing it is the publisher's work.

`stage.ReportsStage` runs it, `peaks.py` keeps the largest motions, `params.py` is the configuration.
Imports nothing by itself.
"""
