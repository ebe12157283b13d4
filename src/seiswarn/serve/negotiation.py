"""What a client asks for before data flow: STATION, SELECT, DATA, FETCH and TIME."""

from __future__ import annotations

from collections.abc import Callable

from seiswarn.serve.reader import Reader
from seiswarn.serve.ring import Ring
from seiswarn.serve.selectors import Request, Requests, pattern, selector_v3, selector_v4
from seiswarn.serve.words import parse_time

MAX_REQUESTS = 20_000  # STATION commands of a client; the largest networks have as many stations
MAX_SELECTORS = 100  # of one station


class Refused(Exception):
    """A command that cannot be done: a code of SeedLink 4 and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def glob(text: str) -> Callable[[str], bool]:
    """Whether a station matches `text`. Raises Refused for what is no pattern."""
    try:
        compiled = pattern(text)
    except ValueError as error:
        raise Refused("ARGUMENTS", str(error)) from error
    return lambda station: compiled.fullmatch(station) is not None


class Negotiation:
    """The requests of one client, in the order in which they came. Every method raises `Refused`."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.requests: list[Request] = []
        self.future: list[int] = []  # numbers asked for that this ring has not come to
        self.multi = False  # STATION was said
        self._skipping = False  # the last one was refused
        self._dialup = False

    def skip(self) -> None:
        """A STATION has come; until it is accepted, nothing may be asked of it."""
        self._skipping = self.multi = True

    def station(self, words: list[str], version: int) -> None:
        """STATION NET_STA (SeedLink 4) or STATION STA [NET] (SeedLink 3)."""
        if len(self.requests) >= MAX_REQUESTS:
            raise Refused("LIMIT", f"{MAX_REQUESTS} stations at most")
        if not 1 <= len(words) <= (1 if version == 4 else 2):
            form = "STATION NET_STA" if version == 4 else "STATION STA NET"
            raise Refused("ARGUMENTS", f"the form is {form}")
        if version == 4 or "_" in words[0]:
            name = words[0]
        else:
            name = f"{words[1] if len(words) == 2 else '*'}_{words[0]}"
        matches, stations = glob(name), self._ring.stations
        # SeedLink 4 lets clients ask for stations to come. In 3, ERROR tells that there is none.
        if version == 3 and self._ring.closed and name not in stations and not any(map(matches, stations)):
            raise Refused("ARGUMENTS", f"no station {name} here")
        self._skipping = False
        self.requests.append(Request(name))

    def _current(self) -> Request:
        """The request that SELECT and DATA speak of. Before any STATION: all stations (uni-station mode)."""
        if self._skipping:
            raise Refused("UNEXPECTED", "the STATION was refused")
        if not self.requests:
            self.requests.append(Request("*"))
        return self.requests[-1]

    def select(self, words: list[str], version: int) -> None:
        """SELECT with one selector or several; without any, SeedLink 3 forgets those given before."""
        request = self._current()
        if not words:
            if version == 4:
                raise Refused("ARGUMENTS", "an empty SELECT is not for SeedLink 4")
            request.selectors.clear()
        if len(request.selectors) + len(words) > MAX_SELECTORS:
            raise Refused("LIMIT", f"{MAX_SELECTORS} selectors at most")
        read = selector_v4 if version == 4 else selector_v3
        try:
            request.selectors.extend([read(w) for w in words])
        except ValueError as error:
            raise Refused("ARGUMENTS", str(error)) from error

    def data(self, words: list[str], version: int, dialup: bool) -> None:
        """DATA or FETCH [NUMBER [BEGIN [END]]]."""
        request = self._current()
        if len(words) > 3:
            raise Refused("ARGUMENTS", "the form is DATA [NUMBER [BEGIN [END]]]")
        try:
            start, held = self._start(words[0] if words else "", version, dialup)
            times: list[int | None] = [parse_time(w) for w in words[1:]]
        except (ValueError, OverflowError) as error:
            raise Refused("ARGUMENTS", str(error)) from error
        if version == 3 and held and len(times) == 1:
            # Clients of version 3 add the time of their last packet to the number they resume at. Taken
            # as a window it would cost the packets of streams that lag; the number says all that is needed.
            times = []
        since, until = [*times, None, None][:2]
        if since is not None and until is not None and until <= since:
            raise Refused("ARGUMENTS", "the end comes before the beginning")
        request.start_seq, request.since_ns, request.until_ns = start, since, until
        self._dialup |= dialup

    def _start(self, word: str, version: int, dialup: bool) -> tuple[int, bool]:
        """The number to start at, and whether the client named one that the ring holds.

        A number that is gone, or that this ring has not come to (it began anew), starts at the oldest
        packet: what is held is sent, and the client knows what it has already.
        """
        ring = self._ring
        if word.upper() == "ALL":
            return ring.first_seq, False
        if word in ("", "-1"):
            return (ring.first_seq if dialup else ring.next_seq), False
        asked = int(word, 16 if version == 3 else 10)
        if asked < 0:
            raise ValueError("a number is positive")
        seq = ring.from_24_bits(asked) if version == 3 else asked
        if seq > ring.next_seq or seq <= 0 < asked:
            self.future.append(asked)
            return ring.first_seq, False
        return max(seq, ring.first_seq), seq >= ring.first_seq

    def dial_up(self) -> None:
        """ENDFETCH: only what is held now, also of stations for which no number was named."""
        self._dialup = True
        for request in self.requests:
            if request.start_seq == self._ring.next_seq:
                request.start_seq = None  # "from the next packet on" would be nothing at all

    def reader(self, version: int) -> Reader:
        """The reader of all that was asked for. In SeedLink 4, stations without DATA count too."""
        if version == 4:
            for request in self.requests:
                if request.start_seq is None:
                    request.start_seq = self._ring.first_seq if self._dialup else self._ring.next_seq
        if not any(r.start_seq is not None for r in self.requests):
            raise Refused("UNEXPECTED", "STATION and DATA come first")
        return Reader(self._ring, Requests(self.requests), version, self._dialup)
