"""A synthetic output journal at a given pace, and a series process that follows it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import zmq

from seiswarn.config import Config
from seiswarn.config_parts import Run, Runtime
from seiswarn.messages import Heartbeat, Message, Motions, Pick, decode, encode
from seiswarn.runtime.files import OUTPUT
from seiswarn.runtime.spec import Endpoints, ProcessSpec, write_spec
from seiswarn.store.journal import JournalWriter
from seiswarn.store.series_params import Influx, Params
from seiswarn.timebase import NS

START_S = 1_772_330_400  # 2026-03-01T02:00:00Z
ROWS = 120  # stations in one message
RUN_ID = "fed"


def stations(n: int) -> list[str]:
    return [f"XS.S{k:04d}..HN" for k in range(n)]


class Feed:
    """Writes what a core would say about `n` stations, second by second of data."""

    def __init__(self, folder: Path, n: int, run_id: str = RUN_ID) -> None:
        self.names = stations(n)
        self._rng = np.random.default_rng(4)
        self._journal = JournalWriter(folder / OUTPUT, metadata={"run_id": run_id})
        self.seconds = 0

    def second(self, also: tuple[Message, ...] = ()) -> None:
        """One more second of data of all stations."""
        self.seconds += 1
        t_ns = (START_S + self.seconds) * NS
        payloads = [encode(self._motions(t_ns, at)) for at in range(0, len(self.names), ROWS)]
        if self.seconds % 20 == 0:
            payloads.append(encode(self._pick(t_ns)))
        self._journal.append_many([*payloads, *map(encode, also)])

    def paced(self, seconds: int, speed: float, each: Callable[[int], None] = lambda k: None) -> None:
        """Seconds at `speed` times real time; `each` is called before every one."""
        begun = time.monotonic()
        for k in range(seconds):
            each(k)
            time.sleep(max(0.0, begun + k / speed - time.monotonic()))
            self.second()

    def close(self) -> None:
        self._journal.close()

    def _motions(self, t_ns: int, at: int) -> Motions:
        names = tuple(self.names[at : at + ROWS])
        n = len(names)
        peaks = 10.0 ** self._rng.normal(-4.0, 0.3, (3, n))
        scale = tuple(self._rng.normal(0.8, 0.2, n).tolist())
        return Motions(
            t_seen_ns=t_ns + 500_000_000,
            stations=names,
            t_ns=(t_ns,) * n,
            n_components=(3,) * n,
            pga_mps2=tuple(peaks[0].tolist()),
            pgv_mps=tuple(peaks[1].tolist()),
            pgd_m=tuple(peaks[2].tolist()),
            intensity_gbt=scale,
            intensity_jma=scale,
            intensity_mmi=scale,
            clipped=(False,) * n,
        )

    def _pick(self, t_ns: int) -> Pick:
        name = self.names[self.seconds % len(self.names)]
        return Pick(
            pick_id=f"p{self.seconds}",
            station=name,
            channel="FDSN:XS_S0_H_N_Z",
            t_ns=t_ns - NS // 2,
            uncertainty_s=0.1,
            snr=9.5,
            t_seen_ns=t_ns,
        )


class SeriesProcess:
    """A real series process over a run folder, started, killed and stopped by the test."""

    def __init__(self, folder: Path, params: Params) -> None:
        self.folder = folder
        self._sockets = tempfile.TemporaryDirectory(prefix="sw-")
        names = {n: f"ipc://{self._sockets.name}/{n}" for n in ("input", "output", "control")}
        endpoints = Endpoints(**names)
        self._context = zmq.Context()
        self._control = self._context.socket(zmq.PULL)
        self._control.bind(endpoints.control)
        config = Config(
            run=Run(name="fed", status="test"),
            series=params,
            runtime=Runtime(folder=str(folder), heartbeat_s=0.2),
        )
        spec = ProcessSpec(
            name="series",
            kind="series",
            run_id=RUN_ID,
            folder=str(folder),
            config=config,
            status="test",
            endpoints=endpoints,
            parent_pid=os.getpid(),
        )
        self._spec = write_spec(spec)
        self.log = folder / "series.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.beat: Heartbeat | None = None

    def start(self) -> None:
        self.beat = None
        command = [sys.executable, "-m", "seiswarn.runtime.processes", "series", "--spec", str(self._spec)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def hear(self) -> Heartbeat | None:
        """The last heartbeat that has come."""
        while self._control.poll(0):
            beat = decode(self._control.recv())
            assert isinstance(beat, Heartbeat)
            self.beat = beat
        return self.beat

    def until(self, condition: Callable[[Heartbeat], object], within_s: float = 60.0) -> Heartbeat:
        limit = time.monotonic() + within_s
        while (beat := self.hear()) is None or not condition(beat):
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < limit, (beat, self.log.read_text()[-2000:])
            time.sleep(0.02)
        return beat

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, within_s: float = 30.0) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(within_s)

    def cpu_s(self) -> float:
        """Processor time of the process so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.kill()
        self._control.close(0)
        self._context.term()
        self._sockets.cleanup()


def quick(url: str, **changes: object) -> Params:
    """Parameters that write to a server soon and retry soon."""
    influx = Influx(url=url, bucket="seis", token_env="SEISWARN_TEST_TOKEN", retry_s=0.1, retry_max_s=0.5)
    params = Params(influx=influx, flush_s=1.0, process_every_s=1.0)
    return msgspec.structs.replace(params, **changes)
