"""Magnitude relations against golden tables, and their fusion against simulated truth."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path as File

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.source import attenuation
from seiswarn.source.fusion import (
    CAP_MARGIN,
    COMMON_SIGMA,
    KIND_ORDER,
    LONE_STATION_CAP,
    StationValue,
    evidence_cap,
    fuse,
)
from seiswarn.source.magnitude import REGISTRY
from seiswarn.source.magnitude.base import MagnitudeRelation, Path, near_source_km, saturation_magnitude
from tests.source.conftest import pgv_of

MPD, MDISP, MPGV, ML = (REGISTRY[kind] for kind in KIND_ORDER)
RELATIONS = (MPD, MDISP, MPGV, ML)


def rows(project_root: File, name: str) -> list[dict[str, float]]:
    lines = (project_root / "tests/golden" / name).read_text(encoding="utf-8").splitlines()
    table = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [{k: float(v) for k, v in row.items()} for row in table]


def of(
    relation: MagnitudeRelation,
    amplitude: float,
    hypocentral_km: float,
    depth_km: float = 10.0,
    line_km: float | None = None,
) -> float:
    """Magnitude of one amplitude, in SI, at a hypocentral distance and at one to a rupture, if any."""
    epicentral = math.sqrt(max(0.0, hypocentral_km**2 - depth_km**2))
    path = Path(np.array([epicentral]), depth_km, None if line_km is None else np.array([line_km]))
    m, per_decade = relation.magnitudes(np.array([amplitude]), path)
    assert m.shape == per_decade.shape == (1,)
    return float(m[0])


# --- golden tables ----------------------------------------------------------------------------


def test_pd_golden(project_root: File) -> None:
    table = rows(project_root, "magnitude_pd.csv")
    assert len(table) == 12
    for row in table:
        r = row["hypocentral_km"]
        assert of(MPD, row["pd_cm"] / 100.0, r, 2.0) == pytest.approx(row["magnitude"], abs=1e-5)
    assert table[0]["magnitude"] == pytest.approx(6.16264, abs=1e-5)  # the row worked by hand


def test_displacement_golden(project_root: File) -> None:
    table = rows(project_root, "magnitude_displacement.csv")
    assert len(table) == 8
    for row in table:
        found = of(MDISP, row["displacement_mm"] / 1000.0, row["hypocentral_km"], row["depth_km"])
        assert found == pytest.approx(row["magnitude"], abs=1e-5)
    assert table[0]["magnitude"] == pytest.approx(6.57927, abs=1e-5)  # the row worked by hand


def test_local_golden(project_root: File) -> None:
    table = rows(project_root, "magnitude_ml.csv")
    assert len(table) == 12
    for row in table:
        found = of(ML, row["trace_mm"] / 1000.0, row["hypocentral_km"], 5.0)
        assert found == pytest.approx(row["magnitude"], abs=1e-5)


def test_local_magnitude_is_anchored_where_richter_put_it() -> None:
    """1 mm on the trace at 100 km is a 3."""
    assert of(ML, 1e-3, 100.0) == pytest.approx(3.0, abs=0.01)


def test_velocity_golden(project_root: File) -> None:
    """The printed equation solved for magnitude; the relation interpolates in a table of 0.1."""
    table = rows(project_root, "magnitude_pgv.csv")
    assert len(table) == 10
    for row in table:
        found = of(MPGV, row["pgv_cmps"] / 100.0, 60.0, 0.0, line_km=row["x_km"])
        assert found == pytest.approx(row["magnitude"], abs=0.005)


def test_velocity_is_the_forecast_turned_round_along_a_line(project_root: File) -> None:
    """Every crustal row of the golden table of the forecast that a rupture of that size can be at."""
    lines = (project_root / "tests/golden/si_midorikawa1999.csv").read_text(encoding="utf-8").splitlines()
    tried = 0
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        m, depth, x = (float(row[k]) for k in ("magnitude", "depth_km", "x_km"))
        top = max(0.0, depth - 0.5 * 10 ** (-1.01 + 0.32 * m))  # Wells and Coppersmith (1994)
        if row["kind"] != "crustal" or x < top or m >= attenuation.MAX_MAGNITUDE or x < 2.0:
            continue
        line = math.sqrt(x**2 - top**2)
        found = of(MPGV, 0.01 * float(row["pgv_cmps"]), 200.0, depth, line_km=line)
        assert found == pytest.approx(m, abs=0.02), row
        tried += 1
    assert tried > 15


@given(m=st.floats(3.0, 8.1), away=st.floats(5.0, 250.0), depth=st.floats(3.0, 40.0))
def test_velocity_is_the_forecast_turned_round_about_a_point(m: float, away: float, depth: float) -> None:
    path = Path(np.array([away]), depth)
    found, _ = MPGV.magnitudes(np.array([pgv_of(m, away, depth)]), path)
    assert found[0] == pytest.approx(m, abs=0.03)


def test_close_to_a_rupture_velocity_says_little() -> None:
    """A unit of magnitude raises PGV at a rupture of magnitude 8 by a fifth: 12 units a decade and more."""
    amplitude = attenuation.pgv_mps(np.array([8.0, 8.0]), np.array([0.5, 100.0]), 0.0)
    m, per_decade = MPGV.magnitudes(amplitude, Path(np.array([50.0, 110.0]), 0.0, np.array([0.5, 100.0])))
    assert m == pytest.approx([8.0, 8.0], abs=0.05)
    assert per_decade[0] > 8.0
    assert per_decade[1] < 3.0


def test_displacement_along_a_line_is_that_of_a_point_far_away() -> None:
    """Where the near-source term (10 km at M 6) is nothing against the distance."""
    for away in (150.0, 250.0, 400.0):
        for amplitude in (1e-4, 1e-3, 1e-2):
            line = of(MDISP, amplitude, 500.0, 10.0, line_km=away)
            h = float(near_source_km(np.array([line]))[0])
            assert line == pytest.approx(of(MDISP, amplitude, away, 10.0), abs=0.6 * (h / away) ** 2 + 0.01)


def test_displacement_along_a_line_solves_its_own_equation() -> None:
    """0.87 M = log10 A + log10 R + 1.9e-3 R - 5e-3 D + 0.98 with R^2 = line^2 + h(M)^2."""
    for away, amplitude in itertools.product((0.0, 5.0, 40.0, 200.0), (5e-3, 2e-2, 0.1)):
        m = of(MDISP, amplitude, 500.0, 10.0, line_km=away)
        r = math.hypot(away, 10 ** (-0.405 + 0.235 * m))
        right = math.log10(1e5 * amplitude) + math.log10(r) + 1.9e-3 * r - 0.05 + 0.98
        assert 0.87 * m == pytest.approx(right, abs=2e-3)


def test_only_what_has_been_checked_says_verified() -> None:
    assert {r.NAME for r in REGISTRY.values() if r.VERIFIED} == {"Mpd", "Mpgv", "ML"}
    assert tuple(r.NAME for r in REGISTRY.values()) == tuple(REGISTRY) == KIND_ORDER
    assert all(r.REFERENCE and r.VALID_DISTANCE_KM[1] > r.VALID_DISTANCE_KM[0] for r in REGISTRY.values())
    assert all(0.1 < r.EVENT_SIGMA < 0.5 for r in REGISTRY.values())


def test_metres_are_not_centimetres() -> None:
    """A Pd of 1 cm is 0.01 m. Taken for metres it would be 2.7 magnitudes larger."""
    right = of(MPD, 0.01, 50.0)
    assert 7.5 < right < 8.5
    assert of(MPD, 1.0, 50.0) - right == pytest.approx(2 / 0.729)
    # 1 mm of peak displacement at 30 km: an earthquake between 4.5 and 6, by any relation
    assert 4.5 < of(MDISP, 1e-3, 30.0) < 6.0
    # as is 1 cm/s, and 1 m on the trace of a seismograph that magnifies 2080 times
    assert 4.5 < of(MPGV, 0.01, 30.0) < 6.0
    assert 4.5 < of(ML, 1.0, 30.0) < 6.0


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda r: r.NAME)
@pytest.mark.parametrize("along_line", [False, True])
@given(a=st.floats(1e-6, 1e-2), r=st.floats(0.0, 200.0), factor=st.floats(1.3, 10))
def test_larger_or_farther_is_larger(
    relation: MagnitudeRelation, along_line: bool, a: float, r: float, factor: float
) -> None:
    def found(amplitude: float, distance: float) -> float:
        line = distance if along_line else None
        return of(relation, amplitude, math.hypot(distance, 10.0), line_km=line)

    m = found(a, r)
    assert np.isfinite(m)
    low, high = (1.0, 8.3) if relation is MPGV else (4.0, 9.5) if along_line else (-math.inf, math.inf)
    if low < m < high:  # the ends of the tables
        assert found(a * factor, r) > m
        assert found(a, max(r, 1.0) * factor) > m


def test_no_amplitude_and_no_distance_stay_finite() -> None:
    for relation in RELATIONS:
        for line in (None, 0.0):
            assert np.isfinite(of(relation, 0.0, 0.0, 0.0, line_km=line))
            assert np.isfinite(of(relation, 10.0, 0.0, 0.0, line_km=line))
        assert of(relation, 1e-3, 0.0, 0.5) == pytest.approx(of(relation, 1e-3, 1.0, 0.5), abs=0.3)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda r: r.NAME)
def test_stations_together_are_stations_one_by_one(relation: MagnitudeRelation) -> None:
    away, a = np.array([3.0, 20.0, 60.0, 150.0]), np.array([1e-3, 5e-4, 2e-4, 1e-5])
    for line in (None, 0.5 * away):
        m, per_decade = relation.magnitudes(a, Path(away, 12.0, line))
        assert m.shape == per_decade.shape == (4,)
        for k in range(4):
            one, _ = relation.magnitudes(
                a[k : k + 1], Path(away[k : k + 1], 12.0, None if line is None else line[k : k + 1])
            )
            assert one[0] == pytest.approx(m[k], abs=1e-12)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda r: r.NAME)
def test_what_a_decade_of_amplitude_makes_is_what_is_said(relation: MagnitudeRelation) -> None:
    path = Path(np.array([30.0, 80.0]), 10.0)
    a = np.array([1e-4, 1e-4])
    m, per_decade = relation.magnitudes(a, path)
    more, _ = relation.magnitudes(a * 10**0.2, path)
    assert (more - m) / 0.2 == pytest.approx(per_decade, rel=0.05)


def test_short_windows_count_less() -> None:
    sigmas = [MPD.sigma(w) for w in (0.5, 1.0, 2.0, 3.0, 8.0)]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[-1] == sigmas[-2] == pytest.approx(0.305)  # of log10 amplitude, as published


def test_saturation() -> None:
    assert saturation_magnitude(3.0) == 6.5
    assert saturation_magnitude(30.0) == pytest.approx(8.5)
    values = [saturation_magnitude(w) for w in np.linspace(0.0, 100.0, 201)]
    assert values == sorted(values)
    assert np.isfinite(values[0])


# --- fusion -----------------------------------------------------------------------------------


# Units of magnitude a decade of amplitude makes; of PGV at some tens of km.
PER_DECADE = {"Mpd": 1 / 0.729, "Mdisp": 1 / 0.87, "Mpgv": 2.0, "ML": 1.0}


def station_values(truth: float, n: int, window_s: float, rng: np.random.Generator) -> list[StationValue]:
    """What `n` stations would say: the truth as far as the window can see, event term and scatter."""
    return kind_values("Mpd", truth, n, window_s, rng, 0.0)


def kind_values(
    kind: str, truth: float, n: int, window_s: float, rng: np.random.Generator, common: float
) -> list[StationValue]:
    """What `n` stations would say by one relation in an event that is off by `common` for all relations."""
    relation = REGISTRY[kind]
    sigma = relation.sigma(window_s) * PER_DECADE[kind]
    top = min(saturation_magnitude(window_s), relation.SATURATES_AT)
    off = common + relation.EVENT_SIGMA * rng.standard_normal()
    seen = min(truth, top) + off + sigma * rng.standard_normal(n)
    return [
        StationValue(f"XX.S{k:03d}..HN", kind, float(m), sigma, top, window_s, relation.EVENT_SIGMA)
        for k, m in enumerate(seen)
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
    sigma, top = MPD.sigma(window_s) / 0.729, saturation_magnitude(window_s)
    stations = [StationValue(f"S{k}", "Mpd", m, sigma, top, window_s) for k, m in enumerate(values)]
    found = fuse(stations, b)
    assert found is not None
    assert min(values) - 2.5 <= found.value <= 9.5
    assert COMMON_SIGMA < found.sigma < 4.0
    assert found.n_stations == len(values)


def test_more_of_the_same_is_surer() -> None:
    rng = np.random.default_rng(8)
    values = station_values(5.0, 30, 6.0, rng)
    sigmas = [f.sigma for n in (2, 5, 12, 30) if (f := fuse(values[:n], 1.0)) is not None]
    assert all(b < a for a, b in itertools.pairwise(sigmas))
    assert sigmas[-1] > COMMON_SIGMA


def test_kind_names_what_it_came_from() -> None:
    p = StationValue("A", "Mpd", 5.0, 0.4, 6.5, 3.0)
    s = StationValue("B", "Mdisp", 5.0, 0.35, 8.0, 20.0)
    kinds = [f.kind for v in ([p], [s], [p, s]) if (f := fuse(v, 1.0)) is not None]
    assert kinds == ["Mpd", "Mdisp", "Mpd+Mdisp"]
    assert fuse([], 1.0) is None


# --- several relations ------------------------------------------------------------------------


def together(truth: float, n: int, kinds: tuple[str, ...], window_s: float, runs: int = 200) -> np.ndarray:
    """(value, sigma, saturated) of events that err in common, by relation and by station."""
    rng = np.random.default_rng(11)
    out = []
    for _ in range(runs):
        common = COMMON_SIGMA * rng.standard_normal()
        values = [v for kind in kinds for v in kind_values(kind, truth, n, window_s, rng, common)]
        found = fuse(values, 1.0)
        assert found is not None
        out.append((found.value, found.sigma, found.saturated))
    return np.array(out)


@pytest.mark.parametrize("kinds", [("Mpd", "Mdisp"), ("Mdisp", "Mpgv", "ML"), KIND_ORDER], ids=len)
@pytest.mark.parametrize("truth", [4.5, 5.5])
@pytest.mark.parametrize("n", [4, 12, 40])
def test_relations_together_are_unbiased_and_honest(kinds: tuple[str, ...], truth: float, n: int) -> None:
    found = together(truth, n, kinds, 10.0)
    assert abs(found[:, 0].mean() - truth) < 0.15
    z = (found[:, 0] - truth) / found[:, 1]
    assert 1 / 1.5 < np.sqrt(np.mean(z**2)) < 1.4
    assert found[:, 2].mean() < 0.05


def test_more_relations_are_surer_but_never_surer_than_what_they_err_in_common() -> None:
    one, two, four = (
        together(5.0, 20, kinds, 10.0)[:, 1].mean() for kinds in (("Mpd",), ("Mpd", "Mdisp"), KIND_ORDER)
    )
    assert COMMON_SIGMA < four < two < one


def test_a_relation_that_ends_pulls_a_great_earthquake_no_lower() -> None:
    """ML stays at 6.3 whatever comes; with the others at 7.5 it says "at least"."""
    found = together(7.5, 12, ("Mdisp", "Mpgv", "ML"), 60.0)
    without = together(7.5, 12, ("Mdisp", "Mpgv"), 60.0)
    assert abs(found[:, 0].mean() - 7.5) < 0.2
    assert abs(found[:, 0].mean() - without[:, 0].mean()) < 0.1
    z = (found[:, 0] - 7.5) / found[:, 1]
    assert np.sqrt(np.mean(z**2)) < 1.5


def test_a_peak_that_still_grows_is_a_lower_bound() -> None:
    """Eight stations say 6.4 and rising (wall at their own value), four far ones that have all say 7.2."""
    grows = [StationValue(f"XX.G{k}..HN", "Mpd", 6.4, 0.42, 6.4, 3.0, 0.18) for k in range(8)]
    whole = [StationValue(f"XX.W{k}..HN", "Mdisp", 7.2, 0.35, 8.5, 30.0, 0.25) for k in range(4)]
    told = [StationValue(v.station, v.kind, v.value, v.sigma, 8.0, 20.0, 0.18) for v in grows]
    bound, both, pulled = fuse(grows, 1.0), fuse([*grows, *whole], 1.0), fuse([*told, *whole], 1.0)
    assert bound is not None
    assert both is not None
    assert pulled is not None
    assert bound.saturated
    assert bound.sigma > both.sigma
    assert both.value == pytest.approx(7.1, abs=0.2)
    assert pulled.value < both.value - 0.2


# --- no more than the evidence bears ----------------------------------------------------------


def with_one_broken(
    n: int, truth: float, broken: float, kinds: tuple[str, ...] = ("Mpd",)
) -> list[StationValue]:
    values = [
        StationValue(f"XX.S{k:03d}..HN", kind, truth + 0.1 * (-1) ** k, 0.4, 8.5, 30.0)
        for kind in kinds
        for k in range(n - 1)
    ]
    return values + [StationValue("XX.BAD..HN", kind, broken, 0.4, 8.5, 30.0) for kind in kinds]


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("kinds", [("Mpd",), KIND_ORDER], ids=len)
@pytest.mark.parametrize("truth", [3.0, 4.5])
def test_one_broken_station_makes_no_great_earthquake(n: int, kinds: tuple[str, ...], truth: float) -> None:
    values = with_one_broken(n, truth, 9.0, kinds)
    assert evidence_cap(values) <= truth + 0.1 + CAP_MARGIN + 1e-9
    found = fuse(values, 1.0)
    assert found is not None
    assert found.value <= truth + 0.5
    if n >= 5:
        assert found.value == pytest.approx(truth, abs=0.45)


@given(value=st.floats(6.0, 9.5), kinds=st.integers(1, 4))
def test_a_station_alone_is_heard_to_six_and_a_half(value: float, kinds: int) -> None:
    values = [StationValue("XX.S..HN", k, value, 0.4, 9.0, 60.0) for k in KIND_ORDER[:kinds]]
    found = fuse(values, 1.0)
    assert found is not None
    assert found.value <= LONE_STATION_CAP


def test_a_great_earthquake_is_not_capped_by_those_far_from_its_rupture() -> None:
    """A quarter of the stations, each for itself, are enough."""
    near = [StationValue(f"XX.N{k}..HN", "Mdisp", 7.8, 0.35, 8.5, 30.0) for k in range(5)]
    far = [StationValue(f"XX.F{k}..HN", "Mpd", 6.0, 0.4, 6.0, 2.0) for k in range(15)]
    assert evidence_cap([*near, *far]) == pytest.approx(7.8 + CAP_MARGIN)


@given(values=st.lists(st.floats(2.0, 9.0), min_size=2, max_size=30))
def test_the_cap_lies_between_what_was_read(values: list[float]) -> None:
    """Where no window is saturated."""
    stations = [StationValue(f"S{k}", "Mpd", m, 0.4, 12.0, 20.0) for k, m in enumerate(values)]
    cap = evidence_cap(stations)
    assert min(values) + CAP_MARGIN <= cap + 1e-9
    assert cap <= sorted(values)[-2] + CAP_MARGIN + 1e-9
    assert sum(m + CAP_MARGIN >= cap - 1e-9 for m in values) >= max(2, math.ceil(len(values) / 4))
