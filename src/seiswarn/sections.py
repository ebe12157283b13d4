"""Lines on the ground cut into sections, and centroids of areas. Plain Python: configuration needs it.

A line between two positions is straight in degrees, as GeoJSON has it (RFC 7946, 3.1.1); its length is
that of the great circle between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0  # that of `seiswarn.geo`, which is too heavy to import here
SECTION_KM = 5.0  # longest section of a line, unless told otherwise
SHORTEST_KM = 0.05  # a shorter rest of a line joins the section before it

Position = tuple[float, float]  # latitude, longitude in degrees


class Section(NamedTuple):
    """A piece of a line: where on it it begins and ends, km, and the point half way between."""

    from_km: float
    to_km: float
    middle: Position


def length_km(a: Position, b: Position) -> float:
    """Great-circle distance of two positions, km, by the haversine formula."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = (
        math.sin(0.5 * (lat2 - lat1)) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin(0.5 * (lon2 - lon1)) ** 2
    )
    return 2.0 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


def sections(parts: Sequence[Sequence[Position]], longest_km: float, begin_km: float = 0.0) -> list[Section]:
    """The sections of a line of one or more parts, at least two positions each.

    All but the last of a part are `longest_km` long; kilometres count from `begin_km` and run on from
    part to part, the gaps between parts left out. A rest below 50 m joins the section before it. Parts
    without length give one section of none.
    """
    found: list[Section] = []
    for part in parts:
        steps = [length_km(a, b) for a, b in pairwise(part)]
        total = math.fsum(steps)
        n = max(1, math.ceil((total - SHORTEST_KM) / longest_km))
        cuts = [*(k * longest_km for k in range(n)), total]
        for begin, end in pairwise(cuts):
            middle = _at(part, steps, 0.5 * (begin + end))
            found.append(Section(begin_km + begin, begin_km + end, middle))
        begin_km += total
    return found


def centroid(rings: Sequence[Sequence[Position]]) -> Position:
    """Centroid of the areas within closed rings (latitude, longitude), holes left out of account.

    In degrees, which is exact for small areas: stretching a map does not move a centroid. Rings
    without area give the mean of their corners.
    """
    weight = lat_sum = lon_sum = 0.0
    origin = rings[0][0]
    for ring in rings:
        area = lat_part = lon_part = 0.0
        for a, b in pairwise([*ring, ring[0]]):
            (y0, x0), (y1, x1) = _relative(a, origin), _relative(b, origin)
            cross = x0 * y1 - x1 * y0
            area += cross
            lat_part += (y0 + y1) * cross
            lon_part += (x0 + x1) * cross
        sign = math.copysign(1.0, area)  # rings may run either way
        weight, lat_sum, lon_sum = weight + sign * area, lat_sum + sign * lat_part, lon_sum + sign * lon_part
    if weight < 1e-12:
        corners = [_relative(p, origin) for ring in rings for p in ring]
        lat_sum, lon_sum = (sum(c[k] for c in corners) / len(corners) for k in (0, 1))
        return origin[0] + lat_sum, _wrapped(origin[1] + lon_sum)
    return origin[0] + lat_sum / (3.0 * weight), _wrapped(origin[1] + lon_sum / (3.0 * weight))


def _at(part: Sequence[Position], steps: Sequence[float], along_km: float) -> Position:
    """The position `along_km` from the beginning of a part."""
    for (a, b), step in zip(pairwise(part), steps, strict=True):
        if along_km <= step and step > 0.0:
            d_lat, d_lon = _relative(b, a)
            share = along_km / step
            return a[0] + share * d_lat, _wrapped(a[1] + share * d_lon)
        along_km -= step
    return part[-1]


def _relative(position: Position, origin: Position) -> Position:
    """Degrees from `origin`, the short way round."""
    return position[0] - origin[0], _wrapped(position[1] - origin[1])


def _wrapped(longitude: float) -> float:
    return longitude if -180.0 <= longitude <= 180.0 else (longitude + 180.0) % 360.0 - 180.0
