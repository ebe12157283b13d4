"""What a station says of one earthquake, at every distance: recorded once, through the waveform stage.

A line of stations leads away from a synthetic earthquake (`ingest.point_source`); its records, cut into
packets, go through the waveform stage as in any drill. So when a pick is confirmed, how long its windows are,
and how strong the motion is, is what that stage makes of it, and stands nowhere else.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seiswarn.geo import DEG_KM
from seiswarn.ingest.synthetic import Scenario, blocks
from seiswarn.messages import ChannelQuality, Message, Motions, Pick, PWindow, Slice
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.source.traveltime import TravelTimes, lookup
from seiswarn.stations import UNIT_ACCELERATION, StationTable, Z
from seiswarn.timebase import NS, from_seconds, parse_iso
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

ORIGIN_NS = parse_iso("2026-03-01T02:00:00Z")  # of every earthquake: any whole second would do
LEAD_S = 25.0  # of noise: longer than the long-term average of the picker, 20 s
LONGEST_S = 60.0  # an alert later than this after the origin warns nobody within 200 km
FARTHEST_KM = 300.0  # to which `ingest.point_source` is valid; stations farther away sound as there
# An accelerometer with 24 bits over 2 g either way, as the fictional networks have.
COUNTS_PER_MPS2 = 2.0**23 / (2.0 * 9.80665)
RATE_HZ = 100.0
# A pick earlier than this before P is one of noise: it would be heard at every node at that distance.
EARLY_NS = NS
ROW = tuple(name for name in Motions.__struct_fields__ if name not in ("t_seen_ns", "status"))


@dataclass(frozen=True, slots=True)
class Heard:
    """What the station at one distance said. All times in ns since the origin, in order.

    Attributes
    ----------
    p_s, s_s
        first P and S after the origin in s, by the model of the recording.
    said, said_ns
        picks and P windows, and when they came.
    rows, rows_ns
        rows of motions, columns as in `ROW`, and when they came.
    noise, noise_ns
        (end of the interval, level in m/s^2) of the vertical, and when it came.
    """

    distance_km: float
    p_s: float
    s_s: float
    said: list[Pick | PWindow] = field(default_factory=list)
    said_ns: list[int] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rows_ns: list[int] = field(default_factory=list)
    noise: list[tuple[int, float]] = field(default_factory=list)
    noise_ns: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recordings:
    """One earthquake of `magnitude` at `depth_km` as stations at `distances_km`, rising, say it."""

    magnitude: float
    depth_km: float
    distances_km: tuple[float, ...]
    heard: tuple[Heard, ...]

    def nearest(self, distance_km: float) -> Heard:
        """The recording made closest to a distance."""
        after = bisect_left(self.distances_km, distance_km)
        near = [k for k in (after - 1, after) if 0 <= k < len(self.heard)]
        return self.heard[min(near, key=lambda k: abs(self.distances_km[k] - distance_km))]


def distances_km() -> tuple[float, ...]:
    """Where recordings are made: every 2 km near, where everything changes fast, every 10 km far away."""
    near, middle = range(0, 60, 2), range(60, 150, 5)
    return tuple(float(d) for d in (*near, *middle, *range(150, int(FARTHEST_KM) + 1, 10)))


def record(
    params: Params,
    times: TravelTimes,
    *,
    magnitude: float,
    depth_km: float,
    packet_s: float,
    step_ns: int,
    seed: int = 1,
) -> Recordings:
    """Record one earthquake along a line of stations.

    Parameters
    ----------
    params
        of the waveform stage.
    times
        travel times of the true Earth.
    magnitude, depth_km
        3 to 8, 0 to 100 km: what `ingest.synthetic` can make.
    packet_s
        length of a telemetry packet in s; latency comes on top later (`script`).
    """
    away = distances_km()
    table = _line(away)
    scenario = Scenario(
        origin_ns=ORIGIN_NS, latitude=0.0, longitude=0.0, depth_km=depth_km, mw=magnitude, seed=seed,
        lead_s=LEAD_S, duration_s=LEAD_S + LONGEST_S,
    )  # fmt: skip
    packets = blocks(
        table, scenario, packet_s=packet_s, status="test", step_ns=step_ns,
        p_time=lambda d, z: float(lookup(times.p, d, z)), s_time=lambda d, z: float(lookup(times.s, d, z)),
    )  # fmt: skip
    p, s = times.times(np.array(away), depth_km)
    heard = tuple(Heard(*place) for place in zip(away, p.tolist(), s.tolist(), strict=True))
    stage, slicer = WaveformStage(params, table), Slicer(step_ns, "test")

    def take(pieces: Iterable[Slice]) -> None:
        for piece in pieces:
            _keep(stage.handle(piece.t_seen_ns, [piece]), heard, table)

    now_ns = 0
    for block in packets:
        first_ns, last_ns = seen_span(block) or (now_ns, now_ns)
        take(slicer.advance(first_ns - 1))
        now_ns = max(now_ns, last_ns)
        slicer.add((block,), now_ns)
    take(slicer.advance(now_ns + 2 * step_ns))
    return Recordings(magnitude, depth_km, away, heard)


def _keep(messages: Sequence[Message], heard: tuple[Heard, ...], table: StationTable) -> None:
    """What the waveform stage said in a slice, to the stations that said it."""
    index = table.station_index
    for message in messages:
        if isinstance(message, Pick | PWindow):
            one = heard[index[message.station]]
            if message.t_ns - ORIGIN_NS > from_seconds(one.p_s) - EARLY_NS:
                one.said.append(message)
                one.said_ns.append(message.t_seen_ns - ORIGIN_NS)
        elif isinstance(message, Motions):
            columns = [getattr(message, name) for name in ROW]
            for row in zip(*columns, strict=True):
                one = heard[index[row[0]]]
                one.rows.append(row)
                one.rows_ns.append(message.t_seen_ns - ORIGIN_NS)
        elif isinstance(message, ChannelQuality):
            for channel, t_ns, noise in zip(message.channels, message.t_ns, message.noise_mps2, strict=True):
                at = table.channel_index[channel]
                if table.ch_component[at] == Z and math.isfinite(noise):
                    one = heard[int(table.ch_station[at])]
                    one.noise.append((t_ns - ORIGIN_NS, noise))
                    one.noise_ns.append(message.t_seen_ns - ORIGIN_NS)


def _line(away: Sequence[float]) -> StationTable:
    """Stations with three components at these distances (km) north of the origin of coordinates."""
    n = len(away)
    return StationTable(
        channels=tuple(f"FDSN:XX_R{k:03d}__H_N_{c}" for k in range(n) for c in "ENZ"),
        ch_station=np.repeat(np.arange(n, dtype=np.int32), 3),
        ch_component=np.tile(np.array([2, 1, 0], dtype=np.int32), n),
        ch_unit=np.full(3 * n, UNIT_ACCELERATION, dtype=np.int32),
        ch_gain=np.full(3 * n, COUNTS_PER_MPS2),
        ch_rate_hz=np.full(3 * n, RATE_HZ),
        ch_azimuth_deg=np.tile(np.array([90.0, 0.0, 0.0]), n),
        ch_dip_deg=np.tile(np.array([0.0, 0.0, -90.0]), n),
        ch_clip_counts=np.full(3 * n, np.inf),
        stations=tuple(f"XX.R{k:03d}..HN" for k in range(n)),
        st_latitude=np.array(away) / DEG_KM,
        st_longitude=np.zeros(n),
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )
