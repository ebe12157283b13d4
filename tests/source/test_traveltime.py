from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seiswarn.errors import UsageError
from seiswarn.source.models import Models
from seiswarn.source.params import Params
from seiswarn.source.traveltime import DEPTH_STEP_KM, MAX_DISTANCE_KM, TravelTimes, lookup
from seiswarn.source.velocity import LAYER_KM, MODELS, layers

# The table is linear between nodes 2 km apart: where the direct wave and a head wave change places
# within one cell (depths beside the 35 km interface), S is off by up to 0.09 s.
P_TOLERANCE_S, S_TOLERANCE_S = 0.05, 0.10

# Kennett and Engdahl (1991), table 2; Kennett et al. (1995), table 1: (depth km, Vp, Vs just above it).
PUBLISHED = {
    "iasp91": [
        (20.0, 5.80, 3.36),
        (35.0, 6.50, 3.75),
        (120.0, 8.05, 4.50),
        (210.0, 8.30, 4.518),
        (410.0, 9.03, 4.87),
    ],
    "ak135": [
        (20.0, 5.80, 3.46),
        (35.0, 6.50, 3.85),
        (120.0, 8.05, 4.50),
        (210.0, 8.30, 4.518),
        (410.0, 9.03, 4.871),
    ],
}


@pytest.fixture(scope="module", params=("iasp91", "ak135"))
def model(request: pytest.FixtureRequest) -> TravelTimes:
    return TravelTimes(request.param, 120.0)


def golden(project_root: Path, name: str) -> np.ndarray:
    return np.loadtxt(project_root / f"tests/golden/traveltime_{name}.csv", delimiter=",", skiprows=3)


def test_against_taup(model: TravelTimes, project_root: Path) -> None:
    rows = golden(project_root, model.model)
    assert len(rows) == 192
    assert (rows[:, 0].max(), rows[:, 1].max()) == (100.0, 700.0)
    for depth, distance, p, s in rows:
        ours_p, ours_s = model.times(np.array([distance]), depth)
        assert abs(ours_p[0] - p) < P_TOLERANCE_S, (depth, distance)
        assert abs(ours_s[0] - s) < S_TOLERANCE_S, (depth, distance)


@pytest.mark.parametrize("name", ["iasp91", "ak135"])
def test_models_as_published(name: str) -> None:
    nodes = MODELS[name]
    for depth, vp, vs in PUBLISHED[name]:
        above = next(n for n in nodes if n[0] == depth)
        assert above == (depth, vp, vs)
    tops, vp, vs = layers(name)
    assert tops[0] == 0.0
    assert np.all(np.diff(tops) > 0)
    assert np.all(np.diff(tops) <= LAYER_KM + 1e-9)
    assert np.all(np.diff(vp) >= 0)
    assert np.all(vp / vs > 1.6)
    assert np.all(vp / vs < 1.9)


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"crust1.*ak135, iasp91"):
        TravelTimes("crust1", 50.0)


def test_p_before_s_and_later_with_distance(model: TravelTimes) -> None:
    assert np.all(model.s[:, 1:] > 1.6 * model.p[:, 1:])
    assert np.all(np.diff(model.p, axis=1) > 0)
    assert np.all(np.diff(model.s, axis=1) > 0)
    # No wave is faster than the straight line at the speed of 400 km depth, none slower than at the top.
    x = np.arange(model.p.shape[1]) * 2.0
    for k, depth in enumerate(model.depths_km):
        straight_km = np.hypot(x, depth)
        assert np.all(model.p[k] <= straight_km / 5.79)
        assert np.all(model.p[k] >= straight_km / 9.0)


def test_straight_up(model: TravelTimes) -> None:
    """Above the source the wave takes the sum of the layers; 20 km at 5.8 km/s and 15 km at 6.5."""
    p, _ = model.times(np.array([0.0]), 20.0)
    assert p[0] == pytest.approx(20 / 5.8, rel=0.002)
    p, _ = model.times(np.array([0.0]), 36.0)
    assert p[0] == pytest.approx(20 / 5.8 + 15 / 6.5 + 1 / 8.04, rel=0.003)


def test_source_on_an_interface_is_no_special_case(model: TravelTimes) -> None:
    """A node of the table lies on the 20 km interface; the wave along it must not be forgotten."""
    x = np.linspace(0.0, 300.0, 61)
    at = {d: model.times(x, d)[0] for d in (18.0, 20.0, 22.0)}
    assert np.all(np.abs(at[20.0] - 0.5 * (at[18.0] + at[22.0])) < 0.15)


@given(distance=st.floats(0, 2000), depth=st.floats(0, 400))
def test_lookup_is_finite_and_monotone_everywhere(
    travel_times: TravelTimes, distance: float, depth: float
) -> None:
    t = lookup(travel_times.p, distance, depth)
    assert np.isfinite(t)
    assert 0.0 <= t <= lookup(travel_times.s, distance, depth) + 1e-12
    assert lookup(travel_times.p, distance + 5.0, depth) > t


@given(k=st.integers(0, 59), j=st.integers(0, 499))
def test_lookup_meets_the_nodes(travel_times: TravelTimes, k: int, j: int) -> None:
    assert lookup(travel_times.p, 2.0 * j, DEPTH_STEP_KM * k) == pytest.approx(travel_times.p[k, j])


def test_beyond_the_table_it_goes_on_straight(travel_times: TravelTimes) -> None:
    a, b, c = (lookup(travel_times.p, MAX_DISTANCE_KM + d, 10.0) for d in (-2.0, 0.0, 2.0))
    assert c - b == pytest.approx(b - a, rel=1e-6)


def test_a_model_of_ones_own_and_a_region_of_its_own() -> None:
    """Six km/s down to 30 km and eight below: a ray of 60 km at the surface takes ten seconds, in its region
    alone."""
    own = (("plain", ((0.0, 6.0, 3.5), (30.0, 6.0, 3.5), (30.0, 8.0, 4.6), (410.0, 8.5, 4.9))),)
    square = ((20.0, 100.0), (30.0, 100.0), (30.0, 110.0), (20.0, 110.0))
    params = Params(velocity_layers=own, velocity_regions=(("plain", square),))
    models = Models(params, TravelTimes("iasp91", 120.0))
    assert models.at(35.0, 105.0) is models.everywhere
    inside = models.at(25.0, 105.0)
    assert inside.model == "plain"
    assert inside.times([60.0], 0.0)[0][0] == pytest.approx(10.0, abs=0.01)
    assert [t.model for t in models.all] == ["iasp91", "plain"]


@pytest.mark.parametrize(
    ("nodes", "word"),
    [
        (((0.0, 6.0, 3.5),), "two nodes"),
        (((5.0, 6.0, 3.5), (30.0, 6.0, 3.5)), "begin at 0"),
        (((0.0, 6.0, 3.5), (30.0, 6.0, 6.5)), "Vs"),
    ],
)
def test_a_model_that_is_none_is_refused(nodes: tuple[tuple[float, float, float], ...], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        TravelTimes("mine", 50.0, (("mine", nodes),))
