"""Records of known contents, and a process that archives them until it is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pymseed

from seiswarn.ingest.live import Received
from seiswarn.ingest.miniseed import parse_records  # noqa: F401 - sets the block size of libmseed
from seiswarn.runtime.archiving import Archiving
from seiswarn.store.sds_params import Params

NS = 1_000_000_000
T0 = 1_700_000_000 * NS  # 2023-11-14T22:13:20
RATE_HZ = 100.0
N = 50


def record(station: str, k: int, *, n: int = N, version: int = 2, channel: str = "H_N_Z") -> bytes:
    rec = pymseed.MS3Record()
    rec.sourceid, rec.reclen, rec.formatversion = f"FDSN:XX_{station}_00_{channel}", 512, version
    rec.encoding, rec.samprate = pymseed.DataEncoding.STEIM2, RATE_HZ
    rec.starttime = T0 + k * round(n * NS / RATE_HZ)
    return next(iter(rec.generate(samples(k, n), "i")))


def samples(k: int, n: int = N) -> np.ndarray:
    return ((np.arange(k * n, (k + 1) * n) * 7919) % 10007).astype(np.int32)


def archive_for_ever(root: Path, first: int, n_stations: int) -> None:
    archiving = Archiving(root, Params(min_free_gb=0.0, fsync_s=0.2), time.time_ns, turn_s=0.01)
    archiving.start()
    k = first
    while True:
        archiving.keep([Received(record(f"S{s:03d}", k), 0) for s in range(n_stations)])
        k += 1
        print(k, flush=True)
        time.sleep(0.002)


if __name__ == "__main__":
    archive_for_ever(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
