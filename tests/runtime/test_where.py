import gzip

import msgspec
import numpy as np
import pytest

from seiswarn import gazetteer
from seiswarn.config import Config
from seiswarn.config_parts import Grid, Places, Shaking
from seiswarn.errors import UsageError
from seiswarn.runtime.where import where
from seiswarn.stations import StationTable
from seiswarn.targets import Target, TargetTable, targets_from_stations


def table(places):
    none, n = np.zeros(0), len(places)
    lat, lon = np.array(places, dtype=float).reshape(n, 2).T
    return StationTable(
        channels=(), ch_station=none.astype(np.int32), ch_component=none.astype(np.int32),
        ch_unit=none.astype(np.int32), ch_gain=none, ch_rate_hz=none, ch_azimuth_deg=none, ch_dip_deg=none,
        ch_clip_counts=none, stations=tuple(f"GX.S{k}..HN" for k in range(n)), st_latitude=lat,
        st_longitude=lon, st_elevation_m=np.zeros(n), st_vs30_mps=np.full(n, np.nan),
        st_site=np.arange(n, dtype=np.int32),
    )  # fmt: skip


NETWORK = table([(24.0, 106.0), (24.5, 106.5)])
A = Target(name="A", latitude=24.1, longitude=106.1, vs30_mps=500.0)
B = Target(name="B", latitude=24.2, longitude=106.2)


@pytest.fixture
def towns(tmp_path, monkeypatch):
    """Baise and a far town, as the gazetteer of the installation."""
    path = tmp_path / "g.csv.gz"
    rows = "Baise,百色,23.8901,106.6268,686078,CN\nHarbin,哈尔滨,45.75,126.65,5242897,CN\n"
    path.write_bytes(gzip.compress((",".join(gazetteer.COLUMNS) + "\n" + rows).encode()))
    monkeypatch.setattr(gazetteer, "bundled", lambda _: path)


def test_without_any_target_the_stations_are_the_targets():
    found = where(Config(), NETWORK)
    assert found.targets == targets_from_stations(NETWORK)
    assert {t.kind for t in found.targets} == {"station"}
    assert found.grid is None
    assert found.notes == ("no targets configured: the stations themselves are the targets",)
    assert found.warnings == ("2 of 2 targets have no Vs30 (GX.S0, GX.S1): 400 m/s is assumed",)


def test_towns_near_the_network_come_after_the_configured_targets(towns):
    config = Config(targets=(A, B), places=Places(min_population=1000))
    found = where(config, NETWORK)
    assert [t.name for t in found.targets] == ["A", "B", "Baise"]
    assert "1 places of the gazetteer lie within 200 km of the stations" in found.notes
    assert where(Config(targets=(A,), places=Places()), NETWORK).targets == (A,)
    two = where(
        Config(places=Places(min_population=1000, margin_km=2000, max_places=1)), table([(34.0, 116.0)])
    )
    assert [t.name for t in two.targets] == ["Baise"]
    assert any("of 2 places" in w for w in two.warnings)


def test_a_configured_target_stands_for_the_town_of_its_name(towns):
    places = Places(min_population=1000)
    near = Target(name="Baise city", name_zh="百色", latitude=23.9, longitude=106.62)
    assert where(Config(targets=(near,), places=places), NETWORK).targets == (near,)
    far = msgspec.structs.replace(near, latitude=24.2)
    assert len(where(Config(targets=(far,), places=places), NETWORK).targets) == 2


def test_an_unbuilt_gazetteer_is_an_error_only_when_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(gazetteer, "FILE", "not_built.csv.gz")
    where(Config(), NETWORK)
    with pytest.raises(UsageError, match="scripts/build_gazetteer"):
        where(Config(places=Places(min_population=1000)), NETWORK)


def test_vs30_of_a_file_fills_in_what_a_target_does_not_give(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("latitude,longitude,vs30_mps\n24.1,106.1,300\n24.2,106.2,350\n")
    shaking = Shaking(vs30=str(path), default_vs30_mps=450.0)
    grid = Grid(spacing_km=20.0, margin_km=30.0)
    far = Target(name="C", latitude=25.0, longitude=107.0)
    found = where(Config(targets=(A, B, far), shaking=shaking, grid=grid), NETWORK)
    assert [t.vs30_mps for t in found.targets] == [500.0, 350.0, 0.0]
    assert "1 of 3 targets have no Vs30 (C): 450 m/s is assumed" in found.warnings
    assert any(w.endswith("nodes have no Vs30: 450 m/s is assumed") for w in found.warnings)
    assert found.grid is not None
    assert set(found.grid.vs30_mps.tolist()) <= {0.0, 300.0, 350.0}


def test_the_grid_says_when_it_had_to_be_coarser():
    found = where(Config(grid=Grid(spacing_km=10.0, max_nodes=10_000)), NETWORK)
    assert found.grid is not None
    assert not found.grid.coarsened
    assert any(n.startswith(f"the grid is {len(found.grid)} nodes") for n in found.notes)
    found = where(Config(grid=Grid(spacing_km=1.0, max_nodes=500)), NETWORK)
    assert found.grid is not None
    assert len(found.grid) <= 500
    assert any("would take more than [grid] max_nodes, 500" in w for w in found.warnings)


def test_a_table_of_targets_is_in_one_order_whatever_theirs():
    many = [Target(name="A", latitude=25.0, longitude=106.0, population=7), A, B, B]
    first, second = TargetTable.of(many), TargetTable.of(many[::-1])
    assert first.targets == second.targets
    assert first.digest == second.digest
    assert [(t.name, t.latitude) for t in first.targets] == [("A", 24.1), ("A", 25.0), ("B", 24.2)]
    assert first.names == ("A", "A", "B")
    assert first.population.tolist() == [0, 7, 0]
    assert first.vs30_mps.tolist() == [500.0, 0.0, 0.0]
    assert first.kinds == ("place",) * 3
    assert len(first) == 3
    assert TargetTable.of([A]).digest != TargetTable.of([B]).digest
    assert len(TargetTable.of([])) == 0
    with pytest.raises(UsageError, match="two different targets are called A"):
        TargetTable.of([A, msgspec.structs.replace(A, population=5)])
