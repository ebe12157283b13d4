"""What the source stage remembers: picks with their measures, and events."""

from __future__ import annotations

import msgspec

from seiswarn.messages import Motions, Pick, PWindow
from seiswarn.stations import StationTable
from seiswarn.timebase import NS

PICK_LIFE_NS = 400 * NS  # peaks are followed this long after a pick
BREAK_NS = 5 * NS  # motions this far apart: the station was away in between


class PickRecord(msgspec.Struct, kw_only=True):
    """One pick and everything measured since. Displacements in m, times in ns."""

    pick_id: str
    station: int
    site: int
    t_ns: int
    sigma_s: float
    noise_d_m: float
    snr: float = 0.0
    until_ns: int = 0  # motion after this is no more of the event that the pick belongs to; 0: not known
    windows: list[tuple[float, float, bool]] = []  # window_s, pd_m, clipped
    peak_pgd_m: float = 0.0
    motion_to_ns: int = 0
    clipped: bool = False

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
    inliers: list[int] = []  # sites whose arrival fits
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
    rms_s: float = 0.0
    magnitude: float = -9.0
    revision: int = 0
    last_estimate_ns: int = 0
    last_pick_ns: int = 0
    last_doubt_ns: int = 0  # when silent stations were last held against it
    changed: bool = True


class Memory(msgspec.Struct, kw_only=True):
    """The whole state of the stage, as it goes into a snapshot."""

    picks: dict[str, PickRecord] = {}
    by_station: dict[int, list[str]] = {}
    pool: list[str] = []
    events: list[EventRecord] = []
    n_events: int = 0
    live_from_ns: dict[int, int] = {}
    live_to_ns: dict[int, int] = {}
    last_decline_ns: dict[str, int] = {}

    def add(self, pick: Pick, table: StationTable) -> PickRecord | None:
        """Remember a pick; None when its station is unknown, or the pick is not new (data sent again)."""
        station = table.station_index.get(pick.station)
        if station is None or pick.pick_id in self.picks:
            return None
        record = PickRecord(
            pick_id=pick.pick_id,
            station=station,
            site=int(table.st_site[station]),
            t_ns=pick.t_ns,
            sigma_s=pick.uncertainty_s,
            noise_d_m=pick.noise_d_m,
            snr=pick.snr,
        )
        self.picks[pick.pick_id] = record
        self.by_station.setdefault(station, []).append(pick.pick_id)
        return record

    def add_window(self, window: PWindow) -> None:
        record = self.picks.get(window.pick_id)
        if record is not None:
            record.windows.append((window.window_s, window.pd_m, window.clipped))

    def add_motions(self, motions: Motions, table: StationTable) -> None:
        """Which stations are alive, and the peaks since their picks."""
        columns = zip(motions.stations, motions.t_ns, motions.pgd_m, motions.clipped, strict=True)
        for code, t_ns, pgd, clipped in columns:
            station = table.station_index.get(code)
            if station is None:
                continue
            if t_ns - self.live_to_ns.get(station, 0) > BREAK_NS:
                self.live_from_ns[station] = t_ns - NS
            self.live_to_ns[station] = max(t_ns, self.live_to_ns.get(station, 0))
            for pick_id in self.by_station.get(station, ()):
                record = self.picks[pick_id]
                if record.t_ns < t_ns and not 0 < record.until_ns < t_ns:
                    record.peak_pgd_m = max(record.peak_pgd_m, pgd)
                    record.motion_to_ns = t_ns
                    record.clipped = record.clipped or clipped

    def prune(self, now_ns: int, pool_ns: int) -> None:
        """Forget picks that can matter no more."""
        self.pool = [p for p in self.pool if now_ns - self.picks[p].t_ns <= pool_ns]
        held = {p for e in self.events for p in e.picks.values()} | set(self.pool)
        old = [p for p, r in self.picks.items() if now_ns - r.t_ns > PICK_LIFE_NS and p not in held]
        for pick_id in old:
            record = self.picks.pop(pick_id)
            self.by_station[record.station].remove(pick_id)
