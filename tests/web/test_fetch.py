"""A replay folder fetched from a server: whole, gone on with after a failure, equal to the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy.clients.fdsn import header

from factories import ORIGIN_NS
from seiswarn.errors import SeiswarnError, UsageError
from seiswarn.ingest.archive import open_archive
from seiswarn.runtime.archive_gaps import channels_of
from seiswarn.store.sds_prune import day_files
from seiswarn.store.sds_record import chain
from seiswarn.web import fetch as fetching
from seiswarn.web.fetch import Request, fetch, halves
from web.centre import CHANNELS, HOLE, NS, RATE, T0, Running, records, truth

pytestmark = pytest.mark.xdist_group("web")
START, END = T0 + 600 * NS, T0 + 5000 * NS


def quiet(_: str) -> None:
    pass


def ask(centre: Running, **changes: object) -> Request:
    fields = {"server": centre.base, "start_ns": START, "end_ns": END, "network": "XG"}
    fields |= {"station": "G001,G002", "channel": "HN?"} | changes
    return Request(**fields)


def kept(folder: Path) -> dict[str, list[bytes]]:
    out: dict[str, list[bytes]] = {}
    for path, found in day_files(folder):
        data = path.read_bytes()
        out.setdefault(found.codes, []).extend(data[at : at + h.n_bytes] for at, h in chain(data))
    return {codes: sorted(pieces) for codes, pieces in out.items()}


def sent(channel: str) -> list[bytes]:
    whole = records(channel)
    ends = [t.stats.endtime.ns for t in map(_read, whole)]
    begins = [t.stats.starttime.ns for t in map(_read, whole)]
    return sorted(r for r, b, e in zip(whole, begins, ends, strict=True) if e >= START and b <= END)


def _read(record: bytes) -> obspy.Trace:
    import io

    return obspy.read(io.BytesIO(record), format="MSEED", headonly=True)[0]


def test_fetched_folder_is_the_source(centre: Running, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps: list[tuple[int, int]] = []
    outcome = fetch(ask(centre), out, say=quiet, sleep=lambda s: None, progress=lambda *s: steps.append(s))
    assert outcome.failed == ()
    assert outcome.channels == 6
    assert outcome.empty == ("XG.G001..HNE", "XG.G002..HNE", "XG.G002..HNN")
    assert steps[-1] == (3, 3)
    names = {"XG.G001..HNZ": 0, "XG.G001..HNN": 1, "XG.G002..HNZ": 2}
    assert kept(out / "waveforms") == {name: sent(CHANNELS[k]) for name, k in names.items()}
    archive = open_archive(out)
    assert not archive.refusals
    for stretch in archive.stretches:
        times = stretch.time_of(np.arange(stretch.n_samples))
        network, station, location, *_ = stretch.channel.removeprefix("FDSN:").split("_")
        assert (network, location) == ("XG", "")
        first = round((int(times[0]) - T0) * RATE / NS)
        whole = truth(stretch.channel)[first : first + stretch.n_samples]
        assert np.array_equal(np.frombuffer(stretch.samples, "<i4"), whole), station


def test_second_call_fetches_nothing_again(centre: Running, tmp_path: Path) -> None:
    out, said = tmp_path / "out", []
    fetch(ask(centre), out, say=quiet, sleep=lambda s: None)
    before = kept(out / "waveforms")
    again = fetch(ask(centre), out, say=said.append, sleep=lambda s: None)
    assert again.records == 0
    assert said == ["3 of 3 requests were answered before"]
    assert kept(out / "waveforms") == before
    with pytest.raises(UsageError, match="another request"):
        fetch(ask(centre, channel="HNZ"), out, say=quiet, sleep=lambda s: None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="other files"):
        fetch(ask(centre), tmp_path / "mine", say=quiet, sleep=lambda s: None)


def test_server_that_fails_now_and_then(centre: Running, tmp_path: Path, monkeypatch) -> None:
    """Busy: waited for with growing pauses. Down for one request: told, and fetched by the next call."""
    from obspy.clients.fdsn import Client

    real, n, pauses = Client.get_waveforms_bulk, [0], []

    def moody(self, *args, **kwargs):
        n[0] += 1
        if n[0] in (1, 2):
            raise header.FDSNTooManyRequestsException("slow down")
        if 4 <= n[0] < 4 + fetching.TRIES:
            raise header.FDSNInternalServerException("on fire")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Client, "get_waveforms_bulk", moody)
    outcome = fetch(ask(centre), tmp_path / "out", say=quiet, sleep=pauses.append)
    assert [p for p in pauses if p >= 1.0] == [1.0, 2.0, 1.0, 2.0, 4.0, 8.0]
    assert len(outcome.failed) == 1
    assert "on fire" in outcome.failed[0]
    rest = fetch(ask(centre), tmp_path / "out", say=quiet, sleep=pauses.append)
    assert rest.failed == ()
    assert kept(tmp_path / "out" / "waveforms")["XG.G001..HNN"] == sent(CHANNELS[1])


def test_server_that_wants_smaller_requests(centre: Running, tmp_path: Path, monkeypatch) -> None:
    from obspy.clients.fdsn import Client

    real = Client.get_waveforms_bulk

    def narrow(self, bulk, *args, **kwargs):
        if len(bulk) > 2 or bulk[0][5] - bulk[0][4] > 1000:
            raise header.FDSNRequestTooLargeException("too large")
        return real(self, bulk, *args, **kwargs)

    monkeypatch.setattr(Client, "get_waveforms_bulk", narrow)
    outcome = fetch(ask(centre), tmp_path / "out", say=quiet, sleep=lambda s: None)
    assert outcome.failed == ()
    assert kept(tmp_path / "out" / "waveforms")["XG.G002..HNZ"] == sent(CHANNELS[2])


def test_halves_end() -> None:
    chunk = fetching.Chunk((("A", "B", "", "C"),), 0, 120 * NS)
    first, second = halves(chunk)
    assert (first.start_ns, first.end_ns, second.start_ns, second.end_ns) == (0, 60 * NS, 60 * NS, 120 * NS)
    assert halves(first) is None


def test_around_an_event(centre: Running, tmp_path: Path) -> None:
    out = tmp_path / "out"
    request = ask(centre, start_ns=0, end_ns=0, event="sw1", maxradius_km=60.0, station="*")
    outcome = fetch(request, out, say=quiet, sleep=lambda s: None)
    assert outcome.records == 0  # no waveforms of that day are stored
    event = obspy.read_events(str(out / "event.quakeml"))[0]
    assert event.preferred_origin().time.ns // 1000 == ORIGIN_NS // 1000
    stations = obspy.read_inventory(str(out / "stations.xml"))
    everything = obspy.read_inventory(str(centre.sources.station_paths[0]) + "/guangxi.xml")
    assert 0 < sum(len(n) for n in stations) < sum(len(n) for n in everything)
    with pytest.raises(UsageError, match="no event"):
        fetch(ask(centre, event="none"), tmp_path / "b", say=quiet, sleep=lambda s: None)


def test_what_cannot_be_asked(centre: Running, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stations"):
        fetch(ask(centre, network="QQ"), tmp_path / "a", say=quiet, sleep=lambda s: None)
    with pytest.raises(SeiswarnError):
        fetch(ask(centre, server="http://127.0.0.1:9"), tmp_path / "b", say=quiet, sleep=lambda s: None)
    with pytest.raises(UsageError):
        fetch(ask(centre, server="NOSUCHCENTRE"), tmp_path / "c", say=quiet, sleep=lambda s: None)


def test_gaps_of_the_archive(centre: Running) -> None:
    found = {c.name: c for c in channels_of(centre.sources.archive)}
    assert sorted(found) == ["BW.RJOB.00.EHZ", "XG.G001..HNN", "XG.G001..HNZ", "XG.G002..HNZ"]
    assert [c.gaps for name, c in found.items() if name != "XG.G001..HNZ"] == [[], [], []]
    (gap,) = found["XG.G001..HNZ"].gaps
    assert gap.kind == "gap"
    first = next(t for t in map(_read, records(CHANNELS[0])) if t.stats.starttime.ns >= HOLE[1])
    assert gap.end_ns == first.stats.starttime.ns
    assert abs(gap.seconds - 100.0) < 60.0
    window = list(channels_of(centre.sources.archive, HOLE[1] + 600 * NS, HOLE[1] + 900 * NS))
    assert not [c for c in window if c.gaps]
    with pytest.raises(UsageError, match="no such folder"):
        list(channels_of(centre.sources.archive / "none"))
