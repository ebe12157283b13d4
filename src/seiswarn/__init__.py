"""seiswarn: earthquake early warning and intensity rapid report."""

__version__ = "0.1.0"
