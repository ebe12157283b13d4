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

from seiswarn.geo import EARTH_RADIUS_KM, unit_points
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
    only where it is positive. `place` is the scatter of each that comes with an uncertain epicentre.
    """

    station: npt.NDArray[np.int64]
    latitude: F64
    longitude: F64
    observed: F64
    value: F64
    complete: B1
    place: F64


@dataclass(frozen=True, slots=True)
class Weights:
    """What residuals come to before any place is looked at.

    `shared` holds everywhere, with `tau_share` of its variance left; `weight` and `known` (n_st,) are of
    the stations whose residuals spread around them, `n_stations` of them.
    """

    shared: float
    tau_share: float
    weight: F64
    known: F64
    n_stations: int


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added to the intensity of n places, and the share of the variance within that is left."""

    intensity: F64
    phi_share: F64


def event_residual(value: F64, tau: float, phi: F64) -> tuple[float, float]:
    """The residual of a whole event from those of its stations, and the share of ``tau**2`` left.

    Abrahamson and Youngs (1992), equation (10), for one event, with a scatter `phi` of each station.
    """
    weight = (tau / phi) ** 2
    whole = 1.0 + float(weight.sum())
    return float((weight * value).sum()) / whole, 1.0 / whole


def weigh(
    residuals: Residuals,
    n_stations: int,
    tau: float,
    phi: float,
    range_km: float,
    least: float = -np.inf,
) -> Weights:
    """The residual of the event, and what each station's own is worth around it.

    Parameters
    ----------
    n_stations
        of the network.
    tau, phi
        scatter of the forecast between and within events, in intensity; tau with the uncertainty of the
        magnitude in it.
    range_km
        distance from which residuals within an event are independent.
    least
        the residual of the event is not below this.
    """
    over = residuals.complete
    scatter = np.hypot(max(phi, 1e-6), residuals.place[over])
    shared, tau_share = event_residual(residuals.value[over], tau, scatter)
    shared = max(shared, least)
    within = residuals.value - shared
    use = residuals.complete | (within > 0.0)
    if use.sum() > MAX_STATIONS:
        strong = np.argsort(-np.where(use, residuals.observed, 0.0), kind="stable")[:MAX_STATIONS]
        use &= np.isin(np.arange(len(use)), strong)
    weight, known = np.zeros(n_stations), np.zeros(n_stations)
    if use.any():
        points = unit_points(residuals.latitude[use], residuals.longitude[use])
        weight[residuals.station[use]] = kernels.kriging_weights(
            points, within[use], range_km, NUGGET, EARTH_RADIUS_KM
        )
        known[residuals.station[use]] = 1.0
    return Weights(shared, tau_share, weight, known, int(use.sum()))


def correct(weights: Weights, places: Near, range_km: float) -> Correction:
    """What weighed residuals say about places; `places` lists stations at least within `range_km`."""
    n = len(places.first) - 1
    if not weights.n_stations:
        return Correction(np.full(n, weights.shared), np.ones(n))
    near, most = np.empty(n), np.empty(n)
    kernels.residuals(
        places.first,
        places.station,
        places.distance_km,
        weights.weight,
        weights.known,
        range_km,
        near,
        most,
    )
    # The nearest station alone takes this much of the variance away; more stations take more.
    return Correction(weights.shared + near, 1.0 - most * most / (1.0 + NUGGET))
