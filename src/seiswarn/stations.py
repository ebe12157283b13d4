"""Channels and stations as arrays, indexed by small integers.

Three levels, each an index into arrays:

* **channel**: one component of one sensor, an FDSN source identifier with its gain;
* **station**: one sensor with up to three components, ``NET.STA.LOC.BI`` (band and
  instrument code), the unit of picks and motions;
* **site**: stations at the same place (an accelerometer beside a seismometer), the unit that
  may count once in an association.

`stationxml.py` builds a `StationTable` from files; the table itself knows no file format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seiswarn.messages import Tier

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

UNIT_ACCELERATION = 0  # m/s^2
UNIT_VELOCITY = 1  # m/s
UNIT_DISPLACEMENT = 2  # m

TIERS: tuple[Tier, ...] = ("datum", "basic", "ordinary")
DATUM, BASIC, ORDINARY = range(3)

Z, H1, H2 = 0, 1, 2  # component slots: vertical, north-like, east-like


def station_of(channel: str) -> str:
    """Station code ``NET.STA.LOC.BI`` of an FDSN source identifier; the text itself when it is none."""
    fields = channel.removeprefix("FDSN:").split("_")
    return f"{fields[0]}.{fields[1]}.{fields[2]}.{fields[3]}{fields[4]}" if len(fields) == 6 else channel


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or channel that cannot be used, with its named reason."""

    subject: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StationTable:
    """All usable channels of one moment. Rows are sorted by code, so indices are reproducible.

    Attributes
    ----------
    channels
        FDSN source identifiers, length n_ch, sorted.
    ch_station
        (n_ch,) index of the station each channel belongs to.
    ch_component
        (n_ch,) slot Z, H1 or H2.
    ch_unit
        (n_ch,) UNIT_ACCELERATION or UNIT_VELOCITY; the pipeline cannot use UNIT_DISPLACEMENT.
    ch_gain
        (n_ch,) counts per SI unit, never zero, sign kept (a negative gain flips polarity).
    ch_rate_hz
        (n_ch,) declared sampling rate; 0 when the metadata do not say.
    ch_azimuth_deg, ch_dip_deg
        (n_ch,) orientation; dip -90 is up.
    ch_clip_counts
        (n_ch,) absolute counts from which a sample counts as clipped; inf when unknown.
    stations
        station codes, length n_st, sorted.
    st_latitude, st_longitude, st_elevation_m, st_vs30_mps
        (n_st,) place; Vs30 in m/s, NaN when unknown.
    st_site
        (n_st,) site index: equal for co-located stations.
    refusals
        what could not be used, and why.
    st_tier
        (n_st,) index into `TIERS`; basic when nobody says.
    st_telecom
        (n_st,) index into `telecom_groups`, -1 when nobody says.
    st_latency_s
        (n_st,) latency to be expected of its telemetry, NaN when nobody says.
    telecom_groups
        names of what stations share on their way here: a carrier, a hub, a link.
    """

    channels: tuple[str, ...]
    ch_station: I32
    ch_component: I32
    ch_unit: I32
    ch_gain: F64
    ch_rate_hz: F64
    ch_azimuth_deg: F64
    ch_dip_deg: F64
    ch_clip_counts: F64
    stations: tuple[str, ...]
    st_latitude: F64
    st_longitude: F64
    st_elevation_m: F64
    st_vs30_mps: F64
    st_site: I32
    refusals: tuple[Refusal, ...] = ()
    st_tier: I32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    st_telecom: I32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    st_latency_s: F64 = field(default_factory=lambda: np.zeros(0))
    telecom_groups: tuple[str, ...] = ()
    channel_index: dict[str, int] = field(default_factory=dict)
    station_index: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.channel_index.update({c: i for i, c in enumerate(self.channels)})
        self.station_index.update({s: i for i, s in enumerate(self.stations)})
        n = len(self.stations)
        for name, usual in (("st_tier", BASIC), ("st_telecom", -1), ("st_latency_s", np.nan)):
            column = getattr(self, name)
            if not len(column) and n:
                object.__setattr__(self, name, np.full(n, usual, dtype=column.dtype))

    @property
    def n_channels(self) -> int:
        return len(self.channels)

    @property
    def n_stations(self) -> int:
        return len(self.stations)

    def components(self) -> I32:
        """(n_st, 3) channel index per station and slot, -1 where there is none."""
        table = np.full((self.n_stations, 3), -1, dtype=np.int32)
        table[self.ch_station, self.ch_component] = np.arange(self.n_channels, dtype=np.int32)
        return table
