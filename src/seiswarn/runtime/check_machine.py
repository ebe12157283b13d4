"""What a live check says of the machine: clock, descriptors, kernels' place, room for what is kept."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import statistics
import struct
import subprocess
from pathlib import Path

from seiswarn.config import Config
from seiswarn.config_doors import Live
from seiswarn.runtime import clock
from seiswarn.runtime.archiving import archive_folder
from seiswarn.runtime.clock_state import clock_state
from seiswarn.runtime.finding import Finding
from seiswarn.runtime.watch import MAX_CLOCK_ERROR_S, MIN_FREE_BYTES
from seiswarn.timebase import NS

NTP_PORT, NTP_EPOCH_S = 123, 2_208_988_800  # RFC 5905: seconds from 1900 to 1970
NTP_PATIENCE_S = 3.0
FEW_DESCRIPTORS = 256  # journals, databases, sockets and logs of one process, with room (a choice)
ASK_DESCRIPTORS = 4096


def machine_findings(config: Config, ntp: str) -> list[Finding]:
    """All of it. `ntp` is the HOST or HOST:PORT of a time server to ask, empty: none."""
    return [
        *([ntp_finding(ntp)] if ntp else []),
        _clock(),
        _descriptors(config),
        _kernels(),
        *_room(config),
    ]


def ntp_finding(server: str) -> Finding:
    """The offset of this computer's clock against a time server (SNTP, RFC 5905)."""
    host, _, port = server.partition(":")
    try:
        offset_s = ntp_offset_s(host, int(port or NTP_PORT))
    except (OSError, ValueError) as error:
        text = f"the time server {server} cannot be asked: {error}"
        return Finding("clock", False, text, do="give another one with --ntp, or open UDP port 123")
    text = (
        f"this computer's clock is {abs(offset_s):.3f} s {'ahead of' if offset_s < 0 else 'behind'} {server}"
    )
    well = abs(offset_s) <= MAX_CLOCK_ERROR_S
    return Finding("clock", well, text, do="" if well else "let chrony or the like keep the clock")


