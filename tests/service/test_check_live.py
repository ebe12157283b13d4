"""`seiswarn check --live`: what it says of servers that are none, of metadata, of time and the machine."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from live.collecting import Serving
from seiswarn.cli import app
from seiswarn.config import Config
from seiswarn.config_parts import Runtime
from seiswarn.ingest.seedlink import Server
from seiswarn.runtime import check_machine
from seiswarn.runtime.check_live import influx_findings, live_findings
from seiswarn.runtime.check_machine import data_clock_finding, ntp_finding
from seiswarn.runtime.check_seedlink import greeting
from seiswarn.runtime.finding import Finding
from seiswarn.store.series_params import Influx
from seiswarn.store.series_params import Params as Series
from service.daemons import configuration

NS = 1_000_000_000


@contextlib.contextmanager
def answering(words: Callable[[bytes], bytes] | None) -> Iterator[int]:
    """A server that answers what it hears by `words`; None: accepts and says nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        open_now: list[socket.socket] = []
        ended = threading.Event()

        def serve() -> None:
            listening.settimeout(0.1)
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                open_now.append(connection)
                connection.settimeout(5)
                if words is not None:
                    with contextlib.suppress(OSError):
                        connection.sendall(words(connection.recv(1000)))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            thread.join()
            for connection in open_now:
                connection.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seiswarn.runtime.check_seedlink.PATIENCE_S", 0.5)


PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html><body>400</body></html>"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (None, "accepts connections and says nothing"),
        (lambda heard: PAGE, "is a web server"),
        (lambda heard: b"<!DOCTYPE html>\n<html>\n", "sends HTML"),
        (lambda heard: PAGE if heard.startswith(b"GET") else b"", "is a web server"),
        (lambda heard: b"SSH-2.0-OpenSSH_9.2\r\n", "is an SSH server"),
        (lambda heard: b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS"),
        (lambda heard: b"what?\r\n", "answers 'what?"),
    ],
)
def test_servers_that_are_none(words: Callable[[bytes], bytes] | None, told: str) -> None:
    with answering(words) as port:
        finding = greeting(Server("127.0.0.1", port))
    assert not finding.ok
    assert told in finding.sentence
    assert finding.do


@pytest.mark.usefixtures("impatient")
def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "nobody listens" in greeting(Server("127.0.0.1", port)).sentence
    assert "no such host" in greeting(Server("nowhere.invalid", 18000)).sentence
    with answering(None) as port:
        assert not greeting(Server("127.0.0.1", port, tls=True)).ok


