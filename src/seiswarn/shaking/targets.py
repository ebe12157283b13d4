"""Places to warn. Light to import: configuration reads targets without the numerical stack."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from seiswarn.stations import StationTable


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place that must be told what to expect."""

    name: Annotated[str, Meta(min_length=1, description="name, Latin letters")]
    latitude: Annotated[float, Meta(ge=-90, le=90, description="degrees north")]
    longitude: Annotated[float, Meta(ge=-180, le=180, description="degrees east")]
    name_zh: Annotated[str, Meta(description="name in Chinese, may be empty")] = ""
    vs30_mps: Annotated[
        float, Meta(ge=0, le=3000, description="Vs30 in m/s; 0: unknown, shaking.default_vs30_mps is used")
    ] = 0.0


def targets_from_stations(table: StationTable) -> tuple[Target, ...]:
    """One target per site, named ``NET.STA`` after its first station: the default without a config.

    Of several sites with one name (a station code reused at another place) each becomes a target.
    """
    seen: set[int] = set()
    targets: list[Target] = []
    for i, code in enumerate(table.stations):
        site = int(table.st_site[i])
        if site in seen:
            continue
        seen.add(site)
        vs30 = float(table.st_vs30_mps[i])
        targets.append(
            Target(
                name=".".join(code.split(".")[:2]),
                latitude=float(table.st_latitude[i]),
                longitude=float(table.st_longitude[i]),
                vs30_mps=vs30 if math.isfinite(vs30) else 0.0,
            )
        )
    return tuple(targets)
