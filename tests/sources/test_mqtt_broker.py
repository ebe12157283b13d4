"""OpenEEW over a real broker: killed and started again, with retained garbage, passwords, TLS."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time

import pytest
from paho.mqtt import publish

from seiswarn.ingest.mqtt import Broker, MqttSource
from seiswarn.reasons import Reason
from seiswarn.runtime.live_clock import WallClock
from sources.broker import Mosquitto
from sources.handy import Taking, decoded
from sources.test_openeew import encoded

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("mqtt")]


def send(port: int, *messages: tuple[str, bytes], retain: bool = False, **more: object) -> None:
    payloads = [{"topic": t, "payload": p, "qos": 1, "retain": retain} for t, p in messages]
    publish.multiple(payloads, hostname="127.0.0.1", port=port, **more)


def feed(port: int, **options: object) -> tuple[MqttSource, Taking]:
    source = MqttSource(Broker(host="127.0.0.1", port=port, **options), WallClock())  # type: ignore[arg-type]
    source.start()
    return source, Taking(source)


@pytest.fixture
def broker(tmp_path):
    running = Mosquitto(tmp_path)
    running.start()
    yield running
    running.kill()


def connected(source: MqttSource) -> bool:
    return source.links()[0].state == "connected"


def test_messages_arrive_and_nonsense_is_named(broker):
    send(broker.port, ("traces/old", b"garbage kept for years"), retain=True)
    source, taking = feed(broker.port)
    try:
        taking.until(lambda: connected(source) and len(taking.refused) == 1)
        send(
            broker.port,
            ("traces/a", encoded(0, "list")),
            ("traces/a", b"{}"),
            ("other/a", encoded(1, "list")),
        )
        send(broker.port, ("traces/b", encoded(2, "record", "004")))
        taking.until(lambda: len(taking.records) == 6)
    finally:
        source.close()
    assert [r.reason for r in taking.refused] == [Reason.CLOCK_ANCIENT, Reason.CORRUPT_RECORD]
    assert "FDSN:OE_004_00_B_N_Z" in {r.channel for r in decoded(taking.records)}


def test_a_broker_killed_and_started_again_is_met_within_3_s_and_nothing_it_holds_is_lost(broker):
    source, taking = feed(broker.port)
    try:
        taking.until(lambda: connected(source))
        send(broker.port, *(("traces/a", encoded(k, "list")) for k in range(10)))
        taking.until(lambda: len(taking.records) == 30)
        broker.kill()
        taking.until(lambda: not connected(source))
        time.sleep(3.0)  # so that the time between two tries has grown
        broker.start()
        began = time.monotonic()
        taking.until(lambda: connected(source))
        assert time.monotonic() - began < 3.0
        send(broker.port, *(("traces/a", encoded(k, "list")) for k in (8, 9, 10, 11)))
        taking.until(lambda: len(taking.records) >= 36)
    finally:
        source.close()
    starts = [r.t0_ns for r in decoded(taking.records)]
    assert len(taking.records) == 36, "two of the last four had come before"
    assert len(set(starts)) == 12


def test_what_comes_while_we_are_away_waits_at_the_broker(broker):
    source, taking = feed(broker.port)
    taking.until(lambda: connected(source))
    time.sleep(0.3)
    source.close()
    send(broker.port, *(("traces/a", encoded(k, "list")) for k in range(5)))
    source, taking = feed(broker.port)
    try:
        taking.until(lambda: len(taking.records) == 15)
    finally:
        source.close()


def test_a_wrong_password_is_said_and_the_right_one_let_in(tmp_path):
    secrets = tmp_path / "passwords"
    maker = "mosquitto_passwd"
    secrets.touch(mode=0o600)
    subprocess.run([maker, "-b", str(secrets), "ears", "right"], check=True, capture_output=True)
    running = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {secrets}")
    running.start()
    try:
        source, taking = feed(running.port, user="ears", password="wrong")
        taking.until(lambda: source.links()[0].state == "refused")
        assert "refuses to let us in" in source.links()[0].detail
        source.close()
        source, taking = feed(running.port, user="ears", password="right")
        taking.until(lambda: connected(source))
        auth = {"username": "ears", "password": "right"}
        time.sleep(0.3)
        send(running.port, ("traces/a", encoded(0, "list")), auth=auth)
        taking.until(lambda: len(taking.records) == 3)
        source.close()
    finally:
        running.kill()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_with_an_authority_of_our_own(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    running = Mosquitto(tmp_path, f"certfile {cert}", f"keyfile {key}", "allow_anonymous true")
    running.start()
    try:
        source, taking = feed(running.port, tls=True)
        taking.until(lambda: "certificate" in source.links()[0].detail.lower())
        assert not connected(source)
        source.close()
        source, taking = feed(running.port, tls=True, tls_ca=str(cert))
        taking.until(lambda: connected(source))
        source.close()
        source, taking = feed(running.port, tls=True, tls_verify=False)
        taking.until(lambda: connected(source))
        source.close()
    finally:
        running.kill()


def test_a_web_server_at_the_port_and_nobody_there():
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    source, taking = feed(port)
    try:
        taking.until(lambda: source.links()[0].counters.get("reconnects", 0) >= 1, within_s=15.0)
        assert not connected(source)
    finally:
        source.close()
        server.shutdown()
        server.server_close()
        thread.join()
    source, taking = feed(port)
    try:
        taking.until(lambda: "refused" in source.links()[0].detail.lower())
    finally:
        source.close()


def test_a_silent_broker_is_called_silent_and_a_quiet_sensor_named(broker):
    source, taking = feed(broker.port, silent_s=0.5, quiet_s=0.5)
    try:
        taking.until(lambda: connected(source))
        send(broker.port, ("traces/b", json.dumps(json.loads(encoded(2, "record", "004"))).encode()))
        taking.until(lambda: len(taking.records) == 3)
        taking.until(lambda: source.links()[0].state == "silent")
        assert source.links()[0].quiet == ("004",)
    finally:
        source.close()
