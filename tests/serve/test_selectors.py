"""Which streams and stations a selector means."""

from __future__ import annotations

import pytest

from seiswarn.serve.ring import Stream
from seiswarn.serve.selectors import Request, Requests, pattern, selector_v3, selector_v4

STREAMS = {
    name: Stream("XX_AAA", name, "2", kind)
    for name, kind in (
        ("00_H_H_Z", "D"),
        ("00_H_H_N", "D"),
        ("_H_H_Z", "D"),
        ("10_B_H_Z", "D"),
        ("_L_O_G", "L"),
    )
}


def chosen(read, *words: str) -> set[str]:
    request = Request("*", [read(w) for w in words])
    return {name for name, stream in STREAMS.items() if request.filter_for(stream)}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], set(STREAMS)),
        (["HHZ"], {"00_H_H_Z", "_H_H_Z"}),
        (["00HHZ"], {"00_H_H_Z"}),
        (["--HHZ"], {"_H_H_Z"}),
        (["00"], {"00_H_H_Z", "00_H_H_N"}),
        (["--"], {"_H_H_Z", "_L_O_G"}),
        (["HH?"], {"00_H_H_Z", "00_H_H_N", "_H_H_Z"}),
        (["?????"], set(STREAMS)),
        (["1?BHZ"], {"10_B_H_Z"}),
        (["HHZ.D"], {"00_H_H_Z", "_H_H_Z"}),
        (["HHZ.L"], set()),
        ([".L"], {"_L_O_G"}),
        (["LOG.L", "BHZ"], {"_L_O_G", "10_B_H_Z"}),
        (["!HHN"], set(STREAMS) - {"00_H_H_N"}),
        (["HH?", "!00HHN"], {"00_H_H_Z", "_H_H_Z"}),
        (["!HH?", "HHZ"], set()),
        (["H*"], {"00_H_H_Z", "00_H_H_N", "_H_H_Z"}),
        (["*Z.D"], {"00_H_H_Z", "_H_H_Z", "10_B_H_Z"}),
        (["00*"], {"00_H_H_Z", "00_H_H_N"}),
        (["00_H_H_?"], {"00_H_H_Z", "00_H_H_N"}),  # of SeedLink 4, which some clients send
    ],
)
def test_version_3(words: list[str], found: set[str]) -> None:
    assert chosen(selector_v3, *words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], set(STREAMS)),
        (["*"], set(STREAMS)),
        (["*_H_H_Z"], {"00_H_H_Z", "_H_H_Z"}),
        (["_H_H_Z"], {"_H_H_Z"}),
        (["_*Z"], {"_H_H_Z"}),
        (["?0_?_H_?"], {"00_H_H_Z", "00_H_H_N", "10_B_H_Z"}),
        (["*.2D"], set(STREAMS) - {"_L_O_G"}),
        (["*.2"], set(STREAMS)),
        (["*.3"], set()),
        (["*.?L"], {"_L_O_G"}),
        (["*_H*", "!*_N"], {"00_H_H_Z", "_H_H_Z", "10_B_H_Z"}),
        (["!*.*L"], set(STREAMS) - {"_L_O_G"}),
        (["*:native"], set(STREAMS)),
        (["*.2D:3"], set(STREAMS) - {"_L_O_G"}),
    ],
)
def test_version_4(words: list[str], found: set[str]) -> None:
    assert chosen(selector_v4, *words) == found


def test_the_first_filter_that_matches_counts() -> None:
    request = Request("*", [selector_v4("*.2L:native"), selector_v4("*:3")])
    assert request.filter_for(STREAMS["_L_O_G"]) == "native"
    assert request.filter_for(STREAMS["_H_H_Z"]) == "3"


@pytest.mark.parametrize("text", ["", "!", "A", "TOOLONG", "HH[Z]", "HHZ.X", "HH\x00"])
def test_version_3_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        selector_v3(text)


@pytest.mark.parametrize("text", ["", "!", ".2D", "*:zip", "!*:3", "(.*)", "*:"])
def test_version_4_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        selector_v4(text)


def test_a_pattern_of_many_stars_is_answered_at_once() -> None:
    text = "*A" * 250 + "*"
    assert pattern(text).fullmatch("A" * 249) is None
    assert pattern(text).fullmatch("A" * 250) is not None


@pytest.mark.parametrize(
    ("text", "name", "fits"),
    [
        ("A*B*C", "ABXBC", True),
        ("A*B*C", "ACB", False),
        ("*AB", "AABAB", True),
        ("**", "", True),
        ("?*?", "A", False),
        ("?*?", "AB", True),
        ("XX_*", "XX_", True),
        ("A*AB*B", "AABB", True),
        ("A*AB*B", "AAB", False),
    ],
)
def test_pattern(text: str, name: str, fits: bool) -> None:
    assert (pattern(text).fullmatch(name) is not None) is fits


def test_a_station_by_name_goes_before_patterns_and_the_first_pattern_before_others() -> None:
    requests = Requests(
        [
            Request("XX_*", [selector_v3("BHZ")], 1),
            Request("XX_AAA", [selector_v3("HHN")], 1),
            Request("*", [selector_v3("HHZ")], 1),
            Request("YY_B?", [selector_v3("HHN")], 1),
        ]
    )
    by_name = {n: requests.of(s) is not None for n, s in STREAMS.items()}
    assert by_name == {n: n == "00_H_H_N" for n in STREAMS}
    assert requests.of(Stream("XX_B", "_B_H_Z", "2", "D")) is not None
    assert requests.of(Stream("XX_B", "_H_H_Z", "2", "D")) is None
    assert requests.of(Stream("YY_B1", "_H_H_N", "2", "D")) is None, "the pattern before takes it"


def test_a_request_without_data_is_none() -> None:
    assert Requests([Request("*")]).of(STREAMS["_H_H_Z"]) is None