def ntp_offset_s(host: str, port: int) -> float:
    """How far this clock is behind a time server, s. Raises OSError or ValueError when it does not tell."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as udp:
        udp.settimeout(NTP_PATIENCE_S)
        sent_ns = clock.now_ns()
        # leap 0, version 4, mode 3 (client); our time comes back as "originate": no stray answer counts
        ask = struct.pack("!B39x", 0x23) + _stamp(sent_ns)
        udp.sendto(ask, address)
        answer, _ = udp.recvfrom(512)
        back_ns = clock.now_ns()
    if len(answer) < 48 or answer[24:32] != ask[40:48] or answer[1] == 0:
        raise ValueError("what it answers is no time")
    received, told = (_unix_ns(answer[k : k + 8]) for k in (32, 40))
    return ((received - sent_ns) + (told - back_ns)) / 2 / NS


def _stamp(t_ns: int) -> bytes:
    seconds, rest = divmod(t_ns, NS)
    return struct.pack("!II", (seconds + NTP_EPOCH_S) & 0xFFFFFFFF, (rest << 32) // NS)


def _unix_ns(stamp: bytes) -> int:
    seconds, fraction = struct.unpack("!II", stamp)
    era = (1 << 32) if seconds < 1 << 31 else 0  # the second era of NTP begins in 2036
    return (seconds + era - NTP_EPOCH_S) * NS + (fraction * NS >> 32)


def _clock() -> Finding:
    """What the kernel knows, and chrony if it is there."""
    state = clock_state()
    if state is None:
        return Finding("clock", True, "who keeps this clock cannot be told here", warning=True)
    if not state.kept:
        text = "nobody keeps this computer's clock: the kernel calls it unsynchronised"
        return Finding(
            "clock", True, text, warning=True, do="run chrony or systemd-timesyncd; ask a server by --ntp"
        )
    text = f"the clock is kept, wrong by {state.max_error_s:.3f} s at most{_chrony()}"
    well = state.max_error_s <= MAX_CLOCK_ERROR_S
    return Finding("clock", well, text, do="" if well else "look at the time server of this computer")


def _chrony() -> str:
    """The offset chrony estimates; empty without chrony."""
    program = shutil.which("chronyc")
    if program is None:
        return ""
    try:
        told = subprocess.run(
            [program, "-c", "tracking"], capture_output=True, text=True, timeout=3, check=True
        )
        offset = float(told.stdout.split(",")[4])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ""
    return f"; chrony says by {abs(offset):.6f} s"


def data_clock_finding(latencies_s: list[float], wall: bool) -> list[Finding]:
    """The clock against the data: newest samples of all stations that came, one latency each.

    Samples cannot arrive before they were taken: when those of most stations do, it is our clock.
    """
    if not latencies_s or not wall:
        return []
    middle = statistics.median(latencies_s)
    if middle < -MAX_CLOCK_ERROR_S:
        text = f"the newest samples of most stations are {-middle:.1f} s ahead of this computer's clock"
        return [Finding("clock", False, text, do="this clock is late: have it kept by chrony or the like")]
    if middle > 60.0:
        text = f"the newest samples of most stations are {middle:.0f} s old"
        advice = 'this clock is ahead, the servers lag, or these are old recordings ([run] clock = "data")'
        return [Finding("clock", True, text, warning=True, do=advice)]
    return [Finding("clock", True, f"the newest samples of most stations are {middle:.1f} s old")]


def _descriptors(config: Config) -> Finding:
    servers = sum(len(getattr(e, "servers", ())) for e in config.ingest if isinstance(e, Live))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FEW_DESCRIPTORS + 2 * servers
    text = f"a process may open {soft} files"
    if soft < needed:
        return Finding("limits", False, f"{text}, {needed} are needed", do=f"ulimit -n {ASK_DESCRIPTORS}")
    return Finding("limits", True, text)


def _kernels() -> Finding:
    """Whether compiled kernels are kept from one start to the next."""
    from seiswarn.jit import CACHE_FOLDER

    wanted = os.environ.get("NUMBA_CACHE_DIR", "")
    if wanted and not CACHE_FOLDER.is_relative_to(Path(wanted)):
        text = f"NUMBA_CACHE_DIR is {wanted}, which cannot be written; kernels are kept in {CACHE_FOLDER}"
        return Finding("kernels", False, text, do="give the user of the service that folder")
    if CACHE_FOLDER.name.startswith("seiswarn-kernels-"):
        text = "there is no lasting place for compiled kernels: every start takes a minute"
        return Finding(
            "kernels", True, text, warning=True, do="set NUMBA_CACHE_DIR to a folder that can be written"
        )
    return Finding("kernels", True, f"compiled kernels are kept in {CACHE_FOLDER}")


def _room(config: Config) -> list[Finding]:
    """Whether archive and spool can be written, and what all may grow to."""
    influx = config.series.influx
    archive = (
        str(archive_folder(config.archive, Path(config.runtime.folder))) if config.archive.enabled else ""
    )
    places = {"archive": archive, "spool": influx.spool_folder if influx.url else ""}
    findings = []
    for what, path in places.items():
        if not path:
            continue
        there = next(p for p in (Path(path), *Path(path).parents) if p.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            text = f"the {what} {path} cannot be written"
            findings.append(Finding("disk", False, text, do=f"look who owns {there}"))
            continue
        free = shutil.disk_usage(there).free
        text = f"{free / 1e9:.1f} GB free for the {what} in {path}"
        findings.append(
            Finding("disk", free >= MIN_FREE_BYTES, text, do="" if free >= MIN_FREE_BYTES else "make room")
        )
    return findings + _growth(config)


def _growth(config: Config) -> list[Finding]:
    folder = Path(config.runtime.folder)
    there = next(p for p in (folder, *folder.parents) if p.exists())
    r, s = config.runtime, config.series
    spool = s.influx.spool_mb if s.enabled and s.influx.url and not s.influx.spool_folder else 0
    most = 2 * r.journal_keep_mb + (s.max_mb if s.enabled else 0) + spool  # input and output journal
    kept = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else 0
    free = shutil.disk_usage(there).free
    if not r.journal_keep_mb or (most << 20) <= free + kept:
        return []
    room = f"{(free + kept) / 1e9:.0f} GB are there"
    text = f"journals, series and spool may grow to {(most << 20) / 1e9:.0f} GB; {room}"
    advice = "lower [runtime] journal_keep_mb and [series] max_mb, or make room"
    return [Finding("disk", True, text, warning=True, do=advice)]
