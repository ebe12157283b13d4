"""Stopping a daemon with a live source: what was acknowledged is journaled, once, and goes on next time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from live import serving
from runtime_daemon import records
from seiswarn.blocks import columns
from seiswarn.messages import Slice, decode
from seiswarn.runtime.files import INPUT
from service.daemons import Running

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("service")]


def journaled(folder: Path, epoch_ns: int) -> dict[str, Counter[int]]:
    """How often each packet of each station stands in the journal."""
    found: dict[str, Counter[int]] = {}
    for _, payload in records(folder / INPUT):
        piece = decode(payload)
        assert isinstance(piece, Slice)
        for block in piece.blocks:
            for channel, t0 in zip(block.channels, columns(block).t0_ns.tolist(), strict=True):
                k = round((t0 - epoch_ns) / (serving.PACKET_S * serving.NS))
                found.setdefault(channel.split("_")[1], Counter())[k] += 1
    return found


def acknowledged(folder: Path) -> dict[str, int]:
    """The end of the last record of each station that the source holds for safe, ns."""
    (state,) = (folder / "sources").glob("seedlink-*.json")
    told = msgspec.json.decode(state.read_bytes())
    return {station.split("_")[1]: int(last_ns) for station, (_, last_ns) in told["stations"].items()}


def test_nothing_is_lost_or_doubled_over_a_stop(tmp_path: Path) -> None:
    with Running(tmp_path / "run") as daemon:
        daemon.wait_until_it_works()
        daemon.process.terminate()
        assert daemon.process.wait(90) == 0, daemon.printed()
        epoch = daemon.serving.epoch_ns
        before = journaled(daemon.folder, epoch)
        safe = acknowledged(daemon.folder)
        for station, end_ns in safe.items():
            last = round((end_ns - epoch) / (serving.PACKET_S * serving.NS)) - 1
            assert before[station][last] == 1, (station, last, max(before[station]))
        status = daemon.status()
        assert status is not None
        assert status.stopping
        daemon.again()
        daemon.wait_until_it_works()
        daemon.process.terminate()
        assert daemon.process.wait(90) == 0, daemon.printed()
        after = journaled(daemon.folder, epoch)
        assert len(after) == 4
        for station, counts in after.items():
            assert max(counts) > max(before[station])
            whole = dict.fromkeys(range(min(counts), max(counts) + 1), 1)
            assert dict(counts) == whole, station
        assert not daemon.children()
