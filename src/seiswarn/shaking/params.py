"""Configuration of the shaking stage, written once: defaults, meaning, units and allowed ranges."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Mechanism = Literal["unspecified", "strike_slip", "normal", "reverse"]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which relations forecast the shaking, and for what ground."""

    gmpe: Annotated[
        Literal["bssa14"], Meta(description="ground-motion model: bssa14 (Boore and others 2014)")
    ] = "bssa14"
    region: Annotated[
        Literal["global", "china_turkey", "italy_japan"],
        Meta(description="regional anelastic attenuation of the ground-motion model"),
    ] = "global"
    mechanism: Annotated[
        Mechanism, Meta(description="style of faulting assumed for every event of the region")
    ] = "unspecified"
    distance: Annotated[
        Literal["mean_rupture", "epicentral"],
        Meta(
            description="distance to the fault from a point source: mean over possible ruptures"
            " (Thompson and Worden 2018), or the epicentral distance itself"
        ),
    ] = "mean_rupture"
    conversion: Annotated[
        Literal["gbt17742", "worden2012"],
        Meta(description="intensity scale: gbt17742 (GB/T 17742-2020) or worden2012 (MMI)"),
    ] = "gbt17742"
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
