from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from seiswarn.errors import StoreError
from seiswarn.store.series_pack import FIELDS, SECONDS, pack, unpack
from seiswarn.store.series_points import Point, SecondColumns
from seiswarn.store.series_read import SeriesReader
from seiswarn.store.series_schema import MOTION_FIELDS
from seiswarn.store.series_sqlite import Progress, SeriesDatabase
from seiswarn.timebase import NS

START_S = 28_000_000 * 60
NEAR = {"pga": 4e-4, "pgv": 4e-4, "latency_s": 5e-4, "trust": 5.1e-4}


def database(path: Path, **changes: float) -> SeriesDatabase:
    limits = {"retention_days": 14.0, "max_bytes": 1 << 30} | changes
    return SeriesDatabase(path, "actual", **limits)  # type: ignore[arg-type]


def rows(stations: list[str], second: int, value: float = 1e-3, state: str = "ok") -> SecondColumns:
    n = len(stations)
    motion = [[value * (k + 1)] * n for k in range(len(MOTION_FIELDS))]
    return SecondColumns(stations, [(START_S + second) * NS] * n, motion, [0.75] * n, [state] * n)


def test_packed_values_are_as_near_as_promised() -> None:
    rng = np.random.default_rng(3)
    values = np.full((40, len(FIELDS), SECONDS), np.nan)
    shape = (40, SECONDS)
    for k, name in enumerate(FIELDS):
        if name in ("pga", "pgv"):
            values[:, k] = 10.0 ** rng.uniform(-9.5, 5.5, shape)
        elif name.startswith("intensity"):
            values[:, k] = rng.uniform(-9, 13, shape)
        elif name == "latency_s":
            values[:, k] = rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-3, 6, shape)
        elif name == "trust":
            values[:, k] = rng.uniform(0, 1, shape)
        else:
            values[:, k] = rng.integers(1, 9, shape)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[0, 0, :5] = 0.0
    for row, data in zip(values, pack(values), strict=True):
        back = unpack(data)
        assert (np.isnan(back) == np.isnan(row)).all()
        for k, name in enumerate(FIELDS):
            there = ~np.isnan(row[k])
            if name.startswith("intensity"):
                assert np.abs(back[k] - row[k])[there].max(initial=0.0) <= 0.0051
            elif name == "state":
                assert (back[k] == row[k])[there].all()
            else:
                limit = NEAR[name] * (1.0 if name == "trust" else np.abs(row[k][there])) + 1e-6 * (
                    name == "latency_s"
                )
                assert (np.abs(back[k] - row[k])[there] <= limit).all(), name


def test_what_was_put_in_comes_out(tmp_path: Path) -> None:
    db = database(tmp_path / "s.sqlite")
    for second in range(200):
        db.take(rows(["CI.A..HN", "CI.B..HN"], second, 1e-3 + second * 1e-5), [])
        if second % 37 == 0:
            db.flush(Progress("run", second, b"m"))
    point = Point(
        "pick", {"station": "CI.A..HN", "phase": "P"}, {"snr": 12.5, "quality": "A"}, START_S * NS + 7
    )
    db.take(SecondColumns.empty(), [point, point])
    db.flush(Progress("run", 200, b"memory"))
    with SeriesReader(tmp_path / "s.sqlite") as reader:
        assert reader.stations() == ["CI.A..HN", "CI.B..HN"]
        got = reader.series("CI.B..HN", (START_S + 10) * NS, (START_S + 130) * NS)
        assert (got.t_ns == (START_S + np.arange(10, 130)) * NS).all()
        assert np.allclose(got.fields["pga"], 1e-3 + np.arange(10, 130) * 1e-5, rtol=4e-4)
        assert np.allclose(got.fields["trust"], 0.75, atol=1e-3)
        assert set(got.fields["state"]) == {"ok"}
        (told,) = reader.points("pick", 0, 2**62)
        assert told == Point("pick", {**point.tags, "status": "actual"}, point.fields, point.t_ns)
        assert len(reader.series("CI.C..HN", 0, 2**62).t_ns) == 0
    db.close()
    again = database(tmp_path / "s.sqlite")
    assert again.progress() == Progress("run", 200, b"memory")
    # A second that comes late, into a minute written by an earlier life, replaces nothing else.
    again.take(rows(["CI.A..HN"], 5, 0.5, "untrusted"), [])
    again.flush(Progress("run", 201, b""))
    again.close()
    with SeriesReader(tmp_path / "s.sqlite") as reader:
        got = reader.series("CI.A..HN", START_S * NS, (START_S + 200) * NS, ("pga", "state"))
        assert len(got.t_ns) == 200
        assert got.fields["pga"][5] == pytest.approx(0.5, rel=4e-4)
        assert got.fields["state"][4:7].tolist() == ["ok", "untrusted", "ok"]


