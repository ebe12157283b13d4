"""Magnitude relations against golden tables, and their fusion against simulated truth."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.source.fusion import SYSTEMATIC_SIGMA, StationValue, fuse
from seiswarn.source.magnitude import REGISTRY
from seiswarn.source.magnitude.base import saturation_magnitude

MPD, MDISP = REGISTRY["Mpd"], REGISTRY["Mdisp"]


def rows(project_root: Path, name: str, header: int) -> np.ndarray:
    return np.loadtxt(project_root / "tests/golden" / name, delimiter=",", skiprows=header)


def test_pd_golden(project_root: Path) -> None:
    table = rows(project_root, "magnitude_pd.csv", 3)
    assert len(table) == 12
    for pd_cm, r_km, m in table:
        assert MPD.magnitude(pd_cm / 100.0, r_km, 10.0) == pytest.approx(m, abs=1e-5)
    assert table[0, 2] == pytest.approx(6.16264, abs=1e-5)  # the row worked by hand


def test_displacement_golden(project_root: Path) -> None:
    table = rows(project_root, "magnitude_displacement.csv", 5)
    assert len(table) == 8
    for mm, r_km, depth_km, m in table:
        assert MDISP.magnitude(mm / 1000.0, r_km, depth_km) == pytest.approx(m, abs=1e-5)
    assert table[0, 3] == pytest.approx(6.57927, abs=1e-5)  # the row worked by hand


def test_only_what_has_been_checked_says_verified() -> None:
    assert MPD.VERIFIED is True
    assert MDISP.VERIFIED is False
    assert [r.NAME for r in REGISTRY.values()] == list(REGISTRY)
    assert all(r.REFERENCE and r.VALID_DISTANCE_KM[1] > r.VALID_DISTANCE_KM[0] for r in REGISTRY.values())


def test_metres_are_not_centimetres() -> None:
    """A Pd of 1 cm is 0.01 m. Taken for metres it would be 2.7 magnitudes larger."""
    right = MPD.magnitude(0.01, 50.0, 10.0)
    assert 7.5 < right < 8.5
    assert MPD.magnitude(1.0, 50.0, 10.0) - right == pytest.approx(2 / 0.729)
    # 1 mm of peak displacement at 30 km: an earthquake between 4.5 and 6, by any relation
    assert 4.5 < MDISP.magnitude(1e-3, 30.0, 10.0) < 6.0


@pytest.mark.parametrize("relation", [MPD, MDISP], ids=lambda r: r.NAME)
@given(a=st.floats(1e-9, 10.0), r=st.floats(0.0, 500.0), factor=st.floats(1.1, 10))
def test_larger_or_farther_is_larger(relation, a: float, r: float, factor: float) -> None:
    m = relation.magnitude(a, r, 10.0)
    assert np.isfinite(m)
    assert relation.magnitude(a * factor, r, 10.0) > m
    assert relation.magnitude(a, max(r, 1.0) * factor, 10.0) > m


def test_no_amplitude_and_no_distance_stay_finite() -> None:
    for relation in REGISTRY.values():
        assert np.isfinite(relation.magnitude(0.0, 0.0, 0.0))
        assert relation.magnitude(1e-3, 0.0, 10.0) == relation.magnitude(1e-3, 1.0, 10.0)


def test_short_windows_count_less() -> None:
    sigmas = [MPD.sigma(w) for w in (0.5, 1.0, 2.0, 3.0, 8.0)]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[-1] == sigmas[-2] == pytest.approx(0.305 / 0.729)


def test_saturation() -> None:
    assert saturation_magnitude(3.0) == 6.5
    assert saturation_magnitude(30.0) == pytest.approx(8.5)
    values = [saturation_magnitude(w) for w in np.linspace(0.0, 100.0, 201)]
    assert values == sorted(values)
    assert np.isfinite(values[0])


# --- fusion -----------------------------------------------------------------------------------


def station_values(truth: float, n: int, window_s: float, rng: np.random.Generator) -> list[StationValue]:
    """What `n` stations would say: the truth as far as the window can see, event term and scatter."""
    sigma, top = MPD.sigma(window_s), saturation_magnitude(window_s)
    seen = min(truth, top) + SYSTEMATIC_SIGMA * rng.standard_normal() + sigma * rng.standard_normal(n)
    return [
        StationValue(f"XX.S{k:03d}..HN", "Mpd", float(m), sigma, top, window_s) for k, m in enumerate(seen)
    ]


def simulate(truth: float, n: int, window_s: float, runs: int = 200) -> np.ndarray:
    rng = np.random.default_rng(5)
    found = [fuse(station_values(truth, n, window_s, rng), 1.0) for _ in range(runs)]
    return np.array([(f.value, f.sigma, f.saturated) for f in found if f is not None])


@pytest.mark.parametrize(("truth", "window_s"), [(4.0, 3.0), (5.0, 3.0), (6.0, 6.0)])
@pytest.mark.parametrize(("n", "bias"), [(6, 0.15), (12, 0.1), (30, 0.1)])
def test_fused_magnitude_is_unbiased_and_honest(truth: float, window_s: float, n: int, bias: float) -> None:
    """6 stations: the prior still takes its 0.1 (b ln 10 sigma^2 / n)."""
    found = simulate(truth, n, window_s)
    assert abs(found[:, 0].mean() - truth) < bias
    z = (found[:, 0] - truth) / found[:, 1]
    assert 1 / 1.5 < np.sqrt(np.mean(z**2)) < 1.5
    assert found[:, 2].mean() < 0.05


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_stations_are_shaded_but_not_explained_away(n: int) -> None:
    """One value of 5.0 with sigma 0.42 may be a 4.6 by the prior; it is no 1."""
    found = simulate(5.0, n, 3.0)
    assert -0.6 < found[:, 0].mean() - 5.0 <= 0.0
    z = (found[:, 0] - 5.0) / found[:, 1]
    assert np.sqrt(np.mean(z**2)) < 1.5


@pytest.mark.parametrize("n", [1, 3, 8, 30])
def test_short_windows_never_pull_a_great_earthquake_down(n: int) -> None:
    """Stations that saw 20 s agree on 7.6; any number that has seen 1 s says 5.5, as it must."""
    long = [
        StationValue(f"XX.L{k}..HN", "Mdisp", 7.6, 0.35, saturation_magnitude(20.0), 20.0) for k in range(4)
    ]
    top = saturation_magnitude(1.0)
    short = [StationValue(f"XX.S{k}..HN", "Mpd", top, 0.6, top, 1.0) for k in range(n)]
    alone, together = fuse(long, 1.0), fuse([*long, *short], 1.0)
    assert alone is not None
    assert together is not None
    assert together.value > alone.value - 0.05
    assert alone.value == pytest.approx(7.5, abs=0.15)


def test_saturated_windows_say_so() -> None:
    found = simulate(7.5, 8, 2.0)
    assert found[:, 2].mean() > 0.7
    sharp = simulate(5.0, 8, 6.0)
    assert found[:, 1].mean() > 1.3 * sharp[:, 1].mean()


@pytest.mark.parametrize(("truth", "window_s"), [(6.5, 3.0), (7.0, 6.0)])
def test_scatter_of_saturated_stations_is_no_evidence_of_more(truth: float, window_s: float) -> None:
    """Truth at the saturation point: the largest of thirty readings must not decide."""
    found = simulate(truth, 30, window_s)
    assert abs(found[:, 0].mean() - truth) < 0.3
    z = (found[:, 0] - truth) / found[:, 1]
    assert np.sqrt(np.mean(z**2)) < 1.5


def test_readings_that_agree_above_saturation_are_believed() -> None:
    """Six windows of 1 s (saturation 5.5) that all say 6.6 are no 5.5."""
    top = saturation_magnitude(1.0)
    found = fuse([StationValue(f"S{k}", "Mpd", 6.5 + 0.04 * k, 0.6, top, 1.0) for k in range(6)], 1.0)
    assert found is not None
    assert found.value > 6.2
    assert found.saturated


@pytest.mark.parametrize("n", [8, 30])
def test_one_wild_reading_among_saturated_ones_moves_little(n: int) -> None:
    values = station_values(7.0, n, 3.0, np.random.default_rng(4))
    wild = StationValue("XX.BAD..HN", "Mdisp", 8.2, 0.35, saturation_magnitude(3.2), 3.2)
    before, after = fuse(values, 1.0), fuse([*values, wild], 1.0)
    assert before is not None
    assert after is not None
    assert abs(after.value - before.value) < 0.2


@pytest.mark.parametrize("off", [-3.0, -1.5, 1.5, 3.0])
def test_one_outlier_moves_little(off: float) -> None:
    values = station_values(5.0, 8, 6.0, np.random.default_rng(2))
    good = fuse(values, 1.0)
    assert good is not None
    bad = StationValue("XX.BAD..HN", "Mpd", good.value + off, values[0].sigma, values[0].saturation, 6.0)
    moved = fuse([*values, bad], 1.0)
    assert moved is not None
    assert abs(moved.value - good.value) < 0.2


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(7)))
def test_order_of_stations_does_not_matter(order: list[int]) -> None:
    values = station_values(6.2, 7, 2.5, np.random.default_rng(3))
    a, b = fuse(values, 1.0), fuse([values[k] for k in order], 1.0)
    assert a is not None
    assert b is not None
    assert (b.value, b.sigma) == pytest.approx((a.value, a.sigma), abs=1e-9)
    assert (b.kind, b.saturated, b.n_stations) == (a.kind, a.saturated, a.n_stations)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(0.5, 9.0), min_size=1, max_size=12),
    window_s=st.floats(0.5, 60.0),
    b=st.floats(0.0, 2.0),
)
def test_fusion_stays_near_what_was_read(values: list[float], window_s: float, b: float) -> None:
    """Whatever the readings, the result lies among them or, saturated, above; the sigma is never zero."""
    sigma, top = MPD.sigma(window_s), saturation_magnitude(window_s)
    stations = [StationValue(f"S{k}", "Mpd", m, sigma, top, window_s) for k, m in enumerate(values)]
    found = fuse(stations, b)
    assert found is not None
    assert min(values) - 2.5 <= found.value <= 9.5
    assert SYSTEMATIC_SIGMA < found.sigma < 4.0
    assert found.n_stations == len(values)


def test_more_of_the_same_is_surer() -> None:
    rng = np.random.default_rng(8)
    values = station_values(5.0, 30, 6.0, rng)
    sigmas = [f.sigma for n in (2, 5, 12, 30) if (f := fuse(values[:n], 1.0)) is not None]
    assert all(b < a for a, b in itertools.pairwise(sigmas))
    assert sigmas[-1] > SYSTEMATIC_SIGMA


def test_kind_names_what_it_came_from() -> None:
    p = StationValue("A", "Mpd", 5.0, 0.4, 6.5, 3.0)
    s = StationValue("B", "Mdisp", 5.0, 0.35, 8.0, 20.0)
    kinds = [f.kind for v in ([p], [s], [p, s]) if (f := fuse(v, 1.0)) is not None]
    assert kinds == ["Mpd", "Mdisp", "Mpd+Mdisp"]
    assert fuse([], 1.0) is None
