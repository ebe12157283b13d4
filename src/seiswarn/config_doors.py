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


StationCode = Annotated[str, Meta(pattern="^[A-Z0-9]{1,8}$", description="code of the station")]
NetworkCode = Annotated[str, Meta(pattern="^[A-Z0-9]{1,8}$", description="FDSN code of the network")]
LocationCode = Annotated[str, Meta(pattern="^[A-Z0-9]{0,8}$", description="location code of all channels")]
SilentS = Annotated[
    float, Meta(ge=0, le=86_400, description="without data for this long the link is called silent; 0: never")
]
PollS = Annotated[float, Meta(ge=0.02, le=60, description="seconds between two looks into the folder")]
Existing = Annotated[
    Literal["skip", "read"],
    Meta(
        description="what stands in the folder when it is watched for the first time is passed over or read"
    ),
]
Backfill = Annotated[
    float, Meta(ge=0, description="records that end longer ago than this go to the archive alone")
]
SettleS = Annotated[float, Meta(ge=1, description="a file that has not changed for this long is finished")]
After = Annotated[
    Literal["keep", "delete", "move"],
    Meta(description="what becomes of a file that is finished and journaled; move: into .done in the folder"),
]


class IngestShakeUdp(Section, frozen=True, kw_only=True, tag_field="kind", tag="shake_udp"):
    """Raspberry Shakes whose UDP datacast is sent to a port of this computer."""

    listen: Annotated[str, Meta(description="ADDRESS:PORT to listen at; 0.0.0.0: all addresses")] = (
        "0.0.0.0:8888"
    )
    network: NetworkCode = "AM"
    station: StationCode = "R0000"
    location: LocationCode = "00"
    senders: Annotated[
        tuple[str, ...],
        Meta(
            description='stations by address of the sender, each "ADDRESS=STATION"; empty: all is of station'
        ),
    ] = ()
    rate_hz: Annotated[
        float,
        Meta(ge=0, le=1000, description="sampling rate; 0: found from the spacing of the first datagrams"),
    ] = 100.0
    silent_s: SilentS = 10.0


class IngestFolder(Section, frozen=True, kw_only=True, tag_field="kind", tag="folder"):
    """A folder that fills with miniSEED files, in any tree below it."""

    path: Annotated[str, Meta(min_length=1, description="folder, relative to this file")]
    poll_s: PollS = 0.2
    existing: Existing = "skip"
    backfill_s: Backfill = 600.0
    settle_s: SettleS = 60.0
    after: After = "keep"


class IngestKnet(Section, frozen=True, kw_only=True, tag_field="kind", tag="knet"):
    """A folder that fills with K-NET and KiK-net ASCII files."""

    path: Annotated[str, Meta(min_length=1, description="folder, relative to this file")]
    poll_s: PollS = 0.2
    existing: Existing = "skip"
    backfill_s: Backfill = 600.0
    settle_s: SettleS = 60.0
    after: After = "keep"


class IngestMqtt(Section, frozen=True, kw_only=True, tag_field="kind", tag="mqtt"):
    """OpenEEW sensors that publish JSON to an MQTT broker."""

    broker: Annotated[
        str, Meta(min_length=1, description="HOST or HOST:PORT; without one 1883, or 8883 by TLS")
    ]
    topics: Annotated[
        tuple[str, ...], Meta(min_length=1, description="topics to subscribe to, with + and # as wildcards")
    ] = ("traces/#",)
    qos: Annotated[Literal[0, 1], Meta(description="quality of service; 1: nothing is lost on the way")] = 1
    client_id: Annotated[
        str,
        Meta(
            pattern="^[0-9A-Za-z_-]{0,60}$",
            description="name of the session the broker keeps, no other has it; empty: none is kept",
        ),
    ] = "seiswarn"
    user: Annotated[str, Meta(description="for brokers that ask who we are")] = ""
    password_file: Annotated[
        str, Meta(description="file with the password of the user in its first line, relative to this file")
    ] = ""
    tls: Annotated[bool, Meta(description="encrypted")] = False
    tls_verify: Annotated[bool, Meta(description="insist on a valid certificate of the broker")] = True
    tls_ca: Annotated[
        str,
        Meta(description="file of the authority that signed it, relative to this file; empty: the system's"),
    ] = ""
    network: NetworkCode = "OE"
    location: LocationCode = "00"
    channels: Annotated[
        tuple[str, str, str], Meta(description="codes of the channels of the axes x, y and z of a sensor")
    ] = ("BNZ", "BNN", "BNE")
    devices: Annotated[
        tuple[str, ...],
        Meta(description='stations by device_id, each "DEVICE=STATION"; others get a code made of it'),
    ] = ()
    times: Annotated[
        Literal["device", "arrival"],
        Meta(description="times are those the sensors send, or those at which their messages arrive"),
    ] = "device"
    silent_s: SilentS = 10.0
    quiet_s: Annotated[
        float, Meta(ge=1, description="a sensor without data for this long is named in the status")
    ] = 60.0


