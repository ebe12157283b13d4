from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seiswarn.timebase import iso, parse_iso, sample_offset_ns

TIMES = some.integers(-(10**18), 4 * 10**18)


@given(TIMES)
def test_iso_and_back(t_ns: int) -> None:
    assert parse_iso(iso(t_ns)) == t_ns


def test_iso_of_known_times() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000000000Z"
    assert iso(1_562_383_193_040_000_000, 2) == "2019-07-06T03:19:53.04Z"
    assert iso(1_562_383_193_999_999_999, 0) == "2019-07-06T03:19:53Z"  # cut off, not rounded


@pytest.mark.parametrize("text", ["2019-07-06", "2019-07-06T03:19:53", "2019-07-06T03:19:53+08:00", "x"])
def test_only_utc_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="UTC"):
        parse_iso(text)


def test_samples_of_odd_rates_do_not_drift() -> None:
    assert sample_offset_ns(31_250_000, 31.25) == 10**15
