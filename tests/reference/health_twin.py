"""The kernel of the health stage in plain Python, as its description has it; for comparison only."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

NEVER = -(1 << 62)
MASK = (1 << 64) - 1
BASE, MIX = 6364136223846793005, -7046029254386353131
WINDOW = 32


def signed(x: int) -> int:
    x &= MASK
    return x - (1 << 64) if x >= 1 << 63 else x


@dataclass
class Channel:
    next_ns: int = NEVER
    gap: tuple[int, int] = (NEVER, NEVER)
    samples: list[tuple[int, float]] = field(default_factory=list)  # since the last gap: bits, value
    short: float = 0.0
    long: float = 0.0
    count: int = 0
    words: list[int] = field(default_factory=list)


@dataclass
class Station:
    last_ns: int = NEVER
    packets: int = 0
    future_ns: int = NEVER
    sign_ns: int = NEVER
    same_ns: int = NEVER
    same_seen_ns: int = NEVER
    other: int = -1
    same_n: int = 0
    data_ns: int = 0
    gaps: int = 0
    overlaps: int = 0
    new_ns: int = NEVER
    latency_s: float = 0.0
    jitter_s: float = 0.0
    latency_max_s: float = 0.0
    stale_s: float = 0.0


class Twin:
    """State of all channels and stations; `places` is the size of the table of fingerprints."""

    def __init__(self, table, places: int) -> None:
        self.table, self.places = table, places
        self.channels = [Channel() for _ in table.channels]
        self.stations = [Station() for _ in table.stations]
        self.marks: dict[int, tuple[int, int, int]] = {}

    def packet(self, c: int, t0: int, seen: int, rate: float, x: np.ndarray, future_s: float, jump_s: float,
               gap_s: float) -> None:  # fmt: skip
        ch, k = self.channels[c], int(self.table.ch_station[c])
        st, vertical = self.stations[k], self.table.ch_component[c] == 0
        step = 1e9 / rate
        slack = int(1.5 * step)
        end = t0 + math.floor(len(x) * step + 0.5)
        late = (seen - (end - int(step))) * 1e-9
        if late < -future_s:
            st.future_ns = seen
        new = end - t0
        if ch.next_ns != NEVER:
            ahead = t0 - ch.next_ns
            if end <= ch.next_ns + slack and ahead < -slack:
                if t0 >= ch.gap[0] - slack and end <= ch.gap[1] + slack:
                    st.data_ns += new if vertical else 0
                else:
                    st.overlaps += 1
                    if ch.next_ns - end > 60e9:
                        st.stale_s += new * 1e-9
                return
            if ahead > slack:
                begin = ch.next_ns if t0 - ch.gap[1] > 3600e9 else ch.gap[0]
                ch.gap = (begin, t0)
                ch.samples, ch.words = [], []
                st.gaps += 1
                if ahead * 1e-9 >= gap_s:
                    st.sign_ns = seen
            elif ahead < -slack:
                st.overlaps += 1
                known = min(len(x), math.floor(-ahead / step + 0.5))
                x, t0 = x[known:], t0 + int(known * step)
                new = end - t0
        ch.next_ns = end
        st.new_ns, st.stale_s = seen, 0.0
        st.last_ns = max(st.last_ns, end)
        st.data_ns += new if vertical else 0
        if st.packets == 0:
            st.latency_s = late
        off = late - st.latency_s
        if st.packets >= 20 and off > jump_s:
            st.sign_ns = seen
        share = min(1.0, max(new * 1e-9 / 10.0, 0.02))
        st.latency_s += off * share
        st.jitter_s += (abs(off) - st.jitter_s) * share
        st.latency_max_s = max(st.latency_max_s, late)
        st.packets += 1
        for j, value in enumerate(x.tolist()):
            self._sample(ch, k, value, t0 + int(j * step), seen, rate)

    def _sample(self, ch: Channel, k: int, value: int, t_ns: int, seen: int, rate: float) -> None:
        ch.samples.append((value, float(value)))
        if len(ch.samples) < 3:
            return
        (a, _), (b, _), (c, _) = ch.samples[-3:]
        word = signed((c - 2 * b + a) * MIX)
        ch.words.append(signed(word ^ (word >> 29)))
        d = abs(float(c - 2 * b + a))
        ch.short += (d - ch.short) / 16
        ch.count += 1
        loud = ch.count > 5.0 * rate and ch.short >= 8.0 * ch.long and ch.short >= 2.0
        ch.long += (d - ch.long) * max(1.0 / ch.count, 1.0 / (60.0 * rate))
        if not loud or len(ch.words) < WINDOW + 1:
            return
        h = 0
        for word in ch.words[-WINDOW:]:
            h = signed(h * BASE + word)
        if (h >> 40) & 7:
            return
        st, at = self.stations[k], (h >> 20) & (self.places - 1)
        held = self.marks.get(at)
        if held is None or held[0] != h or abs(t_ns - held[2]) > 30e9:
            self.marks[at] = (h, k, t_ns)
            return
        other = held[1]
        if self.table.st_site[other] == self.table.st_site[k]:
            return
        if st.other == other and seen - st.same_seen_ns <= 10e9:
            st.same_n += 1
        else:
            st.other, st.same_n = other, 1
        st.same_seen_ns = seen
        if st.same_n >= 3:
            st.same_ns = seen
            self.stations[other].same_ns = max(seen, self.stations[other].same_ns)
