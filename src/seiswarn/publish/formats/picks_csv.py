"""Picks as lines of ``picks.csv``."""

from __future__ import annotations

import csv
import io
from typing import Any

from seiswarn.messages import Pick
from seiswarn.publish.formats.public import public_pick

PICK_COLUMNS = (
    "station",
    "channel",
    "time",
    "snr",
    "uncertainty_s",
    "polarity",
    "t_seen",
    "pick_id",
    "status",
    "phase",
    "quality",
)


def csv_row(values: tuple[Any, ...]) -> str:
    """One line of CSV (RFC 4180 quoting) ending in a newline; None becomes an empty field."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


def pick_row(pick: Pick) -> str:
    """The line of a pick in ``picks.csv``, in the order of `PICK_COLUMNS`."""
    public = public_pick(pick)
    return csv_row(tuple(getattr(public, column) for column in PICK_COLUMNS))
