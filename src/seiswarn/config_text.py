"""The configuration written out: every key with its meaning, range and default, from the structs alone."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from seiswarn.config import Config
from seiswarn.config_audiences import Audience
from seiswarn.config_check import limits
from seiswarn.config_doors import (
    IngestArchive,
    IngestFolder,
    IngestKnet,
    IngestMqtt,
    IngestRecords,
    IngestSeedlink,
    IngestShakeUdp,
    IngestStdin,
    IngestSynthetic,
)
from seiswarn.config_parts import PublishFile, PublishZmq
from seiswarn.health.params import Window
from seiswarn.targets import Target

_HEAD = """\
# seiswarn: every key of a configuration, with its meaning, range and default.
# Made by `seiswarn.config_text.default_toml`; a test keeps this file equal to it.
# Leave out what you do not change. Paths are relative to the file they stand in.
# Tables in double brackets may be given any number of times; here they are examples.
"""

_EXAMPLES: dict[str, tuple[dict[str, Any], ...]] = {
    "targets": ({"name": "Baise", "latitude": 23.9, "longitude": 106.62, "name_zh": "百色"},),
    "audience": ({"preset": "railway", "name": "railway"},),
    "maintenance": (
        {"stations": ("XG.G01*",), "start": "2026-03-01T02:00:00Z", "end": "2026-03-01T06:00:00Z"},
    ),
    "ingest": (
        {"kind": "archive", "path": "data"},
        {"kind": "records", "path": "records.mseed"},
        {
            "kind": "synthetic",
            "origin_time": "2026-03-01T02:00:00Z",
            "latitude": 23.9,
            "longitude": 106.6,
            "depth_km": 12.0,
            "mw": 6.8,
        },
        {"kind": "seedlink", "servers": ["localhost:18000"]},
        {"kind": "shake_udp"},
        {"kind": "folder", "path": "data"},
        {"kind": "knet", "path": "data"},
        {"kind": "mqtt", "broker": "localhost"},
        {"kind": "stdin"},
    ),
    "publish": ({"kind": "file", "path": "products"}, {"kind": "zmq"}),
}
_KINDS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "targets": (Target,),
    "audience": (Audience,),
    "maintenance": (Window,),
    "ingest": (
        IngestArchive,
        IngestRecords,
        IngestSynthetic,
        IngestSeedlink,
        IngestShakeUdp,
        IngestFolder,
        IngestKnet,
        IngestMqtt,
        IngestStdin,
    ),
    "publish": (PublishFile, PublishZmq),
}


def default_toml() -> str:
    """A TOML text with all keys at their defaults; arrays of tables as examples in comments."""
    blocks = [_HEAD]
    for section in msgspec.structs.fields(Config):
        if section.name in _KINDS:
            for kind, example in zip(_KINDS[section.name], _EXAMPLES[section.name], strict=True):
                text = f"[[{section.name}]]\n" + _keys(kind, example, section.name)
                blocks.append(_commented(_title(kind)) + _commented(text))
        else:
            keys = _keys(section.type, {}, section.name)
            blocks.append(_commented(_title(section.type)) + f"[{section.name}]\n" + keys)
    return "\n".join(blocks)


def _title(kind: type[msgspec.Struct]) -> str:
    """The first sentence of a docstring."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def _keys(kind: type[msgspec.Struct], example: dict[str, Any], path: str) -> str:
    """The keys of the table at `path`, each under its meaning; nested tables after them."""
    lines, nested = [], ""
    if "kind" in example:
        lines.append(f"kind = {_toml(example['kind'])}")
    for info in msgspec.structs.fields(kind):
        plain = get_args(info.type)[0] if get_origin(info.type) is Annotated else info.type
        if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            inner = f"{path}.{info.name}"
            nested += f"\n# {_title(plain)}\n[{inner}]\n" + _keys(plain, {}, inner)
            continue
        lines += textwrap.wrap(_meaning(info.type, plain), 100, initial_indent="# ", subsequent_indent="# ")
        value = example.get(info.name, info.default)
        # TOML has no null: what is off by default is shown switched off
        lines.append(f"# {info.name} =" if value is None else f"{info.name} = {_toml(value)}")
    return "\n".join(lines) + "\n" + nested


def _meaning(kind: Any, plain: Any) -> str:
    found = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    text = next((m.description for m in found if isinstance(m, msgspec.Meta) and m.description), "")
    if get_origin(plain) is Literal:
        text += "; one of " + ", ".join(map(str, get_args(plain)))
    return f"{text} ({limits(kind)})" if limits(kind) else text


def _toml(value: Any) -> str:
    """A value in TOML; JSON writes texts, numbers, truth and lists the same way."""
    if isinstance(value, msgspec.Struct):
        pairs = msgspec.structs.asdict(value).items()
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in pairs) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
