"""How the stations do now, in a file of the run folder that anybody may read: `stations.json`.

The store process keeps it from the `StationHealth` messages of the output journal; `seiswarn status`
and the daemon's own checks read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from seiswarn.messages import HealthState, StationHealth, decode
from seiswarn.runtime.files import STATIONS_FILE

WRITE_EVERY_S = 5.0
_TAG = b"StationHealth"
_HEAD_BYTES = 32  # of an encoded message: its type stands there


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The last that was said of a station, at `t_seen_ns`."""

    station: str
    state: HealthState
    trust: float
    latency_s: float
    reasons: tuple[str, ...] = ()
    t_seen_ns: int = 0


class StationsNow(msgspec.Struct, frozen=True, kw_only=True):
    """All stations at `t_seen_ns`; `blind` says where no event is possible."""

    t_seen_ns: int
    run_id: str
    stations: tuple[Standing, ...]
    n_sites: int = 0
    n_blind: int = 0
    blind: str = ""
    version: int = 1

    def by_state(self) -> dict[str, int]:
        """How many stations are in each state."""
        return dict(Counter(s.state for s in self.stations))

    def worst(self, n: int) -> list[Standing]:
        """Stations that are not ok, least trusted first."""
        bad = [s for s in self.stations if s.state != "ok"]
        return sorted(bad, key=lambda s: (s.trust, s.station))[:n]


class StationsFile:
    """Writes the file: at most every few seconds, and only when something has changed.

    Attributes
    ----------
    problem
        why it could not be written the last time; empty: all well.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self._path = folder / STATIONS_FILE
        self._run_id = run_id
        self._next_s = 0.0
        self._changed = False
        self.problem = ""
        before = read_stations(folder)
        known = before if before is not None and before.run_id == run_id else None
        self._stations = {s.station: s for s in known.stations} if known else {}
        self._t_ns = known.t_seen_ns if known else 0
        self._cover = (known.n_sites, known.n_blind, known.blind) if known else (0, 0, "")

    def take(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Note what records of the output journal say of stations."""
        for _, payload in records:
            if _TAG not in payload[:_HEAD_BYTES]:
                continue
            message = decode(payload)
            if isinstance(message, StationHealth):
                self._note(message)

    def _note(self, m: StationHealth) -> None:
        rows = zip(m.stations, m.state, m.trust, m.latency_s, m.reasons, strict=True)
        if m.full:
            self._stations.clear()  # whoever is not in it belongs to the network no more
        for station, state, trust, latency_s, reasons in rows:
            self._stations[station] = Standing(
                station=station,
                state=state,
                trust=trust,
                latency_s=latency_s,
                reasons=reasons,
                t_seen_ns=m.t_seen_ns,
            )
        self._t_ns = m.t_seen_ns
        self._cover = (m.n_sites, m.n_blind, m.blind)
        self._changed = True

    def write(self, now_s: float, *, at_once: bool = False) -> None:
        """Write what has changed when it is due, whole or not at all."""
        if not self._changed or (now_s < self._next_s and not at_once):
            return
        self._next_s = now_s + WRITE_EVERY_S
        sites, n_blind, blind = self._cover
        told = StationsNow(
            t_seen_ns=self._t_ns,
            run_id=self._run_id,
            stations=tuple(sorted(self._stations.values(), key=lambda s: s.station)),
            n_sites=sites,
            n_blind=n_blind,
            blind=blind,
        )
        beside = self._path.with_name(f".{self._path.name}.part")
        try:
            beside.write_bytes(msgspec.json.encode(told))
            beside.replace(self._path)
            self.problem, self._changed = "", False
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}"


def read_stations(folder: Path) -> StationsNow | None:
    """The stations as a run folder tells them; None when it does not, or in another version's words."""
    try:
        return msgspec.json.decode((folder / STATIONS_FILE).read_bytes(), type=StationsNow)
    except (OSError, msgspec.MsgspecError):
        return None
