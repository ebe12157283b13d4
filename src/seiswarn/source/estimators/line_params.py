"""Parameters of the line source; apart from it, since a configuration loads without numpy."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a line is believed rather than a point."""

    min_length_km: Annotated[
        float, Meta(ge=10, le=200, description="ruptures shorter than this, less one sigma, stay points, km")
    ] = 30.0
    min_log_odds: Annotated[
        float, Meta(ge=1, description="natural logarithm of how much likelier a line must be than a point")
    ] = 5.0
