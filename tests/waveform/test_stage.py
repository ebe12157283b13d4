"""The stage against its twin, and what must not depend on how data arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import signal

from seiswarn.blocks import blocks_of
from seiswarn.messages import DataError, Message, Motions, Packet, Pick, PWindow, Slice
from seiswarn.reasons import Reason
from seiswarn.timebase import NS
from seiswarn.waveform import filters
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage
from tests.reference import waveform_twin as twin
from tests.reference.measures_twin import arias_by_second, cav_by_second, zero_crossings
from tests.waveform.conftest import T0, feed, make_table, packets, wavelet

Z = "FDSN:XX_S000__H_N_Z"
RATE = 100.0


def _run(x: np.ndarray, cuts: list[int], gain: float = 1e6, t0_ns: int = T0) -> list[Message]:
    stage = WaveformStage(Params(), make_table(gain=gain))
    streams = []
    for c, scale in (("E", 0.6), ("N", 0.8), ("Z", 1.0)):
        streams += packets(f"FDSN:XX_S000__H_N_{c}", np.round(scale * x * gain).astype(np.int64), cuts, t0_ns)
    return feed(stage, streams)


def _of(kind: type[Message], out: list[Message]) -> list[Message]:
    return [m for m in out if isinstance(m, kind)]


def test_real_time_intensities_equal_the_numpy_twin() -> None:
    """JMA: the level exceeded for 0.3 s in total; GB/T: peaks; both over the last ten seconds."""
    x = wavelet(3)
    out = _run(x, list(range(0, 3000, 50)))
    sections = filters.kunugi_sections(RATE)
    sos = np.hstack([sections[:, :3], np.ones((6, 1)), sections[:, 3:]])
    parts = [twin.motions(np.round(s * x * 1e6), 1e6, RATE) for s in (0.6, 0.8, 1.0)]
    jma = np.sqrt(sum(signal.sosfilt(sos, p["a"]) ** 2 for p in parts))
    pga = np.sqrt(sum(p["ga"] ** 2 for p in parts))
    pgv = np.sqrt(sum(p["gv"] ** 2 for p in parts))
    rows = [
        (t, g, j)
        for m in _of(Motions, out)
        for t, g, j in zip(m.t_ns, m.intensity_gbt, m.intensity_jma, strict=True)
    ]
    assert len(rows) == 30
    for t, g, j in rows:
        end = round((t - T0) / NS * RATE)
        last = slice(max(0, end - 1000), end)
        level = np.sort(jma[last])[::-1][int(0.3 * RATE) - 1]
        assert j == pytest.approx(max(-3.0, 2 * np.log10(100 * level) + 0.94), abs=1e-5)
        i_a, i_v = 3.17 * np.log10(pga[last].max()) + 6.59, 3.0 * np.log10(pgv[last].max()) + 9.77
        expected = i_v if min(i_a, i_v) >= 6 else (i_a + i_v) / 2
        assert g == pytest.approx(min(12.0, max(1.0, expected)), abs=1e-5)


def test_a_burst_is_picked_at_its_onset() -> None:
    picks = _of(Pick, _run(wavelet(1), list(range(0, 3000, 50))))
    assert len(picks) == 1
    assert abs(picks[0].t_ns - (T0 + 15 * NS)) <= 0.05 * NS
    assert picks[0].snr > 10


def test_windows_equal_the_numpy_twin() -> None:
    x = np.round(wavelet(2) * 1e6).astype(np.int64)
    out = feed(WaveformStage(Params(), make_table()), packets(Z, x, list(range(0, 3000, 50))))
    (pick,) = _of(Pick, out)
    m = twin.motions(x, 1e6, RATE)
    onset = round((pick.t_ns - T0) / NS * RATE)
    windows = _of(PWindow, out)
    assert [w.window_s for w in windows[:4]] == [0.5, 1.0, 1.5, 2.0]
    for w in windows:
        expected = twin.p_window(m, onset, w.window_s, RATE)
        got = (w.pa_mps2, w.pv_mps, w.pd_m, w.tau_c_s, w.tau_p_max_s, w.iv2_m2ps)
        names = ("pa", "pv", "pd", "tau_c", "tau_p", "iv2")
        assert got == pytest.approx([expected[n] for n in names], rel=1e-6)  # the ring holds float32
        assert w.zero_crossings == zero_crossings(m["v"][onset : onset + round(w.window_s * RATE)])
    quiet = np.abs(m["u"][max(0, onset - 225) : onset]).max()
    assert pick.noise_d_m <= quiet


def test_peaks_per_second_equal_the_numpy_twin() -> None:
    x = wavelet(3)
    out = _run(x, list(range(0, 3000, 50)))
    parts = [twin.motions(np.round(s * x * 1e6), 1e6, RATE) for s in (0.6, 0.8, 1.0)]
    vectors = [np.sqrt(sum(p[name] ** 2 for p in parts)) for name in ("a", "v", "u", "ga", "gv")]
    rows = [
        row
        for m in _of(Motions, out)
        for row in zip(
            m.t_ns,
            m.pga_mps2,
            m.pgv_mps,
            m.pgd_m,
            m.pga_gbt_mps2,
            m.pgv_gbt_mps,
            m.arias_mps,
            m.cav_mps,
            strict=True,
        )
    ]
    assert len(rows) == 30
    arias, cav = arias_by_second(vectors[0][None], RATE), cav_by_second(vectors[0][None], RATE)
    for k, (t, *peaks, arias_mps, cav_mps) in enumerate(rows):
        end = round((t - T0) / NS * RATE)
        assert peaks == pytest.approx([v[end - 100 : end].max() for v in vectors], rel=1e-9)
        assert (arias_mps, cav_mps) == pytest.approx((arias[k], cav[k]), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(some.lists(some.integers(1, 2999), max_size=60), some.integers(0, 3))
def test_the_cut_of_packets_changes_nothing(cuts: list[int], seed: int) -> None:
    def essence(out: list[Message]) -> object:
        return (
            [(p.t_ns, p.snr, p.uncertainty_s, p.polarity, p.noise_d_m) for p in _of(Pick, out)],
            [(w.window_s, w.pd_m, w.tau_c_s, w.tau_p_max_s) for w in _of(PWindow, out)],
            sorted(
                (t, a, j)
                for m in _of(Motions, out)
                for t, a, j in zip(m.t_ns, m.pga_mps2, m.intensity_jma, strict=True)
            ),
        )

    x = wavelet(seed)
    cuts = [*cuts, 750, 1500, 2250]  # no component is ahead of the others by more than it may be
    assert essence(_run(x, cuts)) == essence(_run(x, list(range(0, 3000, 50))))


@settings(max_examples=10, deadline=None)
@given(some.integers(-(10**9), 10**9))
def test_shifted_times_give_shifted_picks(seconds: int) -> None:
    x = wavelet(1)
    cuts = list(range(0, 3000, 50))
    (here,) = _of(Pick, _run(x, cuts))
    (there,) = _of(Pick, _run(x, cuts, t0_ns=T0 + seconds * NS))
    assert there.t_ns - here.t_ns == seconds * NS
    assert there.snr == here.snr


@pytest.mark.parametrize("factor", [0.25, 4.0, 1024.0])
def test_gain_scales_out(factor: float) -> None:
    x = np.round(wavelet(4) * 1e6).astype(np.int64)
    cuts = list(range(0, 3000, 50))
    plain = feed(WaveformStage(Params(), make_table(gain=1e6)), packets(Z, x, cuts))
    scaled = feed(
        WaveformStage(Params(), make_table(gain=1e6 * factor)), packets(Z, (x * factor).astype(float), cuts)
    )
    assert [w.pd_m for w in _of(PWindow, plain)] == pytest.approx(
        [w.pd_m for w in _of(PWindow, scaled)], rel=1e-12
    )


def test_negative_gain_flips_polarity_only() -> None:
    x = np.round(wavelet(5) * 1e6).astype(np.int64)
    cuts = list(range(0, 3000, 50))
    (a,) = _of(Pick, feed(WaveformStage(Params(), make_table(gain=1e6)), packets(Z, x, cuts)))
    (b,) = _of(Pick, feed(WaveformStage(Params(), make_table(gain=-1e6)), packets(Z, x, cuts)))
    assert (a.t_ns, a.polarity) == (b.t_ns, -b.polarity)


def test_a_velocity_sensor_measures_the_same_ground() -> None:
    """The same motion offered as acceleration and as velocity gives the same Pd within 5 %."""
    rate, n = 100.0, 3000
    t = np.arange(n) / rate
    burst = np.where(t >= 15, np.exp(-(t - 15) / 4) * np.sin(2 * np.pi * 3 * (t - 15)), 0.0)
    velocity = 1e-3 * burst + 1e-8 * np.random.default_rng(0).standard_normal(n)
    acceleration = np.gradient(velocity, 1 / rate)
    cuts = list(range(0, n, 50))
    a = feed(WaveformStage(Params(), make_table(gain=1e9)), packets(Z, np.round(acceleration * 1e9), cuts))
    v = feed(
        WaveformStage(Params(), make_table(gain=1e9, unit=1)), packets(Z, np.round(velocity * 1e9), cuts)
    )
    for x, y in zip(_of(PWindow, a)[:6], _of(PWindow, v)[:6], strict=True):
        assert x.pd_m == pytest.approx(y.pd_m, rel=0.05)
        assert x.pa_mps2 == pytest.approx(y.pa_mps2, rel=0.1)


def test_a_snapshot_goes_on_as_if_nothing_had_been() -> None:
    x = np.round(wavelet(6) * 1e6).astype(np.int64)
    stream = packets(Z, x, list(range(0, 3000, 50)))
    whole = feed(WaveformStage(Params(), make_table()), stream)
    first = WaveformStage(Params(), make_table())
    out = feed(first, stream[:31])
    second = WaveformStage(Params(), make_table())
    second.restore(first.snapshot())
    assert out + feed(second, stream[31:]) == whole


CONTINUITY = [
    # name, edits to the packet list, reason expected
    ("gap", lambda p: p[:20] + p[30:], Reason.GAP),
    ("duplicate", lambda p: [*p[:20], p[19], *p[20:]], Reason.DUPLICATE),
    ("old again", lambda p: [*p[:55], p[1], *p[55:]], Reason.DUPLICATE),
]


@pytest.mark.parametrize(("name", "edit", "reason"), CONTINUITY, ids=[c[0] for c in CONTINUITY])
def test_continuity_is_named(name: str, edit, reason: Reason) -> None:
    x = np.round(wavelet(7, onset=2500) * 1e6).astype(np.int64)
    stage = WaveformStage(Params(), make_table())
    out: list[Message] = []
    now = T0
    for p in edit(packets(Z, x, list(range(0, 3000, 50)))):
        now = max(now, p.t_seen_ns)
        out.extend(stage.handle(now, [Slice(t_seen_ns=now, blocks=blocks_of([p]))]))
    errors = _of(DataError, out)
    assert (Z, reason) in {(e.subject, e.reason) for e in errors}
    assert len(_of(Pick, out)) == 1  # nothing else is lost


def test_overlap_is_trimmed_without_a_trace() -> None:
    x = np.round(wavelet(8) * 1e6).astype(np.int64)
    whole = feed(WaveformStage(Params(), make_table()), packets(Z, x, [1000, 2000]))
    a = packets(Z, x[:1100], [1000])
    b = packets(Z, x[1000:], [1000], t0_ns=T0 + 10 * NS)
    out = feed(WaveformStage(Params(), make_table()), [*a, *b])
    assert [p.t_ns for p in _of(Pick, out)] == [p.t_ns for p in _of(Pick, whole)]
    assert [w.pd_m for w in _of(PWindow, out)] == [w.pd_m for w in _of(PWindow, whole)]
    assert Reason.OVERLAP in {e.reason for e in _of(DataError, out)}


def test_a_rate_change_starts_the_channel_anew() -> None:
    x = np.round(wavelet(9, onset=2900) * 1e6).astype(np.int64)
    stage = WaveformStage(Params(), make_table(rate_hz=200.0))
    out = feed(stage, packets(Z, x[:1000], [500]))
    later = packets(
        Z, np.round(wavelet(9) * 1e6).astype(np.int64), list(range(0, 3000, 50)), T0 + 10 * NS, 200.0
    )
    out += feed(stage, later)
    assert Reason.RATE_CHANGE in {e.reason for e in _of(DataError, out)}
    assert len(_of(Pick, out)) == 1


def test_unknown_channels_and_rates_are_refused_by_name(stage: WaveformStage) -> None:
    x = np.zeros(100, dtype=np.int64)
    out = feed(stage, [*packets("FDSN:ZZ_NO__H_N_Z", x, []), *packets(Z, x, [], T0 + NS, 10_000.0)])
    assert {(e.subject, e.reason) for e in _of(DataError, out)} == {
        ("FDSN:ZZ_NO__H_N_Z", Reason.UNKNOWN_CHANNEL),
        (Z, Reason.BAD_RATE),
    }


def test_a_clipped_sample_flags_windows_and_motions() -> None:
    table = make_table()
    table.ch_clip_counts[:] = 20_000
    x = np.round(wavelet(1) * 1e6).astype(np.int64)
    out = feed(WaveformStage(Params(), table), packets(Z, x, list(range(0, 3000, 50))))
    assert any(w.clipped for w in _of(PWindow, out))
    assert any(c for m in _of(Motions, out) for c in m.clipped)
    assert Reason.CLIPPED in {e.reason for e in _of(DataError, out)}


def test_a_dead_component_does_not_hold_the_others() -> None:
    x = np.round(wavelet(1) * 1e6).astype(np.int64)
    cuts = list(range(0, 3000, 50))
    stream = packets(Z, x, cuts) + packets("FDSN:XX_S000__H_N_N", x, cuts)
    stream += packets("FDSN:XX_S000__H_N_E", x[:500], cuts)
    out = feed(WaveformStage(Params(), make_table()), stream)
    counts = [n for m in _of(Motions, out) for n in m.n_components]
    assert counts[:5] == [3] * 5
    assert counts[-1] == 2


def test_noise_alone_is_not_picked() -> None:
    x = np.round(2e-3 * 1e6 * np.random.default_rng(0).standard_normal(60_000)).astype(np.int64)
    out = feed(WaveformStage(Params(), make_table()), packets(Z, x, list(range(0, 60_000, 50))))
    assert _of(Pick, out) == []


def test_a_packet_longer_than_any_buffer_loses_nothing() -> None:
    x = np.round(wavelet(1) * 1e6).astype(np.int64)
    table = make_table()
    whole = Slice(
        t_seen_ns=T0 + 30 * NS,
        blocks=blocks_of(p for c in "ENZ" for p in packets(f"FDSN:XX_S000__H_N_{c}", x, [])),
    )
    out = WaveformStage(Params(), table).handle(whole.t_seen_ns, [whole])
    assert len(_of(Pick, out)) == 1
    assert sum(len(m.t_ns) for m in _of(Motions, out)) == 30
    assert {n for m in _of(Motions, out) for n in m.n_components} == {3}


def test_a_channel_hears_again_soon_after_a_gap() -> None:
    """A trigger long before a gap must not keep the picker resting after it."""
    first = np.round(wavelet(1) * 1e6).astype(np.int64)
    quiet = np.round(1e2 * np.random.default_rng(2).standard_normal(6000)).astype(np.int64)
    before = packets(Z, np.concatenate([quiet, first]), list(range(0, 9000, 50)))
    after = packets(Z, first, list(range(0, 3000, 50)), T0 + 100 * NS)
    out = feed(WaveformStage(Params(), make_table()), before + after)
    assert [round((p.t_ns - T0) / NS) for p in _of(Pick, out)] == [75, 115]


@pytest.mark.parametrize("rate", [99.9999, 100.0001])
def test_a_rate_within_rounding_is_the_declared_one(rate: float) -> None:
    x = np.round(wavelet(1) * 1e6).astype(np.int64)
    cuts = list(range(0, 3000, 50))
    stream = packets(Z, x, cuts, rate_hz=rate)
    for c in "EN":
        stream += packets(f"FDSN:XX_S000__H_N_{c}", x, cuts)
    out = feed(WaveformStage(Params(), make_table()), stream)
    assert {n for m in _of(Motions, out) for n in m.n_components} == {3}
    assert len(_of(Pick, out)) == 1
    assert not {e.reason for e in _of(DataError, out)} & {Reason.BAD_RATE, Reason.RATE_CHANGE}


def test_motions_go_on_after_a_change_of_rate() -> None:
    x = np.round(wavelet(1) * 1e6).astype(np.int64)
    cuts = list(range(0, 3000, 50))
    stream: list[Packet] = []
    for c in "ENZ":
        stream += packets(f"FDSN:XX_S000__H_N_{c}", x, cuts)
        stream += packets(f"FDSN:XX_S000__H_N_{c}", x[:1500], list(range(0, 1500, 25)), T0 + 30 * NS, 50.0)
    out = feed(WaveformStage(Params(), make_table()), stream)
    assert max(t for m in _of(Motions, out) for t in m.t_ns) >= T0 + 58 * NS


def test_the_displacement_of_a_mechanical_seismograph_follows_an_oscillator() -> None:
    """Two cycles of acceleration of 0.5 Hz, against the exact oscillator of scipy."""
    n = 3000
    a = 1e-5 * np.random.default_rng(7).standard_normal(n)  # a trace of equal values is left out as dead
    a[1000:1400] += 0.1 * np.sin(np.pi * np.arange(400) / RATE)
    rows = [
        (t, d)
        for m in _of(Motions, _run(a, list(range(0, n, 50))))
        for t, d in zip(m.t_ns, m.mechanical_pgd_m, strict=True)
    ]
    w = 2 * np.pi / 6.0
    parts = [twin.motions(np.round(k * a * 1e6), 1e6, RATE)["a"] for k in (0.6, 0.8, 1.0)]
    oscillator = ([1.0], [1.0, 2 * 0.55 * w, w * w])
    y = [signal.lsim(oscillator, part, np.arange(n) / RATE)[1] for part in parts]
    exact = np.sqrt(sum(part**2 for part in y)).reshape(30, 100).max(axis=1)
    got = np.array([d for _, d in sorted(rows)])
    assert np.allclose(got[10:], exact[10:], rtol=1e-3, atol=1e-6)
