"""What speaks against stations: faults by name, each of them at two levels.

Two kinds of evidence. *Hard* signs cannot be made by ground motion: data from the future, two places that
send the same samples, values beyond any sensor, a trace that has stopped moving. They count at once and at
any time. All others may also be what an earthquake does to stations, power and links: clipping, noise that
rises, data that come late or not at all. They are held against a station only outside of earthquakes: while a
coherent event is under way nearby, what was known before stays, and nothing new is learnt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn import geo
from seiswarn.health import state as st
from seiswarn.health.params import Params
from seiswarn.health.state import B1, F64, I64, NEVER, Seen
from seiswarn.reasons import Reason
from seiswarn.stations import StationTable
from seiswarn.timebase import NS, from_seconds

FAULTS: tuple[Reason, ...] = (
    Reason.CLOCK_FUTURE,
    Reason.CLOCK_JUMP,
    Reason.IDENTICAL_DATA,
    Reason.IMPLAUSIBLE,
    Reason.DEAD,
    Reason.TELECOM_GROUP,  # the first that earthquakes may make
    Reason.HIGH_LATENCY,
    Reason.GAPPY,
    Reason.NOISE_HIGH,
    Reason.NOISE_LOW,
    Reason.OFFSET,
    Reason.SPIKY,
    Reason.CLIPPING,
    Reason.FALSE_TRIGGERS,
    Reason.SUSPECT_CLOCK,
    Reason.SUSPECT_GAIN,
)
N_HARD = 5
ROW = {reason: k for k, reason in enumerate(FAULTS)}
Levels = npt.NDArray[np.int8]

RATE_KEPT_S = 600.0  # rates are of some ten minutes
DOUBT_NS = 3600 * NS  # what an earthquake has shown of a clock or gain, until the next one shows otherwise
JUMP_SEEN_NS = 3 * NS  # data for times known come alone for so long
JUMP_RATE = 2.0  # seconds of data a second: records sent once more come faster than they were recorded
OWN_SHARE = 0.5  # of the stations alive cannot have a wrong clock at one time: ours is wrong
OWN_LINK_SHARE = 0.8  # nor a failing link: ours fails
COMMON_SHARE = 0.5  # of the stations of a network behind one link: it is the network's own, and no clue
# So many sites so near each other that pick what becomes no event are in a swarm, or among aftershocks too
# small to be located. Choices: an aftershock zone of M 6 is some 20 km long (Wells and Coppersmith 1994), and
# three sites are what an event needs to be believed.
SWARM_SITES, SWARM_KM = 3, 50.0
WIDE_SHARE = 0.3  # of the network louder than usual: ground motion, or weather
DEAD_WORDS = 2.0  # spikes or picks within ten minutes on a flat trace: what is dead and speaks is broken
LIVED = 6  # intervals in which a trace has moved


class Counts(NamedTuple):
    """By station (n_st,): rates of the last ten minutes or so, times when something was said of it, and what
    it is like.
    """

    spikes: F64
    clipped: F64
    false: F64
    implausible_ns: I64
    doubt_ns: I64  # (2, n_st): SUSPECT_CLOCK, SUSPECT_GAIN
    group_ns: I64  # when its telecom group was last found to fail
    pair_ns: I64  # when at least two of that group showed signs of it
    usual_latency_s: F64
    flat: I64  # whether the vertical has stopped moving
    mute: I64  # whether it moves by less than a count
    lived: I64  # intervals in which it moved

    @classmethod
    def of(cls, table: StationTable) -> Counts:
        """Nothing known yet but what latency is expected."""
        n = table.n_stations
        never = [np.full(n, NEVER, dtype=np.int64) for _ in range(3)]
        return cls(
            spikes=np.zeros(n),
            clipped=np.zeros(n),
            false=np.zeros(n),
            implausible_ns=never[0],
            doubt_ns=np.full((2, n), NEVER, dtype=np.int64),
            group_ns=never[1],
            pair_ns=never[2],
            usual_latency_s=table.st_latency_s.copy(),
            flat=np.zeros(n, dtype=np.int64),
            mute=np.zeros(n, dtype=np.int64),
            lived=np.zeros(n, dtype=np.int64),
        )


def hard(p: Params, now_ns: int, s: Seen, c: Counts, live: B1, resolved: B1) -> Levels:
    """(N_HARD, n_st) levels of what ground motion cannot make."""
    hold_ns = from_seconds(p.hold_s)
    levels = np.zeros((N_HARD, len(live)), dtype=np.int8)
    future = now_ns - s.si[:, st.S_FUTURE] <= hold_ns
    if not own_clock(future, live):
        levels[ROW[Reason.CLOCK_FUTURE]] = 2 * future
    levels[ROW[Reason.CLOCK_JUMP]] = 2 * (now_ns - s.si[:, st.S_JUMPED] <= hold_ns)
    levels[ROW[Reason.IDENTICAL_DATA]] = 2 * (now_ns - s.si[:, st.S_SAME] <= hold_ns)
    levels[ROW[Reason.IMPLAUSIBLE]] = 2 * (now_ns - c.implausible_ns <= hold_ns)
    # Where noise is smaller than a count a quiet trace is flat: dead is only what had moved, or what speaks.
    speaks = (c.spikes >= DEAD_WORDS) | (c.false >= DEAD_WORDS)
    stopped = (c.lived >= LIVED) & resolved
    levels[ROW[Reason.DEAD]] = np.maximum(c.flat * (1 + (stopped | speaks)), 2 * (c.mute & speaks))
    return levels


def own_clock(future: B1, live: B1) -> bool:
    """Whether so many stations are ahead of us that it is our clock that is behind."""
    n = int((future & live).sum())
    return n >= 2 and n >= OWN_SHARE * int(live.sum())


def mark_jumps(now_ns: int, p: Params, s: Seen, n_comp: F64) -> None:
    """Note clocks that have jumped back: data for times already known come alone, as fast as recorded.

    Records that a server sends once more come faster, and new ones after them; what fills a gap is none.
    """
    stale = s.sf[:, st.S_STALE]
    if not stale.any():
        return
    alone_ns = now_ns - s.si[:, st.S_NEW]
    rate = stale / np.maximum(n_comp * alone_ns / NS, 1e-3)
    still = now_ns - s.si[:, st.S_SEEN] <= JUMP_SEEN_NS
    jumped = (stale >= p.stale_s) & (alone_ns >= JUMP_SEEN_NS) & (rate <= JUMP_RATE) & still
    s.si[jumped, st.S_JUMPED] = now_ns


def links(table: StationTable) -> I64:
    """(n_st,) the telecom group of each station; -1: none, or one that most of the network shares.

    In a large earthquake such a link may well be congested; a network must not fall silent by that.
    """
    group = table.st_telecom.astype(np.int64)
    if not len(table.telecom_groups):
        return group
    size = np.bincount(group[group >= 0], minlength=len(table.telecom_groups))
    return np.where((group >= 0) & (size[group] > COMMON_SHARE * len(group)), -1, group)


def spare_swarms(levels: Levels, table: StationTable) -> None:
    """Let stations near each other that pick what becomes no event count for less, and not for nothing.

    What each of them picks is true: they are those who must warn of the next large shock. Stations with
    signs of anything that cannot be told from picks alone are not spared.
    """
    row = ROW[Reason.FALSE_TRIGGERS]
    if not (levels[row] == 2).any():
        return
    broken = levels[[*range(N_HARD), ROW[Reason.TELECOM_GROUP], ROW[Reason.SPIKY]]].any(axis=0)
    at = np.flatnonzero((levels[row] > 0) & ~broken)
    lat, lon, site = table.st_latitude[at], table.st_longitude[at], table.st_site[at]
    for k in np.flatnonzero(levels[row, at] == 2).tolist():
        near = geo.distances_km(lat[k], lon[k], lat, lon) <= SWARM_KM
        if len(np.unique(site[near])) >= SWARM_SITES:
            levels[row, at[k]] = 1


def mark_groups(now_ns: int, p: Params, s: Seen, c: Counts, table: StationTable, open_to: B1) -> None:
    """Note telecom groups that fail: many of their stations silent, late, with gaps or with the same data.

    `open_to` (n_st,) are the stations whose signs count: not those in an earthquake.
    """
    group = links(table)
    if not (group >= 0).any():
        return
    live = now_ns - s.si[:, st.S_LAST] <= from_seconds(p.down_after_s)
    silent_s = (now_ns - s.si[:, st.S_LAST]) / NS - s.sf[:, st.S_LAT]
    stalled = live & (silent_s > p.jump_s + 2.0 * s.sf[:, st.S_LENGTH])
    near = now_ns - from_seconds(p.group_window_s)
    sign = stalled | (s.si[:, st.S_SIGN] >= near) | (s.si[:, st.S_SAME] >= near)
    sign &= open_to
    known = live | sign
    if not sign.any() or (sign & known).sum() >= OWN_LINK_SHARE * known.sum():
        return
    grouped = group >= 0
    size = len(table.telecom_groups)
    n_sign = np.bincount(group[grouped & sign], minlength=size)
    n_known = np.bincount(group[grouped & known], minlength=size)
    fails = (n_sign >= p.group_stations) & (n_sign >= p.group_share * n_known)
    c.group_ns[grouped & fails[group]] = now_ns
    c.pair_ns[grouped & sign & (n_sign >= 2)[group]] = now_ns


def soft(p: Params, now_ns: int, s: Seen, c: Counts, off_decades: F64, drifted: B1, n_comp: F64) -> Levels:
    """(len(FAULTS) - N_HARD, n_st) levels of what an earthquake may also make."""
    out = np.zeros((len(FAULTS), len(n_comp)), dtype=np.int8)
    hold_ns = from_seconds(p.hold_s)
    out[ROW[Reason.TELECOM_GROUP]] = np.maximum(
        2 * (now_ns - c.group_ns <= hold_ns), now_ns - c.pair_ns <= hold_ns
    )
    out[ROW[Reason.HIGH_LATENCY]] = s.sf[:, st.S_LAT] - c.usual_latency_s > p.latency_high_s
    per_hour = 3600.0 / RATE_KEPT_S
    out[ROW[Reason.GAPPY]] = s.sf[:, st.S_GAP_RATE] / n_comp * per_hour > p.gaps_per_hour
    some, far = np.log10(p.noise_factor), np.log10(p.noise_factor_untrusted)
    out[ROW[Reason.NOISE_HIGH]] = (off_decades > some).astype(np.int8) + (off_decades > far)
    out[ROW[Reason.NOISE_LOW]] = (off_decades < -some).astype(np.int8) + (off_decades < -far)
    out[ROW[Reason.OFFSET]] = drifted
    spikes = c.spikes / n_comp * 60.0 / RATE_KEPT_S
    out[ROW[Reason.SPIKY]] = (spikes > p.spikes_per_minute).astype(np.int8) + (
        spikes > p.spikes_per_minute_untrusted
    )
    clipped = c.clipped / n_comp
    out[ROW[Reason.CLIPPING]] = (clipped >= 1.0).astype(np.int8) + (clipped >= p.clipped_untrusted)
    false = c.false * per_hour
    out[ROW[Reason.FALSE_TRIGGERS]] = (false > p.false_per_hour).astype(np.int8) + (
        false > p.false_per_hour_untrusted
    )
    out[ROW[Reason.SUSPECT_CLOCK] :] = now_ns - c.doubt_ns <= DOUBT_NS
    return out[N_HARD:]


def wide(off_decades: F64, known: B1, p: Params) -> bool:
    """Whether so many of the stations with a `known` history are louder than usual that the ground moves."""
    n = int(known.sum())
    loud = int(((off_decades > np.log10(p.noise_factor)) & known).sum())
    return n > 0 and loud > max(1.0, WIDE_SHARE * n)
