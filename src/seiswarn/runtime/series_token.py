"""The token of the measurements' server stays out of every file but one, readable by us alone."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from seiswarn.config import Config

TOKEN_FILE = "processes/series.token"


def without_token(config: Config, folder: Path) -> Config:
    """The same configuration with a token that stands in it moved to a file of the run folder.

    Process specifications and run facts hold the whole configuration and may be read by others.
    """
    influx = config.series.influx
    if not influx.token:
        return config
    path = folder.resolve() / TOKEN_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(influx.token)
    # A token file or variable that is given as well goes first, as in `TokenSource`.
    kept = influx.token_file or ("" if influx.token_env else str(path))
    influx = msgspec.structs.replace(influx, token="", token_file=kept)
    return msgspec.structs.replace(config, series=msgspec.structs.replace(config.series, influx=influx))
