"""The command: what is meant by its arguments, its lines, its JSON, its page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from seiswarn.errors import UsageError
from seiswarn.explain.command import find, run
from seiswarn.messages import DataError, Message
from seiswarn.runtime.files import RUN_FILE
from tests.explain.conftest import AUDIENCES, EVENT, QUIET_NS, event_messages, write_facts, write_journal
from tests.factories import make_estimate, make_magnitude

PROGRAM = [sys.executable, "-c", "from seiswarn.cli import main; main()"]


def test_without_an_event_all_are_listed_and_the_main_one_is_told(tmp_path: Path) -> None:
    small = make_estimate(event_id="sw-small", magnitude=make_magnitude(value=7.9))
    folder = write_journal(tmp_path / "run", [small, *event_messages()])
    text = "\n".join(run(str(folder)))
    assert "2 events, 1 of them warned of" in text
    assert "no audience was asked" in text
    assert f"\nEvent {EVENT}: M 6.6" in text  # the one that was warned of, not the larger one
    assert "there is no run.json" in text
    assert "Event sw-small: M 7.9" in "\n".join(run(str(folder), "sw-small"))


def test_lines_keep_to_the_width_and_to_plain_letters(run_folder: Path) -> None:
    for width in (70, 110, 200):
        lines = run(str(run_folder), width=width)
        assert max(map(len, lines)) <= max(width, 80)  # the front of a row of the table may take 80
        assert not any("\x1b" in line for line in lines)
    assert len(run(str(run_folder), width=200)) < len(run(str(run_folder), width=70))


def test_colour_changes_no_letter(run_folder: Path) -> None:
    import re

    plain, coloured = run(str(run_folder)), run(str(run_folder), colour=True)
    assert plain != coloured
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain


def test_one_audience_may_be_asked_for(run_folder: Path) -> None:
    text = "\n".join(run(str(run_folder), EVENT, audience="plant"))
    assert "plant was not warned" in text
    assert "public" not in text
    assert "declared" in text


@pytest.mark.parametrize(
    ("event", "audience", "says"),
    [
        ("sw2026051206280", "", f"did you mean {EVENT}"),
        ("zzz", "", f"no event of the run has this name; did you mean {EVENT}"),
        ("", "publik", "did you mean public"),
        ("", "x", "no audience of the run"),
    ],
)
def test_unknown_names_get_a_suggestion(run_folder: Path, event: str, audience: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run(str(run_folder), event, audience=audience)


def test_an_unknown_audience_is_refused_for_a_moment_too(run_folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean public"):
        run(str(run_folder), audience="publik", at="06:30:00")


def test_an_event_alone_is_looked_for_here(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path)
    opened, event = find(EVENT, "")
    assert (opened.facts.folder, event) == ("run", EVENT)
    with pytest.raises(UsageError, match="did you mean"):
        find("sw2026", "")
    monkeypatch.chdir(tmp_path / "another")
    with pytest.raises(UsageError, match="no run here"):
        find(EVENT, "")


def test_a_run_without_an_event_says_so(tmp_path: Path) -> None:
    error: Message = DataError(t_seen_ns=QUIET_NS, subject="x", reason="GAP")
    folder = write_journal(tmp_path / "run", [error])
    text = "\n".join(run(str(folder)))
    assert "No event was declared; data refused or flagged: 1 GAP." in text
    with pytest.raises(UsageError, match="knows no event at all"):
        run(str(folder), EVENT)


def test_json_holds_everything_and_only_the_audience_asked_for(run_folder: Path) -> None:
    (text,) = run(str(run_folder), as_json=True)
    whole = msgspec.json.decode(text)
    assert whole["run"]["version"] == "9.9"
    assert [e["event_id"] for e in whole["events"]] == [EVENT]
    assert [a["name"] for a in whole["event"]["audiences"]] == [a.name for a in AUDIENCES]
    assert whole["event"]["timeline"][0]["t_seen"].endswith("Z")
    (text,) = run(str(run_folder), as_json=True, audience="plant")
    part = msgspec.json.decode(text)
    assert [a["name"] for a in part["event"]["audiences"]] == ["plant"]
    assert len(part["event"]["timeline"]) < len(whole["event"]["timeline"])
    (text,) = run(str(run_folder), as_json=True, at="06:38:04")
    assert msgspec.json.decode(text)["moment"]["stations"] == ["XX.G000.00.HN", "XX.G001.00.HN"]


def test_the_page_shows_everybody_and_is_the_same_each_time(run_folder: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        run(str(run_folder), html=page)
    text = pages[0].read_text()
    assert text == pages[1].read_text()
    for wanted in (
        "EXERCISE", "public was warned at T+7.5 s", "plant was not warned", "M 7.5 or more", "红色",
        "Decisions for province", "S at Baise", "<svg", "UTC",
    ):  # fmt: skip
        assert wanted in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text


def test_names_cannot_break_the_page(tmp_path: Path) -> None:
    name = "<script>alert('x')</script>\""
    folder = write_journal(
        tmp_path / "run",
        [m if not hasattr(m, "policy") else _renamed(m, name) for m in event_messages()],
    )
    run(str(folder), html=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def _renamed(message: Message, name: str) -> Message:
    return msgspec.structs.replace(message, policy=name)


def test_a_moment_has_a_page_too(run_folder: Path, tmp_path: Path) -> None:
    run(str(run_folder), at="06:38:04", html=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "2 more would have been needed" in text
    assert "What was known at 2026-05-12 06:38:04.0 UTC" in text


def test_a_run_without_an_event_has_a_page(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "run", [])
    run(str(folder), html=tmp_path / "page.html")
    assert "No event was declared" in (tmp_path / "page.html").read_text()


def test_an_event_and_a_moment_are_two_questions(run_folder: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        run(str(run_folder), EVENT, at="06:38:04")


@pytest.mark.parametrize("text", ["{", "[]", '{"config": {"audience": 5}}', '{"n_stations": "many"}'])
def test_a_broken_run_file_costs_its_thresholds_only(run_folder: Path, text: str) -> None:
    (run_folder / RUN_FILE).write_text(text)
    lines = "\n".join(run(str(run_folder)))
    assert "run.json" in lines
    assert "plant was not warned" in lines


def test_settings_of_another_version_do_no_harm(run_folder: Path) -> None:
    facts = msgspec.json.decode((run_folder / RUN_FILE).read_bytes())
    facts["config"]["audience"][1]["new_setting"] = [1]
    facts["config"]["targets"][0]["new_setting"] = 1
    (run_folder / RUN_FILE).write_bytes(msgspec.json.encode(facts))
    lines = "\n".join(run(str(run_folder)))
    assert "M 7.5 or more" in lines
    assert "at Baise" in lines


def test_targets_of_another_table_get_no_names(run_folder: Path) -> None:
    facts = msgspec.json.decode((run_folder / RUN_FILE).read_bytes())
    facts["targets_digest"] = "0" * 16
    (run_folder / RUN_FILE).write_bytes(msgspec.json.encode(facts))
    assert "forecast: intensity up to 7.6 at a place 35 km away" in "\n".join(run(str(run_folder), width=200))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run",), 0, "public was warned"),
        (("run", EVENT, "--audience", "plant"), 0, "M 7.5 or more"),
        (("run", "--at", "noon"), 2, "not a time in UTC"),
        (("run", "--html", "."), 2, "cannot be written"),
        (("nowhere/run",), 2, "no such folder"),
        (("sw2026",), 2, "did you mean"),
    ],
)
def test_the_command_line(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    write_journal(tmp_path / "run", event_messages())
    write_facts(tmp_path / "run")
    done = subprocess.run(
        [*PROGRAM, "explain", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
