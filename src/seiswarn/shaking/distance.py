"""How far sites lie from an earthquake, in the measures that ground-motion models want.

Of a point source only the epicentre and the depth are known; the distance to its rupture is then the mean
over the ruptures possible (`mean_rupture`) or, by configuration, that to the point (`epicentral`). Of a
line source the distance is that to the line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import EARTH_RADIUS_KM
from seiswarn.jit import kernel
from seiswarn.rupture_distance import LOG_REPI_FIRST, LOG_REPI_STEP, mean_rupture_distance_km, ratios_at

F64 = npt.NDArray[np.float64]

# Rupture area in km^2 from moment magnitude, all mechanisms, and its mean shape: Wells, D. L. and K. J.
# Coppersmith (1994), Bull. Seism. Soc. Am. 84(4), 974-1002, Table 2A; aspect ratio and width limit as in the
# table of mean distances (Thompson and Worden 2018).
AREA_CONSTANT, AREA_SLOPE = -3.49, 0.91
ASPECT_RATIO = 1.7
DEEPEST_WIDTH_KM = 20.0


@dataclass(frozen=True, slots=True)
class Paths:
    """Sites as seen from a source of one magnitude: (n,) distances in km.

    `repi_km` from the epicentre, `rjb_km` from the surface projection of the rupture (Joyner-Boore),
    `rrup_km` from the rupture itself, `centre_km` from the middle of the rupture as far as it is known (the
    epicentre of a point source), `off_strike_rad` the angle at that middle between the strike and the site
    (None: strike unknown), `depth_km` that of the hypocentre.
    """

    repi_km: F64
    rjb_km: F64
    rrup_km: F64
    centre_km: F64
    off_strike_rad: F64 | None
    depth_km: float


@kernel
def fill_repi(place, x, y, z, out):  # type: ignore[no-untyped-def]
    """Great-circle distances in km from `place` to sites, all as unit vectors, into `out` (n,)."""
    for i in range(len(out)):
        dx = x[i] - place[0]
        dy = y[i] - place[1]
        dz = z[i] - place[2]
        half_chord = 0.5 * math.sqrt(dx * dx + dy * dy + dz * dz)
        out[i] = 2.0 * EARTH_RADIUS_KM * math.asin(min(1.0, half_chord))


@kernel
def fill_mean_rupture(repi, ratios, out):  # type: ignore[no-untyped-def]
    """Mean rupture distances in km into `out` (k, n); `ratios` (k, 21) as of `ratios_at`."""
    last = ratios.shape[1] - 1
    for i in range(len(repi)):
        position = (math.log10(max(repi[i], 0.1)) - LOG_REPI_FIRST) / LOG_REPI_STEP
        position = min(max(position, 0.0), float(last))
        node = min(int(position), last - 1)
        part = position - node
        for k in range(ratios.shape[0]):
            out[k, i] = repi[i] * (ratios[k, node] + part * (ratios[k, node + 1] - ratios[k, node]))


@kernel
def fill_off_strike(north, east, strike_rad, x, y, z, out):  # type: ignore[no-untyped-def]
    """Angles in rad between a strike and the direction of sites into `out` (n,); `north` and `east` as unit
    vectors at the place that the strike goes through.
    """
    for i in range(len(out)):
        n = x[i] * north[0] + y[i] * north[1] + z[i] * north[2]
        e = x[i] * east[0] + y[i] * east[1] + z[i] * east[2]
        out[i] = math.atan2(e, n) - strike_rad


def off_strike_rad(latitude: float, longitude: float, strike_deg: float, places: F64) -> F64:
    """(n,) angles between a strike at a place (degrees) and the azimuths of sites; `places` unit vectors."""
    p, t = math.radians(latitude), math.radians(longitude)
    north = np.array([-math.sin(p) * math.cos(t), -math.sin(p) * math.sin(t), math.cos(p)])
    east = np.array([-math.sin(t), math.cos(t), 0.0])
    out = np.empty(places.shape[1])
    fill_off_strike(north, east, math.radians(strike_deg), *places, out)
    return out


def epicentral_km(latitude: float, longitude: float, places: F64) -> F64:
    """(n,) great-circle distances in km from a place in degrees to unit vectors (3, n)."""
    out = np.empty(places.shape[1])
    fill_repi(unit_vectors(np.array(latitude), np.array(longitude)), *places, out)
    return out


def unit_vectors(latitude: F64, longitude: F64) -> F64:
    """(3, n) unit vectors of places in degrees."""
    p, t = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(p) * np.cos(t), np.cos(p) * np.sin(t), np.sin(p)])


def mean_rupture_distances_km(repi_km: F64, magnitudes: list[float]) -> F64:
    """(k, n) mean Joyner-Boore distances for k magnitudes; otherwise as `mean_rupture_distance_km`."""
    out = np.empty((len(magnitudes), len(repi_km)))
    fill_mean_rupture(repi_km, np.stack([ratios_at(m) for m in magnitudes]), out)
    return out


def rupture_top_km(magnitude: float, depth_km: float) -> float:
    """Depth in km of the upper edge of the rupture around a hypocentre.

    The mean rupture (area of Wells and Coppersmith 1994, aspect ratio 1.7, at most 20 km wide) reaches half
    its width above the hypocentre, as of a vertical fault; never above the surface.
    """
    area = 10.0 ** (AREA_CONSTANT + AREA_SLOPE * magnitude)
    width = min(math.sqrt(area / ASPECT_RATIO), DEEPEST_WIDTH_KM)
    return max(0.0, depth_km - 0.5 * width)


def _same(repi_km: F64, magnitude: float) -> F64:
    return repi_km


Line = tuple[float, float, float, float]  # latitude and longitude of one end, and of the other, in degrees


def middle(line: Line) -> tuple[float, float]:
    """Latitude and longitude of the middle of a line of at most a few hundred km."""
    lat1, lon1, lat2, lon2 = line
    east = (lon2 - lon1 + 180.0) % 360.0 - 180.0
    return 0.5 * (lat1 + lat2), (lon1 + 0.5 * east + 180.0) % 360.0 - 180.0


DISTANCES = {"mean_rupture": mean_rupture_distance_km, "epicentral": _same}
