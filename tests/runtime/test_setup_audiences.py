"""What audiences ask of the stages before them."""

import pytest

from seiswarn.config import load_config
from seiswarn.runtime.setup import stage_params


@pytest.mark.parametrize(
    ("stations", "fewest"),
    [
        ((), 3),  # the default of [shaking]
        ((5,), 3),
        ((2, 5), 2),
        ((1, 3), 1),  # on-site for one of them
        ((0,), 3),  # one that never warns of motion alone asks for nothing
    ],
)
def test_motion_alone_is_looked_for_at_as_few_stations_as_any_audience_asks_for(tmp_path, stations, fewest):
    path = tmp_path / "c.toml"
    tables = [f'[[audience]]\nname = "a{k}"\nwavefield_stations = {n}\n' for k, n in enumerate(stations)]
    path.write_text("".join(tables) or "\n")
    config = load_config(path)
    params = stage_params(config)
    assert params.shaking.wavefield_min_stations == fewest
    assert params.audiences == config.audiences
