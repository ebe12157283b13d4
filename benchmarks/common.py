"""What all benchmarks say in the same way: on which machine, with which versions, in which form.

A benchmark hands its rows to `report`, which prints them and, when asked, writes them as JSON for
`compare.py`::

    {"benchmark": name, "machine": {...}, "versions": {...},
     "results": {key: {"value": float, "unit": str, "better": "higher" | "lower"}}}
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seiswarn.runtime.setup import versions

BESIDE = ("obspy", "scipy")  # compared with, not part of what decides our numbers


class Row(NamedTuple):
    """One figure of a benchmark."""

    value: float
    unit: str
    better: Literal["higher", "lower"]


def facts() -> dict[str, dict[str, Any]]:
    """The machine and the versions that the figures belong to."""
    found = dict(versions())
    for name in BESIDE:
        found[name] = str(getattr(importlib.import_module(name), "__version__", "unknown"))
    return {
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": platform.machine(),
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "python": platform.python_version(),
        },
        "versions": found,
    }


def _cpu() -> str:
    """The model of the processor where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def report(name: str, rows: Mapping[str, Row], path: Path | None = None) -> None:
    """Print machine, versions and rows; write them to `path` as JSON."""
    told = facts()
    machine = told["machine"]
    print(f"{name}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, {machine['python']}")
    print("versions: " + ", ".join(f"{k} {v}" for k, v in told["versions"].items()))
    width = max((len(key) for key in rows), default=0)
    for key, row in rows.items():
        print(f"  {key:<{width}}  {row.value:>14,.4g} {row.unit}")
    if path is not None:
        results = {key: row._asdict() for key, row in rows.items()}
        path.write_text(json.dumps({"benchmark": name, **told, "results": results}, indent=2) + "\n")


def cpu_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median of the CPU time of this process for `work`, after one call to warm up."""
    work()
    spent = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return statistics.median(spent)
