"""Names of the files in a run folder."""

from __future__ import annotations

from seiswarn.store.journal import INPUT_NAME, OUTPUT_NAME

INPUT, OUTPUT = INPUT_NAME, OUTPUT_NAME
SNAPSHOT = "journal/snapshot.bin"
RUN_FILE = "run.json"
DATABASE = "seiswarn.sqlite"
