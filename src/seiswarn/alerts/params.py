"""Configuration of the alerts stage, written once: defaults, meaning, units and allowed ranges."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to warn, when to say more, when to take it back."""

    name: Annotated[
        str, Meta(min_length=1, description="name of this policy, as it stands in alerts and decisions")
    ] = "public"
    policy: Annotated[Literal["threshold"], Meta(description="how it is decided: threshold")] = "threshold"

    min_magnitude: Annotated[float, Meta(ge=-2, le=10, description="warn from this magnitude on")] = 4.0
    min_intensity: Annotated[
        float,
        Meta(
            ge=0,
            le=12,
            description="warn from this forecast intensity on, at any target or (see at_epicentre) at the"
            " epicentre",
        ),
    ] = 3.0
    at_epicentre: Annotated[
        bool,
        Meta(
            description="whether the intensity at the epicentre counts too, as it does for the public,"
            " who live anywhere; false: that at targets alone. Without targets it always counts"
        ),
    ] = True
    min_stations: Annotated[int, Meta(ge=1, le=100, description="fewest stations that saw the event")] = 2
    max_false_per_year: Annotated[
        float,
        Meta(
            gt=0,
            description="warn when noise makes such a coincidence of stations, as strong, no more often than"
            " this in a year",
        ),
    ] = 1.0
    max_magnitude_sigma: Annotated[
        float, Meta(gt=0, description="largest uncertainty of the magnitude, one sigma")
    ] = 0.7
    max_epicentre_sigma_km: Annotated[
        float, Meta(gt=0, description="largest one-sigma semi-axis of the epicentre in km")
    ] = 150.0
    max_age_s: Annotated[
        float,
        Meta(gt=0, description="oldest event, in seconds since its origin, that is still first warned of"),
    ] = 120.0
    region: Annotated[
        tuple[tuple[float, float], ...],
        Meta(
            description="polygon of [latitude, longitude] corners in degrees around the epicentres warned"
            " of, empty: everywhere; may not cross the date line"
        ),
    ] = ()

    cover_s: Annotated[
        float,
        Meta(
            ge=0,
            description="an event with its origin up to this many seconds after that of a warned one (an"
            " aftershock), and nowhere forecast stronger than was warned, gets no warning of its own; 0:"
            " every event gets one",
        ),
    ] = 300.0

    update_magnitude: Annotated[
        float, Meta(gt=0, description="smallest change of magnitude worth an update")
    ] = 0.2
    update_intensity: Annotated[
        float, Meta(gt=0, description="smallest change of intensity, at any target, worth an update")
    ] = 0.5
    update_arrival_s: Annotated[
        float, Meta(gt=0, description="smallest shift of an S arrival in seconds worth an update")
    ] = 2.0
    update_epicentre_km: Annotated[
        float, Meta(gt=0, description="smallest shift of the epicentre in km worth an update")
    ] = 10.0
    update_every_s: Annotated[
        float, Meta(ge=0, description="least time in seconds between alerts of one event, unless")
    ] = 1.0
    update_large_factor: Annotated[
        float, Meta(ge=1, description="... a change exceeds its threshold by this factor")
    ] = 3.0

    cancel_margin_magnitude: Annotated[
        float,
        Meta(ge=0, description="a warned event counts as no longer met this far below min_magnitude"),
    ] = 0.5
    cancel_margin_intensity: Annotated[
        float, Meta(ge=0, description="... or this far below min_intensity")
    ] = 1.0
    cancel_after_s: Annotated[
        float,
        Meta(ge=0, description="time in seconds it must stay so, without a break, before it is cancelled"),
    ] = 10.0

    expires_s: Annotated[float, Meta(gt=0, description="an alert expires this many seconds after it")] = 600.0
    decision_every_s: Annotated[
        float, Meta(ge=0, description="an unchanged decision is recorded again after this many seconds")
    ] = 10.0
    forget_s: Annotated[
        float,
        Meta(gt=0, description="closed events are forgotten this many seconds after they were last heard of"),
    ] = 3600.0
