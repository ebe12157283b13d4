from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seiswarn.errors import StoreError
from seiswarn.store.influx_spool import MIN_SEGMENT_BYTES, NOTE, Spool

MB = 1 << 20


def noise(k: int, n: int = 2000) -> bytes:
    """Bytes that do not compress, so that sizes are known."""
    return bytes(str(k), "ascii") + os.urandom(n) + b"\n"


def drain(spool: Spool) -> list[bytes]:
    found = []
    while (batch := spool.first()) is not None:
        found.append(batch.text)
        spool.done()
    return found


def test_first_in_first_out_over_a_restart(tmp_path: Path) -> None:
    batches = [noise(k) for k in range(200)]  # several segments
    spool = Spool(tmp_path / "spool", MB)
    for batch in batches[:150]:
        spool.append(batch, 3)
    for batch in batches[:70]:
        assert spool.first().text == batch
        spool.done()
    assert spool.n_lines == 3 * 80
    spool.close()
    again = Spool(tmp_path / "spool", MB)
    assert again.n_lines == 3 * 80
    for batch in batches[150:]:
        again.append(batch, 3)
    assert drain(again) == batches[70:]
    assert again.n_lines == again.n_bytes == again.dropped == again.damaged == 0
    assert not list((tmp_path / "spool").glob("*.spool"))


@settings(max_examples=30)
@given(st.lists(st.sampled_from("aaarx"), max_size=40), st.integers(0, 400))
def test_any_order_of_events_keeps_the_order(tmp_path_factory, events, torn):
    """Appended, read, reopened with a torn end: nothing whole is lost, and only a lost note sends twice."""
    folder = tmp_path_factory.mktemp("spool")
    spool, wanted, k = Spool(folder, MB), [], 0
    for event in events:
        if event == "a":
            k += 1
            batch = noise(k, 300)
            spool.append(batch, 1)
            wanted.append(batch)
        elif event == "r" and wanted:
            assert spool.first().text == wanted.pop(0)
            spool.done()
        elif event == "x":
            spool.close()
            newest = max(folder.glob("*.spool"), default=None)
            if newest is not None:  # an append that a kill cut off
                with newest.open("ab") as file:
                    file.write(b"SWS1" + os.urandom(torn % 97))
            spool = Spool(folder, MB)
    assert drain(spool) == wanted
    spool.close()


def test_a_full_spool_drops_the_oldest_and_counts(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 4 * MIN_SEGMENT_BYTES)
    for k in range(500):
        spool.append(noise(k), 1)
        assert sum(p.stat().st_size for p in tmp_path.glob("*.spool")) <= 4 * MIN_SEGMENT_BYTES
    left = drain(spool)
    assert spool.dropped == 500 - len(left)
    assert len(left) > 60
    assert left[-1].startswith(b"499")


def test_a_damaged_record_costs_its_segment_and_no_more(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MB)
    for k in range(100):
        spool.append(noise(k), 1)
    spool.close()
    first, *others = sorted(tmp_path.glob("*.spool"))
    assert len(others) >= 2
    with first.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8)
    spool = Spool(tmp_path, MB)
    left = drain(spool)
    assert 0 < spool.damaged <= 40
    assert len(left) + spool.damaged == 100
    assert left[-1].startswith(b"99")


def test_a_lost_note_sends_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MB)
    for k in range(5):
        spool.append(noise(k), 1)
    spool.first()
    spool.done()
    spool.close()
    (tmp_path / NOTE).write_text("rubbish")
    assert len(drain(Spool(tmp_path, MB))) == 5


def test_one_process_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MB)
    with pytest.raises(StoreError, match="another process"):
        Spool(tmp_path, MB)
    spool.close()
    Spool(tmp_path, MB).close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used as a spool"):
        Spool(tmp_path / "file" / "spool", MB)
