"""The twins themselves against obspy, scipy and closed forms: what is wrong here would excuse a kernel."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from seiswarn.waveform import official
from tests.reference import measures_twin as twin


def test_sta_lta_triggers_are_those_of_obspy(project_root: Path) -> None:
    lines = (project_root / "tests/golden/sta_lta.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    settings = {(r["seed"], r["nsta"], r["nlta"], r["on"], r["off"]) for r in rows}
    assert len(settings) == 9
    for seed, nsta, nlta, on, off in sorted(settings):
        ratio = twin.recursive_sta_lta(twin.trigger_trace(int(seed)), int(nsta), int(nlta))
        same = [r for r in rows if (r["seed"], r["nsta"]) == (seed, nsta)]
        got = twin.triggers(ratio, float(on), float(off))
        assert got == [(int(r["first"]), int(r["last"])) for r in same]
        largest = [float(np.max(ratio[a : b + 1])) for a, b in got]
        assert largest == pytest.approx([float(r["ratio"]) for r in same], rel=1e-8)


def test_zero_crossings_of_a_sinusoid_and_of_zeros() -> None:
    t = (np.arange(1000) + 0.5) / 100.0
    assert twin.zero_crossings(np.sin(2 * math.pi * 3.0 * t)) == 2 * 3 * 10 - 1
    assert twin.zero_crossings(np.array([0.0, 0.0, 1.0, 0.0, 0.0, 2.0, -1.0, 0.0, 3.0])) == 2
    assert twin.zero_crossings(np.zeros(5)) == 0


@pytest.mark.parametrize("rate", [31.25, 100.0])
def test_seconds_add_up_to_the_record(rate: float) -> None:
    a = np.random.default_rng(4).standard_normal((3, int(8 * rate)))
    assert twin.arias_by_second(a, rate).sum() == pytest.approx(official.arias(a, rate))
    assert twin.cav_by_second(a, rate).sum() == pytest.approx(official.cav(a, rate))
    assert len(twin.cav_by_second(a, rate)) == 8


@pytest.mark.parametrize(("rate", "within"), [(20.0, 0.03), (50.0, 0.007), (100.0, 0.002), (200.0, 5e-4)])
def test_the_recursive_wood_anderson_is_near_the_exact_one(rate: float, within: float) -> None:
    a = twin.wood_anderson_ground(rate)
    exact, section = twin.wood_anderson_exact(a, rate), twin.wood_anderson_recursive(a, rate)
    assert np.max(np.abs(section - exact)) < within * np.max(np.abs(exact))
    assert np.max(np.abs(section)) == pytest.approx(np.max(np.abs(exact)), rel=within)


def test_the_section_is_exact_at_its_period_and_at_rest() -> None:
    b0, b1, b2, a1, a2 = twin.wood_anderson_section(100.0)
    w = 2 * math.pi / 0.8
    z = np.exp(-1j * w / 100.0)
    at_period = (b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)
    assert at_period == pytest.approx(2080.0 / (2 * 0.7j * w * w))
    assert (b0 + b1 + b2) / (1 + a1 + a2) == pytest.approx(2080.0 / w**2)


def test_flat_runs() -> None:
    x = np.array([1, 2, 2, 2, 3, 3, 1])
    assert twin.longest_flat_run(x) == 3
    assert twin.flat_runs(x, 2) == [(1, 3), (4, 2)]
    assert twin.longest_flat_run(np.arange(4)) == 1
    assert twin.longest_flat_run(np.zeros(0)) == 0


def test_level_and_rms() -> None:
    x = 3.0 + 2.0 * np.tile([1.0, -1.0], 50)
    assert twin.level_and_rms(x) == pytest.approx((3.0, 2.0))


@pytest.mark.parametrize("height", [500.0, -500.0])
@pytest.mark.parametrize("width", [1, 2])
def test_a_spike_is_found_where_it_is(height: float, width: int) -> None:
    x = np.random.default_rng(1).standard_normal(400)
    assert twin.spikes(x) == []
    x[200 : 200 + width] += height
    assert twin.spikes(x) == [200]


def test_what_is_no_spike() -> None:
    noise = np.random.default_rng(2).standard_normal(400)
    step = noise.copy()
    step[200:] += 500.0
    assert twin.spikes(step) == []
    wide = noise.copy()
    wide[200:203] += 500.0
    assert twin.spikes(wide) == []
    wave = noise.copy()
    wave[200:] += 500.0 * np.sin(2 * math.pi * 5.0 * np.arange(200) / 100.0)
    assert twin.spikes(wave) == []


def test_spikes_one_after_another() -> None:
    x = np.random.default_rng(3).standard_normal(600)
    for k in (100, 300, 301, 500):
        x[k] += 800.0
    assert twin.spikes(x) == [100, 300, 500]
