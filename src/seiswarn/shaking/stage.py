"""Estimates in, forecasts out: how strongly each target will shake, and how many seconds are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.messages import EventEstimate, Forecast, Magnitude, Message, Origin, TargetForecast
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations, Source
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
        self._relations = Relations(params)
        self._method = self._relations.method
        self._sites = self._relations.sites(
            np.array([t.latitude for t in self._targets], dtype=np.float64),
            np.array([t.longitude for t in self._targets], dtype=np.float64),
            np.array([t.vs30_mps for t in self._targets], dtype=np.float64),
        )

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
        line = estimate.rupture if estimate.rupture is not None and estimate.rupture.believed else None
        source = Source(
            magnitude=magnitude.value,
            magnitude_sigma=magnitude.sigma,
            latitude=origin.latitude,
            longitude=origin.longitude,
            depth_km=origin.depth_km,
            line=None
            if line is None
            else (line.latitude_1, line.longitude_1, line.latitude_2, line.longitude_2),
        )
        made = self._relations.at(source, self._sites)
        distance, intensity, sigma = made.repi_km, made.intensity, made.sigma
        pga, pgv = np.exp(made.ln_pga), np.exp(made.ln_pgv)
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
            intensity_scale=self._relations.scale,
            max_intensity=float(intensity.max()) if targets else 0.0,
            epicentral_intensity=self._relations.epicentral_intensity(source),
            status=estimate.status,
        )

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
