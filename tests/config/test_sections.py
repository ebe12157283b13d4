import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seiswarn import geo
from seiswarn.sections import EARTH_RADIUS_KM, SHORTEST_KM, centroid, length_km, sections

positions = st.tuples(st.floats(-70, 70), st.floats(-180, 180))


@st.composite
def parts(draw):
    """A walk of short steps, so that straight in degrees is nearly the great circle."""
    corner = draw(positions)
    found = []
    for _ in range(draw(st.integers(1, 3))):
        part = [corner]
        for _ in range(draw(st.integers(1, 4))):
            lat, lon = part[-1]
            step = draw(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)))
            part.append((lat + step[0], (lon + step[1] + 180.0) % 360.0 - 180.0))
        found.append(part)
        corner = part[-1]
    return found


@given(parts(), st.floats(0.5, 40), st.floats(0, 500))
def test_sections_add_up_to_the_line_and_none_is_too_long(given_parts, longest, begin):
    total = math.fsum(length_km(a, b) for part in given_parts for a, b in itertools.pairwise(part))
    found = sections(given_parts, longest, begin)
    assert found[0].from_km == begin
    assert math.fsum(s.to_km - s.from_km for s in found) == pytest.approx(total, abs=1e-9)
    for a, b in itertools.pairwise(found):
        assert a.to_km == pytest.approx(b.from_km, abs=1e-9)
    assert all(0.0 <= s.to_km - s.from_km <= longest + SHORTEST_KM + 1e-9 for s in found)
    assert all(-180.0 <= s.middle[1] <= 180.0 for s in found)


@given(parts(), st.floats(0.5, 40))
def test_the_middle_of_a_section_lies_within_half_its_length_of_the_line(given_parts, longest):
    corners = [p for part in given_parts for p in part]
    reach = max(length_km(a, b) for part in given_parts for a, b in itertools.pairwise(part))
    for section in sections(given_parts, longest):
        assert min(length_km(section.middle, c) for c in corners) <= 0.5 * reach * 1.01 + 1e-6


@given(positions, positions)
def test_length_is_that_of_geo(a, b):
    assert length_km(a, b) == pytest.approx(geo.distance_km(*a, *b), abs=1e-6)
    assert EARTH_RADIUS_KM == geo.EARTH_RADIUS_KM


def test_a_line_across_the_antimeridian_goes_the_short_way():
    (only,) = sections([[(0.0, 179.9), (0.0, -179.9)]], 50.0)
    assert abs(only.middle[1]) == pytest.approx(180.0)
    assert only.to_km == pytest.approx(0.2 * 111.195, abs=0.01)


def test_a_short_rest_joins_the_section_before_it():
    km = 1.0 / 111.19493
    line = [(0.0, 0.0), (10.04 * km, 0.0)]
    assert [round(s.to_km, 2) for s in sections([line], 5.0)] == [5.0, 10.04]
    assert len(sections([[(0.0, 0.0), (10.06 * km, 0.0)]], 5.0)) == 3
    assert len(sections([[(0.0, 0.0), (0.0, 0.0)]], 5.0)) == 1


@given(positions, st.floats(0.01, 1), st.floats(0.01, 1), st.booleans())
def test_the_centroid_of_a_triangle_is_the_mean_of_its_corners(corner, height, width, turned):
    lat, lon = corner
    assume(abs(lon) < 178)
    ring = [(lat, lon), (lat + height, lon), (lat, lon + width), (lat, lon)]
    found = centroid([ring[::-1] if turned else ring])
    assert found == (pytest.approx(lat + height / 3, abs=1e-6), pytest.approx(lon + width / 3, abs=1e-6))


def test_a_ring_without_area_gives_the_mean_of_its_corners():
    assert centroid([[(1.0, 2.0), (3.0, 4.0), (1.0, 2.0), (3.0, 4.0)]]) == (2.0, 3.0)
