"""The three kernels of a slice, one after another: `intake`, `detect`, `advance`.

Samples go into the ring of their channel; verticals through the picker; the components of a
station together into vectors. The numpy twins stand in tests/reference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seiswarn.waveform import state as st
from seiswarn.waveform.detect import detect
from seiswarn.waveform.intake import intake
from seiswarn.waveform.state import F64, I64, State
from seiswarn.waveform.tables import Rows, Scratch, Slots, Table
from seiswarn.waveform.vectors import advance


def process(
    slots: Slots, channels: I64, rates: F64, coef: F64, cfg: F64, windows_s: F64, table: Table, state: State,
    scratch: Scratch, rows: Rows,
) -> None:  # fmt: skip
    """Run all packets of a slice.

    Parameters
    ----------
    slots
        the packets, ordered by channel then time.
    channels
        the distinct ones among them, rising.
    rates, coef, cfg, windows_s
        sampling rates by class; their filters (n_rates, N_SECTIONS, 5); settings (see `tables`); lengths of
        the P windows.
    """
    verticals = channels[table.z_station[channels] >= 0]
    stations = np.unique(table.station[channels])
    following = 0
    while following < slots.channel.size:
        following = intake(following, slots, rates, cfg, table, state, rows.codes, rows.flags)
        kind = 2 * state.ci[verticals, st.RATE] + table.velocity[verticals]
        for k, some in _by_kind(verticals, kind):
            detect(some, rates[k // 2], k % 2 == 1, coef[k // 2], cfg, windows_s, table, state, scratch, rows)
        for k, some in _by_kind(
            stations, 2 * station_rates(stations, table, state) + table.st_velocity[stations]
        ):
            advance(some, k // 2, rates[k // 2], k % 2 == 1, coef[k // 2], cfg, table, state, scratch, rows)
        state.ci[channels, st.WORKED] = state.ci[channels, st.READY]


def _by_kind(members: I64, kind: I64) -> Iterator[tuple[int, I64]]:
    """Members of each kind (rate class and unit), kinds rising; those of a negative kind are left out."""
    if not len(members):
        return
    if kind[0] == kind[-1] and np.all(kind == kind[0]):
        if kind[0] >= 0:
            yield int(kind[0]), members
        return
    for k in np.unique(kind[kind >= 0]).tolist():
        yield k, members[kind == k]


def station_rates(stations: I64, table: Table, state: State) -> I64:
    """(n,) rate class of each station's vectors, -1 while nothing was heard.

    The rate that most components have; when they all differ, that of the first.
    """
    channels = table.components[stations]
    heard = (channels >= 0) & (state.ci[channels, st.SEEN] == 1)
    rate = np.where(heard, state.ci[channels, st.RATE], -1)
    first = np.where(rate[:, 0] >= 0, rate[:, 0], np.where(rate[:, 1] >= 0, rate[:, 1], rate[:, 2]))
    agree = (rate[:, 1] == rate[:, 2]) & (rate[:, 1] >= 0)
    out: I64 = np.where(agree, rate[:, 1], first)
    return out
