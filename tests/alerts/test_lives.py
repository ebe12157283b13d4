"""Whole lives of warnings, drawn at random."""

import itertools
import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.alerts.params import Params
from seiswarn.messages import Alert, Decision
from seiswarn.targets import TargetTable
from tests.alerts.scripted import PLACES, alerts, at, decisions, forecast, later, stage_of, table, told
from tests.shaking_work import target

PUBLIC = Params(all_clear_s=30.0, expires_s=60.0)
steps = st.lists(
    st.tuples(
        st.floats(0.02, 8.0),  # time to the next step
        st.sampled_from(["update"] * 10 + ["renewed", "ended", "cancelled", "tick", "tick"]),
        st.floats(2.5, 7.5),
        st.floats(-2.0, 2.0),  # intensity offset
        st.floats(-3.0, 3.0),  # S delay
        st.integers(2, 8),
        st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


def life(plan, shift_ns=0, targets=None, restart_at=None, audiences=(PUBLIC,)):
    """Run a plan; returns all messages per step."""
    targets = table() if targets is None else targets
    stage, t, made = stage_of(*audiences, targets=targets), 5.0, []
    for k, (dt, state, magnitude, offset, delay, n, event) in enumerate(plan):
        t += dt
        if k == restart_at:
            data = stage.snapshot()
            stage = stage_of(*audiences, targets=targets)
            stage.restore(data)
            assert stage.snapshot() == data
        messages = []
        if state != "tick":
            e = told(t, magnitude, "update" if state == "renewed" else state, k + 1, n=n, event=event)
            e = later(e, shift_ns)
            if state in ("update", "ended", "cancelled"):
                messages.append(e)
            if state in ("update", "renewed"):
                messages.append(forecast(e, offset, delay, targets))
        made.append(stage.handle(at(t) + shift_ns, messages))
    return made


@given(steps)
@settings(max_examples=150)
def test_revisions_are_gapless_and_nothing_follows_the_end(plan):
    spoken: dict[str, list[Alert]] = {}
    for alert in alerts([m for step in life(plan) for m in step]):
        spoken.setdefault(alert.event_id, []).append(alert)
    for sequence in spoken.values():
        assert [a.revision for a in sequence] == list(range(1, len(sequence) + 1))
        # What the policy took back and what grew again is warned of again.
        kinds = "".join({"new": "n", "update": "u", "cancel": "c", "final": "f"}[a.kind] for a in sequence)
        assert re.fullmatch(r"(nu*c){0,3}(nu*[cf]?)?", kinds), kinds
        assert kinds.count("n") <= PUBLIC.max_warnings
        assert len({a.first_t_seen_ns for a in sequence}) == 1
        assert all(a.t_seen_ns < b.t_seen_ns for a, b in itertools.pairwise(sequence))


@given(steps)
@settings(max_examples=50)
def test_each_alert_has_its_decision(plan):
    for step in life(plan):
        spoken = [(d.event_id, d.action, d.transitions) for d in decisions(step) if d.action != "hold"]
        assert spoken == [(a.event_id, a.kind, a.transitions) for a in alerts(step)]


@given(steps)
@settings(max_examples=80)
def test_levels_and_area_of_an_alert_are_those_of_its_targets(plan):
    """At least: they may be higher while something lower has not lasted."""
    for alert in alerts([m for step in life(plan) for m in step]):
        over = alert.kind == "cancel" or "all_clear" in alert.transitions
        ranks = [t.level_rank for t in alert.targets]
        if over:
            assert (alert.level_rank, alert.n_area, sum(ranks)) == (0, 0, 0)
        else:
            assert alert.level_rank >= max(ranks, default=0)
            assert alert.n_area >= sum(t.intensity >= PUBLIC.min_intensity for t in alert.targets)
            named = {0: ""} | {k: level.name for k, level in enumerate(PUBLIC.levels, 1)}
            assert alert.level == named[alert.level_rank]
            for t in alert.targets:
                reached = sum(t.intensity >= level.at_least for level in PUBLIC.levels)
                assert t.level_rank >= reached  # higher only while a lower one has not lasted
                assert t.level == named[t.level_rank]


@given(steps, st.integers(0, 40))
@settings(max_examples=80)
def test_a_restored_stage_goes_on_as_if_nothing_had_been(plan, k):
    assert life(plan, restart_at=k) == life(plan)


@given(steps, st.integers(-(10**17), 10**17))
@settings(max_examples=50)
def test_shifting_all_times_changes_only_times(plan, shift):
    def strip(made, shift_ns):
        return [
            (m.event_id, type(m).__name__, m.t_seen_ns - shift_ns, m.reasons, m.transitions, *extra(m))
            for step in made
            for m in step
        ]

    def extra(m):
        return (m.detail,) if isinstance(m, Decision) else (m.kind, m.revision, m.level, m.n_area)

    assert strip(life(plan, shift), shift) == strip(life(plan), 0)


@given(steps, st.permutations(list(PLACES)))
@settings(max_examples=50)
def test_the_order_of_targets_never_shows(plan, order):
    mixed = TargetTable.of([target(name, 0.0, PLACES[name]) for name in order])
    assert life(plan, targets=mixed) == life(plan)


@given(steps)
@settings(max_examples=50)
def test_what_an_audience_is_told_never_depends_on_another(plan):
    others = [
        PUBLIC,
        Params(name="rail", measure="pga", min_pga_gal=40.0, at_epicentre=False, cover_s=0.0),
        Params(name="late", release_solution=3, max_updates=1),
    ]
    together = [m for step in life(plan, audiences=others) for m in step]
    for params in others:
        alone = [m for step in life(plan, audiences=(params,)) for m in step]
        assert [m for m in together if m.policy == params.name] == alone
    backwards = [m for step in life(plan, audiences=others[::-1]) for m in step]

    def order(messages):
        return sorted(map(msgspec.msgpack.encode, messages))

    assert order(backwards) == order(together)
