"""What station metadata mean: units, component letters, polarity, places. No files in here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seiswarn.geo import distances_km
from seiswarn.reasons import Reason
from seiswarn.stations import (
    F64,
    H1,
    H2,
    I32,
    UNIT_ACCELERATION,
    UNIT_DISPLACEMENT,
    UNIT_VELOCITY,
    Refusal,
    Z,
)

SAME_SITE_KM = 0.2  # sensors of one installation; closer than any two stations of a network
STANDARD_GRAVITY_MPS2 = 9.80665  # exact, 3rd CGPM (1901)

# Instrument letters of channels without ground motion (FDSN Source Identifiers 1.0, "Source and
# subsource codes"): tilt, creep, calibration, pressure, electronics, magnetics, humidity, rotation,
# temperature, mass position, current, potential, rain, strain, tide, bolometer, volumetric strain,
# wind, synthesized beams.
_NOT_MOTION = set("ABCDEFIJKMOQRSTUVWZ")
_SEISMIC = set("HLNPG")  # high gain, low gain, accelerometer, geophone, gravimeter


@dataclass(frozen=True, slots=True)
class Unit:
    """A ground-motion unit: its kind (UNIT_...) and its size in SI."""

    kind: int
    si_per_unit: float


@dataclass(frozen=True, slots=True)
class Component:
    """One usable channel, ready for the table."""

    channel: str
    code: str
    kind: int
    gain: float  # counts per SI unit
    rate_hz: float
    azimuth_deg: float
    dip_deg: float
    latitude: float
    longitude: float
    elevation_m: float
    vs30_mps: float
    slot: int = -1

    @property
    def letter(self) -> str:
        return split_code(self.code)[2]


# --- channel codes ------------------------------------------------------------------------


def split_code(code: str) -> tuple[str, str, str]:
    """Band, instrument and orientation of a SEED (``HNZ``) or FDSN (``H_N_Z``) channel code."""
    if "_" in code:
        band, _, rest = code.partition("_")
        instrument, _, orientation = rest.partition("_")
        return band, instrument, orientation
    return code[:1], code[1:2], code[2:]


def may_record_motion(code: str) -> bool:
    """False for state of health, logs and instruments that do not feel the ground (FDSN letters)."""
    band, instrument, orientation = split_code(code)
    return bool(band and instrument and orientation) and code != "LOG" and instrument not in _NOT_MOTION


def is_seismic_instrument(code: str) -> bool:
    """True when the letters alone promise a seismometer or accelerometer."""
    return split_code(code)[1] in _SEISMIC


def clip_counts(code: str, kind: int) -> float:
    """Counts from which a sample counts as clipped; inf when the metadata give no hint.

    StationXML does not state full scale. Broadband velocity channels (band B or H, instrument H)
    are as good as always digitised with 24 bits, so they saturate at 2^23 counts; 2 % are left
    for the offset of the sensor (the Hawaii 2019 M5.3 records flatten between 0.98 and 1.0 of
    2^23). Accelerometers seldom clip and their counts are often rescaled: unknown.
    """
    band, instrument, _ = split_code(code)
    if kind == UNIT_VELOCITY and band in ("B", "H") and instrument == "H":
        return 0.98 * 2**23
    return math.inf


# --- units --------------------------------------------------------------------------------

_LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "pm": 1e-12, "km": 1e3}
_WORDS = {
    "gal": Unit(UNIT_ACCELERATION, 1e-2),
    "mgal": Unit(UNIT_ACCELERATION, 1e-5),
    "g": Unit(UNIT_ACCELERATION, STANDARD_GRAVITY_MPS2),
    "mg": Unit(UNIT_ACCELERATION, 1e-3 * STANDARD_GRAVITY_MPS2),
    "ug": Unit(UNIT_ACCELERATION, 1e-6 * STANDARD_GRAVITY_MPS2),
    "kine": Unit(UNIT_VELOCITY, 1e-2),
}
_SPELLINGS = (
    (re.compile(r"[\s()]+"), ""),
    (re.compile(r"\*\*"), "^"),
    (re.compile("[µμ]"), "u"),
    (re.compile("²"), "^2"),
    (re.compile("⁻"), "^-"),
    (re.compile("¹"), "1"),
    (re.compile(r"nanomet(er|re)s?"), "nm"),
    (re.compile(r"centimet(er|re)s?"), "cm"),
    (re.compile(r"millimet(er|re)s?"), "mm"),
    (re.compile(r"micromet(er|re)s?|microns?"), "um"),
    (re.compile(r"met(er|re)s?"), "m"),
    (re.compile(r"seconds?|secs?"), "s"),
    (re.compile(r"per"), "/"),
    (re.compile(r"\^\^"), "^"),
    (re.compile(r"(?<=m)[*.·](?=s\^?-)"), ""),
)
_ACCELERATION = re.compile(r"(\w?m)(?:/s\^?2|/s/s|s\^?-2)")
_VELOCITY = re.compile(r"(\w?m)(?:/s|s\^?-1)")


def parse_unit(name: str) -> Unit | None:
    """The unit behind `name` in whatever case and spelling; None when it is no ground motion.

    Understands m with prefixes over s and s^2 (``M/S**2``, ``m/s^2``, ``M/S/S``, ``m.s-2``,
    ``nm/s``), gal, g and kine. Case carries no meaning in SEED, so ``MM/S`` is millimetres.
    """
    text = name.lower()
    for pattern, plain in _SPELLINGS:
        text = pattern.sub(plain, text)
    if text in _WORDS:
        return _WORDS[text]
    forms = ((_ACCELERATION, UNIT_ACCELERATION), (_VELOCITY, UNIT_VELOCITY))
    for form, kind in forms:
        match = form.fullmatch(text)
        if match and match[1] in _LENGTHS:
            return Unit(kind, _LENGTHS[match[1]])
    return Unit(UNIT_DISPLACEMENT, _LENGTHS[text]) if text in _LENGTHS else None


# --- components ---------------------------------------------------------------------------


def assign_slots(station: str, components: Sequence[Component]) -> tuple[list[Component], list[Refusal]]:
    """Match the channels of one sensor to the slots Z, H1, H2.

    The vertical is the letter Z; else the steepest channel with a dip beyond 60 degrees; else,
    when no dip says anything, 3 of a set ``1 2 3``. A vertical whose dip says that down is
    positive (SEED: dip -90 is up) gets its gain negated. The two horizontals go by N before E,
    otherwise the one nearer to the north-south axis first, otherwise by letter. A Galperin set
    ``U V W`` has no vertical without rotation, which is not done.
    """
    vertical = _find_vertical(components)
    if vertical is None:
        letters = " ".join(c.letter for c in components)
        refusal = Refusal(station, Reason.NO_VERTICAL, f"components {letters}; the station is not used")
        return [], [refusal]
    up = replace(vertical, slot=Z, gain=-vertical.gain if vertical.dip_deg > 0.0 else vertical.gain)
    rest = sorted((c for c in components if c is not vertical), key=_horizontal_order)
    refusals = [
        Refusal(c.channel, Reason.DUPLICATE_CHANNEL, f"{station} already has two horizontal components")
        for c in rest[2:]
    ]
    if len(rest) == 1:
        return [up, replace(rest[0], slot=H2 if rest[0].letter in "E2" else H1)], refusals
    return [up, *(replace(c, slot=s) for c, s in zip(rest[:2], (H1, H2), strict=False))], refusals


def _find_vertical(components: Sequence[Component]) -> Component | None:
    lettered = [c for c in components if c.letter == "Z"]
    if lettered:
        return lettered[0]
    steep = [c for c in components if abs(c.dip_deg) > 60.0]
    if steep:
        return max(steep, key=lambda c: abs(c.dip_deg))
    silent = all(not abs(c.dip_deg) > 0.0 for c in components)  # zero or missing everywhere
    third = [c for c in components if c.letter == "3"]
    return third[0] if silent and third and len(components) >= 3 else None


def _horizontal_order(c: Component) -> tuple[int, float, str]:
    """Sort key: N and E come first, then by angle to the north-south axis, then by letter."""
    off_axis = abs((c.azimuth_deg + 90.0) % 180.0 - 90.0) if math.isfinite(c.azimuth_deg) else 0.0
    named = {"N": 0, "E": 1}.get(c.letter, 2)
    return named, off_axis, c.letter


# --- sites --------------------------------------------------------------------------------


def group_sites(stations: Sequence[str], latitude: F64, longitude: F64) -> I32:
    """(n_st,) site index: equal for the same ``NET.STA`` or within `SAME_SITE_KM`, transitively.

    Sites are numbered in the order of their first station. Work grows with n log n: candidates
    are looked up in a list sorted by latitude.
    """
    parent = list(range(len(stations)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        a, b = sorted((root(i), root(j)))
        parent[b] = a

    seen: dict[str, int] = {}
    for i, code in enumerate(stations):
        join(i, seen.setdefault(".".join(code.split(".")[:2]), i))
    order = np.argsort(latitude, kind="stable")
    ends = np.searchsorted(latitude[order], latitude[order] + SAME_SITE_KM / 111.0, side="right")
    for k, end in enumerate(ends):
        near = order[k + 1 : end]
        if len(near):
            i = int(order[k])
            d = distances_km(float(latitude[i]), float(longitude[i]), latitude[near], longitude[near])
            for j in near[d <= SAME_SITE_KM]:
                join(i, int(j))
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(i), len(numbers)) for i in range(len(stations))], dtype=np.int32)
