"""Configuration of the alerts stage, written once: defaults, meaning, units and allowed ranges."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Level(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a warning: its name, its colour, and from where on it holds."""

    name: Annotated[str, Meta(min_length=1, description="name of the level")]
    at_least: Annotated[
        float, Meta(ge=0, description="it holds from here on: intensity, or PGA in cm/s2 (gal)")
    ]
    name_zh: Annotated[str, Meta(description="its name in Chinese")] = ""
    colour: Annotated[str, Meta(description="its colour, a word or #rrggbb")] = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to deserve a warning: all of its conditions together."""

    name: Annotated[str, Meta(description="name in decisions")] = ""
    min_magnitude: Annotated[float, Meta(ge=-2, le=10, description="from this magnitude on")] = -2.0
    min_intensity: Annotated[float, Meta(ge=0, le=12, description="and this forecast intensity")] = 0.0
    region: Annotated[
        tuple[tuple[float, float], ...],
        Meta(description="epicentre in this polygon of [latitude, longitude] corners; empty: anywhere"),
    ] = ()
    margin_km: Annotated[float, Meta(ge=0, description="... or so near to it, in km")] = 0.0
    within_km: Annotated[
        float,
        Meta(ge=0, description="epicentre so near to a target of the audience, in km; 0: however far"),
    ] = 0.0
    level: Annotated[
        str, Meta(description="level that the rule raises at targets within within_km; empty: none")
    ] = ""


# Yunnan Earthquake Agency's public page: red from VII, orange V and VI, yellow III and IV, blue below III.
COLOURS = (
    Level(name="blue", name_zh="蓝色", colour="#1e6fd9", at_least=1.0),
    Level(name="yellow", name_zh="黄色", colour="#f5c400", at_least=3.0),
    Level(name="orange", name_zh="橙色", colour="#f57c00", at_least=5.0),
    Level(name="red", name_zh="红色", colour="#d50000", at_least=7.0),
)


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to warn, when, when to say more, when to take it back."""

    name: Annotated[
        str, Meta(min_length=1, description="name of this audience, as it stands in alerts and decisions")
    ] = "public"
    policy: Annotated[Literal["threshold"], Meta(description="how it is decided: threshold")] = "threshold"
    kinds: Annotated[
        tuple[str, ...],
        Meta(description="kinds of targets that are this audience's, e.g. railway, school; empty: all"),
    ] = ()
    lines: Annotated[
        tuple[str, ...], Meta(description="... of them only sections of these lines; empty: all")
    ] = ()
    everywhere: Annotated[
        bool, Meta(description="this audience is meant to hear of earthquakes anywhere: it needs no region")
    ] = False
    measure: Annotated[
        Literal["intensity", "pga"],
        Meta(description="what levels and the threshold are of: intensity, or PGA in cm/s2 (gal)"),
    ] = "intensity"
    levels: Annotated[
        tuple[Level, ...], Meta(description="levels from the lowest to the highest; colours by default")
    ] = COLOURS
    rules: Annotated[
        tuple[Rule, ...],
        Meta(
            description="ways to deserve a warning, any of them; without, min_magnitude, the threshold of the"
            " measure and region are the only one"
        ),
    ] = ()

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
    min_pga_gal: Annotated[
        float, Meta(ge=0, description="... with measure pga: from this forecast PGA on, in cm/s2")
    ] = 0.0
    at_epicentre: Annotated[
        bool,
        Meta(
            description="whether the intensity at the epicentre counts too, as it does for the public,"
            " who live anywhere; false: that at targets alone. Without targets it always counts"
        ),
    ] = True
    min_stations: Annotated[int, Meta(ge=1, le=100, description="fewest stations that saw the event")] = 2
    wavefield_stations: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="fewest stations with strong motion that no located earthquake explains, for a"
            " warning of that alone; 1: on-site, from a single trusted station; 0: never",
        ),
    ] = 3
    release_solution: Annotated[
        int,
        Meta(
            ge=1,
            le=20,
            description="warn with this solution of an event at the earliest: 1 is first come, 3 skips two",
        ),
    ] = 1
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

    list_from: Annotated[
        float,
        Meta(ge=0, le=12, description="targets are listed in a warning from this forecast intensity on"),
    ] = 2.0
    max_updates: Annotated[
        int,
        Meta(
            ge=0,
            description="most updates of one event, besides those that raise a level, add to the area or end"
            " it; 0: no limit",
        ),
    ] = 0
    max_warnings: Annotated[
        int, Meta(ge=1, description="how often one event may be warned of anew, once it was cancelled")
    ] = 3

    deescalate_margin: Annotated[
        float,
        Meta(ge=0, le=3, description="a level is left so many degrees of intensity below where it begins"),
    ] = 0.5
    deescalate_after_s: Annotated[
        float, Meta(ge=0, description="... and when it has stayed so for so many seconds")
    ] = 5.0
    all_clear_s: Annotated[
        float,
        Meta(
            ge=0,
            description="the all clear is given so many seconds after S was at the last target warned; 0:"
            " none is given",
        ),
    ] = 0.0

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
