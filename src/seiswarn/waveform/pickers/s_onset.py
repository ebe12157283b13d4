"""The S onset of a three-component station, sample by sample after a P onset.

Windows grow with the time since P, so that a P wave that swells over many seconds in a large
event is no jump, and neither is the coda of a small one. Energies since P are kept as sums to the
end of each bin; when all bins are full they are merged in pairs, so the memory never grows.
"""

from __future__ import annotations

import math

from seiswarn.jit import inner, kernel
from seiswarn.waveform import state as st
from seiswarn.waveform.state import F32, F64, I64

NAME = "s_onset"
REFERENCE = (
    "own formulation of an energy ratio, refined by Akaike's criterion on both horizontals "
    "(Maeda, 1985, Zisin 38, 365-379)"
)
VERIFIED = True  # tests/waveform/test_s_onset.py: numpy twin; tests/scenario/test_manual_picks.py

BIN_S = 0.05
N_BINS = st.S_BINS
LATE, LATE_MIN_S, EARLY_MIN_S = 0.25, 0.3, 0.3  # late window: share of the time since P; shortest windows
JUMP = 6.0  # horizontal energy, late over early
H_OVER_Z = 4.0  # horizontal over vertical energy, late
RISE = 2.0  # of that ratio from early to late
AFTER_S, BACK_S, REACH_S = 0.1, 0.1, 3.0  # awaited after the trigger; kept from P; looked back at most
LONGEST_S = REACH_S + 2.0 * AFTER_S  # of a window in which the onset is sought
MAX_S = 60.0
NOISE_FROM_S, NOISE_TO_S = 5.0, 0.1  # before P
RING_S = 9.0  # noise before P, and the wait until P is known
GUARD = 5
OVERCONFIDENT = 2.0  # measured: the spread of the weights is half of the residuals' (see bench_picks.py)

# Result of `follow`: onset k, sigma in samples, ratio of amplitudes; k of the trigger.
R_ONSET, R_SIGMA, R_SNR, R_TRIGGER = range(4)


@inner
def _mean_squares(ring: F32, first_k: int, last_k: int) -> tuple[float, float]:
    """Mean squares of both horizontals together and of the vertical over k in [first_k, last_k)."""
    h, z, size = 0.0, 0.0, ring.shape[1]
    for k in range(first_k, last_k):
        slot = k % size
        e, n, v = float(ring[1, slot]), float(ring[2, slot]), float(ring[0, slot])
        h += e * e + n * n
        z += v * v
    count = max(1, last_k - first_k)
    return h / count, z / count


@inner
def _jumped(f: F64, bins: int, size: int, rate: float) -> int:
    """Length of the late window in bins when the horizontals have jumped, else 0."""
    h, z = f[st.SF_H : st.SF_H + N_BINS + 1], f[st.SF_Z : st.SF_Z + N_BINS + 1]
    late = max(1, int(max(LATE_MIN_S * rate, LATE * bins * size) / size + 0.5))
    early = bins - late
    if early <= 0 or early * size < EARLY_MIN_S * rate:
        return 0
    h0 = max(h[early] / (early * size), f[st.SF_NOISE_H])
    z0 = max(z[early] / (early * size), f[st.SF_NOISE_Z])
    h1 = (h[bins] - h[early]) / (late * size)
    z1 = (z[bins] - z[early]) / (late * size)
    if h1 >= JUMP * h0 and h1 >= H_OVER_Z * z1 and h1 * z0 >= RISE * h0 * z1:
        f[st.SF_SNR] = math.sqrt(h1 / h0) if h0 > 0.0 else 1e3
        return late
    return 0


