"""Real clients at a real socket: obspy's, seedlink-client's, and slinktool's requests as they are."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from seedlink_client import SeedLink
from seedlink_client.protocol import Protocol

from seiswarn.ingest.archive import Archive, open_archive
from seiswarn.serve.background import Background
from seiswarn.serve.feed import packets
from seiswarn.serve.header import read_header
from seiswarn.serve.ring import Ring
from seiswarn.serve.seedlink_server import Limits, Server
from seiswarn.timebase import NS
from serving import T0, Raw, make_records, samples_of, write_archive

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

RECORDS = make_records(2, 5)


@pytest.fixture
def running() -> Iterator[Background]:
    """A server that holds `RECORDS`."""
    with Background(Server(Ring(), port=0)) as server:
        server.publish(RECORDS)
        yield server


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


def client(port: int, version: int = 4, **options: object) -> SeedLink:
    protocol = Protocol.V4 if version == 4 else Protocol.V3
    return SeedLink("127.0.0.1", port, protocol=protocol, timeout=10, **options)


def collected(port: int, version: int, *streams: tuple[str, ...], **options: object) -> list[bytes]:
    """What a dial-up client gets."""
    sl = client(port, version, dialup=True, **options)
    for station, *selectors in streams:
        sl.add_stream(station, " ".join(selectors) or None)
    sl.connect()
    found = [p.payload for p in sl.collect(reconnect=False)]
    sl.close()
    return found


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Archive, dict[str, np.ndarray]]:
    truth = write_archive(tmp_path / "a", 3, 30)
    return open_archive(tmp_path / "a"), truth


@pytest.mark.parametrize("version", [3, 4])
def test_seedlink_client_gets_the_samples_of_an_archive(archive, version: int) -> None:
    opened, truth = archive
    with Background(Server(Ring(), port=0)) as server:
        n = server.play(packets(opened, 0.5), None).result(30)
        got = samples_of(collected(server.port, version, ("XX_*",)))
    assert n == sum(-(-len(x) // 50) for x in truth.values())
    assert got.keys() == truth.keys()
    for channel, (t0_ns, x) in got.items():
        np.testing.assert_array_equal(x, truth[channel])
        assert t0_ns == T0 + int(channel[11]) * 137_000_000


@pytest.mark.parametrize("version", [3, 4])
def test_seedlink_client_while_data_come(archive, version: int) -> None:
    """Connected before the first packet, at 20 times real time."""
    opened, truth = archive
    with Background(Server(Ring(), port=0)) as server:
        sl = client(server.port, version)
        sl.add_stream("XX_S00?", "HHZ HHN")
        sl.connect()
        playing = server.begin(_when_asked(server, opened))
        found = []
        for packet in sl.collect(reconnect=False):
            found.append(packet)
            if len(found) == 3 * 2 * 60:
                break
        assert playing.result(30) == 3 * 3 * 60
    numbers = [p.seqnum for p in found]
    assert numbers == sorted(set(numbers))
    assert {p.station_id for p in found} == {"XX_S000", "XX_S001", "XX_S002"}
    got = samples_of([p.payload for p in found])
    assert sorted(got) == sorted(c for c in truth if c[-1] in "ZN")
    for channel, (_, x) in got.items():
        np.testing.assert_array_equal(x, truth[channel])


async def _when_asked(server: Background, archive: Archive) -> int:
    from seiswarn.serve.play import play

    await server.server.someone()
    return await play(server.server, packets(archive, 0.5), 20.0)


def test_obspy_reads_what_there_is_and_the_waveforms(archive) -> None:
    from obspy import UTCDateTime
    from obspy.clients.seedlink.basic_client import Client

    opened, truth = archive
    with Background(Server(Ring(), port=0)) as server:
        server.play(packets(opened, 1.0), None).result(30)
        theirs = Client("127.0.0.1", port=server.port, timeout=5)
        assert theirs.get_info() == [("XX", f"S00{k}") for k in range(3)]
        channels = theirs.get_info(level="channel", cache=False)
        assert channels == [("XX", f"S00{k}", "00", f"HH{c}") for k in range(3) for c in "ENZ"]
        begin = UTCDateTime(T0 / NS) + 5
        begun = time.monotonic()
        stream = theirs.get_waveforms("XX", "S*", "00", "HH?", begin, begin + 10)
        assert time.monotonic() - begun < 4, "the end of the window is told, not waited for"
    assert len(stream) == 9
    for trace in stream:
        channel = f"FDSN:XX_{trace.stats.station}_00_H_H_{trace.stats.channel[-1]}"
        late_ns = int(trace.stats.station[-1]) * 137_000_000
        first = round((trace.stats.starttime.ns - T0 - late_ns) / (NS / 100))
        assert trace.stats.starttime.ns == T0 + late_ns + first * NS // 100
        np.testing.assert_array_equal(trace.data, truth[channel][first : first + len(trace.data)])
        assert len(trace.data) in (1000, 1001)


def test_obspy_follows_data_as_they_come(archive) -> None:
    from obspy.clients.seedlink.easyseedlink import EasySeedLinkClient

    opened, truth = archive
    found = []
    with Background(Server(Ring(), port=0)) as server:
        theirs = EasySeedLinkClient(f"127.0.0.1:{server.port}", autoconnect=False)
        theirs.on_data = found.append
        theirs.conn.timeout = 20.0  # its default ends in a TypeError
        theirs.connect()
        assert {"dialup", "multistation", "window-extraction", "info:streams"} <= set(theirs.capabilities)
        for k in range(3):
            theirs.select_stream("XX", f"S00{k}", "HH?")
        thread = threading.Thread(target=theirs.run, daemon=True)
        thread.start()
        assert server.begin(_when_asked(server, opened)).result(30) == 3 * 3 * 60
        wait_for(lambda: len(found) == 3 * 3 * 60)
        theirs.conn.terminate()
        server.stop()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            thread.join(10)
    for channel, x in truth.items():
        station, component = channel[8:12], channel[-1]
        mine = [t for t in found if t.stats.station == station and t.stats.channel[-1] == component]
        np.testing.assert_array_equal(np.concatenate([t.data for t in mine]), x)


def test_both_versions_of_miniseed_reach_clients_of_both_protocols() -> None:
    """SeedLink 3 has miniSEED 2 of 512 bytes and nothing else; version 4 gets what it asks for."""
    for held in (2, 3):
        records = make_records(1, 5, "Z", held)
        truth = samples_of(records)
        with Background(Server(Ring(), port=0)) as server:
            server.publish(records)
            plain = collected(server.port, 4, ("XX_S000",))
            as_2 = collected(server.port, 4, ("XX_S000", "*:2"))
            as_3 = collected(server.port, 4, ("XX_S000", "*.2:3", "*.3:native"))
            old = collected(server.port, 3, ("XX_S000",))
        assert plain == records
        assert {read_header(r).format for r in as_2} == {read_header(r).format for r in old} == {"2"}
        assert {len(r) for r in old} == {512}
        assert {read_header(r).format for r in as_3} == {"3"}
        for found in (as_2, as_3, old):
            got = samples_of(found)
            assert got.keys() == truth.keys()
            for name, (t0_ns, x) in got.items():
                assert t0_ns == truth[name][0]
                np.testing.assert_array_equal(x, truth[name][1])


def test_resume_by_number_loses_and_doubles_nothing(running: Background) -> None:
    for version in (3, 4):
        sl = client(running.port, version)
        sl.add_stream("XX_*", seqnum=4)
        sl.connect()
        found = []
        for packet in sl.collect(reconnect=False):
            found.append(packet)
            if len(found) == 10:
                break
        sl.close()
        assert [p.seqnum for p in found] == list(range(5, 15))
        again = collected_from(running.port, version, found[-1].seqnum)
        assert [p.payload for p in found] + again == RECORDS[4:]


def collected_from(port: int, version: int, seqnum: int) -> list[bytes]:
    sl = client(port, version, dialup=True)
    sl.add_stream("XX_*", seqnum=seqnum)
    sl.connect()
    found = [p.payload for p in sl.collect(reconnect=False)]
    sl.close()
    return found


def test_a_ring_that_began_anew_gives_all_it_has(running: Background) -> None:
    for version in (3, 4):
        assert collected_from(running.port, version, 70_000) == RECORDS


def test_slinktools_requests_of_version_3(running: Background) -> None:
    """libslink: HELLO, then STATION, SELECT and DATA for each station, END; INFO ID to keep alive."""
    with Raw(running.port) as raw:
        assert raw.ask("HELLO").startswith("SeedLink v4.0 (seiswarn/")
        assert raw.line() == "seiswarn\r\n"
        assert raw.ask("CAPABILITIES EXTREPLY") == "OK\r\n"
        for station in ("S000", "S001"):
            assert raw.ask(f"STATION {station} XX") == "OK\r\n"
            assert raw.ask("SELECT HHZ.D") == "OK\r\n"
            assert raw.ask("DATA 000016 2020,09,13,12,26,43") == "OK\r\n"
        raw.send("END\r\n")
        found = [raw.packet_v3() for _ in range(3)]
        assert [int(head[2:], 16) for head, _ in found] == [22, 25, 28]
        assert [record for _, record in found] == [RECORDS[k] for k in (21, 24, 27)]
        raw.send("INFO ID\r\n")
        head, record = raw.packet_v3()
        assert head == b"SLINFO  "
        assert b"<seedlink software=" in record
        running.publish(make_records(1, 1, "Z"))
        assert raw.packet_v3()[0] == b"SL00001F", "data go on after the question"


def test_slinktools_requests_of_version_4(running: Background) -> None:
    with Raw(running.port) as raw:
        assert "SLPROTO:4.0" in raw.ask("HELLO")
        raw.line()
        assert raw.ask("SLPROTO 4.0") == "OK\r\n"
        assert raw.ask("USERAGENT slinktool/5.0.0 libslink/4.2.0") == "OK\r\n"
        assert raw.ask("STATION XX_S00?", "\r") == "OK\r\n"
        assert raw.ask("SELECT 00_H_H_Z.2D", "\r") == "OK\r\n"
        assert raw.ask("DATA 22 2020-09-13T12:26:43.5Z", "\r") == "OK\r\n"
        raw.send("END\r\n")
        found = [raw.packet_v4() for _ in range(3)]
        assert found == [("2D", n, f"XX_S00{k}", RECORDS[n - 1]) for n, k in ((22, 1), (25, 0), (28, 1))]
        raw.send("INFO ID\r\n")
        kind, number, station, payload = raw.packet_v4()
        assert (kind, number, station) == ("JI", 2**64 - 1, "")
        assert b'"software"' in payload
        raw.send("BYE\r\n")
        assert raw.closed()


def test_commands_at_once_get_all_their_answers(running: Background) -> None:
    with Raw(running.port) as raw:
        raw.send("SLPROTO 4.0\r\nSTATION *\r\nSELECT *_Z\r\nDATA 1\r\nEND\r\nINFO ID\r\n")
        assert [raw.line() for _ in range(4)] == ["OK\r\n"] * 4
        assert raw.packet_v4()[1] == 1


def test_commands_that_come_byte_by_byte_are_the_same_commands(running: Background) -> None:
    words = b"HELLO\r\nSTATION S000 XX\rSELECT HHZ\nSELECT NOSUCHTHING\r\nDATA 1\r\nEND\r\n"
    answers = []
    for step in (len(words), 1, 7):
        with Raw(running.port) as raw:
            raw.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
            for k in range(0, len(words), step):
                raw.send(words[k : k + step])
            answers.append([raw.line() for _ in range(6)] + [raw.packet_v3() for _ in range(5)])
    assert answers[0][2:6] == ["OK\r\n", "OK\r\n", "ERROR\r\n", "OK\r\n"]
    assert answers[0] == answers[1] == answers[2]


def test_an_address_that_is_taken_leaves_nothing_behind(running: Background) -> None:
    before = threading.active_count()
    with pytest.raises(OSError), Background(Server(Ring(), port=running.port)):
        pass
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"A" * 5000,
        b"\x16\x03\x01\x02\x00" + bytes(range(256)) * 20,  # as TLS begins
        b"NONSENSE\r\n" * 60,
    ],
)
def test_who_speaks_something_else_is_sent_away_and_others_are_not_disturbed(running, rubbish: bytes) -> None:
    with Raw(running.port) as good, Raw(running.port) as bad:
        good.send("SELECT HHZ\r\nDATA\r\n")
        assert good.line() == "OK\r\n"
        bad.send(rubbish)
        answer = bad.read(100_000)  # up to the end
        assert answer.startswith(b"ERROR")
        assert answer.endswith(b"ERROR\r\n")
        running.publish(make_records(1, 1, "Z"))
        assert good.packet_v3()[0] == b"SL00001F"


def test_disconnects_at_any_moment_cost_nobody_anything(running: Background) -> None:
    begun = [
        b"",
        b"HEL",
        b"STATION S000 XX\r\nSEL",
        b"SELECT HHZ\r\nDATA 1\r\n",
        b"DATA 1\r\n",
        b"INFO STREAMS\r\n",
    ]
    with Raw(running.port) as good:
        good.send("DATA\r\n")
        for k, words in enumerate(begun * 5):
            with Raw(running.port) as raw:
                raw.send(words)
                if b"DATA" in words:
                    raw.read(100 + 150 * k)  # in the middle of a packet
                if k % 2:  # RST instead of FIN
                    raw.socket.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        wait_for(lambda: running.call(lambda: len(running.server.connections())) == 1)
        running.publish(RECORDS[:3])
        assert [good.packet_v3() for _ in range(3)] == [(b"SL%06X" % (31 + k), RECORDS[k]) for k in range(3)]
    wait_for(lambda: running.call(lambda: len(running.server.connections())) == 0)


def test_a_slow_client_is_dropped_and_holds_up_nobody() -> None:
    told: list[str] = []
    ring = Ring(max_records=20_000)
    with Background(Server(ring, port=0, tell=told.append)) as server:
        with Raw(server.port) as slow, Raw(server.port) as good:
            slow.socket.setsockopt(1, 8, 4096)  # SO_RCVBUF
            for raw in (slow, good):
                raw.send("DATA\r\n")
            wait_for(lambda: server.call(lambda: len(server.server.streaming)) == 2)
            n = 0
            got = 0
            while not server.server.counts["dropped_slow"]:
                server.publish(RECORDS * 40)
                n += len(RECORDS) * 40
                got += len(good.read(520 * len(RECORDS) * 40)) // 520
                assert got == n
                assert n < 500_000
                held = server.call(lambda: max(c.waiting_bytes for c in server.server.streaming))
                assert held < 1 << 20, "no more than this is held for a client"
            assert server.call(lambda: len(server.server.streaming)) == 1
        wait_for(lambda: not server.call(server.server.connections))
    reasons = [t for t in told if "too slow" in t]
    assert len(reasons) == 1
    assert "of its packets are gone" in reasons[0]


def test_who_stops_taking_is_dropped_after_a_while() -> None:
    told: list[str] = []
    with Background(Server(Ring(), port=0, tell=told.append, limits=Limits(stall_s=0.5))) as server:
        with Raw(server.port) as stalled:
            stalled.send("DATA\r\n")
            wait_for(lambda: server.call(lambda: len(server.server.streaming)) == 1)
            server.publish(RECORDS * 1000)
            wait_for(lambda: server.server.counts["dropped_stalled"] == 1)
        wait_for(lambda: not server.call(server.server.connections))
    assert any("took nothing for" in t for t in told)


def test_who_says_nothing_or_stays_after_the_end_is_sent_away() -> None:
    limits = Limits(stall_s=1.0, silence_s=1.0, end_s=0.5)
    with Background(Server(Ring(), port=0, limits=limits)) as server:
        server.publish(RECORDS)
        with Raw(server.port) as silent, Raw(server.port) as ended:
            ended.send("FETCH\r\n")
            assert len(ended.read(520 * len(RECORDS))) == 520 * len(RECORDS)
            assert ended.read(3) == b"END"
            assert ended.closed()
            assert silent.closed()
        assert server.server.counts["dropped_silent"] == 1


def test_a_flood_of_questions_that_nobody_reads_the_answers_of_fills_no_memory(running: Background) -> None:
    with Raw(running.port) as raw:
        raw.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            raw.send("INFO STREAMS\r\n" * 5_000_000)
        clients = running.call(lambda: [c.waiting_bytes for c in running.server._clients])
        assert max(clients) < 2 << 20
        unread = running.call(lambda: [len(c.session._lines) for c in running.server._clients])
        assert max(unread) < 2 << 20, "nor do the questions"
        assert running.call(lambda: 1) == 1


def test_other_machines_are_not_told_who_else_is_there(running: Background, monkeypatch) -> None:
    for local, n in ((True, 2), (False, 1)):
        monkeypatch.setattr("seiswarn.serve.client._LOOPBACK", ("127.",) if local else ("no such",))
        with Raw(running.port) as other, Raw(running.port) as raw:
            assert other.ask("SLPROTO 4.0") == raw.ask("SLPROTO 4.0") == "OK\r\n"
            raw.send("INFO CONNECTIONS\r\n")
            assert raw.packet_v4()[3].count(b'"host"') == n
        wait_for(lambda: not running.call(running.server.connections))


def test_only_so_many_clients() -> None:
    with Background(Server(Ring(), port=0, limits=Limits(clients=2))) as server:
        with Raw(server.port) as one, Raw(server.port) as two:
            assert one.ask("HELLO").startswith("SeedLink")
            assert two.ask("HELLO").startswith("SeedLink")
            with Raw(server.port) as three:
                assert three.closed()
        wait_for(lambda: not server.call(server.server.connections))
        with Raw(server.port) as four:
            assert four.ask("HELLO").startswith("SeedLink")
        assert server.server.counts["refused"] == 1


def test_damaged_packets_are_served_as_they_are() -> None:
    """A feed may hold anything with a header of its own: corrupt, truncated and doubled packets."""
    good = RECORDS[0]
    header = read_header(good)
    broken = [good[:100] + bytes(100) + good[200:], good[:300], b"no record at all", good, good]
    feed = [(r, header) for r in broken]
    with Background(Server(Ring(), port=0)) as server:
        with pytest.raises(ValueError, match="no miniSEED record"):
            server.publish([b"no record, no header"])
        server.publish(feed)
        with Raw(server.port) as raw:
            raw.send("SLPROTO 4.0\r\nSTATION *\r\nDATA 1\r\nEND\r\n")
            assert [raw.line() for _ in range(3)] == ["OK\r\n"] * 3
            assert [raw.packet_v4()[3] for _ in range(5)] == broken
        with Raw(server.port) as raw:
            raw.send("DATA 1\r\n")
            assert raw.packet_v3() == (b"SL000001", broken[0])
            assert raw.read(8 + 300) == b"SL000002" + broken[1]


def test_packets_leave_when_they_are_due_and_not_before() -> None:
    """Data time is released at its pace: no record before its time, and the last not long after it."""
    records = make_records(1, 4, "Z")
    feed = [(T0 + (k + 1) * NS, r) for k, r in enumerate(records)]
    with Background(Server(Ring(), port=0)) as server, Raw(server.port) as raw:
        raw.send("DATA\r\n")
        wait_for(lambda: server.call(lambda: len(server.server.streaming)) == 1)
        begun = time.monotonic()
        playing = server.play(feed, 10.0)
        came = [time.monotonic() - begun for _ in feed if raw.packet_v3()]
        assert playing.result(10) == 4
    assert all(t >= 0.1 * k for k, t in enumerate(came))


def test_a_client_at_full_speed_loses_nothing_though_the_ring_is_small() -> None:
    """As fast as possible means as fast as the clients take it."""
    feed = [(T0, r) for r in RECORDS * 1500]
    with Background(Server(Ring(max_records=2000), port=0)) as server, Raw(server.port) as raw:
        raw.socket.setsockopt(1, 8, 1 << 16)  # SO_RCVBUF
        raw.send("DATA\r\n")
        wait_for(lambda: server.call(lambda: len(server.server.streaming)) == 1)
        playing = server.play(feed, None)
        time.sleep(0.5)  # long enough to send it all to somebody who takes it
        assert not playing.done()
        for k in range(len(feed)):
            head, record = raw.packet_v3()
            assert head == b"SL%06X" % (k + 1)
            assert record == RECORDS[k % len(RECORDS)]
        assert playing.result(10) == len(feed)
        assert len(server.server.ring) == 2000


@pytest.mark.events
@pytest.mark.parametrize("packet_s", [0.5, None])
def test_a_recorded_earthquake_arrives_as_it_was_recorded(events_dir: Path, packet_s: float | None) -> None:
    from seiswarn.serve.feed import stored

    opened = open_archive(events_dir / "bodrum2017_m6.6")
    feed = stored(opened) if packet_s is None else packets(opened, packet_s)
    with Background(Server(Ring(), port=0)) as server:
        n = server.play(feed, None).result(60)
        found = collected(server.port, 4, ("*",))
    assert len(found) == n
    by_start: dict[str, list[tuple[int, np.ndarray]]] = {}
    from pymseed import MS3Record

    for raw in found:
        record = MS3Record.parse(raw, unpack_data=True)
        by_start.setdefault(record.sourceid, []).append((record.starttime, record.np_datasamples.copy()))
    for channel in opened.channels:
        mine = np.concatenate([x for _, x in sorted(by_start.pop(channel), key=lambda p: p[0])])
        theirs = [s for s in opened.stretches if s.channel == channel]
        theirs.sort(key=lambda s: int(s.times_ns[0]))
        np.testing.assert_array_equal(
            mine, np.concatenate([np.frombuffer(s.samples, mine.dtype) for s in theirs])
        )
    assert not by_start
