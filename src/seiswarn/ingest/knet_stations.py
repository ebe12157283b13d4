"""StationXML out of K-NET and KiK-net files: where the stations stand, and the gain of each channel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from seiswarn.ingest.knet import NETWORK, KnetError, KnetFile, is_knet, parse_knet
from seiswarn.reasons import Reason
from seiswarn.stations import Refusal
from seiswarn.timebase import iso

NAMESPACE = "http://www.fdsn.org/xml/station/1"
BOREHOLE = "01"
# Azimuth and dip by component, degrees: FDSN StationXML 1.1.
_POINTS = {"N": ("0", "0"), "E": ("90", "0"), "Z": ("0", "-90")}


def read_knet_folder(folder: Path) -> tuple[list[KnetFile], list[Refusal]]:
    """All K-NET and KiK-net files below a folder in order of their names; damaged ones are refused."""
    found, refusals = [], []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            data = path.read_bytes()
            if is_knet(data):
                found.append(parse_knet(data))
        except KnetError as error:
            refusals.append(Refusal(str(path.relative_to(folder)), Reason.CORRUPT_RECORD, str(error)))
        except OSError as error:
            text = error.strerror or str(error)
            refusals.append(Refusal(str(path.relative_to(folder)), Reason.UNREADABLE_FILE, text))
    return found, refusals


def stationxml(files: Iterable[KnetFile]) -> bytes:
    """FDSN StationXML 1.1 of the channels at the surface; of several files of one channel the newest holds.

    Epochs begin in 1996, when K-NET did: what was recorded before would have had another instrument.
    Boreholes are left out: their motion is not that of the surface, which intensities mean.
    """
    newest: dict[str, KnetFile] = {}
    for file in sorted(files, key=lambda f: f.t0_ns):
        if _codes(file)[0] != BOREHOLE:
            newest[file.channel] = file
    from lxml import etree

    root = etree.Element("FDSNStationXML", nsmap={None: NAMESPACE}, schemaVersion="1.1")
    etree.SubElement(root, "Source").text = "headers of K-NET and KiK-net files"
    last_ns = max((f.t0_ns for f in newest.values()), default=0)
    etree.SubElement(root, "Created").text = iso(last_ns, 0)  # the newest record: this reads no clock
    network = etree.SubElement(root, "Network", code=NETWORK)
    stations = {f.station: f for f in newest.values()}
    for code in sorted(stations):
        station = etree.SubElement(network, "Station", code=code, startDate="1996-01-01T00:00:00Z")
        _place(station, stations[code])
        etree.SubElement(etree.SubElement(station, "Site"), "Name").text = code
        for channel in sorted(name for name, f in newest.items() if f.station == code):
            _channel(station, newest[channel])
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return data


def _codes(file: KnetFile) -> tuple[str, str]:
    """Location and channel code."""
    _, _, location, *parts = file.channel.removeprefix("FDSN:").split("_")
    return location, "".join(parts)


def _place(parent: object, file: KnetFile) -> None:
    from lxml import etree

    for name, value in (
        ("Latitude", file.latitude_deg),
        ("Longitude", file.longitude_deg),
        ("Elevation", file.height_m),
    ):
        etree.SubElement(parent, name).text = repr(value)


def _channel(station: object, file: KnetFile) -> None:
    from lxml import etree

    location, code = _codes(file)
    channel = etree.SubElement(
        station, "Channel", code=code, locationCode=location, startDate="1996-01-01T00:00:00Z"
    )
    _place(channel, file)
    azimuth, dip = _POINTS[code[-1]]
    for name, value in (
        ("Depth", "0.0"),
        ("Azimuth", azimuth),
        ("Dip", dip),
        ("SampleRate", repr(file.rate_hz)),
    ):
        etree.SubElement(channel, name).text = value
    gain = etree.SubElement(etree.SubElement(channel, "Response"), "InstrumentSensitivity")
    etree.SubElement(gain, "Value").text = repr(file.counts_per_mps2)
    etree.SubElement(gain, "Frequency").text = "1.0"  # flat from 0 to 30 Hz: any frequency in between
    for name, unit in (("InputUnits", "M/S**2"), ("OutputUnits", "COUNTS")):
        etree.SubElement(etree.SubElement(gain, name), "Name").text = unit
