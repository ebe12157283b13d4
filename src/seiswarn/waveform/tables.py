"""What the kernels are handed: the arrays of stations, state and results, by name."""

from __future__ import annotations

from typing import NamedTuple

from seiswarn.waveform.state import F64, I64


class Table(NamedTuple):
    """The network.

    Per station its channels (n_st, 3), -1 where there is none. Per channel: its station; that of a
    vertical, else -1; 1 / gain; 1 for velocity; counts from which it is clipped;
    difference of neighbours, in counts, that may be an artefact.
    """

    components: I64
    station: I64
    z_station: I64
    scale: F64
    velocity: I64
    clip_counts: F64
    jump_counts: F64


class Slots(NamedTuple):
    """Packets to take: packet p holds samples[begin[p]:end[p]]."""

    samples: F64
    begin: I64
    end: I64
    channel: I64
    t0_ns: I64
    rate_class: I64


class Plan(NamedTuple):
    """What is known of the rates of channels, and what `kernels.plan` finds out about a slice."""

    rate_hz: F64  # (n_ch,) as the last packets said; nan before
    rate_class: I64  # (n_ch,) its class
    classes: I64  # per packet
    verticals: I64
    stations: I64
    counts: I64  # of verticals and stations
    station_turn: I64  # (n_st,) the slice that last concerned it
    turn: I64  # (1,) slices so far


class PickRows(NamedTuple):
    """Picks and windows, written from the front; `n` counts what was written of each kind, see below."""

    n: I64
    picks_i: I64
    picks_f: F64
    wins_i: I64
    wins_f: F64


class SecondRows(NamedTuple):
    """Motions and qualities, written from the front; the same `n`."""

    n: I64
    motions_i: I64
    motions_f: F64
    quality_i: I64
    quality_f: F64


class Rows(NamedTuple):
    """All results of a slice."""

    n: I64
    picks: PickRows
    seconds: SecondRows
    declined: I64  # (3,) counters of triggers that made no pick
    codes: I64  # per packet
    flags: I64  # per packet


# N_NOTED: packets with a code or flag worth noting; N_DECLINED: triggers that made no pick.
N_PICKS, N_WINDOWS, N_MOTIONS, N_QUALITY, N_NOTED, N_DECLINED = range(6)


class Scratch(NamedTuple):
    """Work space; holds nothing between calls."""

    lane: I64  # what each lane of a block holds
    seen: I64  # samples behind the baseline of each lane
    block: F64  # the rows of traces of a block
    sums: F64  # rows of squared vector sums
    onset: F64  # a trigger's window
    kind: I64  # of stations


# Indices into the settings vector.
(
    C_BASE_S, C_STA_S, C_LTA_S, C_ON, C_OFF, C_WARM_S, C_REARM_S, C_BEFORE_S, C_AFTER_S, C_MIN_SNR, C_MIN_AMP,
    C_CLIP_S, C_FILL_S, C_FLAT_S, C_WAIT_S,
) = range(15)  # fmt: skip
