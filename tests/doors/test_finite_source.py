"""The line source against the point source, against BSSA14, and against what a rupture must do."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy.signal import butter, sosfilt
from tests.doors.test_synthetic import QUAKE, replaced, ring

from motions import motions
from seiswarn.geo import offset_deg
from seiswarn.ingest import finite_source, point_source
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.rupture_distance import rupture_length_km

GAIN = 1e8
ROCK_VS30_MPS = 620.0  # of the generic rock in point_source: Boore and Joyner (1997)
RATE_HZ = 100.0
QUIET = msgspec.structs.replace(QUAKE, noise_db=-300.0, duration_s=160.0, mw=7.5)


def line(quake: Scenario, **changes) -> Scenario:
    length = rupture_length_km(quake.mw)
    return msgspec.structs.replace(quake, **{"rupture_km": length, "strike_deg": 0.0, **changes})


def stations(places_km: list[tuple[float, float]]):
    """A table with stations at (north, east) km from the epicentre."""
    table = ring([10.0], len(places_km), gain=GAIN)
    places = np.array([offset_deg(QUAKE.latitude, QUAKE.longitude, *p) for p in places_km])
    return replaced(table, st_latitude=places[:, 0], st_longitude=places[:, 1])


def horizontals(places_km: list[tuple[float, float]], quake: Scenario) -> np.ndarray:
    """(n, 2, n_samples) horizontal accelerations in m/s^2."""
    traces = synthesize(stations(places_km), quake)
    return np.array(
        [[traces[f"FDSN:XX_S{k:03d}__H_N_{c}"].counts / GAIN for c in "NE"] for k in range(len(places_km))]
    )


def log_peaks(motion: np.ndarray) -> np.ndarray:
    """Mean natural logarithms of PGA (m/s^2) and PGV (m/s) over stations and components."""
    high_pass = butter(2, 0.05, "highpass", fs=RATE_HZ, output="sos")
    velocity = np.cumsum(sosfilt(high_pass, motion, axis=-1), axis=-1) / RATE_HZ
    return np.array([np.log(np.abs(x).max(axis=-1)).mean() for x in (motion, velocity)])


def significant_duration_s(motion: np.ndarray) -> float:
    """Median time from 5 to 95 % of the Arias intensity."""
    energy = np.cumsum((motion**2).sum(axis=1), axis=-1)
    energy /= energy[:, -1:]
    return float(np.median((energy < 0.95).sum(axis=-1) - (energy < 0.05).sum(axis=-1)) / RATE_HZ)


def around(distance_km: float, n: int = 8) -> list[tuple[float, float]]:
    turn = np.arange(n) * 2.0 * np.pi / n
    return [(distance_km * math.cos(a), distance_km * math.sin(a)) for a in turn]


def beside(rjb_km: float, length_km: float, n: int = 8) -> list[tuple[float, float]]:
    """Places at a distance from a rupture to the north and south of the epicentre, on both sides of it."""
    return [
        (y, rjb_km * (-1) ** k)
        for k, y in enumerate(np.linspace(-0.5 * length_km, 0.5 * length_km, n).tolist())
    ]


@pytest.mark.parametrize("behind", [0.0, 0.5, 1.0])
def test_one_subfault_is_the_point_source(behind) -> None:
    table = ring([12.0, 60.0], 2)
    point, short = msgspec.structs.replace(QUAKE, mw=5.5), 0.49 * finite_source.SUBFAULT_KM
    short = msgspec.structs.replace(point, rupture_km=short, strike_deg=30.0, rupture_behind=behind)
    assert len(finite_source.subfaults(short.rupture_km, 30.0, behind)) == 1
    a, b = synthesize(table, point), synthesize(table, short)
    for name, trace in a.items():
        assert np.array_equal(trace.counts, b[name].counts)


@pytest.mark.parametrize(("behind", "first"), [(0.0, 0), (0.5, 6), (0.75, 9), (1.0, 11)])
def test_the_rupture_runs_from_the_hypocentre_along_strike(behind, first) -> None:
    parts = finite_source.subfaults(96.0, 60.0, behind)
    assert len(parts) == 12
    assert parts[first] == (0.0, 0.0, 0.0)
    for k, part in enumerate(parts):
        along = (k - first) * 8.0
        assert part.north_km == pytest.approx(0.5 * along)
        assert part.east_km == pytest.approx(math.sqrt(0.75) * along)
        assert part.delay_s == pytest.approx(abs(along) / (0.8 * 3.5))


def test_moment_is_split_evenly() -> None:
    moment = [10.0 ** (1.5 * m) for m in (7.5, finite_source.part_mw(7.5, 12))]
    assert moment[0] == pytest.approx(12.0 * moment[1])


@pytest.mark.parametrize("mw", [6.5, 7.5])
@pytest.mark.parametrize("rjb_km", [30.0, 100.0])
def test_far_away_it_shakes_like_the_point_and_like_bssa14(mw, rjb_km) -> None:
    quake = msgspec.structs.replace(QUIET, mw=mw)
    fault = line(quake)
    spread = log_peaks(horizontals(beside(rjb_km, fault.rupture_km), fault))
    point = log_peaks(horizontals(around(rjb_km), quake))
    median = motions("bssa14", mw, [rjb_km], [ROCK_VS30_MPS], mechanism="strike_slip")
    known = np.array([median.ln_pga[0], median.ln_pgv[0]])
    sigma = np.array([median.sigma_pga[0], median.sigma_pgv[0]])
    # Over a longer time the same power gives a somewhat lower peak, and not all of it is as near.
    assert np.all(np.abs(spread - point) < math.log(1.6))
    assert np.all(np.abs(spread - known) < sigma)


@pytest.mark.parametrize("mw", [7.0, 7.8])
def test_beside_a_long_rupture_it_shakes_as_near_it(mw) -> None:
    quake = msgspec.structs.replace(QUIET, mw=mw)
    fault = line(quake, rupture_behind=0.0)
    end = [(fault.rupture_km - 15.0 + x, s * 10.0) for x in (-5.0, 0.0, 5.0) for s in (-1.0, 1.0)]
    near, as_point = log_peaks(horizontals(end, fault)), log_peaks(horizontals(end, quake))
    median = motions("bssa14", mw, [10.0], [ROCK_VS30_MPS], mechanism="strike_slip")
    assert abs(near[0] - median.ln_pga[0]) < 0.75
    assert abs(near[1] - median.ln_pgv[0]) < 0.75
    if mw > 7.5:  # the epicentre is 130 km away
        assert near[0] - as_point[0] > math.log(2.0)


def test_far_power_is_that_of_the_point_source() -> None:
    places, low = around(120.0, 6), 0.1
    power = []
    for quake in (QUIET, line(QUIET)):
        spectrum = np.abs(np.fft.rfft(horizontals(places, quake), axis=-1)) ** 2
        power.append(spectrum.mean(axis=(0, 1)))
    freq = np.fft.rfftfreq(2 * len(power[0]) - 2, 1.0 / RATE_HZ)
    for a, b in ((low, 0.5), (0.5, 2.0), (2.0, 10.0)):
        band = (freq >= a) & (freq < b)
        assert power[1][band].sum() / power[0][band].sum() == pytest.approx(1.0, rel=0.4)


def test_shaking_lasts_longer_the_longer_the_rupture() -> None:
    places = around(60.0, 6)
    told = [
        significant_duration_s(horizontals(places, line(QUIET, rupture_km=length, rupture_behind=0.0)))
        for length in (0.0, 60.0, 120.0, 200.0)
    ]
    assert told == sorted(told)
    # Across strike, the last part is heard 200 km / 2.8 km/s = 71 s after the first.
    across = horizontals([(0.0, 60.0), (0.0, -60.0)], line(QUIET, rupture_km=200.0, rupture_behind=0.0))
    assert 25.0 < significant_duration_s(across) < 95.0


def test_the_moment_comes_in_time() -> None:
    """The first seconds hold little of what a long rupture radiates; the rest comes as it runs."""
    quake = line(QUIET, rupture_behind=0.0)
    whole = horizontals([(0.0, 40.0), (0.0, -40.0)], quake)
    energy = np.cumsum((whole**2).sum(axis=(0, 1)))
    lead = round(quake.lead_s * RATE_HZ)
    s = lead + round(math.hypot(40.0, quake.depth_km) / 3.5 * RATE_HZ)
    shares = [energy[s + round(t * RATE_HZ)] / energy[-1] for t in (3.0, 10.0, 20.0, 40.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.15
    assert shares[-1] > 0.6


def test_coda_fills_the_time_between_p_and_s() -> None:
    """Scattered P is there until S comes, as strong as single scattering says; the direct wave stays."""
    places = around(80.0, 6)
    quake = msgspec.structs.replace(QUIET, mw=5.0, duration_s=90.0)
    begin, end = ((quake.lead_s + math.hypot(80.0, 10.0) / v) * RATE_HZ for v in (3.5 * math.sqrt(3.0), 3.5))
    told = []
    for g in (0.0, 0.01):
        traces = synthesize(stations(places), msgspec.structs.replace(quake, scattering_per_km=g))
        up = np.array([traces[f"FDSN:XX_S{k:03d}__H_N_Z"].counts / GAIN for k in range(6)])
        first = up[:, int(begin) - 100 : int(begin) + 300]
        before_s = up[:, int(end) - 200 : int(end) - 110]  # stations start up to a second late
        told.append((np.sqrt((first**2).mean()), np.sqrt((before_s**2).mean())))
    (p0, c0), (p1, c1) = told
    assert p1 / p0 == pytest.approx(1.0, abs=0.25)
    assert c1 > 1.5 * c0
    assert 0.15 < c1 / p1 < 0.6


def test_coda_amplitude_against_the_closed_form() -> None:
    rate, travel, g = 100.0, 20.0, 0.01
    wave = point_source.S_WAVE
    shape = point_source.window(6000, rate, 2.0)
    level = point_source.coda(shape, rate, travel, wave, g)
    tau = 30.0
    x = 1.0 + (tau + 0.8) / travel  # the window peaks 0.2 x 2 x 2 s after its onset
    expected = (np.sum(shape**2) / rate) * g * 3.5 * math.log((x + 1) / (x - 1)) / x
    loss = math.exp(-math.pi * 3.0 / (180.0 * 3.0**0.45) * tau)
    assert level[3000] == pytest.approx(math.sqrt(expected) * loss, rel=1e-6)
    assert level[0] == 0.0
