"""What the soak plays: a province of invented stations, their noise, and two earthquakes on top.

Every channel repeats about a minute of noise of its own, periodic so that it has no seams; records hold
`RECORD_S` seconds and begin staggered. Which record a channel has at which time follows from the
channel and the time alone, so that a server that starts again holds what it held.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pymseed
from national_data import GAIN, places, write_stations

from seiswarn.geo import distances_km
from seiswarn.ingest.miniseed import parse_records  # noqa: F401 - sets the block size of libmseed
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.stations import StationTable
from seiswarn.stationxml import read_station_tables
from seiswarn.timebase import NS

RATE_HZ = 50.0
RECORD_S = 8  # a record of 512 bytes at 50 to 100 samples a second holds about as much
N = round(RATE_HZ * RECORD_S)
LOOP_S = 64  # of noise
PHASES = 80  # by which records are staggered
T0_NS = 1_772_330_400 * NS  # 2026-03-01T02:00:00Z
NOISE_MPS2 = 2.5e-5
EVENT_S = 180.0
LEAD_S = 20.0
HORIZONTAL = re.compile(r'<Channel code="HN[EN]".*?</Channel>', re.DOTALL)
FELT_STATIONS = 200  # the nearest ones record the earthquake, the others noise alone


@dataclass(frozen=True)
class Quake:
    """An earthquake of the soak; `after_s` data seconds after the beginning."""

    after_s: float
    latitude: float
    longitude: float
    mw: float
    seed: int

    @property
    def origin_ns(self) -> int:
        return T0_NS + round(self.after_s * NS)


def write_network(folder: Path, n_stations: int) -> StationTable:
    """StationXML of the province, and its table."""
    write_stations(folder, places(n_stations))
    for file in folder.glob("*.xml"):
        text = file.read_text().replace("<SampleRate>100.0<", f"<SampleRate>{RATE_HZ}<")
        stations = text.split("<Station ")
        for k in range(1, len(stations)):
            if k % 3:  # two in three are vertical only
                stations[k] = HORIZONTAL.sub("", stations[k])
        file.write_text("<Station ".join(stations))
    return read_station_tables([folder], None)


def quakes(table: StationTable, hours: float) -> list[Quake]:
    """Two earthquakes under different parts of the network, the first one soon: it has everything loaded."""
    whole_s = 3600.0 * hours
    at = [len(table.stations) // 5, 4 * len(table.stations) // 5]
    return [
        Quake(
            whole_s * (0.08 + 0.5 * k),
            float(table.st_latitude[s]) + 0.03,
            float(table.st_longitude[s]) - 0.02,
            6.0 + 0.3 * k,
            k + 1,
        )
        for k, s in enumerate(at)
    ]


def shaking(table: StationTable, quake: Quake) -> dict[str, tuple[int, np.ndarray]]:
    """(t0_ns, counts) of the channels that record an earthquake: motion alone, to be added to noise."""
    distance = distances_km(quake.latitude, quake.longitude, table.st_latitude, table.st_longitude)
    near = set(np.argsort(distance, kind="stable")[:FELT_STATIONS].tolist())
    names = [c for c, s in zip(table.channels, table.ch_station.tolist(), strict=True) if s in near]
    part = _part(table, names)
    scenario = Scenario(
        origin_ns=quake.origin_ns,
        latitude=quake.latitude,
        longitude=quake.longitude,
        depth_km=12.0,
        mw=quake.mw,
        seed=quake.seed,
        lead_s=LEAD_S,
        duration_s=EVENT_S,
        noise_db=-300.0,
    )
    return {name: (trace.t0_ns, trace.counts) for name, trace in synthesize(part, scenario).items()}


def _part(table: StationTable, names: list[str]) -> StationTable:
    """The table of some channels."""
    rows = np.array([table.channel_index[n] for n in names])
    st = np.unique(table.ch_station[rows])
    number = {int(s): k for k, s in enumerate(st)}
    return StationTable(
        channels=tuple(names),
        ch_station=np.array([number[int(s)] for s in table.ch_station[rows]], dtype=np.int32),
        **{f: getattr(table, f)[rows] for f in CHANNEL_FIELDS},
        stations=tuple(table.stations[s] for s in st),
        **{f: getattr(table, f)[st] for f in STATION_FIELDS},
    )


CHANNEL_FIELDS = (
    "ch_component", "ch_unit", "ch_gain", "ch_rate_hz", "ch_azimuth_deg", "ch_dip_deg", "ch_clip_counts",
)  # fmt: skip
STATION_FIELDS = ("st_latitude", "st_longitude", "st_elevation_m", "st_vs30_mps", "st_site")


class Channel:
    """One channel: its records by slot, each there when its last sample is over."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.phase = seed % PHASES
        self.noise = _noise(seed)
        self.station = "_".join(name.removeprefix("FDSN:").split("_")[:2])
        self._loop = [pack(name, self.noise[k * N : (k + 1) * N]) for k in range(LOOP_S // RECORD_S)]
        self._special: dict[int, bytes] = {}

    @property
    def offset_ns(self) -> int:
        """Of the beginnings of its records from the grid of slots."""
        return self.phase * RECORD_S * NS // PHASES

    def start_ns(self, slot: int) -> int:
        return T0_NS + slot * RECORD_S * NS + self.offset_ns

    def add(self, t0_ns: int, counts: np.ndarray) -> None:
        """Put motion on top of the noise."""
        first = (t0_ns - T0_NS - self.offset_ns) // (RECORD_S * NS)
        last = first + len(counts) // N + 1
        for slot in range(first, last + 1):
            x = self.noise[(slot * N + np.arange(N)) % len(self.noise)].copy()
            begin = round((self.start_ns(slot) - t0_ns) / NS * RATE_HZ)
            a, b = max(begin, 0), min(begin + N, len(counts))
            if b > a:
                x[a - begin : b - begin] += counts[a:b]
                self._special[slot] = pack(self.name, x)

    def record(self, slot: int, stamp: bytes) -> bytes:
        """The record of a slot; `stamp` is `btime` of its first sample."""
        made = self._special.get(slot) or self._loop[slot % len(self._loop)]
        return made[:20] + stamp + made[30:]


def pack(name: str, samples: np.ndarray) -> bytes:
    """Samples as one record of 512 bytes, or a longer one where they are loud."""
    for reclen in (512, 1024, 2048):
        record = pymseed.MS3Record()
        record.sourceid, record.reclen, record.formatversion = name, reclen, 2
        record.encoding, record.samprate, record.starttime = 11, RATE_HZ, T0_NS
        made = [bytes(r) for r in record.generate(np.ascontiguousarray(samples, dtype=np.int32), "i")]
        if len(made) == 1:
            return made[0]
    raise ValueError("a record does not fit")


def btime(t_ns: int) -> bytes:
    """The time of a first sample as SEED 2.4 writes it."""
    t = datetime.fromtimestamp(t_ns // NS, UTC)
    fraction = t_ns % NS // 100_000
    day = t.timetuple().tm_yday
    return struct.pack(">HHBBBxH", t.year, day, t.hour, t.minute, t.second, fraction)


def _noise(seed: int) -> np.ndarray:
    """About a minute of noise that ends where it begins: pink below 1 Hz, in counts."""
    rng = np.random.default_rng(seed)
    n = round(LOOP_S * RATE_HZ)
    freq = np.fft.rfftfreq(n, 1.0 / RATE_HZ)
    spectrum = rng.standard_normal(len(freq)) + 1j * rng.standard_normal(len(freq))
    spectrum *= 1.0 / np.sqrt(np.maximum(freq, 0.2))
    spectrum[0] = 0.0
    x = np.fft.irfft(spectrum, n)
    level = NOISE_MPS2 * GAIN * rng.uniform(0.5, 2.0)
    return np.rint(x / x.std() * level).astype(np.int32)
