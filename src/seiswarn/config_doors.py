"""The ways in, as [[ingest]] of the configuration describes them: recorded and live ones.

Import-light, as all of the configuration: the sources themselves are opened by `runtime.sources`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from seiswarn.config_check import Findings
from seiswarn.messages import Status
from seiswarn.timebase import parse_iso


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections of the configuration."""


PacketS = Annotated[
    float, Meta(ge=0, le=60, description="length in seconds packets are cut to; 0: as they are stored")
]
LatencyS = Annotated[float, Meta(ge=0, le=3600, description="seconds from a packet's last sample to here")]
Speed = Annotated[float, Meta(ge=0, description="times real time; 0: as fast as possible")]


class IngestArchive(Section, frozen=True, kw_only=True, tag_field="kind", tag="archive"):
    """Recorded data: a folder with miniSEED and StationXML files."""

    path: Annotated[str, Meta(min_length=1, description="folder, relative to this file")]
    packet_s: PacketS = 0.5
    latency_s: LatencyS = 0.0
    speed: Speed = 1.0


class IngestRecords(Section, frozen=True, kw_only=True, tag_field="kind", tag="records"):
    """Recorded data: a file of miniSEED records in the order in which they came, played as they are."""

    path: Annotated[str, Meta(min_length=1, description="file, relative to this file")]
    latency_s: LatencyS = 0.0
    speed: Speed = 1.0


class IngestSynthetic(Section, frozen=True, kw_only=True, tag_field="kind", tag="synthetic"):
    """An earthquake that never happened, recorded by the stations of this configuration."""

    origin_time: Annotated[str, Meta(description="ISO 8601, UTC, e.g. 2026-03-01T02:00:00Z")]
    latitude: Annotated[float, Meta(ge=-90, le=90, description="of the epicentre, degrees")]
    longitude: Annotated[float, Meta(ge=-180, le=180, description="of the epicentre, degrees")]
    depth_km: Annotated[float, Meta(ge=0, le=100, description="of the hypocentre")]
    mw: Annotated[float, Meta(ge=3, le=8, description="moment magnitude")]
    stress_drop_mpa: Annotated[float, Meta(gt=0, le=100, description="Brune stress drop")] = 10.0
    seed: Annotated[int, Meta(ge=0, description="of all randomness")] = 1
    lead_s: Annotated[float, Meta(ge=0, description="seconds of noise before the origin time")] = 30.0
    duration_s: Annotated[float, Meta(gt=0, description="seconds of recording")] = 180.0
    noise_db: Annotated[float, Meta(description="ground noise against Peterson's high-noise model, dB")] = 0.0
    rupture_km: Annotated[
        float, Meta(ge=0, le=1000, description="length of a straight rupture; 0: a point source")
    ] = 0.0
    scattering_per_km: Annotated[
        float, Meta(ge=0, le=0.1, description="scattering coefficient of the ground, about 0.01; 0: no coda")
    ] = 0.0
    strike_deg: Annotated[float, Meta(ge=0, lt=360, description="of the rupture")] = 0.0
    rupture_behind: Annotated[
        float,
        Meta(ge=0, le=1, description="share of the rupture that lies against strike from the hypocentre"),
    ] = 0.5
    packet_s: PacketS = 0.5
    latency_s: LatencyS = 0.0
    speed: Speed = 1.0

    def scenario(self) -> dict[str, Any]:
        """The fields of `seiswarn.ingest.synthetic.Scenario`."""
        fields = msgspec.structs.asdict(self)
        for own in ("origin_time", "packet_s", "latency_s", "speed"):
            del fields[own]
        return {"origin_ns": parse_iso(self.origin_time), **fields}


Patterns = Annotated[
    tuple[str, ...], Meta(min_length=1, description="stations, NET_STA with * and ? as wildcards")
]


class IngestSeedlink(Section, frozen=True, kw_only=True, tag_field="kind", tag="seedlink"):
    """SeedLink servers, each with a connection of its own; all of one entry share a process."""

    servers: Annotated[
        tuple[str, ...], Meta(min_length=1, description="HOST or HOST:PORT of each; [..] around IPv6")
    ]
    stations: Patterns = ("*_*",)
    selectors: Annotated[
        tuple[str, ...],
        Meta(description="channels, as SeedLink 4 (B_H_Z) or 3 (BHZ) writes them; empty: all"),
    ] = ()
    version: Annotated[
        Literal["auto", "3", "4"], Meta(description="of the protocol; auto: the highest both know")
    ] = "auto"
    tls: Annotated[bool, Meta(description="encrypted")] = False
    tls_verify: Annotated[bool, Meta(description="insist on a valid certificate of the server")] = True
    user: Annotated[str, Meta(description="for servers of version 4 that ask who we are")] = ""
    password_file: Annotated[
        str, Meta(description="file with the password of the user in its first line, relative to this file")
    ] = ""
    backfill_s: Annotated[
        float, Meta(ge=0, description="after an interruption, older data than this are not waited for")
    ] = 600.0
    silent_s: Annotated[
        float, Meta(ge=1, le=3600, description="a server that says nothing at all for this long is left")
    ] = 10.0
    quiet_s: Annotated[
        float, Meta(ge=1, description="a station without data for this long is named in the status")
    ] = 60.0
    poke_s: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="ask servers that look for data now and then (ringserver: once a second) as often"
            " as this, e.g. 0.02; 0: do not",
        ),
    ] = 0.0


Recorded = IngestArchive | IngestRecords | IngestSynthetic
Live = IngestSeedlink
Ingest = IngestArchive | IngestRecords | IngestSynthetic | IngestSeedlink


def host_and_port(server: str, port: int = 18000) -> tuple[str, int] | None:
    """Host and port out of HOST, HOST:PORT or [IPV6]:PORT; None when it is none of these."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+))(?::(\d{1,5}))?", server.strip())
    if match is None or not 0 < int(match[3] or port) < 65536:
        return None
    return match[1] or match[2], int(match[3] or port)


def check_doors(doors: Sequence[Ingest], status: Status, findings: Findings) -> None:
    """What no single value of an [[ingest]] can tell, noted in `findings`."""
    for k, door in enumerate(doors):
        if isinstance(door, IngestArchive) and not Path(door.path).exists():
            findings.add(("ingest", k, "path"), f"there is no folder {door.path}")
        if isinstance(door, IngestRecords) and not Path(door.path).is_file():
            findings.add(("ingest", k, "path"), f"there is no file {door.path}")
        if isinstance(door, IngestSynthetic):
            _check_synthetic(k, door, status, findings)
        if isinstance(door, IngestSeedlink):
            _check_seedlink(k, door, findings)


def _check_synthetic(k: int, door: IngestSynthetic, status: Status, findings: Findings) -> None:
    try:
        parse_iso(door.origin_time)
    except ValueError as error:
        findings.add(("ingest", k, "origin_time"), str(error), "e.g. 2026-03-01T02:00:00Z")
    if status == "actual":
        text = "a synthetic earthquake may not enter an actual run"
        findings.add(("ingest", k), text, 'set run.status to "exercise" or "test"')


def _check_seedlink(k: int, door: IngestSeedlink, findings: Findings) -> None:
    for n, server in enumerate(door.servers):
        if host_and_port(server) is None:
            text = f"{server!r} is no HOST:PORT"
            findings.add(("ingest", k, "servers", n), text, "e.g. localhost:18000")
    if door.password_file and not Path(door.password_file).is_file():
        findings.add(("ingest", k, "password_file"), f"there is no file {door.password_file}")
