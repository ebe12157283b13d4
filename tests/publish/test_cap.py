from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from factories import FIRST_NS, make_alert, make_decision, make_origin, make_target
from seiswarn.errors import InvariantError
from seiswarn.messages import Alert
from seiswarn.publish.formats.cap import (
    MAX_RADIUS_KM,
    MIN_RADIUS_KM,
    NAMESPACE,
    CapFormat,
    Params,
    area_radius_km,
    cap_time,
    severity,
    urgency,
    validate,
)
from seiswarn.publish.formats.wording import degree
from seiswarn.timebase import NS

CHAIN = ("new", "update", "update", "final")


def texts(xml: bytes, path: str) -> list[str]:
    root = etree.fromstring(xml)
    return [
        str(node.text) for node in root.iterfind("/".join(f"{{{NAMESPACE}}}{p}" for p in path.split("/")))
    ]


def text(xml: bytes, path: str) -> str:
    return texts(xml, path)[0]


def chain(*kinds: str, **changes: object) -> list[bytes]:
    made = CapFormat(Params(sender="eew@example.org"))
    return [
        made.render(make_alert(revision=r, kind=kind, **changes)) for r, kind in enumerate(kinds, start=1)
    ]


@pytest.mark.parametrize("status", ["actual", "exercise", "test"])
@pytest.mark.parametrize("ending", ["final", "cancel"])
def test_every_message_of_a_life_is_valid_against_the_oasis_schema(status: str, ending: str) -> None:
    documents = chain("new", "update", ending, status=status)
    assert [validate(xml) for xml in documents] == [[], [], []]
    last = "Cancel" if ending == "cancel" else "Update"
    assert [text(xml, "msgType") for xml in documents] == ["Alert", "Update", last]
    assert {text(xml, "status") for xml in documents} == {status.capitalize()}
    assert [texts(xml, "info/language") for xml in documents] == [["en", "zh-CN"]] * 3


def test_identifiers_are_unique_and_references_name_all_that_went_before() -> None:
    documents = chain(*CHAIN)
    names = [text(xml, "identifier") for xml in documents]
    assert len(set(names)) == len(names)
    triples = [f"eew@example.org,{n},{text(xml, 'sent')}" for n, xml in zip(names, documents, strict=True)]
    assert texts(documents[0], "references") == []
    for i, xml in enumerate(documents[1:], start=1):
        assert text(xml, "references").split(" ") == triples[:i]
    assert {text(xml, "incidents") for xml in documents} == {"sw20260512062804"}


def test_events_and_policies_have_chains_of_their_own() -> None:
    made = CapFormat()
    made.render(make_alert(policy="railway"))
    made.render(make_alert(event_id="another"))
    assert texts(made.render(make_alert()), "references") == []
    update = made.render(make_alert(revision=2))
    assert text(update, "references").count(",") == 2


def test_references_survive_a_restart() -> None:
    before = chain("new", "update", "update")
    fresh = CapFormat(Params(sender="eew@example.org"))
    for r in (1, 2):
        fresh.remember("sw20260512062804", "public", r, make_alert(revision=r).t_seen_ns)
    assert fresh.render(make_alert(revision=3)) == before[2]
    forgetful = CapFormat(Params(sender="eew@example.org")).render(make_alert(revision=2))
    assert text(forgetful, "references") == text(before[1], "references")  # the first is always known


def test_an_exercise_cannot_be_taken_for_the_real_thing() -> None:
    (xml,) = chain("new", status="exercise")
    assert text(xml, "scope") == "Restricted"
    assert text(xml, "restriction")
    assert "exercise" in text(xml, "note")
    for headline, word in zip(texts(xml, "info/headline"), ("EXERCISE", "演习"), strict=True):
        assert headline.count(word) == 2
    (actual,) = chain("new")
    assert text(actual, "scope") == "Public"
    assert b"EXERCISE" not in actual
    assert texts(actual, "note") == []
    (test,) = chain("new", status="test")
    assert "Drop" not in text(test, "info/instruction")


def test_times_are_as_the_standard_wants_them() -> None:
    assert cap_time(FIRST_NS) == "2026-05-12T06:28:10-00:00"
    (xml,) = chain("new", expires_ns=0)  # an end before the beginning is put right
    assert text(xml, "info/expires") > text(xml, "sent")


def test_both_languages_say_the_same_numbers() -> None:
    made = CapFormat(Params(utc_offset_hours=8.0))
    xml = made.render(make_alert())
    english, chinese = texts(xml, "info/description")
    for part in ("6.8", "12", "2026-05-12 14:28:04", "UTC+08:00", "2026-05-12 06:28:04", "VIII"):
        assert part in english
        assert part in chinese
    assert "km NW of Baise" in text(xml, "info/headline")
    assert "百色西北方向35公里发生6.8级地震" in texts(xml, "info/headline")[1]
    assert "UTC+" not in CapFormat().render(make_alert()).decode()


