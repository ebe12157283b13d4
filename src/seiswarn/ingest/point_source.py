"""The stochastic point source: how strong and how long P and S are at a distance.

The method of Boore (2003), "Simulation of ground motion using the stochastic method", Pure and
Applied Geophysics 160, 635-676: a Brune omega-squared source, geometric spreading, anelastic
attenuation, site amplification and kappa give the Fourier amplitude of acceleration; its phases
come from Gaussian noise under a window as long as rupture and path make it.

Region: generic western North American rock as in Campbell (2003, BSSA 93, 1012-1033), an active
crust with published, complete parameters. Not fitted to Guangxi or any other region: good for
drills and tests, not for hazard.

Validity: Mw 3 to 8, hypocentral distance up to 300 km. There is no rupture in space: no
directivity, no static offset, and the near field is only damped by an effective distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
C128 = npt.NDArray[np.complex128]

# Campbell (2003), table of western North American parameters.
BETA_KMPS = 3.5  # S velocity at the source
RHO_KGPM3 = 2800.0
Q0, Q_EXPONENT = 180.0, 0.45  # Q(f) = Q0 f^Q_EXPONENT
KAPPA_S = 0.04
SPREADING_KM = 40.0  # 1/R up to here, 1/sqrt(R) beyond
PATH_DURATION_S_PER_KM = 0.05
# Generic rock amplification, Boore & Joyner (1997, BSSA 87, 327-341), as tabulated there.
_AMP_HZ = np.array([0.01, 0.09, 0.16, 0.51, 0.84, 1.25, 2.26, 3.17, 6.05, 16.6, 61.2, 100.0])
_AMP = np.array([1.00, 1.10, 1.18, 1.42, 1.58, 1.74, 2.06, 2.25, 2.58, 3.13, 4.00, 4.40])

ALPHA_KMPS = BETA_KMPS * math.sqrt(3.0)  # a Poisson solid
RADIATION_S = 0.55  # average over the focal sphere, Boore & Boatwright (1984, BSSA 74, 1615-1621)
RADIATION_P = 0.52  # sqrt(4/15), root mean square, same
FREE_SURFACE = 2.0
HORIZONTAL_S = 1.0 / math.sqrt(2.0)  # partition of S onto two horizontals, Boore (2003)
# Vertical to horizontal 2/3, the rule of Newmark & Hall: vertical S energy is small and shallow.
VERTICAL_S = HORIZONTAL_S * 2.0 / 3.0
# P arrives within about 25 degrees of the vertical: 0.9 up, 0.3 on each horizontal.
VERTICAL_P, HORIZONTAL_P = 0.9, 0.3
CORNER_RATIO_P = 1.5  # fc(P) / fc(S), Madariaga (1976, BSSA 66, 639-666): 0.32 / 0.21
# Recorded P trains are weaker than the average radiation of a point source, since P onsets come
# from the first part of the rupture only. This factor brings Pd (3 s, 0.075 Hz high-pass) to the
# relations of Wu & Zhao (2006) and Kuyuk & Allen (2013): see tests/doors/test_synthetic.py.
P_TRAIN = 0.42

CODA_HZ = 3.0  # in the lower part of the band in which onsets are picked, where most of their energy is

# Saragoni & Hart window as in Boore (2003): peak at EPS of its length, ETA left at its end, and
# twice as long as the ground-motion duration.
_EPS, _ETA, _STRETCH = 0.2, 0.05, 2.0


@dataclass(frozen=True, slots=True)
class Wave:
    """What differs between P and S."""

    radiation: float
    velocity_kmps: float
    kappa_s: float
    corner_ratio: float
    vertical: float
    horizontal: float
    amplified: bool


# Equal Q for P and S makes kappa scale with the slowness. P keeps to the vertical in soft layers,
# whose P impedance hardly changes: no amplification.
P_WAVE = Wave(
    RADIATION_P * P_TRAIN,
    ALPHA_KMPS,
    KAPPA_S / math.sqrt(3.0),
    CORNER_RATIO_P,
    VERTICAL_P,
    HORIZONTAL_P,
    amplified=False,
)
S_WAVE = Wave(RADIATION_S, BETA_KMPS, KAPPA_S, 1.0, VERTICAL_S, HORIZONTAL_S, amplified=True)


def moment_nm(mw: float) -> float:
    """Seismic moment in N m (Hanks & Kanamori 1979: log M0 = 1.5 Mw + 16.05 in dyn cm)."""
    return float(10.0 ** (1.5 * mw + 9.05))


def corner_hz(mw: float, stress_drop_mpa: float) -> float:
    """Brune corner frequency of S in Hz, Boore (2003): 4.9e6 beta (stress bar / M0 dyn cm)^(1/3)."""
    return float(4.9e6 * BETA_KMPS * (stress_drop_mpa * 10.0 / (moment_nm(mw) * 1e7)) ** (1.0 / 3.0))


def effective_distance_km(hypocentral_km: float, mw: float) -> float:
    """Distance that lets amplitudes saturate near a large rupture.

    Yenier & Atkinson (2015, BSSA 105, 1989-2009): sqrt(R^2 + h^2), log10 h = -0.405 + 0.235 M.
    """
    return math.hypot(hypocentral_km, 10.0 ** (-0.405 + 0.235 * mw))


def duration_s(hypocentral_km: float, mw: float, stress_drop_mpa: float, wave: Wave) -> float:
    """Ground-motion duration in s: rupture (1 / corner frequency) plus path, Boore (2003)."""
    source = 1.0 / (corner_hz(mw, stress_drop_mpa) * wave.corner_ratio)
    return source + PATH_DURATION_S_PER_KM * hypocentral_km


def window(n: int, rate_hz: float, length_s: float) -> F64:
    """(n,) Saragoni-Hart window of `length_s` duration, peak 1, zero at its first sample."""
    b = -_EPS * math.log(_ETA) / (1.0 + _EPS * (math.log(_EPS) - 1.0))
    x = np.arange(n) / (rate_hz * _STRETCH * length_s)
    shape: F64 = (math.e / _EPS * x) ** b * np.exp(-b / _EPS * x)
    return shape


def coda(shape: F64, rate_hz: float, travel_s: float, wave: Wave, scattering_per_km: float) -> F64:
    """(n,) amplitude of waves scattered once, on the scale of `shape` (n,), the window of the direct wave.

    Single isotropic scattering of Sato (1977), J. Phys. Earth 25, 27-41: at the lapse time t the coda has
    the energy density W g / (4 pi r^2) K(t/t0), K(x) = ln((x + 1) / (x - 1)) / x, when the direct wave, of
    energy W, came at t0; that one's density, integrated over time, is W / (4 pi r^2 v). Times a
    loss exp(-pi f tau / Q) in amplitude at `CODA_HZ`. Conversions between P and S are left out.

    Parameters
    ----------
    travel_s
        t0 in s.
    scattering_per_km
        total scattering coefficient g; about 0.01 in the lithosphere at 1 to 30 Hz (compiled in Sato,
        Fehler and Maeda 2012, Seismic Wave Propagation and Scattering in the Heterogeneous Earth, 2nd ed.).
    """
    energy = float(np.sum(shape**2)) / rate_hz
    peak = int(np.argmax(shape))
    since = np.arange(len(shape)) / rate_hz
    # The direct wave is not a spike: the energy of its middle has had half its length less to scatter.
    x = 1.0 + (since + peak / rate_hz) / max(travel_s, 1.0)
    spread = np.log((x + 1.0) / (x - 1.0)) / x
    loss = np.exp(-math.pi * CODA_HZ / (Q0 * CODA_HZ**Q_EXPONENT) * since)
    grown = np.minimum(1.0, np.arange(len(shape)) / max(peak, 1))
    level: F64 = np.sqrt(energy * scattering_per_km * wave.velocity_kmps * spread) * loss * grown
    return level


def window_end_s(length_s: float) -> float:
    """Seconds after which the window has fallen below 1e-4 and may be cut."""
    return 2.2 * _STRETCH * length_s


def acceleration_response(
    freq_hz: F64,
    hypocentral_km: float,
    mw: float,
    stress_drop_mpa: float,
    wave: Wave,
    near_mw: float | None = None,
) -> C128:
    """(n_f,) acceleration spectrum in m/s of one wave at one place, before partition onto components.

    The amplitude is the product of source, path and site of Boore (2003). The phase is causal: the
    source as the double pole 1 / (1 + i f/fc)^2, which has the Brune amplitude, everything else as
    minimum phase, so that nothing moves before the arrival.

    Parameters
    ----------
    freq_hz
        the frequencies of a real FFT, equally spaced from 0, n_f = n/2 + 1.
    near_mw
        magnitude that says how near amplitudes saturate, when it is not `mw` (a part of a larger rupture).
    """
    fc = corner_hz(mw, stress_drop_mpa) * wave.corner_ratio
    r = effective_distance_km(hypocentral_km, mw if near_mw is None else near_mw)
    velocity = wave.velocity_kmps * 1e3
    constant = wave.radiation * FREE_SURFACE / (4.0 * math.pi * RHO_KGPM3 * velocity**3)
    spreading = 1.0 / (r * 1e3) if r <= SPREADING_KM else 1.0 / (1e3 * math.sqrt(SPREADING_KM * r))
    s = 1j * freq_hz
    source = constant * moment_nm(mw) * spreading * (2.0 * math.pi * s / (1.0 + s / fc)) ** 2
    travel = math.pi * r / (Q0 * wave.velocity_kmps)
    log_loss = -travel * freq_hz ** (1.0 - Q_EXPONENT) - math.pi * wave.kappa_s * freq_hz
    if wave.amplified:
        log_hz = np.log(np.maximum(freq_hz, _AMP_HZ[0]))
        log_loss = log_loss + np.log(np.interp(log_hz, np.log(_AMP_HZ), _AMP))
    response: C128 = source * _minimum_phase(log_loss)
    return response


def _minimum_phase(log_amplitude: F64) -> C128:
    """The causal spectrum with the given log amplitude (folding the real cepstrum)."""
    cepstrum = np.fft.irfft(log_amplitude)
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2.0
    cepstrum[half + 1 :] = 0.0
    spectrum: C128 = np.exp(np.fft.rfft(cepstrum))
    return spectrum


# Peterson (1993, USGS Open-File Report 93-322), New High Noise Model: period s, dB re 1 (m/s^2)^2/Hz.
_NHNM_S = np.array([0.1, 0.22, 0.32, 0.8, 3.8, 4.6, 6.3, 7.9, 15.4, 20.0, 354.8])
_NHNM_DB = np.array([-91.5, -97.41, -110.5, -120.0, -98.0, -96.5, -101.0, -113.5, -120.0, -138.5, -126.0])
# Assumed self noise of a force-balance accelerometer with 24 bits, flat in acceleration.
INSTRUMENT_DB = -120.0


def noise_amplitude(freq_hz: F64, noise_db: float) -> F64:
    """(n_f,) square root of the noise power in m/s^2/sqrt(Hz): high-noise model + `noise_db`, instrument."""
    period = 1.0 / np.maximum(freq_hz, 1.0 / _NHNM_S[-1])
    ground = np.interp(np.log(period), np.log(_NHNM_S), _NHNM_DB) + noise_db
    total: F64 = np.sqrt(10.0 ** (ground / 10.0) + 10.0 ** (INSTRUMENT_DB / 10.0))
    return total
