"""Kernels ready before the first packet; with none kept, the largest is compiled aside.

    python -m seiswarn.runtime.warm

compiles that one, for a machine with two cores that starts with an empty cache.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from seiswarn.stations import StationTable

if TYPE_CHECKING:
    from seiswarn.pipeline import Pipeline

COMPLETE = "complete"  # a file in the cache of kernels: all have been compiled


def warm(pipeline: Pipeline) -> None:
    """Compile or load all kernels of a pipeline; with an empty cache the largest in a second process."""
    from seiswarn.jit import CACHE_FOLDER

    mark = CACHE_FOLDER / COMPLETE
    if mark.exists():
        pipeline.warm()
        return
    aside = subprocess.Popen([sys.executable, "-m", "seiswarn.runtime.warm"])
    try:
        pipeline.warm(aside.wait)
    finally:
        aside.kill()
        aside.wait()
    with suppress(OSError):  # then the next start looks again
        mark.touch()


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
    """Compile the largest kernel."""
    from seiswarn.waveform.params import Params
    from seiswarn.waveform.stage import WaveformStage

    WaveformStage(Params(), one_station()).warm_rest()


if __name__ == "__main__":
    main()
