"""Estimates in, forecasts out: how strongly each target will shake, and how many seconds are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.geo import distances_km, line_distances_km
from seiswarn.messages import EventEstimate, Forecast, Magnitude, Message, Origin, TargetForecast
from seiswarn.shaking.conversion import CONVERSIONS
from seiswarn.shaking.distance import DISTANCES
from seiswarn.shaking.gmpe import GMPES
from seiswarn.shaking.params import Params
from seiswarn.targets import Target
from seiswarn.timebase import NS

F64 = npt.NDArray[np.float64]


class TravelTimes(Protocol):
    """P and S travel times in seconds, finite for any distance and depth not negative."""

    def times(self, distances_km: F64, depth_km: float, /) -> tuple[F64, F64]: ...


class ShakingStage:
    """Forecasts the shaking of every estimate that has a magnitude. Holds no state of its own."""

    def __init__(self, params: Params, targets: Sequence[Target], travel_time: TravelTimes) -> None:
        self._params = params
        # Sorted once, so that the order in which targets were configured never shows.
        self._targets = tuple(sorted(targets, key=lambda t: (t.name, t.latitude, t.longitude)))
        self._travel_time = travel_time
        self._gmpe = GMPES[params.gmpe](params.region, params.mechanism)
        self._conversion = CONVERSIONS[params.conversion]()
        self._distance = DISTANCES[params.distance]
        self._method = f"{self._gmpe.NAME}+{self._conversion.NAME}"
        self._latitude = np.array([t.latitude for t in self._targets], dtype=np.float64)
        self._longitude = np.array([t.longitude for t in self._targets], dtype=np.float64)
        vs30 = np.array([t.vs30_mps for t in self._targets], dtype=np.float64)
        self._vs30 = np.where(vs30 > 0.0, vs30, params.default_vs30_mps)

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """One `Forecast` per new or updated estimate with a magnitude, in their order."""
        told = [m for m in messages if isinstance(m, EventEstimate)]
        return [
            self._forecast(t_seen_ns, estimate, estimate.magnitude)
            for estimate in told
            if estimate.state in ("new", "update") and estimate.magnitude is not None
        ]

    def snapshot(self) -> bytes:
        """Empty: the stage has no state."""
        return b""

    def restore(self, data: bytes) -> None:
        """Accept what `snapshot` gave. Raises InvariantError on anything else."""
        if data:
            raise InvariantError(f"the shaking stage has no state, but was given {len(data)} bytes of it")

    def _forecast(self, t_seen_ns: int, estimate: EventEstimate, magnitude: Magnitude) -> Forecast:
        origin = estimate.origin
        distance = distances_km(origin.latitude, origin.longitude, self._latitude, self._longitude)
        line = estimate.rupture if estimate.rupture is not None and estimate.rupture.believed else None
        if line is not None:
            ends = (line.latitude_1, line.longitude_1, line.latitude_2, line.longitude_2)
            near = line_distances_km(*ends, self._latitude, self._longitude)
            pga, pgv, intensity, sigma = self._shaking(magnitude, near, self._vs30, to_rupture=True)
        else:
            pga, pgv, intensity, sigma = self._shaking(magnitude, distance, self._vs30)
        reference = np.array([self._params.reference_vs30_mps])
        epicentral = self._shaking(magnitude, np.zeros(1), reference)[2]
        p_ns, s_ns = self._arrivals(origin, distance)
        left = (s_ns - t_seen_ns) / NS
        order = np.argsort(s_ns, kind="stable")  # ties stay in the order of names
        columns = [
            column[order].tolist() for column in (distance, intensity, sigma, pga, pgv, p_ns, s_ns, left)
        ]
        method = f"{self._method}+line" if line is not None else self._method
        targets = tuple(
            _target_forecast(self._targets[i], row, method)
            for i, row in zip(order.tolist(), zip(*columns, strict=True), strict=True)
        )
        return Forecast(
            event_id=estimate.event_id,
            estimate_revision=estimate.revision,
            t_seen_ns=t_seen_ns,
            targets=targets,
            intensity_scale=self._conversion.NAME,
            max_intensity=float(intensity.max()) if targets else 0.0,
            epicentral_intensity=float(epicentral[0]),
            status=estimate.status,
        )

    def _shaking(
        self, magnitude: Magnitude, distance: F64, vs30: F64, to_rupture: bool = False
    ) -> tuple[F64, F64, F64, F64]:
        """Median PGA (m/s^2), PGV (m/s), intensity and its sigma, at epicentral distances in km.

        `to_rupture`: the distances are those to a rupture that is known, and not to be guessed from
        magnitude.
        """
        reach = DISTANCES["epicentral"] if to_rupture else self._distance
        median = self._gmpe.motions(magnitude.value, reach(distance, magnitude.value), vs30)
        pga, pgv = np.exp(median.ln_pga), np.exp(median.ln_pgv)
        sigma_pga, sigma_pgv = median.sigma_pga, median.sigma_pgv
        if self._params.magnitude_sigma and magnitude.sigma > 0.0:
            # First-order propagation: half the difference between one sigma above and one below.
            high, low = (
                self._gmpe.motions(m, reach(distance, m), vs30)
                for m in (magnitude.value + magnitude.sigma, magnitude.value - magnitude.sigma)
            )
            sigma_pga = np.hypot(sigma_pga, 0.5 * (high.ln_pga - low.ln_pga))
            sigma_pgv = np.hypot(sigma_pgv, 0.5 * (high.ln_pgv - low.ln_pgv))
        intensity = self._conversion.intensity(pga, pgv)
        return pga, pgv, intensity, self._conversion.sigma(pga, pgv, sigma_pga, sigma_pgv)

    def _arrivals(self, origin: Origin, distance: F64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Arrival times of P and S in ns."""
        p_s, s_s = self._travel_time.times(distance, origin.depth_km)
        if not (np.isfinite(p_s).all() and np.isfinite(s_s).all()):
            raise InvariantError(
                f"travel times are not finite at depth {origin.depth_km} km up to {distance.max():.1f} km"
            )
        p_ns = origin.time_ns + np.rint(p_s * NS).astype(np.int64)
        return p_ns, origin.time_ns + np.rint(s_s * NS).astype(np.int64)


def _target_forecast(target: Target, row: tuple[float, ...], method: str) -> TargetForecast:
    distance, intensity, sigma, pga, pgv, p_ns, s_ns, left = row
    return TargetForecast(
        name=target.name,
        name_zh=target.name_zh,
        latitude=target.latitude,
        longitude=target.longitude,
        distance_km=distance,
        intensity=intensity,
        intensity_sigma=sigma,
        pga_mps2=pga,
        pgv_mps=pgv,
        p_arrival_ns=int(p_ns),
        s_arrival_ns=int(s_ns),
        seconds_left=left,
        method=method,
    )
