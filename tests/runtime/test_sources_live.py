"""An earthquake through the small live sources into a whole daemon: a pipe, and a folder that fills."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.runtime.conftest import QUAKE

from runtime_daemon import Daemon, messages
from seiswarn.config import Config
from seiswarn.config_doors import IngestFolder
from seiswarn.config_parts import Run
from seiswarn.ingest.pack import SourcePacker
from seiswarn.ingest.synthetic import Scenario, synthesize
from seiswarn.messages import Alert, DataError, EventEstimate
from seiswarn.stationxml import read_station_tables
from seiswarn.store.sds_params import Params as ArchiveParams
from seiswarn.store.sds_prune import day_files
from seiswarn.store.sds_record import chain
from seiswarn.timebase import NS, sample_offset_ns

pytestmark = pytest.mark.processes
SPEED = 8.0


@pytest.fixture(scope="module")
def sent(quake_config: Config) -> list[tuple[int, str, bytes]]:
    """Records of the earthquake: when each ends, of which station, its bytes; in order of time."""
    scenario = Scenario(**QUAKE.scenario())
    table = read_station_tables([Path(p) for p in quake_config.stations.paths], scenario.origin_ns)
    packer, found = SourcePacker(1024), []
    for channel, trace in synthesize(table, scenario).items():
        for k in range(0, len(trace.counts), 50):
            t0 = trace.t0_ns + sample_offset_ns(k, trace.rate_hz)
            counts = trace.counts[k : k + 50]
            end = t0 + sample_offset_ns(len(counts), trace.rate_hz)
            records = packer.pack(channel, t0, trace.rate_hz, counts, "i4")
            found += [(end, channel.split("_")[1], record) for record in records]
    return sorted(found)


def paced(sent: list[tuple[int, str, bytes]], begun: float) -> Callable[[], list[tuple[str, bytes]]]:
    """What is due by now, as the stations would have sent it `SPEED` times as fast."""
    start, left = sent[0][0], list(reversed(sent))

    def due() -> list[tuple[str, bytes]]:
        now = start + round((time.monotonic() - begun) * SPEED * NS)
        out = []
        while left and left[-1][0] <= now:
            out.append(left.pop()[1:])
        return out

    return due


def test_a_pipe_into_seiswarn_run_warns_and_the_run_ends_with_it(
    quake_config: Config, sent: list[tuple[int, str, bytes]], tmp_path: Path
) -> None:
    """The target is the one nearest to the epicentre of the network's own earthquake."""
    config = tmp_path / "seiswarn.toml"
    target = quake_config.targets[0]
    config.write_text(
        f"[run]\nname = 'piped'\nstatus = 'exercise'\nclock = 'data'\nclock_speed = {SPEED}\n"
        f"[stations]\npaths = ['{quake_config.stations.paths[0]}']\n"
        f"[[targets]]\nname = 'near'\nlatitude = {QUAKE.latitude}\nlongitude = {QUAKE.longitude}\n"
        f"[[targets]]\nname = 'there'\nlatitude = {target.latitude}\nlongitude = {target.longitude}\n"
        f"[[publish]]\nkind = 'zmq'\nendpoint = 'ipc://{tmp_path}/public'\n"
        "[[ingest]]\nkind = 'stdin'\n"
    )
    main = "from seiswarn.cli import main; main()"
    command = [sys.executable, "-c", main, "run", str(config), "--out", str(tmp_path / "run")]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said)
        assert process.stdin is not None
        try:
            status = tmp_path / "run" / "status.json"
            limit = time.monotonic() + 120.0
            while '"connected"' not in (status.read_text() if status.exists() else ""):
                assert process.poll() is None, (tmp_path / "said").read_text()
                assert time.monotonic() < limit
                time.sleep(0.1)
            due, rest = paced(sent, time.monotonic()), len(sent)
            while rest:
                records = due()
                rest -= len(records)
                os.write(process.stdin.fileno(), b"".join(r for _, r in records))
                time.sleep(0.01)
            process.stdin.close()
            assert process.wait(timeout=90) == 0, (tmp_path / "said").read_text()
        finally:
            process.kill()
            process.wait()
    found = messages(tmp_path / "run")
    assert any(isinstance(m, Alert) for m in found), (tmp_path / "said").read_text()
    refused = [m for m in found if isinstance(m, DataError) and m.reason in ("CORRUPT_RECORD", "GAP")]
    assert refused == []


def test_a_folder_that_fills_is_read_on_where_a_killed_process_stood(
    daemon: Callable[..., Daemon],
    quake_config: Config,
    sent: list[tuple[int, str, bytes]],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    config = msgspec.structs.replace(
        quake_config,
        run=Run(name="filled", status="exercise", clock="data", clock_speed=SPEED),
        ingest=(IngestFolder(path=str(folder), existing="read", poll_s=0.05),),
        archive=ArchiveParams(enabled=True, min_free_gb=0.0, keep_days=0.0),
    )
    live = daemon(config)
    live.until(lambda: live.child("core").works and live.child("ingest").works, 120)
    due, counts = paced(sent, time.monotonic()), [len(sent)]

    def fill() -> bool:
        for station, record in due():
            with (folder / f"{station}.mseed").open("ab") as file:
                file.write(record)
            counts[0] -= 1
        return counts[0] == 0

    live.until(lambda: fill() or counts[0] < len(sent) // 2, 60)
    live.child("ingest").kill()
    live.until(fill, 120)
    kept = live.folder / "sds"
    live.until(lambda: len(stored(kept)) == len(sent), 60)
    assert stored(kept) == sorted(record for *_, record in sent)
    live.until(lambda: any(isinstance(m, EventEstimate) for m in messages(live.folder)), 60)
    live.supervisor.stop("the test is over")
    assert live.finish() == 0
    assert live.warned()


def stored(folder: Path) -> list[bytes]:
    out: list[bytes] = []
    for path, _ in day_files(folder) if folder.exists() else ():
        data = path.read_bytes()
        out += [data[at : at + head.n_bytes] for at, head in chain(data)]
    return sorted(out)
