"""From faults to trust and states: fast down, slow up."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from seiswarn.health.faults import FAULTS, N_HARD, Levels
from seiswarn.health.state import B1, F64
from seiswarn.messages import HealthState
from seiswarn.reasons import Reason
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

STATES: tuple[HealthState, ...] = ("ok", "degraded", "untrusted", "down", "maintenance")
OK, DEGRADED, UNTRUSTED, DOWN, MAINTENANCE = range(5)
TRUST_AT = np.array([1.0, 0.5, 0.0])  # that faults of level 0, 1 and 2 leave
# A state is left for a worse one below the first figure, for a better one at the second: what wavers about a
# threshold does not waver between states.
UNTRUSTED_BELOW, TRUSTED_FROM = 0.25, 0.35
DEGRADED_BELOW, OK_FROM = 0.75, 0.85
I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]


@dataclass(slots=True)
class Standing:
    """By station (n_st,): `trust` 0 to 1, `state` index into `STATES`, `why` bits of the faults since it was
    last ok; `level` (len(FAULTS), n_st) what speaks against it now; `told` the state last told, `heard`
    whether it has ever sent data.
    """

    trust: F64
    state: I8
    why: I64
    level: Levels
    told: I8
    heard: I8

    @classmethod
    def of(cls, table: StationTable) -> Standing:
        """Everybody is trusted until something speaks against it."""
        n = table.n_stations
        return cls(
            trust=np.ones(n),
            state=np.zeros(n, dtype=np.int8),
            why=np.zeros(n, dtype=np.int64),
            level=np.zeros((len(FAULTS), n), dtype=np.int8),
            told=np.zeros(n, dtype=np.int8),
            heard=np.zeros(n, dtype=np.int8),
        )

    def judge(
        self,
        levels: Levels,
        frozen: B1,
        down: B1,
        heard: B1,
        maintained: B1,
        elapsed_ns: int,
        recover_s: float,
    ) -> None:
        """Take in what speaks against stations now.

        Parameters
        ----------
        frozen
            (len(FAULTS) - N_HARD, n_st) where nothing new may be held against a station: an earthquake.
        heard
            (n_st,) stations that have sent data by now.
        """
        levels[N_HARD:] = np.where(frozen, np.minimum(levels[N_HARD:], self.level[N_HARD:]), levels[N_HARD:])
        self.level = levels
        target = TRUST_AT[levels.max(axis=0)]
        returns = (self.state == DOWN) & ~down & (self.heard > 0)
        self.heard = heard.astype(np.int8)
        grown = np.minimum(target, self.trust + elapsed_ns / NS / recover_s)
        self.trust = np.where(target < self.trust, target, grown)
        # Who comes back from an outage is believed at once, but not as one who was never away.
        self.trust = np.where(returns, np.minimum(self.trust, TRUST_AT[1]), self.trust)
        better_from = np.where(self.state == OK, DEGRADED_BELOW, OK_FROM)
        believed_from = np.where(self.state == UNTRUSTED, TRUSTED_FROM, UNTRUSTED_BELOW)
        state = np.where(self.trust < better_from, DEGRADED, OK)
        state = np.where(self.trust < believed_from, UNTRUSTED, state)
        state = np.where(down, DOWN, state)
        self.state = np.where(maintained, MAINTENANCE, state).astype(np.int8)
        bits = ((levels > 0).astype(np.int64) << np.arange(len(FAULTS))[:, None]).sum(axis=0)
        self.why = np.where(self.state == OK, bits, self.why | bits)

    def reasons(self, station: int) -> tuple[str, ...]:
        """Why a station is not ok."""
        state, why = int(self.state[station]), int(self.why[station])
        if state == OK:
            return ()
        first = {DOWN: (Reason.NO_DATA,), MAINTENANCE: (Reason.MAINTENANCE,)}.get(state, ())
        named = (*map(str, first), *(str(r) for k, r in enumerate(FAULTS) if why >> k & 1))
        return named or (str(Reason.NO_DATA),)  # back from an outage

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """All of it by name, for snapshots."""
        return {f"standing_{f.name}": getattr(self, f.name) for f in fields(self)}
