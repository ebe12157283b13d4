"""Synthetic earthquakes with known truth, for drills, the demo and tests.

The physics is in `point_source` and, for ruptures that reach out, `finite_source`; here it is played
at the stations of a table, with noise, gains and counts, and cut into packets like any archive.
Everything follows from the scenario and its seed: each channel draws from its own stream, made from
its code, so that neither the order nor the number of other stations matters.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.geo import distance_km, offset_deg
from seiswarn.ingest import finite_source
from seiswarn.ingest import point_source as ps
from seiswarn.ingest.recut import STEP_NS, Latency, Stretch, cut
from seiswarn.messages import PacketBlock, Status
from seiswarn.stations import F64, StationTable, Z
from seiswarn.timebase import NS, from_seconds, sample_offset_ns

I32 = npt.NDArray[np.int32]
TravelTime = Callable[[float, float], float]  # (epicentral distance km, depth km) -> seconds

_DEFAULT_RATE_HZ = 100.0  # for channels whose metadata give none
_FFT_STEP = 4096  # lengths are multiples of this: small factors, fast transforms
_SITE_NOISE_DB = 5.0  # one-sigma spread of site noise between stations
_COUNT_LIMIT = float(2**31 - 1)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One earthquake and how to record it."""

    origin_ns: Annotated[int, msgspec.Meta(ge=0, description="origin time, ns since 1970 UTC")]
    latitude: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0, description="of the epicentre, degrees")]
    longitude: Annotated[float, msgspec.Meta(ge=-180.0, le=180.0, description="of the epicentre, degrees")]
    depth_km: Annotated[float, msgspec.Meta(ge=0.0, le=100.0, description="of the hypocentre")]
    mw: Annotated[float, msgspec.Meta(ge=3.0, le=8.0, description="moment magnitude")]
    stress_drop_mpa: Annotated[
        float, msgspec.Meta(gt=0.0, le=100.0, description="Brune stress drop; 10 MPa = 100 bar")
    ] = 10.0
    seed: Annotated[int, msgspec.Meta(ge=0, description="of all randomness")] = 1
    lead_s: Annotated[float, msgspec.Meta(ge=0.0, description="noise before the origin time")] = 30.0
    duration_s: Annotated[float, msgspec.Meta(gt=0.0, description="length of the recording")] = 180.0
    noise_db: Annotated[
        float,
        msgspec.Meta(
            description="ground noise, dB above Peterson's high-noise model; -300: the instrument's only"
        ),
    ] = 0.0
    rupture_km: Annotated[
        float, msgspec.Meta(ge=0.0, le=1000.0, description="length of a straight rupture; 0: a point source")
    ] = 0.0
    scattering_per_km: Annotated[
        float,
        msgspec.Meta(
            ge=0.0, le=0.1, description="scattering coefficient of the ground, about 0.01; 0: no coda"
        ),
    ] = 0.0
    strike_deg: Annotated[float, msgspec.Meta(ge=0.0, lt=360.0, description="of the rupture")] = 0.0
    rupture_behind: Annotated[
        float,
        msgspec.Meta(
            ge=0.0, le=1.0, description="share of the rupture that lies against strike from the hypocentre"
        ),
    ] = 0.5


@dataclass(frozen=True, slots=True)
class Trace:
    """A synthetic record of one channel: (n,) int32 counts, the first at `t0_ns`."""

    t0_ns: int
    rate_hz: float
    counts: I32


def default_p_time(distance: float, depth: float) -> float:
    """Straight ray with the source's P velocity (6.06 km/s); distance and depth in km."""
    return math.hypot(distance, depth) / ps.ALPHA_KMPS


def default_s_time(distance: float, depth: float) -> float:
    """Straight ray with the source's S velocity (3.5 km/s); distance and depth in km."""
    return math.hypot(distance, depth) / ps.BETA_KMPS


def synthesize(
    table: StationTable,
    scenario: Scenario,
    *,
    p_time: TravelTime = default_p_time,
    s_time: TravelTime = default_s_time,
) -> dict[str, Trace]:
    """Counts of every channel in `table` during `scenario`, keyed by channel in table order.

    Parameters
    ----------
    table
        stations with gains in counts per SI unit; velocity and displacement channels get the
        integrated motion, without sensor corners. Counts are clipped at 2^31 - 1.
    p_time, s_time
        travel times in s for (epicentral distance km, depth km).

    Notes
    -----
    Recordings of different stations start up to a second apart, as real ones do, so that packets
    of a network do not all arrive at one instant.
    """
    traces: dict[str, Trace] = {}
    for station in range(table.n_stations):
        traces.update(_station_traces(table, station, scenario, p_time, s_time))
    return {name: traces[name] for name in table.channels}


