"""Requests of all kinds, without a client in between: errors, formats, limits, nonsense."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seiswarn.store.sqlite import Database
from seiswarn.web.app import application
from seiswarn.web.dataselect import Limits
from seiswarn.web.parameters import pattern_of, read_time
from seiswarn.web.refusal import Refused
from seiswarn.web.tables import SERVICES
from web.asking import Asking
from web.centre import Running

pytestmark = [
    pytest.mark.xdist_group("web"),
]
NOW = 1_700_000_000 * 10**9


@pytest.fixture(scope="module")
def client(centre: Running) -> Asking:
    return Asking(application(centre.sources, lambda: NOW))


def get(client: Asking, service: str, **asked: object):
    return client.get(f"/fdsnws/{service}/1/query", params={k: str(v) for k, v in asked.items()})


WINDOW = {"starttime": "2023-11-14T21:00:00", "endtime": "2023-11-14T21:10:00"}


@pytest.mark.parametrize(
    ("service", "asked", "code", "said"),
    [
        ("station", {"netwrk": "XG"}, 400, "did you mean network?"),
        ("station", {"level": "everything"}, 400, "level is one of"),
        ("station", {"format": "text", "level": "response"}, 400, "xml alone"),
        ("station", {"minlatitude": "north"}, 400, "minlatitude is a number"),
        ("station", {"minlatitude": "nan"}, 400, "between"),
        ("station", {"minlatitude": "91"}, 400, "between"),
        ("station", {"latitude": "1"}, 400, "come together"),
        ("station", {"maxradius": "1"}, 400, "need latitude"),
        ("station", {"starttime": "yesterday"}, 400, "starttime is a time"),
        ("station", {"starttime": "2024-01-02", "endtime": "2024-01-01"}, 400, "after endtime"),
        ("station", {"network": "../../etc"}, 400, "codes"),
        ("station", {"network": "QQ", "nodata": 404}, 404, "nothing"),
        ("event", {"minmagnitude": 5, "maxmagnitude": 4}, 400, "above"),
        ("event", {"limit": 0}, 400, "between"),
        ("event", {"eventid": ","}, 400, "empty"),
        ("event", {"eventid": "nosuch", "nodata": 404}, 404, "nothing"),
        ("dataselect", {"network": "XG"}, 400, "starttime and endtime are needed"),
        ("dataselect", {"starttime": "2000-01-01", "endtime": "2020-01-01"}, 413, "split the request"),
        ("dataselect", {**WINDOW, "format": "sac"}, 400, "format is one of"),
        ("dataselect", {**WINDOW, "network": "QQ", "nodata": 404}, 404, "nothing"),
    ],
)  # fmt: skip
def test_refusals_say_why(client: Asking, service: str, asked: dict, code: int, said: str) -> None:
    answer = get(client, service, **asked)
    assert answer.status_code == code
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0].startswith(f"Error {code}: ")
    assert said in lines[2]
    assert f"/fdsnws/{service}/1/" in lines[4]
    assert lines[lines.index("Request Submitted:") + 1] == "2023-11-14T22:13:20.000000Z"


def test_no_data_is_204(client: Asking) -> None:
    for service, asked in (("station", {}), ("dataselect", WINDOW)):
        answer = get(client, service, network="QQ", **asked)
        assert (answer.status_code, answer.content) == (204, b"")


def test_answers_have_a_size(centre: Running) -> None:
    sources = centre.sources
    small = type(sources)(
        **{n: getattr(sources, n) for n in sources.__slots__} | {"limits": Limits(1e6, 9000)}
    )
    client = Asking(application(small, lambda: NOW))
    assert get(client, "dataselect", **WINDOW).status_code == 413
    one = get(client, "dataselect", starttime=WINDOW["starttime"], endtime="2023-11-14T21:00:01")
    assert one.status_code == 200
    assert len(one.content) % 512 == 0


def test_posts_have_a_size(client: Asking) -> None:
    line = "XG G001 -- HNZ 2023-11-14T21:00:00 2023-11-14T21:10:00\n"
    url = "/fdsnws/dataselect/1/query"
    assert client.post(url, content=line).status_code == 200
    assert client.post(url, content=line * 4000).status_code == 200
    assert client.post(url, content=line * 6000).status_code == 413
    assert client.post(url, content="x" * 2_000_000).status_code == 413
    assert client.post(url, content="").status_code == 400
    assert client.post(url, content=b"\xff\xfe").status_code == 400
    assert client.post(url, content="XG G001 HNZ\n").status_code == 400
    assert client.post("/fdsnws/event/1/query", content=line).status_code == 405


def test_what_services_say_of_themselves(client: Asking) -> None:
    for name in SERVICES:
        assert client.get(f"/fdsnws/{name}/1/version").text == "1.1.0"
        assert "Parameters" in client.get(f"/fdsnws/{name}/1/").text
        described = client.get(f"/fdsnws/{name}/1/application.wadl").text
        assert all(f'name="{p.name}"' in described for p in SERVICES[name].parameters)


def test_events_as_text(client: Asking) -> None:
    lines = get(client, "event", format="text", orderby="time-asc").text.splitlines()
    assert lines[0].startswith("#EventID|Time|Latitude")
    assert [line.split("|")[0] for line in lines[1:]] == ["sw1", "sw2", "sw3"]
    assert lines[1].split("|")[9:11] == ["Mpd", "6.50"]
    assert {len(line.split("|")) for line in lines} == {13}


def test_exercises_say_so_where_they_are_shown(centre: Running) -> None:
    sources = centre.sources
    shown = dataclasses.replace(sources, shows_tests=True)
    client = Asking(application(shown, lambda: NOW))
    answer = get(client, "event", eventid="swdrill")
    assert "EXERCISE: not a real earthquake" in answer.text
    assert "EXERCISE" in get(client, "event", eventid="swdrill", format="text").text


def test_nothing_is_stored_yet(centre: Running, tmp_path) -> None:
    sources = type(centre.sources)((), tmp_path / "none.sqlite", tmp_path / "sds", Limits(1e6, 10**6))
    client = Asking(application(sources, lambda: NOW))
    assert get(client, "station").status_code == 204
    assert get(client, "event").status_code == 204
    assert get(client, "dataselect", **WINDOW).status_code == 204


def test_a_database_that_cannot_be_read_is_logged(centre: Running, tmp_path, caplog) -> None:
    (tmp_path / "seiswarn.sqlite").write_bytes(b"no database" * 100)
    sources = type(centre.sources)((), tmp_path / "seiswarn.sqlite", tmp_path, Limits(1e6, 10**6))
    answer = get(Asking(application(sources, lambda: NOW)), "event")
    assert answer.status_code == 500
    assert "log" in answer.text
    assert "not a database" in caplog.text


def test_readers_do_not_hold_up_the_store(centre: Running, tmp_path) -> None:
    """Reading while a transaction is open, and the other way round."""
    path = tmp_path / "seiswarn.sqlite"
    with Database(path) as db:
        db.begin_run("r", "actual")
        sources = type(centre.sources)((), path, tmp_path, Limits(1e6, 10**6))
        client = Asking(application(sources, lambda: NOW))
        with db._transaction():
            assert get(client, "event").status_code == 204


NAMES = sorted({n for s in SERVICES.values() for p in s.parameters for n in (p.name, p.short) if n})
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["*", "?", "--", "", "true", "XG", "G001", "0", "1e400", "-1", "inf", "nan"]),
    st.sampled_from(["2023-11-14T21:00:00Z", "9999-12-31T23:59:59", "0001-01-01", "2023-02-30", "xml"]),
    st.integers().map(str),
    st.floats().map(str),
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    service=st.sampled_from(sorted(SERVICES)),
    asked=st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=6)), VALUES), max_size=5),
    timed=st.booleans(),
)
def test_no_question_makes_a_service_fail(client: Asking, service: str, asked: list, timed: bool) -> None:
    pairs = [*asked, *(WINDOW.items() if timed else ())]
    pairs = [(k.encode("utf-8", "replace").decode(), v.encode("utf-8", "replace").decode()) for k, v in pairs]
    answer = client.get(f"/fdsnws/{service}/1/query", params=pairs)
    assert answer.status_code in (200, 204, 400, 404, 413)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(service=st.sampled_from(["station", "dataselect"]), body=st.one_of(st.binary(max_size=80), st.text(
    alphabet="XG01 *?-=\n:T2345.Z", max_size=120).map(str.encode)))  # fmt: skip
def test_no_body_makes_a_service_fail(client: Asking, service: str, body: bytes) -> None:
    assert client.post(f"/fdsnws/{service}/1/query", content=body).status_code in (200, 204, 400, 404, 413)


def test_times() -> None:
    day = 1_709_164_800 * 10**9  # 2024-02-29
    assert read_time("t", "2024-02-29") == read_time("t", "2024-02-29T00:00:00Z") == day
    assert read_time("t", "2024-02-29T00:01") == day + 60 * 10**9
    assert read_time("t", "2024-02-29T00:00:00.5") == day + 5 * 10**8
    assert read_time("t", "2024-02-29T00:00:00.1234567894") == day + 123_456_789
    with pytest.raises(Refused):
        read_time("t", "2023-02-29")


def test_patterns() -> None:
    pattern = pattern_of(("H?Z", "BN*", ""))
    codes = ("HHZ", "HNZ", "HHN", "BNZ", "BN", "", "XHHZ")
    assert [c for c in codes if pattern.fullmatch(c)] == ["HHZ", "HNZ", "BNZ", "BN", ""]
