"""A case of the synthetic catalogue as waveforms, and as what the waveform stage says about them."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from catalogue_networks import GAIN, RATE_HZ, Network
from catalogue_scenarios import Case, Earth, path_factors

from seiswarn.blocks import columns
from seiswarn.ingest import finite_source, point_source, synthetic
from seiswarn.ingest.base import Doorkeeper
from seiswarn.ingest.recut import Stretch, cut
from seiswarn.ingest.synthetic import Scenario, Trace, synthesize
from seiswarn.messages import AnyMessage, PacketBlock, Slice
from seiswarn.runtime.slicer import Slicer, seen_span
from seiswarn.stations import StationTable
from seiswarn.timebase import MS, NS, from_seconds
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage

STEP_NS = 20 * MS
SPIKES_PER_S = 0.2


class Piece(msgspec.Struct, frozen=True):
    """One slice after the waveform stage."""

    t_seen_ns: int
    messages: list[AnyMessage]


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[list[Piece]] = msgspec.msgpack.Decoder(list[Piece])


def one_station(table: StationTable, station: int) -> StationTable:
    """The table of one station of another."""
    keep = np.flatnonzero(table.ch_station == station)
    per_channel = {
        f.name: getattr(table, f.name)[keep] for f in dataclasses.fields(table) if f.name.startswith("ch_")
    }
    per_station = {
        f.name: getattr(table, f.name)[[station]]
        for f in dataclasses.fields(table)
        if f.name.startswith("st_")
    }
    per_channel["ch_station"] = np.zeros(len(keep), dtype=np.int32)
    per_station["st_site"] = np.zeros(1, dtype=np.int32)
    return dataclasses.replace(
        table,
        channels=tuple(table.channels[i] for i in keep),
        stations=(table.stations[station],),
        **per_channel,
        **per_station,
        channel_index={},
        station_index={},
    )


def traces(case: Case, net: Network, earth: Earth) -> Iterator[tuple[int, dict[str, Trace]]]:
    """Counts of every station that sends, with its faults but that of its clock."""
    factors = [path_factors(case, k, net) for k in range(len(case.events))]
    for station in range(net.table.n_stations):
        fault = case.faults.get(station)
        kind = "" if fault is None else fault.kind
        if kind == "dead":
            continue
        small = one_station(net.table, station)
        found: dict[str, Trace] = {}
        for event, quake in enumerate(case.events):
            made = _recorded(small, quake, net, earth, station, float(factors[event][station]))
            found = made if not found else {name: _sum(found[name], made[name]) for name in found}
        factor = float(net.amplification[station])
        if fault is not None and kind == "gain":
            factor *= fault.value
        rng = np.random.default_rng((case.seed, case.index, station, 5))
        out = {}
        for name, trace in found.items():
            counts = trace.counts * factor
            if kind == "stuck":
                counts = np.full_like(counts, 1234.0)
            elif kind == "spiky":
                counts = counts + _spikes(rng, len(counts))
            t0 = trace.t0_ns
            if fault is not None and kind == "late":
                first = max(0, round((case.events[0].origin_ns - t0) / NS * RATE_HZ + fault.value * RATE_HZ))
                counts, t0 = counts[first:], t0 + round(first * NS / RATE_HZ)
            out[name] = Trace(
                t0, trace.rate_hz, np.rint(np.clip(counts, -(2**31), 2**31 - 1)).astype(np.int32)
            )
        yield station, out


def _recorded(
    small: StationTable, quake: Scenario, net: Network, earth: Earth, station: int, factor: float
) -> dict[str, Trace]:
    delay_p, delay_s = float(net.delay_p_s[station]), float(net.delay_s_s[station])

    def p_time(distance: float, depth: float) -> float:
        return factor * earth.times(distance, depth)[0] + delay_p

    def s_time(distance: float, depth: float) -> float:
        return factor * earth.times(distance, depth)[1] + delay_s

    return synthesize(small, quake, p_time=p_time, s_time=s_time)


def _sum(a: Trace, b: Trace) -> Trace:
    """Two recordings of one channel as one; they lie on one grid of samples."""
    shift = round((b.t0_ns - a.t0_ns) / NS * a.rate_hz)
    counts = a.counts.astype(np.int64)
    low, high = max(0, shift), min(len(a.counts), shift + len(b.counts))
    counts[low:high] += b.counts[low - shift : high - shift]
    return Trace(a.t0_ns, a.rate_hz, np.clip(counts, -(2**31), 2**31 - 1).astype(np.int32))


def _spikes(rng: np.random.Generator, n: int) -> np.ndarray:
    """One sample every five seconds or so, 0.02 to 2 m/s^2, either way."""
    hit = rng.random(n) < SPIKES_PER_S / RATE_HZ
    size = 10.0 ** rng.uniform(math.log10(0.02), math.log10(2.0), n) * np.sign(rng.standard_normal(n))
    return np.where(hit, size * GAIN, 0.0)


def blocks(case: Case, net: Network, earth: Earth) -> Iterator[PacketBlock]:
    """Packets of half a second as the network sends them; a wrong clock stamps them wrong."""
    stretches, wrong = [], {}
    for station, found in traces(case, net, earth):
        fault = case.faults.get(station)
        for name, trace in found.items():
            if fault is not None and fault.kind == "clock":
                wrong[name] = from_seconds(fault.value)
            stretches.append(
                Stretch(
                    channel=name,
                    rate_hz=trace.rate_hz,
                    dtype="i4",
                    samples=trace.counts.astype("<i4").tobytes(),
                    starts=np.zeros(1, dtype=np.int64),
                    times_ns=np.array([trace.t0_ns], dtype=np.int64),
                )
            )
    for block in cut(stretches, 0.5, 0.0, "test"):
        if wrong and not wrong.keys().isdisjoint(block.channels):
            off = np.array([wrong.get(name, 0) for name in block.channels], dtype=np.int64)
            yield msgspec.structs.replace(block, t0_ns=(columns(block).t0_ns + off).astype("<i8").tobytes())
        else:
            yield block


def pieces(case: Case, net: Network, earth: Earth, params: Params) -> list[Piece]:
    """What the waveform stage says, slice by slice, through the same door and slicer as any replay."""
    stage = WaveformStage(params, net.table)
    door, slicer = Doorkeeper(net.table, "test"), Slicer(STEP_NS, "test")
    out: list[Piece] = []

    def take(part: Slice) -> None:
        messages = [part, *part.errors]
        said = stage.handle(part.t_seen_ns, messages)
        out.append(Piece(part.t_seen_ns, [*part.errors, *said]))  # type: ignore[list-item]

    now = 0
    for block in blocks(case, net, earth):
        first, last = seen_span(block) or (now, now)
        for part in slicer.advance(first - 1):
            take(part)
        now = max(now, last)
        admitted, errors = door.admit_block(block, now)
        slicer.add(errors if admitted is None else (admitted, *errors), now)
    for part in slicer.advance(now + 2 * STEP_NS):
        take(part)
    return out


@cache
def _made_by() -> bytes:
    """The text of what makes the records."""
    here = Path(__file__).parent
    files = [
        here / name for name in ("catalogue_networks.py", "catalogue_scenarios.py", "catalogue_waveforms.py")
    ]
    files += [Path(m.__file__ or "") for m in (finite_source, point_source, synthetic)]
    return b"".join(f.read_bytes() for f in files)


def kept_as(folder: Path, case: Case) -> Path:
    """Where the pieces of a case are kept: another file when the case or what makes its records has changed.

    Not so for the waveform stage: who works on that runs without the cache.
    """
    mark = zlib.crc32(_made_by() + msgspec.json.encode(case))
    return folder / f"{case.seed}-{case.index:04d}-{mark:08x}.msgpack.z"


def write(path: Path, told: list[Piece]) -> None:
    """Keep the pieces of a case; a broken-off write leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_bytes(zlib.compress(_encoder.encode(told), 1))
    aside.replace(path)


def read(path: Path) -> list[Piece] | None:
    """The pieces of a case, if they are kept and can still be read."""
    try:
        return _decoder.decode(zlib.decompress(path.read_bytes()))
    except (OSError, zlib.error, msgspec.MsgspecError):
        return None
