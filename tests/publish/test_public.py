from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest

from factories import make_alert, make_decision, make_estimate, make_magnitude, make_origin, make_pick
from seiswarn.messages import decode, encode
from seiswarn.publish.formats.picks_csv import PICK_COLUMNS, csv_row, pick_row
from seiswarn.publish.formats.public import (
    PublicJson,
    PublicWarning,
    public_schema,
    public_warning,
)
from seiswarn.timebase import parse_iso

GOLDEN = Path(__file__).parent.parent / "golden" / "public.schema.json"


def test_the_public_schema_is_the_one_promised() -> None:
    """When this fails on purpose: fields may be added with defaults, never renamed or removed."""
    assert public_schema() == json.loads(GOLDEN.read_text())


def test_a_warning_carries_what_integrators_were_promised() -> None:
    alert = make_alert()
    warning = json.loads(PublicJson().render(alert))
    assert list(warning)[:6] == ["event_id", "revision", "kind", "status", "policy", "t_seen"]
    assert parse_iso(warning["t_seen"]) == alert.t_seen_ns
    assert parse_iso(warning["origin"]["time"]) == alert.origin.time_ns
    assert warning["origin"]["latitude"] == 24.1012
    assert warning["origin"]["depth_km"] == 12.3
    assert warning["magnitude"] == {
        "value": 6.77, "sigma": 0.31, "kind": "Mpd", "n_stations": 5, "saturated": False
    }  # fmt: skip
    baise = warning["targets"][0]
    assert (baise["name_zh"], baise["intensity"], baise["pga_mps2"]) == ("百色", 7.6, 2.346)
    assert parse_iso(baise["s_arrival"]) == alert.targets[0].s_arrival_ns
    assert warning["reasons"] == ["ABOVE_THRESHOLD"]


def test_one_line_and_equal_bytes_for_equal_messages() -> None:
    alert = make_alert()
    line = PublicJson().render(alert)
    assert b"\n" not in line
    again = decode(encode(alert))
    assert PublicJson().render(again) == line
    assert msgspec.json.decode(line, type=PublicWarning) == public_warning(alert)


def test_what_is_unknown_is_null_and_what_must_be_known_is_insisted_on() -> None:
    alert = make_alert(origin=make_origin(gap_deg=float("nan"), ellipse_major_km=float("inf")))
    origin = json.loads(PublicJson().render(alert))["origin"]
    assert origin["gap_deg"] is None
    assert origin["ellipse_major_km"] is None
    assert b"-0.0" not in PublicJson().render(make_alert(origin=make_origin(latitude=-0.00001)))
    with pytest.raises(ValueError, match="no place in a public message"):
        PublicJson().render(make_alert(magnitude=make_magnitude(value=float("nan"))))


def test_decisions_picks_and_everything_else() -> None:
    decision = json.loads(PublicJson().render(make_decision()))
    assert decision["reasons"] == ["ABOVE_THRESHOLD"]
    assert decision["magnitude"] == 6.77
    pick = json.loads(PublicJson().render(make_pick(1)))
    assert list(pick) == list(PICK_COLUMNS)
    other = json.loads(PublicJson().render(make_estimate()))
    assert (other["type"], other["revision"]) == ("EventEstimate", 3)


def test_a_pick_is_a_row_that_csv_readers_read_back() -> None:
    pick = make_pick(2, pick_id='odd, "quoted"', snr=float("nan"))
    text = csv_row(PICK_COLUMNS) + pick_row(pick)
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["pick_id"] == 'odd, "quoted"'
    assert row["snr"] == ""
    assert parse_iso(row["time"]) == pick.t_ns
    assert (row["station"], row["polarity"], row["status"]) == (pick.station, "0", "actual")
