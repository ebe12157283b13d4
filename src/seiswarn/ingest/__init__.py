"""The doors: what is outside becomes `Packet` messages.

`base` (source protocol, doorkeeper), `miniseed` (bytes to records), `recut` (records to packets),
`archive` (replay folders), `synthetic` (earthquakes with known truth).
"""

from __future__ import annotations

from seiswarn.ingest.archive import Archive
from seiswarn.ingest.base import Source

SOURCES: dict[str, type[Source]] = {Archive.NAME: Archive}
