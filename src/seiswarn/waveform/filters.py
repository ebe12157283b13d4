"""Second-order sections, designed here so that no process has to load a signal library.

Each section is (b0, b1, b2, a1, a2) with a0 = 1, by the bilinear transform with the corner
frequency pre-warped, which equals scipy.signal.butter(2, ...) (tested against it).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# Rows of the coefficient table of one sampling rate.
INTEGRATE = 0  # integration and two-pole high-pass in one section
HIGHPASS = 1  # the two-pole high-pass alone
PICK_LOW, PICK_HIGH = 2, 3  # band-pass of the picker as high-pass then low-pass
GBT_LOW, GBT_HIGH = 4, 5  # 0.1 to 10 Hz of GB/T 17742-2020
JMA_FIRST = 6  # six sections of Kunugi et al. (2013)
N_JMA = 6
WOOD_ANDERSON = JMA_FIRST + N_JMA  # trace amplitude out of acceleration
S_LOW, S_HIGH = WOOD_ANDERSON + 1, WOOD_ANDERSON + 2  # band in which S is looked for
MECHANICAL = S_HIGH + 1  # displacement as the magnitude of JMA wants it, out of acceleration
N_SECTIONS = MECHANICAL + 1
S_BAND_HZ = (1.0, 20.0)

KUNUGI_GAIN = 1.262
# Standard torsion seismograph for ML: IASPEI (2013), Summary of magnitude working group
# recommendations; static magnification by Uhrhammer and Collins (1990), BSSA 80, 702-716.
WA_HZ, WA_DAMPING, WA_MAGNIFICATION = 1.25, 0.7, 2080.0
# The mechanical seismograph on whose displacement the magnitude of the Japan Meteorological Agency is
# defined: natural period 6 s, damping 0.55 (Katsumata et al. 2013, Earth Planets Space 65, 843-853,
# introduction).
JMA_HZ, JMA_DAMPING = 1.0 / 6.0, 0.55
NYQUIST_MARGIN = 0.8  # a low-pass closer to the Nyquist frequency than this does nothing and is left out


def highpass(corner_hz: float, rate_hz: float) -> F64:
    """Two-pole Butterworth high-pass section."""
    k = math.tan(math.pi * corner_hz / rate_hz)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    return np.array(
        [norm, -2.0 * norm, norm, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm]
    )


def lowpass(corner_hz: float, rate_hz: float) -> F64:
    """Two-pole Butterworth low-pass section; the identity when the corner is at or above Nyquist."""
    if corner_hz >= 0.5 * NYQUIST_MARGIN * rate_hz:
        return np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    k = math.tan(math.pi * corner_hz / rate_hz)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    b = k * k * norm
    return np.array([b, 2.0 * b, b, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm])


def integrating_highpass(corner_hz: float, rate_hz: float) -> F64:
    """Trapezoidal integration followed by the two-pole high-pass, as one stable section.

    The pole of the integrator at z = 1 cancels one of the two zeros of the high-pass, so an
    offset cannot run away: H(z) = (dt/2) b0 (1 - z^-2) / (1 + a1 z^-1 + a2 z^-2).
    """
    h = highpass(corner_hz, rate_hz)
    b = 0.5 / rate_hz * h[0]
    return np.array([b, 0.0, -b, h[3], h[4]])


def kunugi_sections(rate_hz: float) -> F64:
    """Six sections of the recursive filter for real-time JMA intensity, (6, 5), gain included.

    Kunugi, Aoi, Nakamura, Suzuki, Morikawa, Fujiwara (2013), Zisin 65, 223-230: f0 0.45, f1 7.0,
    f2 0.5, f3 12, f4 20, f5 30 Hz; h2a 1.0, h2b 0.75, h3 0.9, h4 0.6, h5 0.6; gain 1.262. Input and
    output in the same unit (m/s^2 here). Tested against the official frequency-domain filter.
    Made for 100 Hz and more; below, low-pass sections too near the Nyquist frequency, where the
    scheme loses accuracy and then stability, are replaced by bilinear ones or left out.
    """
    d2, d1 = rate_hz * rate_hz, rate_hz
    f0, f1, f2, f3, f4, f5 = (2.0 * math.pi * f for f in (0.45, 7.0, 0.5, 12.0, 20.0, 30.0))
    b0 = (4 * d2 + 2 * f1 * d1, -8 * d2, 4 * d2 - 2 * f1 * d1)
    a0 = (8 * d2 + (4 * f0 + 2 * f1) * d1 + f0 * f1, 2 * f0 * f1 - 16 * d2)
    rows = [_section(b0, (*a0, 8 * d2 - (4 * f0 + 2 * f1) * d1 + f0 * f1))]
    b1 = (4 * d2 + 8.5 * f1 * d1 + f1 * f1, 2 * f1 * f1 - 8 * d2, 4 * d2 - 8.5 * f1 * d1 + f1 * f1)
    a1 = (16 * d2 + 17 * f1 * d1 + f1 * f1, 2 * f1 * f1 - 32 * d2, 16 * d2 - 17 * f1 * d1 + f1 * f1)
    rows.append(_section(b1, a1))
    rows.append(_section(_quadratic(f2, 1.0, rate_hz), _quadratic(f2, 0.75, rate_hz)))
    for w, h in ((f3, 0.9), (f4, 0.6), (f5, 0.6)):
        if rate_hz >= 100.0:
            rows.append(_section((w * w, 10 * w * w, w * w), _quadratic(w, h, rate_hz)))
        else:
            rows.append(_damped_lowpass(w / (2.0 * math.pi), h, rate_hz))
    out = np.array(rows)
    out[0, :3] *= KUNUGI_GAIN
    return out


def _quadratic(w: float, h: float, rate_hz: float) -> tuple[float, float, float]:
    """s^2 + 2 h w s + w^2 in the authors' discretisation, times 12."""
    d2, d1 = rate_hz * rate_hz, rate_hz
    return (12 * d2 + 12 * h * w * d1 + w * w, 10 * w * w - 24 * d2, 12 * d2 - 12 * h * w * d1 + w * w)


