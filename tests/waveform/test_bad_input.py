"""Artefacts in made records: named, kept out of peaks and picks, and no other station's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from seiswarn.messages import ChannelQuality, DataError, Message, Motions, Packet, Pick
from seiswarn.reasons import Flag, Reason
from seiswarn.timebase import NS
from seiswarn.waveform.params import Params
from seiswarn.waveform.stage import WaveformStage
from tests.waveform.conftest import T0, feed, make_table, packets, wavelet

M = TypeVar("M", bound=Message)

GAIN = 1e6
NOISE = 100.0  # counts: 1e-4 m/s^2
QUIET = 2e-3  # m/s^2: no vector of three components of noise comes near
N = 3000
CUTS = list(range(0, N, 50))


def noise(seed: int, n: int = N) -> np.ndarray:
    return np.round(NOISE * np.random.default_rng(seed).standard_normal(n)) + 500.0


def channel(component: str, station: int = 0) -> str:
    return f"FDSN:XX_S{station:03d}__H_N_{component}"


def run(
    traces: dict[str, np.ndarray],
    cuts: list[int] = CUTS,
    rate_hz: float = 100.0,
    unit: int = 0,
    gain: float = GAIN,
    clip: float = np.inf,
    stations: int = 1,
) -> list[Message]:
    table = make_table(stations, gain=gain, unit=unit, rate_hz=rate_hz)
    table.ch_clip_counts[:] = clip
    stream = [p for name, x in traces.items() for p in packets(name, x, cuts, rate_hz=rate_hz)]
    return feed(WaveformStage(Params(), table), stream)


def of(kind: type[M], out: list[Message]) -> list[M]:
    return [m for m in out if isinstance(m, kind)]


def rows(out: list[Message], station: int = 0) -> dict[int, tuple[float, int]]:
    """(PGA, flags) by second since T0."""
    name = f"XX.S{station:03d}..HN"
    return {
        (t - T0) // NS: (a, f)
        for m in of(Motions, out)
        for s, t, a, f in zip(m.stations, m.t_ns, m.pga_mps2, m.flags, strict=True)
        if s == name
    }


def highest(out: list[Message]) -> float:
    return max(a for a, _ in rows(out).values())


def named(out: list[Message]) -> set[str]:
    return {m.reason for m in of(DataError, out)}


def raised(out: list[Message]) -> Flag:
    total = 0
    for _, f in rows(out).values():
        total |= f
    return Flag(total)


def station(vertical: np.ndarray, n: int = N) -> dict[str, np.ndarray]:
    return {channel("E"): noise(1, n), channel("N"): noise(2, n), channel("Z"): vertical}


Edit = Callable[[np.ndarray], None]
HEIGHT = 500_000.0  # counts: half of g, nearly


def spike(at: int, length: int = 1, height: float = HEIGHT) -> Edit:
    def edit(x: np.ndarray) -> None:
        x[at : at + length] += height

    return edit


def step(at: int, height: float = HEIGHT) -> Edit:
    return spike(at, N, height)


def both(*edits: Edit) -> Edit:
    def edit(x: np.ndarray) -> None:
        for e in edits:
            e(x)

    return edit


ARTEFACTS = [
    ("spike", spike(1500), Flag.SPIKE),
    ("spike downwards", spike(1500, height=-HEIGHT), Flag.SPIKE),
    ("spike of three samples", spike(1500, 3), Flag.SPIKE),
    ("spike that ends a packet", spike(1499), Flag.SPIKE),
    ("spike over two packets", spike(1499, 2), Flag.SPIKE),
    ("spike in the first second", spike(80), Flag.SPIKE),
    ("two spikes in a row", both(spike(1500), spike(1507, height=-HEIGHT)), Flag.SPIKE),
    ("two spikes of unequal height", both(spike(1500), spike(1509, 2, 3 * HEIGHT)), Flag.SPIKE),
    ("spikes every half second", both(*(spike(k) for k in range(1000, 2000, 50))), Flag.SPIKE),
    ("box of a tenth of a second", spike(1500, 10), Flag.SPIKE),
    ("step", step(1500), Flag.STEP),
    ("step at the edge of a packet", step(1550), Flag.STEP),
    ("step and back", both(step(1500), step(1600, -HEIGHT)), Flag.STEP),
    ("two steps", both(step(1500), step(1530)), Flag.STEP),
    ("spike, then a step", both(spike(1500), step(1512)), Flag.STEP | Flag.SPIKE),
    ("step, then a spike on it", both(step(1500), spike(1560)), Flag.STEP | Flag.SPIKE),
]


@pytest.mark.parametrize("unit", [0, 1], ids=["acceleration", "velocity"])
@pytest.mark.parametrize(("edit", "flag"), [a[1:] for a in ARTEFACTS], ids=[a[0] for a in ARTEFACTS])
def test_an_artefact_in_noise_is_named_and_measures_nothing(edit: Edit, flag: Flag, unit: int) -> None:
    clean = run(station(noise(0)), unit=unit)
    x = noise(0)
    edit(x)
    out = run(station(x), unit=unit)
    assert highest(out) < 1.5 * highest(clean)
    assert raised(out) & (Flag.SPIKE | Flag.STEP) == flag
    assert of(Pick, out) == []
    counted = {s for m in of(ChannelQuality, out) for c, s in zip(m.channels, m.spikes, strict=True) if s}
    assert bool(counted) == bool(flag & Flag.SPIKE)


@pytest.mark.parametrize("rate", [20.0, 31.25, 50.0, 200.0, 250.0])
@pytest.mark.parametrize("length", [1, 2])
def test_spikes_and_steps_at_every_rate(rate: float, length: int) -> None:
    n = int(40 * rate)
    x = noise(0, n)
    for at in (20.0, 20.5, 21.0, 21.5, 25.0):
        spike(int(at * rate), length)(x)
    x[int(30 * rate) :] += HEIGHT
    out = run(station(x, n), list(range(0, n, int(rate) // 2)), rate)
    assert highest(out) < QUIET
    assert raised(out) & (Flag.SPIKE | Flag.STEP) == Flag.SPIKE | Flag.STEP
    assert sum(sum(m.spikes) for m in of(ChannelQuality, out)) == 5


def test_a_lone_spike_at_full_scale_is_no_motion() -> None:
    x = noise(0)
    x[1500] = 2.0**23
    out = run(station(x), clip=2.0**23 - 1)
    assert highest(out) < QUIET
    assert raised(out) & Flag.SPIKE
    # The second is flagged, those after it are not: the sensor was never at its limit.
    clipped = [t for t, (_, f) in rows(out).items() if f & Flag.CLIPPED]
    assert clipped == [16]


def test_motion_at_full_scale_is_flagged() -> None:
    x = np.round(wavelet(1, amplitude=2.0) * GAIN)
    limit = 300_000.0
    out = run(station(np.clip(x, -limit, limit)), clip=limit)
    after = {t: f for t, (_, f) in rows(out).items() if t > 16}
    assert after
    assert all(f & Flag.CLIPPED for f in after.values())
    assert not raised(out) & (Flag.SPIKE | Flag.STEP)
    assert Reason.CLIPPED in named(out)


@pytest.mark.parametrize("gap_s", [0.5, 5.0, 40.0])
@pytest.mark.parametrize("change", [0.0, HEIGHT])
def test_the_level_may_change_in_a_gap(gap_s: float, change: float) -> None:
    """A step before a gap stays out after it; a step within it is taken out as well."""
    x = noise(0)
    x[1000:] += HEIGHT
    y = noise(5) + HEIGHT + change
    stream = packets(channel("Z"), x, CUTS)
    stream += packets(channel("Z"), y, CUTS, T0 + 30 * NS + int(gap_s * NS))
    out = feed(WaveformStage(Params(), make_table()), stream)
    assert highest(out) < QUIET
    assert Reason.GAP in named(out)
    assert sum(m.count for m in of(DataError, out) if m.reason == Reason.STEP) == (2 if change else 1)
    levels = [v for m in of(ChannelQuality, out) for v in m.offset_counts]
    assert levels[-1] == pytest.approx(500.0 + HEIGHT + change, abs=NOISE)


def test_shaking_after_a_gap_is_no_step() -> None:
    whole = np.round(wavelet(1) * GAIN)
    clean = run({channel("Z"): whole})
    late = packets(channel("Z"), whole[1550:], CUTS, T0 + 15_500_000_000)
    out = feed(WaveformStage(Params(), make_table()), packets(channel("Z"), whole[:1450], CUTS) + late)
    assert not raised(out) & (Flag.SPIKE | Flag.STEP)
    for t in (17, 18, 19):
        assert rows(out)[t][0] == pytest.approx(rows(clean)[t][0], rel=0.01)
        assert rows(out)[t][1] & Flag.SETTLING


def test_a_seismometer_shakes_no_more_for_a_gap() -> None:
    """A gap amid motion: the first difference after it is none."""
    t = np.arange(6000) / 100.0
    v = np.where(t >= 15, 0.01 * np.sin(4 * np.pi * (t - 15)), 0.0) * GAIN
    x = np.round(v + np.random.default_rng(0).standard_normal(6000))
    table = make_table(unit=1)
    stream = packets(channel("Z"), x[:1987], CUTS)
    stream += packets(channel("Z"), x[2087:], list(range(0, 4000, 50)), T0 + 20_870_000_000)
    out = feed(WaveformStage(Params(), table), stream)
    assert highest(out) == pytest.approx(highest(run({channel("Z"): x}, unit=1)), rel=0.1)


def sudden(jump: float = 1e-2, seed: int = 3) -> np.ndarray:
    """Counts: quiet noise, then motion whose first sample is a hundred times the noise."""
    rng = np.random.default_rng(seed)
    x = 1e-4 * rng.standard_normal(N)
    t = np.arange(N - 1500) / 100.0
    x[1500:] += 3 * jump * np.cos(2 * np.pi * 4 * t) * np.exp(-t / 5) * (1 + 0.2 * rng.standard_normal(1500))
    return np.round(x * GAIN)


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
def test_a_sudden_onset_is_not_mended(scale: float) -> None:
    x = sudden(1e-2 * scale)
    out = run(station(x))
    (pick,) = of(Pick, out)
    assert abs(pick.t_ns - (T0 + 15 * NS)) <= 0.02 * NS
    assert not raised(out) & (Flag.SPIKE | Flag.STEP)
    assert highest(out) == pytest.approx(np.abs(x[1500:]).max() / GAIN, rel=0.05)


def test_a_spike_before_an_onset_does_not_move_the_pick() -> None:
    x = sudden()
    (clean,) = of(Pick, run(station(x)))
    for before in (6, 15, 30, 150):
        y = x.copy()
        y[1500 - before] += HEIGHT
        out = run(station(y))
        (pick,) = of(Pick, out)
        assert abs(pick.t_ns - clean.t_ns) <= 0.01 * NS, before
        assert highest(out) == pytest.approx(highest(run(station(x))), rel=0.01)


@settings(max_examples=8, deadline=None)
@given(some.lists(some.integers(1, N - 1), max_size=60))
def test_the_cut_of_packets_changes_no_judgement(cuts: list[int]) -> None:
    x = sudden()
    both(spike(300), spike(309, 2), step(700), step(712), spike(905, 12), spike(1490), spike(2500, 1, 9e6))(x)
    traces = station(x)
    mixed = run(traces, [*cuts, 900, 1800, 2700])
    even = run(traces)
    assert rows(mixed) == rows(even)
    assert [(p.t_ns, p.snr) for p in of(Pick, mixed)] == [(p.t_ns, p.snr) for p in of(Pick, even)]


@pytest.mark.parametrize("factor", [0.25, 1024.0])
def test_gain_scales_out_of_artefacts(factor: float) -> None:
    x = sudden()
    both(spike(300), step(700), spike(905, 12))(x)
    plain = rows(run(station(x)))
    scaled = rows(run({k: v * factor for k, v in station(x).items()}, gain=GAIN * factor))
    assert {t: f for t, (_, f) in plain.items()} == {t: f for t, (_, f) in scaled.items()}
    assert [a for a, _ in plain.values()] == pytest.approx([a for a, _ in scaled.values()], rel=1e-9)


def test_artefacts_are_no_other_stations_business() -> None:
    x = noise(0)
    both(spike(300), step(700), spike(905, 12), step(1500))(x)
    other = {channel(c, 1): noise(10 + k) for k, c in enumerate("ENZ")}
    clean = run({**station(noise(0)), **other}, stations=2)
    dirty = run({**station(x), **other}, stations=2)
    assert rows(clean, 1) == rows(dirty, 1)
    assert rows(clean, 0) != rows(dirty, 0)


# --- time and rate -----------------------------------------------------------------------------------


def test_a_drifting_clock_is_named_and_shakes_nothing() -> None:
    """Two samples in a hundred seconds: time stamps run away from the nominal rate."""
    stream: list[Packet] = []
    for c in "ENZ":
        x = noise(ord(c), 10_000)
        for k, p in enumerate(packets(channel(c), x, list(range(0, 10_000, 50)))):
            at = p.t0_ns + k * 100_000  # 0.1 ms each half second
            stream.append(Packet(**{f: getattr(p, f) for f in p.__struct_fields__} | {"t0_ns": at}))
    out = feed(WaveformStage(Params(), make_table()), stream)
    assert highest(out) < QUIET
    assert raised(out) & Flag.CLOCK_DRIFT
    assert Reason.CLOCK_DRIFT in named(out)
    assert of(Pick, out) == []


def test_order_and_repetition_change_nothing_but_names() -> None:
    x = np.round(wavelet(1) * GAIN)
    clean = run(station(x))
    stream = [p for c, y in station(x).items() for p in packets(c, y, CUTS)]
    again = [Packet(**{f: getattr(p, f) for f in p.__struct_fields__}) for p in stream[3::7]]
    stage, out = WaveformStage(Params(), make_table()), []
    out = feed(stage, sorted(stream, key=lambda p: p.t_seen_ns)) + feed(stage, again)
    assert rows(out) == rows(clean)
    assert named(out) >= {Reason.DUPLICATE}


@pytest.mark.parametrize(("first", "second"), [(200.0, 100.0), (100.0, 200.0), (100.0, 31.25)])
def test_s_is_found_again_after_a_change_of_rate(first: float, second: float) -> None:
    """A search for S that was under way counts samples at the old rate: it must end with it."""
    stage, stream = WaveformStage(Params(), make_table(rate_hz=200.0)), []
    for c in "ENZ":
        n = int(20 * first)
        x = wavelet(1, n=n, onset=int(18 * first), rate_hz=first)
        stream += packets(channel(c), np.round(x * GAIN), list(range(0, n, int(first / 2))), T0, first)
        n = int(60 * second)
        x = wavelet(1, n=n, onset=int(30 * second), rate_hz=second)
        if c != "Z":
            s = slice(int(34 * second), int(36 * second))
            x[s] += np.random.default_rng(3).standard_normal(s.stop - s.start)
        cuts = list(range(0, n, int(second / 2)))
        stream += packets(channel(c), np.round(x * GAIN), cuts, T0 + 20 * NS, second)
    out = feed(stage, stream)
    found = [(p.phase, round((p.t_ns - T0) / NS)) for p in of(Pick, out)]
    assert found == [("P", 18), ("P", 50), ("S", 54)]
    assert Reason.RATE_CHANGE in named(out)


def test_s_is_not_sought_in_what_was_not_there() -> None:
    """Horizontals away after P for a while: what the ring holds of that time is older."""
    stream: list[Packet] = []
    x = np.round(wavelet(1, n=6000) * GAIN)
    stream += packets(channel("Z"), x, list(range(0, 6000, 50)))
    for c in "EN":
        y = np.round(wavelet(2, n=6000, onset=5900) * GAIN)
        y[:600] *= 1000.0  # would be an S, were it after P
        stream += packets(channel(c), y[:1700], list(range(0, 1700, 50)))
        stream += packets(channel(c), y[4500:], list(range(0, 1500, 50)), T0 + 45 * NS)
    out = feed(WaveformStage(Params(), make_table()), stream)
    assert [p.phase for p in of(Pick, out)].count("S") == 0


RATES = (20.0, 31.25, 50.0, 100.0, 200.0, 250.0)


def ground(rate: float) -> np.ndarray:
    """40 s of motion below 4 Hz, the same ground at every rate, counts."""
    t = np.arange(int(40 * rate)) / rate
    swell = 0.3 * np.exp(-(((t - 25) / 3) ** 2))
    return np.round(swell * (np.sin(2 * np.pi * 1.3 * t) + 0.5 * np.sin(2 * np.pi * 2.9 * t)) * GAIN * 100)


def test_every_rate_in_one_network_measures_the_same_ground() -> None:
    table = make_table(len(RATES), gain=GAIN * 100)
    table.ch_rate_hz[:] = np.repeat(RATES, 3)
    streams = [
        [
            p
            for c in "ENZ"
            for p in packets(channel(c, k), ground(r), list(range(0, int(40 * r), int(r))), T0, r)
        ]
        for k, r in enumerate(RATES)
    ]
    together = feed(WaveformStage(Params(), table), [p for s in streams for p in s])

    def measures(out: list[Message], k: int) -> list[tuple[float, ...]]:
        return [
            (t, a, v, g, j, w)
            for m in of(Motions, out)
            for s, t, a, v, g, j, w in zip(
                m.stations, m.t_ns, m.pga_mps2, m.pgv_mps, m.intensity_gbt, m.intensity_jma,
                m.wood_anderson_m, strict=True,
            )
            if s == f"XX.S{k:03d}..HN"
        ]  # fmt: skip

    peak = {}
    for k, rate in enumerate(RATES):
        alone = measures(feed(WaveformStage(Params(), table), streams[k]), k)
        assert measures(together, k) == alone
        assert len(alone) == 40
        peak[rate] = np.max(np.array(alone)[:, 1:], axis=0)
    for rate in RATES:
        ratio = peak[rate] / peak[100.0]
        assert ratio[:2] == pytest.approx(1.0, rel=0.1 if rate < 40 else 0.03)
        assert np.abs(peak[rate][2:4] - peak[100.0][2:4]).max() < 0.2


def test_a_component_at_another_rate_is_named_and_left_out() -> None:
    stream = packets(channel("Z"), noise(0), CUTS) + packets(channel("N"), noise(1), CUTS)
    stream += packets(channel("E"), noise(2, 6000) + 1e5, list(range(0, 6000, 100)), T0, 200.0)
    out = feed(WaveformStage(Params(), make_table(rate_hz=200.0)), stream)
    assert highest(out) < QUIET
    assert raised(out) & Flag.MIXED_RATES
    assert {n for m in of(Motions, out) for n in m.n_components[12:]} <= {2}


# --- quality -----------------------------------------------------------------------------------------


def test_quality_equals_plain_numpy() -> None:
    x = noise(0, 6000)
    x[3000:4500] = 500.0  # dead for fifteen seconds
    out = feed(WaveformStage(Params(), make_table()), packets(channel("Z"), x, list(range(0, 6000, 50))))
    found = {
        (t - T0) // NS: (o, r, n, f, g)
        for m in of(ChannelQuality, out)
        for t, o, r, n, f, g in zip(
            m.t_ns, m.offset_counts, m.rms_mps2, m.noise_mps2, m.flat_s, m.flags, strict=True
        )
    }
    assert sorted(found) == [10, 20, 30, 40, 50, 60]
    offset, rms, quiet, flat, flags = found[20]
    weights = 1.0 / np.minimum(6000, np.arange(1, 2001))
    base = np.zeros(2000)
    level = 0.0
    for k in range(2000):
        level += weights[k] * (x[k] - level)
        base[k] = level
    assert offset == pytest.approx(level, rel=1e-9)
    assert rms == pytest.approx(np.sqrt(np.mean(((x[:2000] - base)[1000:] / GAIN) ** 2)), rel=1e-9)
    assert 0.3 * rms < quiet < rms
    assert (flat, flags) == (0.0, 0)
    assert found[50][3] == pytest.approx(15.0, abs=0.02)
    assert found[40][4] | found[50][4] == Flag.FLAT
    assert Reason.DEAD in named(out)
