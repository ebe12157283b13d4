"""Estimates and motions in, forecasts out: how strongly each target will shake, and in how many seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.errors import InvariantError
from seiswarn.forecast_arrays import FieldArrays, field_of
from seiswarn.geo import distances_km
from seiswarn.grid import GridNodes
from seiswarn.messages import (
    DataError,
    EventEstimate,
    Forecast,
    Message,
    Motions,
    Pick,
    StationHealth,
    Status,
)
from seiswarn.shaking import plum
from seiswarn.shaking.forecaster import Evidence, Forecaster, Heard, TravelTimes
from seiswarn.shaking.near import near
from seiswarn.shaking.observed import FELT_MPS2, Observed
from seiswarn.shaking.params import Params
from seiswarn.shaking.places import Places, ground, places_of
from seiswarn.shaking.relations import Relations, Source
from seiswarn.shaking.tracked import Kept, Tracked
from seiswarn.shaking.wavefield import Wave, Wavefields
from seiswarn.stations import StationTable
from seiswarn.targets import TargetTable
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
B1 = npt.NDArray[np.bool_]

VOUCHING_KM = 50.0  # stations vouch for each other within this: PLUM radii of 20 to 100 km have been tested
TINY = 1e-6  # m/s^2 and m/s: unit of logarithms that have to stay above zero


class ShakingStage:
    """Forecasts every event that has a magnitude, and strong motion that no event explains.

    Parameters
    ----------
    targets
        forecast in every message.
    travel_time
        P and S times.
    table
        the stations, whose motion corrects forecasts.
    grid
        further places, forecast at most every `grid_every_s`.
    """

    def __init__(
        self,
        params: Params,
        targets: TargetTable,
        travel_time: TravelTimes,
        table: StationTable,
        grid: GridNodes | None = None,
    ) -> None:
        self._params = params
        self._relations = Relations(params)
        self._travel_time = travel_time
        self._table = table
        self._forecaster = Forecaster(params, self._relations, table, travel_time)
        reference = params.reference_vs30_mps
        reach = max(params.plum_radius_km, params.residual_range_km)

        def placed(digest: str, latitude: F64, longitude: F64, vs30: F64) -> Places:
            return places_of(digest, latitude, longitude, vs30, table, self._relations, reference, reach)

        self._targets = placed(targets.digest, targets.latitude, targets.longitude, targets.vs30_mps)
        self._grid = placed(_name(grid), grid.latitude, grid.longitude, grid.vs30_mps) if grid else None
        here = (table.st_latitude, table.st_longitude)
        self._around = near(*here, *here, VOUCHING_KM)
        known = self._relations.sites(*here, table.st_vs30_mps)
        self._ground = ground(self._relations, known.vs30_mps, reference)
        self._site = table.st_site.astype(np.int64)
        self._observed = Observed.of(table)
        self._events: dict[str, Tracked] = {}
        self._wavefields = Wavefields(params, table, self._around)

    def warm(self) -> None:
        """Compile or load every kernel, so that the first forecast meets none of it."""
        self._relations.warm()
        nothing = np.zeros(self._table.n_stations)
        self._trust(nothing, nothing)
        source = Source(6.0, 0.3, 0.0, 0.0, 10.0)
        self._forecaster.warm(source, self._targets)

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        """Forecasts of the estimates among `messages`, and of what observed motion has changed by now."""
        moved, status = self._observe(messages)
        out: list[Message] = []
        for message in messages:
            if isinstance(message, EventEstimate):
                out += self._hear(t_seen_ns, message)
        for event_id in [e for e, t in self._events.items() if t.passed(t_seen_ns / NS)]:
            del self._events[event_id]
        if moved or self._wavefields.waves:  # a wave is over also when nothing moves any more
            out += self._waves(t_seen_ns, status)
        for tracked in self._events.values():
            since_ns = t_seen_ns - tracked.told_ns
            if tracked.grown and not tracked.over and since_ns >= from_seconds(self._params.refresh_s):
                out += self._forecast(t_seen_ns, tracked)
        return out

    def snapshot(self) -> bytes:
        """All state as msgpack."""
        state = _State(
            self._table.stations,
            self._observed.snapshot(),
            [Kept.of(tracked) for tracked in self._events.values()],
            self._wavefields.waves,
            self._wavefields.n_waves,
        )
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Replace all state by that of `snapshot`. Raises InvariantError when it is of other stations."""
        state = msgspec.msgpack.decode(data, type=_State)
        if state.stations != self._table.stations:
            raise InvariantError("the snapshot of the shaking stage was made with other stations")
        self._observed.restore(state.observed)
        self._wavefields.waves, self._wavefields.n_waves = state.waves, state.n_waves
        self._events = {}
        for kept in state.events:
            tracked = kept.tracked(*self._arrivals(kept.estimate))
            self._events[kept.estimate.event_id] = tracked

    def _observe(self, messages: Iterable[Message]) -> tuple[bool, Status]:
        """Take in all motions and doubts. Whether a station was in motion, and the status of the data."""
        felt = False
        status: Status = "actual"
        for message in messages:
            if isinstance(message, StationHealth):
                self._observed.trust(message)
        for message in messages:
            if isinstance(message, Motions):
                rows = self._observed.take(message)
                for tracked in self._events.values():
                    tracked.take(rows)
                felt |= len(rows) > 0 and bool(rows.pga_mps2.max() >= FELT_MPS2)
                status = message.status
            elif isinstance(message, DataError):
                self._observed.doubt(message)
            elif isinstance(message, Pick):
                self._observed.pick(message)
                status = message.status
        return felt, status

    def _hear(self, t_seen_ns: int, estimate: EventEstimate) -> list[Message]:
        """Take in one estimate, and forecast it."""
        if estimate.state not in ("new", "update"):
            if estimate.state == "cancelled":  # there was none
                self._events.pop(estimate.event_id, None)
            elif estimate.event_id in self._events:
                self._events[estimate.event_id].over = True
            return []
        p_s, s_s = self._arrivals(estimate)
        tracked = self._events.get(estimate.event_id)
        if tracked is None:
            tracked = Tracked.of(estimate, p_s, s_s, self._observed)
            self._events[estimate.event_id] = tracked
        else:
            tracked.learn(estimate, p_s, s_s)
        return self._forecast(t_seen_ns, tracked)

    def _arrivals(self, estimate: EventEstimate) -> tuple[F64, F64]:
        """P and S at every station, in seconds UTC."""
        origin = estimate.origin
        distance = distances_km(
            origin.latitude, origin.longitude, self._table.st_latitude, self._table.st_longitude
        )
        p_s, s_s = self._travel_time.times(distance, origin.depth_km)
        return origin.time_ns / NS + p_s, origin.time_ns / NS + s_s

    def _trust(self, observed: F64, expected: F64) -> F64:
        return plum.trusted(observed, self._around, self._site, expected)

    def _forecast(self, t_seen_ns: int, tracked: Tracked) -> list[Message]:
        """The forecast of an event that has a magnitude."""
        source = tracked.source()
        if source is None:
            return []
        grid = self._grid
        if grid is not None and t_seen_ns - tracked.grid_ns < from_seconds(self._params.grid_every_s):
            grid = None
        evidence = self._evidence(t_seen_ns, tracked, source)
        place_km = tracked.estimate.origin.ellipse_major_km
        field = self._forecaster.at(source, evidence, self._targets, place_km)
        intensity, pga, pgv = self._forecaster.epicentre(source)
        tracked.told_ns, tracked.grown = t_seen_ns, False
        tracked.told_pga = tracked.pga_mps2.copy()
        if grid is not None:
            tracked.grid_ns = t_seen_ns
        return [
            self._message(
                t_seen_ns,
                tracked.estimate,
                field,
                None if grid is None else self._forecaster.at(source, evidence, grid, place_km),
                epicentre=(intensity, pga, pgv),
                n_observed=evidence.weights.n_stations if evidence is not None else 0,
                n_strong=self._n_strong(t_seen_ns, tracked) if evidence is not None else 0,
            )
        ]

    def _evidence(self, t_seen_ns: int, tracked: Tracked, source: Source) -> Evidence | None:
        """What stations have felt of an event so far; None while none has."""
        k = np.flatnonzero((tracked.pga_mps2 > 0.0) & self._observed.believed(t_seen_ns // NS))
        if not len(k):
            return None
        intensity = self._relations.observed(tracked.pga_mps2[k], tracked.pgv_mps[k])
        heard = Heard(k, intensity, tracked.complete(self._observed)[k], tracked.may_grow(t_seen_ns))
        place_km = tracked.estimate.origin.ellipse_major_km
        return self._forecaster.evidence(source, heard, self._trust, self._ground, place_km)

    def _waves(self, t_seen_ns: int, status: Status) -> list[Message]:
        """Strong motion that no located event explains: estimates of it, and their forecasts."""
        moving = self._observed.moving(t_seen_ns // NS)
        claimed = {e: t.claims(self._observed, t_seen_ns // NS) for e, t in self._events.items()}
        for mask in claimed.values():
            self._observed.explain(mask & moving)
        unexplained = moving & (self._observed.start_s != self._observed.explained_s)
        if not (self._wavefields.waves or unexplained.any()):
            return []
        o, (level, vouched) = self._observed, self._lasting(moving)
        out: list[Message] = []
        for estimate in self._wavefields.update(t_seen_ns, o, level, vouched, unexplained, claimed, status):
            out.append(estimate)
            if estimate.state in ("new", "update"):
                out.append(self._wave_forecast(t_seen_ns, estimate, level))
        return out

    def _lasting(self, moving: B1) -> tuple[F64, F64]:
        """(n_st,) intensities in motion that last: those believed, and those that neighbours bear out."""
        o, k = self._observed, np.flatnonzero(moving)
        seen = np.zeros(len(moving))
        # What did not last is no earthquake's: the least of the strongest seconds counts.
        seen[k] = self._relations.observed(o.lasting_pga[k, -1], o.lasting_pgv[k, -1])
        vouched = self._trust(seen, np.zeros(len(seen)))
        alone = self._params.wavefield_min_stations == 1  # then a single station vouches for itself
        return (seen if alone else vouched), vouched

    def _n_strong(self, t_seen_ns: int, tracked: Tracked) -> int:
        """Sites whose motion alone bears witness of an event."""
        now_s = t_seen_ns // NS
        mine = self._observed.moving(now_s) & tracked.claims(self._observed, now_s)
        for other in self._events.values():
            if other is not tracked:  # what shakes of another earthquake bears no witness of this one
                mine &= ~other.claims(self._observed, now_s)
        if not mine.any():
            return 0
        return self._wavefields.n_strong(self._observed, *self._lasting(mine), mine)

    def _wave_forecast(self, t_seen_ns: int, estimate: EventEstimate, level: F64) -> Message:
        """What motion alone says around the stations of one wave."""
        wave = next(w for w in self._wavefields.waves if w.event_id == estimate.event_id)
        mine = np.zeros(len(level), np.bool_)
        mine[wave.members] = level[wave.members] > 0.0
        o, origin = self._observed, estimate.origin
        on_reference = np.where(mine, level - self._ground, 0.0)
        log_pga, log_pgv = (
            np.where(mine, np.log(np.maximum(peak, TINY) / TINY), 0.0) for peak in (o.pga_mps2, o.pgv_mps)
        )
        source = Source(0.0, 0.0, origin.latitude, origin.longitude, origin.depth_km)
        places = [self._targets] if self._grid is None else [self._targets, self._grid]
        fields = [self._forecaster.observed_at(source, on_reference, log_pga, log_pgv, p) for p in places]
        largest = max(wave.members, key=lambda k: (level[k], -k))
        peaks = (float(level[largest]), float(o.pga_mps2[largest]), float(o.pgv_mps[largest]))
        grid = fields[1] if len(fields) > 1 else None
        return self._message(
            t_seen_ns,
            estimate,
            fields[0],
            grid,
            epicentre=peaks,
            n_observed=int(mine.sum()),
            n_strong=wave.n_sites,
        )

    def _message(
        self,
        t_seen_ns: int,
        estimate: EventEstimate,
        targets: FieldArrays,
        grid: FieldArrays | None,
        *,
        epicentre: tuple[float, float, float],
        n_observed: int,
        n_strong: int,
    ) -> Forecast:
        origin = estimate.origin
        gone_s = (t_seen_ns - origin.time_ns) / NS
        return Forecast(
            event_id=estimate.event_id,
            estimate_revision=estimate.revision,
            t_seen_ns=t_seen_ns,
            intensity_scale=self._relations.scale,
            max_intensity=float(targets.intensity.max()) if targets.n else 0.0,
            epicentral_intensity=epicentre[0],
            epicentral_pga_mps2=epicentre[1],
            epicentral_pgv_mps=epicentre[2],
            origin_time_ns=origin.time_ns,
            method=self._relations.method if estimate.grounds == "source" else "PLUM",
            grounds=estimate.grounds,
            thresholds=self._params.thresholds,
            field=field_of(self._targets.digest, targets),
            grid=None if grid is None or self._grid is None else field_of(self._grid.digest, grid),
            blind_zone_km=self._forecaster.blind_zone_km(origin.depth_km, gone_s),
            n_observed=n_observed,
            n_strong=n_strong,
            status=estimate.status,
        )


class _State(msgspec.Struct, frozen=True):
    stations: tuple[str, ...]
    observed: dict[str, bytes]
    events: list[Kept]
    waves: list[Wave]
    n_waves: int


def _name(grid: GridNodes) -> str:
    """The grid in words that it can be drawn from: rows, columns, first node, steps in degrees."""
    where = f"from {grid.north:.6f} {grid.west:.6f} by -{grid.step_latitude:.6f} {grid.step_longitude:.6f}"
    return f"grid {grid.n_rows} x {grid.n_columns} {where}"