def _section(b: tuple[float, float, float], a: tuple[float, float, float]) -> F64:
    return np.array([b[0] / a[0], b[1] / a[0], b[2] / a[0], a[1] / a[0], a[2] / a[0]])


def _damped_lowpass(corner_hz: float, h: float, rate_hz: float) -> F64:
    """w^2 / (s^2 + 2 h w s + w^2) by the bilinear transform, or the identity near Nyquist."""
    if corner_hz >= 0.5 * NYQUIST_MARGIN * rate_hz:
        return np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    k = math.tan(math.pi * corner_hz / rate_hz)
    norm = 1.0 / (1.0 + 2.0 * h * k + k * k)
    b = k * k * norm
    return np.array([b, 2.0 * b, b, 2.0 * (k * k - 1.0) * norm, (1.0 - 2.0 * h * k + k * k) * norm])


def wood_anderson(rate_hz: float) -> F64:
    """Ground acceleration to trace amplitude of a Wood-Anderson seismograph, both per metre.

    The mirror moves as an oscillator under acceleration: x'' + 2 h w x' + w^2 x = -a, magnified; the
    sign of the trace is of no use and left out. Bilinear, with the natural frequency pre-warped.
    """
    section = _damped_lowpass(WA_HZ, WA_DAMPING, rate_hz)
    section[:3] *= WA_MAGNIFICATION / (2.0 * math.pi * WA_HZ) ** 2
    return section


def mechanical_displacement(rate_hz: float) -> F64:
    """Ground acceleration (m/s^2) to the displacement (m) that JMA's mechanical seismograph shows.

    The oscillator of `wood_anderson` with a period of 6 s, unmagnified: ground displacement above its
    natural frequency, less and less of it below. Bilinear, pre-warped.
    """
    section = _damped_lowpass(JMA_HZ, JMA_DAMPING, rate_hz)
    section[:3] /= (2.0 * math.pi * JMA_HZ) ** 2
    return section


def design(rate_hz: float, highpass_hz: float, pick_low_hz: float, pick_high_hz: float) -> F64:
    """All sections of one sampling rate, (N_SECTIONS, 5), rows as named above."""
    table = np.empty((N_SECTIONS, 5))
    table[INTEGRATE] = integrating_highpass(highpass_hz, rate_hz)
    table[HIGHPASS] = highpass(highpass_hz, rate_hz)
    table[PICK_LOW] = highpass(min(pick_low_hz, 0.2 * rate_hz), rate_hz)
    table[PICK_HIGH] = lowpass(pick_high_hz, rate_hz)
    table[GBT_LOW] = highpass(0.1, rate_hz)
    table[GBT_HIGH] = lowpass(10.0, rate_hz)
    table[JMA_FIRST:WOOD_ANDERSON] = kunugi_sections(rate_hz)
    table[S_LOW] = highpass(S_BAND_HZ[0], rate_hz)
    table[S_HIGH] = lowpass(S_BAND_HZ[1], rate_hz)
    table[WOOD_ANDERSON] = wood_anderson(rate_hz)
    table[MECHANICAL] = mechanical_displacement(rate_hz)
    return table