@inner
def _halve(f: F64) -> None:
    """Merge bins in pairs."""
    for b in range(N_BINS // 2 + 1):
        f[st.SF_H + b] = f[st.SF_H + 2 * b]
        f[st.SF_Z + b] = f[st.SF_Z + 2 * b]


@inner
def _onset(ring: F32, start: int, end: int, work: F64, out: F64) -> None:
    """Akaike's criterion summed over both horizontals on k in [start, end); fills onset and sigma."""
    n, size = end - start, ring.shape[1]
    if n < 4 * GUARD:
        out[R_ONSET], out[R_SIGMA] = float(start + n // 2), n / 4.0
        return
    total1, total2 = 0.0, 0.0
    for k in range(start, end):
        x, y = float(ring[1, k % size]), float(ring[2, k % size])
        total1 += x * x
        total2 += y * y
    c1, c2, best, best_k = 0.0, 0.0, math.inf, GUARD
    for k in range(n - GUARD):
        if k >= GUARD:
            m = n - k
            cost = k * math.log(c1 / k + 1e-30) + (m - 1) * math.log((total1 - c1) / m + 1e-30)
            cost += k * math.log(c2 / k + 1e-30) + (m - 1) * math.log((total2 - c2) / m + 1e-30)
            work[k] = cost
            if cost < best:
                best, best_k = cost, k
        slot = (start + k) % size
        c1 += float(ring[1, slot]) * float(ring[1, slot])
        c2 += float(ring[2, slot]) * float(ring[2, slot])
    weight, second = 0.0, 0.0
    for k in range(GUARD, n - GUARD):
        w = math.exp(max(-700.0, -0.5 * (work[k] - best)))
        weight += w
        second += w * (k - best_k) ** 2
    out[R_ONSET], out[R_SIGMA] = float(start + best_k), math.sqrt(second / weight)


@inner
def tell(i: I64, p_k: int, known_k: int, t_ns: int, snr: float) -> None:
    """Let the search know of a P onset at `p_k`, which was known at sample `known_k`.

    Horizontals may lag: the search meets the onset when it comes to the sample at which it was known, so
    that packets do not matter.
    """
    n = i[st.SI_QUEUED]
    if n < st.S_QUEUE:
        q = st.SI_QUEUE + 4 * n
        i[q], i[q + 1], i[q + 2], i[q + 3] = p_k, known_k, t_ns, int(min(1e3 * snr, 1e12))
        i[st.SI_QUEUED] = n + 1


@inner
def meet(i: I64) -> None:
    """Take the first P onset told of: search after it, unless it is a later phase of the one before.

    An onset that stands out more than the one whose S is looked for shows that to have been noise.
    """
    q = st.SI_QUEUE
    p_k, t_ns, snr = i[q], i[q + 2], i[q + 3]
    for k in range(4 * (st.S_QUEUE - 1)):
        i[q + k] = i[q + 4 + k]
    i[st.SI_QUEUED] -= 1
    if (i[st.SI_ON] == 0 and p_k >= i[st.SI_REST]) or (i[st.SI_ON] == 1 and snr > i[st.SI_SNR]):
        i[st.SI_ON], i[st.SI_P], i[st.SI_NEXT], i[st.SI_T0], i[st.SI_SNR] = 1, p_k, 0, t_ns, snr


@inner
def begin(p_k: int, rate: float, ring: F32, i: I64, f: F64) -> None:
    """Start to look for S after the P onset at `p_k`."""
    first = p_k - int(NOISE_FROM_S * rate)
    f[:] = 0.0
    f[st.SF_NOISE_H], f[st.SF_NOISE_Z] = _mean_squares(ring, first, p_k - int(NOISE_TO_S * rate))
    i[st.SI_SIZE] = max(1, int(BIN_S * rate + 0.5))
    i[st.SI_BINS], i[st.SI_IN], i[st.SI_TRIG] = 0, 0, -1
    i[st.SI_NEXT], i[st.SI_P] = p_k, p_k


@kernel
def follow(end_k: int, rate: float, ring: F32, i: I64, f: F64, work: F64, out: F64) -> bool:
    """Go on to `end_k`; True when an S onset is found, which fills `out` and ends the search.

    Parameters
    ----------
    ring
        (3, n) band-passed velocity of vertical and horizontals, sample k in slot k % n.
    i, f
        state row of the station, see `state` (SI_*, SF_*).
    """
    size = ring.shape[1]
    while i[st.SI_NEXT] < end_k:
        k = i[st.SI_NEXT]
        i[st.SI_NEXT] = k + 1
        if i[st.SI_TRIG] >= 0:
            if k - i[st.SI_TRIG] < int(AFTER_S * rate):
                continue
            start = max(i[st.SI_P] + int(BACK_S * rate), i[st.SI_TRIG] - i[st.SI_REACH])
            _onset(ring, start, k + 1, work, out)
            out[R_SNR], out[R_TRIGGER] = f[st.SF_SNR], float(i[st.SI_TRIG])
            return True
        slot = k % size
        e, n, v = float(ring[1, slot]), float(ring[2, slot]), float(ring[0, slot])
        f[st.SF_BIN_H] += e * e + n * n
        f[st.SF_BIN_Z] += v * v
        i[st.SI_IN] += 1
        if i[st.SI_IN] < i[st.SI_SIZE]:
            continue
        b = i[st.SI_BINS]
        f[st.SF_H + b + 1] = f[st.SF_H + b] + f[st.SF_BIN_H]
        f[st.SF_Z + b + 1] = f[st.SF_Z + b] + f[st.SF_BIN_Z]
        f[st.SF_BIN_H], f[st.SF_BIN_Z] = 0.0, 0.0
        i[st.SI_BINS], i[st.SI_IN] = b + 1, 0
        late = _jumped(f, b + 1, i[st.SI_SIZE], rate)
        if late > 0:
            i[st.SI_TRIG] = k
            reach_s = min(REACH_S, 2.0 * late * i[st.SI_SIZE] / rate + 0.5)
            i[st.SI_REACH] = int(reach_s * rate)
        elif b + 1 == N_BINS:
            _halve(f)
            i[st.SI_BINS] = N_BINS // 2
            i[st.SI_SIZE] *= 2
    return False
