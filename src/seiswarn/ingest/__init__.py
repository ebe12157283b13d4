"""The doors: what is outside becomes `PacketBlock` messages.

`base` (source protocol, doorkeeper), `miniseed` (bytes to records), `decode` (bytes to blocks, in
bulk), `headers` (when records end), `recut` (records to packets), `archive` (replay folders),
`records` (files of records in order of arrival), `synthetic` (earthquakes with known truth,
physics in `point_source`), `tally` (what was declined).
"""

from __future__ import annotations

from seiswarn.ingest.archive import Archive
from seiswarn.ingest.base import Source
from seiswarn.ingest.records import RecordFile
from seiswarn.ingest.synthetic import Synthetic

SOURCES: dict[str, type[Source]] = {
    Archive.NAME: Archive,
    RecordFile.NAME: RecordFile,
    Synthetic.NAME: Synthetic,
}
