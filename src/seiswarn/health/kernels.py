"""The first look at packets: continuity, latency, clocks, and samples that two stations share."""

from __future__ import annotations

import math

from seiswarn.health import state as st
from seiswarn.health.state import F64, I32, I64, Seen
from seiswarn.jit import inner, kernel

EARLY_NS = 60_000_000_000  # data this far behind what is known are no repetition of a packet
JUDGED_PACKETS = 20  # a station's latency is known well enough to see it jump
SMOOTH_S = 10.0  # of data, over which latency is smoothed
GAP_HULL_NS = 3_600_000_000_000  # gaps this close to each other are kept as one, for what is sent later
# A packet that ends at another time than the sum of its samples says is off by more than this many samples
# when data are missing or repeated; a drifting clock makes single ones.
SLACK_SAMPLES = 1.5

# Fingerprints are taken where the trace moves far more than usual: artefacts and earthquakes do, and only
# they make picks. One in `EACH` of the windows is kept, chosen by its content, so that it is chosen again
# wherever else it comes.
LOUD = 8.0
SHORT_N = 16
LONG_S, LEARN_S = 60.0, 5.0
EACH = 7  # one in eight
SAME_WITHIN_NS = 30_000_000_000  # of data time
SAME_IN_A_ROW_NS = 10_000_000_000  # of arrival
SAME_N = 3  # so many shared fingerprints are no chance
BASE = 6364136223846793005  # multiplier of a full-period generator modulo 2^64 (Knuth, TAOCP 2, 3.3.4)
MIX = -7046029254386353131  # 2^64 over the golden ratio, odd


def _power(base: int, n: int) -> int:
    """`base`^n modulo 2^64, as a signed number."""
    value = pow(base, n, 1 << 64)
    return value - (1 << 64) if value >= 1 << 63 else value


BASE_N = _power(BASE, st.WINDOW)


@inner
def _match(h: int, station: int, t_ns: int, seen_ns: int, site: I32, s: Seen) -> int:
    """Look a fingerprint up, or put it down; 1 when by now the data of two stations are the same."""
    at = (h >> 20) & (s.mark.size - 1)
    other = s.mark_station[at]
    if s.mark[at] != h or other < 0 or abs(t_ns - s.mark_ns[at]) > SAME_WITHIN_NS:
        s.mark[at], s.mark_station[at], s.mark_ns[at] = h, station, t_ns
        return 0
    if site[other] == site[station]:
        return 0
    si = s.si
    if si[station, st.S_OTHER] == other and seen_ns - si[station, st.S_SAME_SEEN] <= SAME_IN_A_ROW_NS:
        si[station, st.S_SAME_N] += 1
    else:
        si[station, st.S_OTHER], si[station, st.S_SAME_N] = other, 1
    si[station, st.S_SAME_SEEN] = seen_ns
    if si[station, st.S_SAME_N] < SAME_N:
        return 0
    new = seen_ns - si[station, st.S_SAME] > SAME_IN_A_ROW_NS
    new = new or seen_ns - si[other, st.S_SAME] > SAME_IN_A_ROW_NS
    si[station, st.S_SAME] = seen_ns
    si[other, st.S_SAME] = max(seen_ns, si[other, st.S_SAME])
    return 1 if new else 0


@inner
def _fingerprints(
    c: int,
    station: int,
    values: F64,
    bits: I64,
    begin: int,
    end: int,
    t0_ns: int,
    seen_ns: int,
    rate_hz: float,
    least: float,
    site: I32,
    s: Seen,
) -> int:
    """Take in samples of one channel; how many times the data of two stations were found the same."""
    ci, cf, ring = s.ci[c], s.cf[c], s.ring[c]
    n, h = ci[st.C_N], ci[st.C_HASH]
    x1, x2 = ci[st.C_X1], ci[st.C_X2]
    v1, v2 = cf[st.C_V1], cf[st.C_V2]
    short, long, count = cf[st.C_SHORT], cf[st.C_LONG], cf[st.C_COUNT]
    slowest, learnt = 1.0 / (LONG_S * rate_hz), LEARN_S * rate_hz
    step_ns = 1e9 / rate_hz
    found = 0
    for k in range(begin, end):
        x, v = bits[k], values[k]
        if n >= 2:
            word = (x - 2 * x1 + x2) * MIX
            word ^= word >> 29
            at = n % st.WINDOW
            h = h * BASE + word - ring[at] * BASE_N
            ring[at] = word
            d = abs(v - 2.0 * v1 + v2)
            short += (d - short) / SHORT_N
            count += 1.0
            loud = count > learnt and short >= LOUD * long and short >= least
            long += (d - long) * max(1.0 / count, slowest)
            if loud and n >= st.WINDOW + 2 and (h >> 40) & EACH == 0:
                t_ns = t0_ns + int((k - begin) * step_ns)
                found += _match(h, station, t_ns, seen_ns, site, s)
        x2, x1, v2, v1 = x1, x, v1, v
        n += 1
    ci[st.C_N], ci[st.C_HASH], ci[st.C_X1], ci[st.C_X2] = n, h, x1, x2
    cf[st.C_V1], cf[st.C_V2] = v1, v2
    cf[st.C_SHORT], cf[st.C_LONG], cf[st.C_COUNT] = short, long, count
    return found


