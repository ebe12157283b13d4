from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from seiswarn.runtime.metrics import health, metrics_routes, prometheus_text, read_status
from seiswarn.timebase import NS

NOW = 1_772_330_400 * NS
CORE: dict[str, Any] = {
    "name": "core",
    "kind": "core",
    "pid": 7,
    "state": "ready",
    "restarts": 2,
    "beat_age_s": 0.4,
    "counters": {
        "packets": 12.0,
        "step_ms_p99": 3.0,
        "stage_waveform_ms_p50": 1.0,
        "stage_waveform_ms_p99": 2.5,
        "stage_waveform_ms_max": 9.0,
        'odd name "é"\n': 1.0,
    },
}
STATUS: dict[str, Any] = {
    "t_ns": NOW - NS,
    "run": 'with "quotes"\\',
    "status": "actual",
    "processes": [CORE, {**CORE, "name": "store", "kind": "store", "state": "starting", "beat_age_s": None}],
    "sources": [],
}


def samples(status: Any, now_ns: int = NOW) -> dict[tuple[str, ...], float]:
    """Parsed by Prometheus' own parser: name and labels, sorted, to value."""
    text = prometheus_text(status, now_ns).decode()
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_in_the_status_is_told() -> None:
    told = samples(STATUS)
    assert told[("seiswarn_up",)] == 1
    assert told[("seiswarn_status_age_seconds",)] == 1
    assert told[("seiswarn_run_info", 'run=with "quotes"\\', "status=actual")] == 1
    assert told[("seiswarn_process_up", "kind=core", "process=core")] == 1
    assert told[("seiswarn_process_up", "kind=store", "process=store")] == 0
    assert told[("seiswarn_process_restarts_total", "kind=core", "process=core")] == 2
    assert told[("seiswarn_process_beat_age_seconds", "kind=core", "process=core")] == 0.4
    assert ("seiswarn_process_beat_age_seconds", "kind=store", "process=store") not in told
    assert told[("seiswarn_stage_seconds", "process=core", "quantile=0.99", "stage=waveform")] == 0.0025
    assert told[("seiswarn_counter_packets", "process=core")] == 12
    assert told[("seiswarn_counter_step_ms_p99", "process=store")] == 3
    assert not any(name[0].startswith("seiswarn_counter_stage_") for name in told)


@pytest.mark.parametrize(
    "status", [None, {}, {"t_ns": "soon"}, {"t_ns": NOW - 60 * NS, "processes": [3, {}]}]
)
def test_a_status_that_is_missing_odd_or_old_is_down(status: Any) -> None:
    assert samples(status)[("seiswarn_up",)] == 0
    assert not health(status, NOW)[0]


@pytest.mark.parametrize(
    ("change", "well"),
    [({}, True), ({"state": "starting"}, False), ({"kind": "store"}, False), ({"state": "stopped"}, True)],
)
def test_health_is_that_of_the_core(change: dict[str, str], well: bool) -> None:
    status = {**STATUS, "processes": [{**CORE, **change}]}
    assert health(status, NOW)[0] is well


def test_the_routes_serve_what_the_file_says(tmp_path: Path) -> None:
    app = Starlette(routes=metrics_routes(tmp_path, lambda: NOW))
    assert _get(app, "/healthz")[0] == 503
    assert b"seiswarn_up 0.0" in _get(app, "/metrics")[1]
    (tmp_path / "status.json").write_text(json.dumps(STATUS))
    assert _get(app, "/healthz") == (200, b'{"healthy":true,"detail":"the daemon works"}')
    status, body = _get(app, "/metrics")
    assert status == 200
    assert b'seiswarn_counter_packets{process="core"} 12.0' in body
    (tmp_path / "status.json").write_text("{")
    assert read_status(tmp_path) is None
    assert _get(app, "/healthz")[0] == 503


def _get(app: Starlette, path: str) -> tuple[int, bytes]:
    """One request, straight through ASGI: no port, no client."""
    import asyncio

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])
