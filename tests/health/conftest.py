"""Fixtures of the source stage, whose messages tell what health makes of picks."""

from __future__ import annotations

from tests.source.conftest import network, travel_times

__all__ = ["network", "travel_times"]
