from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from runtime_daemon import Daemon, messages, records
from seiswarn.bus import Receiver
from seiswarn.client import Received, Subscriber
from seiswarn.config import Config
from seiswarn.messages import Alert, DataError, Heartbeat, Slice, decode, encode
from seiswarn.publish.formats.public import public_warning
from seiswarn.runtime import clock
from seiswarn.runtime.session import INPUT, OUTPUT
from seiswarn.runtime.setup import synthetic_run
from seiswarn.store.sqlite import Database
from seiswarn.timebase import NS

pytestmark = pytest.mark.processes
Start = Callable[..., Daemon]


def with_speed(config: Config, speed: float, **changes: float) -> Config:
    quake = msgspec.structs.replace(config.ingest[0], speed=speed, **changes)
    return msgspec.structs.replace(config, ingest=(quake,))


def same_products(live: Path, plain: Path) -> None:
    assert records(live / OUTPUT) == records(plain / OUTPUT)
    for name in ("warnings.jsonl", "decisions.jsonl", "picks.csv", "events.xml"):
        assert (live / name).read_bytes() == (plain / name).read_bytes(), name
    assert {p.name for p in (live / "cap").iterdir()} == {p.name for p in (plain / "cap").iterdir()}


def test_live_says_what_a_plain_replay_says(daemon: Start, quake_config: Config, plain_run: Path) -> None:
    live = daemon(with_speed(quake_config, 0.0))
    assert live.finish() == 0
    same_products(live.folder, plain_run)
    # Its journal through a fresh pipeline gives the same bytes again.
    setup, _ = synthetic_run(quake_config, status="exercise")
    pipeline = setup.pipeline()
    again: list[bytes] = []
    for _, payload in records(live.folder / INPUT):
        piece = decode(payload)
        assert isinstance(piece, Slice)
        again += [encode(message) for message in pipeline.handle(piece)]
    assert again == [payload for _, payload in records(live.folder / OUTPUT)]
    alerts = [m for m in messages(live.folder) if isinstance(m, Alert)]
    with Database(live.folder / "seiswarn.sqlite") as database:
        run_id = msgspec.json.decode((live.folder / "run.json").read_bytes())["run_id"]
        assert database.alerts(run_id) == alerts


