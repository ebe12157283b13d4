"""Towns near a network, out of the gazetteer that is built into the package.

Places of GeoNames (https://www.geonames.org, CC BY 4.0): of the world from 15,000 inhabitants, of China
all it lists; see docs/decisions/014-gazetteer.md.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seiswarn.bundled import bundled
from seiswarn.errors import UsageError
from seiswarn.nearest import nearest
from seiswarn.targets import PLACE, Target

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

FILE = "gazetteer.csv.gz"
COLUMNS = ["name", "name_zh", "latitude", "longitude", "population", "country"]


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """Places, the most populous first: names, (n,) degrees, (n,) inhabitants (0: unknown)."""

    names: tuple[str, ...]
    names_zh: tuple[str, ...]
    latitude: F64
    longitude: F64
    population: I64

    def __len__(self) -> int:
        return len(self.names)


def read_gazetteer(path: Path | None = None) -> Gazetteer:
    """The gazetteer of this installation, or another file of the same form.

    Raises UsageError when it was not built or cannot be read; the sentence says what to do.
    """
    try:
        with gzip.open(path or bundled(FILE), "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(line for line in lines if not line.startswith("#")))
        if not rows or rows[0] != COLUMNS:
            raise ValueError("its columns are not those of a gazetteer")
        columns = list(zip(*rows[1:], strict=True)) or [()] * len(COLUMNS)
        return Gazetteer(
            names=columns[0],
            names_zh=columns[1],
            latitude=np.array(columns[2], dtype=np.float64),
            longitude=np.array(columns[3], dtype=np.float64),
            population=np.array(columns[4], dtype=np.int64),
        )
    except FileNotFoundError as error:
        raise UsageError(
            "[places] asks for the gazetteer, which this installation lacks: run scripts/build_gazetteer"
            " in the working copy, install seiswarn again with its build requirements, or set"
            " min_population = 0"
        ) from error
    except (OSError, EOFError, ValueError) as error:
        raise UsageError(f"the gazetteer cannot be read ({error}): run scripts/build_gazetteer") from error


def places_near(
    gazetteer: Gazetteer,
    latitude: F64,
    longitude: F64,
    *,
    margin_km: float,
    min_population: int,
    unknown_population: bool,
    max_places: int,
) -> tuple[tuple[Target, ...], int]:
    """Places within `margin_km` of the nearest of (m,) stations, the most populous first.

    At most `max_places` of them, with how many there would be. `unknown_population` adds those whose
    inhabitants are not known to those of at least `min_population`.
    """
    wanted = gazetteer.population >= max(min_population, 1)
    if unknown_population:
        wanted |= gazetteer.population == 0
    at = np.flatnonzero(wanted)
    km, _ = nearest(gazetteer.latitude[at], gazetteer.longitude[at], latitude, longitude)
    at = at[km <= margin_km]
    targets = tuple(
        Target(
            name=gazetteer.names[i],
            name_zh=gazetteer.names_zh[i],
            latitude=float(gazetteer.latitude[i]),
            longitude=float(gazetteer.longitude[i]),
            kind=PLACE,
            population=int(gazetteer.population[i]),
        )
        for i in islice(at.tolist(), max_places)
    )
    return targets, len(at)
