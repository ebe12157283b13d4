"""What a run says of itself in `run.json`: its audiences and their thresholds, targets, and source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from seiswarn.errors import UsageError
from seiswarn.runtime.files import RUN_FILE
from seiswarn.targets import Target, TargetTable


class RuleSeen(msgspec.Struct, frozen=True):
    """A rule of an audience."""

    name: str = ""
    min_magnitude: float = -2.0
    min_intensity: float = 0.0
    within_km: float = 0.0


class LevelSeen(msgspec.Struct, frozen=True):
    """A level of an audience."""

    name: str
    at_least: float
    name_zh: str = ""
    colour: str = ""


class AudienceSeen(msgspec.Struct, frozen=True):
    """An audience as the run had it configured; see `alerts.params`."""

    name: str = "public"
    measure: str = "intensity"
    levels: tuple[LevelSeen, ...] = ()
    rules: tuple[RuleSeen, ...] = ()
    min_magnitude: float = 4.0
    min_intensity: float = 3.0
    min_pga_gal: float = 0.0
    min_stations: int = 2
    wavefield_stations: int = 2
    release_solution: int = 1
    max_false_per_year: float = 1.0
    max_magnitude_sigma: float = 0.7
    max_epicentre_sigma_km: float = 150.0
    max_age_s: float = 120.0
    max_warnings: int = 3
    decision_every_s: float = 10.0


class RunFacts(msgspec.Struct, frozen=True):
    """A run's own account; empty where it has left none."""

    folder: str = ""
    source: str = ""
    version: str = ""
    status: str = ""
    n_stations: int = 0
    min_stations: int = 0  # to declare an event
    audiences: tuple[AudienceSeen, ...] = ()
    target_names: tuple[str, ...] = ()  # in the order of the columns of a forecast
    target_digest: str = ""
    problem: str = ""

    def audience(self, name: str) -> AudienceSeen | None:
        """How an audience was configured, where that is known."""
        return next((a for a in self.audiences if a.name == name), None)

    def target(self, digest: str, k: int) -> str:
        """The name of a column of a forecast; empty when it is not known."""
        known = digest == self.target_digest and 0 <= k < len(self.target_names)
        return self.target_names[k] if known else ""


def run_facts(path: Path) -> RunFacts:
    """What stands in `run.json` beside a journal, or in a run folder; empty facts with a problem without."""
    folder = path if path.is_dir() else path.parent.parent if path.parent.name == "journal" else path.parent
    shown = str(path)
    file = folder / RUN_FILE
    try:
        run = msgspec.json.decode(file.read_bytes())
        return _facts(shown, run)
    except FileNotFoundError:
        return RunFacts(
            folder=shown,
            problem=f"there is no {RUN_FILE} (the run was stopped, or is going on): thresholds are not known",
        )
    except (OSError, msgspec.MsgspecError, AttributeError, TypeError, ValueError) as error:
        return RunFacts(folder=shown, problem=f"{RUN_FILE} cannot be read: {error}")


def _facts(folder: str, run: dict[str, Any]) -> RunFacts:
    config = run.get("config") or {}
    tables = config.get("audience") or [config.get("alerts") or {}]
    names, digest = _targets(config.get("targets") or ())
    known = digest == run.get("targets_digest", digest)  # places of the gazetteer are not listed
    return RunFacts(
        folder=folder,
        source=str((run.get("source") or {}).get("name", "")),
        version=str((run.get("versions") or {}).get("seiswarn", "")),
        status=str(run.get("status", "")),
        n_stations=int(run.get("n_stations", 0)),
        min_stations=int((config.get("source") or {}).get("min_stations", 0)),
        audiences=msgspec.convert(tables, tuple[AudienceSeen, ...]) if config else (),
        target_names=names if known else (),
        target_digest=digest,
    )


def _targets(tables: Any) -> tuple[tuple[str, ...], str]:
    known = set(Target.__struct_fields__)
    try:
        targets = [msgspec.convert({k: v for k, v in t.items() if k in known}, Target) for t in tables]
        table = TargetTable.of(targets)
    except (msgspec.MsgspecError, UsageError):
        return (), ""
    return table.names, table.digest
