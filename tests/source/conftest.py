"""A network, an earthquake under it, and the messages a perfect waveform stage would send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from seiswarn.geo import distance_km, offset_deg
from seiswarn.messages import EventEstimate, Message, Motions, Pick, PWindow, Slice
from seiswarn.rupture_distance import mean_rupture_distance_km
from seiswarn.source import attenuation
from seiswarn.source.params import Params
from seiswarn.source.stage import SourceStage
from seiswarn.source.traveltime import TravelTimes
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds

T0 = 1_700_000_000 * NS
LAT0, LON0 = 24.0, 107.0
STEP_S = 0.1
QUIET_PGD_M = 1e-6
QUIET_PGV_MPS = 1e-5
QUIET_WOOD_M = 2e-4  # on the trace


def make_table(places_km: Sequence[tuple[float, float]], sites: Sequence[int] | None = None) -> StationTable:
    """Stations with one vertical each at (north, east) km around (`LAT0`, `LON0`)."""
    n = len(places_km)
    places = [offset_deg(LAT0, LON0, north, east) for north, east in places_km]
    return StationTable(
        channels=tuple(f"FDSN:XX_S{k:03d}__H_N_Z" for k in range(n)),
        ch_station=np.arange(n, dtype=np.int32),
        ch_component=np.zeros(n, dtype=np.int32),
        ch_unit=np.zeros(n, dtype=np.int32),
        ch_gain=np.full(n, 1e6),
        ch_rate_hz=np.full(n, 100.0),
        ch_azimuth_deg=np.zeros(n),
        ch_dip_deg=np.full(n, -90.0),
        ch_clip_counts=np.full(n, np.inf),
        stations=tuple(f"XX.S{k:03d}..HN" for k in range(n)),
        st_latitude=np.array([p[0] for p in places]),
        st_longitude=np.array([p[1] for p in places]),
        st_elevation_m=np.zeros(n),
        st_vs30_mps=np.full(n, np.nan),
        st_site=np.array(range(n) if sites is None else sites, dtype=np.int32),
    )


def jittered_grid(side: int, spacing_km: float, seed: int) -> list[tuple[float, float]]:
    """`side` x `side` stations about `spacing_km` apart, shaken off the grid."""
    rng = np.random.default_rng(seed)
    half = 0.5 * (side - 1)
    return [
        (
            (a - half + 0.3 * rng.uniform(-1, 1)) * spacing_km,
            (b - half + 0.3 * rng.uniform(-1, 1)) * spacing_km,
        )
        for a in range(side)
        for b in range(side)
    ]


@dataclass(frozen=True)
class Quake:
    """Where, when and how big; (north, east) km around the middle of the network."""

    north_km: float
    east_km: float
    depth_km: float = 10.0
    t0_ns: int = T0
    magnitude: float = 6.0

    @property
    def place(self) -> tuple[float, float]:
        return offset_deg(LAT0, LON0, self.north_km, self.east_km)

    def error_km(self, estimate: EventEstimate) -> float:
        lat, lon = self.place
        return float(distance_km(lat, lon, estimate.origin.latitude, estimate.origin.longitude))


def pd_of(magnitude: float, hypocentral_km: float) -> float:
    """Peak P displacement in m by Wu and Zhao (2006), so that the truth is known."""
    return float(10 ** (-3.463 + 0.729 * magnitude - 1.374 * np.log10(max(hypocentral_km, 1.0)))) / 100.0


def pgd_of(magnitude: float, hypocentral_km: float, depth_km: float) -> float:
    """Peak vector displacement in m by the all-phase relation of JMA."""
    r = max(hypocentral_km, 1.0)
    return float(10 ** (0.87 * magnitude - np.log10(r) - 1.9e-3 * r + 5e-3 * depth_km - 0.98)) * 1e-5


def pgv_of(magnitude: float, epicentral_km: float, depth_km: float) -> float:
    """Peak velocity in m/s by Si and Midorikawa, at the mean distance to a rupture around a point."""
    top = max(0.0, depth_km - 0.5 * 10 ** (-1.01 + 0.32 * magnitude))
    x = np.hypot(mean_rupture_distance_km(np.array([epicentral_km]), magnitude), top)
    return float(attenuation.pgv_mps(magnitude, x, depth_km)[0])


def wood_of(magnitude: float, hypocentral_km: float) -> float:
    """Peak on the trace of a Wood-Anderson seismograph in m, by Hutton and Boore; ML ends at 6.3."""
    r = max(hypocentral_km, 1.0)
    return float(10 ** (min(magnitude, 6.3) - 1.11 * np.log10(r) - 0.00189 * r + 2.09)) * 1e-9 * 2080.0


def peaks_of(magnitude: float, epicentral_km: float, depth_km: float) -> tuple[float, float, float]:
    """Peak displacement (m), velocity (m/s) and Wood-Anderson trace (m) of S at a station."""
    r = float(np.hypot(epicentral_km, depth_km))
    return (
        pgd_of(magnitude, r, depth_km),
        pgv_of(magnitude, epicentral_km, depth_km),
        wood_of(magnitude, r),
    )


Peaks = tuple[float, float, float]
QUIET: Peaks = (QUIET_PGD_M, QUIET_PGV_MPS, QUIET_WOOD_M)
P_SHARE = 3.0**-1.5  # of P in the peaks of S (far field, Poisson solid)


@dataclass
class Feed:
    """Messages of a waveform stage, in any order; `run` plays them by `t_seen_ns`.

    `shaking` has (P, S, peaks of P, peaks of S) of each earthquake at each station: give earthquakes before
    motions. `gains` are what wrong metadata make of a station's amplitudes.
    """

    table: StationTable
    travel_times: TravelTimes
    messages: list[Message] = field(default_factory=list)
    seen_ns: list[int] = field(default_factory=list)
    n_picks: int = 0
    shaking: dict[int, list[tuple[int, int, Peaks, Peaks]]] = field(default_factory=dict)
    gains: Mapping[int, float] = field(default_factory=dict)
    snr: float = 20.0

    def add(self, message: Message, t_seen_ns: int) -> None:
        self.messages.append(message)
        self.seen_ns.append(t_seen_ns)

    def pick(
        self,
        station: int,
        t_ns: int,
        *,
        sigma_s: float = 0.1,
        pd_m: float = 0.0,
        pa_mps2: float = 0.1,
        snr: float | None = None,
        up_to_s: float = 5.0,
        late_s: float = 0.0,
        polarity: int = 0,
        tau_c_s: float = 1.0,
    ) -> str:
        """A pick, seen 0.3 s after its onset (and `late_s` more), with P windows growing by half a second."""
        self.n_picks += 1
        late_ns, gain = from_seconds(late_s), self.gains.get(station, 1.0)
        code = self.table.stations[station]
        pick_id = f"{code}/{t_ns}/{self.n_picks}"
        seen = t_ns + from_seconds(0.3) + late_ns
        self.add(
            Pick(
                pick_id=pick_id,
                station=code,
                channel=self.table.channels[station],
                t_ns=t_ns,
                uncertainty_s=sigma_s,
                snr=self.snr if snr is None else snr,
                polarity=polarity,
                noise_d_m=gain * QUIET_PGD_M,
                t_seen_ns=seen,
                status="test",
            ),
            seen,
        )
        for k in range(1, int(up_to_s / 0.5) + 1):
            if pd_m <= 0.0:
                break
            end = t_ns + from_seconds(0.5 * k)
            window = PWindow(
                pick_id=pick_id,
                station=code,
                t_ns=t_ns,
                window_s=0.5 * k,
                pa_mps2=pa_mps2,
                pv_mps=0.01,
                pd_m=gain * pd_m * min(1.0, k / 4),
                tau_c_s=tau_c_s,
                tau_p_max_s=1.0,
                iv2_m2ps=1e-4,
                zero_crossings=3 * k,
                t_seen_ns=max(end + late_ns, seen),
                status="test",
            )
            self.add(window, max(end + late_ns, seen))
        return pick_id

    def motions(self, stations: Sequence[int], from_s: float, to_s: float, late_s: float = 0.0) -> None:
        """Every station alive, second by second, from and to seconds after `T0`, shaking where it should."""
        for k in range(int(np.floor(from_s)), int(np.ceil(to_s))):
            t = T0 + (k + 1) * NS
            n = len(stations)
            disp, vel, wood = zip(*(self._peaks(s, t) for s in stations), strict=True)
            message = Motions(
                t_seen_ns=t,
                stations=tuple(self.table.stations[s] for s in stations),
                t_ns=(t,) * n,
                n_components=(3,) * n,
                pga_mps2=(1e-4,) * n,
                pgv_mps=vel,
                pgd_m=disp,
                mechanical_pgd_m=disp,
                wood_anderson_m=wood,
                intensity_gbt=(0.0,) * n,
                intensity_jma=(0.0,) * n,
                clipped=(False,) * n,
                status="test",
            )
            self.add(message, t + from_seconds(late_s))

    def _peaks(self, station: int, t_ns: int) -> Peaks:
        """Peaks in the second that ends at `t_ns`: noise, P, 20 s of S."""
        peaks = QUIET
        for p_ns, s_ns, of_p, of_s in self.shaking.get(station, ()):
            if p_ns < t_ns <= s_ns:
                peaks = _larger(peaks, of_p)
            elif s_ns < t_ns <= s_ns + 20 * NS:
                peaks = _larger(peaks, of_s)
        return _times(self.gains.get(station, 1.0), peaks)

    def quake(
        self,
        quake: Quake,
        *,
        stations: Sequence[int] | None = None,
        noise_s: float = 0.1,
        scatter: float = 0.0,
        seed: int = 1,
        reach_km: float = 400.0,
        errors_s: Mapping[int, float] | None = None,
        late_s: Mapping[int, float] | None = None,
        moved: Mapping[int, tuple[float, float]] | None = None,
        polarities: Mapping[int, int] | None = None,
    ) -> None:
        """P picks of an earthquake at the stations it reaches, with their displacements.

        By station: `errors_s` of its clock, `late_s` its telemetry, `moved` where it truly stands (latitude,
        longitude) when that is not where the table says, `polarities` which way it first moves.
        """
        rng = np.random.default_rng(seed)
        lat, lon = quake.place
        for s in range(self.table.n_stations) if stations is None else stations:
            here = float(self.table.st_latitude[s]), float(self.table.st_longitude[s])
            d = float(distance_km(lat, lon, *(moved or {}).get(s, here)))
            if d > reach_km:
                continue
            tp, ts = self.travel_times.times(np.array([d]), quake.depth_km)
            wrong = (errors_s or {}).get(s, 0.0)
            error = noise_s * rng.standard_normal() + wrong
            r = float(np.hypot(d, quake.depth_km))
            pd = pd_of(quake.magnitude, r) * 10 ** (scatter * rng.standard_normal())
            onset = quake.t0_ns + from_seconds(float(tp[0]) + error)
            self.pick(
                s,
                onset,
                sigma_s=max(noise_s, 0.05),
                pd_m=pd,
                up_to_s=min(8.0, float(ts[0] - tp[0])),
                late_s=(late_s or {}).get(s, 0.0),
                polarity=(polarities or {}).get(s, 0),
                tau_c_s=10 ** ((quake.magnitude - 6.166) / 4.218),  # see source.magnitude.tau_c
            )
            s_ns = quake.t0_ns + from_seconds(float(ts[0]) + wrong)
            of_s = peaks_of(quake.magnitude, d, quake.depth_km)
            of_p = (pd, P_SHARE * of_s[1], P_SHARE * of_s[2])
            self.shaking.setdefault(s, []).append((onset, s_ns, of_p, of_s))

    def slices(self, to_s: float) -> Iterator[tuple[int, list[Message]]]:
        """(now, messages) every `STEP_S`, from the first message to `to_s` after `T0`."""
        order = sorted(range(len(self.messages)), key=lambda k: (self.seen_ns[k], k))
        step = from_seconds(STEP_S)
        now = min(self.seen_ns, default=T0) // step * step
        k = 0
        while now <= T0 + from_seconds(to_s):
            now += step
            batch: list[Message] = [Slice(t_seen_ns=now, status="test")]
            while k < len(order) and self.seen_ns[order[k]] <= now:
                batch.append(self.messages[order[k]])
                k += 1
            yield now, batch

    def run(self, stage: SourceStage, to_s: float) -> list[Message]:
        out: list[Message] = []
        for now, batch in self.slices(to_s):
            out.extend(stage.handle(now, batch))
        return out


def _larger(a: Peaks, b: Peaks) -> Peaks:
    return max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2])


def _times(factor: float, a: Peaks) -> Peaks:
    return factor * a[0], factor * a[1], factor * a[2]


def estimates(messages: Sequence[Message]) -> dict[str, list[EventEstimate]]:
    """Estimates by event, in the order they came."""
    found: dict[str, list[EventEstimate]] = {}
    for m in messages:
        if isinstance(m, EventEstimate):
            found.setdefault(m.event_id, []).append(m)
    return found


@pytest.fixture(scope="session")
def travel_times() -> TravelTimes:
    return TravelTimes("iasp91", 120.0)


@pytest.fixture(scope="session")
def network() -> StationTable:
    """25 stations about 20 km apart."""
    return make_table(jittered_grid(5, 20.0, seed=3))


@pytest.fixture
def stage(network: StationTable, travel_times: TravelTimes) -> SourceStage:
    return SourceStage(Params(), network, travel_times)


@pytest.fixture
def feed(network: StationTable, travel_times: TravelTimes) -> Feed:
    """A feed in which every station of the network is alive from one minute before `T0`."""
    return Feed(network, travel_times)
