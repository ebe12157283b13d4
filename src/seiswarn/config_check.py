"""From plain TOML data to structs, with every mistake found and none raised."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from seiswarn.config_lines import KeyLines, Path
from seiswarn.errors import ConfigProblem


@dataclass(slots=True)
class Findings:
    """Problems of one file, as they are found."""

    file: str
    lines: KeyLines
    problems: list[ConfigProblem] = field(default_factory=list)

    def add(self, path: Path, message: str, suggestion: str = "") -> None:
        """Note a problem at `path`."""
        self.problems.append(
            ConfigProblem(self.file, self.lines.line(path), dotted(path), message, suggestion)
        )


def dotted(path: Path) -> str:
    """A path as people write it: ``publish[1].endpoint``; indices count from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def build(kind: type[msgspec.Struct], raw: object, path: Path, findings: Findings) -> Any:
    """A struct of `kind` from a table, or None after noting everything that is wrong with it."""
    if not isinstance(raw, Mapping):
        findings.add(path, f"must be a table, not {_name(raw)}")
        return None
    before = len(findings.problems)
    fields = {f.name: f for f in msgspec.structs.fields(kind)}
    tag_field = kind.__struct_config__.tag_field
    for key in raw:
        if key not in fields and key != tag_field:
            findings.add((*path, key), "no such key", closest(key, list(fields)))
    values: dict[str, Any] = {}
    for name, info in fields.items():
        if name in raw:
            values[name] = _value(info.type, raw[name], (*path, name), findings, info.default)
        elif info.required:
            findings.add(path, f"{name} is missing", _meaning(info.type))
    return kind(**values) if len(findings.problems) == before else None


def _value(kind: Any, raw: object, path: Path, findings: Findings, default: object) -> Any:
    """One value: a nested table, an array of tables, or a plain value checked by msgspec."""
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return build(plain, raw, path, findings)
    element = get_args(plain)[0] if get_origin(plain) is tuple else None
    choices = _structs(element)
    if choices:
        if not isinstance(raw, list):
            findings.add(path, f"must be an array of tables, not {_name(raw)}")
            return ()
        return tuple(_tagged(choices, item, (*path, k), findings) for k, item in enumerate(raw))
    if not _finite(raw):
        findings.add(path, f"{_show(raw)} is no number to calculate with", _allowed(kind, default))
        return None
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        words = _choices(plain)
        hint = closest(raw, words) if words and isinstance(raw, str) else _allowed(kind, default)
        findings.add(path, f"{_show(raw)} is not allowed: {_plainly(str(error))}", hint)
        return None


def _tagged(kinds: list[type[msgspec.Struct]], raw: object, path: Path, findings: Findings) -> Any:
    """A table that says by its ``kind`` which struct it is."""
    if len(kinds) == 1 and kinds[0].__struct_config__.tag is None:
        return build(kinds[0], raw, path, findings)
    if not isinstance(raw, Mapping):
        findings.add(path, f"must be a table, not {_name(raw)}")
        return None
    by_tag = {str(k.__struct_config__.tag): k for k in kinds}
    tag = raw.get("kind")
    if tag is None:
        findings.add(path, "kind is missing", "one of: " + ", ".join(by_tag))
        return None
    if tag not in by_tag:
        findings.add((*path, "kind"), f"{_show(tag)} is not allowed", closest(str(tag), list(by_tag)))
        return None
    return build(by_tag[tag], raw, path, findings)


def _structs(kind: Any) -> list[type[msgspec.Struct]]:
    """The structs in a type, if it is one or a union of such."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return [k for k in kinds if isinstance(k, type) and issubclass(k, msgspec.Struct)]


def _choices(kind: Any) -> list[str]:
    return [str(c) for c in get_args(kind)] if get_origin(kind) is Literal else []


def closest(word: str, known: list[str]) -> str:
    """A suggestion: the nearest known word, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else "one of: " + ", ".join(known)


def _meta(kind: Any) -> list[msgspec.Meta]:
    found = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return [m for m in found if isinstance(m, msgspec.Meta)]


def _meaning(kind: Any) -> str:
    return next((m.description for m in _meta(kind) if m.description), "")


def limits(kind: Any) -> str:
    """The range a number may have, e.g. ``> 0, <= 12``; empty without limits."""
    signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
    return ", ".join(
        f"{sign} {getattr(m, name):g}" for m in _meta(kind) for name, sign in signs
        if getattr(m, name) is not None
    )  # fmt: skip


def _allowed(kind: Any, default: object) -> str:
    parts = [f"allowed: {limits(kind)}"] if limits(kind) else []
    if default is not msgspec.NODEFAULT:
        parts.append(f"default: {_show(default)}")
    return "; ".join(parts)


def _finite(raw: object) -> bool:
    if isinstance(raw, list):
        return all(_finite(item) for item in raw)
    return not isinstance(raw, float) or math.isfinite(raw)


_PLAIN = {
    "`float`": "a number",
    "`int`": "a whole number",
    "`str`": "a text",
    "`bool`": "true or false",
    "`array`": "an array",
    "`object`": "a table",
    "`float | null`": "a number",
}


def _plainly(text: str) -> str:
    """A msgspec message in the words of the person who wrote the file."""
    for word, plain in _PLAIN.items():
        text = text.replace(word, plain)
    return text[:1].lower() + text[1:]


def _show(raw: object) -> str:
    """A value as it would stand in TOML, shortened."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _name(raw: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "an array"}
    return names.get(type(raw), "a table" if isinstance(raw, Mapping) else "a date or time")
