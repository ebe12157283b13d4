from __future__ import annotations

from pathlib import Path

import msgspec

from seiswarn.config import Config
from seiswarn.config_parts import Stations
from seiswarn.runtime.lineage import EARLIER, fingerprint, set_aside
from seiswarn.runtime.session import INPUT, OUTPUT
from seiswarn.runtime.spec import SourceSpec
from seiswarn.source.params import Params as SourceParams
from seiswarn.store.journal import JournalWriter

SOURCE = SourceSpec(name="a", kind="archive", path="/data")


def test_what_makes_another_run(tmp_path: Path) -> None:
    stations = tmp_path / "stations.xml"
    stations.write_text("<a/>")
    config = Config(stations=Stations(paths=(str(stations),)))
    first = fingerprint(config, [SOURCE], "test")
    assert fingerprint(config, [msgspec.structs.replace(SOURCE, speed=7.0)], "test") == first
    assert fingerprint(config, [SOURCE], "exercise") != first
    assert fingerprint(config, [msgspec.structs.replace(SOURCE, latency_s=1.0)], "test") != first
    other = msgspec.structs.replace(config, source=SourceParams(min_stations=5))
    assert fingerprint(other, [SOURCE], "test") != first
    stations.write_text("<b/>")
    assert fingerprint(config, [SOURCE], "test") != first


def test_a_run_of_another_kind_is_moved_aside(tmp_path: Path) -> None:
    assert set_aside(tmp_path, "a") is None
    for expected in ("night-2026-01-01T00_00_00Z", "night-2026-01-01T00_00_00Z.2"):
        for name in (INPUT, OUTPUT):
            metadata = {"run_id": "night-2026-01-01T00:00:00Z", "fingerprint": "a"}
            with JournalWriter(tmp_path / name, metadata=metadata) as writer:
                writer.append(b"x")
        assert set_aside(tmp_path, "a") is None
        place = set_aside(tmp_path, "b")
        assert place == tmp_path / EARLIER / expected
        assert sorted(str(p.relative_to(place)) for p in place.rglob("*.jrn")) == [INPUT, OUTPUT]
        assert not (tmp_path / INPUT).exists()


def test_a_file_that_is_no_journal_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / INPUT).parent.mkdir()
    (tmp_path / INPUT).write_bytes(b"nonsense" * 10)
    place = set_aside(tmp_path, "b")
    assert place is not None
    assert (place / INPUT).exists()
