"""What `check` says about measurements: the token, and the folder that holds back what cannot be sent."""

from __future__ import annotations

import os
from pathlib import Path

from seiswarn.config import Config
from seiswarn.errors import StoreError
from seiswarn.runtime.finding import Finding
from seiswarn.runtime.series_outlets import SPOOL_FOLDER
from seiswarn.store.influx_http import TokenSource
from seiswarn.store.influx_spool import Spool


def series_findings(config: Config) -> list[Finding]:
    """Whether measurements would be safe. The server itself is not asked: it may come later."""
    series = config.series
    if not series.enabled or not series.sends:
        return []
    influx = series.influx
    findings = []
    _, missing = TokenSource(influx).read()
    if missing:
        findings.append(Finding("series", False, f"{missing}: InfluxDB will refuse the measurements"))
    folder = Path(influx.spool_folder or Path(config.runtime.folder) / SPOOL_FOLDER)
    trouble = _trouble(folder, influx.spool_mb << 20)
    if not trouble:
        sentence = f"measurements go to {influx.url}; {folder} holds them while it is away"
        findings.append(Finding("series", True, sentence))
    elif "another process" in trouble:
        findings.append(Finding("series", True, f"{trouble}: is another seiswarn running?", warning=True))
    else:
        sentence = f"{trouble}; without it measurements are lost when {influx.url} is away for long"
        findings.append(Finding("series", False, sentence))
    return findings


def _trouble(folder: Path, max_bytes: int) -> str:
    """Why a folder cannot be a spool; empty when it can. One that is not there yet is not made."""
    if folder.exists():
        try:
            Spool(folder, max_bytes).close()
        except StoreError as error:
            return str(error)
        return ""
    parent = next(p for p in folder.parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return f"{folder} cannot be made: check who owns {parent}"
    return ""
