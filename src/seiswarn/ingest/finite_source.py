"""The stochastic line source: a rupture along a fault, as point sources that go off one after another.

In the spirit of Motazedian and Atkinson (2005), Stochastic finite-fault modeling based on a dynamic
corner frequency, BSSA 95, 995-1010 (EXSIM), reduced to a line: a straight horizontal rupture at the depth
of the hypocentre is cut into N equal subfaults along strike. The one with the hypocentre goes off at the
origin time, the others when the rupture, at 0.8 of the S velocity, has come to them. Each is a
stochastic point source (`point_source`) with its own distance, travel time and duration.

Each radiates 1/sqrt(N) of the spectrum of the whole earthquake. The parts have independent phases, so that
their powers add up: far away the spectrum is that of the point source of the same moment at all
frequencies. This is what Boore (2009), BSSA 99, 3202-3216, asks of such sums, and what the scaling of
the dynamic corner frequency does for high frequencies. Duration and nearness to a station are those of a
part: the window of a subfault follows from its share of the moment, M0/N, and so does the distance at
which amplitudes saturate.

With one subfault it is the point source. There is no dip, no asperity, no static offset, and no
directivity but that of arrival times: parts that a station gets packed together add up to higher peaks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from seiswarn.ingest.point_source import BETA_KMPS

RUPTURE_KMPS = 0.8 * BETA_KMPS  # Motazedian and Atkinson (2005): 0.8 of the S velocity
# Their subfaults are 1 to 15 km wide, "results are insensitive to subfault size" (same paper).
SUBFAULT_KM = 8.0


class Subfault(NamedTuple):
    """Where a part of the rupture is, in km from the epicentre, and how long after the origin it starts."""

    north_km: float
    east_km: float
    delay_s: float


def subfaults(rupture_km: float, strike_deg: float, behind: float = 0.5) -> tuple[Subfault, ...]:
    """The parts of a rupture from its beginning to its end along strike; one for a point.

    Parameters
    ----------
    rupture_km
        length; 0 is a point.
    strike_deg
        clockwise from north.
    behind
        the share, 0 to 1, of the rupture that lies against strike from the hypocentre: 0 or 1 is a rupture
        to one side, 0.5 to both.
    """
    n = max(1, round(rupture_km / SUBFAULT_KM))
    first = min(int(behind * n), n - 1)
    strike = math.radians(strike_deg)
    along = [(k - first) * rupture_km / n for k in range(n)]
    return tuple(Subfault(x * math.cos(strike), x * math.sin(strike), abs(x) / RUPTURE_KMPS) for x in along)


def part_mw(mw: float, n: int) -> float:
    """Moment magnitude of one of `n` equal parts."""
    return mw - 2.0 / 3.0 * math.log10(n)