@pytest.fixture
def server() -> Iterator[Serving]:
    serving = Serving(time.time_ns() // NS * NS - 20 * NS).start()
    yield serving
    serving.kill()


def checked(path: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", str(path), "--live", "--seconds", "2", *more])
    return done.exit_code, done.output


def test_all_is_well(server: Serving, tmp_path: Path) -> None:
    code, said = checked(configuration(tmp_path, server.port))
    assert code == 0, said
    name = f"127.0.0.1:{server.port}"
    assert f"{name} says: SeedLink v" in said
    assert f"{name} has 4 of the stations asked for" in said
    assert f"all 4 channels of {name} have metadata" in said
    assert "4 of 4 channels of seedlink-1 came within 2 s" in said
    assert "the newest samples of most stations are 0." in said


def test_inventory_that_lacks_half(server: Serving, tmp_path: Path) -> None:
    code, said = checked(configuration(tmp_path, server.port, stations=2))
    assert code == 2
    line = next(x for x in said.splitlines() if "have no usable metadata" in x)
    assert line.startswith("FAIL  metadata: 2 of 4 channels")
    assert "XX_S002_00_H_N_Z, XX_S003_00_H_N_Z" in line
    assert "the inventory lacks half or more of what comes" in line
    # What has metadata comes all the same.
    assert "2 of 2 channels of seedlink-1 came" in said


def test_stations_that_the_server_lacks(server: Serving, tmp_path: Path) -> None:
    code, said = checked(configuration(tmp_path, server.port, stations=5))
    assert code == 0
    assert f"warn  streams: 127.0.0.1:{server.port} lacks 1 of 5 stations with metadata: XX_S004" in said


def test_server_that_is_away_is_told_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, said = checked(configuration(tmp_path, port))
    assert code == 2
    assert sum(f"127.0.0.1:{port}" in line for line in said.splitlines()) == 1


def test_clock_against_the_data() -> None:
    assert data_clock_finding([], True) == []
    assert data_clock_finding([-5.0], wall=False) == []
    (late,) = data_clock_finding([-3600.0, -3599.0, 2.0], True)
    assert not late.ok
    assert "3599.0 s ahead of this computer's clock" in late.sentence
    (old,) = data_clock_finding([3600.0, 3601.0, 1.0], True)
    assert old.warning
    (well,) = data_clock_finding([-0.1, 0.3, 2.0], True)
    assert well.ok
    assert not well.warning


@pytest.mark.parametrize(("ahead_s", "ok"), [(0.0, True), (3600.0, False), (-2.0, False)])
def test_time_server(ahead_s: float, ok: bool) -> None:
    """A server whose time is that of this computer plus `ahead_s`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(10)

        def serve() -> None:
            ask, address = udp.recvfrom(512)
            seconds, fraction = divmod(time.time() + ahead_s, 1.0)
            stamp = struct.pack("!II", int(seconds) + 2_208_988_800, int(fraction * 2**32))
            udp.sendto(struct.pack("!BBBb", 0x24, 2, 6, -20) + bytes(20) + ask[40:48] + stamp * 2, address)

        thread = threading.Thread(target=serve)
        thread.start()
        finding = ntp_finding(f"127.0.0.1:{udp.getsockname()[1]}")
        thread.join()
    assert finding.ok == ok, finding
    assert ("behind" if ahead_s > 1 else "") in finding.sentence


def test_time_server_that_sends_nonsense() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(10)
        thread = threading.Thread(target=lambda: udp.sendto(b"x" * 60, udp.recvfrom(512)[1]))
        thread.start()
        finding = ntp_finding(f"127.0.0.1:{udp.getsockname()[1]}")
        thread.join()
    assert not finding.ok
    assert "no time" in finding.sentence


def test_too_few_descriptors_and_no_place_for_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(runtime=Runtime(folder=str(tmp_path)))
    monkeypatch.setattr(check_machine.resource, "getrlimit", lambda which: (100, 100))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/none")
    found = {f.subject: f for f in check_machine.machine_findings(config, "") if not f.ok}
    assert found["limits"].do == "ulimit -n 4096"
    assert "/proc/none, which cannot be written" in found["kernels"].sentence


def test_influx_that_is_away_or_something_else(tmp_path: Path) -> None:
    def asked(port: int) -> Finding:
        influx = Influx(url=f"http://127.0.0.1:{port}", token="secret-t", org="o", timeout_s=2.0)
        (finding,) = influx_findings(Config(series=Series(influx=influx)))
        return finding

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert not asked(port).ok
    refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with answering(lambda heard: refused) as port:
        finding = asked(port)
    assert "refuses" in finding.sentence
    assert "secret-t" not in finding.text()
    good = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    with answering(lambda heard: good) as port:
        assert asked(port).ok


def test_kind_that_nobody_has_written_a_look_for(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of other kinds it is told what comes and what they say of their links."""
    from seiswarn.config import load_config

    monkeypatch.setattr("seiswarn.runtime.check_sources.FIRST_LOOKS", {})
    config = load_config(configuration(tmp_path, server.port))
    said = [f.text() for f in live_findings(config, None, 1.5, "")]
    assert any("4 channels of seedlink-1 came within 1.5 s" in line for line in said), said
    assert msgspec.json.encode(said)


def test_a_check_takes_nothing_away() -> None:
    from seiswarn.config_doors import IngestFolder, IngestMqtt
    from seiswarn.runtime.check_sources import harmless

    folder = harmless(IngestFolder(path="/data", after="delete"))
    assert isinstance(folder, IngestFolder)
    assert folder.after == "keep"
    broker = harmless(IngestMqtt(broker="b", client_id="seiswarn"))
    assert isinstance(broker, IngestMqtt)
    assert broker.client_id == ""


def test_port_of_the_web_services() -> None:
    from seiswarn.config_parts import Web
    from seiswarn.runtime.check import _web

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found: list[Finding] = []
        _web(Config(web=Web(enabled=True, port=port)), found)
        assert not found[0].ok
    _web(Config(web=Web(enabled=True, port=port)), found)
    assert found[1].ok
