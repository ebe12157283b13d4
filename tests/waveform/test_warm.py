"""After warming nothing is compiled: a kernel met for the first time in an earthquake stalls for seconds."""

from __future__ import annotations

import numpy as np
import pytest

from seiswarn.blocks import blocks_of
from seiswarn.messages import Packet, Slice
from seiswarn.waveform.detect import detect
from seiswarn.waveform.intake import intake
from seiswarn.waveform.kernels import plan
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage
from seiswarn.waveform.vectors import advance
from tests.waveform.conftest import T0, make_table, packets

KERNELS = (plan, intake, detect, advance)
COUNTS = np.round(1e3 * np.random.default_rng(1).standard_normal(100)).astype(np.int64)


def some(channels: str, n: int = 100, dtype: type = np.int64) -> list[Packet]:
    data = np.resize(COUNTS, n).astype(dtype)
    return [
        packets(f"FDSN:XX_S00{s}__H_N_{c}", data, [])[0]
        for s, c in zip(channels[::2], channels[1::2], strict=True)
    ]


SLICES = {
    "one block in order": [some("0E0N0Z")],
    "out of order": [some("1Z0Z0E0N")],
    "two sources": [some("0E0N0Z"), some("1E1N1Z")],
    "whole numbers and others": [some("0E0N0Z") + some("1E1N1Z", dtype=np.float64)],
    "unknown": [some("0E7Z0N")],
    "long": [some("0E0N0Z", 1000)],
    "twice": [some("0E0N0Z0Z")],
    "no vertical": [some("0E0N")],
    "one sample": [some("0E0N0Z", 1)],
}


@pytest.mark.parametrize("name", SLICES)
def test_nothing_is_compiled_after_warming(name: str) -> None:
    stage = WaveformStage(Params(), make_table(2))
    stage.warm_picker()
    stage.warm_rest()
    before = [len(kernel.signatures) for kernel in KERNELS]
    blocks = tuple(block for source in SLICES[name] for block in blocks_of(source))
    for _ in range(2):
        stage.handle(T0, [Slice(t_seen_ns=T0, blocks=blocks, status="test")])
    assert [len(kernel.signatures) for kernel in KERNELS] == before
    assert all(n == 1 for n in before)
