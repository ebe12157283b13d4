"""From miniSEED bytes to samples: our bulk decoding beside pymseed's records and obspy's reader.

    python benchmarks/bench_decode.py [--repeats N] [--json FILE]

Two sets of 512-byte Steim2 records, made from noise: a second of 100 samples each, as a digitizer
sends them to be early, one record of each of 923 channels (what a slice of 20 ms brings in a
network of 15,391 stations); and full records. All times are CPU times of one process. Decoded
samples are compared first: all three say the same.
"""

from __future__ import annotations

import argparse
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymseed
from common import Row, cpu_seconds, report

from seiswarn.blocks import columns
from seiswarn.ingest.decode import decode

CHANNELS = 923
SHORT = 100  # samples
SEED = 20
T0_NS = 1_700_000_000_000_000_000
OBSPY_RECORDS = 200  # the slowest by far: part of the records, told per record


def noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """Brownian noise of a few hundred counts, as background noise looks to Steim2."""
    return (rng.standard_normal(n) * 40.0).cumsum().round().astype(np.int32)


def pack(samples: np.ndarray, channel: int) -> list[bytes]:
    record = pymseed.MS3Record()
    record.sourceid = f"FDSN:XX_S{channel:04d}__H_N_Z"
    record.reclen, record.formatversion, record.encoding = 512, 2, 11
    record.samprate, record.starttime = 100.0, T0_NS + channel * 1_000_000
    return [bytes(r) for r in record.generate(samples, "i")]


def by_decode(raw: bytes) -> np.ndarray:
    blocks, damages = decode(raw, T0_NS)
    assert not damages
    return np.concatenate([columns(b).samples for b in blocks])


def by_pymseed(records: list[bytes]) -> np.ndarray:
    return np.concatenate(
        [pymseed.MS3Record.parse(r, unpack_data=True).np_datasamples.copy() for r in records]
    )


def by_obspy(records: list[bytes]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from obspy import read

        return np.concatenate([read(io.BytesIO(r), format="MSEED")[0].data for r in records])


def measure(label: str, records: list[bytes], repeats: int) -> dict[str, Row]:
    """The rows of one set of records."""
    raw = b"".join(records)
    truth = by_decode(raw)
    part = records[:OBSPY_RECORDS]
    assert np.array_equal(truth, by_pymseed(records))
    theirs = by_obspy(part)
    assert np.array_equal(truth[: len(theirs)], theirs)
    pymseed.set_prealloc_block_size(0)  # both sides without libmseed's block of 1 MiB per record
    ways: dict[str, tuple[Callable[[], object], int, int]] = {
        "seiswarn": (lambda: decode(raw, T0_NS), len(records), len(truth)),
        "pymseed": (lambda: by_pymseed(records), len(records), len(truth)),
        "obspy": (lambda: by_obspy(part), len(part), len(theirs)),
    }
    rows: dict[str, Row] = {}
    per_record = {}
    for name, (work, n, samples) in ways.items():
        spent = cpu_seconds(work, repeats)
        per_record[name] = spent / n
        rows[f"{label} {name} us/record"] = Row(1e6 * spent / n, "us", "lower")
        rows[f"{label} {name} records/s"] = Row(n / spent, "records/s", "higher")
        rows[f"{label} {name} samples/s"] = Row(samples / spent, "samples/s", "higher")
    for name in ("pymseed", "obspy"):
        ratio = per_record[name] / per_record["seiswarn"]
        rows[f"{label} ratio to {name}"] = Row(ratio, "times", "higher")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    short = [r for k in range(CHANNELS) for r in pack(noise(SHORT, rng), k)]
    assert len(short) == CHANNELS
    full = [pack(noise(1200, rng), k)[0] for k in range(CHANNELS)]
    n_full = len(by_decode(b"".join(full))) / CHANNELS
    rows = measure("second", short, options.repeats) | measure("full", full, options.repeats)
    rows["full samples/record"] = Row(n_full, "samples", "higher")
    report("decode", rows, options.json)


if __name__ == "__main__":
    main()
