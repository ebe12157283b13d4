"""Whole-record measures against closed forms, scipy and the golden tables."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import signal

from seiswarn.waveform import official
from tests.reference import measures_twin as twin

RATE = 100.0


def golden(root: Path, name: str) -> list[dict[str, str]]:
    lines = (root / "tests" / "golden" / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def sinusoid(f_hz: float, amplitude: float, seconds: float = 60.0) -> np.ndarray:
    return amplitude * np.sin(2 * math.pi * f_hz * np.arange(int(seconds * RATE)) / RATE)


# Gain of the three filters, each worked out by itself with 50-digit decimals from the notice's formulas.
JMA_GAIN = {0.1: 0.2822682, 0.5: 1.1234098, 1.0: 0.9963688, 2.0: 0.6973598, 5.0: 0.4100510, 10.0: 0.2235029}


@pytest.mark.parametrize(("f_hz", "gain"), list(JMA_GAIN.items()))
def test_gain_of_the_jma_filter(f_hz: float, gain: float) -> None:
    assert official.jma_filter(np.array([0.0, f_hz])) == pytest.approx([0.0, gain], rel=1e-6)


@pytest.mark.parametrize("f_hz", [0.5, 1.0, 2.0, 5.0])
def test_circular_motion_has_a_known_jma_intensity(f_hz: float) -> None:
    """Two components a quarter period apart: the vector has constant length, whatever 0.3 s one takes."""
    t = np.arange(6000) / RATE
    a = np.array([np.cos(2 * math.pi * f_hz * t), np.sin(2 * math.pi * f_hz * t), 0 * t]) * 0.5
    expected = 2 * math.log10(50.0 * JMA_GAIN[f_hz]) + 0.94
    assert official.jma_intensity(a, RATE) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("f_hz", [0.5, 1.0, 2.0])
def test_linear_motion_is_exceeded_for_its_share_of_the_time(f_hz: float) -> None:
    """|sin| is above cos(pi p / 2) for the share p of the time; 0.3 s of 20 s is 1.5 %."""
    a = np.zeros((3, 2000))
    a[1] = sinusoid(f_hz, 0.2, 20.0)
    expected = 2 * math.log10(20.0 * JMA_GAIN[f_hz] * math.cos(math.pi / 2 * 0.3 / 20.0)) + 0.94
    assert official.jma_intensity(a, RATE) == pytest.approx(expected, abs=2e-3)


def test_a_burst_shorter_than_the_duration_does_not_count() -> None:
    a = np.zeros((3, 6000))
    a[0, 3000] = 5.0  # one sample, ten times the peak of what follows
    alone = official.jma_intensity(a, RATE)
    a[0, 3000] = 0.0
    a[0] += sinusoid(2.0, 0.5)
    assert official.jma_intensity(a, RATE) > alone + 0.5


@given(some.floats(1e-3, 1e3), some.integers(0, 10_000))
def test_ten_times_the_motion_is_two_degrees(factor: float, seed: int) -> None:
    a = np.random.default_rng(seed).standard_normal((3, 400))
    grown = official.jma_intensity(factor * a, RATE) - official.jma_intensity(a, RATE)
    assert grown == pytest.approx(2 * math.log10(factor), abs=1e-9)


def test_nothing_has_no_intensity_and_too_little_is_refused() -> None:
    assert official.jma_intensity(np.zeros((3, 100)), RATE) == -math.inf
    with pytest.raises(ValueError, match="too short"):
        official.jma_intensity(np.ones((3, 30)), RATE)


@pytest.mark.parametrize(
    ("intensity", "published", "name"),
    [
        (4.494, 4.4, "4"),
        (4.495, 4.5, "5-lower"),
        (4.4949, 4.4, "4"),
        (5.996, 6.0, "6-upper"),
        (5.994, 5.9, "6-lower"),
        (4.996, 5.0, "5-upper"),
        (6.499, 6.5, "7"),
        (0.49, 0.4, "0"),
        (0.5, 0.5, "1"),
        (-0.3, -0.3, "0"),
    ],
)
def test_published_form_and_class(intensity: float, published: float, name: str) -> None:
    assert official.jma_rounded(intensity) == pytest.approx(published)
    assert official.jma_class(intensity) == name


@pytest.mark.parametrize("damping", [0.0, 0.02, 0.05, 0.3])
def test_response_spectrum_is_the_oscillators_own(damping: float) -> None:
    rng = np.random.default_rng(7)
    t = np.arange(3000) / RATE
    a = np.sin(2 * math.pi * 2.0 * t) * np.exp(-t / 5) + 0.1 * rng.standard_normal(len(t))
    periods = np.array([0.0, 0.1, 0.3, 1.0, 3.0])
    got = official.response_spectrum(a, RATE, periods, damping)
    assert got[0] == np.max(np.abs(a))
    for period, psa in zip(periods[1:], got[1:], strict=True):
        w = 2 * math.pi / period
        d = signal.lsim(([w * w], [1.0, 2 * damping * w, w * w]), a, t)[1]
        assert psa == pytest.approx(np.max(np.abs(d)), rel=1e-9)


def test_resonance_is_one_over_twice_the_damping() -> None:
    a = sinusoid(1.0, 1.0, 120.0)
    assert official.response_spectrum(a, RATE, np.array([1.0]))[0] == pytest.approx(10.0, rel=2e-3)
    with pytest.raises(ValueError, match="damping"):
        official.response_spectrum(a, RATE, np.array([1.0]), 1.0)


def test_arias_and_cav_of_a_sinusoid() -> None:
    a = np.array([sinusoid(1.0, 2.0, 10.0)])
    assert official.arias(a, RATE) == pytest.approx(math.pi / (2 * 9.80665) * 4.0 / 2 * 10.0, rel=1e-9)
    assert official.cav(a, RATE) == pytest.approx(2.0 * 2 / math.pi * 10.0, rel=1e-3)
    both = np.vstack([a, a])
    assert official.arias(both, RATE) == pytest.approx(2 * official.arias(a, RATE))
    assert official.cav(both, RATE) == pytest.approx(math.sqrt(2.0) * official.cav(a, RATE))


def test_peaks_of_a_wave_group() -> None:
    """Velocity and displacement are a/w and a/w^2 where the band is narrow and far above the high-pass."""
    t = np.arange(int(120 * RATE)) / RATE
    w = 2 * math.pi * 2.0
    group = np.exp(-(((t - 60) / 10) ** 2))
    a = np.array([3.0 * group * np.sin(w * t), 4.0 * group * np.sin(w * t), 0 * t]) + 0.5
    p = official.peaks(a, RATE)
    assert p.pga_mps2 == pytest.approx([3.0, 4.0, 0.0], rel=1e-2, abs=1e-9)
    assert p.vector_pga_mps2 == pytest.approx(5.0, rel=1e-2)
    assert p.vector_pgv_mps == pytest.approx(5.0 / w, rel=1e-2)
    assert p.vector_pgd_m == pytest.approx(5.0 / w**2, rel=1e-2)


# Linear interpolation between samples is what the exact solution assumes: at 20 Hz a wave of 4 Hz is weak.
@pytest.mark.parametrize(("rate", "within"), [(20.0, 0.025), (100.0, 1e-3), (200.0, 3e-4)])
@pytest.mark.parametrize("instrument", ["iaspei", "richter"])
def test_wood_anderson_amplitude_of_obspy(
    project_root: Path, rate: float, within: float, instrument: str
) -> None:
    rows = golden(project_root, "wood_anderson.csv")
    row = next(
        r for r in rows if (r["set"], float(r["rate_hz"]), r["instrument"]) == ("synthetic", rate, instrument)
    )
    a = twin.wood_anderson_ground(rate)
    trace = (
        official.wood_anderson(a, rate)
        if instrument == "iaspei"
        else official.wood_anderson(
            a,
            rate,
            magnification=official.WOOD_ANDERSON_MAGNIFICATION_RICHTER,
            damping=official.WOOD_ANDERSON_DAMPING_RICHTER,
        )
    )
    assert 1e3 * np.max(np.abs(trace)) == pytest.approx(float(row["peak_mm"]), rel=within)


def test_wood_anderson_constants_are_the_poles_of_iaspei() -> None:
    w = 2 * math.pi / official.WOOD_ANDERSON_PERIOD_S
    h = official.WOOD_ANDERSON_DAMPING_IASPEI
    assert (h * w, math.sqrt(1 - h * h) * w) == pytest.approx((5.49779, 5.60886), abs=1e-4)


def test_wood_anderson_takes_components_side_by_side() -> None:
    a = np.array([twin.wood_anderson_ground(RATE), -twin.wood_anderson_ground(RATE)])
    both = official.wood_anderson(a, RATE)
    assert both.shape == a.shape
    assert np.array_equal(both[0], -both[1])
    assert np.array_equal(both[0], official.wood_anderson(a[0], RATE))
    assert np.allclose(both[0], twin.wood_anderson_exact(a[0], RATE), atol=1e-9)
    with pytest.raises(ValueError, match="damping"):
        official.wood_anderson(a, RATE, damping=1.0)
