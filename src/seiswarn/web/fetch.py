"""Builds a replay folder from any FDSN server: metadata, waveforms, the event.

    OUT/stations.xml          StationXML with responses
    OUT/waveforms/YEAR/...    miniSEED as an SDS archive, records as the server sent them
    OUT/event.quakeml         QuakeML, where an event was asked for
    OUT/fetch.json            what was asked for and what is done: a second call goes on from there

Requests are small, one at a time, and repeated with growing pauses when a server is busy.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from seiswarn.errors import SeiswarnError, UsageError
from seiswarn.geo import DEG_KM
from seiswarn.store.sds import SdsArchive
from seiswarn.store.sds_record import chain
from seiswarn.timebase import NS, iso

STATE, STATIONS, WAVEFORMS, EVENT = "fetch.json", "stations.xml", "waveforms", "event.quakeml"
CHUNK_NS = 1800 * NS  # of time in one request
CHANNELS_AT_ONCE = 30  # with that, some 10 MB at 100 Hz
LEAST_CHUNK_NS = 60 * NS  # a server that finds this too large is given up on
TRIES = 5
FIRST_PAUSE_S = 1.0  # doubles with each try
BETWEEN_S = 0.1  # requests that went well
TIMEOUT_S = 120.0

Say = Callable[[str], None]
Progress = Callable[[int, int], None]  # requests done, and all
Sleep = Callable[[float], None]
Call = Callable[[], Any]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch. Times in ns UTC; a circle needs all three of its values; codes as FDSN takes them."""

    server: str
    start_ns: int = 0
    end_ns: int = 0
    event: str = ""
    before_s: float = 60.0
    after_s: float = 300.0
    network: str = "*"
    station: str = "*"
    location: str = "*"
    channel: str = "HN?,HH?,BN?,EH?,HL?"
    latitude: float | None = None
    longitude: float | None = None
    maxradius_km: float | None = None


class Chunk(NamedTuple):
    """One request for waveforms: channels (network, station, location, channel) and a window."""

    channels: tuple[tuple[str, str, str, str], ...]
    start_ns: int
    end_ns: int

    @property
    def key(self) -> str:
        first = ".".join(self.channels[0]) if self.channels else ""
        return f"{first}+{len(self.channels)} {self.start_ns} {self.end_ns}"


class State(msgspec.Struct, kw_only=True):
    """What is done; kept in the folder."""

    request: Request
    start_ns: int = 0
    end_ns: int = 0
    done: set[str] = msgspec.field(default_factory=set)


class Outcome(NamedTuple):
    """What came of it: channels asked for, those without any data, sentences on requests that failed."""

    channels: int
    empty: tuple[str, ...]
    failed: tuple[str, ...]
    records: int


