"""What systemd is told: a real datagram socket, and a real `seiswarn run`."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from seiswarn.messages import Heartbeat, LinkState
from seiswarn.runtime import clock
from seiswarn.runtime.notify import Announcer, Notifier, core_lives
from service.daemons import Running


class Manager:
    """The service manager's end."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.path = str(path)
        self.told: list[tuple[float, str]] = []

    def hear(self) -> list[str]:
        while True:
            try:
                self.told.append((time.monotonic(), self.socket.recv(4096).decode()))
            except BlockingIOError:
                return [text for _, text in self.told]

    def said(self, line: str) -> bool:
        return any(line in text.split("\n") for text in self.hear())

    def wait_for(self, line: str, within_s: float) -> None:
        until = time.monotonic() + within_s
        while not self.said(line):
            assert time.monotonic() < until, (line, self.told)
            time.sleep(0.05)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


def child(kind: str = "core", state: str = "ready", heard_s: float | None = None, **more: object) -> object:
    now = clock.monotonic_s()
    beat = Heartbeat(process=kind, t_seen_ns=0, state=state, links=more.pop("links", ()), counters={})
    given = {
        "name": kind,
        "spec": SimpleNamespace(kind=kind),
        "running": True,
        "works": state == "ready",
        "heard_s": now if heard_s is None else heard_s,
        "started_s": now,
        "restart_s": 0.0,
        "exit_code": None,
        "beat": beat,
    }
    return SimpleNamespace(**{**given, **more})


def link(state: str) -> LinkState:
    return LinkState(name="seedlink x:1", state=state, since_ns=0)  # type: ignore[arg-type]


def announcer(manager: Manager, watchdog_s: float = 0.0) -> Announcer:
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(round(1e6 * watchdog_s))}
    return Announcer(Notifier(env))


def test_nobody_is_told_without_a_manager() -> None:
    notifier = Notifier({})
    notifier.tell("READY=1")
    assert not notifier.wanted
    assert notifier.failed == 0


def test_a_manager_that_is_gone_is_no_harm(tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    notifier.tell("READY=1")
    assert notifier.failed == 1
    notifier.close()


def test_sockets_in_the_abstract_namespace() -> None:
    name = f"seiswarn-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind("\0" + name)
        notifier = Notifier({"NOTIFY_SOCKET": "@" + name})
        notifier.tell("READY=1", "STATUS=x")
        assert ours.recv(100) == b"READY=1\nSTATUS=x"
        notifier.close()


def test_ready_once_core_and_a_source_are_there(manager: Manager) -> None:
    told = announcer(manager)
    core = child()
    told.turn([core, child("ingest", "starting")])
    told.turn([core, child("ingest", links=(link("connecting"),))])
    assert not manager.said("READY=1")
    told.turn([core, child("ingest", links=(link("connecting"), link("connected")))])
    told.turn([core, child("ingest", links=(link("connected"),))])
    assert sum("READY=1" in text for text in manager.hear()) == 1
    assert manager.said("STATUS=2 of 2 processes work, 1 of 2 connections are there")
    told.close()


def test_a_network_that_is_away_does_not_keep_the_service_from_being_ready(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = announcer(manager)
    away = [child(), child("ingest", links=(link("connecting"),))]
    told.turn(away)
    assert not manager.said("READY=1")
    now = clock.monotonic_s()
    monkeypatch.setattr(clock, "monotonic_s", lambda: now + 31.0)
    told.turn([child(), child("ingest", links=(link("connecting"),))])
    assert manager.said("READY=1")
    told.close()


def test_sign_of_life_only_while_the_core_gives_its_own(manager: Manager) -> None:
    now = clock.monotonic_s()
    told = announcer(manager, watchdog_s=0.004)
    told.turn([child(heard_s=now - 60.0)])
    assert not manager.said("WATCHDOG=1")
    told.turn([child()])
    assert manager.said("WATCHDOG=1")
    told.close()
    assert not core_lives(None)
    assert not core_lives(child(running=False))  # type: ignore[arg-type]
    assert core_lives(child(state="warm"))  # type: ignore[arg-type]
    assert not core_lives(child(state="warm", started_s=now - 1000.0))  # type: ignore[arg-type]


@pytest.mark.processes
def test_life_of_a_daemon_as_the_manager_hears_it(manager: Manager, tmp_path: Path) -> None:
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "2000000"}
    with Running(tmp_path / "run", env) as daemon:
        manager.wait_for("READY=1", 150)
        assert manager.said(f"MAINPID={daemon.process.pid}")
        manager.wait_for("WATCHDOG=1", 10)
        os.kill(daemon.process.pid, signal.SIGHUP)
        manager.wait_for("RELOADING=1", 10)
        reloading = next(text for text in manager.hear() if "RELOADING=1" in text)
        stamp = int(reloading.split("MONOTONIC_USEC=")[1].split("\n")[0])
        assert abs(stamp / 1e6 - time.monotonic()) < 60
        until = time.monotonic() + 120
        while sum("READY=1" in text.split("\n") for text in manager.hear()) < 2:
            assert time.monotonic() < until, manager.told
            time.sleep(0.1)
        # A core that hangs is replaced before the manager would lose its patience (WatchdogSec=30).
        core = daemon.pid_of("core")
        os.kill(core, signal.SIGSTOP)
        time.sleep(11.5)  # the supervisor lets a silent core live for 10 s
        os.kill(core, signal.SIGCONT) if daemon.is_there(core) else None
        gap = max(b - a for a, b in _steps(manager, "WATCHDOG=1"))
        daemon.process.terminate()
        assert daemon.process.wait(60) == 0
        assert gap < 15.0
    assert manager.said("STOPPING=1")


def _steps(manager: Manager, line: str) -> list[tuple[float, float]]:
    manager.hear()
    times = [t for t, text in manager.told if line in text.split("\n")]
    return list(pairwise(times))


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_signals_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    """A SIGHUP is no death; a SIGTERM ends it in order, with nothing left behind."""
    with Running(tmp_path / "run") as daemon:
        daemon.wait_for_handlers()
        daemon.process.send_signal(number)
        if number == signal.SIGTERM:
            assert daemon.process.wait(60) == 0
            assert not daemon.children()
            return
        daemon.wait_until_it_works()
        daemon.process.terminate()
        assert daemon.process.wait(60) == 0
