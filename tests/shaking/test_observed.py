"""What is remembered of the motion at stations: from rows to peaks, whatever way they are cut."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shaking_work import (
    T0,
    at,
    columns,
    estimate,
    forecasts,
    grid_table,
    motions,
    onset,
    permuted,
    stage_of,
    target,
)

from seiswarn.reasons import Flag
from seiswarn.shaking.observed import FELT_MPS2, LASTING, QUIET_S, Observed
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations
from seiswarn.timebase import NS

TABLE = grid_table(3, 20.0)
START = T0 // NS


def seen(rows, table=TABLE, **changes):
    observed = Observed.of(table)
    observed.take(motions(table, rows, **changes))
    return observed


def test_peaks_since_the_motion_began_and_the_seconds_that_last():
    o = seen([(4, float(t), a, a / 10.0) for t, a in enumerate((0.1, 0.5, 0.3, 0.4, 0.2), 3)])
    assert (o.start_s[4] - START, o.felt_s[4] - START, o.last_s[4] - START) == (3, 7, 7)
    assert (o.pga_mps2[4], o.pgv_mps[4]) == (0.5, 0.05)
    assert o.lasting_pga[4].tolist() == [0.5, 0.4, 0.3]
    assert len(o.lasting_pga[4]) == LASTING
    assert not o.pga_mps2[:4].any()


def test_what_nobody_feels_is_heard_but_begins_nothing():
    o = seen([(4, 3.0, 0.99 * FELT_MPS2, 0.01)])
    assert o.last_s[4] == START + 3
    assert o.pga_mps2[4] == 0.0
    assert seen([(4, 3.0, FELT_MPS2, 0.01)]).pga_mps2[4] == FELT_MPS2


@pytest.mark.parametrize(("gap_s", "fresh"), [(QUIET_S, False), (QUIET_S + 1, True)])
def test_a_motion_is_over_after_ten_quiet_seconds(gap_s, fresh):
    o = seen([(4, 3.0, 2.0, 0.2), (4, 3.0 + gap_s, 0.5, 0.05)])
    assert (o.start_s[4] == START + 3 + gap_s) == fresh
    assert o.pga_mps2[4] == (0.5 if fresh else 2.0)
    assert o.lasting_pga[4].max() == o.pga_mps2[4]
    assert (o.lasting_pga[4] > 0.0).sum() == (1 if fresh else 2)
    assert o.moving(START + 3 + gap_s)[4]
    assert not o.moving(START + 3 + gap_s + QUIET_S + 1)[4]


@pytest.mark.parametrize(
    "changes",
    [
        {"stations": ("XX.NONE..HN",)},
        {"n_components": (2,)},
        {"flags": (int(Flag.SPIKE),)},
        {"flags": (int(Flag.SETTLING | Flag.GAP),)},
        {"pga_gbt_mps2": (0.0,)},
        {"pga_gbt_mps2": (float("nan"),)},
        {"pgv_gbt_mps": (-1.0,)},
    ],
)
def test_rows_that_cannot_be_used_leave_no_trace(changes):
    o = seen([(4, 3.0, 2.0, 0.2)], **changes)
    assert o.snapshot() == Observed.of(TABLE).snapshot()


def test_rows_that_are_flagged_but_can_be_used_are():
    assert seen([(4, 3.0, 2.0, 0.2)], flags=(int(Flag.CLIPPED),)).pga_mps2[4] == 2.0


def test_without_the_band_of_the_standard_plain_peaks_are_taken():
    o = seen([(4, 3.0, 2.0, 0.2)], pga_gbt_mps2=(), pgv_gbt_mps=(), pga_mps2=(1.5,), pgv_mps=(0.1,))
    assert (o.pga_mps2[4], o.pgv_mps[4]) == (1.5, 0.1)


def test_only_p_onsets_of_known_stations_are_remembered_the_latest_of_them():
    o = Observed.of(TABLE)
    for pick in (onset(TABLE, 4, 5.0), onset(TABLE, 4, 3.0), onset(TABLE, 4, 9.0, phase="S")):
        o.pick(pick)
    o.pick(msgspec.structs.replace(onset(TABLE, 0, 5.0), station="XX.NONE..HN"))
    assert o.onset_ns[4] == at(5.0)
    assert (o.onset_ns[:4] < 0).all()


def test_a_snapshot_brings_everything_back():
    o = seen([(k, float(3 + k), 1.0 + k, 0.1) for k in range(9)])
    again = Observed.of(TABLE)
    again.restore(o.snapshot())
    assert again.snapshot() == o.snapshot()
    again.take(motions(TABLE, [(0, 20.0, 9.0, 1.0)]))  # the arrays are its own, and can be written
    assert o.pga_mps2[0] == 1.0


rows_of = st.lists(st.tuples(st.integers(0, 8), st.floats(0.001, 8.0)), min_size=1, max_size=40)


@given(rows_of, st.data())
@settings(max_examples=60)
def test_motions_cut_into_other_messages_and_slices_give_the_same_state(plan, data):
    """Each station's seconds come in their order; how they are packed never shows."""
    rows = [(k, float(5 + i // 3), a, a / 12.0) for i, (k, a) in enumerate(plan)]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=6)) | {0, len(rows)})
    parts = [rows[a:b] for a, b in itertools.pairwise(cuts)]
    places = (target("A", 5.0, 5.0), target("B", 40.0, 0.0))

    def state(pieces, own_slices):
        stage = stage_of(places, TABLE)
        stage.handle(at(4.0), [estimate(4.0)])
        messages = [motions(TABLE, part, 30.0) for part in pieces]
        for group in [[m] for m in messages] if own_slices else [messages]:
            stage.handle(at(30.0), group)
        (last,) = forecasts(stage.handle(at(31.0), [estimate(31.0, 6.7, revision=2)]))
        return stage._observed.snapshot(), last

    whole = state([rows], False)
    assert state(parts, False) == whole
    assert state(parts, True) == whole
    by_station = [[r for r in rows if r[0] == k] for k in range(9)]
    assert state(by_station, False) == whole


@given(st.permutations(range(9)), rows_of)
@settings(max_examples=40)
def test_the_order_of_stations_never_shows(order, plan):
    places = tuple(target(f"T{k}", 10.0 * k - 30.0, 7.0) for k in range(7))
    rows = [(k, float(5 + i // 3), a, a / 12.0) for i, (k, a) in enumerate(plan)]

    def told(table, names):
        stage = stage_of(places, table)
        stage.handle(at(4.0), [estimate(4.0)])
        given = motions(table, [(names[k], t, a, v) for k, t, a, v in rows], 31.0)
        (last,) = forecasts(stage.handle(at(31.0), [given, estimate(31.0, 6.7, revision=2)]))
        return last, columns(last)

    mixed = permuted(TABLE, order)
    where = {k: list(order).index(k) for k in range(9)}
    (one, a), (other, b) = told(TABLE, {k: k for k in range(9)}), told(mixed, where)
    assert one.n_observed == other.n_observed
    np.testing.assert_array_equal(a.basis, b.basis)
    for name in ("intensity", "intensity_sigma", "intensity_wavefield", "pga_mps2", "exceed"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-5, atol=1e-5)


@given(st.floats(0.02, 8.0), st.floats(0.1, 10.0))
def test_scaled_peaks_shift_the_intensity_as_the_scale_says(pga, k):
    """GB/T 17742-2020: 3.00 a decade where both reach VI, else the mean of 3.17 and 3.00; never below I."""
    relations = Relations(Params())
    before, after = (
        float(relations.observed(np.array([x]), np.array([x / 12.0]))[0]) for x in (pga, k * pga)
    )
    if min(before, after) > 1.0 and max(before, after) < 5.5:
        assert after - before == pytest.approx(3.085 * np.log10(k), abs=1e-9)
    elif min(before, after) > 6.5 and max(before, after) < 12.0:
        assert after - before == pytest.approx(3.0 * np.log10(k), abs=1e-9)
    else:
        assert (after - before) * np.log10(k) >= 0.0
