"""The folder of a run: warnings, decisions, picks, refusals, CAP messages, events, reports, as files.

Lines are appended as messages come, one write each. Sending a message twice writes it once,
also after a restart with `resume`: what stands in the folder already is known by its key.
"""

from __future__ import annotations

import csv
import ctypes
import gc
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import msgspec

from seiswarn.messages import Alert, DataError, Decision, EventEstimate, Message, Pick, QuickReport, Status
from seiswarn.publish.base import accepted_statuses, alert_key, insist
from seiswarn.publish.formats.cap import CapFormat, identifier
from seiswarn.publish.formats.cap import Params as CapParams
from seiswarn.publish.formats.picks_csv import PICK_COLUMNS, csv_row, pick_row
from seiswarn.publish.formats.public import (
    PublicDataError,
    PublicDecision,
    PublicWarning,
    public_data_error,
    public_decision,
    public_warning,
)
from seiswarn.publish.formats.quakeml import EventRecord, quakeml
from seiswarn.publish.formats.record_section import Trace
from seiswarn.publish.formats.report_html import Params as ReportParams
from seiswarn.publish.formats.report_html import no_report_html, report_html
from seiswarn.timebase import iso, parse_iso

WARNINGS, DECISIONS, PICKS, ERRORS = "warnings.jsonl", "decisions.jsonl", "picks.csv", "errors.jsonl"
EVENTS, REPORT, CAP = "events.xml", "report.html", "cap"
MAX_PICKS_KEPT = 50_000  # for QuakeML; a day of false picks must not fill the memory

MAX_EVENTS_KEPT = 2_000  # in events.xml
MAX_KEYS_KEPT = 200_000  # how far back a repeated message is recognised

TraceSource = Callable[[QuickReport], Sequence[Trace]]


