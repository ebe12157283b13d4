"""Encrypted connections and passwords: who is let in gets everything, who is not says why and asks seldom."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import serving
from live.collecting import Collecting
from seiswarn.ingest.seedlink import Server
from seiswarn.serve.background import Background
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Server as SeedLinkServer

pytestmark = pytest.mark.xdist_group("seedlink")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run([*words, *names, *files], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def running(certificate: Path) -> Iterator[Background]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    server = SeedLinkServer(Ring(), "localhost", 0, tls=context, users={"ann": "secret"})
    with Background(server) as background:
        background.publish([serving.record("S000", 0, time.time_ns())])
        yield background


def asked(running: Background, **more: object) -> Server:
    return Server("localhost", running.port, stations=("XX_*",), tls=True, **more)  # type: ignore[arg-type]


def test_who_is_let_in_gets_everything(
    running: Background, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
    with Collecting([asked(running, user="ann", password="secret")]) as got:
        got.wait_for(lambda: got.source.links()[0].state == "connected", 10.0)
        now = time.time_ns()
        running.publish([serving.record("S000", k, now) for k in range(1, 6)])
        got.wait_for(lambda: len(got.received) == 5, 10.0)


def test_wrong_password_is_a_word_that_trying_again_does_not_change(running: Background) -> None:
    with Collecting([asked(running, user="ann", password="wrong", tls_verify=False)]) as got:
        got.wait_for(lambda: got.source.links()[0].state == "refused", 10.0)
        assert "refuses to let us in" in got.source.links()[0].detail
        before = got.source.links()[0].counters["reconnects"]
        time.sleep(3.0)
        assert got.source.links()[0].counters["reconnects"] == before


def test_certificate_that_nobody_vouches_for_is_refused_unless_told_otherwise(running: Background) -> None:
    with Collecting([asked(running, user="ann", password="secret")]) as got:
        got.wait_for(lambda: "certificate" in got.source.links()[0].detail.lower(), 10.0)
        assert not got.received
    with Collecting([asked(running, user="ann", password="secret", tls_verify=False)]) as got:
        got.wait_for(lambda: got.source.links()[0].state == "connected", 10.0)
