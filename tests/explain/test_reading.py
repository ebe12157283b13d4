"""Journals that are whole, torn, damaged or none; databases; and where to begin reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from seiswarn.errors import StoreError, UsageError
from seiswarn.explain import reading
from seiswarn.explain.command import Opened, open_and_survey
from seiswarn.explain.event import explain_event
from seiswarn.explain.reading import Journal, open_run, stamp
from seiswarn.explain.survey import survey
from seiswarn.messages import encode
from seiswarn.runtime.files import DATABASE, OUTPUT
from seiswarn.store.sqlite import Database
from tests.explain.conftest import EVENT, at, event_messages, quiet_messages, write_journal


def test_places_lead_back_to_their_messages(run_folder: Path) -> None:
    source = Journal(run_folder / OUTPUT)
    entries = list(source.entries())
    for k in (1, 7, len(entries) - 1):
        assert list(source.entries(entries[k][0])) == entries[k:]
    assert source.problem == ""


def test_the_index_leaves_out_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EVERY_BYTES", 4000)
    folder = write_journal(tmp_path / "run", [*event_messages(), *quiet_messages()], n_motions=30)
    source = open_run(folder)
    _, index = survey(source)
    everything = [payload for _, payload in source.entries()]
    skipped = 0
    for t_ns in [at(s) for s in (-100.0, 6.6, 8.5, 99.0, 600.5, 9999.0)]:
        found = [payload for _, payload in source.entries(index.before(t_ns))]
        wanted = [payload for payload in everything if stamp(payload) >= t_ns]
        assert found[len(found) - len(wanted) :] == wanted
        skipped += len(everything) - len(found)
    assert skipped > len(everything)


def test_of_a_torn_journal_what_is_whole_is_read(run_folder: Path) -> None:
    journal = run_folder / OUTPUT
    whole = open_and_survey(run_folder).survey
    journal.write_bytes(journal.read_bytes()[:-7])
    torn = open_and_survey(run_folder)
    assert any("cut off" in text for text in torn.problems)
    assert torn.survey.counts.total() == whole.counts.total() - 1
    assert list(torn.survey.events) == [EVENT]


def test_damage_in_the_middle_ends_reading_there(run_folder: Path) -> None:
    journal = run_folder / OUTPUT
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    opened = open_and_survey(run_folder)
    assert any("damaged at byte" in text for text in opened.problems)
    assert 0 < opened.survey.counts.total() < len(event_messages())


def test_messages_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    folder = write_journal(tmp_path / "run", event_messages())
    from seiswarn.store.journal import JournalWriter

    with JournalWriter(folder / OUTPUT) as writer:
        writer.append(b"\x81\xa4type\xa8Decision")
        writer.append(b"rubbish")
    opened = open_and_survey(folder)
    assert opened.survey.unreadable == 1
    assert any("could not be decoded" in text for text in opened.problems)


@pytest.mark.parametrize("content", [None, b"no journal at all, but long enough to have a head"])
def test_what_is_no_run_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path
    if content is not None:
        path = tmp_path / "file"
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"no run of seiswarn|no journal of seiswarn"):
        open_and_survey(path)


def test_a_database_stands_in_for_a_journal(run_folder: Path, opened: Opened) -> None:
    records = [(k, encode(m)) for k, m in enumerate([*event_messages(), *quiet_messages()], 1)]
    with Database(run_folder / DATABASE) as database:
        database.begin_run("run", "exercise")
        database.take("run", records)
    before = explain_event(opened.source, opened.index, opened.survey.events[EVENT], opened.facts)
    (run_folder / OUTPUT).unlink()
    stored = open_and_survey(run_folder)
    assert any("no journal" in text for text in stored.problems)
    told = stored.survey.events[EVENT].audiences
    assert {k: v.n_alerts for k, v in told.items()} == {"public": 3, "plant": 0, "province": 0}
    assert stored.survey.events[EVENT].max_intensity == 7.6  # of the decisions: forecasts are not in there
    case = explain_event(stored.source, stored.index, stored.survey.events[EVENT], stored.facts)
    assert [a.headline for a in case.audiences] == [a.headline for a in before.audiences]
    assert case.audiences[1].why == before.audiences[1].why


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"nothing of the kind" * 50)
    with pytest.raises(StoreError, match="cannot be read as a database"):
        open_and_survey(tmp_path)
