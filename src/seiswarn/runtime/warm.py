"""Kernels ready before the first packet; with none kept, a part of them is compiled aside.

    python -m seiswarn.runtime.warm [all]

compiles that part, for a machine with two cores that starts with an empty cache; with ``all`` every kernel of
the default configuration, which is what an installation does once.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seiswarn.stations import StationTable

if TYPE_CHECKING:
    from seiswarn.pipeline import Pipeline

COMPLETE = "complete"  # a file in the cache of kernels: all have been compiled


def is_compiled() -> bool:
    """Whether all kernels are kept, so that a start only loads them."""
    return _mark().exists()


def compile_aside() -> subprocess.Popen[bytes] | None:
    """With an empty cache, a process that compiles a part of the kernels; None when they are kept.

    The sooner it is started, the sooner `warm` is done.
    """
    if is_compiled():
        return None
    return subprocess.Popen([sys.executable, "-m", "seiswarn.runtime.warm"])


def warm(pipeline: Pipeline, aside: subprocess.Popen[bytes] | None = None) -> None:
    """Compile or load all kernels of a pipeline, those of `aside` when it has ended."""
    if aside is None:
        pipeline.warm()
        return
    try:
        pipeline.warm(aside.wait)
    finally:
        aside.kill()
        aside.wait()
    with suppress(OSError):  # then the next start looks again
        _mark().touch()


def _mark() -> Path:
    from seiswarn.jit import CACHE_FOLDER

    return CACHE_FOLDER / COMPLETE


def one_station() -> StationTable:
    """A network of one three-component accelerometer, which kernels can be compiled for."""
    return StationTable(
        channels=("FDSN:XX_A__H_N_E", "FDSN:XX_A__H_N_N", "FDSN:XX_A__H_N_Z"),
        ch_station=np.zeros(3, dtype=np.int32),
        ch_component=np.array([2, 1, 0], dtype=np.int32),
        ch_unit=np.zeros(3, dtype=np.int32),
        ch_gain=np.ones(3),
        ch_rate_hz=np.full(3, 100.0),
        ch_azimuth_deg=np.zeros(3),
        ch_dip_deg=np.zeros(3),
        ch_clip_counts=np.full(3, np.inf),
        stations=("XX.A..HN",),
        st_latitude=np.zeros(1),
        st_longitude=np.zeros(1),
        st_elevation_m=np.zeros(1),
        st_vs30_mps=np.full(1, np.nan),
        st_site=np.zeros(1, dtype=np.int32),
    )


def main() -> None:
    """Compile the part of the kernels that takes as long as all others, or everything."""
    from seiswarn.pipeline import Params, Pipeline
    from seiswarn.targets import targets_from_stations
    from seiswarn.waveform.stage import WaveformStage

    table, params = one_station(), Params()
    if sys.argv[1:] == ["all"]:
        warm(Pipeline(params, table, targets_from_stations(table)), compile_aside())
    else:
        WaveformStage(params.waveform, table).warm_rest()


if __name__ == "__main__":
    main()
