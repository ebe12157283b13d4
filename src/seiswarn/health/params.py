"""Parameters of the health stage. Thresholds and where they come from: docs/health.md."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seiswarn.timebase import parse_iso


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time in which stations are worked on: what they send counts for nothing."""

    stations: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="NET.STA or NET.STA.LOC.BI, with the wildcards * and ?"),
    ]
    start: Annotated[str, Meta(description="ISO 8601, UTC, e.g. 2026-03-01T02:00:00Z")]
    end: Annotated[str, Meta(description="ISO 8601, UTC, e.g. 2026-03-01T02:00:00Z")]
    reason: Annotated[str, Meta(description="for people")] = ""

    def span_ns(self) -> tuple[int, int]:
        """Start and end. Raises ValueError when one of them is no time."""
        return parse_iso(self.start), parse_iso(self.end)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When stations are believed, and when not."""

    enabled: Annotated[bool, Meta(description="false: every station is trusted, whatever it sends")] = True
    down_after_s: Annotated[
        float, Meta(ge=5, description="a station is down when its newest sample is older than this, s")
    ] = 60.0
    hold_s: Annotated[
        float, Meta(ge=0, description="a fault that comes at an instant counts for so long, s")
    ] = 60.0
    recover_s: Annotated[
        float, Meta(gt=0, description="trust grows from none to all in this time without a fault, s")
    ] = 300.0
    future_s: Annotated[
        float, Meta(ge=0, description="samples may be so much newer than their arrival, s")
    ] = 2.0
    stale_s: Annotated[
        float,
        Meta(gt=0, description="a clock has jumped when so much data claims times long past and known, s"),
    ] = 2.0
    latency_high_s: Annotated[
        float, Meta(gt=0, description="latency this much above what is usual there degrades, s")
    ] = 10.0
    jump_s: Annotated[
        float, Meta(gt=0, description="latency that rises so much at once, or silence, is a sign of a link")
    ] = 5.0
    gap_s: Annotated[float, Meta(gt=0, description="so is a gap of this length, s")] = 0.5
    group_stations: Annotated[
        int, Meta(ge=2, description="stations of a telecom group with such signs that make it a failure")
    ] = 3
    group_share: Annotated[
        float, Meta(gt=0, le=1, description="and the share of the group that they must be")
    ] = 0.5
    group_window_s: Annotated[
        float, Meta(gt=0, description="signs this close in time belong to one failure, s")
    ] = 30.0
    gaps_per_hour: Annotated[float, Meta(gt=0, description="more gaps than this degrade")] = 60.0
    noise_factor: Annotated[
        float, Meta(gt=1, description="noise this many times above or below its own history degrades")
    ] = 10.0
    noise_factor_untrusted: Annotated[float, Meta(gt=1, description="and so many times is not trusted")] = (
        30.0
    )
    history_s: Annotated[
        float, Meta(gt=0, description="noise is held against its history from this length on, s")
    ] = 3600.0
    offset_mps2: Annotated[
        float, Meta(gt=0, description="drift of the level of an accelerometer that degrades, m/s^2")
    ] = 0.5
    dead_s: Annotated[float, Meta(ge=1, le=10, description="a trace flat for so long is dead, s")] = 5.0
    spikes_per_minute: Annotated[float, Meta(gt=0, description="more lone spikes than this degrade")] = 6.0
    spikes_per_minute_untrusted: Annotated[
        float, Meta(gt=0, description="more than this are not trusted")
    ] = 30.0
    clipped_untrusted: Annotated[
        int, Meta(ge=1, description="intervals of 10 s at full scale in ten minutes without an earthquake")
    ] = 3
    false_per_hour: Annotated[
        float, Meta(gt=0, description="more picks than this that become no event degrade")
    ] = 20.0
    false_per_hour_untrusted: Annotated[float, Meta(gt=0, description="more than this are not trusted")] = (
        60.0
    )
    cover_km: Annotated[
        float, Meta(gt=0, description="sites this near see an earthquake in time to warn of it, km")
    ] = 100.0
    cover_sites: Annotated[
        int, Meta(ge=2, description="trusted sites wanted within that, or an area counts as blind")
    ] = 3


class Params(Settings, frozen=True, kw_only=True):
    """The settings and the windows of maintenance."""

    maintenance: tuple[Window, ...] = ()
