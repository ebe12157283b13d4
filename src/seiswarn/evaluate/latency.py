"""Models of telemetry: how long a packet is under way."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from seiswarn.errors import UsageError
from seiswarn.ingest.recut import Latency, UniformLatency

ANY = "*"  # in a file: every station that has no row of its own


class LatencyModel(msgspec.Struct, frozen=True):
    """A latency as asked for: between two bounds for each packet, or per station."""

    low_s: float = 0.0
    high_s: float = 0.0
    seed: int = 1
    stations: dict[str, float] = {}

    def latency(self) -> Latency:
        """As the cutting of packets takes it."""
        if self.stations:
            return StationLatency(self.stations)
        return self.low_s if self.low_s == self.high_s else UniformLatency(self.low_s, self.high_s, self.seed)

    def text(self) -> str:
        """In words."""
        if self.stations:
            return f"of each station, {min(self.stations.values()):g} to {max(self.stations.values()):g} s"
        if self.low_s == self.high_s:
            return f"{self.low_s:g} s"
        return f"{self.low_s:g} to {self.high_s:g} s, drawn for each packet with seed {self.seed}"


class StationLatency:
    """Seconds of a station, by its whole code, NET.STA or STA, else those of `*`."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    def __call__(self, station: str) -> float:
        network, _, rest = station.partition(".")
        name = rest.partition(".")[0]
        for code in (station, f"{network}.{name}", name, ANY):
            if code in self._seconds:
                return self._seconds[code]
        raise UsageError(f"no latency for station {station}; a row {ANY} gives it for all others")


def parse_latency(text: str, seed: int = 1) -> LatencyModel:
    """`0.5`, `0.2..1.5` or the name of a CSV file `station,latency_s`. Raises UsageError on anything else."""
    low, dots, high = text.partition("..")
    try:
        bounds = float(low), float(high if dots else low)
    except ValueError:
        path = Path(text)
        if path.is_file():
            return LatencyModel(stations=_read(path))
        raise UsageError(
            f"--latency is a number of seconds, two as in 0.2..1.5, or a CSV file, not {text!r}"
        ) from None
    if not (math.isfinite(bounds[1]) and 0.0 <= bounds[0] <= bounds[1]):
        raise UsageError(f"--latency needs seconds from zero on, the smaller first, not {text!r}")
    return LatencyModel(*bounds, seed)


def _read(path: Path) -> dict[str, float]:
    """Rows of a CSV file with the columns station and latency_s. Raises UsageError."""
    found: dict[str, float] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        if not {"station", "latency_s"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{path}: the first line should be station,latency_s")
        for row in rows:
            try:
                value = float(row["latency_s"])
            except (TypeError, ValueError):
                value = math.nan
            if not 0.0 <= value < math.inf:
                raise UsageError(
                    f"{path}:{rows.line_num}: latency_s of {row['station']} is no number from 0 on"
                )
            found[(row["station"] or "").strip()] = value
    if not found:
        raise UsageError(f"{path}: no station in it")
    return found
