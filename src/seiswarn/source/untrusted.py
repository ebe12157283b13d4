"""Stations that are not trusted: their picks are not used, and untrue ones are taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seiswarn.messages import Decision, Message, Pick, Status
from seiswarn.reasons import Reason
from seiswarn.source.estimate import Estimator
from seiswarn.source.records import EventRecord, Memory
from seiswarn.stations import StationTable
from seiswarn.timebase import NS
from seiswarn.trust import UNTRUE

TAKEN_BACK_NS = 60 * NS  # as long as a pick waits for an event
TELL_EVERY_NS = 60 * NS


def is_barred(pick: Pick, memory: Memory, index: Mapping[str, int], now_ns: int, out: list[Message]) -> bool:
    """Whether a pick is of a station without a say; then it is put on record that it is not used."""
    found = memory.trust.barred.get(index.get(pick.station, -1))
    if found is None:
        return False
    state, reasons = found
    detail = f"{pick.station} is {state}: its picks do not count"
    out += _told(pick.station, reasons, detail, memory, now_ns, pick.status)
    return True


def take_back(
    fallen: Sequence[int],
    memory: Memory,
    estimator: Estimator,
    table: StationTable,
    min_stations: int,
    now_ns: int,
    status: Status,
) -> list[Message]:
    """Take from events and pool the last picks of stations whose data turn out to be untrue.

    An event that is left with fewer than `min_stations` is none.
    """
    out: list[Message] = []
    for station in fallen:
        state, reasons = memory.trust.barred[station]
        picks = memory.by_station.get(station, ())
        recent = {p for p in picks if now_ns - memory.picks[p].t_ns <= TAKEN_BACK_NS}
        if not (recent and UNTRUE.intersection(reasons)):
            continue
        code = table.stations[station]
        detail = f"{code} is {state}: its picks of the last minute are taken back"
        out += _told(code, reasons, detail, memory, now_ns, status)
        memory.pool = [p for p in memory.pool if p not in recent]
        for event in list(memory.events):
            held = {s for s, p in (event.picks | event.s_only).items() if p in recent}
            if held and len(set(event.inliers) - held) < min_stations:
                why = (Reason.UNTRUSTED_STATION, *reasons)
                out += estimator.closing(event, "cancelled", why, memory, now_ns, status)
                memory.events.remove(event)
            elif held:
                _leave(event, held, recent)
    return out


def _leave(event: EventRecord, held: set[int], recent: set[str]) -> None:
    """Take picks from an event, which is to be located anew."""
    event.picks = {s: p for s, p in event.picks.items() if p not in recent}
    event.s_only = {s: p for s, p in event.s_only.items() if p not in recent}
    event.inliers = [s for s in event.inliers if s not in held]
    event.with_s = [s for s in event.with_s if s not in held]
    event.used, event.due = [], True


def _told(
    code: str, reasons: Sequence[str], detail: str, memory: Memory, now_ns: int, status: Status
) -> list[Message]:
    """The record, at most once a minute and station, of why what it says is not used."""
    key = f"{Reason.UNTRUSTED_STATION} {code}"
    if now_ns - memory.last_decline_ns.get(key, -TELL_EVERY_NS) < TELL_EVERY_NS:
        return []
    memory.last_decline_ns[key] = now_ns
    return [hold((Reason.UNTRUSTED_STATION, *reasons), detail, 1, now_ns, status)]


def hold(reasons: tuple[str, ...], detail: str, n_sites: int, now_ns: int, status: Status) -> Decision:
    """The record of why picks did not become an event."""
    return Decision(
        event_id="",
        policy="source",
        t_seen_ns=now_ns,
        action="hold",
        reasons=reasons,
        detail=detail,
        estimate_revision=0,
        magnitude=0.0,
        max_intensity=0.0,
        n_stations=n_sites,
        status=status,
    )
