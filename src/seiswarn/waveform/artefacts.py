"""What a jump was: a spike that is mended, a step that is taken out, or motion that goes on."""

from __future__ import annotations

from seiswarn.jit import inner
from seiswarn.reasons import Flag
from seiswarn.waveform import state as st
from seiswarn.waveform.state import F64, I64

CALM_S = 2.0  # after real motion has been found behind a jump
SAME = 0.2  # of the jump: closer than this to a level is at that level
SPIKE_N = 3  # a spike is at most this long, in samples; longer ones must be level
REST = 3  # and is followed by this many times its length at rest
FAR = 45.0  # times the mean difference of neighbours: so high a jump is told from noise by any sample
NOISE = 5.0  # times that difference: noise differs by no more, with white noise in one of 10,000 samples
REST_N = 5  # samples at rest that end a spike when something follows

F_SPIKE, F_STEP = int(Flag.SPIKE), int(Flag.STEP)


@inner
def _away(ring: F64, k: int, n: int, old: float, near: float) -> tuple[int, int]:
    """Samples from `k` on until the trace is back at `old`, and for how many of `n` it then stays there."""
    m = 0
    while m < n and abs(ring[(k + m) % ring.size] - old) > near:
        m += 1
    rest = 0
    while m + rest < n and abs(ring[(k + m + rest) % ring.size] - old) <= near:
        rest += 1
    return m, rest


@inner
def _is_level(ring: F64, k: int, n: int, near: float) -> bool:
    """Whether the trace, having jumped at `k`, stays where it has come to."""
    size = ring.size
    level = ring[(k + 1) % size]
    farthest = 0.0
    for j in range(1, n):
        farthest = max(farthest, abs(ring[(k + j) % size] - level))
    return farthest <= near


@inner
def _spike(
    ring: F64, k: int, n: int, old: float, jump: float, level: float, clipped: bool
) -> tuple[int, int]:
    """Length of the spike at `k` and of the rest after it, in samples; 0, 0 when it is none.

    Motion does not rest after its first samples. A spike far above noise may be followed by another, or by
    motion, after a rest in noise; one far above noise that is level may be longer.
    """
    near = SAME * jump
    m, rest = _away(ring, k, n, old, near)
    if m <= SPIKE_N and m + rest == n and rest >= REST * m:
        return m, rest
    if jump < FAR * level:
        return 0, 0
    if m > SPIKE_N and m + rest == n and rest >= m and not clipped and _is_level(ring, k, m, near):
        return m, rest
    m, rest = _away(ring, k, n, old, min(near, NOISE * level))
    if m <= SPIKE_N and m + rest < n and rest >= max(REST_N, REST * m):
        return m, rest
    return 0, 0


@inner
def _mend(ring: F64, k: int, m: int, old: float) -> None:
    """A straight line through `m` samples from `k` on."""
    after = ring[(k + m) % ring.size]
    for j in range(m):
        ring[(k + j) % ring.size] = old + (after - old) * (j + 1.0) / (m + 1.0)


@inner
def judge(ci: I64, cf: F64, ring: F64, rate_hz: float, clipped: bool) -> int:
    """End the look at a jump: mend a spike, take out a step, or let real motion go on; the flag raised.

    What follows on a spike after a rest is looked at in its turn.
    """
    size = ring.size
    k = ci[st.SEG_K0] + ci[st.SUS_N]
    n = int(ci[st.N] - ci[st.SUS_N])
    old = ring[(k - 1) % size]
    jump = abs(ring[k % size] - old)
    near = SAME * jump
    m, rest = _spike(ring, k, n, old, jump, cf[st.LEVEL], clipped)
    if m > 0:
        _mend(ring, k, m, old)
        _forget_clip(ci, k)
        if m + rest == n:
            ci[st.SUS_N], ci[st.READY] = -1, ci[st.N]
        else:
            ci[st.SUS_N] += m + rest
            ci[st.READY] = ci[st.SUS_N]
        return F_SPIKE
    ci[st.SUS_N] = -1
    ci[st.READY] = ci[st.N]
    if not clipped and _is_level(ring, k, n, near):
        level = 0.0
        for j in range(1, n):
            level += ring[(k + j) % size]
        shift = level / (n - 1) - old
        ring[k % size] = old + shift
        for j in range(n):
            ring[(k + j) % size] -= shift
        cf[st.SHIFT] += shift
        cf[st.LAST] -= shift
        return F_STEP
    ci[st.CALM_N] = ci[st.N] + int(CALM_S * rate_hz)
    return 0


@inner
def _forget_clip(ci: I64, k: int) -> None:
    """A lone spike at full scale, at `k`, is no motion beyond the scale: end the episode it began."""
    if ci[st.CLIP_FROM] >= k:
        ci[st.CLIP_FROM] = ci[st.CLIP_K] = ci[st.CLIP_OLD]
