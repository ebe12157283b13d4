"""What all stations of a network say of an earthquake at one place, slice by slice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.geo import distances_km
from seiswarn.messages import ChannelQuality, Message, Motions, Pick, PWindow, Slice
from seiswarn.plan.recordings import LEAD_S, LONGEST_S, ORIGIN_NS, ROW, Heard, Recordings
from seiswarn.runtime.slicer import TICK_NS, slice_end
from seiswarn.source.traveltime import TravelTimes
from seiswarn.station_moves import Moves
from seiswarn.stations import StationTable, Z
from seiswarn.timebase import NS, from_seconds

F64 = npt.NDArray[np.float64]

CHUNK_NS = 4 * NS  # messages are made this far ahead; most earthquakes are alerted of after two
_STATION, _T = ROW.index("stations"), ROW.index("t_ns")


class Scripted:
    """Stands where the waveform stage of a pipeline stands, and says what it is told to."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def handle(self, t_seen_ns: int, messages: Sequence[Message]) -> list[Message]:
        return self.said

    def snapshot(self) -> bytes:
        return b""

    def restore(self, data: bytes) -> None:
        self.said = []

    def warm_picker(self) -> None:
        """Nothing to load."""

    def adopt(self, data: bytes, moved: Moves) -> None:
        """A script has nothing to go on from."""

    def warm_rest(self) -> None:
        """Nothing to load."""


@dataclass(frozen=True, slots=True)
class _Speaker:
    """One station: the recording that it repeats, and by how much (ns) later P and S come."""

    code: str
    vertical: str
    heard: Heard
    p_ns: int
    s_ns: int


@dataclass(slots=True)
class _Pending:
    """What is said in one slice."""

    picks: list[Message] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    noise: list[tuple[str, int, float]] = field(default_factory=list)


class Script:
    """The messages of a network about the recorded earthquake, wherever it happens.

    Parameters
    ----------
    latency_s
        from a packet's last sample to its arrival, the same for all stations.
    """

    def __init__(
        self,
        table: StationTable,
        recordings: Recordings,
        times: TravelTimes,
        *,
        latency_s: float,
        step_ns: int,
    ) -> None:
        self._table = table
        self._recordings = recordings
        self._times = times
        self._latency_ns = from_seconds(latency_s)
        self._step_ns = step_ns
        components = table.components()[:, Z]
        self._verticals = [table.channels[k] if k >= 0 else "" for k in components.tolist()]

    def slices(self, latitude: float, longitude: float) -> Iterator[tuple[Slice, list[Message]]]:
        """Slices in order, with what a waveform stage would say in each, for an epicentre in degrees.

        From `LEAD_S` before the origin, by the second until then, to `LONGEST_S` after it.
        """
        speakers = self._speakers(latitude, longitude)
        start, end = -from_seconds(LEAD_S), from_seconds(LONGEST_S)
        for low, high in ((start, 0), *((k, min(k + CHUNK_NS, end)) for k in range(0, end, CHUNK_NS))):
            # Before the origin only what a station is like when nothing happens is learnt.
            step_ns, tick_ns = (NS, NS) if high == 0 else (self._step_ns, TICK_NS)
            due = {t: _Pending() for t in range(low + tick_ns, high + 1, tick_ns)}
            for speaker in speakers:
                self._collect(speaker, low, high, step_ns, due)
            for t in sorted(due):
                t_ns = ORIGIN_NS + t
                yield Slice(t_seen_ns=t_ns, status="test"), _messages(due[t], t_ns)

    def _speakers(self, latitude: float, longitude: float) -> list[_Speaker]:
        table = self._table
        away: F64 = distances_km(latitude, longitude, table.st_latitude, table.st_longitude)
        p, s = self._times.times(away, self._recordings.depth_km)
        out = []
        for k, code in enumerate(table.stations):
            if self._verticals[k]:
                heard = self._recordings.nearest(float(away[k]))
                later = float(p[k]) - heard.p_s, float(s[k]) - heard.s_s
                out.append(_Speaker(code, self._verticals[k], heard, *map(from_seconds, later)))
        return out

    def _collect(self, who: _Speaker, low: int, high: int, step_ns: int, due: dict[int, _Pending]) -> None:
        """Add what `who` says after `low` and until `high`, ns since the origin."""
        heard, late = who.heard, self._latency_ns
        # P and S may come by different amounts later: look at all that either could bring in.
        early, last = min(who.p_ns, who.s_ns), max(who.p_ns, who.s_ns)
        for k in _between(heard.said_ns, low - last - late, high - early - late):
            moved, at = _moved(heard.said[k], who, heard.said_ns[k] + late)
            if low < at <= high:
                _at(due, slice_end(at, step_ns)).picks.append(moved)
        for k in _between(heard.rows_ns, low - late, high - late):
            row = heard.rows[k]
            _at(due, slice_end(heard.rows_ns[k] + late, step_ns)).rows.append((who.code, *row[_T:]))
        for k in _between(heard.noise_ns, low - late, high - late):
            t_ns, level = heard.noise[k]
            told = (who.vertical, ORIGIN_NS + t_ns, level)
            _at(due, slice_end(heard.noise_ns[k] + late, step_ns)).noise.append(told)


def _between(times: Sequence[int], low: int, high: int) -> range:
    return range(bisect_right(times, low), bisect_right(times, high))


def _at(due: dict[int, _Pending], t: int) -> _Pending:
    found = due.get(t)
    if found is None:
        found = due[t] = _Pending()
    return found


def _moved(message: Pick | PWindow, who: _Speaker, at: int) -> tuple[Message, int]:
    """A pick or window of the recording as that of a station, and when it comes, ns since the origin."""
    is_s = isinstance(message, Pick) and message.phase == "S"
    shift = who.s_ns if is_s else who.p_ns
    at += shift
    new: dict[str, Any] = {
        "station": who.code,
        "t_ns": message.t_ns + shift,
        "t_seen_ns": ORIGIN_NS + at,
        "pick_id": f"{who.code}{message.pick_id.removeprefix(message.station)}",
    }
    if isinstance(message, Pick):
        new["channel"] = who.vertical
        new["p_pick_id"] = f"{who.code}{message.p_pick_id.removeprefix(message.station)}" if is_s else ""
    return msgspec.structs.replace(message, **new), at


def _messages(pending: _Pending, t_ns: int) -> list[Message]:
    """Picks and windows, motions, qualities: the order of the waveform stage."""
    out = pending.picks
    if pending.rows:
        columns = dict(zip(ROW, zip(*pending.rows, strict=True), strict=True))
        out.append(Motions(t_seen_ns=t_ns, status="test", **columns))
    if pending.noise:
        channels, ends, levels = zip(*pending.noise, strict=True)
        n = len(channels)
        out.append(
            ChannelQuality(
                t_seen_ns=t_ns, channels=channels, t_ns=ends, noise_mps2=levels, status="test",
                offset_counts=(0.0,) * n, rms_mps2=(0.0,) * n, spikes=(0,) * n, clipped=(0,) * n,
                flat_s=(0.0,) * n, flags=(0,) * n,
            )
        )  # fmt: skip
    return out
