"""Whether a SeedLink server is there, is one, and what it has: said in words that tell what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from seiswarn.ingest.seedlink import CONNECT_S, VERSION_OF, Server
from seiswarn.ingest.seedlink_stations import matching, offers
from seiswarn.runtime import clock
from seiswarn.runtime.finding import Finding

PATIENCE_S = 5.0
GROUND_BANDS, GROUND_INSTRUMENTS = "FGDCESHB", "HLN"  # SEED manual, appendix A: 10 Hz and more; what moves
OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"HTTP/", "is a web server", "look at the port: SeedLink is usually at 18000"),
    (b"<", "sends HTML", "this is a web server; look at the port: SeedLink is usually at 18000"),
    (b"SSH-", "is an SSH server", "look at the port: SeedLink is usually at 18000"),
    (b"\x15\x03", "speaks TLS", "set tls = true"),
    (b"220 ", "is a mail or FTP server", "look at the port: SeedLink is usually at 18000"),
)


def greeting(server: Server) -> Finding:
    """Whether anybody is there who says what a SeedLink server says."""
    try:
        said = _say_hello(server)
    except OSError as error:
        return _unreachable(server, error)
    first = said.split(b"\n", 1)[0].strip()
    if first.upper().startswith(b"SEEDLINK"):
        words = " / ".join(
            " ".join(line.split()) for line in said.decode("utf-8", "replace").splitlines()[:2]
        )
        return Finding("source", True, f"{server.name} says: {words[:150]}")
    return _other(server, said)


def _say_hello(server: Server) -> bytes:
    """What the server answers to HELLO: two lines, or less; a web server is asked in its own words."""
    for words in (b"HELLO\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        with socket.create_connection((server.host, server.port), timeout=PATIENCE_S) as plain:
            if not server.tls:
                said = _answer(plain, words)
            else:
                context = ssl.create_default_context()
                if not server.tls_verify:
                    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(plain, server_hostname=server.host) as secret:
                    said = _answer(secret, words)
        if said:
            return said
    return b""


def _answer(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    said, until_s = b"", clock.monotonic_s() + PATIENCE_S
    while said.count(b"\n") < 2 and len(said) < 4096:
        connection.settimeout(max(0.01, until_s - clock.monotonic_s()))
        try:
            more = connection.recv(4096)
        except TimeoutError:
            break
        if not more:
            break
        said += more
        if said.startswith(b"\x15\x03"):
            break
    return said


def _unreachable(server: Server, error: OSError) -> Finding:
    def bad(sentence: str, do: str) -> Finding:
        return Finding("source", False, f"{server.name} {sentence}", do=do)

    if isinstance(error, socket.gaierror):
        return bad("cannot be found: there is no such host", "look at the name, and at the name server")
    if isinstance(error, ConnectionRefusedError):
        return bad("refuses: nobody listens at this port", "look at the port, and whether the server runs")
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or "no TLS"
        return bad(f"does not speak TLS as it should ({why})", "look at tls and tls_verify, and at the port")
    if isinstance(error, TimeoutError):
        return bad("does not answer", "a firewall drops our packets, or the host is off")
    if isinstance(error, ConnectionResetError):
        return bad("ends the connection at once", "it may not know our address, or may want tls = true")
    return bad(f"cannot be reached: {error.strerror or error}", "look at the network")


def _other(server: Server, said: bytes) -> Finding:
    if not said:
        text = f"{server.name} accepts connections and says nothing"
        return Finding("source", False, text, do="the server hangs, or is none of SeedLink: look at the port")
    begin = said.lstrip()
    for mark, what, do in OTHERS:
        if begin.startswith(mark) or (mark == b"<" and b"<html" in begin.lower()):
            return Finding("source", False, f"{server.name} {what}: no SeedLink", do=do)
    shown = begin[:40].decode("ascii", "backslashreplace")
    text = f"{server.name} answers {shown!r}: no SeedLink"
    return Finding("source", False, text, do="look at the port: SeedLink is usually at 18000")


def listed(server: Server) -> tuple[dict[str, tuple[str, ...]], str]:
    """Stations asked for that the server has, with their channels of ground motion; why not, if not.

    Channels are named as in the station table. A server that lists no channels gives none.
    """
    from seedlink_client import SeedLink, SeedLinkAuthError, SeedLinkError

    wire = SeedLink(
        server.host,
        server.port,
        timeout=max(CONNECT_S, PATIENCE_S),
        tls=server.tls,
        tls_noverify=not server.tls_verify,
        protocol=VERSION_OF[server.version],
        clientname="seiswarn-check",
        auth=(server.user, server.password) if server.user else None,
    )
    try:
        wire.connect()
        for level in ("STREAMS", "STATIONS"):
            try:
                told = wire.info_dict(level)
            except (SeedLinkError, ValueError):
                if not wire.is_connected:
                    raise
                continue
            names = matching(offers(told), server.stations)
            if names or offers(told):
                channels = _channels(told)
                return {name: tuple(channels.get(name, ())) for name in names}, ""
    except SeedLinkAuthError as error:
        return {}, f"{server.name} does not let us in: {error}"
    except (SeedLinkError, OSError, ValueError) as error:
        return {}, f"{server.name} does not tell what it has: {str(error) or type(error).__name__}"
    finally:
        wire.close()
    return {}, ""


def _channels(info: Mapping[str, Any]) -> dict[str, list[str]]:
    """Channels of ground motion by station in an answer to INFO STREAMS."""
    body: Any = info.get("seedlink", info)
    found: dict[str, list[str]] = {}
    entries = body.get("station", ()) if isinstance(body, Mapping) else ()
    for entry in entries if isinstance(entries, Sequence) else ():
        if not isinstance(entry, Mapping):
            continue
        station = str(entry.get("id") or f"{entry.get('network', '')}_{entry.get('name', '')}")
        for stream in entry.get("stream", ()):
            name = _channel(station, stream) if isinstance(stream, Mapping) else ""
            if name:
                found.setdefault(station, []).append(name)
    return found


def _channel(station: str, stream: Mapping[str, Any]) -> str:
    """FDSN:NET_STA_LOC_B_S_S; empty for what is no ground motion at 10 samples a second and more."""
    text = str(stream.get("id", ""))
    if text:  # version 4: LOC_B_S_S
        location, _, codes = text.partition("_")
        codes = codes.replace("_", "")
    else:
        location, codes = str(stream.get("location", "")).strip("- "), str(stream.get("seedname", ""))
    if len(codes) != 3 or codes[0] not in GROUND_BANDS or codes[1] not in GROUND_INSTRUMENTS:
        return ""
    return f"FDSN:{station}_{location}_{'_'.join(codes)}"
