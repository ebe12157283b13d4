"""Counts to picks and ground-motion measures, per channel and per station."""
