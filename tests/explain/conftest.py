"""Run folders written by hand: one earthquake, three audiences, and a moment without any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from seiswarn.alerts.params import Params
from seiswarn.explain.command import Opened, open_and_survey
from seiswarn.forecast_arrays import FieldArrays, field_of
from seiswarn.forecast_field import Basis
from seiswarn.messages import Alert, DataError, Decision, Forecast, Message, Motions, encode
from seiswarn.runtime.files import OUTPUT, RUN_FILE
from seiswarn.store.journal import JournalWriter
from seiswarn.targets import Target, TargetTable
from seiswarn.timebase import NS, from_seconds
from tests.factories import (
    FIRST_NS,
    ORIGIN_NS,
    make_alert,
    make_decision,
    make_estimate,
    make_magnitude,
    make_origin,
    make_pick,
)

EVENT = "sw20260512062804"
QUIET_NS = ORIGIN_NS + 600 * NS  # ten minutes later one station triggers, and nothing comes of it
TARGETS = (
    Target(name="Nanning", latitude=22.82, longitude=108.37),
    Target(name="Baise", latitude=23.90, longitude=106.62),
)
AUDIENCES = (
    Params(name="public"),
    Params(name="plant", min_magnitude=7.5, min_intensity=9.0),
    Params(name="province", region=((30.0, 100.0), (34.0, 100.0), (34.0, 106.0))),
)


def at(seconds: float) -> int:
    """Nanoseconds of a time after the origin."""
    return ORIGIN_NS + from_seconds(seconds)


def make_forecast(t_s: float, basis: Basis = Basis.SOURCE, **changes: Any) -> Forecast:
    """Of the two targets, in the order of their table: Baise, the stronger one, comes first."""
    ones = np.ones(2)
    arrays = FieldArrays(
        distance_km=np.array([35.0, 250.0]),
        intensity=np.array([7.6, 4.4]),
        intensity_sigma=ones,
        intensity_source=ones,
        intensity_wavefield=ones,
        pga_mps2=ones,
        pgv_mps=ones,
        p_s=ones,
        s_s=ones,
        basis=np.array([int(basis), int(Basis.SOURCE)], np.uint8),
        exceed=np.zeros((2, 0)),
    )
    fields: dict[str, Any] = {
        "event_id": EVENT,
        "estimate_revision": 1,
        "t_seen_ns": at(t_s),
        "intensity_scale": "GB/T 17742-2020",
        "max_intensity": 7.6,
        "epicentral_intensity": 8.4,
        "method": "BSSA14+GB/T 17742-2020",
        "field": field_of(TargetTable.of(TARGETS).digest, arrays),
    }
    return Forecast(**(fields | changes))


def hold(t_s: float, policy: str, reasons: Sequence[str], detail: str, **changes: Any) -> Decision:
    return make_decision(
        t_seen_ns=at(t_s), policy=policy, action="hold", reasons=tuple(reasons), detail=detail, **changes
    )


def motions(t_ns: int) -> Motions:
    columns: dict[str, Any] = dict.fromkeys(("pga_mps2", "pgv_mps", "pgd_m", "intensity_jma"), (0.0, 0.0))
    return Motions(
        t_seen_ns=t_ns,
        stations=("XX.G000.00.HN", "XX.G001.00.HN"),
        t_ns=(t_ns, t_ns),
        n_components=(3, 3),
        intensity_gbt=(1.0, 2.5),
        clipped=(False, False),
        **columns,
    )


def alert(revision: int, t_s: float, **changes: Any) -> Alert:
    return make_alert(revision=revision, t_seen_ns=at(t_s), level="red", level_zh="红色", **changes)


def estimates() -> list[Message]:
    """Four revisions: only the first, the third (M + 1.0) and the last are worth showing."""
    values = (5.6, 5.7, 6.6, 6.6)
    return [
        make_estimate(
            3 + k,
            revision=k + 1,
            state="ended" if k == 3 else "update" if k else "new",
            t_seen_ns=at(100.0 if k == 3 else 6.5 + k),
            magnitude=make_magnitude(value=value, sigma=0.4),
            origin=make_origin(n_stations=3 + k),
            reasons=("EVENT_ENDED",) if k == 3 else ("NEW_STATIONS",),
        )
        for k, value in enumerate(values)
    ]


def event_messages() -> list[Message]:
    """Everything about one earthquake, in order."""
    weak = "M 6.6 is below 7.5; intensity 8.4 at the epicentre is below 9.0"
    small = ("BELOW_MAGNITUDE", "BELOW_THRESHOLD")
    outside = "epicentre 24.10, 106.35 is outside the region"
    found: list[Message] = [make_pick(i) for i in range(6)]
    found += estimates()
    found += [make_forecast(6.5), make_forecast(7.5), make_forecast(8.5, Basis.SOURCE | Basis.CORRECTED)]
    found += [
        hold(6.5, "public", ("LOW_CONFIDENCE",), "magnitude uncertain by 0.80 (at most 0.70)"),
        make_decision(t_seen_ns=at(7.5), transitions=("new",)),
        alert(1, 7.5),
        hold(7.9, "public", ("NO_CHANGE", "ABOVE_THRESHOLD"), "nothing a receiver acts on has changed"),
        make_decision(t_seen_ns=at(8.5), action="update", reasons=("CHANGED",), transitions=("escalate",)),
        alert(2, 8.5, transitions=("escalate",)),
        make_decision(t_seen_ns=at(100.0), action="final", reasons=("EVENT_ENDED",), transitions=("final",)),
        alert(3, 100.0, kind="final", transitions=("final",)),
    ]
    found += [hold(6.5 + k, "plant", small, weak) for k in range(4)]
    found += [hold(6.5, "province", ("OUTSIDE_REGION",), outside)]
    found += [hold(100.0, name, ("EVENT_ENDED",), "the event has ended") for name in ("plant", "province")]
    return sorted(found, key=lambda m: (m.t_seen_ns, isinstance(m, Alert)))  # type: ignore[attr-defined]


def quiet_messages() -> list[Message]:
    """A lone pick and why it became no event."""
    return [
        motions(QUIET_NS),
        make_pick(7, pick_id="lone", t_ns=QUIET_NS, t_seen_ns=QUIET_NS + NS),
        DataError(t_seen_ns=QUIET_NS + 2 * NS, subject="picker", reason="TOO_WEAK", count=3),
        make_decision(
            event_id="",
            policy="source",
            t_seen_ns=QUIET_NS + 3 * NS,
            action="hold",
            reasons=("TOO_FEW_STATIONS",),
            detail="1 coherent sites, 3 wanted",
            n_stations=1,
        ),
        motions(QUIET_NS + 5 * NS),
    ]


def write_journal(folder: Path, messages: Sequence[Message], n_motions: int = 0) -> Path:
    """A run folder with an output journal; between the messages so many of no interest."""
    with JournalWriter(folder / OUTPUT) as writer:
        for message in messages:
            for _ in range(n_motions):
                writer.append(encode(motions(message.t_seen_ns)))  # type: ignore[attr-defined]
            writer.append(encode(message))
    return folder


def write_facts(folder: Path) -> None:
    facts = {
        "status": "exercise",
        "n_stations": 12,
        "targets_digest": TargetTable.of(TARGETS).digest,
        "versions": {"seiswarn": "9.9"},
        "source": {"name": "synthetic"},
        "config": {
            "source": {"min_stations": 3},
            "audience": msgspec.to_builtins(AUDIENCES),
            "targets": msgspec.to_builtins(TARGETS),
        },
    }
    (folder / RUN_FILE).write_bytes(msgspec.json.encode(facts))


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = write_journal(tmp_path / "run", [*event_messages(), *quiet_messages()])
    write_facts(folder)
    return folder


@pytest.fixture
def opened(run_folder: Path) -> Opened:
    return open_and_survey(run_folder)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Sequence[Message]], Path]:
    """Writes any messages as the journal of a run without `run.json`."""
    return lambda messages: write_journal(tmp_path / "other", messages)


assert at(6.5) == FIRST_NS  # what the factories call the first alert