def _station_traces(
    table: StationTable, station: int, scenario: Scenario, p_time: TravelTime, s_time: TravelTime
) -> Iterator[tuple[str, Trace]]:
    code = table.stations[station]
    place = float(table.st_latitude[station]), float(table.st_longitude[station])
    parts = [_part(scenario, fault, place, p_time, s_time) for fault in _subfaults(scenario)]
    site = np.random.default_rng((scenario.seed, zlib.crc32(code.encode())))
    site_db = scenario.noise_db + _SITE_NOISE_DB * float(site.standard_normal())
    phase = float(site.random())
    shared: dict[float, _Recording] = {}
    for ch in np.flatnonzero(table.ch_station == station):
        rate = float(table.ch_rate_hz[ch]) or _DEFAULT_RATE_HZ
        if rate not in shared:
            start_ns = scenario.origin_ns - from_seconds(scenario.lead_s)
            start_ns += sample_offset_ns(int(phase * rate), rate)
            shared[rate] = _Recording(rate, start_ns, scenario, parts, site_db)
        name = table.channels[ch]
        stream = np.random.default_rng((scenario.seed, zlib.crc32(name.encode())))
        motion = shared[rate].motion(stream, int(table.ch_component[ch]) == Z, int(table.ch_unit[ch]))
        counts = np.clip(np.rint(motion * table.ch_gain[ch]), -_COUNT_LIMIT, _COUNT_LIMIT).astype(np.int32)
        yield name, Trace(shared[rate].start_ns, rate, counts)


def _subfaults(scenario: Scenario) -> tuple[finite_source.Subfault, ...]:
    return finite_source.subfaults(scenario.rupture_km, scenario.strike_deg, scenario.rupture_behind)


class _Part(NamedTuple):
    """A part of the rupture as one station gets it: how far, and when its waves come after the origin."""

    hypocentral_km: float
    arrivals: tuple[tuple[ps.Wave, float], ...]


def _part(
    scenario: Scenario,
    fault: finite_source.Subfault,
    place: tuple[float, float],
    p_time: TravelTime,
    s_time: TravelTime,
) -> _Part:
    latitude, longitude, depth = scenario.latitude, scenario.longitude, scenario.depth_km
    if fault.north_km or fault.east_km:
        latitude, longitude = offset_deg(latitude, longitude, fault.north_km, fault.east_km)
    epicentral = distance_km(latitude, longitude, *place)
    return _Part(
        math.hypot(epicentral, depth),
        (
            (ps.P_WAVE, fault.delay_s + p_time(epicentral, depth)),
            (ps.S_WAVE, fault.delay_s + s_time(epicentral, depth)),
        ),
    )


