"""Observed motion corrects the forecast of a source: residuals of stations, spread to places around.

A mixed model: one residual of the whole event, estimated with its scatter `tau`, and residuals within the
event, correlated over some kilometres, by simple kriging (Worden, C. B., E. M. Thompson, J. W. Baker et al.
(2018), Spatial and spectral interpolation of ground-motion intensity measure observations, Bull. Seism.
Soc. Am. 108(2), 866-875; Abrahamson, N. A. and R. R. Youngs (1992) for the residual of the event).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seiswarn.geo import EARTH_RADIUS_KM
from seiswarn.shaking import kernels
from seiswarn.shaking.near import Near

F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]

MAX_STATIONS = 150  # whose residuals are solved for: where it shakes most
NUGGET = 0.1  # share of the variance within an event that two sensors side by side do not have in common


@dataclass(frozen=True, slots=True)
class Residuals:
    """Observed intensity at m stations, and how much more it is than the forecast.

    `complete`: the strongest motion is over, the residual stands; else it can only grow, and counts
    only where it is positive.
    """

    station: npt.NDArray[np.int64]
    latitude: F64
    longitude: F64
    observed: F64
    value: F64
    complete: B1


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added to the intensity of places (n,), and the share of each variance that is left."""

    intensity: F64
    shared: float  # of it, what holds everywhere
    tau_share: float
    phi_share: F64
    n_stations: int


def event_residual(value: F64, tau: float, phi: float) -> tuple[float, float]:
    """The residual of a whole event from those of its stations, and the share of ``tau**2`` left.

    Abrahamson and Youngs (1992), equation (10), for one event.
    """
    n = len(value)
    if n == 0:
        return 0.0, 1.0
    whole = n * tau * tau + phi * phi
    return float(tau * tau * value.sum() / whole), phi * phi / whole


def correct(
    residuals: Residuals, places: Near, n_stations: int, tau: float, phi: float, range_km: float
) -> Correction:
    """What residuals at stations say about places.

    Parameters
    ----------
    places
        stations near each place, at least within `range_km`.
    n_stations
        of the network.
    tau, phi
        scatter of the forecast between and within events, in intensity; tau with the uncertainty of the
        magnitude in it.
    range_km
        distance from which residuals within an event are independent.
    """
    n = len(places.first) - 1
    shared, tau_share = event_residual(residuals.value[residuals.complete], tau, phi)
    within = residuals.value - shared
    use = residuals.complete | (within > 0.0)
    if use.sum() > MAX_STATIONS:
        strong = np.argsort(-np.where(use, residuals.observed, 0.0), kind="stable")[:MAX_STATIONS]
        use &= np.isin(np.arange(len(use)), strong)
    if not use.any():
        return Correction(np.full(n, shared), shared, tau_share, np.ones(n), 0)
    weight, known = np.zeros(n_stations), np.zeros(n_stations)
    weight[residuals.station[use]] = _weights(residuals, within, use, range_km)
    known[residuals.station[use]] = 1.0
    near, most = np.empty(n), np.empty(n)
    kernels.residuals(places.first, places.station, places.distance_km, weight, known, range_km, near, most)
    # The nearest station alone takes this much of the variance away; more stations take more.
    left = 1.0 - most * most / (1.0 + NUGGET)
    return Correction(shared + near, shared, tau_share, left, int(use.sum()))


def _weights(residuals: Residuals, within: F64, use: B1, range_km: float) -> F64:
    """The inverse of the correlations between stations times their residuals."""
    latitude, longitude = residuals.latitude[use], residuals.longitude[use]
    distance = _distances_km(latitude, longitude)
    x = np.minimum(distance / range_km, 1.0)
    matrix = 1.0 - 1.5 * x + 0.5 * x**3
    matrix[np.diag_indices_from(matrix)] += NUGGET
    result: F64 = np.asarray(np.linalg.solve(matrix, within[use]), dtype=np.float64)
    return result


def _distances_km(latitude: F64, longitude: F64) -> F64:
    """(m, m) great-circle distances in km."""
    p, q = np.radians(latitude), np.radians(longitude)
    points = np.column_stack((np.cos(p) * np.cos(q), np.cos(p) * np.sin(q), np.sin(p)))
    chord = np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2))
    result: F64 = np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, 0.5 * chord)))
    return result
