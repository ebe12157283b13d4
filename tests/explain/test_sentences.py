"""Every reason has a sentence, so that no explanation ends in a bare name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seiswarn.explain.sentences import SENTENCES, because, sentence
from seiswarn.reasons import Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_of_its_own(reason: Reason) -> None:
    text = SENTENCES[reason]
    assert len(text.split()) >= 3
    assert text[0].islower()
    assert not text.endswith(".")
    assert [r for r in SENTENCES if SENTENCES[r] == text] == [reason]


@pytest.mark.parametrize("stage", ["alerts", "source", "shaking", "waveform"])
def test_what_a_stage_names_can_be_said(stage: str, project_root: Path) -> None:
    files = (project_root / "src" / "seiswarn" / stage).rglob("*.py")
    named = {name for file in files for name in re.findall(r"Reason\.([A-Z_]+)", file.read_text())}
    assert named <= {reason.name for reason in SENTENCES}


def test_reasons_are_joined_and_unknown_ones_shown() -> None:
    assert because(()) == ""
    assert because(("GAP",)) == SENTENCES[Reason.GAP]
    assert because(("GAP", "LATE", "DEAD")) == (
        f"{SENTENCES[Reason.GAP]}, {SENTENCES[Reason.LATE]} and {SENTENCES[Reason.DEAD]}"
    )
    assert sentence("OF_ANOTHER_VERSION") == "of another version"
