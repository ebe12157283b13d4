"""What a station is usually like: its noise and its level, learnt from itself alone.

The median of the noise is followed by steps of fixed size up or down (stochastic approximation, Robbins and
Monro 1951): robust against earthquakes, and it needs no stored values. After a thousand intervals the
steps are so small that a change of a factor of ten takes ten hours to become usual: longer than work on a
site lasts, shorter than a season.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from seiswarn.health.state import B1, F64, I64
from seiswarn.stations import UNIT_ACCELERATION, StationTable, Z

FIRST_STEP, LAST_STEP = 0.3, 3e-4  # decades, of the first and of late intervals
RECENT = 1.0 / 30.0  # the present level is that of some five minutes
LEARN_LEVELS = 6  # intervals over which the first level of a channel is taken
LEVEL_KEPT = 1.0 / 8640.0  # intervals of 10 s: a day
RESOLVED_COUNTS = 2.0  # noise above this keeps a trace from being flat for a second


@dataclass(slots=True)
class History:
    """By station (n_st,): `usual` and `recent` log10 of the noise of the vertical (m/s^2), `n` intervals;
    by channel (n_ch,): `level` usual and `now` present mean level in counts, `n_level` intervals.
    """

    usual: F64
    recent: F64
    n: I64
    level: F64
    now: F64
    n_level: I64

    @classmethod
    def of(cls, table: StationTable) -> History:
        """Nothing learnt yet."""
        n_st, n_ch = table.n_stations, table.n_channels
        return cls(
            usual=np.zeros(n_st),
            recent=np.zeros(n_st),
            n=np.zeros(n_st, dtype=np.int64),
            level=np.zeros(n_ch),
            now=np.zeros(n_ch),
            n_level=np.zeros(n_ch, dtype=np.int64),
        )

    def learn_noise(self, station: I64, noise_mps2: F64) -> None:
        """One more interval of stations (k,), each at most once."""
        x = np.log10(noise_mps2)
        n = self.n[station]
        fresh = n == 0
        self.usual[station] = np.where(fresh, x, self.usual[station])
        self.recent[station] = np.where(fresh, x, self.recent[station])
        step = np.maximum(FIRST_STEP / np.maximum(n, 1), LAST_STEP)
        self.usual[station] += step * np.sign(x - self.usual[station])
        self.recent[station] += RECENT * (x - self.recent[station])
        self.n[station] = n + 1

    def learn_level(self, channel: I64, offset_counts: F64) -> None:
        """One more interval of channels (k,), each at most once."""
        n = self.n_level[channel]
        share = np.where(n < LEARN_LEVELS, 1.0 / (n + 1), LEVEL_KEPT)
        self.level[channel] += share * (offset_counts - self.level[channel])
        self.now[channel] += np.where(n < LEARN_LEVELS, share, 0.5) * (offset_counts - self.now[channel])
        self.n_level[channel] = n + 1

    def off_decades(self, least_n: int) -> F64:
        """(n_st,) how far the noise is above its history, in decades; 0 where that is too short."""
        off: F64 = np.where(self.n >= least_n, self.recent - self.usual, 0.0)
        return off

    def drifted(self, table: StationTable, limit_mps2: float) -> B1:
        """(n_st,) stations of which a channel has a level far from usual.

        Of accelerometers against `limit_mps2`; of others against half of full scale, where that is known.
        """
        moved = np.abs(self.now - self.level)
        limit = np.where(
            table.ch_unit == UNIT_ACCELERATION, limit_mps2 * np.abs(table.ch_gain), 0.5 * table.ch_clip_counts
        )
        far = (moved > limit) & (self.n_level > LEARN_LEVELS)
        out = np.zeros(table.n_stations, dtype=np.bool_)
        out[table.ch_station[far]] = True
        return out

    def resolved(self, table: StationTable) -> B1:
        """(n_st,) stations whose noise has always kept the vertical moving: flat, it must be dead."""
        gain = np.zeros(table.n_stations)
        vertical = (table.ch_component == Z) & (table.ch_unit == UNIT_ACCELERATION)
        gain[table.ch_station[vertical]] = np.abs(table.ch_gain[vertical])
        counts: F64 = 10.0**self.usual * gain
        moving: B1 = (self.n > 0) & ((counts >= RESOLVED_COUNTS) | (gain == 0.0))
        return moving

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it by name, for snapshots."""
        return {f"history_{f.name}": getattr(self, f.name) for f in fields(self)}
