"""The kernel against its twin, and what must not depend on how data are cut, ordered or dated."""

from __future__ import annotations

import numpy as np
import pytest

from seiswarn.blocks import blocks_of
from seiswarn.health import state as st
from seiswarn.health.params import Params
from seiswarn.health.stage import HealthStage
from seiswarn.messages import Packet, Slice
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from tests.health.feeding import RATE_HZ, T0_NS
from tests.parity.conftest import three_component_table
from tests.reference.health_twin import Twin

SECONDS = 40


def traces(table: StationTable, seed: int) -> np.ndarray:
    """(n_ch, n) counts: noise, and at two stations the same burst at different times."""
    rng = np.random.default_rng(seed)
    x = np.rint(30.0 * rng.standard_normal((table.n_channels, SECONDS * RATE_HZ))).astype("<i4")
    burst = np.rint(4000.0 * rng.standard_normal(300)).astype("<i4")
    for station, at in ((1, 2000), (3, 2137)):
        x[3 * station : 3 * station + 3, at : at + 300] = burst
    return x


def packets(table: StationTable, x: np.ndarray, length: int, shift_ns: int = 0) -> list[Packet]:
    out = []
    for k in range(0, x.shape[1], length):
        for c, name in enumerate(table.channels):
            t0 = T0_NS + shift_ns + k * (NS // RATE_HZ)
            part = x[c, k : k + length]
            seen = t0 + len(part) * (NS // RATE_HZ) + NS // 5
            out.append(Packet(channel=name, t0_ns=t0, rate_hz=100.0, samples=part.tobytes(), t_seen_ns=seen))
    return sorted(out, key=lambda p: p.t_seen_ns)


def spoiled(all_packets: list[Packet], seed: int) -> list[Packet]:
    """Some lost, some sent twice, some an hour early or late in their headers, some late."""
    rng = np.random.default_rng(seed)
    out = []
    for p in all_packets:
        fate = rng.random()
        if fate < 0.03:
            continue
        t0, seen = p.t0_ns, p.t_seen_ns
        if fate < 0.05:
            t0 += int(rng.choice([-3600, 5])) * NS
        elif fate < 0.08:
            seen += 12 * NS
        changed = Packet(channel=p.channel, t0_ns=t0, rate_hz=100.0, samples=p.samples, t_seen_ns=seen)
        out += [changed, changed] if 0.08 < fate < 0.1 else [changed]
    return sorted(out, key=lambda p: p.t_seen_ns)


def seen(table: StationTable, given: list[Packet], n_blocks: int = 7) -> HealthStage:
    stage = HealthStage(Params(), table)
    for part in np.array_split(np.arange(len(given)), n_blocks):
        mine = [given[k] for k in part]
        for block in blocks_of(mine):
            stage._packets(block)
    return stage


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_kernel_is_its_twin(seed: int) -> None:
    table = three_component_table(5)
    given = spoiled(packets(table, traces(table, seed), 37), seed)
    kernel = seen(table, given)._seen
    twin = Twin(table, len(kernel.mark))
    for p in given:
        c = table.channel_index[p.channel]
        samples = np.frombuffer(p.samples, "<i4")
        twin.packet(c, p.t0_ns, p.t_seen_ns, p.rate_hz, samples, 2.0, 5.0, 0.5)
    si = [
        [s.last_ns, s.packets, s.future_ns, s.sign_ns, s.same_ns, s.same_seen_ns, s.other, s.same_n,
         s.data_ns, s.gaps, s.overlaps, s.new_ns]
        for s in twin.stations
    ]  # fmt: skip
    columns = [
        st.S_LAST, st.S_PACKETS, st.S_FUTURE, st.S_SIGN, st.S_SAME, st.S_SAME_SEEN, st.S_OTHER, st.S_SAME_N,
        st.S_DATA, st.S_GAPS, st.S_OVERLAPS, st.S_NEW,
    ]  # fmt: skip
    np.testing.assert_array_equal(kernel.si[:, columns], si)
    sf = [[s.latency_s, s.jitter_s, s.latency_max_s, s.stale_s] for s in twin.stations]
    columns = [st.S_LAT, st.S_JITTER, st.S_LAT_MAX, st.S_STALE]
    np.testing.assert_allclose(kernel.sf[:, columns], sf, rtol=1e-9, atol=1e-12)
    assert (kernel.si[:, st.S_GAPS] > 0).all()


def test_the_same_data_are_found_at_both_stations_and_nowhere_else() -> None:
    table = three_component_table(5)
    kernel = seen(table, packets(table, traces(table, 1), 50))._seen
    assert (kernel.si[:, st.S_SAME] > 0).tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("length", [1, 13, 100, 997])
def test_packets_do_not_matter_to_what_is_the_same(length: int) -> None:
    table = three_component_table(5)
    x = traces(table, 1)
    whole, cut = seen(table, packets(table, x, 50))._seen, seen(table, packets(table, x, length))._seen
    np.testing.assert_array_equal(whole.ci[:, st.C_HASH], cut.ci[:, st.C_HASH])
    np.testing.assert_array_equal(whole.si[:, st.S_DATA], cut.si[:, st.S_DATA])
    np.testing.assert_array_equal(whole.si[:, st.S_SAME] > 0, cut.si[:, st.S_SAME] > 0)


def test_the_same_at_another_time() -> None:
    table, shift_ns = three_component_table(5), 86_400 * NS
    x = traces(table, 1)
    a, b = seen(table, packets(table, x, 50))._seen, seen(table, packets(table, x, 50, shift_ns))._seen
    moved = np.where(b.si[:, st.S_SAME] > 0, b.si[:, st.S_SAME] - shift_ns, b.si[:, st.S_SAME])
    np.testing.assert_array_equal(a.si[:, st.S_SAME], moved)
    np.testing.assert_allclose(a.sf, b.sf, atol=1e-9)


def test_one_motion_is_not_the_same_data() -> None:
    """An earthquake as two sensors record it: one wave, each with noise of its own of a count."""
    table = three_component_table(5)
    rng = np.random.default_rng(4)
    x = np.rint(3.0 * rng.standard_normal((table.n_channels, SECONDS * RATE_HZ))).astype("<i4")
    wave = 3000.0 * rng.standard_normal(500)
    for c in range(table.n_channels):
        x[c, 2000:2500] += np.rint(wave + rng.standard_normal(500)).astype("<i4")
    kernel = seen(table, packets(table, x, 50))._seen
    assert not (kernel.si[:, st.S_SAME] > 0).any()


def test_unknown_and_empty_packets_are_passed_over() -> None:
    table = three_component_table(2)
    stage = HealthStage(Params(), table)
    odd = [
        Packet(
            channel="FDSN:YY_A__H_N_Z", t0_ns=T0_NS, rate_hz=100.0, samples=b"\0" * 40, t_seen_ns=T0_NS + NS
        ),
        Packet(channel=table.channels[0], t0_ns=T0_NS, rate_hz=100.0, samples=b"", t_seen_ns=T0_NS + NS),
        Packet(channel=table.channels[0], t0_ns=T0_NS, rate_hz=0.0, samples=b"\0" * 40, t_seen_ns=T0_NS + NS),
    ]
    stage.handle(T0_NS + NS, [Slice(t_seen_ns=T0_NS + NS, blocks=blocks_of(odd))])
    assert (stage._seen.si[:, st.S_PACKETS] == 0).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numbers_with_a_point_are_compared_too(dtype: str) -> None:
    table = three_component_table(5)
    given = []
    for p in packets(table, traces(table, 1), 50):
        x = (np.frombuffer(p.samples, "<i4") * 1e-3).astype("<" + dtype)
        given.append(
            Packet(channel=p.channel, t0_ns=p.t0_ns, rate_hz=100.0, samples=x.tobytes(), dtype=dtype,
                   t_seen_ns=p.t_seen_ns)  # type: ignore[arg-type]
        )  # fmt: skip
    kernel = seen(table, given)._seen
    assert (kernel.si[:, st.S_SAME] > 0).tolist() == [False, True, False, True, False]
