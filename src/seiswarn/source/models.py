"""Which 1-D velocity model holds where."""

from __future__ import annotations

from collections.abc import Sequence

from seiswarn.errors import UsageError
from seiswarn.geo import inside
from seiswarn.source.params import Params
from seiswarn.source.traveltime import TravelTimes

Polygon = Sequence[tuple[float, float]]
CORNERS = 3  # fewer enclose nothing


class Models:
    """The travel times of a network: one model for all, and others for the regions configured.

    Raises UsageError when a region names a model that is not known or is no polygon, or a model is none.
    """

    def __init__(self, params: Params, everywhere: TravelTimes) -> None:
        own = params.velocity_layers
        self.everywhere = everywhere
        kept = {everywhere.model: everywhere}
        self._regions: list[tuple[Polygon, TravelTimes]] = []
        for name, polygon in params.velocity_regions:
            if len(polygon) < CORNERS:
                raise UsageError(f"velocity region of {name!r}: {len(polygon)} corners make no polygon")
            if name not in kept:
                kept[name] = TravelTimes(name, params.max_depth_km, own)
            self._regions.append((polygon, kept[name]))
        self.all = tuple(kept.values())

    def at(self, latitude: float, longitude: float) -> TravelTimes:
        """The model of the first region that holds a place, or the one for all."""
        for polygon, times in self._regions:
            if inside(polygon, latitude, longitude):
                return times
        return self.everywhere
