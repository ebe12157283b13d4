"""K-NET and KiK-net ASCII files: one component of one station, with where it stands and its scale.

The header has 17 lines, then come counts. Times are Japanese standard time, and the recorder's time
is 15 s late. What the header says of the event is left alone: it is not for a warning system to
read the answer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seiswarn.timebase import NS

JST_NS = 9 * 3600 * NS  # ahead of UTC
RECORDER_NS = 15 * NS  # added to the record time by the recorder: NIED, "K-NET ASCII format"
NETWORK = "BO"  # FDSN code of NIED's strong-motion networks, as obspy reads them too
HEADER_LINES = 17
MAX_SAMPLES = 200 * 3600 * 2  # two hours at KiK-net's highest rate; a file has minutes
_BEGIN = b"Origin Time"
_LINES = (
    "Origin Time",
    "Lat.",
    "Long.",
    "Depth. (km)",
    "Mag.",
    "Station Code",
    "Station Lat.",
    "Station Long.",
    "Station Height(m)",
    "Record Time",
    "Sampling Freq(Hz)",
    "Duration Time(s)",
    "Dir.",
    "Scale Factor",
    "Max. Acc. (gal)",
    "Last Correction",
    "Memo.",
)
# KiK-net numbers its components: 1 to 3 in the borehole, 4 to 6 at the surface.
_DIRECTIONS = {
    "N-S": ("N", ""),
    "E-W": ("E", ""),
    "U-D": ("Z", ""),
    "1": ("N", "01"),
    "2": ("E", "01"),
    "3": ("Z", "01"),
    "4": ("N", "02"),
    "5": ("E", "02"),
    "6": ("Z", "02"),
    "NS1": ("N", "01"),
    "EW1": ("E", "01"),
    "UD1": ("Z", "01"),
    "NS2": ("N", "02"),
    "EW2": ("E", "02"),
    "UD2": ("Z", "02"),
}


class KnetError(ValueError):
    """A file that is none of K-NET, or a damaged one."""


class KnetUnfinished(KnetError):
    """A file that is shorter than its header says: it may still be written."""


class KnetFile(NamedTuple):
    """One file. `samples` are (n,) counts, the first at `t0_ns`; `counts_per_mps2` is the gain."""

    channel: str  # FDSN source identifier
    station: str
    latitude_deg: float
    longitude_deg: float
    height_m: float
    t0_ns: int
    rate_hz: float
    counts_per_mps2: float
    samples: npt.NDArray[np.int32]


def is_knet(head: bytes) -> bool:
    """Whether a file that begins so is one of K-NET or KiK-net."""
    return head.startswith(_BEGIN)


def parse_knet(data: bytes) -> KnetFile:
    """The content of a file.

    Format of NIED (www.kyoshin.bosai.go.jp, "K-NET ASCII format"), as read by obspy too. Raises
    KnetUnfinished for a file that ends too early, KnetError for anything else that is wrong.
    """
    lines = data.split(b"\n", HEADER_LINES)
    if not is_knet(data):
        raise KnetError("does not begin as a K-NET file")
    if len(lines) <= HEADER_LINES:
        raise KnetUnfinished("ends inside its header")
    head = _header(lines[:HEADER_LINES])
    rate_hz = _number(head, "Sampling Freq(Hz)", r"(\d+)(?:\s*Hz)?")
    duration_s = _number(head, "Duration Time(s)", r"([\d.]+)")
    if not 1.0 <= rate_hz <= 1000.0 or duration_s <= 0.0:
        raise KnetError(f"{rate_hz:g} Hz for {duration_s:g} s")
    component, location = _direction(head["Dir."])
    station = head["Station Code"].strip()
    if not re.fullmatch(r"[A-Z0-9]{1,8}", station):
        raise KnetError(f"station code {station!r}")
    samples = _samples(lines[HEADER_LINES], round(duration_s * rate_hz))
    band = "C" if rate_hz >= 250.0 else "H" if rate_hz >= 80.0 else "B"  # FDSN source identifiers
    return KnetFile(
        channel=f"FDSN:{NETWORK}_{station}_{location}_{band}_N_{component}",
        station=station,
        latitude_deg=_number(head, "Station Lat.", r"(-?[\d.]+)"),
        longitude_deg=_number(head, "Station Long.", r"(-?[\d.]+)"),
        height_m=_number(head, "Station Height(m)", r"(-?[\d.]+)"),
        t0_ns=_time_ns(head["Record Time"]) - RECORDER_NS,
        rate_hz=rate_hz,
        counts_per_mps2=_gain(head["Scale Factor"]),
        samples=samples,
    )


def _header(lines: list[bytes]) -> dict[str, str]:
    head = {}
    for name, raw in zip(_LINES, lines, strict=True):
        text = raw.decode("ascii", errors="replace").rstrip("\r")
        if not text.startswith(name):
            raise KnetError(f"a header line {text[:30]!r} where {name!r} should stand")
        head[name] = text[len(name) :].strip()
    return head


def _number(head: dict[str, str], name: str, form: str) -> float:
    match = re.fullmatch(form, head[name])
    try:
        return float(match[1]) if match is not None else _fail(name, head[name])
    except ValueError:
        return _fail(name, head[name])


def _fail(name: str, value: str) -> float:
    raise KnetError(f"{name} {value[:30]!r}")


def _direction(text: str) -> tuple[str, str]:
    try:
        return _DIRECTIONS[text]
    except KeyError:
        raise KnetError(f"direction {text[:30]!r}") from None


def _gain(text: str) -> float:
    """Counts per m/s² of a scale factor as ``7845(gal)/8223790``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*\(gal\)\s*/\s*(\d+(?:\.\d+)?)", text)
    if match is None or not float(match[1]) or not float(match[2]):
        raise KnetError(f"scale factor {text[:30]!r}")
    return 100.0 * float(match[2]) / float(match[1])


def _time_ns(text: str) -> int:
    try:
        local = datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise KnetError(f"time {text[:30]!r}") from None
    return int(local.timestamp()) * NS - JST_NS


def _samples(text: bytes, expected: int) -> npt.NDArray[np.int32]:
    if expected > MAX_SAMPLES:
        raise KnetError(f"{expected} samples announced")
    words = text.split()
    try:
        values = np.array([int(word) for word in words], dtype=np.int64)
    except (ValueError, OverflowError):
        wrong = next((word for word in words if not re.fullmatch(rb"[+-]?\d{1,10}", word)), b"")
        if wrong in (b"-", b"+") and wrong is words[-1]:
            raise KnetUnfinished(f"{len(words) - 1} of {expected} samples") from None
        raise KnetError(f"a sample {wrong[:20]!r}") from None
    # Without a blank behind it, the last number may be half of one.
    if len(values) < expected or (len(values) == expected and not text[-1:].isspace()):
        raise KnetUnfinished(f"{len(values)} of {expected} samples")
    if len(values) > MAX_SAMPLES or (len(values) and np.abs(values).max() > 2**31 - 1):
        raise KnetError("a sample of more than 32 bits, or too many")
    return values.astype(np.int32)
