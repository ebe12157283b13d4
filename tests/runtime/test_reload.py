"""A new configuration into a running core: nothing is lost, and what follows can be replayed by itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from runtime_daemon import Daemon
from seiswarn.blocks import columns
from seiswarn.config import Config
from seiswarn.messages import Alert, Slice, decode, encode
from seiswarn.pipeline import Pipeline
from seiswarn.runtime.live import config_sources, reloaded
from seiswarn.runtime.reload import Reload
from seiswarn.runtime.session import _State
from seiswarn.runtime.sources import open_sources
from seiswarn.runtime.spec import read_spec
from seiswarn.station_moves import moves
from seiswarn.store.segments import closed, records

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("reload")]
INPUT, OUTPUT = "journal/input.jrn", "journal/output.jrn"


def without_one_station(config: Config, folder: Path) -> Config:
    """The configuration over a network without its last station, with another name of a level."""
    text = Path(config.stations.paths[0]).read_text()
    gone = re.findall(r"<Station .*?</Station>", text, flags=re.DOTALL)[-1]
    path = folder / "fewer.xml"
    path.write_text(text.replace(gone, ""))
    stations = msgspec.structs.replace(config.stations, paths=(str(path),))
    alerts = msgspec.structs.replace(config.alerts, update_every_s=0.5)
    return msgspec.structs.replace(config, stations=stations, alerts=alerts)


def samples_by_channel(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, payload in records(folder / INPUT):
        piece = decode(payload)
        assert isinstance(piece, Slice)
        for block in piece.blocks:
            for channel, n in zip(block.channels, columns(block).n_samples.tolist(), strict=True):
                found[channel] = found.get(channel, 0) + n
    return found


def test_stations_and_thresholds_change_between_two_slices(
    daemon: Callable[..., Daemon], quake_config: Config, tmp_path: Path
) -> None:
    quake = msgspec.structs.replace(quake_config.ingest[0], lead_s=60.0, duration_s=110.0, speed=6.0)
    config = msgspec.structs.replace(quake_config, ingest=(quake,))
    running = daemon(config)
    core = running.child("core")
    running.until(lambda: core.beat is not None and core.beat.counters.get("packets", 0) > 500, 120)
    told: list[str] = []
    changed = without_one_station(config, tmp_path)
    spec = reloaded(core.spec, lambda: changed, told.append, running.said.append)
    assert spec is not None
    running.supervisor.reload(spec)
    running.until(lambda: core.beat is not None and core.beat.counters.get("reloads", 0) == 1, 60)
    assert running.finish(120) == 0
    # Everything that came is journaled once, over both files.
    counts = samples_by_channel(running.folder)
    gone = {c for c in counts if c.split("_")[1] not in {s.split(".")[1] for s in _stations(changed)}}
    assert len(gone) == 3
    assert {n for c, n in counts.items() if c not in gone} == {11_000}
    assert all(0 < counts[c] < 11_000 for c in gone)
    assert len(closed(running.folder / INPUT)) == 1
    # The warning came, and the part after the reload can be replayed from its own snapshot.
    said = [(seq, payload) for seq, payload in records(running.folder / OUTPUT)]
    assert any(isinstance(decode(p), Alert) for _, p in said)
    assert _replayed(running.folder) == said[-len(_replayed(running.folder)) :]


def _stations(config: Config) -> tuple[str, ...]:
    return open_sources(tuple(config_sources(config)), config, config.run.status)[0].table.stations


def _replayed(folder: Path) -> list[tuple[int, bytes]]:
    """What follows from the growing file of the input journal and the snapshot it begins with."""
    spec = read_spec(folder / "processes" / "core.json")
    pipeline: Pipeline = open_sources(spec.sources, spec.config, spec.status)[0].pipeline()
    (snapshot,) = (folder / "journal").glob("snapshot-*.bin")
    state = msgspec.msgpack.decode(snapshot.read_bytes(), type=_State)
    pipeline.restore(state.pipeline)
    out: list[tuple[int, bytes]] = []
    for _, payload in records(folder / INPUT, state.input.seq + 1):
        piece = decode(payload)
        assert isinstance(piece, Slice)
        before = pipeline.n_out
        out += [(before + k, encode(m)) for k, m in enumerate(pipeline.handle(piece), start=1)]
    return out


def test_configuration_with_mistakes_changes_nothing(
    daemon: Callable[..., Daemon], quake_config: Config, tmp_path: Path
) -> None:
    running = daemon(quake_config)
    core = running.child("core")
    running.until(lambda: core.works, 120)
    nowhere = msgspec.structs.replace(quake_config.stations, paths=(str(tmp_path / "none.xml"),))
    bad = msgspec.structs.replace(quake_config, stations=nowhere)
    spec = reloaded(core.spec, lambda: bad, running.said.append, running.said.append)
    assert spec is not None
    running.supervisor.reload(spec)
    running.until(lambda: core.beat is not None and core.beat.counters.get("reloads_failed", 0) == 1, 60)
    assert core.beat is not None
    assert "everything stays as it was" in core.beat.complaints[0]
    assert running.finish(120) == 0
    assert running.warned()


def test_wish_during_a_reload_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being built may have read the configuration before it was changed once more."""
    go, closed_waveforms, built = threading.Semaphore(0), [], []

    def build(self: Reload) -> None:
        go.acquire()
        built.append(SimpleNamespace(waveform=SimpleNamespace(close=lambda: closed_waveforms.append(1))))
        self._built = built[-1]

    monkeypatch.setattr(Reload, "_build", build)
    wish, calm = Reload(SimpleNamespace()), SimpleNamespace(busy=False)

    def wait() -> None:
        go.release()
        assert wish._thread is not None
        wish._thread.join(10.0)

    wish.begin()
    wish.begin()
    wait()
    assert wish.ready(calm) is None
    wait()
    assert wish.ready(calm) is built[1]
    assert len(closed_waveforms) == 1
    assert wish.ready(calm) is None


def test_what_cannot_be_reloaded_is_said(quake_config: Config, daemon: Callable[..., Daemon]) -> None:
    running = daemon(quake_config)
    core = running.child("core").spec
    louder = msgspec.structs.replace(quake_config, ingest=(), runtime=core.config.runtime)
    said: list[str] = []
    spec = reloaded(core, lambda: louder, lambda text: None, said.append)
    assert said == ["changes of [ingest] take effect with the next start"]
    assert spec is not None
    assert spec.config.ingest == quake_config.ingest


def test_moves_follow_codes_and_what_decides(quake_config: Config, tmp_path: Path) -> None:
    old = open_sources(tuple(config_sources(quake_config)), quake_config, "exercise")[0].table
    new = open_sources(
        tuple(config_sources(quake_config)), without_one_station(quake_config, tmp_path), "exercise"
    )[0].table
    found = moves(old, new)
    assert found.kept == new.n_stations == old.n_stations - 1
    assert [old.stations[k] for k in found.stations] == list(new.stations)
    back = moves(new, old)
    assert np.count_nonzero(back.stations < 0) == 1
    held, fresh = np.arange(old.n_channels).tobytes(), np.full(new.n_channels, -7).tobytes()
    assert np.frombuffer(found.rows(held, fresh), "<i8").tolist() == found.channels.tolist()
    gain = new.ch_gain.copy()
    gain[0] *= 2.0
    assert (
        moves(old, replace(new, ch_gain=gain, channel_index={}, station_index={})).kept == new.n_stations - 1
    )
