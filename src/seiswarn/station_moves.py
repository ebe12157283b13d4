"""From one station table to another: which rows of state go on, when stations are reloaded.

A channel goes on when nothing that its samples are worked with has changed; a station goes on when
all its channels do, and none came or went.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seiswarn.stations import I64, StationTable

_CHANNEL = (
    "ch_component",
    "ch_unit",
    "ch_gain",
    "ch_rate_hz",
    "ch_azimuth_deg",
    "ch_dip_deg",
    "ch_clip_counts",
)
_STATION = ("st_latitude", "st_longitude", "st_elevation_m")


class Moves(NamedTuple):
    """Where each row of the new table stands in the old one, -1: nowhere; and the sizes of the old one."""

    channels: I64
    stations: I64
    n_old_channels: int
    n_old_stations: int

    @property
    def is_identity(self) -> bool:
        """Whether nothing has changed."""
        same = len(self.stations) == self.n_old_stations and len(self.channels) == self.n_old_channels
        return bool(same and (self.stations >= 0).all())

    @property
    def kept(self) -> int:
        """Stations that go on."""
        return int(np.count_nonzero(self.stations >= 0))

    def only(self, of_channels: bool) -> Moves:
        """The same where it is known what arrays have rows of."""
        none = np.zeros(0, dtype=np.int64)
        if of_channels:
            return Moves(self.channels, none, self.n_old_channels, 0)
        return Moves(none, self.stations, 0, self.n_old_stations)

    def rows(self, held: bytes, fresh: bytes) -> bytes:
        """The rows of an array of channels or of stations, from `held` where they go on, else `fresh`.

        Which of the two it is, and whether rows have kept their size, is told by the lengths; an array
        that fits neither begins afresh.
        """
        for index, n_old in ((self.channels, self.n_old_channels), (self.stations, self.n_old_stations)):
            n_new = len(index)
            if not n_old or not n_new or len(held) % n_old or len(fresh) % n_new:
                continue
            width = len(fresh) // n_new
            if len(held) != width * n_old:
                continue
            out = np.frombuffer(fresh, np.uint8).reshape(n_new, width).copy()
            stays = index >= 0
            out[stays] = np.frombuffer(held, np.uint8).reshape(n_old, width)[index[stays]]
            return out.tobytes()
        return fresh


def moves(old: StationTable, new: StationTable) -> Moves:
    """What goes on from `old` in `new`."""
    channels = np.array([old.channel_index.get(name, -1) for name in new.channels], dtype=np.int64)
    channels[~_alike(old, new, channels, _CHANNEL)] = -1
    stations = np.array([old.station_index.get(code, -1) for code in new.stations], dtype=np.int64)
    stations[~_alike(old, new, stations, _STATION)] = -1
    n_old = np.bincount(old.ch_station, minlength=old.n_stations)
    n_new = np.bincount(new.ch_station, minlength=new.n_stations)
    n_kept = np.bincount(new.ch_station[channels >= 0], minlength=new.n_stations)
    whole = (stations >= 0) & (n_kept == n_new) & (n_old[stations] == n_new)
    stations[~whole] = -1
    channels[stations[new.ch_station] < 0] = -1
    return Moves(channels, stations, old.n_channels, old.n_stations)


def _alike(old: StationTable, new: StationTable, index: I64, names: tuple[str, ...]) -> np.ndarray:
    """Whether each new row has the values of the old row at its index; not where there is none."""
    alike: np.ndarray = index >= 0
    for name in names:
        before, now = getattr(old, name), getattr(new, name)
        if len(before):
            same = np.isclose(before[index], now, rtol=1e-12, atol=0.0, equal_nan=True)
            alike = alike & same
    return alike
