"""Measures of a whole record, for reports and analysts: what the streaming kernels approach.

Nothing here is on the path of a packet. Arrays are acceleration in m/s^2, components first, free of
gaps; results are SI unless the name says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

JMA_DURATION_S = 0.3
STANDARD_GRAVITY_MPS2 = 9.80665

# The instrument of Anderson and Wood (1925) as Richter (1935) describes it, with the magnification the
# makers intended, and as IASPEI (2013) standardised it from what Uhrhammer and Collins (1990), Bull.
# Seism. Soc. Am. 80(3), 702-716, measured: 2080 +- 60, damping 0.7 (poles -5.49779 +- 5.60886i rad/s).
WOOD_ANDERSON_PERIOD_S = 0.8
WOOD_ANDERSON_DAMPING_IASPEI = 0.7
WOOD_ANDERSON_MAGNIFICATION_IASPEI = 2080.0
WOOD_ANDERSON_DAMPING_RICHTER = 0.8
WOOD_ANDERSON_MAGNIFICATION_RICHTER = 2800.0

# Lower bounds of the classes of instrumental intensity (JMA notice no. 4 of 1996).
_JMA_CLASSES = (
    (6.5, "7"),
    (6.0, "6-upper"),
    (5.5, "6-lower"),
    (5.0, "5-upper"),
    (4.5, "5-lower"),
    (3.5, "4"),
    (2.5, "3"),
    (1.5, "2"),
    (0.5, "1"),
)


class Peaks(NamedTuple):
    """Largest absolute values of a record, by component and of the vector sum."""

    pga_mps2: F64  # (n_comp,)
    pgv_mps: F64
    pgd_m: F64
    vector_pga_mps2: float
    vector_pgv_mps: float
    vector_pgd_m: float


def jma_filter(frequency_hz: F64) -> F64:
    """Gain of the filter of JMA seismic intensity at positive frequencies, 0 at 0 Hz.

    Product of the period-effect filter f^-1/2, the high-cut and the low-cut filter (Japan
    Meteorological Agency, notice no. 4 of 1996; Nishimae 1999).
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    x2 = (f / 10.0) ** 2
    poly = 1.0 + x2 * (
        0.694 + x2 * (0.241 + x2 * (0.0557 + x2 * (0.009664 + x2 * (0.00134 + x2 * 0.000155))))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.sqrt(-np.expm1(-((f / 0.5) ** 3)) / (f * poly))
    return np.where(f > 0.0, gain, 0.0)


def jma_level(a_mps2: F64, rate_hz: float) -> float:
    """Level in m/s^2 which the filtered vector acceleration exceeds for 0.3 s in total.

    Parameters
    ----------
    a_mps2
        (3, n) acceleration; an offset does no harm, the filter stops it.
    rate_hz
        samples per second; the record has to be longer than 0.3 s.
    """
    a = np.atleast_2d(np.asarray(a_mps2, dtype=np.float64))
    n = a.shape[1]
    rank = max(1, int(JMA_DURATION_S * rate_hz))
    if n <= rank:
        raise ValueError(f"a record of {n} samples is too short for an intensity at {rate_hz} Hz")
    spectrum = np.fft.rfft(a, axis=1) * jma_filter(np.fft.rfftfreq(n, 1.0 / rate_hz).astype(np.float64))
    vector = np.sqrt(np.sum(np.fft.irfft(spectrum, n, axis=1) ** 2, axis=0))
    return float(np.partition(vector, n - rank)[n - rank])


def jma_intensity(a_mps2: F64, rate_hz: float) -> float:
    """Official JMA instrumental intensity of a whole record, not rounded: I = 2 log10 a(gal) + 0.94.

    By the discrete Fourier transform of the record as it stands, as the definition has it; minus
    infinity for a record of nothing.
    """
    level_gal = 100.0 * jma_level(a_mps2, rate_hz)
    return 2.0 * math.log10(level_gal) + 0.94 if level_gal > 0.0 else -math.inf


def jma_rounded(intensity: float) -> float:
    """The value as it is published: rounded to the second decimal, then cut after the first."""
    # In hundredths, and those freed of binary dust, so that 4.995 goes up as it does on paper.
    hundredths = math.floor(round(abs(intensity) * 100.0, 6) + 0.5)
    return math.copysign(hundredths // 10 / 10.0, intensity)


def jma_class(intensity: float) -> str:
    """Name of the intensity class (0 to 4, 5-lower ... 6-upper, 7) of an instrumental intensity."""
    published = jma_rounded(intensity)
    return next((name for bound, name in _JMA_CLASSES if published >= bound), "0")


def response_spectrum(a_mps2: F64, rate_hz: float, periods_s: F64, damping: float = 0.05) -> F64:
    """Pseudo-acceleration response spectrum of one component, m/s^2, by exact piecewise integration.

    Nigam and Jennings (1969), Bull. Seism. Soc. Am. 59(2), 909-922, equations (2.7), (2.8): exact for
    ground acceleration linear between samples; the oscillator starts at rest. A period of 0 gives the
    peak acceleration. Reliable for periods above about ten sample intervals, where the peak cannot
    fall between samples.

    Parameters
    ----------
    a_mps2
        (n,) acceleration without offset.
    periods_s
        (m,) oscillator periods.
    damping
        fraction of critical damping, below 1.

    Returns
    -------
    (m,) omega^2 times the largest displacement of each oscillator.
    """
    if not 0.0 <= damping < 1.0:
        raise ValueError(f"damping has to be at least 0 and below 1, not {damping}")
    a = np.asarray(a_mps2, dtype=np.float64)
    periods = np.asarray(periods_s, dtype=np.float64)
    out = np.full(periods.shape, np.max(np.abs(a)))
    w = 2.0 * math.pi / periods[periods > 0.0]
    (a11, a12, a21, a22), (b11, b12, b21, b22) = _nigam_jennings(w, damping, 1.0 / rate_hz)
    d, v, peak = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for a0, a1 in zip(a[:-1].tolist(), a[1:].tolist(), strict=True):
        d, v = a11 * d + a12 * v + b11 * a0 + b12 * a1, a21 * d + a22 * v + b21 * a0 + b22 * a1
        np.maximum(peak, np.abs(d), out=peak)
    out[periods > 0.0] = w * w * peak
    return out


def _nigam_jennings(w: F64, z: float, dt: float) -> tuple[tuple[F64, F64, F64, F64], tuple[F64, ...]]:
    """Matrices A and B of the step x(i+1) = A x(i) + B (a(i), a(i+1)), x = (displacement, velocity)."""
    root = math.sqrt(1.0 - z * z)
    wd = w * root
    e, s, c = np.exp(-z * w * dt), np.sin(wd * dt), np.cos(wd * dt)
    step = (
        e * (z / root * s + c),
        e * s / wd,
        -w / root * e * s,
        e * (c - z / root * s),
    )
    w2, w3 = w * w, w**3
    p, q = (2.0 * z * z - 1.0) / (w2 * dt), 2.0 * z / (w3 * dt)
    sine, rise = s / wd, c - z / root * s
    fall = wd * s + z * w * c
    load = (
        e * ((p + z / w) * sine + (q + 1.0 / w2) * c) - q,
        -e * (p * sine + q * c) - 1.0 / w2 + q,
        e * ((p + z / w) * rise - (q + 1.0 / w2) * fall) + 1.0 / (w2 * dt),
        -e * (p * rise - q * fall) - 1.0 / (w2 * dt),
    )
    return step, load


def arias(a_mps2: F64, rate_hz: float) -> float:
    """Arias intensity in m/s, pi / 2g times the integral of the squared acceleration, components added.

    Arias (1970), A measure of earthquake intensity, MIT Press, 438-483.
    """
    a = np.atleast_2d(np.asarray(a_mps2, dtype=np.float64))
    return float(math.pi / (2.0 * STANDARD_GRAVITY_MPS2) * np.sum(a * a) / rate_hz)


def cav(a_mps2: F64, rate_hz: float) -> float:
    """Cumulative absolute velocity in m/s: the integral of the vector acceleration's length.

    EPRI (1988), NP-5930, without threshold; give one row for the value of one component.
    """
    a = np.atleast_2d(np.asarray(a_mps2, dtype=np.float64))
    return float(np.sum(np.sqrt(np.sum(a * a, axis=0))) / rate_hz)


def peaks(a_mps2: F64, rate_hz: float, highpass_hz: float = 0.075) -> Peaks:
    """Peak acceleration, velocity and displacement of a record, (n_comp, n).

    The mean is taken off; velocity and displacement come by integration in the frequency domain with
    a two-pole Butterworth gain against drift at each step, without phase shift: what an analyst sees
    after processing, not what was known in real time.
    """
    a = np.atleast_2d(np.asarray(a_mps2, dtype=np.float64))
    a = a - a.mean(axis=1, keepdims=True)
    v = _integrate(a, rate_hz, highpass_hz)
    u = _integrate(v, rate_hz, highpass_hz)
    by_component = [np.max(np.abs(x), axis=1) for x in (a, v, u)]
    vector = [float(np.sqrt(np.max(np.sum(x * x, axis=0)))) for x in (a, v, u)]
    return Peaks(by_component[0], by_component[1], by_component[2], vector[0], vector[1], vector[2])


def _integrate(x: F64, rate_hz: float, highpass_hz: float) -> F64:
    """Integral over time in the frequency domain, padded so that the end does not fold onto the start."""
    n = x.shape[1]
    pad = 1 << math.ceil(math.log2(n + 4.0 * rate_hz / highpass_hz))
    f = np.fft.rfftfreq(pad, 1.0 / rate_hz)
    gain = np.zeros(len(f), dtype=np.complex128)
    gain[1:] = 1.0 / (2j * math.pi * f[1:] * np.sqrt(1.0 + (highpass_hz / f[1:]) ** 4))
    integral: F64 = np.fft.irfft(np.fft.rfft(x, pad, axis=1) * gain, pad, axis=1)[:, :n]
    return integral


def wood_anderson(
    a_mps2: F64,
    rate_hz: float,
    *,
    magnification: float = WOOD_ANDERSON_MAGNIFICATION_IASPEI,
    damping: float = WOOD_ANDERSON_DAMPING_IASPEI,
    period_s: float = WOOD_ANDERSON_PERIOD_S,
) -> F64:
    """Trace of a Wood-Anderson seismograph in metres for ground acceleration, same shape as given.

    The instrument is a pendulum, trace = magnification x s^2 / (s^2 + 2 h w s + w^2) of displacement,
    that is magnification / (s^2 + 2 h w s + w^2) of acceleration; the trace of Richter's convention is
    positive where the ground moves along the component. Its largest absolute value, zero to peak, in
    millimetres is the amplitude of ML. Solved exactly in the time domain for acceleration linear
    between samples (Nigam and Jennings 1969). For a record of velocity differentiate first.
    """
    if not 0.0 <= damping < 1.0:
        raise ValueError(f"damping has to be at least 0 and below 1, not {damping}")
    a = np.asarray(a_mps2, dtype=np.float64)
    rows = np.atleast_2d(a)
    w = np.array([2.0 * math.pi / period_s])
    (a11, a12, a21, a22), (b11, b12, b21, b22) = (
        [float(m[0]) for m in side] for side in _nigam_jennings(w, damping, 1.0 / rate_hz)
    )
    out = np.zeros_like(rows)
    d, v = np.zeros(len(rows)), np.zeros(len(rows))
    for k in range(1, rows.shape[1]):
        a0, a1 = rows[:, k - 1], rows[:, k]
        d, v = a11 * d + a12 * v + b11 * a0 + b12 * a1, a21 * d + a22 * v + b21 * a0 + b22 * a1
        out[:, k] = d
    # d is the pendulum's place relative to the ground, driven by -a.
    return (-magnification * out).reshape(a.shape)
