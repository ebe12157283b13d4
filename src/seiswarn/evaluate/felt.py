"""What stations felt of an earthquake: their peaks as they grew, and whether the record can be believed."""

from __future__ import annotations

import msgspec

from seiswarn.evaluate.catalogue import Quake
from seiswarn.messages import Motions
from seiswarn.rupture_distance import rupture_length_km
from seiswarn.shaking.observed import COMPONENTS, UNUSABLE
from seiswarn.timebase import from_seconds

# None of these is shared with what is judged here, which believes in less.
CODA_S = 300.0  # after S; what is strong later is another earthquake
UNKNOWN_MAGNITUDE = 5.0  # where a catalogue gives none: the rupture is then over within seconds
# How long the longest rupture of a magnitude takes, from one end to the other: subsurface length of Wells and
# Coppersmith (1994), table 2A, all mechanisms, at 2.5 km/s (0.7 to 0.8 of the S velocity is usual: slow
# rather than fast), and some seconds for its waves to build up.
RUPTURE_KMPS = 2.5
BUILD_UP_S = 5.0
WHOLE = 0.9  # of the seconds from P until the strongest motion has passed have to be usable


class Span(msgspec.Struct, frozen=True):
    """When an earthquake is felt at a station, ns UTC: from P, surely over, and at most until."""

    p_ns: int
    over_ns: int
    end_ns: int


class Felt(msgspec.Struct):
    """Peaks of one station since P, one row for each second in which one of them grew.

    `t_ns` ends of the seconds, UTC; peaks are vectors in the band of GB/T 17742-2020 (0.1 to 10 Hz).
    `n_usable` counts seconds until the strongest motion must have passed; `clipped`: some were.
    """

    t_ns: list[int] = []
    pga_mps2: list[float] = []
    pgv_mps: list[float] = []
    n_usable: int = 0
    clipped: bool = False

    def take(self, t_ns: int, pga_mps2: float, pgv_mps: float) -> None:
        """Take in a second; rows are of the largest until then."""
        pga, pgv = (self.pga_mps2[-1], self.pgv_mps[-1]) if self.t_ns else (0.0, 0.0)
        if pga_mps2 > pga or pgv_mps > pgv:
            self.t_ns.append(t_ns)
            self.pga_mps2.append(float(f"{max(pga, pga_mps2):.5g}"))
            self.pgv_mps.append(float(f"{max(pgv, pgv_mps):.5g}"))

    def is_whole(self, span: Span) -> bool:
        """Whether the record holds the earthquake, unclipped and with all components."""
        wanted = (span.over_ns - span.p_ns) / 1e9
        return bool(self.t_ns) and not self.clipped and self.n_usable >= WHOLE * wanted


def span_of(quake: Quake, p_s: float, s_s: float, next_p_ns: int | None) -> Span:
    """From P to the coda, or to P of the next earthquake of the catalogue.

    The strongest motion has surely passed when a rupture that runs one way, and some seconds for its waves,
    are over after S; the coda ends `CODA_S` after S.
    """
    magnitude = UNKNOWN_MAGNITUDE if quake.magnitude is None else quake.magnitude
    end_ns = quake.time_ns + from_seconds(s_s + CODA_S)
    if next_p_ns is not None:
        end_ns = min(end_ns, next_p_ns)
    rupture_s = rupture_length_km(magnitude) / RUPTURE_KMPS
    over_ns = quake.time_ns + from_seconds(s_s + rupture_s + BUILD_UP_S)
    return Span(quake.time_ns + from_seconds(p_s), min(over_ns, end_ns), end_ns)


def take_motions(motions: Motions, spans: dict[str, Span], felt: dict[str, Felt]) -> None:
    """Take the rows of one message into `felt` that are of an earthquake with these `spans`."""
    for k, station in enumerate(motions.stations):
        span = spans.get(station)
        t_ns = motions.t_ns[k]
        if span is None or not span.p_ns < t_ns <= span.end_ns:
            continue
        row = felt.setdefault(station, Felt())
        if motions.clipped[k]:
            row.clipped = True
        if motions.n_components[k] < COMPONENTS or (motions.flags and motions.flags[k] & int(UNUSABLE)):
            continue
        row.n_usable += t_ns <= span.over_ns
        pga = (motions.pga_gbt_mps2 or motions.pga_mps2)[k]
        pgv = (motions.pgv_gbt_mps or motions.pgv_mps)[k]
        if pga > 0.0 and pgv > 0.0:
            row.take(t_ns, pga, pgv)
