"""A report keeps of each warning what it tells: when a target was first named, and what it was told last."""

import msgspec
import numpy as np

from factories import FIRST_NS, make_alert, make_target
from seiswarn.messages import Alert
from seiswarn.reports.stage import _keep
from seiswarn.timebase import NS

NAMES = [f"T{k}" for k in range(30)]


def lives(seed: int) -> list[Alert]:
    """Forty warnings of two audiences, of targets that come and go."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(40):
        policy = str(rng.choice(["public", "railway"]))
        named = rng.choice(NAMES, rng.integers(0, 25), replace=False).tolist()
        targets = tuple(make_target(name=n, intensity=float(rng.uniform(2, 9))) for n in named)
        kind = "cancel" if rng.random() < 0.1 else "update"
        t_ns = FIRST_NS + k * NS
        out.append(make_alert(revision=k + 1, policy=policy, kind=kind, t_seen_ns=t_ns, targets=targets))
    return out


def first_and_last(alerts):
    first, last = {}, {}
    for a in alerts:
        for t in a.targets:
            first.setdefault(t.name, a.t_seen_ns)
            if a.kind != "cancel":
                last[t.name] = t
    return first, last


def test_nothing_that_a_report_tells_is_lost():
    for seed in range(20):
        kept: list[Alert] = []
        for a in lives(seed):
            _keep(kept, a)
        assert first_and_last(kept) == first_and_last(lives(seed))
        bare = [msgspec.structs.replace(a, targets=()) for a in lives(seed)]
        assert [msgspec.structs.replace(a, targets=()) for a in kept] == bare


def test_a_hundred_warnings_of_the_same_targets_are_kept_as_two():
    kept: list[Alert] = []
    for k in range(100):
        _keep(kept, make_alert(revision=k + 1, targets=tuple(make_target(name=n) for n in NAMES)))
    assert [len(a.targets) for a in kept] == [30, *[0] * 98, 30]
