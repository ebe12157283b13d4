"""What a process of the daemon is told at its start: a JSON file in the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from seiswarn.bus import Security
from seiswarn.config import Config
from seiswarn.config_doors import IngestStdin
from seiswarn.config_parts import Cap, Report
from seiswarn.errors import SeiswarnError
from seiswarn.messages import Status

Kind = Literal["core", "ingest", "publish", "store", "series", "web"]
SourceKind = Literal["archive", "records", "synthetic", "live"]

LIVE_KINDS = frozenset({"live"})  # sources that come when they come; the others are recorded


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One way in. `entry` is the index of its [[ingest]] for what is made from it; speed 0: no waiting."""

    name: str
    kind: SourceKind
    path: str = ""
    entry: int = 0
    packet_s: float = 0.5
    latency_s: float = 0.0
    speed: float = 1.0


class SinkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One way out. `keep`: what an earlier run left in a folder stays."""

    name: str
    kind: Literal["file", "zmq"]
    path: str = ""
    keep: bool = False
    endpoint: str = ""
    encoding: Literal["json", "msgpack"] = "json"
    security: Security = Security()
    production: bool = False
    audiences: tuple[str, ...] = ()
    allow: tuple[Status, ...] = ()
    cap: Cap = Cap()
    report: Report = Report()


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the processes of one daemon meet, all of it local."""

    input: str
    output: str
    control: str


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that one process needs to know.

    `parent_pid` is the supervisor's: a process does not outlive it. `max_file_bytes` bounds every
    file the process writes (0: unbounded), so that a runaway journal cannot fill the disk.
    """

    name: str
    kind: Kind
    run_id: str
    fingerprint: str = ""
    folder: str
    config: Config
    status: Status
    endpoints: Endpoints
    parent_pid: int
    sources: tuple[SourceSpec, ...] = ()
    sinks: tuple[SinkSpec, ...] = ()
    max_file_bytes: int = 0


def reads_stdin(spec: ProcessSpec) -> bool:
    """Whether a process receives the standard input of the daemon."""
    doors = [spec.config.ingest[s.entry] for s in spec.sources if s.kind == "live"]
    return spec.kind == "ingest" and any(isinstance(door, IngestStdin) for door in doors)


NEXT = ".next"


def spec_path(spec: ProcessSpec, mark: str = "") -> Path:
    """Where the spec of a process lies; with the mark `NEXT` the one it is to take over."""
    return Path(spec.folder) / "processes" / f"{spec.name}{mark}.json"


def write_spec(spec: ProcessSpec, mark: str = "") -> Path:
    """Put the spec into the run folder and say where."""
    path = spec_path(spec, mark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=1))
    return path


def read_spec(path: Path) -> ProcessSpec:
    """The spec in a file. Raises SeiswarnError when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ProcessSpec)
    except (OSError, msgspec.MsgspecError) as error:
        raise SeiswarnError(f"{path}: no process specification: {error}") from error
