"""Packets by hand for the health stage: who sends what, when, how late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seiswarn.blocks import blocks_of
from seiswarn.health.params import Params
from seiswarn.health.stage import HealthStage
from seiswarn.messages import Message, Packet, Slice, StationHealth
from seiswarn.station_attributes import with_attributes
from seiswarn.station_patterns import Attributes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.parity.conftest import three_component_table

T0_NS = 1_700_000_000 * NS
RATE_HZ = 100


def grouped_table(n: int = 10, group: Sequence[int] = (), tier: Sequence[int] = ()) -> StationTable:
    """A network of `n`, some of them behind one link, some with MEMS sensors."""
    table = three_component_table(n)
    rows = [Attributes(table.stations[k], None, "hub") for k in group]
    rows += [Attributes(table.stations[k], "ordinary") for k in tier]
    return with_attributes(table, rows)[0]


@dataclass
class Sender:
    """Sends a second of noise for every channel and second; the functions change that.

    `clock_s` is added to the times in the headers, `late_s` to the arrival, `sends` says whether it is sent.
    """

    table: StationTable
    clock_s: Callable[[int, int], float] = lambda station, second: 0.0
    late_s: Callable[[int, int], float] = lambda station, second: 0.2
    sends: Callable[[int, int], bool] = lambda station, second: True
    seed: int = 1

    def packets(self, first: int, last: int) -> list[Packet]:
        """Packets of the seconds from `first` until before `last`, in order of arrival."""
        out = []
        for second in range(first, last):
            for c, name in enumerate(self.table.channels):
                station = int(self.table.ch_station[c])
                if not self.sends(station, second):
                    continue
                rng = np.random.default_rng((self.seed, c, second))
                x = np.rint(50.0 * rng.standard_normal(RATE_HZ)).astype("<i4")
                end_ns = T0_NS + (second + 1) * NS
                t0_ns = T0_NS + second * NS + round(self.clock_s(station, second) * NS)
                seen_ns = end_ns + round(self.late_s(station, second) * NS)
                out.append(
                    Packet(channel=name, t0_ns=t0_ns, rate_hz=100.0, samples=x.tobytes(), t_seen_ns=seen_ns)
                )
        return sorted(out, key=lambda p: (p.t_seen_ns, p.channel))


class Watch:
    """A health stage and what it said; `now` in seconds since `T0_NS`."""

    def __init__(self, table: StationTable, **settings: object) -> None:
        self.table = table
        self.stage = HealthStage(Params(**settings), table)  # type: ignore[arg-type]
        self.said: list[tuple[float, StationHealth]] = []
        self.state = dict.fromkeys(table.stations, "ok")
        self.reasons: dict[str, tuple[str, ...]] = {}
        self.errors: list[Message] = []

    def feed(self, packets: Sequence[Packet], first: int, last: int, more: Sequence[Message] = ()) -> None:
        """Slices of a tenth of a second, with what came in them; `more` comes with the first."""
        k = 0
        for tenth in range(first * 10, last * 10):
            now_ns = T0_NS + (tenth + 1) * NS // 10
            mine = []
            while k < len(packets) and packets[k].t_seen_ns <= now_ns:
                mine.append(packets[k])
                k += 1
            self.step(Slice(t_seen_ns=now_ns, blocks=blocks_of(mine), status="test"), more)
            more = ()

    def step(self, piece: Slice, more: Sequence[Message] = ()) -> None:
        for message in self.stage.handle(piece.t_seen_ns, [piece, *more]):
            if isinstance(message, StationHealth):
                self.said.append(((piece.t_seen_ns - T0_NS) / NS, message))
                self.state.update(zip(message.stations, message.state, strict=True))
                self.reasons.update(zip(message.stations, message.reasons, strict=True))
            else:
                self.errors.append(message)

    def states(self, *stations: int) -> list[str]:
        return [self.state[self.table.stations[k]] for k in stations]

    def why(self, station: int) -> tuple[str, ...]:
        return self.reasons.get(self.table.stations[station], ())

    def history(self, station: int) -> list[tuple[float, str]]:
        """When which state was told of a station, changes only."""
        out: list[tuple[float, str]] = []
        for t, health in self.said:
            states = dict(zip(health.stations, health.state, strict=True))
            state = states.get(self.table.stations[station])
            if state is not None and (not out or out[-1][1] != state):
                out.append((t, state))
        return out

    def first_reasons(self, station: int) -> tuple[str, ...]:
        """The first reasons told of a station."""
        code = self.table.stations[station]
        rows = [dict(zip(h.stations, h.reasons, strict=True)) for _, h in self.said]
        return next((row[code] for row in rows if row.get(code)), ())
