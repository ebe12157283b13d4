#!/usr/bin/env python3
"""Write stations/guangxi_fictional: an invented network for drills, the demo and tests.

Places are drawn at random (seeded) inside a rough outline, denser around Baise. No station
exists, no code is assigned, no site was visited. Run it again and nothing changes.

    .venv/bin/python scripts/make_fictional_network.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from lxml import etree

from seiswarn.geo import distance_km

SEED = 20260301
NETWORK = "XG"
CENTRE = (23.90, 106.62)  # Baise
# Where stations may stand, (longitude, latitude): a coarse hull, the boundary of nothing.
OUTLINE = (
    (104.9, 24.5), (105.6, 24.8), (106.3, 24.8), (107.0, 25.2), (108.0, 25.1), (109.0, 25.5),
    (109.6, 25.9), (110.5, 26.1), (111.1, 25.8), (111.3, 25.1), (111.8, 24.6), (111.6, 24.1),
    (111.2, 23.5), (111.0, 23.0), (110.6, 22.5), (110.1, 22.2), (109.7, 21.8), (109.1, 21.7),
    (108.3, 21.8), (107.7, 22.0), (107.1, 22.2), (106.9, 22.6), (106.9, 22.9), (106.3, 23.1),
    (105.9, 23.2), (105.8, 23.6), (106.0, 24.0), (105.4, 24.2),
)  # fmt: skip
RATE_HZ = 100.0
GAIN = 2**23 / (2.0 * 9.80665)  # 24 bits over +-2 g, counts per m/s^2
NAMESPACE = "http://www.fdsn.org/xml/station/1"
COMPONENTS = (("HNZ", 0.0, -90.0), ("HNN", 0.0, 0.0), ("HNE", 90.0, 0.0))


def inside(lon: float, lat: float) -> bool:
    """True when the point lies in the outline (ray casting)."""
    odd = False
    for (x1, y1), (x2, y2) in zip(OUTLINE, OUTLINE[1:] + OUTLINE[:1], strict=True):
        if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


def spacing_km(lat: float, lon: float) -> float:
    """Least distance to the next station: 25 km around Baise, growing to 62 km far away."""
    return min(62.0, 25.0 + max(0.0, distance_km(*CENTRE, lat, lon) - 80.0) * 0.2)


def place(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Random places no closer to each other than their spacing; those near Baise first."""
    lons = [x for x, _ in OUTLINE]
    lats = [y for _, y in OUTLINE]
    drawn = np.column_stack(
        [rng.uniform(min(lats), max(lats), 6000), rng.uniform(min(lons), max(lons), 6000)]
    ).round(4)
    candidates = [(float(a), float(b)) for a, b in drawn if inside(float(b), float(a))]
    chosen: list[tuple[float, float]] = []
    for p in candidates:
        if all(distance_km(*p, *q) >= max(spacing_km(*p), spacing_km(*q)) for q in chosen):
            chosen.append(p)
    return sorted(chosen, key=lambda p: distance_km(*CENTRE, *p))


def add(parent: etree._Element, tag: str, text: object = None, **attributes: str) -> etree._Element:
    """Append a StationXML element."""
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)
    if text is not None:
        element.text = str(text)
    return element


def add_units(parent: etree._Element, tag: str, name: str) -> None:
    """Append an element with a unit name inside."""
    add(add(parent, tag), "Name", name)


def add_channel(
    station: etree._Element, code: str, azimuth: float, dip: float, where: dict[str, object]
) -> None:
    """Append one accelerometer component with a flat response."""
    channel = add(station, "Channel", code=code, locationCode="", startDate="2020-01-01T00:00:00")
    for tag, value in where.items():
        add(channel, tag, value)
    add(channel, "Depth", "0.0")
    add(channel, "Azimuth", azimuth)
    add(channel, "Dip", dip)
    add(channel, "Type", "GEOPHYSICAL")
    add(channel, "SampleRate", RATE_HZ)
    add(add(channel, "Sensor"), "Description", "fictional force-balance accelerometer, +-2 g, 24 bits")
    sensitivity = add(add(channel, "Response"), "InstrumentSensitivity")
    add(sensitivity, "Value", f"{GAIN:.3f}")
    add(sensitivity, "Frequency", "1.0")
    add_units(sensitivity, "InputUnits", "m/s**2")
    add_units(sensitivity, "OutputUnits", "count")


def build() -> etree._Element:
    """The whole inventory."""
    rng = np.random.default_rng(SEED)
    root = etree.Element(f"{{{NAMESPACE}}}FDSNStationXML", {"schemaVersion": "1.2"}, nsmap={None: NAMESPACE})
    add(root, "Source", "seiswarn: FICTIONAL network for exercises; no such stations exist")
    add(root, "Created", "2026-01-01T00:00:00")
    network = add(root, "Network", code=NETWORK, startDate="2020-01-01T00:00:00")
    add(network, "Description", "FICTIONAL network over Guangxi, for drills and tests only")
    for number, (lat, lon) in enumerate(place(rng), start=1):
        elevation = round(float(rng.uniform(60.0, 900.0)))
        vs30 = round(float(np.exp(rng.normal(np.log(500.0), 0.25))) / 10.0) * 10
        station = add(network, "Station", code=f"G{number:03d}", startDate="2020-01-01T00:00:00")
        add(add(station, "Comment"), "Value", f"Vs30 = {vs30} m/s (fictional)")
        where = {"Latitude": lat, "Longitude": lon, "Elevation": f"{elevation}.0"}
        for tag, value in where.items():
            add(station, tag, value)
        add(add(station, "Site"), "Name", f"fictional site {number}")
        for code, azimuth, dip in COMPONENTS:
            add_channel(station, code, azimuth, dip, where)
    return root


def main() -> None:
    """Write stations.xml into the folder given, or into the project."""
    default = Path(__file__).resolve().parent.parent / "stations" / "guangxi_fictional"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    data = etree.tostring(build(), pretty_print=True, xml_declaration=True, encoding="UTF-8")
    (folder / "stations.xml").write_bytes(data)


if __name__ == "__main__":
    main()
