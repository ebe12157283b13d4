"""A fixed set of places that forecasts are made for, with everything that only depends on where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.shaking.near import Near, near
from seiswarn.shaking.relations import Relations, Sites, Source
from seiswarn.stations import StationTable

F64 = npt.NDArray[np.float64]

# Where ground is compared: a motion felt by all but within the linear range of most ground.
GROUND_MAGNITUDE, GROUND_AWAY_DEG = 6.0, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """n places: their name as a whole, sites, stations around, and what the ground adds to intensity (n,)."""

    digest: str
    sites: Sites
    near: Near
    ground: F64

    def __len__(self) -> int:
        return len(self.sites)


def places_of(
    digest: str,
    latitude: F64,
    longitude: F64,
    vs30_mps: F64,
    table: StationTable,
    relations: Relations,
    reference_vs30_mps: float,
    radius_km: float,
) -> Places:
    """Places in degrees, with Vs30 in m/s (not positive: unknown) and the stations within `radius_km`."""
    sites = relations.sites(latitude, longitude, vs30_mps)
    around = near(latitude, longitude, table.st_latitude, table.st_longitude, radius_km)
    return Places(digest, sites, around, ground(relations, sites.vs30_mps, reference_vs30_mps))


def ground(relations: Relations, vs30_mps: F64, reference_vs30_mps: float) -> F64:
    """What ground of `vs30_mps` (n,) adds to the intensity on the reference ground, by the relations."""
    source = Source(GROUND_MAGNITUDE, 0.0, 0.0, 0.0, 10.0)
    all_vs30 = np.append(vs30_mps, reference_vs30_mps)
    one_place = relations.sites(np.zeros(len(all_vs30)), np.full(len(all_vs30), GROUND_AWAY_DEG), all_vs30)
    intensity = relations.at(source, one_place).intensity
    result: F64 = intensity[:-1] - intensity[-1]
    return result
