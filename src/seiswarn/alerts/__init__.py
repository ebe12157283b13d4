"""Alerts stage: from forecasts to warnings, and a record of why and why not.

`stage.AlertsStage` runs it, `lifecycle.py` keeps what receivers have been told, `policies/` decides
whether an event deserves a warning, `params.py` is the configuration. Imports nothing by itself.
"""
