"""Picks against people's, and false picks on noise. Prints the table of the README.

    python benchmarks/bench_picks.py [FOLDER with recorded sets]

Onsets: 154 records with manual P and S picks. False picks: P picks per channel-hour of vertical
channels on sets or stretches without a known event near by; the two sets of microseismicity hold
real small earthquakes, so a plain STA/LTA (obspy, same band and lengths, on 12 off 2, no further
test) stands beside each.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import obspy
from obspy.signal.trigger import recursive_sta_lta, trigger_onset
from scipy import signal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.reference import manual_picks as mp  # noqa: E402

from seiswarn.waveform.params import Params  # noqa: E402

YKA_FIRST_P = obspy.UTCDateTime("2012-08-14T03:07:30")  # a little before P, 492 s after origin

# Set and what it is.
QUIET = (
    ("noise20100901_fournaise", "volcano, 3 h"),
    ("teleseism20120814_yka", "array, the minutes before a teleseism"),
    ("openeew", "MEMS sensors, the minutes before each of seven events"),
    ("ridgecrest20190707_continuous", "boreholes in an aftershock zone: real small events"),
    ("hengill20181230_microseismic", "geothermal field: real small events"),
)


def verticals(folder: Path, end: obspy.UTCDateTime | None) -> list[mp.Trace]:
    """Vertical traces of a set up to `end`, with the gain of their StationXML."""
    inventory = obspy.read_inventory(folder / "stations.xml")
    out = []
    for trace in sorted(obspy.read(folder / "waveforms.mseed"), key=lambda t: (t.id, t.stats.starttime)):
        if not trace.id.endswith("Z"):
            continue
        kept = trace.trim(endtime=end) if end else trace
        s = kept.stats
        if s.npts < 30 * s.sampling_rate:
            continue
        found = inventory.select(network=s.network, station=s.station, location=s.location, channel=s.channel)
        response = found[0][0][0].response.instrument_sensitivity
        out.append(
            mp.Trace(
                f"{s.network}.{s.station}.{s.location}.{s.channel[:2]}",
                "Z",
                s.starttime.ns,
                float(s.sampling_rate),
                kept.data,
                float(response.value),
                "S**2" not in response.input_units.upper(),
            )
        )
    return out


def quiet_sets(events: Path, name: str) -> list[list[mp.Trace]]:
    """The stretches of a row of QUIET, each to be run by itself."""
    if name == "openeew":
        stretches = []
        for folder in sorted(events.glob("openeew_*")):
            event = obspy.read_events(folder / "event.xml")[0]
            origin = event.preferred_origin() or event.origins[0]
            stretches.append(verticals(folder, origin.time))
        return stretches
    return [verticals(events / name, YKA_FIRST_P if name.startswith("teleseism") else None)]


def plain_triggers(trace: mp.Trace, params: Params) -> int:
    """Triggers of obspy's recursive STA/LTA on the same band and lengths."""
    rate = trace.rate_hz
    x = (trace.counts - np.mean(trace.counts)) / trace.gain
    x = np.gradient(x) * rate if trace.is_velocity else x
    x = signal.sosfilt(signal.butter(2, min(params.pick_low_hz, 0.2 * rate), "hp", fs=rate, output="sos"), x)
    if params.pick_high_hz < 0.4 * rate:
        x = signal.sosfilt(signal.butter(2, params.pick_high_hz, "lp", fs=rate, output="sos"), x)
    lta = int(params.lta_s * rate)
    if len(x) <= lta:
        return 0
    return len(trigger_onset(recursive_sta_lta(x, int(params.sta_s * rate), lta), 12.0, 2.0))


def print_onsets(events: Path) -> None:
    records = mp.read_records(events / "picks_ncedc_154")
    traces = [t for r in records for t in r.traces]
    s = mp.score(records, mp.picks_of(traces, Params(min_pick_mps2=0.0)))
    p, near = np.abs(s.p_residuals), np.abs(s.s_residuals)
    print(f"Onsets: {s.n_records} of {len(records)} records have SNR > {mp.MIN_SNR:g}, amplitude floor 0")
    print("| | found | median abs | 90 % abs | bias | false |")
    print("|---|---|---|---|---|---|")
    print(
        f"| P | {s.p_found:.1%} | {np.median(p):.3f} s | {np.percentile(p, 90):.3f} s "
        f"| {np.median(s.p_residuals):+.3f} s "
        f"| {s.p_early} before P, {s.p_at_s} at S, {s.p_elsewhere} elsewhere after |"
    )
    if len(near):
        every = np.abs([*s.s_residuals, *s.s_false])
        print(
            f"| S ({s.n_three} three-component) | {s.s_found:.1%} | {np.median(near):.3f} s "
            f"| {np.percentile(near, 90):.3f} s (all S: {np.percentile(every, 90):.3f} s) "
            f"| {np.median(s.s_residuals):+.3f} s | {len(s.s_false)} |"
        )
    else:
        print(f"| S ({s.n_three} three-component) | none | | | | {len(s.s_false)} |")
    worst = sorted(s.p_residuals, key=abs)[-5:]
    print(f"P missed: {', '.join(s.p_missed) or 'none'}; largest residuals {np.round(worst, 2).tolist()} s")


def print_noise(events: Path) -> None:
    print("\nP picks per channel-hour")
    print("| set | channel-hours | default | without amplitude floor | plain STA/LTA |  |")
    print("|---|---|---|---|---|---|")
    for name, what in QUIET:
        hours, plain, counts = 0.0, 0, [0, 0]
        for traces in quiet_sets(events, name):
            hours += sum(len(t.counts) / t.rate_hz for t in traces) / 3600.0
            plain += sum(plain_triggers(t, Params()) for t in traces)
            for k, params in enumerate((Params(), Params(min_pick_mps2=0.0))):
                picks = mp.picks_of(traces, params)
                counts[k] += sum(p.phase == "P" for rows in picks.values() for p in rows)
        rates = " | ".join(f"{n / hours:.2f}" for n in (*counts, plain))
        print(f"| {name} | {hours:.1f} | {rates} | {what} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=Path, default=ROOT.parent / "shared" / "events")
    events = parser.parse_args().events.resolve()
    if not (events / "picks_ncedc_154").is_dir():
        sys.exit(f"no recorded sets in {events}")
    print_onsets(events)
    print_noise(events)


if __name__ == "__main__":
    main()