def test_exercises_are_not_the_real_thing(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    for status, value in (("actual", 1e-3), ("exercise", 5.0)):
        db = SeriesDatabase(path, status, retention_days=1.0, max_bytes=1 << 30)
        db.take(rows(["CI.A..HN"], 0, value), [])
        db.flush(Progress())
        db.close()
    with SeriesReader(path) as reader:
        for status, value in (("actual", 1e-3), ("exercise", 5.0)):
            got = reader.series("CI.A..HN", START_S * NS, (START_S + 1) * NS, status=status)
            assert got.fields["pga"].tolist() == [pytest.approx(value, rel=4e-4)]


def test_the_old_go_by_age_and_by_size(tmp_path: Path) -> None:
    db = database(tmp_path / "age.sqlite", retention_days=60 / 1440)
    old = Point("pick", {}, {"snr": 1.0}, START_S * NS)
    db.take(SecondColumns.empty(), [old])
    for second in range(0, 3 * 3600, 20):
        db.take(rows(["CI.A..HN"], second), [])
        db.flush(Progress("r", second, b""))
    with SeriesReader(tmp_path / "age.sqlite") as reader:
        got = reader.series("CI.A..HN", START_S * NS, (START_S + 3 * 3600) * NS)
        assert got.t_ns[0] == (START_S + 119 * 60) * NS
        assert not reader.points("pick", 0, 2**62)
    db.close()
    db = database(tmp_path / "size.sqlite", max_bytes=300_000)
    rng = np.random.default_rng(1)
    names = [f"CI.S{k}..HN" for k in range(50)]
    for second in range(0, 3600, 10):
        some = rows(names, second)
        some.motion[0][:] = rng.uniform(0, 1, 50).tolist()
        db.take(some, [])
        db.flush(Progress("r", second, b""))
    assert db.n_bytes <= 300_000 + 8192
    assert db.path.stat().st_size < 600_000
    with SeriesReader(tmp_path / "size.sqlite") as reader:
        got = reader.series(names[0], START_S * NS, (START_S + 3600) * NS)
        assert got.t_ns[-1] == (START_S + 3590) * NS
        assert got.t_ns[0] > (START_S + 600) * NS
    db.close()


def test_a_write_that_fails_is_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    db = database(path)
    db.take(rows(["CI.A..HN"], 0), [])
    db.flush(Progress("r", 1, b""))
    db._db.execute("PRAGMA query_only = 1")
    db.take(rows(["CI.A..HN"], 1), [Point("pick", {}, {"snr": 1.0}, 5)])
    with pytest.raises(StoreError):
        db.flush(Progress("r", 2, b""))
    with pytest.raises(StoreError):
        db.take(rows(["CI.NEW..HN"], 1), [])
    assert db.progress().seq == 1
    db._db.execute("PRAGMA query_only = 0")
    db.take(rows(["CI.NEW..HN"], 2), [])
    db.flush(Progress("r", 3, b""))
    db.close()
    with SeriesReader(path) as reader:
        assert len(reader.series("CI.A..HN", 0, START_S * NS + 60 * NS).t_ns) == 2
        assert len(reader.series("CI.NEW..HN", 0, START_S * NS + 60 * NS).t_ns) == 1
        assert len(reader.points("pick", 0, 10)) == 1


def test_foreign_and_newer_files_are_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE mine (a)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="another program"):
        database(tmp_path / "other.sqlite")
    database(tmp_path / "new.sqlite").close()
    newer = sqlite3.connect(tmp_path / "new.sqlite")
    newer.execute("PRAGMA user_version = 9")
    newer.close()
    with pytest.raises(StoreError, match="newer version"):
        database(tmp_path / "new.sqlite")
    (tmp_path / "rubbish.sqlite").write_bytes(b"\x01" * 5000)
    with pytest.raises(StoreError, match="rubbish"):
        database(tmp_path / "rubbish.sqlite")


def test_nan_is_missing_not_zero(tmp_path: Path) -> None:
    db = database(tmp_path / "s.sqlite")
    some = rows(["CI.A..HN"], 0)
    some.motion[1][0] = math.nan
    db.take(some, [])
    db.flush(Progress())
    db.close()
    with SeriesReader(tmp_path / "s.sqlite") as reader:
        got = reader.series("CI.A..HN", START_S * NS, (START_S + 1) * NS)
        assert np.isnan(got.fields["pgv"]).tolist() == [True]
        assert got.fields["pga"][0] > 0
