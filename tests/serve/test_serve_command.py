"""`seiswarn serve-seedlink` as a process: what it says, what it refuses, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from seedlink_client import SeedLink, SeedLinkError
from seedlink_client.protocol import SeedLinkAuthError

from seiswarn.errors import UsageError
from seiswarn.serve.command import read_users, ring_of, tls_context
from serving import Raw, samples_of, write_archive

pytestmark = pytest.mark.timeout(120)

COMMAND = (sys.executable, "-c", "from seiswarn.cli import main; main()", "serve-seedlink")


@contextmanager
def serving(*options: object) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """The process, its port, and its first sentence."""
    words = [*COMMAND, *map(str, options), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        first = process.stdout.readline()
        found = re.search(r" on 127\.0\.0\.1:(\d+) ", first)
        if not found:
            pytest.fail(f"it said {first!r} and {process.communicate(timeout=10)[1]!r}")
        yield process, int(found[1]), first
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def refused(*options: object) -> tuple[int, str]:
    words = [*COMMAND, *map(str, options)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.processes
def test_an_archive_is_served_and_the_command_ends(tmp_path: Path) -> None:
    truth = write_archive(tmp_path / "a", 2, 20)
    with serving(tmp_path / "a", "--speed", "max", "--wait", "--packet", "1") as (process, port, first):
        assert first == (
            f"serving 2 stations, 6 channels of {tmp_path / 'a'} on 127.0.0.1:{port} as fast as they are "
            "taken; data from 2020-09-13T12:26:40.000Z to 2020-09-13T12:27:00.127Z UTC\n"
        )
        client = SeedLink("127.0.0.1", port, timeout=10)
        client.add_stream("*")
        client.connect()
        found = []
        with pytest.raises(SeedLinkError, match="closed"):
            found.extend(p.payload for p in client.collect(reconnect=False))
        assert samples_of(found).keys() == truth.keys()
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err == ""
    lines = out.splitlines()
    assert lines[0].endswith(" connected")
    assert " asks for data, SeedLink 4, 1 requests" in lines[1]
    assert lines[-1] == "everything has been served: 120 records released, 120 packets sent to 1 clients"


@pytest.mark.processes
def test_ctrl_c_ends_it_with_a_sentence(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", 1, 600)
    for number in (signal.SIGINT, signal.SIGTERM):
        with serving(tmp_path / "a", "--speed", "10", "--start", "2020-09-13T12:30:00Z") as (
            process,
            port,
            _,
        ):
            with Raw(port) as raw:
                assert raw.ask("SELECT HHZ") == "OK\r\n"
                raw.send("DATA\r\n")
                head, record = raw.packet_v3()
                assert head[:2] == b"SL"
                ((t0_ns, _x),) = samples_of([record]).values()
                assert t0_ns >= 1_600_000_200_000_000_000 - 500_000_000
                process.send_signal(number)
                while raw.read(520):
                    pass
            out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert err == ""
        assert re.fullmatch(
            r"stopped: \d+ records released, \d+ packets sent to 1 clients", out.splitlines()[-1]
        )


@pytest.mark.processes
def test_stay_keeps_what_is_held_for_those_who_come_later(tmp_path: Path) -> None:
    truth = write_archive(tmp_path / "a", 1, 20)
    with serving(tmp_path / "a", "--speed", "max", "--packet", "record", "--stay") as (process, port, _):
        assert "the server stays" in process.stdout.readline()
        client = SeedLink("127.0.0.1", port, timeout=10, dialup=True)
        client.add_stream("XX_S000")
        client.connect()
        got = samples_of([p.payload for p in client.collect(reconnect=False)])
        for channel, (_, x) in got.items():
            np.testing.assert_array_equal(x, truth[channel])
        assert got.keys() == truth.keys()
        client.close()
        assert process.poll() is None


@pytest.mark.processes
def test_encrypted_and_with_a_password(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", 1, 5)
    pem = tmp_path / "both.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*words.split(), "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True,
        capture_output=True,
    )
    pem.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    users = tmp_path / "users"
    users.write_text("# who may read\n\nann:secret\n")
    options = ("--speed", "max", "--stay", "--tls-cert", pem, "--auth", users)
    with serving(tmp_path / "a", *options) as (process, port, _):
        process.stdout.readline()
        for auth, works in ((("ann", "secret"), True), (("ann", "guess"), False)):
            client = SeedLink(
                "127.0.0.1", port, timeout=10, dialup=True, tls=True, tls_noverify=True, auth=auth
            )
            client.add_stream("*")
            if works:
                client.connect()
                assert len(list(client.collect(reconnect=False))) == 3 * 10
                client.close()
            else:
                with pytest.raises(SeedLinkAuthError):
                    client.connect()
        with pytest.raises(SeedLinkError):  # in the clear
            SeedLink("127.0.0.1", port, timeout=2).connect()


@pytest.mark.processes
def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", 1, 600)
    with serving(tmp_path / "a") as (_, port, _first):
        code, said = refused(tmp_path / "a", "--port", port)
    assert code == 1
    assert "address already in use" in said.lower()
    assert str(port) in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--speed", "0"), 2, "--speed is 'max' or a positive number"),
        (("--packet", "0"), 2, "--packet is 'record'"),
        (("--start", "noon"), 2, "--start: not an ISO 8601 time"),
        (("--start", "2030-01-01T00:00:00Z"), 2, "the data end at 2020-09-13"),
        (("--ring", "much"), 2, "--ring is a number of records"),
        (("--ring", "0"), 2, "--ring is a number of records"),
        (("--reclen", "500"), 2, "a record has 128, 256"),
        (("--tls-cert", "none.pem"), 2, "cannot be used as a certificate"),
        (("--tls-key", "none.pem"), 2, "--tls-key needs --tls-cert"),
        (("--auth", "none"), 2, "cannot be read"),
        (("--host", "256.0.0.1"), 1, "cannot listen on 256.0.0.1:0"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(tmp_path: Path, options, code: int, sentence: str) -> None:
    write_archive(tmp_path / "a", 1, 2)
    got, said = refused(tmp_path / "a", *options, *(() if "--port" in options else ("--port", "0")))
    assert got == code, said
    assert sentence in said
    assert "Traceback" not in said


def test_nothing_to_serve(tmp_path: Path) -> None:
    code, said = refused(tmp_path)
    assert code != 0
    assert "the folder is empty" in said


def test_the_ring_as_it_is_written() -> None:
    assert ring_of("1000").max_records == 1000
    assert ring_of("64MB").max_bytes == 64_000_000
    assert ring_of("").max_bytes == 256 << 20
    for text in ("-5", "1.5", "MB", "5TB"):
        with pytest.raises(UsageError):
            ring_of(text)


def test_passwords_and_certificates_that_do_not_do(tmp_path: Path) -> None:
    path = tmp_path / "users"
    for text in ("", "# nobody\n", "ann\n", "ann:\n", ":x\n", "ann:a b\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match="name:password"):
            read_users(path)
    path.write_text("ann:a:b\nbob:x\n")
    assert read_users(path) == {"ann": "a:b", "bob": "x"}
    assert tls_context(None, None) is None
    with pytest.raises(UsageError):
        tls_context(path, None)


def test_help_names_every_option() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "SeedLink clients" in done.stdout
    for option in ("--speed", "--port", "--packet", "--ring", "--start", "--latency", "--tls-cert", "--auth"):
        assert option in done.stdout
