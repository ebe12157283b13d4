"""Configuration of the reports stage, written once: defaults, meaning, units and allowed ranges."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a quick report is due and what it holds."""

    min_magnitude: Annotated[
        float,
        Meta(ge=-2, le=10, description="report events from this magnitude on; those warned of always"),
    ] = 3.0
    report_after_s: Annotated[
        float,
        Meta(gt=0, description="first report this many seconds after the last revision of the estimate"),
    ] = 30.0
    max_age_s: Annotated[
        float,
        Meta(gt=0, description="first report at the latest this many seconds after the origin"),
    ] = 120.0
    memory_s: Annotated[
        float,
        Meta(gt=0, le=3600, description="seconds of motion kept for events not yet known"),
    ] = 60.0
    max_distance_km: Annotated[
        float, Meta(gt=0, description="stations farther from the epicentre in km are left out")
    ] = 500.0
    history_every_s: Annotated[
        float,
        Meta(ge=0, description="estimates closer in time than this many seconds are thinned in the history"),
    ] = 0.5