class RunFolder:
    """Writes the products of one run into `folder`.

    Parameters
    ----------
    run_status, production, allow
        See `accepted_statuses`.
    audiences
        Whose alerts and decisions are taken; empty: everybody's.
    resume
        Go on in a folder written before; otherwise earlier products in it are removed first.
        `events.xml` and `report.html` are whole again once the output journal has been sent
        again from its beginning, which doubles nothing.
    draw_late
        Draw reports at the end only: where nobody can look at them before.
    traces
        Gives the record section of a report; none is drawn without.
    """

    NAME: ClassVar[str] = "file"
    NEEDS: ClassVar[str] = "a folder"
    VALID: ClassVar[str] = "any message"
    REFERENCE: ClassVar[str] = "README, products of a run"
    VERIFIED: ClassVar[bool] = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        run_status: Status,
        production: bool = False,
        allow: Collection[Status] = (),
        audiences: Collection[str] = (),
        resume: bool = False,
        draw_late: bool = False,
        cap: CapParams | None = None,
        report: ReportParams | None = None,
        traces: TraceSource | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.audiences = frozenset(audiences)
        self.ignores = frozenset({"Motions", "ChannelQuality", "PWindow", "Forecast", "StationHealth"})
        self.statuses = accepted_statuses(run_status, production=production, allow=allow)
        self._status = run_status
        self._cap = CapFormat(cap)
        self._report = report or ReportParams()
        self._traces = traces
        self._draw_late = draw_late
        self._late: dict[str, QuickReport] = {}  # the newest of each event, drawn at the end
        self._written: dict[tuple[str, ...], None] = {}
        self._n_warnings = 0
        self._picks: dict[str, Pick] = {}
        self._events: dict[str, EventRecord] = {}
        self._importance: dict[str, tuple[float, str]] = {}  # of the last report of each event drawn
        (self.folder / CAP).mkdir(parents=True, exist_ok=True)
        if resume:
            self._recall()
        else:
            self._clear()
        self._files = {
            name: open(self.folder / name, "ab", buffering=0)  # noqa: SIM115
            for name in (WARNINGS, DECISIONS, PICKS, ERRORS)
        }
        if self._files[PICKS].tell() == 0:
            self._files[PICKS].write(csv_row(PICK_COLUMNS).encode())
        if not resume:
            self._say_none()

    def send(self, message: Message, seq: int) -> None:
        insist(self, message)
        if isinstance(message, Alert):
            self._alert(message)
        elif isinstance(message, Decision):
            line = msgspec.json.encode(public_decision(message)) + b"\n"
            self._append(DECISIONS, _decision_key(public_decision(message)), line)
        elif isinstance(message, DataError):
            if seq > 0:  # else it says that no more can be written
                error = public_data_error(message)
                self._append(ERRORS, _error_key(error), msgspec.json.encode(error) + b"\n")
        elif isinstance(message, Pick):
            self._picks[message.pick_id] = message
            while len(self._picks) > MAX_PICKS_KEPT:
                del self._picks[next(iter(self._picks))]
            key = ("pick", message.pick_id, iso(message.t_seen_ns))
            self._append(PICKS, key, pick_row(message).encode())
        elif isinstance(message, EventEstimate):
            self._estimate(message)
        elif isinstance(message, QuickReport):
            self._quick_report(message)

    def close(self) -> None:
        """Write what is only whole at the end, and close."""
        for report in self._late.values():
            self._draw(report)
        if self._events or not (self.folder / EVENTS).exists():
            self._write_events()
        if not any(self.folder.glob("report-*.html")):
            self._say_none()
        for stream in self._files.values():
            stream.close()

    def _alert(self, alert: Alert) -> None:
        public = public_warning(alert)
        xml = self._cap.render(alert)
        # The CAP file first: a line in warnings.jsonl says that all of it is there.
        write_atomically(self.folder / CAP / f"{identifier(alert, self._cap.params)}.xml", xml)
        self._append(WARNINGS, ("alert", alert_key(alert)), msgspec.json.encode(public) + b"\n")

    def _estimate(self, estimate: EventEstimate) -> None:
        known = self._events.get(estimate.event_id)
        if known is not None and known.estimate.revision > estimate.revision:
            return
        picks = dict(known.picks) if known else {}
        for arrival in estimate.arrivals:
            pick = self._picks.get(arrival.pick_id)
            if pick is not None:
                picks[arrival.pick_id] = pick
        self._events[estimate.event_id] = EventRecord(estimate, picks)
        while len(self._events) > MAX_EVENTS_KEPT:
            del self._events[next(iter(self._events))]
        if estimate.state in ("ended", "cancelled"):
            self._write_events()

    def _quick_report(self, report: QuickReport) -> None:
        if self._draw_late:
            self._late[report.event_id] = report
        else:
            self._draw(report)

    def _draw(self, report: QuickReport) -> None:
        traces = self._traces(report) if self._traces else ()
        page = report_html(report, traces, self._report)
        write_atomically(self._page(report.event_id), page)
        _give_back_memory()
        self._write_events()
        # The last word on the largest event, whether it grew or shrank with this report.
        self._importance[report.event_id] = _importance(report)
        main = max(self._importance, key=lambda event_id: self._importance[event_id])
        write_atomically(self.folder / REPORT, self._page(main).read_bytes())

    def _page(self, event_id: str) -> Path:
        return self.folder / f"report-{_safe(event_id)}.html"

    def _write_events(self) -> None:
        write_atomically(self.folder / EVENTS, quakeml(list(self._events.values())))

    def _say_none(self) -> None:
        """`report.html` is the report of the largest event, and says so as long as there is none."""
        page = no_report_html(self._status, n_events=len(self._events), n_warnings=self._n_warnings)
        write_atomically(self.folder / REPORT, page)

    def _append(self, name: str, key: tuple[str, ...], line: bytes) -> None:
        if key in self._written:
            return
        self._files[name].write(line)
        self._note(key)

    def _note(self, key: tuple[str, ...]) -> None:
        self._written[key] = None
        self._n_warnings += key[0] == "alert"
        while len(self._written) > MAX_KEYS_KEPT:
            del self._written[next(iter(self._written))]

    def _clear(self) -> None:
        for name in (WARNINGS, DECISIONS, PICKS, ERRORS, EVENTS, REPORT):
            (self.folder / name).unlink(missing_ok=True)
        for pattern in (f"{CAP}/*.xml", "report-*.html"):
            for path in sorted(self.folder.glob(pattern)):
                path.unlink()

    def _recall(self) -> None:
        for line in _whole_lines(self.folder / WARNINGS):
            warning = msgspec.json.decode(line, type=PublicWarning)
            self._note(("alert", f"{warning.event_id}/{warning.policy}/{warning.revision}"))
            t_seen_ns = parse_iso(warning.t_seen)
            self._cap.remember(warning.event_id, warning.policy, warning.revision, t_seen_ns)
        for line in _whole_lines(self.folder / DECISIONS):
            self._note(_decision_key(msgspec.json.decode(line, type=PublicDecision)))
        for line in _whole_lines(self.folder / ERRORS):
            self._note(_error_key(msgspec.json.decode(line, type=PublicDataError)))
        rows = csv.reader(line.decode() for line in _whole_lines(self.folder / PICKS))
        for row in rows:
            columns = dict(zip(PICK_COLUMNS, row, strict=True))
            self._note(("pick", columns["pick_id"], columns["t_seen"]))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file as a whole: readers see the old one or the new one."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    os.replace(beside, path)


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a file; what a crash cut off after the last one is cut off the file too."""
    if not path.exists():
        return []
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(path, end)
    return content[:end].splitlines()


def _decision_key(decision: PublicDecision) -> tuple[str, ...]:
    revision = str(decision.estimate_revision)
    return ("decision", decision.event_id, decision.policy, decision.t_seen, decision.action, revision)


def _error_key(error: PublicDataError) -> tuple[str, ...]:
    return ("error", error.subject, error.reason, error.t_seen, error.detail)


def _importance(report: QuickReport) -> tuple[float, str]:
    magnitude = report.estimate.magnitude
    return (magnitude.value if magnitude else -10.0, iso(report.t_seen_ns))


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def _give_back_memory() -> None:
    """Drawing takes 100 MB for a moment, which the C library keeps unless asked."""
    gc.collect()
    with suppress(OSError, AttributeError):  # not every C library knows it
        ctypes.CDLL(None).malloc_trim(0)
