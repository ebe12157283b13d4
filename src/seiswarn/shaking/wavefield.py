"""Strong motion that no located earthquake explains: an event of its own, without a magnitude.

Where a network is sparse, or its picks are lost, the motion itself is the first that is known of an
earthquake. The Japan Meteorological Agency names the station that shook first as the place of such a
report, 10 km deep, with a magnitude that means nothing; here it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.geo import distance_km
from seiswarn.messages import EventEstimate, EventState, Origin, Status
from seiswarn.reasons import Reason
from seiswarn.shaking.near import Near
from seiswarn.shaking.observed import Observed
from seiswarn.shaking.params import Params
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, iso

F64 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]

DEPTH_KM = 10.0  # as JMA reports it; nothing is known of it
SAME_KM = 100.0  # motions nearer to a known one than this belong to it
GROWTH = 0.5  # of the largest intensity that is worth a new revision
PLACE_SIGMA_KM = 50.0  # the epicentre may be anywhere around, and outside


SLOWEST_KMPS = 3.0  # S in the crust; onsets may be of S where P was not heard
SLACK_S = 2.0  # for what is picked early or late
DENIED_AFTER_S = 5.0  # after the slowest S: by then a station around has felt what it can
SAME_INSTANT_NS = NS // 10  # within this, onsets at different places are no wave that travels
ONSET_BEFORE_S, ONSET_AFTER_S = 30, 2  # of the beginning of a motion, its P is picked
# A spike of any size leaves the filters of GB/T 17742-2020 ringing, at 3 % of its acceleration in the second
# after next at most (measured in tests, at any place within a second); shaking does not fall so fast.
RINGING = 0.05
ENOUGH = 50  # sites, that are counted no further: the first to feel it


def _picked(observed: Observed, station: int) -> bool:
    """Whether the motion at a station began with an onset that was picked."""
    start_s = int(observed.start_s[station])
    onset_ns = int(observed.onset_ns[station])
    return (start_s - ONSET_BEFORE_S) * NS <= onset_ns <= (start_s + ONSET_AFTER_S) * NS


def _rings(observed: Observed) -> B1:
    """(n_st,) stations whose motion is no more than what a spike leaves behind in the filters."""
    peaks = observed.lasting_pga
    ringing: B1 = peaks[:, -1] < RINGING * peaks[:, 0]
    return ringing


class Wave(msgspec.Struct, kw_only=True):
    """One such event: who shook first and when, who shakes, and what was said."""

    event_id: str
    latitude: float
    longitude: float
    start_s: int
    members: list[int]
    revision: int = 0
    largest: float = 0.0
    n_told: int = 0  # members when it was last spoken of
    n_sites: int = 0  # with an onset at an instant of their own
    status: Status = "actual"


@dataclass(slots=True)
class Wavefields:
    """All such events of the network."""

    params: Params
    table: StationTable
    around: Near  # stations around each station, whose silence denies what one alone shows
    waves: list[Wave] = field(default_factory=list)
    n_waves: int = 0

    def update(
        self,
        t_seen_ns: int,
        observed: Observed,
        level: F64,
        vouched: F64,
        unclaimed: B1,
        claimed: Mapping[str, B1],
        status: Status,
    ) -> list[EventEstimate]:
        """What is new, has grown or is over.

        `level` (n_st,) is trusted intensity of the stations in motion, 0 elsewhere, `vouched` what other
        sites bear out of it; `unclaimed` (n_st,) whose motion no event explains; `claimed` (n_st,) whose
        motion each located event does.
        """
        shaking = unclaimed & (level >= self.params.wavefield_min_intensity) & ~_rings(observed)
        for k in np.flatnonzero(shaking).tolist():
            self._join(k, observed)
        self._begin(np.flatnonzero(shaking), observed, status)
        out = []
        for wave in list(self.waves):
            alive = [k for k in wave.members if unclaimed[k]]
            if not alive:
                self.waves.remove(wave)
                to = next((e for e, mask in claimed.items() if mask[wave.members].any()), "")
                out.append(self._estimate(wave, t_seen_ns, "ended", to))
                continue
            largest = float(level[alive].max())
            if wave.n_sites == 1 and self._denied(wave, observed):
                self.waves.remove(wave)
                observed.explain(np.isin(np.arange(len(unclaimed)), wave.members))
                out.append(self._estimate(wave, t_seen_ns, "cancelled", reasons=(str(Reason.LONE_STATION),)))
                continue
            wave.n_sites = max(wave.n_sites, self._n_sites(wave.members, observed, vouched))
            more = len(wave.members) > wave.n_told
            if wave.revision == 0 or more or largest >= wave.largest + GROWTH:
                wave.largest, wave.n_told = max(largest, wave.largest), len(wave.members)
                out.append(self._estimate(wave, t_seen_ns, "new" if wave.revision == 0 else "update"))
        return out

    def _join(self, station: int, observed: Observed) -> None:
        """Add a station to the first known wave it can be of."""
        if any(station in wave.members for wave in self.waves):
            return
        for wave in self.waves:
            if any(self._fits(k, station, observed) for k in wave.members):
                wave.members.append(station)
                return

    def _begin(self, stations: npt.NDArray[np.int64], observed: Observed, status: Status) -> None:
        """Begin a wave where enough sites shake that are in none."""
        taken = {k for wave in self.waves for k in wave.members}
        left = [k for k in stations.tolist() if k not in taken and _picked(observed, k)]
        left.sort(key=lambda k: (int(observed.onset_ns[k]), k))
        while left:
            first = left.pop(0)
            group = [first, *(k for k in left if self._fits(first, k, observed))]
            if self._n_instants(group, observed) < self.params.wavefield_min_stations:
                continue
            left = [k for k in left if k not in group]
            self.n_waves += 1
            start_s = int(observed.start_s[first])
            stamp = iso(start_s * NS, 0).replace("-", "").replace(":", "").replace("T", "").rstrip("Z")
            self.waves.append(
                Wave(
                    event_id=f"wf{stamp}-{self.n_waves}",
                    latitude=float(self.table.st_latitude[first]),
                    longitude=float(self.table.st_longitude[first]),
                    start_s=start_s,
                    members=group,
                    status=status,
                )
            )

    def n_strong(self, observed: Observed, level: F64, vouched: F64, mine: B1) -> int:
        """Sites among `mine` (n_st,) that bear witness by their motion alone, `ENOUGH` of them at most.

        0 where they are fewer than make an event of their own: what such motion is not believed without a
        located event, it is not believed with one, which the same failure may have made.
        """
        k = np.flatnonzero(mine & (level >= self.params.wavefield_min_intensity))
        k = k[~_rings(observed)[k]]
        k = k[np.argsort(observed.onset_ns[k], kind="stable")][:ENOUGH]
        picked = [station for station in k.tolist() if _picked(observed, station)]
        n = self._n_sites(picked, observed, vouched) if picked else 0
        return n if n >= self.params.wavefield_min_stations else 0

    def _n_sites(self, group: list[int], observed: Observed, vouched: F64) -> int:
        """How many sites a group counts for, of which there is one.

        Where a single station is believed, that is for who asks for one: whoever asks for more gets sites
        that bear each other out, whoever else is warned.
        """
        if self.params.wavefield_min_stations > 1:  # then all of them are borne out
            return self._n_instants(group, observed)
        least = self.params.wavefield_min_intensity
        return self._n_instants([k for k in group if vouched[k] >= least] or group[:1], observed)

    def _fits(self, first: int, other: int, observed: Observed) -> bool:
        """Whether the onset at `other` can be of the wave that was at `first`: not too far, not too late."""
        if not _picked(observed, other):
            return False
        apart = self._apart_km(first, other)
        after_s = (observed.onset_ns[other] - observed.onset_ns[first]) / NS
        return apart <= SAME_KM and -SLACK_S <= after_s <= apart / SLOWEST_KMPS + SLACK_S

    def _n_instants(self, group: list[int], observed: Observed) -> int:
        """Sites with an onset at an instant of their own: waves travel, failures of a link do not."""
        sites = {int(self.table.st_site[k]): int(observed.onset_ns[k]) for k in reversed(group)}
        instants = sorted(sites.values())
        apart = [b - a > SAME_INSTANT_NS for a, b in pairwise(instants)]
        return 1 + sum(apart)

    def _apart_km(self, a: int, b: int) -> float:
        t = self.table
        return distance_km(t.st_latitude[a], t.st_longitude[a], t.st_latitude[b], t.st_longitude[b])

    def _denied(self, wave: Wave, observed: Observed) -> bool:
        """Whether stations around have felt nothing, though S has been there and their data tell of it."""
        mine = wave.members[0]
        lists = slice(self.around.first[mine], self.around.first[mine + 1])
        others = self.around.station[lists]
        elsewhere = self.table.st_site[others] != self.table.st_site[mine]
        others, apart = others[elsewhere], self.around.distance_km[lists][elsewhere]
        if (observed.felt_s[others] >= wave.start_s).any():
            return False
        by_then_s = wave.start_s + apart / SLOWEST_KMPS + DENIED_AFTER_S
        return bool((observed.last_s[others] >= by_then_s).any())

    def _estimate(
        self,
        wave: Wave,
        t_seen_ns: int,
        state: EventState,
        to: str = "",
        reasons: tuple[str, ...] = (),
    ) -> EventEstimate:
        wave.revision += 1
        return EventEstimate(
            event_id=wave.event_id,
            revision=wave.revision,
            state=state,
            t_seen_ns=t_seen_ns,
            origin=Origin(
                time_ns=wave.start_s * NS,
                latitude=wave.latitude,
                longitude=wave.longitude,
                depth_km=DEPTH_KM,
                time_sigma_s=PLACE_SIGMA_KM / 6.0,
                depth_sigma_km=DEPTH_KM,
                ellipse_major_km=PLACE_SIGMA_KM,
                ellipse_minor_km=PLACE_SIGMA_KM,
                ellipse_azimuth_deg=0.0,
                n_stations=wave.n_sites,
                gap_deg=360.0,
                rms_s=0.0,
                method="wavefield",
            ),
            magnitude=None,
            grounds="wavefield",
            continues=to,
            reasons=reasons,
            status=wave.status,
        )