def test_parameters_and_area() -> None:
    (xml,) = chain("new")
    names = texts(xml, "info/parameter/valueName")
    values = dict(zip(names, texts(xml, "info/parameter/value"), strict=True))
    assert values["Magnitude"] == "6.8"
    assert values["Depth"] == "12.3 km"
    assert values["MaxIntensity"] == "7.6"
    assert (values["EventID"], values["Revision"]) == ("sw20260512062804", "1")
    point, radius = text(xml, "info/area/circle").split(" ")
    assert point == "24.1012,106.3465"
    assert 216.0 < float(radius) < 402.0  # Nanning has IV, Guilin less than III
    assert "Baise" in text(xml, "info/area/areaDesc")


@given(
    intensities=st.lists(st.floats(0.0, 12.0), max_size=5),
    epicentral=st.floats(0.0, 12.0),
    depth_km=st.floats(0.0, 700.0),
    data=st.data(),
)
def test_the_area_holds_every_target_that_will_shake(
    intensities: list[float], epicentral: float, depth_km: float, data: st.DataObject
) -> None:
    distances = data.draw(
        st.lists(st.floats(0.0, 900.0), min_size=len(intensities), max_size=len(intensities))
    )
    targets = tuple(
        make_target(name=f"T{i}", distance_km=d, intensity=v)
        for i, (d, v) in enumerate(zip(distances, intensities, strict=True))
    )
    alert = make_alert(
        targets=targets, epicentral_intensity=epicentral, origin=make_origin(depth_km=depth_km)
    )
    radius = area_radius_km(alert, 3.0)
    assert MIN_RADIUS_KM <= radius <= MAX_RADIUS_KM
    assert math.isfinite(radius)
    assert all(t.distance_km <= radius + 1e-6 for t in targets if t.intensity >= 3.0)


def test_severity_urgency_and_certainty_follow_the_forecast() -> None:
    def at(value: float, scale: str = "GB/T 17742-2020") -> Alert:
        return make_alert(max_intensity=value, intensity_scale=scale)

    assert [severity(at(v)) for v in (2.0, 3.0, 5.0, 7.0)] == ["Minor", "Moderate", "Severe", "Extreme"]
    assert [severity(at(v, "JMA")) for v in (2.0, 3.0, 5.0, 5.5)] == [
        "Minor",
        "Moderate",
        "Severe",
        "Extreme",
    ]
    assert urgency(make_alert()) == "Immediate"
    assert urgency(make_alert(targets=(make_target(seconds_left=90.0),))) == "Expected"
    final, cancel = chain("new", "final")[1], chain("new", "cancel")[1]
    assert (text(final, "info/urgency"), text(final, "info/certainty")) == ("Past", "Observed")
    assert (text(cancel, "info/responseType"), text(cancel, "info/certainty")) == ("AllClear", "Unlikely")


def test_without_targets_the_place_is_its_coordinates() -> None:
    (xml,) = chain("new", targets=(), max_intensity=0.0)
    assert validate(xml) == []
    assert "24.10°N 106.35°E" in text(xml, "info/headline")
    assert text(xml, "info/severity") == "Extreme"


@pytest.mark.parametrize(("policy", "event_id"), [("a b,c<&>", "e/1"), ("公众", "事件")])
def test_odd_names_make_valid_identifiers(policy: str, event_id: str) -> None:
    xml = CapFormat().render(make_alert(policy=policy, event_id=event_id))
    assert validate(xml) == []
    assert not set(text(xml, "identifier")) & set(" ,<&/")


def test_the_validator_objects_to_what_is_wrong() -> None:
    (xml,) = chain("new")
    assert validate(xml.replace(b">Immediate<", b">Immediata<"))
    assert validate(xml.replace(b"-00:00</sent>", b"Z</sent>"))
    assert validate(b"<not xml")
    with pytest.raises(InvariantError):
        CapFormat().render(make_decision())


def test_degrees_of_both_scales() -> None:
    values = (0.2, 1.4, 6.49, 6.5, 11.9, 15.0)
    assert [degree(v, "GB/T 17742-2020") for v in values] == ["I", "I", "VI", "VII", "XII", "XII"]
    bounds = (0.4, 0.5, 4.5, 5.0, 5.5, 6.0, 6.5)
    assert [degree(v, "JMA") for v in bounds] == ["0", "1", "5-", "5+", "6-", "6+", "7"]


def test_messages_of_one_second_stay_apart() -> None:
    made = CapFormat()
    at = make_alert().t_seen_ns
    documents = [
        made.render(make_alert(revision=r, kind="new" if r == 1 else "update", t_seen_ns=at + r * NS // 10))
        for r in (1, 2, 3)
    ]
    assert all(a != b for a, b in itertools.combinations([text(d, "identifier") for d in documents], 2))
