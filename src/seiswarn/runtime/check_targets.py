"""Whether the targets of a configuration can be forecast for, each told with where it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seiswarn.config import Config
from seiswarn.config_lines import key_lines
from seiswarn.config_targets import read_targets
from seiswarn.nearest import nearest
from seiswarn.runtime.finding import Finding
from seiswarn.stations import StationTable
from seiswarn.targets import Target

# The farthest any ground-motion model here was made for (BSSA14: Boore and others 2014, R_JB to 400 km).
MAX_RANGE_KM = 400.0
SAME_PLACE_KM = 0.01  # nearer than any two sites that need warnings of their own
TOLD = 5  # of findings of one sort; the rest is counted


def target_findings(path: Path, config: Config, table: StationTable) -> list[Finding]:
    """Configured targets that lie out of reach, seem to have their coordinates exchanged, or share a place.

    Exchanged coordinates are a failure, the others warnings. `path` is the file of the configuration.
    """
    targets = config.targets
    if not targets or not table.n_stations:
        return []
    places = _places(path, config)
    lat, lon = np.array([t.latitude for t in targets]), np.array([t.longitude for t in targets])
    km, _ = nearest(lat, lon, table.st_latitude, table.st_longitude)
    turned = np.where(np.abs(lon) <= 90.0, lon, 0.0)
    turned_km, at = nearest(turned, lat, table.st_latitude, table.st_longitude)
    exchanged = (km > MAX_RANGE_KM) & (np.abs(lon) <= 90.0) & (turned_km <= MAX_RANGE_KM)
    failures = [
        f"{_told(targets[i], places)}: latitude and longitude seem exchanged: it is {km[i]:.0f} km from the"
        f" nearest station, the other way round {turned_km[i]:.0f} km from {table.stations[at[i]]}"
        for i in np.flatnonzero(exchanged)
    ]
    far = [
        f"{_told(targets[i], places)} is {km[i]:.0f} km from the nearest station: no forecast there is"
        f" inside any model's range of {MAX_RANGE_KM:.0f} km"
        for i in np.flatnonzero((km > MAX_RANGE_KM) & ~exchanged)
    ]
    same = [
        f"{_told(targets[i], places)} lies where {_told(targets[j], places)} does"
        for i, j in _same_place(lat, lon)
    ]
    return [*_first(failures, ok=False), *_first(far, ok=True), *_first(same, ok=True)]


def _first(sentences: list[str], *, ok: bool) -> list[Finding]:
    shown = [Finding("targets", ok, sentence, warning=ok) for sentence in sentences[:TOLD]]
    if len(sentences) > TOLD:
        rest = f"... and {len(sentences) - TOLD} more targets like the last one"
        shown.append(Finding("targets", ok, rest, warning=ok))
    return shown


def _told(target: Target, places: dict[str, str]) -> str:
    where = places.get(target.name)
    return f"target {target.name} ({where})" if where else f"target {target.name}"


def _places(path: Path, config: Config) -> dict[str, str]:
    """File and line of each target; a name stands once in a sound configuration."""
    places: dict[str, str] = {}
    for file in map(Path, config.shaking.targets):
        found = read_targets(file, config.shaking.section_km)
        for target, line in zip(found.targets, found.lines, strict=True):
            places[target.name] = f"{file.name}:{line}" if line else file.name
    lines = key_lines(path.read_bytes().decode("utf-8-sig"))
    own = config.targets[len(places) :]
    places |= {t.name: f"{path.name}:{lines.line(('targets', k))}" for k, t in enumerate(own)}
    return places


def _same_place(lat: np.ndarray, lon: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of targets at one place, each with the first one there."""
    from scipy.spatial import cKDTree

    step_deg = SAME_PLACE_KM / 111.2
    pairs = cKDTree(np.stack([lat, lon], axis=-1)).query_pairs(step_deg)
    first: dict[int, int] = {}
    for i, j in sorted(pairs):
        first.setdefault(j, i)
    return sorted(first.items())
