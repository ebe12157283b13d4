"""Configuration of the shaking stage, written once: defaults, meaning, units and allowed ranges."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Mechanism = Literal["unspecified", "strike_slip", "normal", "reverse"]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which relations forecast the shaking, and for what ground."""

    gmpe: Annotated[
        Literal["bssa14", "yu2013", "parker2020"],
        Meta(
            description="ground-motion model: bssa14 (shallow crust, Boore and others 2014), yu2013 (China,"
            " elliptical, Yu and others 2013) or parker2020 (subduction, Parker and others 2020)"
        ),
    ] = "bssa14"
    region: Annotated[
        Literal["global", "china_turkey", "italy_japan"],
        Meta(description="regional anelastic attenuation of bssa14"),
    ] = "global"
    yu_region: Annotated[
        Literal["active", "tibet", "east", "stable"],
        Meta(description="region of yu2013: active (Xinjiang, and where unsure), tibet, east or stable"),
    ] = "active"
    subduction: Annotated[
        Literal["by_depth", "interface", "slab"],
        Meta(description="kind of earthquake of parker2020; by_depth: slab from slab_from_km on"),
    ] = "by_depth"
    slab_from_km: Annotated[
        float,
        Meta(
            gt=0,
            le=700,
            description="depth in km from which parker2020 takes an earthquake for one of the slab",
        ),
    ] = 50.0
    strike_deg: Annotated[
        float,
        Meta(
            ge=-1,
            le=360,
            description="strike in degrees assumed where no line source is known, for yu2013; -1: none, which"
            " means the mean over all directions",
        ),
    ] = -1.0
    mechanism: Annotated[
        Mechanism, Meta(description="style of faulting that bssa14 assumes for every event")
    ] = "unspecified"
    distance: Annotated[
        Literal["mean_rupture", "epicentral"],
        Meta(
            description="distance to the fault from a point source: mean over possible ruptures"
            " (Thompson and Worden 2018), or the epicentral distance itself"
        ),
    ] = "mean_rupture"
    conversion: Annotated[
        Literal["gbt17742", "worden2012", "faenza2010", "tian2021", "fujimoto2005"],
        Meta(
            description="from motion to intensity: gbt17742 (GB/T 17742-2020), worden2012 (MMI), faenza2010"
            " (MCS, Italy), tian2021 (China) or fujimoto2005 (JMA)"
        ),
    ] = "gbt17742"
    ipe: Annotated[
        Literal["", "allen2012"],
        Meta(
            description="intensity prediction equation in place of motion and conversion: allen2012 (MMI,"
            " wants conversion = worden2012); empty: none"
        ),
    ] = ""
    component: Annotated[
        bool,
        Meta(
            description="turn the horizontal component that the ground-motion model predicts into the one"
            " that the scale is made for (Boore and Kishida 2017)"
        ),
    ] = True
    default_vs30_mps: Annotated[
        float,
        Meta(ge=100, le=3000, description="Vs30 in m/s of targets that give none (400: stiff soil)"),
    ] = 400.0
    reference_vs30_mps: Annotated[
        float,
        Meta(ge=100, le=3000, description="Vs30 in m/s of the reference ground of epicentral intensity"),
    ] = 760.0
    magnitude_sigma: Annotated[
        bool, Meta(description="let the uncertainty of the magnitude widen that of the intensity")
    ] = True

    thresholds: Annotated[
        tuple[Annotated[float, Meta(ge=1, le=12)], ...],
        Meta(description="intensities whose probability of being reached stands in every forecast"),
    ] = (3.0, 5.0, 6.0, 7.0)
    refresh_s: Annotated[
        float,
        Meta(gt=0, description="least time in seconds between forecasts that only observed motion renews"),
    ] = 0.5
    grid_every_s: Annotated[
        float, Meta(gt=0, description="least time in seconds between forecasts of the grid")
    ] = 1.0
    residual_range_km: Annotated[
        float,
        Meta(
            gt=0,
            le=200,
            description="observed motion corrects the forecast of a source within this distance in km; 40.7"
            " is the range of Jayaram and Baker (2009) where ground is alike nearby",
        ),
    ] = 40.7
    plum_radius_km: Annotated[
        float,
        Meta(gt=0, le=200, description="observed motion is expected unattenuated within this distance in km"),
    ] = 30.0
    wavefield_sigmas: Annotated[
        float,
        Meta(
            ge=-10,
            le=10,
            description="observed motion decides where a station saw more than the source forecasts for it"
            " by so many sigmas; -10: always (the maximum of both)",
        ),
    ] = 1.0
    wavefield_min_intensity: Annotated[
        float,
        Meta(
            ge=2,
            le=12,
            description="motion that no located earthquake explains is forecast on its own from this"
            " intensity on",
        ),
    ] = 4.0
    wavefield_min_stations: Annotated[
        int,
        Meta(
            ge=1,
            le=10,
            description="... when so many sites show it; 1: one station is believed, for on-site alarms",
        ),
    ] = 3
