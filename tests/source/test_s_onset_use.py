"""An S onset that was read ends the P window a magnitude is taken from."""

from __future__ import annotations

import pytest

from seiswarn.source.records import PickRecord
from seiswarn.timebase import NS, from_seconds

T = 1_700_000_000 * NS


def record(s_minus_p: float | None) -> PickRecord:
    return PickRecord(
        pick_id="a",
        station=0,
        site=0,
        t_ns=T,
        sigma_s=0.1,
        noise_d_m=0.0,
        windows=[(0.5 * k, 1e-4 * k, False) for k in range(1, 17)],
        s_t_ns=0 if s_minus_p is None else T + from_seconds(s_minus_p),
    )


@pytest.mark.parametrize(
    ("s_minus_p", "predicted", "used"),
    [(None, 6.2, 6.0), (3.3, 6.2, 3.0), (7.9, 6.2, 6.0), (1.4, 6.2, 6.0)],
    ids=["none read", "read earlier than predicted", "read later", "too soon after P to be trusted"],
)
def test_windows_end_before_s(s_minus_p: float | None, predicted: float, used: float) -> None:
    r = record(s_minus_p)
    window = r.longest_window(r.p_lasts_s(predicted))
    assert window is not None
    assert window[0] == used
