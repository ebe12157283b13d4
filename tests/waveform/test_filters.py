"""Sections against an independent design, and the JMA filter against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from seiswarn.waveform import filters


def _sos(sections: np.ndarray) -> np.ndarray:
    s = np.atleast_2d(sections)
    return np.hstack([s[:, :3], np.ones((len(s), 1)), s[:, 3:]])


@pytest.mark.parametrize("rate", [20.0, 31.25, 100.0, 200.0])
@pytest.mark.parametrize("corner", [0.075, 0.1, 2.0])
def test_highpass_is_butterworth(rate: float, corner: float) -> None:
    assert np.allclose(
        _sos(filters.highpass(corner, rate)), signal.butter(2, corner, "hp", fs=rate, output="sos")
    )


@pytest.mark.parametrize("rate", [100.0, 200.0])
def test_lowpass_is_butterworth(rate: float) -> None:
    assert np.allclose(_sos(filters.lowpass(10.0, rate)), signal.butter(2, 10.0, "lp", fs=rate, output="sos"))


def test_lowpass_at_nyquist_is_the_identity() -> None:
    assert filters.lowpass(10.0, 20.0).tolist() == [1, 0, 0, 0, 0]


def test_integration_and_highpass_in_one_section() -> None:
    rate = 100.0
    x = np.random.default_rng(1).standard_normal(2000)
    integral = np.cumsum(0.5 * (x + np.concatenate([[0.0], x[:-1]]))) / rate
    expected = signal.sosfilt(signal.butter(2, 0.075, "hp", fs=rate, output="sos"), integral)
    got = signal.sosfilt(_sos(filters.integrating_highpass(0.075, rate)), x)
    assert np.allclose(got, expected, atol=1e-9)


def test_a_constant_does_not_run_away_through_the_integrator() -> None:
    got = signal.sosfilt(_sos(filters.integrating_highpass(0.075, 100.0)), np.ones(100_000))
    assert abs(got[-1]) < 1e-9


def jma_official(f: np.ndarray) -> np.ndarray:
    """The three filters of the official definition (Japan Meteorological Agency notice of 1996)."""
    x = f / 10.0
    poly = (
        1 + 0.694 * x**2 + 0.241 * x**4 + 0.0557 * x**6 + 0.009664 * x**8 + 0.00134 * x**10 + 0.000155 * x**12
    )
    return np.sqrt(1 / f) * poly**-0.5 * np.sqrt(1 - np.exp(-((f / 0.5) ** 3)))


@pytest.mark.parametrize(("rate", "to_hz"), [(100.0, 10.0), (200.0, 15.0), (50.0, 8.0), (31.25, 8.0)])
def test_kunugi_sections_follow_the_official_filter(rate: float, to_hz: float) -> None:
    f = np.geomspace(0.1, to_hz, 60)
    _, h = signal.sosfreqz(_sos(filters.kunugi_sections(rate)), f, fs=rate)
    assert np.all(np.abs(np.abs(h) / jma_official(f) - 1.0) < 0.045)


@pytest.mark.parametrize("rate", [20.0, 31.25, 50.0, 100.0, 125.0, 200.0, 250.0, 500.0])
def test_every_section_is_stable(rate: float) -> None:
    for row in filters.design(rate, 0.075, 2.0, 20.0):
        assert np.all(np.abs(np.roots([1.0, row[3], row[4]])) < 1.0)


@pytest.mark.parametrize("rate", [31.25, 100.0, 250.0])
def test_the_mechanical_displacement_is_an_oscillator_of_six_seconds(rate: float) -> None:
    f = np.geomspace(0.02, 5.0, 60)
    w, w0 = 2 * np.pi * f, 2 * np.pi / 6.0
    analytic = 1.0 / np.abs(w0**2 - w**2 + 2j * 0.55 * w0 * w)
    _, h = signal.sosfreqz(_sos(filters.mechanical_displacement(rate)), f, fs=rate)
    # The bilinear transform presses frequencies together towards the Nyquist frequency: 8 % at 5 of 15 Hz.
    assert np.allclose(np.abs(h), analytic, rtol=1.5 * (np.pi * 5.0 / rate) ** 2 / 3.0 * 2.0)