def fetch(
    request: Request,
    out: Path,
    *,
    say: Say,
    sleep: Sleep,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Fetch what is asked for into `out`, going on where an earlier call with the same request stopped.

    Raises
    ------
    UsageError
        The folder holds what was fetched by another request; the server has no such event or stations.
    SeiswarnError
        The server cannot be reached or refuses.
    """
    state = _begin(request, out)
    server = _Server(request.server, sleep)
    if not state.end_ns:
        state.start_ns, state.end_ns, place = _window(server, request, out)
        inventory = _stations(server, request, state, place)
        _write_stations(inventory, out)
        _save(state, out)
    else:
        from obspy import read_inventory

        inventory = read_inventory(str(out / STATIONS), format="STATIONXML")
    channels = channels_of(inventory)
    chunks = list(chunks_of(channels, state.start_ns, state.end_ns))
    missing = [chunk for chunk in chunks if chunk.key not in state.done]
    if len(missing) < len(chunks):
        say(f"{len(chunks) - len(missing)} of {len(chunks)} requests were answered before")
    failed: list[str] = []
    archive = SdsArchive(out / WAVEFORMS)
    try:
        for k, chunk in enumerate(missing):
            progress(len(chunks) - len(missing) + k, len(chunks))
            trouble = _waveforms(server, chunk, archive)
            if trouble:
                failed.append(trouble)
                continue
            archive.sync()
            state.done.add(chunk.key)
            _save(state, out)
            sleep(BETWEEN_S)
        progress(len(chunks), len(chunks))
    finally:
        archive.close()
    return _outcome(channels, out, failed, archive.counts.written)


# --- the plan ------------------------------------------------------------------------------------


def channels_of(inventory: Any) -> list[tuple[str, str, str, str]]:
    """All channels of an inventory, each once, in order."""
    return sorted(
        {
            (n.code, s.code, (c.location_code or "").strip(), c.code)
            for n in inventory.networks
            for s in n.stations
            for c in s.channels
        }
    )


def chunks_of(channels: Sequence[tuple[str, str, str, str]], start_ns: int, end_ns: int) -> Iterator[Chunk]:
    """Requests that together cover all channels and the whole window, time after time."""
    for begin in range(start_ns, end_ns, CHUNK_NS):
        for k in range(0, len(channels), CHANNELS_AT_ONCE):
            piece = tuple(channels[k : k + CHANNELS_AT_ONCE])
            yield Chunk(piece, begin, min(begin + CHUNK_NS, end_ns))


def halves(chunk: Chunk) -> tuple[Chunk, Chunk] | None:
    """Two smaller requests for the same; None when it cannot be any smaller."""
    n = len(chunk.channels) // 2
    if n:
        first, second = chunk.channels[:n], chunk.channels[n:]
        return chunk._replace(channels=first), chunk._replace(channels=second)
    middle = (chunk.start_ns + chunk.end_ns) // 2
    if chunk.end_ns - chunk.start_ns < 2 * LEAST_CHUNK_NS:
        return None
    return chunk._replace(end_ns=middle), chunk._replace(start_ns=middle)


# --- the server ----------------------------------------------------------------------------------


class _Server:
    """obspy's client, with patience. Calls raise SeiswarnError once that has run out."""

    def __init__(self, name: str, sleep: Sleep) -> None:
        from obspy.clients.fdsn import Client

        from seiswarn import __version__

        self.name, self._sleep = name, sleep
        base = name if "://" in name else name.upper()

        def opened() -> Any:
            return Client(base_url=base, timeout=TIMEOUT_S, user_agent=f"seiswarn/{__version__}")

        try:
            self.client = self.patiently(opened)
        except ValueError as error:
            raise UsageError(f"--server {name}: {error}") from error

    def patiently(self, call: Call) -> Any:
        """What `call` gives; None when the server has nothing. Raises TooLarge and SeiswarnError."""
        from obspy.clients.fdsn import header

        final = (
            header.FDSNBadRequestException,
            header.FDSNUnauthorizedException,
            header.FDSNForbiddenException,
        )
        for k in range(TRIES):
            try:
                return call()
            except header.FDSNNoDataException:
                return None
            except header.FDSNRequestTooLargeException as error:
                raise TooLarge(str(error)) from error
            except (header.FDSNException, OSError) as error:
                if isinstance(error, final) or k == TRIES - 1:
                    raise SeiswarnError(f"{self.name}: {_first_line(error)}") from error
                self._sleep(FIRST_PAUSE_S * 2**k)
        return None


class TooLarge(SeiswarnError):
    """The server wants smaller requests."""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _window(server: _Server, request: Request, out: Path) -> tuple[int, int, tuple[float, float] | None]:
    """The time to fetch, and the epicentre where an event gives one; the event goes into the folder."""
    if not request.event:
        return request.start_ns, request.end_ns, None
    found = server.patiently(lambda: server.client.get_events(eventid=request.event))
    if not found:
        raise UsageError(f"{request.server} has no event {request.event!r}")
    origin = found[0].preferred_origin() or found[0].origins[0]
    out.mkdir(parents=True, exist_ok=True)
    found.write(str(out / EVENT), format="QUAKEML")
    t = int(origin.time.ns)
    window = (t - round(request.before_s * NS), t + round(request.after_s * NS))
    return (*window, (float(origin.latitude), float(origin.longitude)))


def _stations(server: _Server, request: Request, state: State, place: tuple[float, float] | None) -> Any:
    """Metadata with responses. Raises UsageError when there are no such stations."""
    from obspy import UTCDateTime

    asked: dict[str, Any] = {
        "network": request.network,
        "station": request.station,
        "location": request.location,
        "channel": request.channel,
        "starttime": UTCDateTime(ns=state.start_ns),
        "endtime": UTCDateTime(ns=state.end_ns),
        "level": "response",
    }
    latitude, longitude = request.latitude, request.longitude
    if latitude is None and longitude is None and place is not None:
        latitude, longitude = place
    if request.maxradius_km is not None and latitude is not None:
        radius = request.maxradius_km / DEG_KM
        asked |= {"latitude": latitude, "longitude": longitude, "maxradius": radius}
    found = server.patiently(lambda: server.client.get_stations(**asked))
    if found is None:
        window = f"{iso(state.start_ns, 0)} to {iso(state.end_ns, 0)}"
        raise UsageError(f"{request.server} has no stations of this kind here in {window}")
    return found


def _waveforms(server: _Server, chunk: Chunk, archive: SdsArchive) -> str:
    """Fetch a chunk into the archive; a sentence when that failed."""
    from obspy import UTCDateTime

    window = (UTCDateTime(ns=chunk.start_ns), UTCDateTime(ns=chunk.end_ns))
    lines = [(*codes, *window) for codes in chunk.channels]
    buffer = io.BytesIO()

    def asked() -> bool:
        buffer.seek(0)
        buffer.truncate()
        server.client.get_waveforms_bulk(lines, filename=buffer)
        return True

    try:
        answered = server.patiently(asked)
    except TooLarge as error:
        parts = halves(chunk)
        if parts is None:
            return f"{'.'.join(chunk.channels[0])}: {error}"
        return "; ".join(filter(None, (_waveforms(server, part, archive) for part in parts)))
    except SeiswarnError as error:
        first = ".".join(chunk.channels[0])
        return f"{first} and {len(chunk.channels) - 1} more from {iso(chunk.start_ns, 0)}: {error}"
    if answered is None:
        return ""
    data = buffer.getvalue()
    left, trouble = archive.write(data[at : at + head.n_bytes] for at, head in chain(data))
    if trouble is not None:
        raise SeiswarnError(f"{archive.root}: {len(left)} records could not be written: {trouble.strerror}")
    return ""


# --- the folder ----------------------------------------------------------------------------------


def _begin(request: Request, out: Path) -> State:
    """The state of an earlier call, or a new one. Raises UsageError for a folder of something else."""
    file = out / STATE
    if file.is_file():
        try:
            state = msgspec.json.decode(file.read_bytes(), type=State)
        except msgspec.MsgspecError as error:
            raise UsageError(
                f"{file}: cannot be read: {error}; remove it, or choose another --out"
            ) from error
        if state.request != request:
            raise UsageError(f"{out} holds what another request has fetched; choose another --out")
        return state
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} holds other files; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    return State(request=request)


def _save(state: State, out: Path) -> None:
    _replace(out / STATE, msgspec.json.format(msgspec.json.encode(state, order="deterministic"), indent=1))


def _write_stations(inventory: Any, out: Path) -> None:
    buffer = io.BytesIO()
    inventory.write(buffer, format="STATIONXML")
    _replace(out / STATIONS, buffer.getvalue())


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(data)
    beside.replace(path)


def _outcome(
    channels: Sequence[tuple[str, str, str, str]], out: Path, failed: Sequence[str], n_records: int
) -> Outcome:
    from seiswarn.store.sds_prune import day_files

    have = {found[:4] for _, found in day_files(out / WAVEFORMS)}
    empty = tuple(".".join(codes) for codes in channels if codes not in have)
    return Outcome(len(channels), empty, tuple(failed), n_records)
