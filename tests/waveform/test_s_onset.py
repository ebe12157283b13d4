"""The S search, sample by sample, against its numpy twin over whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from seiswarn.waveform import state as st
from seiswarn.waveform.pickers.s_onset import R_ONSET, R_SIGMA, R_TRIGGER, begin, follow
from tests.reference.s_onset_twin import s_onset
from tests.waveform.test_s_onset_twin import RATE, P, waves


@njit
def start(p_k: int, rate: float, ring: np.ndarray, i: np.ndarray, f: np.ndarray) -> None:
    begin(p_k, rate, ring, i, f)


def found_by_kernel(traces: list[np.ndarray], step: int) -> tuple[int, int, float] | None:
    """Onset, trigger and sigma in samples, the waves fed `step` samples at a time."""
    e, n, z = traces
    ring = np.stack([z, n, e]).astype(np.float32)
    i, f = np.zeros(st.N_SSI, dtype=np.int64), np.zeros(st.N_SSF)
    work, out = np.zeros(400), np.zeros(8)
    start(P, RATE, ring, i, f)
    for end in range(P, len(e) + 1, step):
        if follow(end, RATE, ring, i, f, work, out):
            return int(out[R_ONSET]), int(out[R_TRIGGER]), float(out[R_SIGMA])
    return None


@pytest.mark.parametrize("sp_s", [0.8, 1.5, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_finds_what_its_twin_finds(sp_s: float, seed: int) -> None:
    traces = waves(sp_s, seed=seed)
    twin = s_onset(*traces, P, RATE)
    assert twin is not None
    for step in (1, 50, 137):
        found = found_by_kernel(traces, step)
        assert found is not None
        assert found[:2] == (twin.onset, twin.trigger)
        assert found[2] == pytest.approx(twin.sigma_samples, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_s_where_the_twin_finds_none(seed: int) -> None:
    traces = waves(3.0, s_h=0.3, seed=seed)
    assert s_onset(*traces, P, RATE) is None
    assert found_by_kernel(traces, 50) is None
