"""Single kernels: onset, intensity, continuity."""

from __future__ import annotations

import numpy as np
import pytest
from obspy.signal.trigger import recursive_sta_lta

from seiswarn.timebase import NS
from seiswarn.waveform import detect, quality
from seiswarn.waveform import state as st
from seiswarn.waveform.intensity import intensity_gbt, intensity_jma
from seiswarn.waveform.params import Params
from seiswarn.waveform.pickers.aic import aic_onset
from seiswarn.waveform.stage import WaveformStage
from tests.reference import waveform_twin as twin
from tests.waveform.conftest import T0, feed, make_table, packets, wavelet


@pytest.mark.parametrize("seed", range(5))
def test_aic_equals_its_twin(seed: int) -> None:
    x = wavelet(seed, n=400, onset=300)
    k, sigma = aic_onset(x, np.empty(400))
    assert k == twin.aic_onset(x)
    assert 0 <= sigma < 20


def test_sta_lta_approaches_obspys_once_its_averages_have_filled() -> None:
    """Ours divides by the samples so far while an average fills; obspy starts from zero."""
    params = Params(sta_s=0.5, lta_s=2.0)
    stage = WaveformStage(params, make_table())
    x = np.round(1e4 * np.random.default_rng(3).standard_normal(4000)).astype(np.int64)
    feed(stage, packets("FDSN:XX_S000__H_N_Z", x, [1000, 2000]))
    tail = stage._engine._state.ptail[0, :, 1]
    band = twin.motions(x, 1e6, 100.0)["pick"]
    theirs = recursive_sta_lta(band, 50, 200)[-1]
    assert tail[detect.STA] / tail[detect.LTA] == pytest.approx(theirs, rel=1e-6)


# PGA (m/s^2), PGV (m/s), intensity: worked by hand from the formulas of Annex A.
GBT = [
    (1.0, 0.1, (6.59 + 6.77) / 2 if 6.59 < 6 else 6.77),
    (0.1, 0.01, (3.42 + 3.77) / 2),
    (0.0, 0.0, 1.0),
    (100.0, 100.0, 12.0),
]


@pytest.mark.parametrize(("pga", "pgv", "expected"), GBT)
def test_gbt_intensity(pga: float, pgv: float, expected: float) -> None:
    assert intensity_gbt(pga, pgv) == pytest.approx(expected, abs=1e-9)


def test_jma_intensity_of_known_levels() -> None:
    # I = 2 log10 a + 0.94: 100 gal gives 4.94, 1 gal gives 0.94.
    assert intensity_jma(1.0) == pytest.approx(4.94)
    assert intensity_jma(0.01) == pytest.approx(0.94)


ADMIT = [
    (0, quality.CONTIGUOUS, 0, 0),
    (+4_000_000, quality.CONTIGUOUS, 0, 0),  # 0.4 samples of jitter
    (+50_000_000, quality.FILLED, 0, 5),
    (+10_000_000, quality.DRIFTED, 0, 1),
    (-10_000_000, quality.DRIFTED, 1, 0),
    (+2 * NS, quality.RESET, 0, 0),
    (-300_000_000, quality.TRIMMED, 30, 0),
    (-500_000_000, quality.DROPPED, 50, 0),
    (-100 * NS, quality.STALE, 50, 0),
]


@pytest.mark.parametrize(("offset_ns", "code", "skip", "fill"), ADMIT)
def test_admit(offset_ns: int, code: int, skip: int, fill: int) -> None:
    row = np.zeros(st.N_CI, dtype=np.int64)
    row[st.SEEN], row[st.SEG_T0], row[st.N] = 1, T0, 1000
    assert quality.admit(row, T0 + 10 * NS + offset_ns, 50, 0, 100.0, 0.1) == (code, skip, fill)
