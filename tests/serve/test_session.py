"""The conversation, without sockets: replies to commands, in every order and however they are cut."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymseed import MS3Record

from seiswarn.serve.header import read_header
from seiswarn.serve.info import About
from seiswarn.serve.reader import Reader
from seiswarn.serve.ring import Ring
from seiswarn.serve.session import MAX_REFUSED, Door, Session
from seiswarn.serve.words import MAX_LINE, parse_time
from seiswarn.timebase import NS, parse_iso
from serving import T0, make_records

RECORDS = make_records(2, 5)
ABOUT = About("SeedLink v4.0 (seiswarn/1) :: SLPROTO:4.0", "here <&>", T0, ("SLPROTO:4.0", "TIME"))


def filled(**options: int) -> Ring:
    ring = Ring(**options)
    for record in RECORDS:
        ring.add(record)
    return ring


def session(ring: Ring | None = None, **door: object) -> Session:
    return Session(ring if ring is not None else filled(), ABOUT, Door(**door))


def say(s: Session, *lines: str) -> list[bytes]:
    """The reply to each line."""
    replies = []
    for line in lines:
        s.put(line.encode("latin-1") + b"\r\n")
        replies.append(s.step())
        assert s.step() is None
    return replies


def everything(s: Session) -> bytes:
    """All replies there are, then what the reader has."""
    out = b""
    while (reply := s.step()) is not None:
        out += reply
    return out + (drain(s.reader) if s.reader else b"")


def drain(reader: Reader) -> bytes:
    out = b""
    while True:
        data, state = reader.take(1000)
        out += data
        if state != "more":
            return out + (b"END" if state == "done" else b"")


def numbers(s: Session) -> list[int]:
    assert s.reader is not None
    data, found = drain(s.reader).removesuffix(b"END"), []
    for begin in range(0, len(data), 520):
        assert data[begin : begin + 2] == b"SL"
        found.append(int(data[begin + 2 : begin + 8], 16))
    return found


OK, ERROR = b"OK\r\n", b"ERROR\r\n"


def test_greeting_in_version_3() -> None:
    s = session()
    assert say(s, "HELLO", "hello", "CAPABILITIES EXTREPLY", "BATCH", "USERAGENT me/1") == [
        b"SeedLink v4.0 (seiswarn/1) :: SLPROTO:4.0\r\nhere <&>\r\n",
        b"SeedLink v4.0 (seiswarn/1) :: SLPROTO:4.0\r\nhere <&>\r\n",
        OK,
        b"ERROR\revery command is answered\r\n",
        OK,
    ]
    assert s.agent == "me/1"


def test_greeting_in_version_4() -> None:
    s = session()
    assert say(s, "SLPROTO 4.0", "BATCH", "TIME 2020,1,1,0,0,0", "WHAT", "GETCAPABILITIES") == [
        OK,
        b"ERROR UNSUPPORTED every command is answered\r\n",
        b"ERROR UNSUPPORTED a command of SeedLink 3; this is SeedLink 4\r\n",
        b"ERROR UNSUPPORTED no such command\r\n",
        b"SLPROTO:4.0 TIME\r\n",
    ]
    assert say(s, "SLPROTO 4.0")[0].startswith(b"ERROR UNEXPECTED")
    assert say(session(), "SLPROTO 5.0") == [ERROR]


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (("SLPROTO 4.0", "SELECT *"), b"ERROR UNEXPECTED"),
        (("SLPROTO 4.0", "DATA"), b"ERROR UNEXPECTED"),
        (("SLPROTO 4.0", "END"), b"ERROR UNEXPECTED"),
        (("SLPROTO 4.0", "STATION"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION A B"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION XX_[A]"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION *", "SELECT"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION *", "DATA FFFFFF"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION *", "DATA -2"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION *", "DATA 1 yesterday"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "STATION *", "DATA 1 2020-01-02T00:00:00Z 2020-01-01T00:00:00Z"), b"ERROR ARGUM"),
        (("SLPROTO 4.0", "STATION *", "DATA 1 2 3 4"), b"ERROR ARGUMENTS"),
        (("SLPROTO 4.0", "AUTH USERPASS a b"), b"ERROR UNSUPPORTED"),
        (("STATION A B C",), ERROR),
        (("STATION A XX", "SELECT TOOLONG"), ERROR),
        (("STATION A XX", "DATA XYZ"), ERROR),
        (("STATION A XX", "TIME"), ERROR),
        (("STATION A XX", "TIME 2020,13,1,0,0,0"), ERROR),
        (("STATION A XX", "TIME 2020,1,1,0,0"), ERROR),
        (("END",), ERROR),
        (("STATION A XX", "END"), ERROR),
        (("AUTH USERPASS a b",), ERROR),
    ],
)
def test_what_is_refused_is_said_and_costs_nothing(lines: tuple[str, ...], refused: bytes) -> None:
    s = session()
    *before, last = say(s, *lines)
    assert all(b == OK for b in before)
    assert last.startswith(refused)
    assert s.reader is None
    assert not s.closing
    assert say(s, "USERAGENT still/here") == [OK]


def test_multi_station_in_version_3() -> None:
    s = session()
    replies = say(
        s, "STATION S001 XX", "SELECT HHZ", "DATA 1", "STATION S000 XX", "SELECT HHN", "DATA 7", "END"
    )
    assert replies == [OK] * 6 + [b""]
    # Records come in the order E, N, Z of both stations: S000 1-3, S001 4-6, and again.
    assert numbers(s) == [4, 8, 10, 14, 16, 20, 22, 26, 28]


@pytest.mark.parametrize("start", range(1, 32))
def test_each_station_begins_at_its_own_number(start: int) -> None:
    s = session()
    say(s, "STATION S001 XX", "DATA 1", "STATION S000 XX", f"DATA {start:X}", "END")
    of_s000 = {n for n in range(1, 31) if (n - 1) % 6 < 3}
    assert numbers(s) == [n for n in range(1, 31) if n not in of_s000 or n >= start]


def test_uni_station_is_all_stations_and_data_follow_at_once() -> None:
    s = session()
    assert say(s, "SELECT HHZ", "DATA A") == [OK, b""]
    assert numbers(s) == [10, 13, 16, 19, 22, 25, 28]


def test_records_come_as_they_were_given() -> None:
    for version in (3, 4):
        s = session()
        if version == 4:
            say(s, "SLPROTO 4.0")
        say(s, "STATION *" if version == 4 else "STATION * *", "DATA ALL", "END")
        data, size = drain(s.reader), 8 if version == 3 else 17 + len("XX_S000")
        step = size + 512
        assert [data[i + size : i + step] for i in range(0, len(data), step)] == RECORDS


def test_an_unknown_station_is_refused_in_version_3_when_all_are_known() -> None:
    ring = filled()
    assert say(session(ring), "STATION NONE XX") == [OK], "it may come"
    ring.closed = True
    s = session(ring)
    assert say(s, "STATION NONE XX", "SELECT HHZ", "DATA", "STATION S00? XX", "DATA 1", "END") == [
        *[ERROR] * 3,
        OK,
        OK,
        b"",
    ]
    assert len(numbers(s)) == 30
    assert say(session(ring), "SLPROTO 4.0", "STATION XX_NONE") == [OK, OK]


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ("DATA 1", 1),
        ("DATA 0x1E", 30),
        ("DATA 1f", 31),  # the next one
        ("DATA", 31),
        ("DATA -1", 31),
        ("DATA 20", 1),  # 32 is yet to come: the ring began anew
        ("DATA FFFFFF", 1),
        ("FETCH", 1),
        ("FETCH A", 10),
        ("DATA 5 2020,9,13,12,26,44", 5),  # the number says it; the time is a hint
        ("DATA FFFFFF 2020,9,13,12,26,43", 19),  # the number says nothing
        ("TIME 2020,9,13,12,26,43", 19),
    ],
)
def test_where_data_begin_in_version_3(data: str, first: int) -> None:
    s = session()
    say(s, "STATION * *", data, "END")
    assert next(iter(numbers(s)), 31) == first
    assert s.future == ([int(data.split()[1], 16)] if data[5:] == "20" or "FFFFFF" in data else [])


def test_a_number_that_is_gone_starts_at_the_oldest() -> None:
    s = session(filled(max_records=10))
    say(s, "STATION * *", "DATA 3", "END")
    assert numbers(s) == list(range(21, 31))


def test_numbers_wrap_in_version_3_and_not_in_4() -> None:
    first = 2**24 - 10
    s = session(filled(first_seq=first))
    say(s, "STATION * *", "DATA FFFFFA", "END")
    assert numbers(s) == [*range(0xFFFFFA, 2**24), *range(20)]
    s = session(filled(first_seq=first))
    say(s, "SLPROTO 4.0", "STATION *", f"DATA {first + 9}", "END")
    data = drain(s.reader)
    assert int.from_bytes(data[8:16], "little") == first + 9
    assert int.from_bytes(data[-536 + 8 :][:8], "little") == first + 29
    s = session(filled(first_seq=first))
    say(s, "STATION * *", "DATA 5", "END")  # resumed after the turn
    assert numbers(s) == list(range(5, 20))


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        ("2020,9,13,12,26,42 2020,9,13,12,26,44", [2, 3]),
        ("2020,9,13,12,26,42,500000000 2020,9,13,12,26,43,1", [2, 3]),
        ("2020-09-13T12:26:40Z 2020-09-13T12:26:41Z", [0]),
        ("2020,9,13,12,26,44", [4]),
        ("2019,9,13,12,26,44 2020,9,13,12,26,40", []),
    ],
)
def test_time_windows(window: str, seconds: list[int]) -> None:
    s = session()
    say(s, "STATION S000 XX", "SELECT HHZ", f"TIME {window}", "END")
    data = drain(s.reader)
    assert data.endswith(b"END") is (len(window.split()) == 2), "all data of the window are there"
    data = data.removesuffix(b"END")
    times = [MS3Record.parse(data[i + 8 : i + 520]).starttime for i in range(0, len(data), 520)]
    assert times == [T0 + k * NS for k in seconds]


def test_a_window_that_is_not_full_yet_goes_on() -> None:
    ring = filled()
    s = session(ring)
    say(s, "STATION S000 XX", "TIME 2020,9,13,12,26,44 2020,9,13,12,26,46", "END")
    assert not drain(s.reader).endswith(b"END")
    for record in make_records(2, 7)[30:]:
        ring.add(record)
    data = drain(s.reader)
    assert data.endswith(b"END")
    assert len(data) == 3 * 520 + 3, "the last second lies behind the window"


WINDOW = "TIME 2020,9,13,12,26,44 2020,9,13,12,26,45"  # the last second that is held


def test_a_window_ends_with_its_last_stream_with_the_archive_or_when_data_are_far_past_it() -> None:
    ring = filled()
    s = session(ring)
    say(s, "STATION * *", WINDOW, "END")
    assert drain(s.reader).endswith(b"END"), "the end of the data is the end of the window"

    silent = read_header(RECORDS[0])._replace(station="XX_SILENT")
    for finished, past_s, ends in ((True, 0, True), (False, 29, False), (False, 30, True)):
        ring = filled()
        ring.declare("XX_SILENT", "00_H_H_Z")
        s = session(ring)
        say(s, "STATION * *", WINDOW, "END")
        assert not drain(s.reader).endswith(b"END"), "that one might still come"
        if past_s:
            end_ns = T0 + (5 + past_s) * NS
            late = silent._replace(station="XX_S000", start_ns=end_ns - NS, end_ns=end_ns)
            ring.add(RECORDS[0], late)
        ring.finished = finished
        assert drain(s.reader).endswith(b"END") is ends


def test_dial_up_ends_in_both_versions() -> None:
    s = session()
    say(s, "STATION * *", "FETCH 1C", "END")
    assert drain(s.reader).endswith(b"END")
    s = session()
    assert say(s, "SLPROTO 4.0", "STATION *", "SELECT *_Z", "DATA", "ENDFETCH") == [*[OK] * 4, b""]
    data = drain(s.reader)
    assert data.endswith(b"END")
    assert len(data) == 10 * (24 + 512) + 3


def test_while_data_flow_only_questions_are_answered() -> None:
    s = session()
    say(s, "STATION * *", "DATA", "END")
    assert say(s, "HELLO", "STATION A B", "NONSENSE", "") == [b"", b"", b"", None]
    assert say(s, "INFO ID")[0].startswith(b"SLINFO  ")
    assert say(s, "BYE") == [b""]
    assert s.closing == "said goodbye"
    assert say(s, "INFO ID") == [None]


def info_text(reply: bytes) -> str:
    assert len(reply) % 520 == 0
    parts = [reply[i : i + 520] for i in range(0, len(reply), 520)]
    assert [p[:8] for p in parts] == [b"SLINFO *"] * (len(parts) - 1) + [b"SLINFO  "]
    return b"".join(bytes(MS3Record.parse(p[8:], unpack_data=True).datasamples) for p in parts).decode()


def test_info_of_version_3() -> None:
    ring = filled()
    ring.declare("YY_SOON", "_H_H_Z")
    s = session(ring)
    root = ET.fromstring(info_text(say(s, "INFO ID")[0]))
    assert root.attrib["organization"] == "here <&>"
    assert root.attrib["started"] == "2020/09/13 12:26:40.0000"
    root = ET.fromstring(info_text(say(s, "INFO STREAMS")[0]))
    spans = {e.attrib["name"]: (e.attrib["begin_seq"], e.attrib["end_seq"]) for e in root}
    assert spans == {"S000": ("000001", "00001B"), "S001": ("000004", "00001E"), "SOON": ("000000", "000000")}
    streams = [(e.attrib["location"], e.attrib["seedname"]) for e in root[0]]
    assert streams == [("00", "HHZ"), ("00", "HHN"), ("00", "HHE")]
    assert root[0][0].attrib["end_time"] == "2020/09/13 12:26:45.0000"
    names = [e.attrib["name"] for e in ET.fromstring(info_text(say(s, "INFO CAPABILITIES")[0]))]
    assert {"info:streams", "dialup", "multistation", "window-extraction", "TIME"} <= set(names)
    assert b"ERR" in say(s, "INFO GAPS")[0][:40]
    assert say(s, "CAT")[0] == b"XX S000  XX_S000\r\nXX S001  XX_S001\r\nYY SOON  YY_SOON\r\nEND"


def info_json(reply: bytes) -> tuple[bytes, dict]:
    assert reply[:2] == b"SE"
    assert int.from_bytes(reply[4:8], "little") == len(reply) - 17
    return reply[2:4], json.loads(reply[17:])


def test_info_of_version_4() -> None:
    s = session()
    say(s, "SLPROTO 4.0")
    for item in ("ID", "FORMATS", "STATIONS", "STREAMS", "CONNECTIONS", "CAPABILITIES"):
        kind, told = info_json(say(s, f"info {item.lower()}")[0])
        assert kind == b"JI"
        assert told["software"] == ABOUT.software
        assert told["organization"] == ABOUT.organization
    _, told = info_json(say(s, "INFO STREAMS XX_S001 *_Z")[0])
    assert told["station"] == [
        {
            "id": "XX_S001",
            "description": "XX_S001",
            "begin_seq": 4,
            "end_seq": 29,
            "backfill": -1,
            "stream": [
                {
                    "id": "00_H_H_Z",
                    "format": "2",
                    "subformat": "D",
                    "origin": "native",
                    "begin_time": "2020-09-13T12:26:40.000000Z",
                    "end_time": "2020-09-13T12:26:45.000000Z",
                }
            ],
        }
    ]
    _, told = info_json(say(s, "INFO FORMATS")[0])
    assert set(told["format"]) == {"2", "3", "J"}
    for wrong in ("INFO GAPS", "INFO", "INFO STREAMS [A]"):
        kind, told = info_json(say(s, wrong)[0])
        assert kind == b"JE"
        assert told["error"]["code"] == "ARGUMENTS"


def test_who_has_no_password_gets_no_data() -> None:
    door = {"users": {"ann": "pass"}, "private": True}
    s = session(**door)
    replies = say(
        s, "SLPROTO 4.0", "STATION *", "AUTH USERPASS ann word", "AUTH USERPASS bob pass", "AUTH JWT x"
    )
    assert [r.split()[:2] for r in replies[1:]] == [
        [b"ERROR", b"UNAUTHORIZED"],
        [b"ERROR", b"AUTH"],
        [b"ERROR", b"AUTH"],
        [b"ERROR", b"UNSUPPORTED"],
    ]
    assert say(s, "END")[0].startswith(b"ERROR")
    assert info_json(say(s, "INFO STREAMS")[0])[1]["station"] == [], "as if there were none"
    assert say(s, "AUTH USERPASS ann pass") == [OK]
    assert len(info_json(say(s, "INFO STATIONS")[0])[1]["station"]) == 2
    assert say(s, "STATION *", "DATA 1", "END") == [OK, OK, b""]
    assert (
        say(session(**door), "STATION S000 XX", "SELECT HHZ", "DATA 1", "TIME 2020,1,1,0,0,0") == [ERROR] * 4
    )
    s = session(users={"ann": "pass"})
    assert say(s, "SLPROTO 4.0", "AUTH USERPASS ann pass")[1].startswith(b"ERROR UNEXPECTED"), "no TLS"


def test_garbage_ends_the_conversation() -> None:
    s = session()
    s.put(b"A" * (MAX_LINE + 1))
    assert s.step() == ERROR
    assert s.closing
    s = session()
    s.put(b"A" * MAX_LINE)
    assert s.step() is None
    s.put(b"\r")
    assert s.step() == ERROR
    assert not s.closing
    for line in ("GET / HTTP/1.1", "\xff\xfe", "HEL\x00LO"):
        s = session()
        assert say(s, line) == [ERROR]
        assert s.closing
    s = session()
    say(s, *["X"] * (MAX_REFUSED - 1), "HELLO", *["X"] * (MAX_REFUSED - 1))
    assert not s.closing
    say(s, "X")
    assert s.closing


CONVERSATIONS = [
    b"HELLO\r\nCAPABILITIES EXTREPLY\r\nSTATION S000 XX\r\nSELECT HHZ\r\nDATA 5\r\nEND\r\nINFO ID\r\n",
    b"HELLO\rSLPROTO 4.0\nUSERAGENT a/1\r\n\r\n\nSTATION XX_*\rSELECT *Z:3\rDATA 3\rINFO STREAMS\rEND\rBYE\n",
    b"SELECT 00HHN.D\r\nINFO STATIONS\r\nFETCH 2\r\nINFO ID\r\n",
    b"NONSENSE\r\nSTATION\r\n\xff\x00\r\nINFO NOTHING\r\nGET / HTTP/1.0\r\nHELLO\r\n",
    b"STATION S001 XX\r\nTIME 2020,9,13,12,26,42 2020,9,13,12,26,44\r\nEND\r\n" + b"A" * 3000,
]


@given(data=st.data())
def test_answers_do_not_depend_on_how_commands_are_cut(data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(CONVERSATIONS))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=12)))
    whole = session()
    whole.put(words)
    expected = everything(whole)
    pieces = session()
    got = b""
    for begin, end in zip([0, *cuts], [*cuts, len(words)], strict=True):
        pieces.put(words[begin:end])
        while (reply := pieces.step()) is not None:
            got += reply
    got += drain(pieces.reader) if pieces.reader else b""
    assert got == expected
    assert pieces.closing == whole.closing


@given(st.binary(max_size=300))
def test_no_bytes_break_a_session(data: bytes) -> None:
    s = session()
    s.put(data)
    everything(s)
    s.put(b"\r\n")
    everything(s)


@pytest.mark.parametrize(
    ("text", "t_ns"),
    [
        ("2024-01-31T12:00:00Z", parse_iso("2024-01-31T12:00:00Z")),
        ("2024-01-31T12:00:00.123456789", parse_iso("2024-01-31T12:00:00.123456789Z")),
        ("2024,1,31,12,0,0", parse_iso("2024-01-31T12:00:00Z")),
        ("2024,01,31,12,00,00.5", parse_iso("2024-01-31T12:00:00.5Z")),
        ("2024,1,31,12,0,0,7", parse_iso("2024-01-31T12:00:00.000000007Z")),
    ],
)
def test_times(text: str, t_ns: int) -> None:
    assert parse_time(text) == t_ns


@pytest.mark.parametrize(
    "text", ["", "now", "2024,1,31", "2024,1,32,0,0,0", "2024,1,1,0,0,0,-1", "1,2,3,4,5,6,x"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
