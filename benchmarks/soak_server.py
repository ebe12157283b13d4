"""A SeedLink server of the soak, in a process of its own: some stations of the province, as time goes on.

Data time runs `speed` times as fast as the wall clock from a given instant on. A server that starts
again holds what its ring would hold on disk: the last `HOLD_S` seconds, with the numbers they had.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import random
import sys
import time
from pathlib import Path

import numpy as np
from soak_data import PHASES, RECORD_S, T0_NS, Channel, btime

from seiswarn.serve.header import Header
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server
from seiswarn.timebase import NS

HOLD_S = 600  # of data
DROP_SHARE = 0.01  # of stations that send nothing, at any time
DROP_SLOTS = 38  # for how long: five minutes


def is_down(station: str, slot: int) -> bool:
    """Whether a station sends nothing: stretches of `DROP_SLOTS`, from station and time alone."""
    return random.Random(f"{station}/{slot // DROP_SLOTS}").random() < DROP_SHARE


Moved = dict[str, list[tuple[int, np.ndarray]]]  # motion to add, by channel


class Feed:
    """Records in the order of their ends, numbered by slot and place, whether or not they are sent."""

    def __init__(
        self, names: list[str], seeds: list[int], moved: dict[str, list[tuple[int, object]]]
    ) -> None:
        channels = [Channel(name, seed) for name, seed in zip(names, seeds, strict=True)]
        for channel in channels:
            for t0_ns, counts in moved.get(channel.name, ()):
                channel.add(t0_ns, counts)
        self.by_phase = [[c for c in channels if c.phase == p] for p in range(PHASES)]
        self.n = len(channels)
        self.before = [sum(len(c) for c in self.by_phase[:p]) for p in range(PHASES)]
        self._streams = {c.name: _stream(c.name) for c in channels}
        self._down: dict[str, tuple[int, bool]] = {}

    def first_seq(self, step: int) -> int:
        """Number of the first record of a step: a slot and a phase."""
        slot, phase = divmod(step, PHASES)
        return slot * self.n + self.before[phase] + 1

    def step(self, step: int) -> list[tuple[bytes, Header]]:
        slot, phase = divmod(step, PHASES)
        channels = self.by_phase[phase]
        if not channels:
            return []
        start = channels[0].start_ns(slot)
        stamp, end = btime(start), start + RECORD_S * NS
        out = []
        for c in channels:
            group = slot // DROP_SLOTS
            known = self._down.get(c.station)
            if known is None or known[0] != group:
                known = self._down[c.station] = (group, is_down(c.station, slot))
            station = "ZZ_DOWN" if known[1] else c.station  # keeps the number, and nobody asks for it
            out.append((c.record(slot, stamp), Header(station, self._streams[c.name], start, end, "2", "D")))
        return out


def _stream(name: str) -> str:
    return "_".join(name.removeprefix("FDSN:").split("_")[2:])


def steps_due(now_ns: int) -> int:
    """How many steps are over: step k ends a record's length after it begins."""
    return max(0, (now_ns - T0_NS - RECORD_S * NS) * PHASES // (RECORD_S * NS))


async def serve(args: argparse.Namespace) -> None:
    with Path(args.plan).open("rb") as file:
        plan = pickle.load(file)
    mine = range(args.part, len(plan["channels"]), 1)
    share = [k for k in mine if plan["part"][k] == args.part]
    feed = Feed([plan["channels"][k] for k in share], share, plan["moved"])

    def now_ns() -> int:
        return T0_NS + round((time.time() - args.begin) * args.speed * NS)

    first = max(0, steps_due(now_ns()) - HOLD_S * PHASES // RECORD_S)
    ring = Ring(max_bytes=600 << 20, first_seq=feed.first_seq(first))
    server = Server(ring, "127.0.0.1", args.port)
    step = first
    while step < steps_due(now_ns()):
        server.publish(feed.step(step))
        step += 1
    await server.open()
    print(f"open {server.port}", flush=True)
    while True:
        due = steps_due(now_ns())
        while step < due and step < args.steps:
            server.publish(feed.step(step))
            step += 1
            if step % 8 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(RECORD_S / PHASES / args.speed / 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plan", required=True)
    parser.add_argument("--part", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--begin", type=float, required=True, help="wall time of the beginning")
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--steps", type=int, required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
