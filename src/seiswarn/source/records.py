"""What the source stage remembers: picks with their measures, and events."""

from __future__ import annotations

import math

import msgspec

from seiswarn.messages import ChannelQuality, Motions, Pick, PWindow, Rupture
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.trust import Trust

PEAKS = ("mechanical_pgd_m", "pgv_mps", "wood_anderson_m", "pga_mps2")  # of motions, followed after a pick
QUIET_KEPT = 0.9  # of what a station showed before, per second: forgotten in some ten seconds
RATE_KEPT_NS = 600 * NS
TAU_C_FROM_S = 2.0  # shorter ones hold less than a period
TAU_C_WINDOW_S = 3.0  # the window tau_c is defined over (Kanamori 2005)
GROWTH = 1.05  # more than ripples on a peak that has passed
# A calibration moves the mass once and lets it swing back: great against noise, and hardly a zero crossing.
PULSE_SNR = 30.0
PULSE_FROM_S = 2.0
PULSE_RATIO = 10.0  # of displacement against what was before
PULSE_CROSSINGS = 2
FEW_SITES = 8
VAGUE_KM = 8.0
PICK_LIFE_NS = 400 * NS  # peaks are followed this long after a pick
BREAK_NS = 5 * NS  # motions this far apart: the station was away in between

# At 15 to 29 % of the stations of recorded events of M 6 to 7.8 P itself jumps (waveform.pickers.s_onset).
TRUSTED_S_MINUS_P_S = 2.0


class PickRecord(msgspec.Struct, kw_only=True):
    """One pick and everything measured since. Displacements in m, times in ns."""

    pick_id: str
    station: int
    site: int
    t_ns: int
    sigma_s: float
    noise_d_m: float
    snr: float = 0.0
    weight: float = 1.0  # of its station when it was made (`trust`)
    until_ns: int = 0  # motion after this is no more of the event that the pick belongs to; 0: not known
    next_ns: int = 0  # when a second shock came: what follows is not this one's; 0: none known
    windows: list[tuple[float, float, bool]] = []  # window_s, pd_m, clipped
    pa_mps2: float = 0.0  # peak acceleration of the longest window
    tau_c_s: float = 0.0  # of the longest window that is worth one
    crossings: int = -1  # zero crossings of velocity in the longest window
    polarity: int = 0
    picked_before: float = 0.0  # how often the station had picked lately (`Memory.recent_picks`)
    peaks: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(PEAKS))
    quiet: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(PEAKS))  # before the onset
    grew_ns: int = 0  # when displacement last rose above what it had been
    motion_to_ns: int = 0
    clipped: bool = False
    s_t_ns: int = 0  # the S onset after it, 0: none read
    s_sigma_s: float = 0.0

    @property
    def s_trusted(self) -> bool:
        """Whether an S was read, and late enough to be one: a jump soon after P may lie within P."""
        return self.s_t_ns > 0 and (self.s_t_ns - self.t_ns) / NS >= TRUSTED_S_MINUS_P_S

    @property
    def is_pulse(self) -> bool:
        """Whether what was picked moves once and swings back, as calibrations, steps and faults do and P
        does not.

        P of any size rings: its velocity crosses zero several times a second.
        """
        seen_s, pd_m, _ = self.windows[-1] if self.windows else (0.0, 0.0, False)
        if seen_s < PULSE_FROM_S or not 0 <= self.crossings <= PULSE_CROSSINGS:
            return False
        # Long waves in the noise of a low-cost sensor have few crossings too: the signal has to be its own.
        return self.snr >= PULSE_SNR and pd_m > PULSE_RATIO * self.noise_d_m

    def p_lasts_s(self, predicted_s: float) -> float:
        """How long after the onset only P is there: as predicted, or until an S that was read before that.

        A jump soon after P is not taken for S: it may lie within the P wave of a large event.
        """
        if self.next_ns:
            predicted_s = min(predicted_s, (self.next_ns - self.t_ns) / NS)
        return min(predicted_s, (self.s_t_ns - self.t_ns) / NS) if self.s_trusted else predicted_s

    def pd_grows(self, window_s: float) -> bool:
        """Whether Pd has risen in the last third of a window."""
        early = [w[1] for w in self.windows if w[0] <= 0.67 * window_s]
        now = [w[1] for w in self.windows if w[0] <= window_s]
        return bool(early and now[-1] > GROWTH * early[-1])

    def longest_window(self, up_to_s: float) -> tuple[float, float, bool] | None:
        """The longest P window that ends before `up_to_s` after the onset."""
        best = None
        for w in self.windows:
            if w[0] <= up_to_s:
                best = w
        return best