class _Recording:
    """What the components of one station at one rate share: spectra, arrivals, lengths."""

    def __init__(
        self,
        rate_hz: float,
        start_ns: int,
        scenario: Scenario,
        parts: Sequence[_Part],
        noise_db: float,
    ) -> None:
        self.rate_hz, self.start_ns = rate_hz, start_ns
        self.n = max(1, round(scenario.duration_s * rate_hz))
        mw, stress = scenario.mw, scenario.stress_drop_mpa
        part_mw = finite_source.part_mw(mw, len(parts)) if len(parts) > 1 else mw
        trains = [(r, wave, travel_s) for r, arrivals in parts for wave, travel_s in arrivals]
        lengths = [ps.duration_s(r, part_mw, stress, wave) for r, wave, _ in trains]
        # Room for the longest train behind the recording, so that no tail wraps to its start.
        room = math.ceil(ps.window_end_s(max(lengths)) * rate_hz)
        self.n_fft = _FFT_STEP * math.ceil((self.n + room) / _FFT_STEP)
        freq = np.fft.rfftfreq(self.n_fft, 1.0 / rate_hz).astype(np.float64)
        self.noise = ps.noise_amplitude(freq, noise_db) * math.sqrt(0.5 * rate_hz)
        self.integrator = 1.0 / (2j * math.pi * np.maximum(freq, freq[1]))
        self.integrator[0] = 0.0
        self.trains = []
        end_s = self.n / rate_hz
        for (hypocentral, wave, travel_s), length in zip(trains, lengths, strict=True):
            onset_s = (scenario.origin_ns - start_ns) / NS + travel_s
            if not 0.0 <= onset_s < end_s:
                continue
            count = math.ceil(ps.window_end_s(length) * rate_hz)
            if scenario.scattering_per_km:
                count = max(count, math.ceil((end_s - onset_s) * rate_hz))
            response = ps.acceleration_response(freq, hypocentral, mw, stress, wave, part_mw)
            response = response * np.exp(-2j * math.pi * freq * onset_s)
            if len(parts) > 1:  # so that the powers of all add up to that of one
                response *= 1.0 / math.sqrt(len(parts))
            shape = ps.window(count, rate_hz, length)
            if scenario.scattering_per_km:
                scattered = ps.coda(shape, rate_hz, travel_s, wave, scenario.scattering_per_km)
                whole = np.hypot(shape, scattered)
                # What is scattered comes on top: the direct wave stays as strong as it was.
                response *= math.sqrt(float(np.sum(whole**2) / np.sum(shape**2)))
                shape = whole
            self.trains.append((wave, shape, response))

    def motion(self, stream: np.random.Generator, vertical: bool, unit: int) -> F64:
        """(n,) acceleration in m/s^2, or its first (`unit` 1) or second (2) integral."""
        spectrum = np.fft.rfft(stream.standard_normal(self.n_fft)) * self.noise
        for wave, shape, response in self.trains:
            white = np.fft.rfft(stream.standard_normal(len(shape)) * shape, self.n_fft)
            # Boore (2003): the spectrum of the windowed noise is scaled to unit mean square.
            scale = 1.0 / math.sqrt(float(np.mean(np.abs(white) ** 2)))
            share = wave.vertical if vertical else wave.horizontal
            spectrum += white * response * (scale * share * self.rate_hz)
        spectrum *= self.integrator**unit
        motion: F64 = np.fft.irfft(spectrum, self.n_fft)[: self.n]
        return motion


def blocks(
    table: StationTable,
    scenario: Scenario,
    *,
    packet_s: float | None = 0.5,
    latency: Latency = 0.0,
    status: Status = "exercise",
    p_time: TravelTime = default_p_time,
    s_time: TravelTime = default_s_time,
    step_ns: int = STEP_NS,
) -> Iterator[PacketBlock]:
    """The synthetic records as packets, cut, delayed and ordered as `Archive.blocks` does it.

    `packet_s` None gives each record as one packet. Raises UsageError on senseless lengths.
    """
    traces = synthesize(table, scenario, p_time=p_time, s_time=s_time)
    stretches = [_stretch(name, trace) for name, trace in traces.items()]
    return cut(stretches, packet_s, latency, status, step_ns)


def _stretch(channel: str, trace: Trace) -> Stretch:
    return Stretch(
        channel=channel,
        rate_hz=trace.rate_hz,
        dtype="i4",
        samples=trace.counts.astype("<i4").tobytes(),
        starts=np.zeros(1, dtype=np.int64),
        times_ns=np.array([trace.t0_ns], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A scenario on a network as a source."""

    NAME: ClassVar[str] = "synthetic"
    NEEDS: ClassVar[str] = "a station table and a scenario"
    VALID: ClassVar[str] = "Mw 3 to 8, distance up to 300 km, a point or a straight rupture"
    REFERENCE: ClassVar[str] = "Boore (2003), Pure and Applied Geophysics 160, 635-676"
    VERIFIED: ClassVar[bool] = True

    table: StationTable
    scenario: Scenario
    p_time: TravelTime = default_p_time
    s_time: TravelTime = default_s_time

    def blocks(
        self, packet_s: float | None = 0.5, latency: Latency = 0.0, status: Status = "exercise"
    ) -> Iterator[PacketBlock]:
        """See `blocks`."""
        return blocks(
            self.table,
            self.scenario,
            packet_s=packet_s,
            latency=latency,
            status=status,
            p_time=self.p_time,
            s_time=self.s_time,
        )
