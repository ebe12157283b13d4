"""Places that a request selects: in a box, and in a ring around a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seiswarn.geo import DEG_KM, distance_km
from seiswarn.web.refusal import Refused


class Area:
    """The borders that the parameters of a request set. Raises Refused when they make no sense."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.south, self.north = values["minlatitude"], values["maxlatitude"]
        self.west, self.east = values["minlongitude"], values["maxlongitude"]
        self.latitude, self.longitude = values["latitude"], values["longitude"]
        self.min_deg, self.max_deg = values["minradius"], values["maxradius"]
        self.circle = self.latitude is not None and self.longitude is not None
        if (self.latitude is None) != (self.longitude is None):
            raise Refused(400, "latitude and longitude come together")
        if not self.circle and (self.min_deg > 0.0 or self.max_deg < 180.0):
            raise Refused(400, "minradius and maxradius need latitude and longitude")
        if self.south is not None and self.north is not None and self.south > self.north:
            raise Refused(400, "minlatitude is above maxlatitude")
        if self.min_deg > self.max_deg:
            raise Refused(400, "minradius is above maxradius")

    def has(self, latitude: float, longitude: float) -> bool:
        """Whether a place (degrees) is inside."""
        if self.south is not None and latitude < self.south:
            return False
        if self.north is not None and latitude > self.north:
            return False
        if not self._between(longitude):
            return False
        if self.circle:
            far = float(distance_km(self.latitude, self.longitude, latitude, longitude)) / DEG_KM
            return self.min_deg <= far <= self.max_deg or bool(np.isclose(far, self.max_deg, atol=1e-9))
        return True

    def _between(self, longitude: float) -> bool:
        """Longitudes are compared as given, or, where the west lies east of the east, across 180 degrees."""
        west = -180.0 if self.west is None else _wrapped(self.west)
        east = 180.0 if self.east is None else _wrapped(self.east)
        at = _wrapped(longitude)
        return west <= at <= east if west <= east else (at >= west or at <= east)


def _wrapped(longitude: float) -> float:
    return longitude - 360.0 if longitude > 180.0 else longitude