class EventRecord(msgspec.Struct, kw_only=True):
    """One event as believed now. `picks` maps a site to the pick that stands for it."""

    event_id: str
    created_ns: int
    picks: dict[int, str]
    s_only: dict[int, str] = {}  # sites that picked its S and not its P
    inliers: list[int] = []  # sites whose arrival fits
    with_s: list[int] = []  # sites whose S fits too
    false_per_year: float = 0.0  # how often noise would do the same (`source.evidence`)
    used: list[str] = []  # pick ids of the last location
    latitude: float = 0.0
    longitude: float = 0.0
    depth_km: float = 0.0
    t0_ns: int = 0
    depth_sigma_km: float = 0.0
    time_sigma_s: float = 0.0
    major_km: float = 0.0
    minor_km: float = 0.0
    azimuth_deg: float = 0.0
    rupture: Rupture | None = None  # fitted to a large one, believed over a point or not
    rupture_ns: int = 0  # when it was last fitted
    rms_s: float = 0.0
    magnitude: float = -9.0
    revision: int = 0
    last_estimate_ns: int = 0
    last_pick_ns: int = 0
    last_doubt_ns: int = 0  # when silent stations were last held against it
    located_ns: int = 0  # when it was last located
    changed: bool = True  # something is new since the last estimate
    moved: bool = True  # so is its place: not to be held back
    due: bool = False  # picks have come since it was located
    second_of: str = ""  # the event in the same place that this one is a second shock of
    second_s: float = 0.0  # how long after this one its own second shock came; 0: none known
    doubted: list[str] = []  # "station REASON" that has been said (`source.doubts`)
    n_judged: int = 0  # how often its stations have been judged

    @property
    def line(self) -> Rupture | None:
        """The rupture that is believed over a point, if one is."""
        return self.rupture if self.rupture is not None and self.rupture.believed else None

    @property
    def is_vague(self) -> bool:
        """Whether S and amplitudes would still move it: few arrivals, or all on one side."""
        return len(self.inliers) < FEW_SITES or self.major_km > VAGUE_KM


