"""Messages of OpenEEW sensors: JSON with some tens of samples of three axes each.

Several generations of firmware are about. All have `device_id` and arrays `x`, `y`, `z` in gal; the
time of the last sample is `device_t` or `t`, in seconds since 1970, and some send none at all.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.timebase import NS, from_seconds, sample_offset_ns

NOMINAL_HZ = 31.25  # of the ADXL355 in all sensors, unless a message says otherwise
MPS2_PER_GAL = 0.01
MAX_BYTES = 1 << 20
MAX_TRACES, MAX_SAMPLES = 100, 10_000  # in one message; ten seconds of history have 320
MIN_HZ, MAX_HZ = 1.0, 4000.0
AXES = ("x", "y", "z")
STEP_NS = NS // 2  # arrival times are late by less than this, or the time of a device begins anew
_CODE = re.compile(r"[A-Z0-9]{1,8}")


class Trace(NamedTuple):
    """Samples of one message: `axes` (3, n) in m/s², `last_ns` is that of the last one, 0 when untold.

    `network` and `station` are what the sensor calls itself, empty when it does not.
    """

    device: str
    network: str
    station: str
    last_ns: int
    rate_hz: float
    axes: npt.NDArray[np.float32]


def parse_message(payload: bytes) -> list[Trace]:
    """The traces of a message, in its order. Raises ValueError with what is wrong.

    Formats: openeew.com, "Historic data" (a record); openeew-firmware, FIRMWARE.md and main.cpp
    (`traces`, an object or a list of them; wrapped in `d` on one cloud).
    """
    if len(payload) > MAX_BYTES:
        raise ValueError(f"{len(payload)} bytes in one message")
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error
    if isinstance(message, dict) and isinstance(message.get("d"), dict):
        message = message["d"]
    if not isinstance(message, dict):
        raise ValueError("no JSON object")
    device = message.get("device_id")
    if not isinstance(device, str) or not 0 < len(device) <= 100:
        raise ValueError("no device_id")
    parts = message.get("traces", message)
    parts = parts if isinstance(parts, list) else [parts]
    if not 0 < len(parts) <= MAX_TRACES:
        raise ValueError(f"{len(parts)} traces")
    names = [_code(message.get(key)) for key in ("network", "station")]
    return [_trace(device, names[0], names[1], part, message) for part in parts]


def _trace(device: str, network: str, station: str, part: Any, message: Mapping[str, Any]) -> Trace:
    if not isinstance(part, dict):
        raise ValueError("a trace is no object")
    axes = [part.get(axis) for axis in AXES]
    for name, axis in zip(AXES, axes, strict=True):
        if not isinstance(axis, list) or not 0 < len(axis) <= MAX_SAMPLES:
            raise ValueError(f"no list of samples {name}")
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in axis):
            raise ValueError(f"a sample in {name} that is no number")
    if len({len(axis) for axis in axes if axis is not None}) != 1:
        raise ValueError("axes of different lengths")
    with np.errstate(over="ignore"):
        values = (np.array(axes, dtype=np.float64) * MPS2_PER_GAL).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a sample that is not finite")
    rate = _number(part, message, "sr")
    rate = NOMINAL_HZ if rate is None else rate
    if not MIN_HZ <= rate <= MAX_HZ:
        raise ValueError(f"sampling rate {rate} Hz")
    time_s = _number(part, message, "t", "device_t")
    if time_s is not None and not 0.0 <= time_s < 2.0**33:
        raise ValueError(f"time {time_s}")
    return Trace(device, network, station, from_seconds(time_s) if time_s else 0, rate, values)


def _number(part: Mapping[str, Any], message: Mapping[str, Any], *names: str) -> float | None:
    for where in (part, message):
        for name in names:
            value = where.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            if value is not None:
                raise ValueError(f"{name} is no number")
    return None


def _code(value: Any) -> str:
    """A code of a network or station as a sensor gives it; empty when it is none."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def station_of(device: str) -> str:
    """A station code for the identifier of a device: the same one always, another for each.

    Letters and digits of up to eight are the code (FDSN source identifiers allow eight); of anything
    else the first 40 bits of its SHA-1 in base 32: of 20,000 networks with 10,000 devices each, one has
    two that are alike.
    """
    plain = device.upper()
    if _CODE.fullmatch(plain):
        return plain
    digest = hashlib.sha1(device.encode(), usedforsecurity=False).digest()
    return b32encode(digest[:5]).decode()


class Timeline:
    """Times of the first samples of one device.

    By its own clock, or by arrival: messages then follow one another without a gap as long as
    they come within half a second of when they are due.
    """

    def __init__(self) -> None:
        self._next_ns = 0

    def by_arrival(self, seen_ns: int, n: int, rate_hz: float) -> int:
        """The time of the first of `n` samples, the last of which was just taken when seen."""
        length_ns = sample_offset_ns(n, rate_hz)
        begin_ns = seen_ns - length_ns
        if self._next_ns and abs(begin_ns - self._next_ns) < STEP_NS:
            begin_ns = self._next_ns
        self._next_ns = begin_ns + length_ns
        return begin_ns
