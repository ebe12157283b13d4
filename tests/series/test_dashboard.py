"""The Grafana dashboard: what it asks for exists, and a real InfluxDB answers every query of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from influx_server import Influxd, Shim
from seiswarn.store.influx import Writer
from seiswarn.store.influx_http import InfluxServer
from seiswarn.store.influx_lines import Lines
from seiswarn.store.series_params import Influx
from seiswarn.store.series_points import FieldValue, Point
from seiswarn.store.series_schema import COMMON_TAGS, SCHEMA

VALUES: dict[str, FieldValue] = {"float": 1.5, "integer": 3, "string": "ok"}


@pytest.fixture(scope="module")
def dashboard(project_root: Path) -> dict[str, Any]:
    return json.loads((project_root / "configs" / "grafana" / "seiswarn.json").read_text())


def queries(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["query"]
    for note in dashboard["annotations"]["list"]:
        yield note["query"]


def test_grafana_has_all_it_needs(dashboard: dict[str, Any]) -> None:
    assert dashboard["title"] == dashboard["uid"] == "seiswarn"
    assert dashboard["id"] is None  # else the import would overwrite a dashboard with that number
    assert dashboard["schemaVersion"] >= 36
    names = [v["name"] for v in dashboard["templating"]["list"]]
    assert names[0] == "datasource"
    assert dashboard["templating"]["list"][0]["query"] == "influxdb"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["type"]
        assert panel["title"]
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["datasource"]["uid"] == "${datasource}"
    for query in queries(dashboard):
        for used in re.findall(r"\$(\w+)", query):
            assert used in names or used in ("timeFilter", "__interval"), query


def test_every_name_in_a_query_is_in_the_schema(dashboard: dict[str, Any]) -> None:
    asked: set[str] = set()
    for query in queries(dashboard):
        # Names that a query gives itself are its own affair.
        own = set(re.findall(r'AS "([^"]+)"', query))
        tables = re.findall(r'FROM "([^"]+)"', query)
        assert len(tables) == 1, query
        spec = SCHEMA[tables[0]]
        asked.add(tables[0])
        known = {*spec.fields, *spec.tags, *COMMON_TAGS, tables[0], *own}
        for name in re.findall(r'"([^"]+)"', query):
            assert name in known, (name, query)
    assert asked == set(SCHEMA)


@pytest.mark.processes
@pytest.mark.xdist_group("influx")
def test_a_real_database_answers_every_query(
    influxd: Influxd, shim: Shim, dashboard: dict[str, Any], spool_folder: Path
) -> None:
    """With one point of everything at hand no query may fail, and those of one table find it."""
    params = Influx(url=shim.url, bucket="seis", token="secret-1")
    writer = Writer(params, lambda: InfluxServer(params), spool_folder, lambda: 0.0)
    now_ns = time.time_ns()
    texts = {"process": "core", "stage": "source", "counter": "step_ms_p99", "phase": "P"}
    points = []
    for name, spec in SCHEMA.items():
        tags = {tag: texts.get(tag, "x") for tag in spec.tags}
        for counter in ("step_ms_p99", "influx_queue") if name == "process_counter" else ("",):
            more = {"counter": counter} if counter else {}
            fields = {field: VALUES[told.type] for field, told in spec.fields.items()}
            points.append(Point(name, {**tags, **more}, fields, now_ns))
    writer.put(Lines({"run": "r", "status": "actual"}).points(points), 1)
    assert writer.close() == 0
    assert writer.counters()["influx_sent"] == len(points)
    for query in queries(dashboard):
        told = query.replace("$timeFilter", "time > now() - 1h").replace("$__interval", "10s")
        told = re.sub(r"\$(run|status|network|station)\b", ".*", told)
        assert influxd.query(told), told
