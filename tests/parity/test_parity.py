"""One pipeline, however it is driven: the same data give the same bytes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from seiswarn.blocks import columns
from seiswarn.messages import Alert, EventEstimate, Message, PWindow, Slice, decode, encode
from seiswarn.runtime.replay import Summary, replay
from seiswarn.store.journal import JournalReader
from seiswarn.timebase import NS
from tests.parity.conftest import ORIGIN_NS, Stage, products

ONE_BY_ONE = {
    "warnings.jsonl",
    "decisions.jsonl",
    "picks.csv",
    "events.xml",
    "report.html",
    "journal/output.jrn",
    "journal/input.jrn",
}


@pytest.fixture(scope="module")
def plain(shaken: Stage, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return replay(shaken.setup, shaken.feed(), tmp_path_factory.mktemp("plain"))


def slices(folder: Path) -> Iterator[Slice]:
    with JournalReader(folder / "journal/input.jrn") as reader:
        for _, payload in reader:
            piece = decode(payload)
            assert isinstance(piece, Slice)
            yield piece


def output(folder: Path) -> list[bytes]:
    with JournalReader(folder / "journal/output.jrn") as reader:
        return [payload for _, payload in reader]


def messages(folder: Path) -> list[Message]:
    return [decode(payload) for payload in output(folder)]


def test_the_run_is_worth_comparing(plain: Summary) -> None:
    assert plain.alerts[0].kind == "new"
    assert plain.alerts[-1].kind == "final"
    assert plain.counts["Pick"] >= 10
    (estimate,) = plain.estimates.values()
    assert estimate.magnitude is not None
    assert estimate.magnitude.value == pytest.approx(6.2, abs=0.7)
    assert all(a.status == "exercise" for a in plain.alerts)


def test_two_replays_are_byte_identical(shaken: Stage, plain: Summary, tmp_path: Path) -> None:
    again = replay(shaken.setup, shaken.feed(), tmp_path)
    first, second = products(plain.folder), products(again.folder)
    assert set(first) == set(second)
    assert set(first) >= ONE_BY_ONE
    assert sum(name.startswith("cap/") for name in first) == len(plain.alerts)
    assert [name for name in first if first[name] != second[name]] == []
    a, b = (json.loads((s.folder / "run.json").read_text()) for s in (plain, again))
    assert {k for k in a if a[k] != b[k]} <= {"timings"}


def test_a_used_folder_gives_the_same(shaken: Stage, plain: Summary, tmp_path: Path) -> None:
    """Products of an earlier run in the same folder do not show through."""
    replay(shaken.setup, shaken.feed(until_s=40.0), tmp_path)
    again = replay(shaken.setup, shaken.feed(), tmp_path)
    assert products(again.folder) == products(plain.folder)


def test_speed_does_not_matter(shaken: Stage, tmp_path: Path) -> None:
    """Sixty times real time and as fast as possible, on the first seconds of the event."""
    fast = replay(shaken.setup, shaken.feed(until_s=36.0), tmp_path / "fast")
    paced = replay(shaken.setup, shaken.feed(until_s=36.0), tmp_path / "paced", speed=60.0)
    assert paced.timings["run_s"] > 36.0 / 60.0 * 0.9
    assert fast.alerts
    assert products(paced.folder) == products(fast.folder)


def test_replaying_the_input_journal_gives_the_output_journal(shaken: Stage, plain: Summary) -> None:
    pipeline = shaken.setup.pipeline()
    found = [encode(m) for piece in slices(plain.folder) for m in pipeline.handle(piece)]
    assert found == output(plain.folder)
    assert pipeline.n_out == len(found)


def test_snapshot_in_mid_event_goes_on_byte_identically(shaken: Stage, plain: Summary) -> None:
    want = output(plain.folder)
    pieces = list(slices(plain.folder))
    moments = [ORIGIN_NS - 5 * NS, *(a.t_seen_ns for a in plain.alerts[:2]), ORIGIN_NS + 20 * NS]
    cuts = [next(k for k, p in enumerate(pieces) if p.t_seen_ns >= t) + 1 for t in moments]
    pipeline = shaken.setup.pipeline()
    saved = {}
    for k, piece in enumerate(pieces):
        if k in cuts:
            saved[k] = (pipeline.snapshot(), pipeline.n_out)
        pipeline.handle(piece)
    assert len(saved) == len(set(cuts)) >= 3
    for k, (snapshot, n_out) in saved.items():
        fresh = shaken.setup.pipeline()
        fresh.restore(snapshot)
        assert fresh.n_out == n_out
        assert [encode(m) for piece in pieces[k:] for m in fresh.handle(piece)] == want[n_out:]


def test_warming_leaves_no_trace(shaken: Stage) -> None:
    pipeline = shaken.setup.pipeline()
    before = pipeline.snapshot()
    pipeline.warm()
    assert pipeline.snapshot() == before


@pytest.mark.parametrize("packet_s", [0.3, 1.0, 9.0])
def test_packet_length_changes_no_pick_and_no_measure(
    shaken: Stage, plain: Summary, tmp_path: Path, packet_s: float | None
) -> None:
    """Event times come from the data: other packets arrive at other moments, and say the same."""
    other = replay(shaken.setup, shaken.feed(packet_s), tmp_path)

    def picks(folder: Path) -> list[tuple[str, ...]]:
        with (folder / "picks.csv").open(newline="") as stream:
            return sorted(tuple(v for k, v in r.items() if k != "t_seen") for r in csv.DictReader(stream))

    def measures(folder: Path) -> list[tuple[object, ...]]:
        found = [m for m in messages(folder) if isinstance(m, PWindow)]
        return sorted(
            (m.pick_id, m.window_s, m.pa_mps2, m.pv_mps, m.pd_m, m.tau_c_s, m.tau_p_max_s, m.iv2_m2ps)
            for m in found
        )

    assert picks(other.folder) == picks(plain.folder)
    assert measures(other.folder) == measures(plain.folder)
    (a,), (b,) = plain.estimates.values(), other.estimates.values()
    assert a.magnitude is not None
    assert b.magnitude is not None
    assert (b.origin.latitude, b.origin.longitude) == pytest.approx(
        (a.origin.latitude, a.origin.longitude), abs=0.02
    )
    assert b.magnitude.value == pytest.approx(a.magnitude.value, abs=0.1)


def test_latency_delays_warnings_and_changes_no_event_time(
    shaken: Stage, plain: Summary, tmp_path: Path
) -> None:
    """Two seconds more on every packet: the same first warning, two seconds later."""
    feed = shaken.feed()
    late = type(feed)(
        feed.name,
        (replace(b, t_seen_ns=(columns(b).t_seen_ns + 2 * NS).tobytes()) for b in feed.stream),
        feed.start_ns,
        feed.end_ns + 2 * NS,
    )
    other = replay(shaken.setup, late, tmp_path)
    first, second = plain.alerts[0], other.alerts[0]
    assert second.t_seen_ns - first.t_seen_ns == 2 * NS
    assert second.origin == first.origin
    assert second.magnitude == first.magnitude


def test_messages_of_a_run_survive_the_wire(plain: Summary) -> None:
    raw = output(plain.folder)
    assert [encode(m) for m in messages(plain.folder)] == raw
    kinds = {type(m) for m in messages(plain.folder)}
    assert {EventEstimate, Alert} <= kinds


@pytest.mark.events
@pytest.mark.parametrize("name", ["pleasanthill2019_m4.5"])
def test_recorded_archive_twice(events_dir: Path, tmp_path: Path, name: str) -> None:
    from seiswarn.config import default_config
    from seiswarn.runtime.setup import archive_run

    found = []
    for k in range(2):
        setup, feed = archive_run(
            events_dir / name, default_config(), packet_s=0.5, latency_s=0.0, status="test"
        )
        found.append(products(replay(setup, feed, tmp_path / str(k)).folder))
    assert found[0] == found[1]
