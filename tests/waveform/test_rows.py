"""Rows that kernels write: more than there is room for is an error, never memory of others."""

from __future__ import annotations

import numpy as np
import pytest

from seiswarn.blocks import blocks_of
from seiswarn.errors import InvariantError
from seiswarn.messages import Slice
from seiswarn.waveform import engine, rows
from seiswarn.waveform.params import Params
from seiswarn.waveform.rows import quality_class
from seiswarn.waveform.stage import WaveformStage
from tests.waveform.conftest import T0, make_table, packets, wavelet


def test_too_many_rows_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rows.room_for
    monkeypatch.setattr(engine.rows, "room_for", lambda *size: real(*size[:2], 0, *size[3:4], 1))
    stage = WaveformStage(Params(), make_table(1))
    monkeypatch.setattr(stage._engine, "_rows", real(64, 0, 1, 1, 1))
    monkeypatch.setattr(stage._engine, "_room_for", (64, 10**6, 8))
    x = np.round(wavelet(1, n=1500, onset=1000) * 1e6).astype(np.int64)
    parts = [p for c in "ENZ" for p in packets(f"FDSN:XX_S000__H_N_{c}", x, list(range(0, 1500, 100)))]
    with pytest.raises(InvariantError, match="past its output rows"):
        stage.handle(T0, [Slice(t_seen_ns=T0, blocks=blocks_of(parts), status="test")])


@pytest.mark.parametrize(
    ("sigma", "snr", "name"),
    [(0.01, 20, "A"), (0.01, 6, "B"), (0.08, 20, "B"), (0.15, 4, "C"), (0.3, 50, "D")],
)
def test_quality_class(sigma: float, snr: float, name: str) -> None:
    assert quality_class(sigma, snr) == name