@inner
def _latency(late_s: float, length_s: float, seen_ns: int, jump_s: float, si: I64, sf: F64) -> bool:
    """Take in the latency of a packet of new data; whether it has jumped."""
    if si[st.S_PACKETS] == 0:
        sf[st.S_LAT], sf[st.S_LENGTH] = late_s, length_s
    off = late_s - sf[st.S_LAT]
    jumped = si[st.S_PACKETS] >= JUDGED_PACKETS and off > jump_s
    share = min(1.0, max(length_s / SMOOTH_S, 0.02))
    sf[st.S_LAT] += off * share
    sf[st.S_JITTER] += (abs(off) - sf[st.S_JITTER]) * share
    sf[st.S_LENGTH] += (length_s - sf[st.S_LENGTH]) * share
    sf[st.S_LAT_MAX] = max(sf[st.S_LAT_MAX], late_s)
    si[st.S_PACKETS] += 1
    if jumped:
        si[st.S_SIGN] = seen_ns
    return jumped


@kernel
def observe(
    channel: I64,
    t0_ns: I64,
    seen_ns: I64,
    rate_hz: F64,
    offsets: I64,
    values: F64,
    bits: I64,
    least: float,
    limits: F64,
    ch_station: I32,
    ch_component: I32,
    site: I32,
    telecom: I32,
    s: Seen,
) -> int:
    """Take in the packets of a block, in the order in which they came.

    Parameters
    ----------
    channel
        (n,) index of each packet's channel, -1 for unknown ones, which are passed over.
    offsets
        (n + 1,) where the samples of each packet begin.
    values, bits
        all samples, as numbers and as bit patterns that differ where they do.
    least
        smallest mean second difference that fingerprints are taken of.
    limits
        `future_s`, `jump_s` and `gap_s` of `params.Settings`.

    Returns
    -------
    How many packets showed something that cannot wait for the next second.
    """
    future_s, jump_s, gap_s = limits[0], limits[1], limits[2]
    urgent = 0
    for p in range(channel.size):
        c, n = channel[p], offsets[p + 1] - offsets[p]
        rate = rate_hz[p]
        if c < 0 or n <= 0 or not rate > 0.0:
            continue
        station = ch_station[c]
        ci, si, sf = s.ci[c], s.si[station], s.sf[station]
        step_ns = 1e9 / rate
        slack_ns = int(SLACK_SAMPLES * step_ns)
        t0, seen = t0_ns[p], seen_ns[p]
        end = t0 + int(math.floor(n * step_ns + 0.5))
        si[st.S_SEEN] = max(si[st.S_SEEN], seen)
        late_s = (seen - (end - int(step_ns))) * 1e-9
        if late_s < -future_s:
            if seen - si[st.S_FUTURE] > SAME_IN_A_ROW_NS:
                urgent += 1
            si[st.S_FUTURE] = seen
        first = offsets[p]
        expected = ci[st.C_NEXT]
        new_ns = end - t0
        if expected != st.NEVER:
            ahead = t0 - expected
            if end <= expected + slack_ns and ahead < -slack_ns:  # nothing newer than what is known
                back_fill = t0 >= ci[st.C_GAP_FROM] - slack_ns and end <= ci[st.C_GAP_TO] + slack_ns
                if back_fill:
                    if ch_component[c] == 0:
                        si[st.S_DATA] += new_ns
                else:
                    si[st.S_OVERLAPS] += 1
                    if expected - end > EARLY_NS:
                        sf[st.S_STALE] += new_ns * 1e-9
                continue
            if ahead > slack_ns:
                if t0 - ci[st.C_GAP_TO] > GAP_HULL_NS:
                    ci[st.C_GAP_FROM] = expected
                ci[st.C_GAP_TO] = t0
                ci[st.C_N] = 0
                si[st.S_GAPS] += 1
                sf[st.S_GAP_RATE] += 1.0
                if ahead * 1e-9 >= gap_s:
                    si[st.S_SIGN] = seen
                    urgent += telecom[station] >= 0
            elif ahead < -slack_ns:
                si[st.S_OVERLAPS] += 1
                known = min(n, int(math.floor(-ahead / step_ns + 0.5)))
                first += known
                t0 += int(known * step_ns)
                new_ns = end - t0
        ci[st.C_NEXT] = end
        si[st.S_NEW], sf[st.S_STALE] = seen, 0.0
        si[st.S_LAST] = max(si[st.S_LAST], end)
        if ch_component[c] == 0:
            si[st.S_DATA] += new_ns
        if _latency(late_s, new_ns * 1e-9, seen, jump_s, si, sf):
            urgent += telecom[station] >= 0
        if ci[st.C_N] == 0:
            ci[st.C_HASH] = 0
            s.ring[c, :] = 0
        urgent += _fingerprints(
            c, station, values, bits, first, offsets[p + 1], t0, seen, rate, least, site, s
        )
    return urgent