class IngestStdin(Section, frozen=True, kw_only=True, tag_field="kind", tag="stdin"):
    """miniSEED that another program pipes in; the run ends with it."""

    silent_s: SilentS = 60.0


Recorded = IngestArchive | IngestRecords | IngestSynthetic
Live = IngestSeedlink | IngestShakeUdp | IngestFolder | IngestKnet | IngestMqtt | IngestStdin
Ingest = (
    IngestArchive
    | IngestRecords
    | IngestSynthetic
    | IngestSeedlink
    | IngestShakeUdp
    | IngestFolder
    | IngestKnet
    | IngestMqtt
    | IngestStdin
)


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
        if isinstance(door, IngestShakeUdp):
            _check_shake(k, door, findings)
        if isinstance(door, IngestFolder | IngestKnet) and not Path(door.path).is_dir():
            findings.add(("ingest", k, "path"), f"there is no folder {door.path}")
        if isinstance(door, IngestMqtt):
            _check_mqtt(k, door, findings)
        if isinstance(door, IngestStdin) and any(isinstance(d, IngestStdin) for d in doors[:k]):
            findings.add(("ingest", k), "only one source can read the standard input")


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


def pairs(texts: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """Names and station codes out of texts NAME=STATION; None when one is none."""
    found = [re.fullmatch(r"(\S[^=]*)=([A-Z0-9]{1,8})", text) for text in texts]
    return None if None in found else tuple((m[1].strip(), m[2]) for m in found if m is not None)


def _check_pairs(k: int, name: str, texts: Sequence[str], findings: Findings, example: str) -> None:
    for n, text in enumerate(texts):
        if pairs((text,)) is None:
            findings.add(
                ("ingest", k, name, n), f"{text!r} is no {name.upper()[:-1]}=STATION", f"e.g. {example}"
            )
    names = [text.split("=")[0].strip() for text in texts]
    for n, one in enumerate(names):
        if one in names[:n]:
            findings.add(("ingest", k, name, n), f"{one} is given twice")


def _check_shake(k: int, door: IngestShakeUdp, findings: Findings) -> None:
    if host_and_port(door.listen, 8888) is None:
        findings.add(("ingest", k, "listen"), f"{door.listen!r} is no ADDRESS:PORT", "e.g. 0.0.0.0:8888")
    _check_pairs(k, "senders", door.senders, findings, "192.168.1.20=R1A2B")


def _check_mqtt(k: int, door: IngestMqtt, findings: Findings) -> None:
    if host_and_port(door.broker, 1883) is None:
        findings.add(("ingest", k, "broker"), f"{door.broker!r} is no HOST:PORT", "e.g. localhost:1883")
    for name in ("password_file", "tls_ca"):
        file = getattr(door, name)
        if file and not Path(file).is_file():
            findings.add(("ingest", k, name), f"there is no file {file}")
    for n, channel in enumerate(door.channels):
        if not re.fullmatch(r"[A-Z][A-Z0-9][A-Z0-9]", channel):
            findings.add(("ingest", k, "channels", n), f"{channel!r} is no channel code", "e.g. BNZ")
    if len(set(door.channels)) < len(door.channels):
        findings.add(("ingest", k, "channels"), "the axes need channels of their own")
    for n, topic in enumerate(door.topics):
        if not re.fullmatch(r"(?:(?:\+|[^+#/]*)/)*(?:#|\+|[^+#/]*)", topic) or not topic:
            findings.add(("ingest", k, "topics", n), f"{topic!r} is no topic of MQTT", "e.g. traces/#")
    _check_pairs(k, "devices", door.devices, findings, "A8032A4DD5F0=CHIA1")
