"""STA/LTA alone against obspy's, however the samples are cut into packets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from obspy.signal.trigger import recursive_sta_lta, trigger_onset

from seiswarn.waveform.pickers.sta_lta import LANES, StaLta

ON, OFF = 3.0, 1.5


def records(seed: int, n_channels: int, n: int) -> np.ndarray:
    """Noise with bursts, (n_channels, n) int32; every third channel's last burst goes on to the end."""
    rng = np.random.default_rng(seed)
    x = 200.0 * rng.standard_normal((n_channels, n))
    for ch in range(n_channels):
        for start in rng.integers(0, n, 3):
            x[ch, start : start + int(rng.integers(1, 60))] *= 20.0
        if ch % 3 == 0:
            x[ch, -10:] *= 100.0
    return np.rint(x).astype(np.int32)


def by_obspy(x: np.ndarray, nsta: int, nlta: int) -> list[tuple[int, int]]:
    ratio = recursive_sta_lta(x.astype(np.float64), nsta, nlta)
    return [(int(a), int(b)) for a, b in trigger_onset(ratio, ON, OFF)]


def pairs(edges: list[np.ndarray], n_channels: int) -> list[list[tuple[int, int]]]:
    """Edges in the order in which they were told, as (first, last) sample per channel."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(n_channels)]
    begun: dict[int, int] = {}
    for ch, sample, on in np.concatenate(edges).tolist():
        if on:
            assert ch not in begun
            begun[ch] = sample
        else:
            out[ch].append((begun.pop(ch), sample))
    assert not begun
    return out


def fed(x: np.ndarray, nsta: int, nlta: int, cuts: list[int], together: int) -> list[list[tuple[int, int]]]:
    """Triggers of `x` cut at `cuts`, `together` packets in a call, packets of a time channel by channel."""
    picker = StaLta(len(x), nsta, nlta, ON, OFF)
    edges = [0, *sorted(set(cuts)), x.shape[1]]
    packets = [(ch, x[ch, a:b]) for a, b in itertools.pairwise(edges) for ch in range(len(x))]
    told = []
    for k in range(0, len(packets), together):
        part = packets[k : k + together]
        offsets = np.cumsum([0, *(len(data) for _, data in part)])
        channels = np.array([ch for ch, _ in part])
        told.append(picker.feed(channels, offsets, np.concatenate([data for _, data in part])))
    return pairs([*told, picker.open()], len(x))


@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 1000),
    n_channels=some.integers(1, 2 * LANES + 3),
    nsta=some.integers(1, 20),
    ratio=some.integers(1, 20),
    cuts=some.lists(some.integers(0, 700), max_size=12),
    together=some.integers(1, 80),
)
def test_triggers_are_obspys_however_the_samples_are_cut(seed, n_channels, nsta, ratio, cuts, together):
    x = records(seed, n_channels, 700)
    expected = [by_obspy(row, nsta, nsta * ratio) for row in x]
    assert fed(x, nsta, nsta * ratio, cuts, together) == expected


def test_there_are_triggers_to_compare():
    found = fed(records(1, 20, 700), 5, 50, [100, 350], 20)
    assert sum(len(of_channel) for of_channel in found) > 20
    assert any(of_channel and of_channel[-1][1] == 699 for of_channel in found)


def test_type_of_the_samples_does_not_matter():
    x = records(2, 4, 500)
    assert (
        fed(x.astype(np.float64), 5, 50, [], 4) == fed(x, 5, 50, [], 4) == fed(x.astype("f4"), 5, 50, [], 4)
    )


def test_a_dead_trace_never_triggers():
    assert fed(np.zeros((3, 400), dtype=np.int32), 5, 20, [7], 2) == [[], [], []]


def test_empty_packets_are_nothing():
    picker = StaLta(2, 2, 10, ON, OFF)
    assert len(picker.feed(np.array([0, 1]), np.array([0, 0, 0]), np.zeros(0))) == 0
    assert len(picker.feed(np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64), np.zeros(0))) == 0


@pytest.mark.parametrize(
    ("nsta", "nlta", "on", "off"), [(0, 10, 3, 1), (10, 5, 3, 1), (5, 10, 1, 3), (5, 10, 3, 0)]
)
def test_what_makes_no_sense_is_refused(nsta, nlta, on, off):
    with pytest.raises(ValueError, match="no STA/LTA"):
        StaLta(1, nsta, nlta, on, off)


@pytest.mark.parametrize(
    ("channels", "offsets"), [([2], [0, 5]), ([-1], [0, 5]), ([0], [0, 6]), ([0], [0]), ([0, 1], [0, 4, 2])]
)
def test_columns_that_do_not_match_are_refused(channels, offsets):
    with pytest.raises(ValueError, match="packet"):
        StaLta(2, 2, 10, ON, OFF).feed(np.array(channels), np.array(offsets), np.zeros(5))