def test_killed_core_goes_on_as_if_nothing_had_been(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    live.until(live.warned)
    live.child("core").kill()
    assert live.finish() == 0
    assert live.supervisor.restarts == 1
    same_products(live.folder, plain_run)
    alerts = [m for m in messages(live.folder) if isinstance(m, Alert)]
    revisions = [(a.event_id, a.policy, a.revision) for a in alerts]
    assert len(set(revisions)) == len(revisions)


def test_core_killed_again_and_again(daemon: Start, quake_config: Config, plain_run: Path) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    for seen in (200, 600, 1000):
        live.until(lambda seen=seen: live.child("core").works and _slices(live.folder) > seen)
        live.child("core").kill()
        live.until(lambda: not live.child("core").works)
    assert live.finish() == 0
    assert live.supervisor.restarts == 3
    same_products(live.folder, plain_run)


def _slices(folder: Path) -> int:
    return len(records(folder / INPUT))


def test_killed_ingest_goes_on_where_the_journal_stands(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    live.until(live.warned)
    live.child("ingest").kill()
    assert live.finish() == 0
    assert live.supervisor.restarts == 1
    same_products(live.folder, plain_run)


def test_killed_publishers_and_store_lose_and_double_nothing(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    live.until(lambda: (live.folder / "warnings.jsonl").exists() and live.warned())
    for kind in ("publish-file", "publish-zmq", "store"):
        live.child(kind).kill()
    assert live.finish() == 0
    assert live.supervisor.restarts == 3
    same_products(live.folder, plain_run)
    run_id = msgspec.json.decode((live.folder / "run.json").read_bytes())["run_id"]
    n_alerts = len((live.folder / "warnings.jsonl").read_bytes().splitlines())
    for sink in ("file", "zmq"):
        with Database(live.folder / f"outbox-publish-{sink}.sqlite") as outbox:
            assert outbox.outbox_states(run_id) == {(sink, "delivered"): n_alerts}
    with Database(live.folder / "seiswarn.sqlite") as database:
        assert database.last_seq(run_id) == len(records(live.folder / OUTPUT))


def test_listener_hears_every_alert_in_time(daemon: Start, quake_config: Config) -> None:
    """At speed 1, so that data time is real time."""
    live = daemon(with_speed(quake_config, 1.0, lead_s=6.0, duration_s=16.0))
    ahead: list[float] = []  # data time minus our clock, as ingest says; less by the way of its word

    def note(beat: Heartbeat) -> None:
        if beat.process.startswith("ingest") and beat.state == "ready":
            ahead.append(beat.t_seen_ns / NS - clock.monotonic_s())

    live.supervisor.on_beat = note
    heard: list[tuple[Received, float]] = []
    with Subscriber(live.endpoint, status="exercise") as subscriber:
        while live.supervisor.step(0.0) is None:
            for item in subscriber.poll(0.005):
                assert isinstance(item, Received), item
                heard.append((item, clock.monotonic_s()))
        assert subscriber.missing == 0
    alerts = [m for m in messages(live.folder) if isinstance(m, Alert)]
    assert [item.warning for item, _ in heard] == [public_warning(alert) for alert in alerts]
    late = [at + max(ahead) - alert.t_seen_ns / NS for (_, at), alert in zip(heard, alerts, strict=True)][
        :3
    ]  # those that came while data came
    assert late
    print("seconds from t_seen to the listener:", [round(x, 4) for x in late])
    assert all(0.0 <= seconds < 0.3 for seconds in late)


def test_warnings_go_out_though_the_disk_is_full(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 20.0), max_file_bytes=250_000)
    errors: list[DataError] = []
    with Receiver(live.endpoint, ("error",)) as receiver:
        while live.supervisor.step(0.01) is None:
            while (frame := receiver.receive(0.0)) is not None:
                if frame.topic == "error":
                    errors.append(msgspec.json.decode(frame.payload, type=DataError))
    assert (live.folder / INPUT).stat().st_size <= 250_000
    assert not any(isinstance(m, Alert) for m in messages(live.folder))
    assert (live.folder / "warnings.jsonl").read_bytes() == (plain_run / "warnings.jsonl").read_bytes()
    full = [e for e in errors if e.reason == "DISK_FULL"]
    assert full
    assert "warnings go on" in full[0].detail


def test_stopped_and_run_again_goes_on(daemon: Start, quake_config: Config, plain_run: Path) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    live.until(live.warned)
    live.supervisor.stop("test")
    assert live.finish() == 0
    live.supervisor.close()
    assert 0 < len(messages(live.folder)) < len(messages(plain_run))
    code = subprocess.run(
        [sys.executable, "-c", RESUME, str(live.folder)],
        input=msgspec.json.encode(with_speed(quake_config, 0.0)),
        timeout=60,
        check=False,
    ).returncode
    assert code == 0
    same_products(live.folder, plain_run)


RESUME = """
import sys
from pathlib import Path
import msgspec
from seiswarn.config import Config
from seiswarn.config_parts import PublishZmq
from seiswarn.runtime.live import run_live
config = msgspec.json.decode(sys.stdin.buffer.read(), type=Config)
folder = Path(sys.argv[1])
config = msgspec.structs.replace(config, publish=(PublishZmq(endpoint=f"ipc://{folder}/public"),))
sys.exit(run_live(config, folder, say=lambda text: print(text, file=sys.stderr)))
"""


def test_children_die_with_their_supervisor(quake_config: Config, tmp_path: Path) -> None:
    config = with_speed(quake_config, 1.0)
    parent = subprocess.Popen(
        [sys.executable, "-c", RESUME, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdin is not None
    assert parent.stderr is not None
    parent.stdin.write(msgspec.json.encode(config))
    parent.stdin.close()
    assert any(b"ready" in parent.stderr.readline() for _ in range(5))  # findings may come before
    children = [int(p) for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
    assert len(children) >= 4
    parent.kill()
    parent.wait()
    parent.stderr.close()
    limit = clock.monotonic_s() + 10
    while any(_lives(pid) for pid in children):
        assert clock.monotonic_s() < limit
        clock.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_sigterm_stops_in_order(quake_config: Config, tmp_path: Path) -> None:
    config = with_speed(quake_config, 1.0)
    parent = subprocess.Popen(
        [sys.executable, "-c", RESUME, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdin is not None
    assert parent.stderr is not None
    parent.stdin.write(msgspec.json.encode(config))
    parent.stdin.close()
    while b"ingest" not in parent.stderr.readline():
        pass
    parent.send_signal(signal.SIGTERM)
    rest = parent.stderr.read().decode()
    parent.stderr.close()
    assert parent.wait(timeout=30) == 0, rest
    assert "stopping: told to stop" in rest
    assert (tmp_path / "journal/snapshot.bin").exists()


def test_gives_up_on_what_cannot_run(daemon: Start, quake_config: Config) -> None:
    broken = msgspec.structs.replace(
        quake_config, stations=msgspec.structs.replace(quake_config.stations, paths=("/nowhere",))
    )
    live = daemon(broken)
    assert live.finish() == 2
    assert any("core cannot run" in sentence for sentence in live.said)


def test_core_killed_while_it_waits_for_the_last_event_to_end(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 0.0))
    live.until(lambda: live.child("core").state == "draining")
    live.child("core").kill()
    assert live.finish() == 0
    assert live.supervisor.restarts == 1
    same_products(live.folder, plain_run)


def test_changed_parameters_begin_a_new_run(daemon: Start, quake_config: Config, plain_run: Path) -> None:
    live = daemon(with_speed(quake_config, 0.0))
    assert live.finish() == 0
    live.supervisor.close()
    alerts = (live.folder / "warnings.jsonl").read_bytes()
    other = msgspec.structs.replace(
        quake_config, source=msgspec.structs.replace(quake_config.source, min_stations=5)
    )
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(live.folder)],
        input=msgspec.json.encode(with_speed(other, 0.0)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"a new run begins" in done.stderr
    (earlier,) = (live.folder / "earlier").iterdir()
    assert records(earlier / OUTPUT) == records(plain_run / OUTPUT)
    assert (live.folder / "warnings.jsonl").read_bytes().startswith(alerts)


def test_a_store_that_dies_again_and_again_stops_nothing(
    daemon: Start, quake_config: Config, plain_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seiswarn.runtime.child.LAST_BACKOFF_S", 0.2)
    live = daemon(with_speed(quake_config, 10.0))
    store = live.child("store")
    live.until(lambda: store.works)
    for deaths in range(1, 8):
        live.until(lambda: store.running)
        store.kill()
        live.until(lambda deaths=deaths: len(store.deaths) == deaths)
    assert live.finish() == 0
    assert any("died 7 times within 60 s: the run goes on" in sentence for sentence in live.said)
    same_products(live.folder, plain_run)
    run_id = msgspec.json.decode((live.folder / "run.json").read_bytes())["run_id"]
    with Database(live.folder / "seiswarn.sqlite") as database:
        assert database.last_seq(run_id) == len(records(live.folder / OUTPUT))


def test_a_store_that_is_dead_at_the_end_catches_up(
    daemon: Start, quake_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seiswarn.runtime.child.FIRST_BACKOFF_S", 30.0)
    monkeypatch.setattr("seiswarn.runtime.child.LAST_BACKOFF_S", 30.0)
    live = daemon(with_speed(quake_config, 20.0))
    live.until(live.warned)
    live.child("store").kill()
    assert live.finish() == 0
    run_id = msgspec.json.decode((live.folder / "run.json").read_bytes())["run_id"]
    with Database(live.folder / "seiswarn.sqlite") as database:
        assert database.last_seq(run_id) == len(records(live.folder / OUTPUT))


def test_gives_up_on_the_last_source(
    daemon: Start, quake_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seiswarn.runtime.child.LAST_BACKOFF_S", 0.1)
    live = daemon(with_speed(quake_config, 1.0))
    source = live.child("ingest")
    live.until(lambda: source.works)
    for deaths in range(1, 6):
        live.until(lambda: source.running)
        source.kill()
        live.until(lambda deaths=deaths: len(source.deaths) == deaths)
    live.until(lambda: source.running)
    source.kill()
    assert live.finish() == 1
    assert any("ingest" in sentence and "giving up" in sentence for sentence in live.said)


def test_what_has_worked_is_started_again_whatever_its_exit_code(
    daemon: Start, quake_config: Config, plain_run: Path
) -> None:
    live = daemon(with_speed(quake_config, 20.0))
    source = live.child("ingest")
    live.until(live.warned)
    path = live.folder / "processes" / f"{source.name}.json"
    good = path.read_bytes()
    spec = msgspec.json.decode(good)
    spec["config"]["stations"]["paths"] = ["/nowhere"]
    path.write_bytes(msgspec.json.encode(spec))
    source.kill()
    live.until(lambda: any("ended with code 2" in sentence for sentence in live.said))
    path.write_bytes(good)
    assert live.finish() == 0
    same_products(live.folder, plain_run)
