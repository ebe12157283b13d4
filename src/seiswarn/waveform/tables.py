"""What the kernels are handed: the arrays of stations, state and results, by name."""

from __future__ import annotations

from typing import NamedTuple

from seiswarn.waveform.state import F64, I64


class Table(NamedTuple):
    """The network.

    Per station its channels (n_st, 3), -1 where there is none. Per channel: its station; that of a
    vertical, else -1; 1 / gain; 1 for velocity (also per station); counts from which it is clipped;
    difference of neighbours, in counts, that may be an artefact.
    """

    components: I64
    station: I64
    z_station: I64
    scale: F64
    velocity: I64
    st_velocity: I64
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


class Rows(NamedTuple):
    """Results, written from the front; `n` (len(N_ROWS),) counts what was written of each kind."""

    n: I64  # picks, windows, motions, qualities
    picks_i: I64
    picks_f: F64
    wins_i: I64
    wins_f: F64
    motions_i: I64
    motions_f: F64
    quality_i: I64
    quality_f: F64
    declined: I64  # (3,) counters of triggers that made no pick
    codes: I64  # per packet
    flags: I64  # per packet


N_PICKS, N_WINDOWS, N_MOTIONS, N_QUALITY = range(4)


class Scratch(NamedTuple):
    """Work space; holds nothing between calls."""

    lane: I64  # what each lane of a block holds
    seen: I64  # samples behind the baseline of each lane
    block: F64  # the rows of traces of a block
    sums: F64  # rows of squared vector sums
    onset: F64  # a trigger's window
    offsets: F64  # of three components


# Indices into the settings vector.
(
    C_BASE_S, C_STA_S, C_LTA_S, C_ON, C_OFF, C_WARM_S, C_REARM_S, C_BEFORE_S, C_AFTER_S, C_MIN_SNR, C_MIN_AMP,
    C_CLIP_S, C_FILL_S, C_FLAT_S, C_WAIT_S,
) = range(15)  # fmt: skip
