from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymseed
import pytest

T0 = 1_700_000_000_000_000_000


def channel_xml(
    code: str = "HNZ",
    *,
    unit: str = "M/S**2",
    gain: str | None = "1000",
    stages: tuple[str, ...] = (),
    lat: str | None = "24.0",
    lon: str | None = "106.0",
    dip: float | None = None,
    azimuth: float | None = None,
    loc: str = "",
    start: str | None = "2000-01-01T00:00:00",
    end: str | None = None,
    rate: str = "100",
) -> str:
    def tag(name: str, value: object) -> str:
        return "" if value is None else f"<{name}>{value}</{name}>"

    units = f"<InputUnits><Name>{unit}</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits>"
    sensitivity = (
        f"<InstrumentSensitivity>{tag('Value', gain)}<Frequency>1</Frequency>{units}</InstrumentSensitivity>"
    )
    stage = "".join(
        f"<Stage number='{i + 1}'><StageGain><Value>{g}</Value></StageGain></Stage>"
        for i, g in enumerate(stages)
    )
    dates = (f' startDate="{start}"' if start else "") + (f' endDate="{end}"' if end else "")
    return (
        f'<Channel code="{code}" locationCode="{loc}"{dates}>{tag("Latitude", lat)}{tag("Longitude", lon)}'
        f"<Elevation>10</Elevation>{tag('Azimuth', azimuth)}{tag('Dip', dip)}<SampleRate>{rate}</SampleRate>"
        f"<Response>{sensitivity}{stage}</Response></Channel>"
    )


def inventory_xml(stations: dict[str, str], *, version: str = "1", comment: str = "") -> str:
    inner = "".join(
        f'<Station code="{name}">{comment}{channels}</Station>' for name, channels in stations.items()
    )
    ns = f"http://www.fdsn.org/xml/station/{version}"
    return f'<FDSNStationXML xmlns="{ns}"><Network code="XX">{inner}</Network></FDSNStationXML>'


@pytest.fixture
def channel() -> Callable[..., str]:
    return channel_xml


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., Path]:
    """Writes an inventory of {station: channels xml} and gives its path."""

    def write(stations: dict[str, str], name: str = "stations.xml", **options: Any) -> Path:
        path = tmp_path / name
        path.write_text(inventory_xml(stations, **options))
        return path

    return write


def pack(
    samples: np.ndarray,
    *,
    channel: str = "FDSN:XX_AAA__H_N_Z",
    t0_ns: int = T0,
    rate_hz: float = 100.0,
    encoding: int = 11,
    reclen: int = 512,
    version: int = 2,
) -> list[bytes]:
    record = pymseed.MS3Record()
    record.sourceid = channel
    record.reclen = reclen
    record.formatversion = version
    record.encoding = encoding
    record.samprate = rate_hz
    record.starttime = t0_ns
    kind = {"int32": "i", "float32": "f", "float64": "d"}[str(samples.dtype)]
    return [bytes(r) for r in record.generate(samples, kind)]


@pytest.fixture(scope="session")
def packer() -> Callable[..., list[bytes]]:
    """`pack(samples, ...)` -> the miniSEED records that hold them."""
    return pack


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    return np.random.default_rng(7).integers(-3000, 3000, 5000).astype(np.int32)
