"""Parameters of the waveform stage."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How waveforms are filtered, picked and measured."""

    baseline_s: Annotated[float, Meta(gt=0, description="time constant of the recursive baseline, s")] = 60.0
    highpass_hz: Annotated[
        float, Meta(gt=0, description="corner of the two-pole high-pass at each integration, Hz")
    ] = 0.075
    pick_low_hz: Annotated[float, Meta(gt=0, description="lower corner of the picking band, Hz")] = 2.0
    pick_high_hz: Annotated[float, Meta(gt=0, description="upper corner of the picking band, Hz")] = 20.0
    sta_s: Annotated[float, Meta(gt=0, description="short-term average, s")] = 0.3
    lta_s: Annotated[float, Meta(gt=0, description="long-term average, s")] = 20.0
    trigger_on: Annotated[
        float, Meta(gt=1, description="STA/LTA of the squared trace that starts a trigger")
    ] = 12.0
    trigger_off: Annotated[
        float, Meta(gt=0, description="STA/LTA below which a trigger ends and may start again")
    ] = 4.0
    warmup_s: Annotated[float, Meta(gt=0, description="noise wanted before a trigger is believed, s")] = 3.0
    rearm_s: Annotated[float, Meta(ge=0, description="shortest time between two triggers, s")] = 2.0
    refine_before_s: Annotated[
        float, Meta(gt=0.2, le=3, description="window before the trigger in which the onset is sought, s")
    ] = 2.0
    refine_after_s: Annotated[
        float, Meta(ge=0.1, le=1, description="signal awaited after the trigger before picking, s")
    ] = 0.25
    min_pick_snr: Annotated[
        float, Meta(ge=1, description="smallest amplitude ratio signal/noise of a pick")
    ] = 3.0
    min_pick_mps2: Annotated[
        float, Meta(ge=0, description="weakest peak in the picking band that can matter for warning, m/s^2")
    ] = 3e-4
    gap_fill_s: Annotated[
        float, Meta(ge=0, le=1, description="gaps up to this long are bridged by the last value, s")
    ] = 0.1
    clip_hold_s: Annotated[
        float, Meta(ge=0, description="how long a channel stays flagged after a clipped sample, s")
    ] = 30.0
    flat_s: Annotated[
        float, Meta(gt=0, description="equal values for this long are a trace that does not move, s")
    ] = 10.0
    component_wait_s: Annotated[
        float, Meta(gt=0, le=30, description="a component this far behind the others is left out, s")
    ] = 10.0
    max_rate_hz: Annotated[float, Meta(gt=0, le=1000, description="highest sampling rate, Hz")] = 500.0
    shards: Annotated[
        int,
        Meta(ge=1, le=64, description="processes the stations are spread over; results do not depend on it"),
    ] = 1
