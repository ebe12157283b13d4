"""Where an earthquake is, in words: said from towns, not from sections of lines or plants."""

from factories import make_origin, make_target
from seiswarn.publish.formats.wording import place

TOWN = make_target(name="Baise", name_zh="百色", kind="place", distance_km=35.0)
SECTION = make_target(name="Demo line K210-220", name_zh="演示铁路 K210-220", kind="railway", distance_km=2.0)


def test_a_town_goes_before_a_nearer_section_of_a_line():
    assert place(make_origin(), (SECTION, TOWN), "en").endswith("of Baise")
    assert "百色" in place(make_origin(), (SECTION, TOWN), "zh")


def test_targets_of_messages_without_kinds_are_towns():
    old = make_target(name="Old", kind="", distance_km=40.0)
    assert place(make_origin(), (SECTION, old), "en").endswith("of Old")


def test_a_section_is_better_than_a_town_far_away_or_none():
    far = make_target(name="Far", kind="place", distance_km=180.0)
    assert place(make_origin(), (SECTION, far), "en") == "near Demo line K210-220"
    assert place(make_origin(), (SECTION,), "en") == "near Demo line K210-220"
