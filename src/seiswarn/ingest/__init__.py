"""The doors: what is outside becomes `Packet` messages.

`base` (source protocol, doorkeeper), `miniseed` (bytes to records), `recut` (records to packets),
`archive` (replay folders), `synthetic` (earthquakes with known truth, physics in `point_source`).
"""

from __future__ import annotations

from seiswarn.ingest.archive import Archive
from seiswarn.ingest.base import Source
from seiswarn.ingest.synthetic import Synthetic

SOURCES: dict[str, type[Source]] = {Archive.NAME: Archive, Synthetic.NAME: Synthetic}
