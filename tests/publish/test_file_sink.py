from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from factories import make_alert, make_decision, make_estimate, make_magnitude, make_pick, make_report
from seiswarn.errors import InvariantError
from seiswarn.messages import DataError, Message, QuickReport, Tick
from seiswarn.publish.base import accepted_statuses, deliver
from seiswarn.publish.formats.cap import validate
from seiswarn.publish.formats.record_section import Trace
from seiswarn.publish.sinks.file import RunFolder
from seiswarn.reasons import Reason

SUSPECT = DataError(
    t_seen_ns=1_778_567_300_000_000_000,
    subject="XX.S012..HN",
    reason=Reason.SUSPECT_CLOCK,
    detail="onset +3.0 s off at 42 km",
    status="actual",
)
RUN: tuple[Message, ...] = (
    *(make_pick(i) for i in range(6)),
    make_decision(),
    make_estimate(state="new"),
    *make_report().alerts,
    make_estimate(revision=7, state="ended"),
    make_report(),
    SUSPECT,
)


def run(folder: Path, messages: Sequence[Message] = RUN, **options: object) -> Path:
    sink = RunFolder(folder, run_status="actual", **options)  # type: ignore[arg-type]
    for seq, message in enumerate(messages, start=1):
        assert deliver(sink, message, seq) is None
    sink.close()
    return folder


def products(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_leaves_all_its_products(tmp_path: Path) -> None:
    run(tmp_path)
    names = set(products(tmp_path))
    assert {"warnings.jsonl", "decisions.jsonl", "picks.csv", "events.xml", "report.html"} < names
    warnings = [json.loads(line) for line in (tmp_path / "warnings.jsonl").read_text().splitlines()]
    assert [w["revision"] for w in warnings] == [1, 2, 3, 4, 5, 6]
    cap = sorted((tmp_path / "cap").glob("*.xml"))
    assert len(cap) == 6
    assert [validate(path.read_bytes()) for path in cap] == [[]] * 6
    with (tmp_path / "picks.csv").open() as stream:
        assert [row["pick_id"] for row in csv.DictReader(stream)] == [f"p{i:06d}" for i in range(6)]
    assert (tmp_path / "report.html").read_bytes() == (tmp_path / "report-sw20260512062804.html").read_bytes()
    (error,) = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text().splitlines()]
    assert (error["subject"], error["reason"]) == ("XX.S012..HN", "SUSPECT_CLOCK")
    assert error["t_seen"].startswith("2026-05-12T")
    assert b"<phaseHint>P</phaseHint>" in (tmp_path / "events.xml").read_bytes()
    assert not [name for name in names if name.endswith(".part")]


def test_two_equal_runs_are_byte_identical_and_a_fresh_run_clears_the_old(tmp_path: Path) -> None:
    first = products(run(tmp_path / "a"))
    assert products(run(tmp_path / "b")) == first
    assert products(run(tmp_path / "a")) == first
    assert set(products(run(tmp_path / "a", ()))) == {
        "warnings.jsonl", "decisions.jsonl", "picks.csv", "errors.jsonl", "events.xml", "report.html"
    }  # fmt: skip


@pytest.mark.parametrize("stop", range(len(RUN) + 1))
def test_resumed_anywhere_and_sent_again_nothing_is_doubled_or_lost(tmp_path: Path, stop: int) -> None:
    whole = products(run(tmp_path / "whole"))
    broken = RunFolder(tmp_path / "broken", run_status="actual")
    for seq, message in enumerate(RUN[:stop], start=1):
        broken.send(message, seq)
    for stream in broken._files.values():  # killed: never closed
        stream.close()
    with (tmp_path / "broken" / "warnings.jsonl").open("ab") as stream:
        stream.write(b'{"event_id":"cut of')
    assert products(run(tmp_path / "broken", resume=True)) == whole


def test_a_resumed_folder_keeps_what_it_had_when_nothing_more_comes(tmp_path: Path) -> None:
    before = products(run(tmp_path))
    assert products(run(tmp_path, (), resume=True)) == before


def test_without_an_event_the_report_says_so(tmp_path: Path) -> None:
    run(tmp_path / "none", (Tick(t_seen_ns=1),))
    page = (tmp_path / "none" / "report.html").read_text()
    assert "No event" in page
    assert "没有检测到地震" in page
    run(tmp_path / "some", RUN[:9])
    assert "1 event and 1 warning message" in (tmp_path / "some" / "report.html").read_text()


def test_the_main_report_is_that_of_the_largest_event(tmp_path: Path) -> None:
    def report(event_id: str, value: float) -> QuickReport:
        estimate = make_estimate(event_id=event_id, magnitude=make_magnitude(value=value))
        return make_report(event_id=event_id, estimate=estimate)

    run(tmp_path, (report("small", 4.0), report("large", 6.0), report("middle", 5.0)))
    assert (tmp_path / "report.html").read_bytes() == (tmp_path / "report-large.html").read_bytes()
    assert len(list(tmp_path.glob("report-*.html"))) == 3


def test_waveforms_are_asked_for_and_drawn(tmp_path: Path) -> None:
    def traces(report: QuickReport) -> list[Trace]:
        assert report.event_id == "sw20260512062804"
        t0 = report.estimate.origin.time_ns - 10**10
        return [Trace("XX.G001.00.HN", 21.0, t0, 50.0, np.sin(np.arange(2000.0)))]

    run(tmp_path, traces=traces)
    assert "Record section" in (tmp_path / "report.html").read_text()


def test_a_sink_refuses_what_is_not_of_its_status(tmp_path: Path) -> None:
    sink = RunFolder(tmp_path, run_status="actual")
    assert deliver(sink, make_alert(status="exercise"), 1) is Reason.STATUS_MISMATCH
    with pytest.raises(InvariantError):
        sink.send(make_alert(status="test"), 2)
    sink.close()
    assert (tmp_path / "warnings.jsonl").read_bytes() == b""
    assert list((tmp_path / "cap").iterdir()) == []


def test_production_sinks_need_to_be_told_by_name() -> None:
    assert accepted_statuses("actual", production=True) == {"actual"}
    assert accepted_statuses("exercise", production=True) == frozenset()
    assert accepted_statuses("exercise", production=True, allow=["exercise"]) == {"exercise"}
    assert accepted_statuses("exercise") == {"exercise"}
    assert accepted_statuses("test", allow=["actual"]) == {"test", "actual"}


def test_what_says_that_nothing_can_be_written_is_not_written(tmp_path: Path) -> None:
    """A message without a number is of a session whose disk is full."""
    folder = run(tmp_path, ())
    sink = RunFolder(folder, run_status="actual")
    sink.send(SUSPECT, 0)
    sink.close()
    assert (folder / "errors.jsonl").read_bytes() == b""
