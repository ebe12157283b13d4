"""A real `seiswarn run` on a SeedLink server of known contents."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from live.collecting import Serving
from seiswarn.runtime.status import DaemonStatus, read_daemon_status

# One station of the server in live/serving.py, at 100 Hz.
STATION = """\
    <Station code="{code}"><Latitude>23.{k:02d}</Latitude><Longitude>106.5</Longitude><Elevation>0</Elevation>
      <Site><Name>{code}</Name></Site>
      <Channel code="HNZ" locationCode="00"><Latitude>23.{k:02d}</Latitude><Longitude>106.5</Longitude>
        <Elevation>0</Elevation><Depth>0</Depth><Azimuth>0</Azimuth><Dip>-90</Dip><SampleRate>100</SampleRate>
        <Response><InstrumentSensitivity><Value>400000</Value><Frequency>1</Frequency>
          <InputUnits><Name>m/s**2</Name></InputUnits><OutputUnits><Name>counts</Name></OutputUnits>
        </InstrumentSensitivity></Response></Channel></Station>
"""
INVENTORY = """\
<?xml version="1.0" encoding="UTF-8"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
  <Source>test</Source><Created>2020-01-01T00:00:00Z</Created>
  <Network code="XX">
{stations}  </Network>
</FDSNStationXML>
"""


def inventory(path: Path, n: int) -> Path:
    """StationXML of the first stations of a server."""
    path.write_text(
        INVENTORY.format(stations="".join(STATION.format(code=f"S{k:03d}", k=k) for k in range(n)))
    )
    return path


def configuration(folder: Path, port: int, *, stations: int = 4, more: str = "") -> Path:
    """A configuration with one SeedLink server, nothing else outside of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    inventory(folder / "stations.xml", stations)
    path = folder / "seiswarn.toml"
    path.write_text(
        f"""
[run]
name = "service-test"
[stations]
paths = ["stations.xml"]
[source]
min_stations = 2
[[ingest]]
kind = "seedlink"
servers = ["127.0.0.1:{port}"]
[[publish]]
kind = "zmq"
endpoint = "ipc://{folder}/public"
[series]
enabled = false
[runtime]
folder = "run"
heartbeat_s = 0.3
{more}
"""
    )
    return path


class Running:
    """The daemon and its server, both ended at the end."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None, *, more: str = "") -> None:
        self.serving = Serving(time.time_ns() // 10**9 * 10**9 - 20 * 10**9).start()
        self.folder = folder / "run"
        self.config = configuration(folder, self.serving.port, more=more)
        self.out = (folder / "out.txt").open("wb")
        self.process = self._start(env or {})

    def _start(self, env: dict[str, str]) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", "from seiswarn.cli import main; main()", "run", str(self.config)]
        return subprocess.Popen(words, stdout=self.out, stderr=self.out, env={**os.environ, **env})

    def again(self) -> None:
        self.process = self._start({})

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.serving.kill()
        self.out.close()

    def printed(self) -> str:
        self.out.flush()
        return Path(self.out.name).read_text()

    def status(self) -> DaemonStatus | None:
        return read_daemon_status(self.folder)

    def wait_until_it_works(self, within_s: float = 150.0) -> DaemonStatus:
        """Until the core works, the source is connected and packets have come."""

        def works() -> bool:
            s = self.status()
            if s is None or s.pid != self.process.pid:
                return False
            core = next(p for p in s.processes if p.kind == "core")
            connected = any(link.state == "connected" for link in s.sources)
            return connected and core.counters.get("packets", 0) > 20

        self.wait_for(works, within_s)
        found = self.status()
        assert found is not None
        return found

    def wait_for(self, condition: object, within_s: float) -> None:
        until = time.monotonic() + within_s
        while not condition():  # type: ignore[operator]
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < until, (self.printed(), self.status())
            time.sleep(0.1)

    def wait_for_handlers(self) -> None:
        """Until the process catches SIGHUP: as early as a signal can be survived."""

        def caught() -> bool:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
            mask = int(next(x for x in text.splitlines() if x.startswith("SigCgt")).split()[1], 16)
            return bool(mask >> (signal.SIGHUP - 1) & 1)

        self.wait_for(caught, 30)

    def pid_of(self, kind: str) -> int:
        s = self.status()
        assert s is not None
        return next(p.pid for p in s.processes if p.kind == kind)

    def is_there(self, pid: int) -> bool:
        return Path(f"/proc/{pid}").exists()

    def children(self) -> list[str]:
        """Command lines of living processes that were started with specs of this run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in text and "runtime.processes" in text:
                found.append(text)
        return found


def plain(status: DaemonStatus) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(status)
    return found
