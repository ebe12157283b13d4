"""[[ingest]] of the small live sources: examples of the documentation, and what is wrong with others."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from seiswarn.config import load_config
from seiswarn.config_doors import IngestMqtt, IngestShakeUdp, IngestStdin
from seiswarn.errors import UsageError
from seiswarn.ingest.folder import FolderSource
from seiswarn.ingest.mqtt import MqttSource
from seiswarn.ingest.shake_udp import ShakeUdpSource
from seiswarn.runtime.live import config_sources, plan
from seiswarn.runtime.live_clock import WallClock
from seiswarn.runtime.live_sources import _OPENERS, open_live
from seiswarn.runtime.spec import reads_stdin

MQTT = "kind = 'mqtt'\nbroker = 'a'\n"


def test_the_examples_of_the_documentation(tmp_path, project_root):
    text = (project_root / "docs" / "sources.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.S)
    for name in ("secret", "mqtt-password"):
        (tmp_path / name).write_text("word\n")
    (tmp_path / "in").mkdir()
    whole = re.sub(r'path = "/data/\w+"', 'path = "in"', "\n".join(blocks))
    path = tmp_path / "seiswarn.toml"
    path.write_text(whole)
    config = load_config(path)
    kinds = [str(door.__struct_config__.tag) for door in config.ingest]
    assert kinds == ["seedlink", "shake_udp", "folder", "knet", "mqtt", "stdin"]
    specs, sockets = plan(config, tmp_path / "run", config_sources(config), [], "exercise")
    sockets.rmdir()
    ingest = [s for s in specs if s.kind == "ingest"]
    assert [s.name for s in specs if reads_stdin(s)] == ["ingest-stdin-6"]
    opened = [open_live(s, WallClock()) for s in ingest[1:5]]
    assert [type(s) for s in opened] == [ShakeUdpSource, FolderSource, FolderSource, MqttSource]
    assert config.ingest[4].password_file == str(tmp_path / "mqtt-password")


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("kind = 'shake_udp'\nlisten = 'here there'", "ingest[0].listen", "no ADDRESS:PORT"),
        ("kind = 'shake_udp'\nsenders = ['10.0.0.1']", "ingest[0].senders[0]", "no SENDER=STATION"),
        ("kind = 'shake_udp'\nsenders = ['a=R1', 'a=R2']", "ingest[0].senders[1]", "given twice"),
        ("kind = 'shake_udp'\nstation = 'too long a name'", "ingest[0].station", ""),
        ("kind = 'folder'\npath = 'gone'", "ingest[0].path", "there is no folder"),
        ("kind = 'knet'\npath = 'gone'", "ingest[0].path", "there is no folder"),
        ("kind = 'mqtt'\nbroker = 'a b'", "ingest[0].broker", "no HOST:PORT"),
        ("kind = 'mqtt'\nbroker = 'a'\nqos = 2", "ingest[0].qos", ""),
        ("kind = 'mqtt'\nbroker = 'a'\ntopics = ['a/#/b']", "ingest[0].topics[0]", "no topic"),
        (
            "kind = 'mqtt'\nbroker = 'a'\nchannels = ['BNZ', 'BNZ', 'BNE']",
            "ingest[0].channels",
            "of their own",
        ),
        (
            "kind = 'mqtt'\nbroker = 'a'\nchannels = ['BNZ', 'x', 'BNE']",
            "ingest[0].channels[1]",
            "no channel code",
        ),
        ("kind = 'mqtt'\nbroker = 'a'\ntls_ca = 'gone'", "ingest[0].tls_ca", "there is no file"),
        ("kind = 'mqtt'\nbroker = 'a'\ndevices = ['a=b']", "ingest[0].devices[0]", "no DEVICE=STATION"),
        ("kind = 'stdin'\n[[ingest]]\nkind = 'stdin'", "ingest[1]", "only one source"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, key, words):
    path = tmp_path / "seiswarn.toml"
    path.write_text(f"[[ingest]]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_every_live_kind_can_be_opened():
    from seiswarn import config_doors

    assert set(_OPENERS) == set(config_doors.Live.__args__)


def test_fields_of_a_section_reach_its_source():
    """A field of a section that no opener hands on would be a key without effect."""
    from seiswarn.ingest.folder import Watch
    from seiswarn.ingest.mqtt import Broker
    from seiswarn.ingest.shake_udp import ShakeCast

    pairs = ((IngestShakeUdp, ShakeCast), (IngestMqtt, Broker), (config_folder(), Watch))
    renamed = {"listen": "host", "broker": "host", "password_file": "password"}
    for section, made in pairs:
        names = {renamed.get(f.name, f.name) for f in msgspec.structs.fields(section)}
        assert names <= set(made.__dataclass_fields__)
    assert [f.name for f in msgspec.structs.fields(IngestStdin)] == ["silent_s"]


def config_folder():
    from seiswarn.config_doors import IngestFolder

    return IngestFolder


def test_a_password_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "seiswarn.toml"
    (tmp_path / "word").write_text("x")
    path.write_text("[[ingest]]\nkind = 'mqtt'\nbroker = 'a'\nuser = 'b'\npassword_file = 'word'\n")
    config = load_config(path)
    specs, sockets = plan(config, tmp_path / "run", config_sources(config), [], "test")
    sockets.rmdir()
    Path(tmp_path / "word").unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        open_live(next(s for s in specs if s.kind == "ingest"), WallClock())
