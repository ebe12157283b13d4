import numpy as np

from seiswarn.stations import StationTable
from seiswarn.targets import targets_from_stations


def test_one_target_per_site_named_after_its_first_station():
    none, codes = np.zeros(0), ("GX.A..HH", "GX.A..HN", "GX.B..HN", "GX.C..HN")
    table = StationTable(
        channels=(), ch_station=none.astype(np.int32), ch_component=none.astype(np.int32),
        ch_unit=none.astype(np.int32), ch_gain=none, ch_rate_hz=none, ch_azimuth_deg=none, ch_dip_deg=none,
        ch_clip_counts=none, stations=codes, st_latitude=np.array([24.0, 24.0, 25.0, 25.0]),
        st_longitude=np.full(4, 106.0), st_elevation_m=np.zeros(4),
        st_vs30_mps=np.array([400.0, np.nan, np.nan, 300.0]), st_site=np.array([0, 0, 1, 1], dtype=np.int32),
    )  # fmt: skip
    targets = targets_from_stations(table)
    assert [(t.name, t.latitude, t.vs30_mps) for t in targets] == [("GX.A", 24.0, 400.0), ("GX.B", 25.0, 0.0)]
