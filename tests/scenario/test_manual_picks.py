"""The picker against 154 records that people picked (NCEDC, by way of PhaseNet's training set)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seiswarn.waveform.params import Params
from tests.reference import manual_picks
from tests.reference.manual_picks import Score

pytestmark = pytest.mark.events

# The records have no response, so the floor below which a shaking cannot matter has no meaning here.
PARAMS = Params(min_pick_mps2=0.0)


@pytest.fixture(scope="module")
def found(events_dir: Path) -> Score:
    records = manual_picks.read_records(events_dir / "picks_ncedc_154")
    assert len(records) == 154
    traces = [t for r in records for t in r.traces]
    return manual_picks.score(records, manual_picks.picks_of(traces, PARAMS))


def test_most_p_onsets_are_found(found: Score) -> None:
    assert found.n_records > 120
    assert found.p_found >= 0.90, f"missed: {found.p_missed}"


def test_p_onsets_are_where_people_put_them(found: Score) -> None:
    residuals = np.abs(found.p_residuals)
    assert np.median(residuals) <= 0.10
    assert np.percentile(residuals, 90) <= 0.5


def test_few_p_picks_are_elsewhere(found: Score) -> None:
    """Half a minute before P and one after it. Small events and bursts in the records are among them."""
    assert found.p_early <= 0.2 * found.n_records
    assert found.p_elsewhere <= 0.05 * found.n_records
