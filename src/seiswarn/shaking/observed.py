"""What stations have felt so far: the peaks of the motion each of them is in."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from seiswarn.messages import DataError, Motions, Pick, StationHealth
from seiswarn.reasons import Flag, Reason
from seiswarn.stations import StationTable
from seiswarn.trust import UNTRUE

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
NEVER = -(1 << 62)

# Rows with one of these are no ground motion, or may be none.
UNUSABLE = Flag.SPIKE | Flag.STEP | Flag.FLAT | Flag.SETTLING | Flag.MIXED_RATES
# What the source stage says of a station whose amplitudes cannot be believed.
DOUBTED = frozenset({str(Reason.SUSPECT_GAIN), str(Reason.CALIBRATION_PULSE), str(Reason.NOISY_STATION)})
DOUBT_S = 600  # a doubted station stays out for so long after it was last named
# A motion lasts while the peaks of a second reach this, and is over after so many seconds without: intensity
# 1.5 by acceleration, GB/T 17742-2020 equation (A.5), below which nobody feels it.
FELT_MPS2 = 0.0258
QUIET_S = 10
LASTING = 3  # seconds that a motion has to keep up: pulses and spikes do not
COMPONENTS = 3  # of the vector that an intensity is of


@dataclass(slots=True)
class Rows:
    """New rows of one slice: station indices, ends of the seconds, peaks, usable ones only."""

    station: I64
    t_s: I64
    pga_mps2: F64
    pgv_mps: F64

    def __len__(self) -> int:
        return len(self.station)


@dataclass(slots=True)
class Observed:
    """Per station (n,) each, times in whole seconds UTC.

    `start_s` when the present motion began (its first second felt), `felt_s` the last second felt, `last_s`
    the last usable row; `pga_mps2` and `pgv_mps` peaks since `start_s`, in the band of GB/T
    17742-2020 (0.1 to 10 Hz); `lasting_pga` and `lasting_pgv` (n, `LASTING`) the largest seconds since then,
    falling; `onset_ns` the last P onset picked; `doubted_s` when somebody last had doubts; `explained_s` the
    `start_s` of the
    last motion that a located event explains; `barred` whether a station is not trusted: what it shows from
    now on (1), and what it has shown lately too (2).
    """

    start_s: I64
    felt_s: I64
    last_s: I64
    pga_mps2: F64
    pgv_mps: F64
    lasting_pga: F64
    lasting_pgv: F64
    onset_ns: I64
    doubted_s: I64
    explained_s: I64  # start of the last motion that an event explains
    barred: I64
    index: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(table: StationTable) -> Observed:
        """Nothing observed yet at the stations of `table`."""
        n = table.n_stations
        never = [np.full(n, NEVER, dtype=np.int64) for _ in range(5)]
        return Observed(
            start_s=never[0],
            felt_s=never[1],
            last_s=never[2],
            pga_mps2=np.zeros(n),
            pgv_mps=np.zeros(n),
            lasting_pga=np.zeros((n, LASTING)),
            lasting_pgv=np.zeros((n, LASTING)),
            onset_ns=np.full(n, NEVER, dtype=np.int64),
            doubted_s=never[3],
            explained_s=never[4],
            barred=np.zeros(n, dtype=np.int64),
            index=table.station_index,
        )

    def take(self, motions: Motions) -> Rows:
        """Take in the rows of one message; returns those that can be used."""
        rows = _usable(motions, self.index, self.barred)
        if not len(rows):
            return rows
        felt = rows.pga_mps2 >= FELT_MPS2
        np.maximum.at(self.last_s, rows.station, rows.t_s)
        if not felt.any():
            return rows
        for k in np.flatnonzero(felt).tolist():  # few, but in large earthquakes: one pass over them
            self._feel(int(rows.station[k]), int(rows.t_s[k]), rows.pga_mps2[k], rows.pgv_mps[k])
        return rows

    def _feel(self, station: int, t_s: int, pga_mps2: float, pgv_mps: float) -> None:
        if t_s - self.felt_s[station] > QUIET_S:
            self.start_s[station] = t_s
            self.pga_mps2[station] = self.pgv_mps[station] = 0.0
            self.lasting_pga[station] = self.lasting_pgv[station] = 0.0
        self.felt_s[station] = max(t_s, self.felt_s[station])
        self.pga_mps2[station] = max(self.pga_mps2[station], pga_mps2)
        self.pgv_mps[station] = max(self.pgv_mps[station], pgv_mps)
        _insert(self.lasting_pga[station], pga_mps2)
        _insert(self.lasting_pgv[station], pgv_mps)

    def pick(self, pick: Pick) -> None:
        """Remember a P onset."""
        station = self.index.get(pick.station)
        if station is not None and pick.phase == "P":
            self.onset_ns[station] = max(pick.t_ns, self.onset_ns[station])

    def doubt(self, error: DataError) -> None:
        """Remember a station that is doubted."""
        if error.reason in DOUBTED and error.subject in self.index:
            self.doubted_s[self.index[error.subject]] = error.t_seen_ns // 1_000_000_000

    def trust(self, health: StationHealth) -> None:
        """Remember which stations are not trusted. One that is down has shown what it has shown."""
        for code, state, reasons in zip(health.stations, health.state, health.reasons, strict=True):
            station = self.index.get(code)
            if station is not None:
                barred = state in ("untrusted", "maintenance")
                self.barred[station] = 1 + bool(UNTRUE.intersection(reasons)) if barred else 0

    def explain(self, claimed: npt.NDArray[np.bool_]) -> None:
        """Remember that the present motion of some stations (n,) has an explanation."""
        self.explained_s[claimed] = self.start_s[claimed]

    def moving(self, now_s: int) -> npt.NDArray[np.bool_]:
        """(n,) stations in motion that can be believed, seen from `now_s`."""
        return (now_s - self.felt_s <= QUIET_S) & self.believed(now_s)

    def believed(self, now_s: int) -> npt.NDArray[np.bool_]:
        """(n,) stations whose motion so far can be believed."""
        return (now_s - self.doubted_s > DOUBT_S) & (self.barred < 2)

    def snapshot(self) -> dict[str, Any]:
        """All arrays as bytes."""
        return {f.name: getattr(self, f.name).tobytes() for f in fields(self) if f.name != "index"}

    def restore(self, state: dict[str, bytes]) -> None:
        """Replace all arrays by those of `snapshot` of the same network."""
        for name, data in state.items():
            now = getattr(self, name)
            setattr(self, name, np.frombuffer(data, now.dtype).reshape(now.shape).copy())


def _insert(falling: F64, value: float) -> None:
    """Put a value in its place among the largest, which fall; the smallest goes."""
    k = len(falling)
    while k > 0 and value > falling[k - 1]:
        k -= 1
    if k < len(falling):
        falling[k + 1 :] = falling[k:-1].copy()
        falling[k] = value


def _usable(motions: Motions, index: dict[str, int], barred: I64) -> Rows:
    """The rows of stations we know and trust, with all components, in no doubt, as arrays."""
    n = len(motions.stations)
    station = np.fromiter((index.get(code, -1) for code in motions.stations), np.int64, n)
    good = (station >= 0) & (np.array(motions.n_components, dtype=np.int64) >= COMPONENTS)
    if motions.flags:
        good &= (np.array(motions.flags, dtype=np.int64) & int(UNUSABLE)) == 0
    good[good] = barred[station[good]] == 0
    pga = np.array(motions.pga_gbt_mps2 or motions.pga_mps2, dtype=np.float64)
    pgv = np.array(motions.pgv_gbt_mps or motions.pgv_mps, dtype=np.float64)
    t_s = np.array(motions.t_ns, dtype=np.int64) // 1_000_000_000
    good &= (pga > 0.0) & (pgv > 0.0)
    return Rows(station[good], t_s[good], pga[good], pgv[good])
