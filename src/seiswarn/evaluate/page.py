"""The page of an evaluation: tables and figures in one file, nothing to fetch and nothing to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seiswarn.evaluate import shaking_figures, shaking_table
from seiswarn.evaluate.figures import draw
from seiswarn.evaluate.metrics import STATES, Result
from seiswarn.evaluate.table import HEAD, number, remarks, rows, sentence

STATE_NAMES = ("first", "+5 s", "+10 s", "+20 s", "final")
ERRORS = (
    ("abs_dm", "Magnitude", ("all", "inside", "outside"), 2),
    ("epi_err_km", "Epicentre, km", ("all", "inside", "outside"), 1),
    ("depth_err_km", "Depth, km", ("all",), 1),
)
MOST_ROWS = 400  # of a table of revisions; a swarm makes thousands


def page(evaluation: dict[str, Any]) -> bytes:
    """The page, in UTF-8; equal input gives equal bytes."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [
        PackageLoader("seiswarn.evaluate", "templates"),
        PackageLoader("seiswarn.publish.formats", "templates"),
    ]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    overall, results = evaluation["overall"], evaluation["sets"]
    text = environment.get_template("evaluation.html.j2").render(
        banner={"en": ""},
        n_sets=len(results),
        options=evaluation["options"],
        skipped=evaluation["skipped"],
        sentence=sentence(overall),
        facts=_facts(overall),
        state_names=STATE_NAMES,
        errors=_errors(overall),
        head=HEAD,
        rows=[
            {"cells": cells, "anchor": f"s{k}", "bad": _is_bad(result)}
            for k, (cells, result) in enumerate(zip(rows(results), results, strict=True))
        ],
        sets=[_set(k, result) for k, result in enumerate(results)],
        shaking=_shaking(overall, results),
        data_h=f"{overall['data_s'] / 3600.0:.1f}",
        cpu=f"{overall['cpu_s']:.0f} s",
    )
    return text.encode()


def _facts(overall: dict[str, Any]) -> list[tuple[str, str, str]]:
    behind, dm, km = overall["behind_floor_s"], overall["abs_dm"]["all"]["at_10s"], overall["epi_err_km"]
    return [
        ("Warned of", f"{overall['warned']} of {overall['must_warn']}", f"{overall['missed']} missed"),
        (
            "False alerts",
            str(overall["false_alerts"]),
            f"{overall['unwanted']} for small earthquakes, {overall['split']} sets split",
        ),
        (
            "First alert behind floor",
            f"{number(behind['median'], 1)} s",
            f"median; 90 %: {number(behind['p90'], 1)} s; most: {number(behind['max'], 1)} s",
        ),
        (
            "Magnitude off after 10 s",
            number(dm["median"], 2),
            f"median; 90 %: {number(dm['p90'], 2)}; most: {number(dm['max'], 2)}",
        ),
        (
            "Epicentre off after 10 s",
            f"{number(km['inside']['at_10s']['median'], 1)} km",
            f"inside the network; outside {number(km['outside']['at_10s']['median'], 1)} km (medians)",
        ),
    ]


def _errors(overall: dict[str, Any]) -> list[tuple[str, list[str]]]:
    table = []
    for name, label, places, digits in ERRORS:
        for place in places:
            cells = [overall[name][place][state] for state in STATES]
            said = [f"{number(c['median'], digits)} / {number(c['p90'], digits)} / {c['n']}" for c in cells]
            table.append((f"{label}, {place}", said))
    return table


def _shaking(overall: dict[str, Any], results: Sequence[Result]) -> dict[str, Any] | None:
    """The section on shaking: tables and figures over all sets; None when no station felt any."""
    total = shaking_table.total(overall)
    if total is None:
        return None
    stations = [row for r in results if r.get("shaking") for row in r["shaking"]["stations"]]
    return {
        "head": shaking_table.HEAD,
        "rows": [*shaking_table.rows(results), total],
        "threshold_head": shaking_table.THRESHOLD_HEAD,
        "thresholds": shaking_table.threshold_rows(overall["shaking"]),
        "svgs": shaking_figures.draw(stations),
        "sentence": shaking_table.sentence(overall),
    }


def _is_bad(result: Result) -> bool:
    names = ("n_missed", "false_alerts", "split", "unwanted")
    return "error" in result or any(result[name] for name in names)


def _set(k: int, result: Result) -> dict[str, Any]:
    whole = {"id": result["id"], "anchor": f"s{k}", "svgs": [], "revisions": [], "n_alerts": 0, "open": False}
    if "error" in result:
        return whole | {"subject": "", "words": f"Failed: {result['error']}"}
    shown = _shown(result["revisions"])
    return whole | {
        "subject": _subject(result),
        "words": _words(result, len(shown)),
        "svgs": [*draw(result), *shaking_figures.draw(result.get("shaking", {}).get("stations", []))],
        "revisions": [_revision(r) for r in shown],
        "n_alerts": sum(r["kind"] == "alert" for r in shown),
    }


def _shown(revisions: Sequence[Result]) -> Sequence[Result]:
    """Alerts before estimates when there are too many to show."""
    if len(revisions) <= MOST_ROWS:
        return revisions
    alerts = [r for r in revisions if r["kind"] == "alert"]
    return alerts[:MOST_ROWS]


def _subject(result: Result) -> str:
    if result["origin_time"] is None:
        return "no earthquake in a catalogue"
    size = "" if result["magnitude"] is None else f"M {result['magnitude']:.1f} {result['magnitude_kind']}, "
    return f"{size}{result['origin_time'][:19].replace('T', ' ')} UTC"


def _words(result: Result, n_shown: int) -> str:
    said = list(remarks(result))
    if result["first_alert_s"] is not None:
        said.insert(0, f"first alert {result['first_alert_s']:.1f} s after the origin")
    elif result["first_estimate_s"] is not None:
        said.append(f"located {result['first_estimate_s']:.1f} s after the origin")
        if result["held"] is not None:
            why = result["held"]["detail"] or ", ".join(result["held"]["reasons"])
            said.append(f"no alert because of: {why}")
    elif result["origin_time"] is not None:
        said.append("not located")
    if result["floor_p4_s"] is not None:
        said.append(f"P at the fourth station after {result['floor_p4_s']:.1f} s")
    if result["origin_time"] is not None:
        said.append(f"{result['n_saw_p']} stations within 200 km saw P")
    if n_shown < len(result["revisions"]):
        said.append(f"{n_shown} of {len(result['revisions'])} revisions shown, the rest is in the JSON file")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _revision(r: Result) -> dict[str, Any]:
    return {
        "event_id": r["event_id"],
        "revision": r["revision"],
        "kind": r["kind"],
        "state": r["state"],
        "t": number(r["t_s"], 1),
        "m": number(r["magnitude"], 1),
        "sigma": number(r["sigma"], 1),
        "latitude": f"{r['latitude']:.3f}",
        "longitude": f"{r['longitude']:.3f}",
        "off": number(r["epi_err_km"], 0),
        "depth": number(r["depth_km"], 0),
        "n_stations": r["n_stations"],
        "reasons": ", ".join(r["reasons"]).replace("_", " ").lower(),
    }
