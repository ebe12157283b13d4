"""The period of P as a check on its amplitude.

M = 4.218 log10 tau_c + 6.166 (tau_c in s over the first 3 s of P, vertical, 0.075 Hz high-pass), as in the
open early-warning program of the Central Weather Administration (tcpd); the parameter is that of Kanamori
(2005) and Wu and Kanamori (2005), BSSA 95, 1181-1185. It scatters by 0.5 to 0.6 between stations, so it is
no magnitude of its own here. But an earthquake whose P is strong and slow, or weak and fast, by far more
than that is none: long waves of a low-cost sensor's noise, a drift, a wrong gain, a pulse.
"""

from __future__ import annotations

import math

DISAGREES = 1.7  # three sigmas of the scatter
DISTRUST = 2.5  # the factor by which a sigma grows then


def magnitude(tau_c_s: float) -> float:
    """The magnitude that goes with a period in s."""
    return 4.218 * math.log10(max(tau_c_s, 1e-3)) + 6.166


def trust(tau_c_s: float, pd_magnitude: float) -> float:
    """By how much to widen the sigma of a magnitude from Pd; 1 when the period is not known or fits."""
    if tau_c_s <= 0.0:
        return 1.0
    return DISTRUST if abs(magnitude(tau_c_s) - pd_magnitude) > DISAGREES else 1.0
