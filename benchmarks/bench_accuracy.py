"""First warnings on recorded earthquakes: how soon, where, how big. Prints the table of the README.

    python benchmarks/bench_accuracy.py [FOLDER with recorded sets]

Each set is a folder with waveforms, StationXML and the catalogue's event.xml. Times count from the
catalogue's origin; the floor is when P reached the fourth station that was recording (INDEX.md beside
the sets). A longer evaluation of archives is a command to come.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seiswarn.config import default_config
from seiswarn.errors import UsageError
from seiswarn.geo import distance_km
from seiswarn.messages import Alert
from seiswarn.runtime.replay import replay
from seiswarn.runtime.setup import archive_run
from seiswarn.timebase import NS

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = (
    "| set | first warning | floor (P4) | M first / +10 s / final (catalogue) "
    "| epicentre off, km: first / +10 s / final | events warned |"
)


@dataclass(frozen=True)
class Truth:
    time_ns: int
    latitude: float
    longitude: float
    magnitude: float


def truth(folder: Path) -> Truth | None:
    from obspy import read_events

    catalogue = read_events(str(folder / "event.xml"))
    if not len(catalogue) or not catalogue[0].origins:
        return None
    event = catalogue[0]
    origin = event.preferred_origin() or event.origins[0]
    magnitude = event.preferred_magnitude() or event.magnitudes[0]
    return Truth(origin.time._ns, origin.latitude, origin.longitude, magnitude.mag)


def floors(index: Path) -> dict[str, str]:
    """The P4 column of INDEX.md, per set."""
    found = {}
    if index.exists():
        for line in index.read_text().splitlines():
            cells = [c.strip() for c in line.split("|")]
            if len(cells) > 17:
                found[cells[1]] = cells[16]
    return found


def row(name: str, alerts: list[Alert], known: Truth | None, floor: str) -> str:
    events = list(dict.fromkeys(a.event_id for a in alerts))
    if not alerts or known is None:
        return f"| {name} | none | {floor or '-'} | - | - | {len(events)} |"
    mine = [a for a in alerts if a.event_id == events[0]]
    first = mine[0]
    later = [a for a in mine if a.t_seen_ns <= first.t_seen_ns + 10 * NS][-1]
    three = (first, later, mine[-1])
    size = " / ".join(f"{a.magnitude.value:.1f}" for a in three)
    off = [distance_km(a.origin.latitude, a.origin.longitude, known.latitude, known.longitude) for a in three]
    place = " / ".join(f"{d:.0f}" for d in off)
    soon = f"{(first.t_seen_ns - known.time_ns) / NS:.1f} s"
    return f"| {name} | {soon} | {floor or '-'} | {size} ({known.magnitude:.1f}) | {place} | {len(events)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=Path, default=ROOT / ".." / "shared" / "events")
    options = parser.parse_args()
    floor = floors(options.events / "INDEX.md")
    print(COLUMNS)
    print("|---" * 6 + "|")
    for folder in sorted(p for p in options.events.iterdir() if (p / "event.xml").exists()):
        try:
            setup, feed = archive_run(folder, default_config(), packet_s=0.5, latency_s=0.0, status="test")
        except UsageError as error:
            print(f"{folder.name}: {error}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as out:
            summary = replay(setup, feed, Path(out))
        print(row(folder.name, summary.alerts, truth(folder), floor.get(folder.name, "")), flush=True)


if __name__ == "__main__":
    main()