class Memory(msgspec.Struct, kw_only=True):
    """The whole state of the stage, as it goes into a snapshot."""

    live_from_ns: list[int]  # by station: since when, and until when, data have come
    live_to_ns: list[int]
    noise_mps2: list[float]  # by station: level in the picking band, 0: not known
    rate: list[float]  # by station: picks lately, each forgotten in ten minutes (1 / e), as of `rated_ns`
    rated_ns: list[int]
    quiet: list[list[float]]  # by PEAKS, then by station: what it showed lately
    trust: Trust = msgspec.field(default_factory=Trust)
    picks: dict[str, PickRecord] = {}
    by_station: dict[int, list[str]] = {}
    pool: list[str] = []
    events: list[EventRecord] = []
    n_events: int = 0
    last_decline_ns: dict[str, int] = {}
    last_prune_ns: int = 0

    @classmethod
    def of(cls, table: StationTable) -> Memory:
        """Nothing seen yet of any station."""
        n = table.n_stations
        return cls(
            live_from_ns=[0] * n,
            live_to_ns=[0] * n,
            noise_mps2=[0.0] * n,
            rate=[0.0] * n,
            rated_ns=[0] * n,
            quiet=[[0.0] * n for _ in PEAKS],
        )

    def moved(self, index: list[int]) -> Memory:
        """What is remembered of stations, for others: `index` says where each stands here, -1: nowhere.

        Picks and events are not carried over: this is for a time between events.
        """

        def ints(values: list[int]) -> list[int]:
            return [values[k] if k >= 0 else 0 for k in index]

        def floats(values: list[float]) -> list[float]:
            return [values[k] if k >= 0 else 0.0 for k in index]

        return Memory(
            live_from_ns=ints(self.live_from_ns),
            live_to_ns=ints(self.live_to_ns),
            noise_mps2=floats(self.noise_mps2),
            rate=floats(self.rate),
            rated_ns=ints(self.rated_ns),
            quiet=[floats(level) for level in self.quiet],
            n_events=self.n_events,
            last_decline_ns=self.last_decline_ns,
            last_prune_ns=self.last_prune_ns,
        )

    def add(self, pick: Pick, table: StationTable) -> PickRecord | None:
        """Remember a P pick; None when its station is unknown, or the pick is not new (data sent again)."""
        station = table.station_index.get(pick.station)
        if station is None or pick.pick_id in self.picks:
            return None
        weight = self.trust.weight(station)
        record = PickRecord(
            pick_id=pick.pick_id,
            station=station,
            site=int(table.st_site[station]),
            t_ns=pick.t_ns,
            sigma_s=pick.uncertainty_s / math.sqrt(weight),
            weight=weight,
            noise_d_m=pick.noise_d_m,
            snr=pick.snr,
            polarity=pick.polarity,
            picked_before=self.recent_picks(station, pick.t_ns),
            quiet=[level[station] for level in self.quiet],
        )
        self.rate[station] = 1.0 + record.picked_before
        self.rated_ns[station] = max(pick.t_ns, self.rated_ns[station])
        self.picks[pick.pick_id] = record
        self.by_station.setdefault(station, []).append(pick.pick_id)
        return record

    def fitting(self, event: EventRecord) -> list[PickRecord]:
        """The picks of an event that agree with its place, by site."""
        return [self.picks[event.picks[site]] for site in event.inliers]

    def recent_picks(self, station: int, now_ns: int) -> float:
        """How many picks a station has made in the last ten minutes, older ones counting less and less."""
        return self.rate[station] * math.exp(-max(0, now_ns - self.rated_ns[station]) / RATE_KEPT_NS)

    def add_s(self, pick: Pick) -> PickRecord | None:
        """Remember an S onset with the P pick it follows; without one it says nothing here."""
        record = self.picks.get(pick.p_pick_id)
        if record is not None:
            record.s_t_ns, record.s_sigma_s = pick.t_ns, pick.uncertainty_s
        return record

    def add_window(self, window: PWindow) -> None:
        record = self.picks.get(window.pick_id)
        if record is None or record.station in self.trust.barred:
            return
        if math.isfinite(window.pd_m + window.pa_mps2):
            record.windows.append((window.window_s, window.pd_m, window.clipped))
            record.pa_mps2, record.crossings = window.pa_mps2, window.zero_crossings
            if TAU_C_FROM_S <= window.window_s <= TAU_C_WINDOW_S:
                record.tau_c_s = window.tau_c_s

    def add_quality(self, quality: ChannelQuality, station_of: dict[str, int]) -> None:
        """What the channels of the picker hear when nothing happens."""
        for channel, noise in zip(quality.channels, quality.noise_mps2, strict=True):
            if 0.0 < noise < math.inf:
                station = station_of.get(channel)
                if station is not None:
                    self.noise_mps2[station] = noise

    def add_motions(self, motions: Motions, index: dict[str, int]) -> None:
        """Which stations are alive, and the peaks since their picks.

        Plain lists: a message has a few rows or a few hundred, and one row costs less here than its share
        of making arrays of them.
        """
        live_to, picked, barred = self.live_to_ns, self.by_station, self.trust.barred
        columns = [getattr(motions, name) for name in PEAKS]
        disp, vel, wood, acc = columns if all(columns) else _older(motions)
        quiet_d, quiet_v, quiet_w, quiet_a = self.quiet
        for row, (code, t_ns) in enumerate(zip(motions.stations, motions.t_ns, strict=True)):
            station = index.get(code)
            if station is None:
                continue
            before = live_to[station]
            if t_ns > before:
                if t_ns - before > BREAK_NS:
                    self.live_from_ns[station] = t_ns - NS
                live_to[station] = t_ns
            d, v, w, a = disp[row], vel[row], wood[row], acc[row]
            if not math.isfinite(d + v + w + a):  # it would stay in what the station showed lately
                continue
            if station in picked and station not in barred:
                self._raise_peaks(picked[station], t_ns, (d, v, w, a), motions.clipped[row])
            quiet_d[station] = max(d, QUIET_KEPT * quiet_d[station])
            quiet_v[station] = max(v, QUIET_KEPT * quiet_v[station])
            quiet_w[station] = max(w, QUIET_KEPT * quiet_w[station])
            quiet_a[station] = max(a, QUIET_KEPT * quiet_a[station])

    def _raise_peaks(
        self, pick_ids: list[str], t_ns: int, now: tuple[float, float, float, float], clipped: bool
    ) -> None:
        for pick_id in pick_ids:
            record = self.picks[pick_id]
            if record.t_ns < t_ns and not (0 < record.until_ns < t_ns or 0 < record.next_ns < t_ns):
                peaks = record.peaks
                if now[0] > GROWTH * peaks[0]:
                    record.grew_ns = t_ns
                peaks[:] = [max(x, y) for x, y in zip(peaks, now, strict=True)]
                record.motion_to_ns = t_ns
                record.clipped = record.clipped or clipped

    def prune(self, now_ns: int, pool_ns: int) -> None:
        """Forget picks that can matter no more; looks once a second."""
        if now_ns - self.last_prune_ns < NS:
            return
        self.last_prune_ns = now_ns
        self.pool = [p for p in self.pool if abs(now_ns - self.picks[p].t_ns) <= pool_ns]
        held = {p for e in self.events for p in (*e.picks.values(), *e.s_only.values(), *e.used)}
        held.update(self.pool)
        old = [p for p, r in self.picks.items() if abs(now_ns - r.t_ns) > PICK_LIFE_NS and p not in held]
        for pick_id in old:
            record = self.picks.pop(pick_id)
            left = self.by_station[record.station]
            left.remove(pick_id)
            if not left:
                del self.by_station[record.station]


def _older(motions: Motions) -> list[tuple[float, ...]]:
    """Columns by PEAKS of motions from before there were all of them."""
    return [motions.pgd_m, motions.pgv_mps, motions.pgd_m, motions.pga_mps2]
