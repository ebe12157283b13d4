"""A server behind a firewall that drops everything: it is given up, and met again when it can be."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from live.collecting import Collecting, Serving, whole
from live.serving import PACKET_S
from seiswarn.ingest.seedlink import Server

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("seedlink")]
TOOLS = ("ip", "iptables")
_numbers = itertools.count(1)


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


@pytest.fixture
def namespace() -> Iterator[tuple[str, str]]:
    """A network namespace with one cable to us, and its address: a new one each time."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if (os.geteuid() or missing) and not os.environ.get("CI"):
        pytest.skip(f"needs root and the programs {TOOLS}; without CI this may be left out")
    assert not missing, f"{missing} must be installed"
    number = next(_numbers)
    name = f"sw{os.getpid() % 10_000_000}{number}"
    here, there = f"10.213.{number}.1", f"10.213.{number}.2"
    cable, end = f"{name}a", f"{name}b"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", cable, "type", "veth", "peer", "name", end)
        run("ip", "link", "set", end, "netns", name)
        run("ip", "address", "add", f"{here}/24", "dev", cable)
        run("ip", "link", "set", cable, "up")
        run("ip", "netns", "exec", name, "ip", "address", "add", f"{there}/24", "dev", end)
        run("ip", "netns", "exec", name, "ip", "link", "set", end, "up")
        yield name, there
    finally:
        subprocess.run(["ip", "link", "del", cable], capture_output=True)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def firewall(name: str, action: str) -> None:
    for chain in ("INPUT", "OUTPUT"):
        run("ip", "netns", "exec", name, "iptables", action, chain, "-p", "tcp", "-j", "DROP")


@pytest.mark.parametrize("version", ["3", "4"])
@pytest.mark.parametrize("cut_s", [3.0, 9.0])
def test_cut_off_by_a_firewall(namespace: tuple[str, str], version: str, cut_s: float) -> None:
    """For shorter and for longer than the patience with a silent server (4 s here)."""
    epoch_ns = time.time_ns() - 2_000_000_000
    name, there = namespace
    serving = Serving(epoch_ns, before=("ip", "netns", "exec", name), host=there).start()
    try:
        server = Server(there, serving.port, stations=("XX_*",), version=version, silent_s=4.0)
        with Collecting([server]) as got:
            first = got.first_k(epoch_ns)
            firewall(name, "-A")
            time.sleep(cut_s)
            back = time.time()
            firewall(name, "-D")
            got.wait_for(lambda: any(t > back for t, _ in got.received), 15.0)
            after = min(t for t, _ in got.received if t > back) - back
            assert after < 3.0
            until = int((time.time_ns() - epoch_ns) / 1e9 / PACKET_S)
            got.wait_for(lambda: got.last_k(epoch_ns) >= until, 10.0)
            for counts in got.packets(epoch_ns).values():
                whole(counts, first, until)
            if cut_s > 4.0:
                assert any(state == "connecting" for _, state, _ in got.seen_states)
    finally:
        serving.kill()
