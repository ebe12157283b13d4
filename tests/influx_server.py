"""A real InfluxDB for tests: Debian's influxd 1.6.7 behind the write address of version 2."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

INFLUXD = "influxd"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need_influxd() -> None:
    """Skip where there is no server to test with, but never in continuous integration."""
    if shutil.which(INFLUXD):
        return
    sentence = "influxd is not installed: apt-get install influxdb"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


class Influxd:
    """The database itself, InfluxQL only."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self._rpc = folder, free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "INFLUXDB_META_DIR": str(self.folder / "meta"),
            "INFLUXDB_DATA_DIR": str(self.folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(self.folder / "wal"),
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self._rpc}",
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
        }
        config = self.folder / "influxdb.conf"
        self.folder.mkdir(parents=True, exist_ok=True)
        config.touch()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nice", "-n", "10", INFLUXD, "-config", str(config)],
                env=env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        until = time.monotonic() + 30
        while True:
            try:
                self.query("CREATE DATABASE seis")
                return
            except OSError:
                assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def query(self, text: str, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Rows of all series of an answer."""
        data = urllib.parse.urlencode({"db": "seis", "q": text, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/query", data, timeout_s) as answer:
            told = json.load(answer)
        rows = []
        for result in told["results"]:
            assert "error" not in result, result
            for series in result.get("series", ()):
                tags, columns = series.get("tags", {}), series["columns"]
                rows += [{**tags, **dict(zip(columns, values, strict=True))} for values in series["values"]]
        return rows

    def count(self, measurement: str, field: str) -> int:
        rows = self.query(f'SELECT count("{field}") FROM "{measurement}"')
        return int(rows[0]["count"]) if rows else 0


class Shim:
    """The write address of InfluxDB 2 in front of `backend`: tokens, buckets and whatever goes wrong.

    Attributes
    ----------
    token
        what is accepted.
    answer
        status, headers and body given to every write instead of asking the backend; None: ask it.
    max_bytes
        longer bodies are answered with 413; 0: none.
    """

    def __init__(self, backend: Influxd | None, port: int | None = None) -> None:
        self.backend, self.port = backend, port or free_port()
        self.token, self.bucket = "secret-1", "seis"
        self.answer: tuple[int, dict[str, str], str] | None = None
        self.max_bytes = 0
        self.hang_s = 0.0
        self.seen: list[tuple[int, int]] = []  # status and length of bodies
        self._server: ThreadingHTTPServer | None = None
        self._links: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        shim = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *given: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, text = shim.handle(self.path, self.headers, body)
                shim.seen.append((status, len(body)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def process_request(self, request: Any, address: Any) -> None:
                shim._links.append(request)
                super().process_request(request, address)

            def handle_error(self, *given: Any) -> None:
                pass  # clients that went away

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while self._links:
            with contextlib.suppress(OSError):
                self._links.pop().shutdown(socket.SHUT_RDWR)

    def handle(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.hang_s:
            time.sleep(self.hang_s)
        if self.answer is not None:
            status, more, text = self.answer
            return status, more, text.encode()
        if headers["Authorization"] != f"Token {self.token}":
            return 401, {}, b'{"code":"unauthorized","message":"unauthorized access"}'
        url = urllib.parse.urlsplit(path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        assert url.path == "/api/v2/write", path
        assert asked["precision"] == "ns"
        if asked["bucket"] != self.bucket:
            return 404, {}, b'{"code":"not found","message":"bucket not found"}'
        if self.max_bytes and len(body) > self.max_bytes:
            return 413, {}, b'{"code":"request too large","message":"too large"}'
        return self._forward(asked["bucket"], headers, body)

    def _forward(self, bucket: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        assert self.backend is not None
        link = http.client.HTTPConnection("127.0.0.1", self.backend.port, timeout=30)
        passed = {k: headers[k] for k in ("Content-Encoding",) if headers[k]}
        try:
            link.request("POST", f"/write?db={bucket}&precision=n", body, passed)
            answer = link.getresponse()
            return answer.status, {"Content-Type": "application/json"}, answer.read()
        except OSError:
            return 503, {}, b'{"message":"the database is away"}'
        finally:
            link.close()
