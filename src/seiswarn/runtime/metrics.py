"""The daemon's own health for Prometheus and for load balancers, from its status file.

The supervisor writes `status.json` into the run folder every second; whoever serves HTTP mounts
`metrics_routes`. No process is asked anything, so that a scrape can hold up none of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from seiswarn.runtime import clock
from seiswarn.runtime.child import WORKING
from seiswarn.runtime.files import STATUS_FILE
from seiswarn.store.series_points import stages_of
from seiswarn.timebase import NS

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

FRESH_S = 10.0  # a status older than this is that of a daemon that hangs or has ended
PREFIX = "seiswarn"
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")

Status = Mapping[str, Any]


def read_status(folder: Path) -> dict[str, Any] | None:
    """The status of the daemon whose run folder this is; None when there is none that can be read."""
    try:
        found = msgspec.json.decode((folder / STATUS_FILE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    return found if isinstance(found, dict) else None


def prometheus_text(status: Status | None, now_ns: int) -> bytes:
    """The status in Prometheus' text format; without one only `seiswarn_up 0`."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(status, now_ns))
    return bytes(generate_latest(registry))


def health(status: Status | None, now_ns: int) -> tuple[bool, str]:
    """Whether the daemon can warn, and a sentence on it."""
    if status is None:
        return False, "there is no status file: the daemon has not started"
    age_s = _age_s(status, now_ns)
    if age_s > FRESH_S:
        return False, f"the status is {age_s:.0f} s old: the daemon hangs or has ended"
    core = [p for p in _processes(status) if p.get("kind") == "core"]
    bad = [p for p in core if p.get("state") not in WORKING]
    if bad or not core:
        state = bad[0].get("state") if bad else ""
        return False, f"the core does not work: {state or 'not running'}"
    return True, "the daemon works"


def metrics_routes(folder: Path, now_ns: Callable[[], int] = clock.now_ns) -> list[Route]:
    """``/metrics`` and ``/healthz`` of the daemon with this run folder, for a Starlette application."""
    from prometheus_client import CONTENT_TYPE_LATEST
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    def metrics(request: Request) -> Response:
        text = prometheus_text(read_status(folder), now_ns())
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def healthz(request: Request) -> Response:
        well, told = health(read_status(folder), now_ns())
        return JSONResponse({"healthy": well, "detail": told}, status_code=200 if well else 503)

    return [Route("/metrics", metrics), Route("/healthz", healthz)]


class _Collector:
    """A status as metric families, in prometheus_client's protocol."""

    def __init__(self, status: Status | None, now_ns: int) -> None:
        self._status, self._now_ns = status, now_ns

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        status, now_ns = self._status, self._now_ns
        up = status is not None and _age_s(status, now_ns) <= FRESH_S
        yield GaugeMetricFamily(f"{PREFIX}_up", "Whether the daemon writes its status.", float(up))
        if status is None:
            return
        yield GaugeMetricFamily(
            f"{PREFIX}_status_age_seconds", "Age of the daemon's status.", max(0.0, _age_s(status, now_ns))
        )
        yield InfoMetricFamily(
            f"{PREFIX}_run", "The run.", {k: str(status.get(k, "")) for k in ("run", "status")}
        )
        yield from _process_families(_processes(status))
        yield from _stage_families(_processes(status))
        yield from _counter_families(_processes(status))


def _age_s(status: Status, now_ns: int) -> float:
    t_ns = status.get("t_ns")
    return (now_ns - t_ns) / NS if isinstance(t_ns, int) else math.inf


def _processes(status: Status) -> list[dict[str, Any]]:
    return [told for told in status.get("processes") or () if isinstance(told, dict)]


def _process_families(processes: list[dict[str, Any]]) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ["process", "kind"]
    works = GaugeMetricFamily(f"{PREFIX}_process_up", "Whether a process works.", labels=labels)
    ages = GaugeMetricFamily(
        f"{PREFIX}_process_beat_age_seconds", "Seconds since a process gave a sign of life.", labels=labels
    )
    restarts = CounterMetricFamily(
        f"{PREFIX}_process_restarts", "Times a process was started again.", labels=labels
    )
    for told in processes:
        names = [str(told.get("name", "")), str(told.get("kind", ""))]
        works.add_metric(names, float(told.get("state") in WORKING))
        restarts.add_metric(names, _number(told.get("restarts")) or 0.0)
        age = _number(told.get("beat_age_s"))
        if age is not None:
            ages.add_metric(names, age)
    return works, ages, restarts


def _stage_families(processes: list[dict[str, Any]]) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(
        f"{PREFIX}_stage_seconds",
        "Time a stage took for a slice, over the last slices with data; quantile 1 is the longest.",
        labels=["process", "stage", "quantile"],
    )
    for told in processes:
        counters = told.get("counters") or {}
        for stage in stages_of(counters):
            for kind, quantile in (("p50", "0.5"), ("p99", "0.99"), ("max", "1")):
                value = _number(counters.get(f"stage_{stage}_ms_{kind}"))
                if value is not None:
                    family.add_metric([str(told.get("name", "")), stage, quantile], value / 1000.0)
    return (family,)


def _counter_families(processes: list[dict[str, Any]]) -> Iterable[Metric]:
    """All other counters of heartbeats, one family per name: gauges, since some of them go down again."""
    from prometheus_client.core import GaugeMetricFamily

    families: dict[str, GaugeMetricFamily] = {}
    for told in processes:
        counters = told.get("counters") or {}
        timed = {f"stage_{s}_ms_{k}" for s in stages_of(counters) for k in ("p50", "p99", "max")}
        for name, value in counters.items():
            number = _number(value)
            if name in timed or number is None:
                continue
            plain = f"{PREFIX}_counter_{_NOT_A_NAME.sub('_', str(name))}"
            family = families.get(plain)
            if family is None:
                text = f"{name} in the heartbeats of processes."
                family = families[plain] = GaugeMetricFamily(plain, text, labels=["process"])
            family.add_metric([str(told.get("name", ""))], number)
    return families.values()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
