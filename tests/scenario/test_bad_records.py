"""What the recorded sets hold of artefacts, and that motion is not taken for one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seiswarn.blocks import columns
from seiswarn.config import default_config
from seiswarn.messages import DataError, Message, Motions, PacketBlock, Slice
from seiswarn.reasons import Flag
from seiswarn.runtime.setup import archive_run
from seiswarn.waveform.stage import WaveformStage

pytestmark = pytest.mark.events


def handled(folder: Path) -> list[Message]:
    """All messages of the waveform stage over a recorded set."""
    setup, feed = archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
    stage, keeper = WaveformStage(setup.config.waveform, setup.table), setup.doorkeeper()
    out: list[Message] = []
    now = feed.start_ns
    for part in feed.stream:
        for item in (part,) if isinstance(part, PacketBlock | DataError) else part.open():
            if isinstance(item, DataError):
                continue
            now = max(now, int(columns(item).t_seen_ns.max()))
            block, _ = keeper.admit_block(item, now)
            if block is not None:
                out += stage.handle(now, [Slice(t_seen_ns=now, blocks=(block,), status="test")])
    return out


def judged(out: list[Message]) -> dict[str, int]:
    found = Counter[str]()
    for m in out:
        if isinstance(m, DataError) and m.reason in ("SPIKE", "STEP"):
            found[m.subject] += m.count
    return dict(found)


def motions(out: list[Message]) -> list[tuple[str, float, int]]:
    """(station, PGA, flags) of every second."""
    return [
        row
        for m in out
        if isinstance(m, Motions)
        for row in zip(m.stations, m.pga_mps2, m.flags, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "artefacts"),
    [
        ("kaikoura2016_m7.8_geonet", {}),
        ("ridgecrest2019_m7.1", {}),
        ("maras2023_m7.8", {}),
        ("pleasanthill2019_m4.5", {}),
        ("openeew_20180108_m4.7", {}),
        ("openeew_20200623_m7.4", {}),
        # One sample of 2 gal amid noise of a hundredth.
        ("openeew_20200129_m5.1", {"FDSN:OE_G011_00_H_N_N": 1}),
    ],
)
def test_motion_is_no_artefact(events_dir: Path, name: str, artefacts: dict[str, int]) -> None:
    assert judged(handled(events_dir / name)) == artefacts


def test_three_g_are_measured(events_dir: Path) -> None:
    rows = motions(handled(events_dir / "kaikoura2016_m7.8_geonet"))
    assert max(a for _, a, _ in rows) == pytest.approx(3.2 * 9.81, rel=0.03)
    assert not any(f & Flag.CLIPPED for _, _, f in rows)


def test_no_peak_beyond_full_scale_goes_unflagged(events_dir: Path) -> None:
    """Hawaii: seismometers at their limit; after the first clipped sample every row says so for a while."""
    rows = motions(handled(events_dir / "hawaii2019_m5.3_clipped"))
    at_limit = 0
    for station in {s for s, _, _ in rows}:
        mine = [(a, bool(f & Flag.CLIPPED)) for s, a, f in rows if s == station]
        first = next((k for k, (_, clipped) in enumerate(mine) if clipped), None)
        if first is None:
            continue
        at_limit += 1
        assert max(mine)[1]
        assert all(clipped for _, clipped in mine[first : first + 30])
    assert at_limit == 5


def test_late_and_short_records_are_named_and_shake_no_one(events_dir: Path) -> None:
    """Ridgecrest: TOW2 begins 22 s before the origin, MPM ends early; neither's edge is a peak."""
    rows = motions(handled(events_dir / "ridgecrest2019_m7.1"))
    for station in {s for s, _, _ in rows}:
        mine = [(a, f) for s, a, f in rows if s == station]
        first = mine[:9]
        assert all(f & Flag.SETTLING for _, f in first)
        assert max(a for a, _ in first) < 0.1 * max(a for a, _ in mine)
        assert np.isfinite([a for a, _ in mine]).all()
