"""A real mosquitto on loopback, with a configuration of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest


class Mosquitto:
    """The broker process; stopped by `kill`, started again at the same port with the same memory."""

    def __init__(self, folder: Path, *lines: str) -> None:
        binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if binary is None:
            pytest.fail("mosquitto is not installed: apt-get install mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._binary, self._config = binary, folder / "mosquitto.conf"
        config = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        config += ["autosave_interval 1", "autosave_on_changes true", "log_dest none", "user root"]
        self._config.write_text("\n".join([*config, *(lines or ("allow_anonymous true",))]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([self._binary, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10.0
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                assert self._process.poll() is None, "mosquitto has ended"
                assert time.monotonic() < end, "mosquitto does not answer"
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
