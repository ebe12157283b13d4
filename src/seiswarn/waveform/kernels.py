"""The kernels of a slice, one after another: `plan`, then `intake`, `detect`, `advance`.

Samples go into the ring of their channel; verticals through the picker; the components of a
station together into vectors. The numpy twins stand in tests/reference.
"""

from __future__ import annotations

from seiswarn.jit import kernel
from seiswarn.waveform.detect import detect
from seiswarn.waveform.intake import intake
from seiswarn.waveform.state import F64, I64, PIECE_S, WaveformState
from seiswarn.waveform.tables import Plan, Rows, Scratch, Slots, Table
from seiswarn.waveform.vectors import advance

REGULAR, IRREGULAR = 0, 1


@kernel
def plan(channel: I64, rate_hz: F64, begin: I64, end: I64, table: Table, known: Plan) -> int:
    """Sort out a slice: rate classes, verticals and stations concerned, into `known`.

    Returns REGULAR when the packets can be taken as they stand: known channels in rising order, one
    packet each, none long, at the rate each had before. Else nothing is promised.
    """
    n_verticals, n_stations, last = 0, 0, -1
    known.turn[0] += 1
    for p in range(channel.size):
        ch, n = channel[p], end[p] - begin[p]
        if ch <= last or n <= 0 or rate_hz[p] != known.rate_hz[ch] or n > PIECE_S * rate_hz[p]:
            return IRREGULAR
        last = ch
        known.classes[p] = known.rate_class[ch]
        if table.z_station[ch] >= 0:
            known.verticals[n_verticals] = ch
            n_verticals += 1
        s = table.station[ch]
        if known.station_turn[s] != known.turn[0]:
            known.station_turn[s] = known.turn[0]
            known.stations[n_stations] = s
            n_stations += 1
    known.counts[0], known.counts[1] = n_verticals, n_stations
    return REGULAR


def process(
    slots: Slots, verticals: I64, stations: I64, rates: F64, coef: F64, cfg: F64, windows_s: F64,
    table: Table, state: WaveformState, scratch: Scratch, rows: Rows,
) -> None:  # fmt: skip
    """Run all packets of a slice, ordered by channel then time.

    Parameters
    ----------
    verticals, stations
        the distinct vertical channels and stations among them.
    rates, coef, cfg, windows_s
        sampling rates by class; their filters (n_rates, N_SECTIONS, 5); settings (see `tables`); lengths of
        the P windows.
    """
    following = 0
    while following < len(slots.channel):
        following = take(following, slots, rates, cfg, table, state, rows)
        pick(verticals, rates, coef, cfg, windows_s, table, state, scratch, rows)
        combine(stations, rates, coef, cfg, table, state, scratch, rows)


def take(
    first: int, slots: Slots, rates: F64, cfg: F64, table: Table, state: WaveformState, rows: Rows
) -> int:
    """Packets from `first` on into their rings; the index after the last one taken (see `intake`)."""
    following = intake(
        first, slots, rates, cfg, table.jump_counts, table.clip_counts, state.channels, rows.n, rows.codes,
        rows.flags,
    )  # fmt: skip
    return int(following)


def pick(
    verticals: I64, rates: F64, coef: F64, cfg: F64, windows_s: F64, table: Table, state: WaveformState,
    scratch: Scratch, rows: Rows,
) -> None:  # fmt: skip
    """The verticals through the picker."""
    detect(
        verticals, rates, coef, cfg, windows_s, table, state.channels, state.verticals, state.ssi, scratch,
        rows.picks, rows.declined,
    )  # fmt: skip


def combine(
    stations: I64, rates: F64, coef: F64, cfg: F64, table: Table, state: WaveformState, scratch: Scratch,
    rows: Rows,
) -> None:  # fmt: skip
    """The components of stations together."""
    advance(
        stations, rates, coef, cfg, table, state.channels, state.traces, state.stations, state.search,
        scratch, rows.picks, rows.seconds,
    )  # fmt: skip
