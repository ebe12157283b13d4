"""Where the files that come with seiswarn lie: configurations and the fictional network."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """Path of a bundled file or folder, e.g. ``configs/drill_guangxi.toml``.

    In an installed package they stand in its `data` folder, in a working copy at the top level.
    Raises FileNotFoundError when it is in neither.
    """
    for root in (_PACKAGE / "data", _PACKAGE.parent.parent):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is not part of this installation")
