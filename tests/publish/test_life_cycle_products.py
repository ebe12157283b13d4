"""Products of whole lives of warnings: every CAP message valid and in its chain, every JSON line complete."""

from __future__ import annotations

import json

import pytest
from lxml import etree
from tests.scenario.life_cycle import STORIES

from seiswarn.messages import Alert
from seiswarn.publish.formats.cap import NAMESPACE, CapFormat, Params, validate
from seiswarn.publish.formats.public import PublicJson

FIELDS = ("revision", "level", "level_rank", "colour", "n_area", "measure", "continues", "grounds")
every_story = pytest.mark.parametrize("story", ["too_large", "wave_then_source", "dips", "nobody_speaks"])


def alerts_of(story: str) -> list[Alert]:
    return STORIES[story]().alerts


def texts(xml: bytes, name: str) -> list[str]:
    return [str(node.text) for node in etree.fromstring(xml).iter(f"{{{NAMESPACE}}}{name}")]


def parameters(xml: bytes) -> dict[str, str]:
    return dict(zip(texts(xml, "valueName"), texts(xml, "value"), strict=True))


@every_story
def test_every_cap_message_is_valid_and_refers_to_what_it_replaces(story: str) -> None:
    cap = CapFormat(Params(sender="eew@example.org"))
    seen: dict[tuple[str, str], list[str]] = {}
    for alert in alerts_of(story):
        xml = cap.render(alert)
        assert validate(xml) == []
        chain = seen.setdefault((alert.event_id, alert.policy), [])
        references = [r.split(",")[1] for text in texts(xml, "references") for r in text.split()]
        assert references == ([] if alert.kind == "new" else chain)
        chain += texts(xml, "identifier")
        assert parameters(xml)["Transitions"] == " ".join(alert.transitions)
        assert ("Level" in parameters(xml)) == bool(alert.level)
        clear = alert.kind == "cancel" or "all_clear" in alert.transitions
        assert (texts(xml, "responseType") == ["AllClear"] * 2) == clear
        assert len(chain) == len(set(chain))


def test_motion_alone_has_no_magnitude_in_any_product() -> None:
    waves = [a for a in alerts_of("wave_then_source") if a.grounds == "wavefield"]
    assert len(waves) == 4
    for alert in waves:
        xml = CapFormat(Params(sender="eew@example.org")).render(alert)
        assert "Magnitude" not in parameters(xml)
        words = " ".join(texts(xml, "headline") + texts(xml, "description") + texts(xml, "instruction"))
        assert "0.0" not in words.replace("10.0", "")
        assert "M0" not in words
        assert "0.0级" not in words
        warning = json.loads(PublicJson().render(alert))
        assert (warning["grounds"], warning["magnitude"]["kind"]) == ("wavefield", "unknown")


@every_story
def test_json_says_what_the_alert_says(story: str) -> None:
    for alert in alerts_of(story):
        warning = json.loads(PublicJson().render(alert))
        for name in (
            "revision",
            "level",
            "level_rank",
            "colour",
            "n_area",
            "measure",
            "continues",
            "grounds",
        ):
            assert warning[name] == getattr(alert, name)
        assert warning["transitions"] == list(alert.transitions)
        assert warning["thresholds"] == list(alert.thresholds)
        assert [t["name"] for t in warning["targets"]] == [t.name for t in alert.targets]
        for told, t in zip(warning["targets"], alert.targets, strict=True):
            assert (told["level"], told["level_rank"], told["kind"]) == (t.level, t.level_rank, t.kind)
            assert len(told["p_exceed"]) == len(alert.thresholds)
