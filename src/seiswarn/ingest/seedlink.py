"""SeedLink 3 and 4 as a live source: many servers, each with a thread that never gives up.

A connection asks what the server has, picks its stations by patterns, and goes on behind the last
record of each that is safe. Lost, refused, silent or out of step, it is made anew, sooner at first
and later less often. What came twice is dropped here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from seedlink_client import SeedLinkAuthError, SeedLinkError
from seedlink_client.protocol import FORMAT_MSEED2, Protocol, _RawFrame

from seiswarn.ingest.live import Clock, Inbox, Received, Refused
from seiswarn.ingest.seedlink_state import Mark, State
from seiswarn.ingest.seedlink_stations import WRAP, Offer, Wanted, matching, offers, where_to_go_on
from seiswarn.ingest.seedlink_wire import Declined, Wire, last_sample_ns
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason
from seiswarn.timebase import NS, from_seconds, iso

CONNECT_S = 2.0  # a first SYN lost is sent again after 1 s (RFC 6298): two tries
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 1.0  # so that a server that is back is met again within 3 s
REFUSED_RETRY_S = 30.0  # after a word that trying again will not change
RECENT = 64  # records of a station by which repetition is known
MAX_TRIES = 2  # of getting a record again where the connection fell out of step
SAVE_S = 1.0  # between two writings of the state file: what a kill costs is asked for once more
RELIST_S = 60.0  # how often a server is asked for stations it did not have before
DECLINED_S = 3600.0  # so long a station that was declined is not asked for
CLUMSY = 2  # vain tries with many commands at once before they are sent one by one
MSEED3 = "3"  # payload format of miniSEED 3: SeedLink 4, data formats
VERSION_OF = {"auto": None, "3": Protocol.V3, "4": Protocol.V4}


@dataclass(frozen=True, slots=True)
class Server:
    """One server and what is wanted of it; the fields of [[ingest]] of kind "seedlink"."""

    host: str
    port: int = 18000
    stations: tuple[str, ...] = ("*_*",)
    selectors: tuple[str, ...] = ()
    version: str = "auto"
    tls: bool = False
    tls_verify: bool = True
    user: str = ""
    password: str = ""
    backfill_s: float = 600.0
    silent_s: float = 10.0
    quiet_s: float = 60.0
    poke_s: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


class SeedLinkSource:
    """Records of several servers. `states` is the folder of the state files; None keeps none."""

    NAME: ClassVar[str] = "seedlink"
    NEEDS: ClassVar[str] = "SeedLink servers of version 3 or 4"
    VALID: ClassVar[str] = "miniSEED 2 and 3 of any record length; formats other than miniSEED are left out"
    REFERENCE: ClassVar[str] = "FDSN SeedLink 4.0; SeedLink 3.1 as in the manual of SeisComP"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, servers: Sequence[Server], clock: Clock, states: Path | None) -> None:
        self._inbox = Inbox()
        self.servers = tuple(servers)
        self._connections = [Connection(server, clock, self._inbox, states) for server in servers]

    def start(self) -> None:
        for connection in self._connections:
            connection.start()

    def take(self) -> tuple[list[Received], list[Refused]]:
        return self._inbox.take()

    def safe(self, marks: Mapping[str, int]) -> None:
        """Streams are named ``SERVER NET_STA``."""
        for connection in self._connections:
            connection.safe(marks)

    def links(self) -> Sequence[LinkState]:
        return [connection.link() for connection in self._connections]

    @property
    def ended(self) -> bool:
        return False

    def close(self) -> None:
        for connection in self._connections:
            connection.stop()
        for connection in self._connections:
            connection.join()


class Connection:
    """The thread of one server."""

    def __init__(self, server: Server, clock: Clock, inbox: Inbox, states: Path | None) -> None:
        self.server = server
        self._clock = clock
        self._inbox = inbox
        path = states / f"seedlink-{server.host}-{server.port}.json" if states is not None else None
        self._state = State(path, server.name)
        self._lock = threading.Lock()  # of what `link` and `safe` share with the thread
        self._got: dict[str, Mark] = dict(self._state.marks)  # received, safe or not
        self._sent: dict[str, OrderedDict[int, int]] = {}  # numbers on their way, with ends of records
        self._recent: dict[str, OrderedDict[int, None]] = {}
        self._heard_s: dict[str, float] = {}
        self._blamed: Counter[tuple[str, int]] = Counter()  # after which a connection fell out of step
        self._last: tuple[str, int] | None = None
        self._floor: dict[str, int] = {}  # numbers that were asked to go on behind
        self._saved_s = 0.0
        self._three = False  # whether numbers are those of SeedLink 3
        self._counts: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._link: tuple[str, str] = ("connecting", "")
        self._since_ns = clock.now_ns()
        self._jitter = random.Random(server.name)
        self._wanted: list[str] = []
        self._declined_s: dict[str, float] = {}  # stations that the server did not give, and when
        self._clumsy = 0  # times in a row that many commands at once came to nothing
        self._listed_s = 0.0
        self._thread = threading.Thread(target=self._run, name=f"seedlink {server.name}", daemon=True)

    # --- what the process asks -----------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        self._thread.join(timeout=1.0)
        with self._lock:
            self._state.save()

    def safe(self, marks: Mapping[str, int]) -> None:
        """Note what is journaled, and keep it in the state file."""
        begin = f"{self.server.name} "
        with self._lock:
            for name, seq in marks.items():
                if not name.startswith(begin):
                    continue
                station = name[len(begin) :]
                sent = self._sent.get(station)
                if sent is None or seq not in sent:
                    continue
                last_ns = sent[seq]
                while sent and next(iter(sent)) != seq:
                    sent.popitem(last=False)
                sent.popitem(last=False)
                self._state.marks[station] = Mark(seq, last_ns)
            now_s = self._clock.monotonic_s()
            if now_s - self._saved_s >= SAVE_S:
                self._saved_s = now_s
                self._state.save()

    def link(self) -> LinkState:
        now = self._clock.monotonic_s()
        with self._lock:
            state, detail = self._link
            connected = state == "connected"
            quiet = [s for s in self._wanted if now - self._heard_s.get(s, now) > self.server.quiet_s]
            counts = {name: float(n) for name, n in self._counts.items()}
            since = self._since_ns
            problem = self._state.problem
        counts["stations"] = float(len(self._wanted))
        return LinkState(
            name=f"seedlink {self.server.name}",
            state="silent" if connected and quiet and len(quiet) == len(self._wanted) else state,  # type: ignore[arg-type]
            since_ns=since,
            detail="; ".join(text for text in (detail, problem) if text),
            counters=counts,
            quiet=tuple(quiet),
        )

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            wire = self._wire()
            received = self._counts["records"]
            try:
                self._connect(wire)
                self._stream(wire)
                problem, wait_s = "the server has ended the connection", 0.0
            except SeedLinkAuthError as error:
                problem, wait_s = f"the server refuses to let us in: {error}", REFUSED_RETRY_S
            except (SeedLinkError, OSError, ValueError) as error:
                # ValueError: what came is no SeedLink (a web server, a wrong port)
                problem, wait_s = _sentence(error), 0.0
                self._go_back()
            finally:
                wire.close()
            if self._stopping.is_set():
                return
            tries = 1 if self._counts["records"] > received else tries + 1
            self._counts["reconnects"] += 1
            self._say("refused" if wait_s else "connecting", problem)
            growing = min(FIRST_RETRY_S * 2.0 ** min(tries - 1, 10), LAST_RETRY_S)
            self._stopping.wait(max(wait_s, growing) * self._jitter.uniform(0.7, 1.3))

    def _wire(self) -> Wire:
        s = self.server
        return Wire(
            s.host,
            s.port,
            monotonic_s=self._clock.monotonic_s,
            silent_s=s.silent_s,
            ask_s=max(0.2, s.silent_s / 4.0),
            poke_s=s.poke_s,
            stopped=self._stopping.is_set,
            timeout=CONNECT_S,
            tls=s.tls,
            tls_noverify=not s.tls_verify,
            protocol=VERSION_OF[s.version],
            clientname="seiswarn",
            auth=(s.user, s.password) if s.user else None,
        )

    def _connect(self, wire: Wire) -> None:
        wire.connect()
        wire.be_patient()
        listed = self._listed(wire)
        now_ns = self._clock.now_ns()
        names = matching(listed, self.server.stations) if listed else []
        if names:
            names = [n for n in names if not self._is_declined(n)] or names
        if listed and not names:
            some = ", ".join(sorted(listed)[:5])
            raise SeedLinkError(f"the server has none of the stations asked for; it has {some} ...")
        patterns = names or list(self.server.stations)
        selectors = list(self.server.selectors)
        self._three = wire.protocol is Protocol.V3
        self._floor.clear()
        for station in patterns:
            want = self._want(station, listed.get(station), now_ns, self._three)
            if want.seq is not None:
                self._floor[station] = want.seq
            wire.add_stream(station, selectors, seqnum=want.seq)
        self._negotiate(wire)
        wire.restart_patience()
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._wanted = names
            self._listed_s = now_s
            for station in names:
                self._heard_s[station] = now_s
        said = f"version {wire.protocol.value if wire.protocol else '?'}, {len(names)} stations"
        without = f"; declined: {', '.join(sorted(self._declined_s)[:5])}" if self._declined_s else ""
        self._say("connected", said + without)

    def _negotiate(self, wire: Wire) -> None:
        """Ask for the stations, by many commands at once unless the server cannot read them so."""
        wire.hasty = self._clumsy < CLUMSY
        try:
            wire.negotiate()
        except Declined as error:
            self._declined_s |= dict.fromkeys(error.stations, self._clock.monotonic_s())
            raise
        except SeedLinkError:
            self._clumsy = self._clumsy + 1 if wire.hasty else 0
            raise
        if wire.hasty:
            self._clumsy = 0

    def _is_declined(self, station: str) -> bool:
        """Whether the server has declined a station lately."""
        when_s = self._declined_s.get(station)
        if when_s is not None and self._clock.monotonic_s() - when_s > DECLINED_S:
            del self._declined_s[station]
            return False
        return when_s is not None

    def _listed(self, wire: Wire) -> dict[str, Offer]:
        """What the server has; nothing when it does not tell."""
        for level in ("STREAMS", "STATIONS"):
            try:
                found = offers(wire.info_dict(level))
            except (SeedLinkError, ValueError):
                if not wire.is_connected:
                    raise
                continue
            if found:
                return found
        return {}

    def _want(self, station: str, offer: Offer | None, now_ns: int, three: bool) -> Wanted:
        mark = self._got.get(station)
        # Without a clock yet (time by the data), the newest that the server has says what time it is.
        now_ns = now_ns or (offer.last_ns if offer else 0)
        want = where_to_go_on(
            station,
            offer or Offer(-1, -1, 0, 0),
            mark,
            now_ns,
            from_seconds(self.server.backfill_s),
            three,
        )
        if mark is not None and want.why != "goes on":
            with self._lock:
                self._sent.pop(station, None)
            when = f", the last sample was of {iso(mark.last_ns, 0)}"
            self._inbox.refuse(
                Refused(self._clock.now_ns(), f"{self.server.name} {station}", Reason.GAP, want.why + when)
            )
        return want

    def _stream(self, wire: Wire) -> None:
        """Receive until the connection ends, or the server has stations it did not have before."""
        while True:
            frame = wire.next_frame()
            if frame is None:
                return
            if wire._is_info_frame(frame):
                if self._has_new(wire.answer(frame)):
                    return
            elif frame.payload_format in (FORMAT_MSEED2, MSEED3):
                self._take(frame)
            elif wire._is_json_error_frame(frame):
                raise SeedLinkError(f"the server says: {wire._json_error_message(frame.payload)}")
            now = self._clock.monotonic_s()
            if self._wanted and now - self._listed_s > RELIST_S:
                self._listed_s = now
                wire.ask("STATIONS")
            while not self._inbox.wait_for_room(1.0) and not self._stopping.is_set():
                self._say("connected", "waits for the core to catch up; the server holds what comes")

    def _has_new(self, answer: Mapping[str, Any] | None) -> bool:
        """Whether an answer to INFO STATIONS names a station that is wanted and not asked for yet."""
        new = set(matching(offers(answer or {}), self.server.stations)) - set(self._wanted)
        new -= set(self._declined_s)
        return bool(new) and bool(self._wanted)

    def _take(self, frame: _RawFrame) -> None:
        station, seq, payload = frame.station_id, frame.seqnum or 0, frame.payload
        if self._is_known(station, seq, payload):
            return
        key = hash(payload[8:])  # without the number of the record, which a repetition may change
        recent = self._recent.setdefault(station, OrderedDict())
        self._counts["records"] += 1
        self._counts["bytes"] += len(payload)
        self._heard_s[station] = self._clock.monotonic_s()
        if key in recent:
            self._counts["duplicates"] += 1
            with self._lock:
                self._got[station] = Mark(seq, self._got[station].last_ns)
            return
        recent[key] = None
        if len(recent) > RECENT:
            recent.popitem(last=False)
        last_ns = last_sample_ns(payload)
        now = self._clock.now_ns()
        with self._lock:
            before = self._got.get(station)
            # A time that cannot be yet, of a receiver out of order, must not outlive its record.
            end_ns = max(min(last_ns, now or last_ns), before.last_ns if before else 0)
            self._got[station] = Mark(seq, end_ns)
            self._sent.setdefault(station, OrderedDict())[seq] = end_ns
        self._last = (station, seq)
        old = bool(last_ns and now and now - last_ns > self.server.backfill_s * NS)
        self._counts["old"] += old
        self._inbox.put(Received(payload, now, f"{self.server.name} {station}", seq, old))

    def _is_known(self, station: str, seq: int, payload: bytes) -> bool:
        """Whether a record was not asked for: some servers go on for all stations where the first one is.

        A record of a lower number that ends later than all that came is of a ring that began anew, at
        a server that does not tell what it has.
        """
        floor = self._floor.get(station)
        if floor is None or not seq:
            return False
        known = (floor - seq) % WRAP < WRAP // 2 if self._three else seq <= floor
        mark = self._got.get(station)
        if known and mark is not None:
            known = last_sample_ns(payload) <= mark.last_ns
        if known:
            self._counts["unasked"] += 1
        else:
            del self._floor[station]  # numbers of a station rise
        return known

    def _go_back(self) -> None:
        """Have the last record sent again, in case the connection broke off within it.

        A record that is damaged at the server itself would come the same way for ever: it is asked for
        `MAX_TRIES` times at most.
        """
        if self._last is None:
            return
        station, seq = self._last
        self._last = None
        if self._blamed[station, seq] >= MAX_TRIES:
            return
        self._blamed[station, seq] += 1
        if len(self._blamed) > 10_000:
            self._blamed.clear()
        with self._lock:
            mark = self._got.get(station)
            if mark is not None and mark.seq == seq and seq > 0:
                self._got[station] = Mark(seq - 1, mark.last_ns)

    def _say(self, state: str, detail: str) -> None:
        with self._lock:
            if state != self._link[0]:
                self._since_ns = self._clock.now_ns()
            self._link = (state, detail)


def _sentence(error: Exception) -> str:
    """What went wrong, with the cause that the package keeps behind it."""
    text = str(error) or type(error).__name__
    cause = error.__cause__
    return f"{text}: {cause}" if cause is not None and str(cause) not in text else text
