"""Line protocol against the client's own, and points against the messages they come from."""

from __future__ import annotations

import math
import warnings

from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point as ClientPoint

from seiswarn.store.influx_lines import Lines
from seiswarn.store.series_points import Point, SecondColumns, network_of
from seiswarn.store.series_schema import MOTION_FIELDS, STATION_SECOND

# The client lets line feeds through within strings; batches of ours are cut there, so they become spaces.
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
keys = texts.filter(bool)
values = st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1), texts)
common = {"run": "a b", "status": "test"}


def client_line(point: Point) -> str:
    made = ClientPoint(point.measurement)
    for key, value in {**common, **point.tags}.items():
        made.tag(key, value)
    for key, value in point.fields.items():
        made.field(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a measurement that begins with #: never one of ours
        return made.time(point.t_ns).to_line_protocol()


@given(
    keys,
    st.dictionaries(keys, texts, max_size=4),
    st.dictionaries(keys, values, max_size=4),
    st.integers(0, 2**62),
)
def test_every_point_reads_as_the_client_would_write_it(measurement, tags, fields, t_ns):
    point = Point(measurement, tags, fields, t_ns)
    mine = Lines(common).points([point])
    assert "\n".join(mine) == client_line(point)


def test_line_feeds_in_strings_cannot_cut_a_batch():
    (line,) = Lines({}).points([Point("m", {"a\nb": "c\rd"}, {"f": "one\ntwo\r"}, 1)])
    assert line == 'm,a\\nb=c\\rd f="one two " 1'


stations = st.sampled_from(["CI.CLC..HN", "XX.A,B.00.HN", "YY.nan.10.E N", "ZZ.inf.=.HH"])
numbers = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1e-12, 12345678.9, math.nan]))
rows = st.lists(
    st.tuples(
        stations,
        st.integers(0, 2**61),
        st.tuples(*[numbers] * len(MOTION_FIELDS)),
        st.one_of(st.just(math.nan), st.floats(0, 1)),
        st.sampled_from(["", "ok", "untrusted"]),
    ),
    max_size=6,
)


@given(rows)
def test_columns_read_as_the_client_would_write_them(given_rows):
    columns = SecondColumns.empty()
    wanted = []
    for station, t_ns, motion, trust, state in given_rows:
        columns.stations.append(station)
        columns.t_ns.append(t_ns)
        for column, value in zip(columns.motion, motion, strict=True):
            column.append(value)
        columns.trust.append(trust)
        columns.state.append(state)
        fields = dict(zip(MOTION_FIELDS, motion, strict=True)) | {"trust": trust}
        tags = {"network": network_of(station), "station": station}
        # Six digits are kept.
        told = {k: float(f"{v:.6g}") for k, v in fields.items()} | ({"state": state} if state else {})
        line = client_line(Point(STATION_SECOND, tags, told, t_ns))
        wanted += [line] if line else []
    assert [_parsed(line) for line in Lines(common).seconds(columns)] == [_parsed(line) for line in wanted]


def _parsed(line):
    """A line with its numbers as numbers: 1e-05 and 0.00001 are the same."""
    head, _, t_ns = line.rpartition(" ")
    cut = head.rindex(" intensity_gbt=") if " intensity_gbt=" in head else head.rindex(" ")
    fields = dict(item.split("=") for item in head[cut + 1 :].split(","))
    return head[:cut], {k: v if v.startswith('"') else float(v) for k, v in fields.items()}, t_ns
