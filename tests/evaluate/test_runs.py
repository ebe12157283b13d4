"""Sets through the pipeline: the same as a replay, in processes, kept, and whatever goes wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluate_work import judged_but_killed, work
from seiswarn.config import default_config
from seiswarn.errors import UsageError
from seiswarn.evaluate.command import Options, evaluate
from seiswarn.evaluate.keep import HEARD_FILE, keep, kept
from seiswarn.evaluate.latency import LatencyModel
from seiswarn.evaluate.matching import Rules
from seiswarn.evaluate.metrics import NAMED, figures
from seiswarn.evaluate.replaying import Task, heard_of
from seiswarn.evaluate.workers import Failure, share_out
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import archive_run
from tests.evaluate.conftest import alert, make_heard

PROGRAM = [sys.executable, "-c", "from seiswarn.cli import main; main()"]
CONFIG = default_config()


def task(folder: Path, **changes: Any) -> Task:
    return Task(**({"set_id": "s", "folder": folder, "config": CONFIG} | changes))


def test_a_rehearsal_says_what_a_replay_says(synthetic_set: Path, tmp_path: Path) -> None:
    setup, feed = archive_run(synthetic_set, CONFIG, packet_s=0.5, latency_s=0.0, status="test")
    summary = replay(setup, feed, tmp_path)
    heard = heard_of(task(synthetic_set))
    assert heard.alerts == summary.alerts
    assert heard.alerts
    assert len(heard.estimates) == summary.counts["EventEstimate"]
    assert len(heard.picks) == summary.counts["Pick"]
    assert heard.shaking
    found = figures("s", heard, Rules())
    assert (found["must_warn"], found["warned"], found["false_alerts"]) == (True, True, 0)
    assert found["first_alert_s"] > 0.0
    assert any(row["lead_s_s"] is not None for row in found["lead_times"].values())


def test_latency_makes_alerts_later(synthetic_set: Path) -> None:
    first = [
        heard_of(task(synthetic_set, latency=latency)).alerts[0].t_seen_ns / 1e9
        for latency in (LatencyModel(), LatencyModel(2.0, 2.0), LatencyModel(1.0, 3.0, 5))
    ]
    assert first[1] - first[0] == pytest.approx(2.0, abs=0.1)
    assert first[0] + 1.0 < first[2] < first[0] + 3.1


def test_what_is_kept_is_read_again_until_something_changes(
    synthetic_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tmp_path / "records"
    shutil.copytree(synthetic_set, records)
    asked = task(records, keep_in=tmp_path / "kept")
    first = heard_of(asked)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("replayed again")

    monkeypatch.setattr("seiswarn.runtime.replay.rehearse", forbidden)
    assert heard_of(asked) == first
    other = msgspec.structs.replace(CONFIG, source=msgspec.structs.replace(CONFIG.source, min_stations=5))
    for change in (
        {"packet_s": 1.0},
        {"latency": LatencyModel(0.5, 0.5)},
        {"latency": LatencyModel(0.0, 0.5, 2)},
        {"config": other},
    ):
        with pytest.raises(AssertionError, match="again"):
            heard_of(msgspec.structs.replace(asked, **change))
    event = records / "event.xml"
    event.write_text(event.read_text().replace("6.0", "6.1"))
    with pytest.raises(AssertionError, match="again"):
        heard_of(asked)


def test_a_result_that_is_torn_or_of_something_else_is_no_result(tmp_path: Path) -> None:
    heard = make_heard([alert(9.0, 6.0)], key="k")
    keep(tmp_path / "s", heard)
    assert kept(tmp_path / "s", "k") == heard
    assert kept(tmp_path / "s", "other") is None
    assert kept(tmp_path / "nowhere", "k") is None
    file = tmp_path / "s" / HEARD_FILE
    file.write_bytes(file.read_bytes()[:-20])
    assert kept(tmp_path / "s", "k") is None


@pytest.mark.processes
@pytest.mark.parametrize(("n_jobs", "first_alone"), [(1, False), (3, False), (2, True)])
def test_who_dies_costs_one_task(n_jobs: int, first_alone: bool) -> None:
    found = dict(share_out(work, range(7), n_jobs, first_alone=first_alone))
    assert {k: v for k, v in found.items() if not isinstance(v, Failure)} == {0: 0, 1: 10, 3: 30, 6: 60}
    assert found[2].sentence == "the process died: SIGKILL"
    assert found[4].sentence == "ValueError: four"
    assert found[5].sentence == "the process died: exit code 7"


@pytest.mark.processes
def test_processes_end_with_who_wants_no_more() -> None:
    answers = share_out(work, [0, 1, 3, 6], 2)
    assert next(answers)[1] in (0, 10)
    answers.close()  # ends the processes, or waits for them for ever


@pytest.mark.processes
def test_a_set_that_kills_its_process_is_a_failure_of_its_own(synthetic_set: Path, tmp_path: Path) -> None:
    for name in "abc":
        shutil.copytree(synthetic_set, tmp_path / name)
    heard: list[str] = []
    found = evaluate(
        [tmp_path],
        CONFIG,
        Options(n_jobs=2),
        lambda result, n, of: heard.append(f"{result['id']} {of}"),
        judged_but_killed,
    )
    assert [s["id"] for s in found["sets"]] == ["a", "b", "c"]
    assert [("error" in s) for s in found["sets"]] == [False, True, False]
    assert "SIGKILL" in found["sets"][1]["error"]
    assert sorted(heard) == ["a 3", "b 3", "c 3"]
    assert (found["overall"]["failed"], found["overall"]["warned"]) == (1, 0)


def test_results_are_not_kept_among_the_records(synthetic_set: Path, tmp_path: Path) -> None:
    for place in (synthetic_set / "kept", synthetic_set):
        with pytest.raises(UsageError, match="--keep"):
            evaluate([synthetic_set.parent], CONFIG, Options(keep_in=place))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--keep"):
        evaluate([synthetic_set], CONFIG, Options(keep_in=tmp_path / "file"))


def _run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "evaluate", *words], cwd=cwd, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.processes
def test_the_command(synthetic_set: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(synthetic_set, archive / "good")
    shutil.copytree(synthetic_set, archive / "uncatalogued")
    (archive / "uncatalogued" / "event.xml").unlink()
    shutil.copytree(synthetic_set, archive / "unplaced")
    (archive / "unplaced" / "stations.xml").unlink()
    shutil.copytree(synthetic_set, archive / "broken")
    (archive / "broken" / "waveforms.mseed").write_bytes(b"rubbish")
    words = ("archive", "--json", "out.json", "--html", "out.html", "--keep", "kept", "--jobs", "2")
    done = _run(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 3  # no terminal: a line for each set
    assert "Skipped unplaced: it holds no StationXML." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 sets, of which 1 could not be run: 1 of 1 earthquake ")
    found = json.loads((tmp_path / "out.json").read_text())
    sets = {s["id"]: s for s in found["sets"]}
    assert all(set(NAMED) <= set(s) for s in sets.values())
    assert "no usable miniSEED" in sets["broken"]["error"]
    assert sets["uncatalogued"]["false_alerts"] == sets["uncatalogued"]["n_events"] == 1
    assert (sets["good"]["missed"], sets["good"]["false_alerts"]) == (False, 0)
    assert "good" in (tmp_path / "out.html").read_text()
    shutil.rmtree(archive / "broken")
    before = (tmp_path / "kept" / "good" / HEARD_FILE).stat().st_mtime_ns
    again = _run(*words, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "kept" / "good" / HEARD_FILE).stat().st_mtime_ns == before
    same = {s["id"]: s for s in json.loads((tmp_path / "out.json").read_text())["sets"]}
    assert same["good"] == sets["good"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("missing",), "no such folder"),
        (("empty",), "no set of waveforms"),
        (("empty", "--latency", "soon"), "--latency"),
        (("empty", "--packet", "0"), "--packet"),
        (("empty", "--json", "nowhere/out.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_a_sentence(
    words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = _run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.events
@pytest.mark.processes
def test_a_recorded_earthquake(events_dir: Path, tmp_path: Path) -> None:
    done = _run(
        str(events_dir / "ridgecrest2019_m7.1"), "--json", "out.json", "--html", "out.html", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "out.json").read_text())["sets"]
    assert set(NAMED) <= set(found)
    wanted = {"m", "dm", "epi_err_km", "depth_err_km", "n_stations"}
    for name in ("first", "at_5s", "at_10s", "at_20s", "final"):
        assert wanted <= set(found[name])
    assert found["id"] == "ridgecrest2019_m7.1"
    assert found["magnitude"] == 7.1  # and not the smaller one of the same catalogue
    assert (found["n_saw_p"], found["must_warn"], found["warned"]) == (12, True, True)
    assert found["floor_p4_s"] == pytest.approx(5.2, abs=0.1)  # of the table of the sets
    assert len(found["lead_times"]) == 12
    assert "<svg" in (tmp_path / "out.html").read_text()
