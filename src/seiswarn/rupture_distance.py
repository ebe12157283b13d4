"""From the epicentral distance of a point source to the distance to the rupture (Joyner-Boore).

Ground-motion models want Rjb, the distance to the surface projection of the rupture. Early in an
earthquake only a point is known; taking Repi for Rjb then forecasts far too little near large
events, whose ruptures reach out tens of kilometres from the epicentre.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# Mean Rjb/Repi over all azimuths, dips and hypocentre positions: Thompson, E. M. and C. B. Worden
# (2018), Estimating rupture distances without a rupture, Bull. Seism. Soc. Am. 108(1), 371-379.
# Their table Rjb_WC94_mechA_ar1p7_seis0_20 (rupture areas of Wells and Coppersmith 1994, all
# mechanisms, aspect ratio 1.7, seismogenic depth 0 to 20 km), USGS ps2ff 1.5.9, public domain:
# every second magnitude and every second distance. A simulation in the tests repeats it.
MAGNITUDES = np.arange(4.0, 9.01, 0.5)
LOG_REPI_FIRST, LOG_REPI_STEP = -1.0, 0.2
_LOG_REPI = np.arange(LOG_REPI_FIRST, 3.01, LOG_REPI_STEP)  # log10 of km
_RATIO = np.array(
    [
        [0.1069, 0.0731, 0.0529, 0.0421, 0.0368, 0.0343, 0.0333, 0.0332, 0.0332, 0.0332, 0.0332],  # 0.1 km
        [0.1512, 0.1020, 0.0701, 0.0511, 0.0412, 0.0364, 0.0344, 0.0341, 0.0341, 0.0341, 0.0341],  # 0.1585 km
        [0.2128, 0.1442, 0.0973, 0.0672, 0.0495, 0.0404, 0.0365, 0.0358, 0.0358, 0.0358, 0.0358],  # 0.2512 km
        [0.2953, 0.2032, 0.1375, 0.0929, 0.0644, 0.0481, 0.0406, 0.0390, 0.0390, 0.0390, 0.0390],  # 0.3981 km
        [0.4001, 0.2826, 0.1939, 0.1311, 0.0886, 0.0619, 0.0481, 0.0448, 0.0446, 0.0446, 0.0446],  # 0.631 km
        [0.5217, 0.3844, 0.2703, 0.1851, 0.1250, 0.0847, 0.0617, 0.0548, 0.0540, 0.0539, 0.0539],  # 1 km
        [0.6462, 0.5044, 0.3692, 0.2585, 0.1766, 0.1192, 0.0842, 0.0718, 0.0695, 0.0692, 0.0692],  # 1.585 km
        [0.7563, 0.6295, 0.4873, 0.3543, 0.2471, 0.1685, 0.1184, 0.0985, 0.0935, 0.0927, 0.0927],  # 2.512 km
        [0.8389, 0.7427, 0.6126, 0.4703, 0.3398, 0.2362, 0.1665, 0.1362, 0.1269, 0.1249, 0.1247],  # 3.981 km
        [0.8955, 0.8292, 0.7285, 0.5955, 0.4534, 0.3258, 0.2323, 0.1875, 0.1719, 0.1675, 0.1669],  # 6.31 km
        [0.9330, 0.8890, 0.8190, 0.7138, 0.5783, 0.4369, 0.3186, 0.2542, 0.2295, 0.2213, 0.2197],  # 10 km
        [0.9573, 0.9287, 0.8822, 0.8083, 0.6987, 0.5610, 0.4256, 0.3369, 0.2991, 0.2855, 0.2820],  # 15.85 km
        [0.9729, 0.9545, 0.9242, 0.8749, 0.7971, 0.6831, 0.5459, 0.4339, 0.3781, 0.3569, 0.3504],  # 25.12 km
        [0.9828, 0.9711, 0.9516, 0.9194, 0.8672, 0.7852, 0.6657, 0.5391, 0.4619, 0.4300, 0.4193],  # 39.81 km
        [0.9891, 0.9817, 0.9692, 0.9485, 0.9143, 0.8590, 0.7682, 0.6426, 0.5456, 0.4998, 0.4832],  # 63.1 km
        [0.9931, 0.9884, 0.9805, 0.9673, 0.9452, 0.9089, 0.8453, 0.7356, 0.6247, 0.5626, 0.5380],  # 100 km
        [0.9957, 0.9927, 0.9877, 0.9792, 0.9651, 0.9417, 0.8991, 0.8129, 0.6981, 0.6178, 0.5823],  # 158.5 km
        [0.9973, 0.9954, 0.9922, 0.9869, 0.9779, 0.9629, 0.9350, 0.8729, 0.7664, 0.6689, 0.6184],  # 251.2 km
        [0.9983, 0.9971, 0.9951, 0.9917, 0.9860, 0.9764, 0.9585, 0.9162, 0.8283, 0.7202, 0.6509],  # 398.1 km
        [0.9989, 0.9982, 0.9969, 0.9948, 0.9912, 0.9851, 0.9736, 0.9458, 0.8802, 0.7740, 0.6849],  # 631 km
        [0.9993, 0.9988, 0.9980, 0.9967, 0.9944, 0.9906, 0.9833, 0.9652, 0.9197, 0.8281, 0.7242],  # 1000 km
    ]
)


def mean_ratios(repi_km: F64) -> F64:
    """(n, 11) mean Rjb/Repi at (n,) epicentral distances in km for magnitudes 4, 4.5 ... 9, linear in log
    distance.
    """
    log_repi = np.log10(np.maximum(repi_km, 10.0 ** _LOG_REPI[0]))
    columns = [np.interp(log_repi, _LOG_REPI, _RATIO[:, i]) for i in range(len(MAGNITUDES))]
    return np.stack(columns, axis=-1)


def ratios_at(magnitude: float) -> F64:
    """(21,) mean Rjb/Repi at the nodes of log distance (-1, -0.8 ... 3), linear in magnitude, held outside
    4 to 9.
    """
    position = (min(max(magnitude, MAGNITUDES[0]), MAGNITUDES[-1]) - MAGNITUDES[0]) / 0.5
    i = min(int(position), len(MAGNITUDES) - 2)
    part = position - i
    result: F64 = (1.0 - part) * _RATIO[:, i] + part * _RATIO[:, i + 1]
    return result


def mean_rupture_distance_km(repi_km: F64, magnitude: float) -> F64:
    """Mean Joyner-Boore distance in km of the ruptures possible around a point source.

    Parameters
    ----------
    repi_km
        (n,) epicentral distances in km, not negative.
    magnitude
        Moment magnitude; outside 4 to 9 the nearest of these is used (below 4 the rupture is
        smaller than any location error).

    Returns
    -------
    (n,) distances in km, at most `repi_km`. Linear in magnitude and in log distance between the
    nodes: within 0.02 of the full table's ratio. Source: Thompson and Worden (2018), table above.
    """
    log_repi = np.log10(np.maximum(repi_km, 10.0 ** _LOG_REPI[0]))
    result: F64 = repi_km * np.interp(log_repi, _LOG_REPI, ratios_at(magnitude))
    return result


def rupture_length_km(magnitude: float) -> float:
    """Median subsurface rupture length in km at a magnitude.

    Wells, D. L. and K. J. Coppersmith (1994), Bull. Seism. Soc. Am. 84(4), 974-1002, all mechanisms.
    """
    return float(10.0 ** (0.59 * magnitude - 2.44))
