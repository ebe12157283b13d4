"""A small file that says how far a source has come: read as a whole or not at all, written likewise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_state(path: Path, kind: type[T], version: int, otherwise: str) -> tuple[T | None, str]:
    """What is in a JSON file of our own, and why it cannot be used (empty: it can).

    Parameters
    ----------
    kind
        the structure of the file; it has a field ``format``.
    version
        of the format that is understood.
    otherwise
        what follows when it cannot be used, for the sentence.
    """
    try:
        head = msgspec.json.decode(path.read_bytes())
        found = head.get("format") if isinstance(head, dict) else None
        if found != version:
            return None, f"{path.name} is of another version ({found}): {otherwise}"
        return msgspec.convert(head, kind), ""
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return None, f"{path.name} cannot be read ({error}): {otherwise}"


def write_state(path: Path, content: msgspec.Struct, otherwise: str) -> str:
    """Write a file as a whole; why it could not be written, with what follows, empty when it was."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.encode(content))
        os.replace(beside, path)
    except OSError as error:
        return f"{path.name} cannot be written ({error.strerror}); {otherwise}"
    return ""
