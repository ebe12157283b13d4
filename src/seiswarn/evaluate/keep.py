"""What was replayed once need not be again: kept results, and what they depend on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec

import seiswarn
from seiswarn.config import Config, config_hash
from seiswarn.evaluate.heard import Heard

HEARD_FILE = "heard.json"
# What only shows or judges what was heard; none of it changes a message or a row of `Heard`.
_SHOWS = frozenset(("publish", "client", "web", "store"))
_SHOWS_HERE = frozenset(
    (
        "command",
        "figures",
        "lead",
        "matching",
        "metrics",
        "overall",
        "page",
        "plot",
        "score",
        "sets",
        "shaking",
        "shaking_figures",
        "shaking_table",
        "table",
        "workers",
    )
)
_CHUNK = 1 << 20


@lru_cache(maxsize=1)
def code_digest() -> str:
    """A fingerprint of the code that decides what is heard, and of the libraries it calculates with."""
    from seiswarn.runtime.setup import versions

    here = Path(seiswarn.__file__).parent
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    for path in sorted(here.rglob("*.py")):
        part = path.relative_to(here)
        if part.parts[0] in _SHOWS or part.name == "cli.py":
            continue
        if part.parts[0] == "evaluate" and part.stem in _SHOWS_HERE:
            continue
        digest.update(f"{part}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def run_key(folder: Path, config: Config, feeding: str) -> str:
    """What a result depends on: inputs, configuration, how packets come (`feeding`), and code."""
    digest = hashlib.sha256(f"{config_hash(config)}\n{feeding}\n{code_digest()}\n".encode())
    for root in (folder, *(Path(p) for p in config.stations.paths)):
        files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
        for file in files:
            digest.update(f"{file.relative_to(root)}\n{file.stat().st_size}\n".encode())
            _add(digest, file)
    return digest.hexdigest()[:32]


def _add(digest: hashlib._Hash, file: Path) -> None:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)


def kept(folder: Path, key: str, file: str = HEARD_FILE) -> Heard | None:
    """The result in `folder`, when there is a whole one made from what `key` stands for."""
    try:
        heard = msgspec.json.decode((folder / file).read_bytes(), type=Heard)
    except (OSError, msgspec.MsgspecError):
        return None  # nothing there, torn, or of another version
    return heard if heard.key == key else None


def keep(folder: Path, heard: Heard, file: str = HEARD_FILE) -> None:
    """Leave a result in `folder`, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{file}.part"
    beside.write_bytes(msgspec.json.encode(heard))
    beside.replace(folder / file)
