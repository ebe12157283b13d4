"""Places to warn, one by one and as arrays.

Light to import: configuration reads targets without the numerical stack; the arrays are made when a
`TargetTable` is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from seiswarn.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seiswarn.stations import StationTable

    F64 = npt.NDArray[np.float64]
    I64 = npt.NDArray[np.int64]

PLACE, STATION = "place", "station"  # kinds given by seiswarn itself; all others come from the user


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place that must be told what to expect."""

    name: Annotated[str, Meta(min_length=1, description="name, Latin letters")]
    latitude: Annotated[float, Meta(ge=-90, le=90, description="degrees north")]
    longitude: Annotated[float, Meta(ge=-180, le=180, description="degrees east")]
    name_zh: Annotated[str, Meta(description="name in Chinese, may be empty")] = ""
    kind: Annotated[
        str,
        Meta(
            pattern=r"^[a-z][a-z0-9_-]*$",
            description="what it is, one word in small letters: place, station, railway, plant, pipeline,"
            " gas, school, mine, reservoir, relic or any other",
        ),
    ] = PLACE
    population: Annotated[int, Meta(ge=0, description="inhabitants; 0: unknown or none")] = 0
    line: Annotated[str, Meta(description="railway line or pipeline it is a section of, may be empty")] = ""
    from_km: Annotated[float, Meta(ge=0, description="where on its line the section begins, km")] = 0.0
    to_km: Annotated[float, Meta(ge=0, description="where on its line the section ends, km")] = 0.0
    vs30_mps: Annotated[
        float,
        Meta(ge=0, le=3000, description="Vs30 in m/s; 0: unknown, what [shaking] vs30 says is used"),
    ] = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TargetTable:
    """Targets in a fixed order, by (name, latitude, longitude): how they were given never shows.

    Attributes
    ----------
    targets
        The targets themselves, n of them.
    names, names_zh, kinds, lines
        Their texts, n of each.
    latitude, longitude, vs30_mps
        (n,) degrees, degrees, m/s; Vs30 is 0 where it is unknown.
    population
        (n,) inhabitants; 0: unknown or none.
    digest
        16 hexadecimal digits, equal for equal tables.
    """

    targets: tuple[Target, ...]
    names: tuple[str, ...]
    names_zh: tuple[str, ...]
    kinds: tuple[str, ...]
    lines: tuple[str, ...]
    latitude: F64
    longitude: F64
    vs30_mps: F64
    population: I64
    digest: str

    def __len__(self) -> int:
        return len(self.targets)

    @staticmethod
    def of(targets: Iterable[Target]) -> TargetTable:
        """The table of `targets`; of equal ones one is kept.

        Names may repeat (there are many places called Dongguan), a name at a place may not: raises
        UsageError when two targets of one name at one place differ in anything else.
        """
        import numpy as np

        ordered = _without_repeats(sorted(targets, key=_order))
        return TargetTable(
            targets=ordered,
            names=tuple(t.name for t in ordered),
            names_zh=tuple(t.name_zh for t in ordered),
            kinds=tuple(t.kind for t in ordered),
            lines=tuple(t.line for t in ordered),
            latitude=np.array([t.latitude for t in ordered], dtype=np.float64),
            longitude=np.array([t.longitude for t in ordered], dtype=np.float64),
            vs30_mps=np.array([t.vs30_mps for t in ordered], dtype=np.float64),
            population=np.array([t.population for t in ordered], dtype=np.int64),
            digest=hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()[:16],
        )


def _order(target: Target) -> tuple[str, float, float]:
    return target.name, target.latitude, target.longitude


def _without_repeats(ordered: list[Target]) -> tuple[Target, ...]:
    kept: list[Target] = []
    for target in ordered:
        if not kept or _order(kept[-1]) != _order(target):
            kept.append(target)
        elif kept[-1] != target:
            place = f"{target.latitude:g}, {target.longitude:g}"
            raise UsageError(f"two different targets are called {target.name} and lie at {place}: rename one")
    return tuple(kept)


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
                kind=STATION,
                vs30_mps=vs30 if math.isfinite(vs30) else 0.0,
            )
        )
    return tuple(targets)
