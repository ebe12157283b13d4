"""The services as one ASGI application: routes, methods, errors in FDSN's format."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from seiswarn.web import dataselect, event, station
from seiswarn.web.parameters import Line, Values, line_of, read_post, read_values
from seiswarn.web.refusal import VERSION, Refused, error_text
from seiswarn.web.tables import SERVICES, Service
from seiswarn.web.wadl import wadl

MAX_POST_BYTES = 1 << 20
ROOT = "/fdsnws"
log = logging.getLogger(__name__)

Answer = Callable[[Values, Sequence[Line]], Response | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What is served: StationXML files or folders, database of events, SDS archive; and how much at once."""

    station_paths: tuple[str, ...]
    database: Path
    archive: Path
    limits: dataselect.Limits
    shows_tests: bool = False


def application(sources: Sources, now_ns: Callable[[], int], more: Sequence[BaseRoute] = ()) -> Starlette:
    """The application; `more` are routes of others that it serves, too."""
    metadata = station.Metadata(sources.station_paths)

    def stations(values: Values, lines: Sequence[Line]) -> Response | None:
        if values["format"] == "text" and values["level"] == "response":
            raise Refused(400, "responses come as xml alone: format=xml, or level=channel")
        chosen = station.select(metadata.inventory(), lines, values)
        if chosen is None:
            return None
        if values["format"] == "text":
            return Response(station.text(chosen, values["level"]), media_type="text/plain")
        return Response(station.xml(chosen, values["level"]), media_type="application/xml")

    def events(values: Values, lines: Sequence[Line]) -> Response | None:
        chosen = event.select(sources.database, values, sources.shows_tests)
        if not chosen:
            return None
        if values["format"] == "text":
            return Response(event.text(chosen), media_type="text/plain")
        return Response(event.xml(chosen, values), media_type="application/xml")

    def waveforms(values: Values, lines: Sequence[Line]) -> Response | None:
        pieces = dataselect.select(sources.archive, lines, values, sources.limits)
        if not pieces:
            return None
        return StreamingResponse(
            dataselect.stream(pieces),
            media_type="application/vnd.fdsn.mseed",
            headers={"Content-Disposition": "attachment; filename=fdsnws-dataselect.mseed"},
        )

    answers: dict[str, Answer] = {"station": stations, "event": events, "dataselect": waveforms}
    routes: list[BaseRoute] = []
    for name, service in SERVICES.items():
        routes += _routes(service, answers[name], now_ns)
    for plural, singular in (("catalogs", "Catalog"), ("contributors", "Contributor")):
        body = event.names_xml(singular + "s", singular)
        path = f"{ROOT}/event/1/{plural}"
        routes.append(Route(path, partial(_constant, body=body, media_type="application/xml")))
    return Starlette(routes=[*routes, *more])


def _routes(service: Service, answer: Answer, now_ns: Callable[[], int]) -> list[BaseRoute]:
    root = f"{ROOT}/{service.name}/1"

    async def query(request: Request) -> Response:
        return await _guarded(service, request, now_ns, partial(_query, service, answer, request))

    async def description(request: Request) -> Response:
        base = f"{request.base_url}".rstrip("/") + f"{root}/"
        return Response(wadl(service, base), media_type="application/xml")

    methods = ["GET", "POST"] if service.posts else ["GET"]
    return [
        Route(f"{root}/query", query, methods=methods),
        Route(f"{root}/application.wadl", description),
        Route(f"{root}/version", partial(_constant, body=VERSION.encode(), media_type="text/plain")),
        Route(f"{root}/", partial(_constant, body=_usage(service).encode(), media_type="text/plain")),
    ]


async def _constant(request: Request, body: bytes, media_type: str) -> Response:
    return Response(body, media_type=media_type)


async def _query(service: Service, answer: Answer, request: Request) -> Response:
    values, lines = await _asked(service, request)
    response = await run_in_threadpool(answer, values, lines)
    if response is not None:
        return response
    if values["nodata"] == "404":
        raise Refused(404, "nothing that was asked for is stored")
    return Response(status_code=204)


async def _asked(service: Service, request: Request) -> tuple[Values, list[Line]]:
    if request.method != "POST":
        values = read_values(service.parameters, request.query_params.multi_items())
        return values, [line_of(values)] if "network" in values else []
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_POST_BYTES:
            raise Refused(413, f"a body of more than {MAX_POST_BYTES} bytes; split the request")
    pairs, lines = read_post(body)
    return read_values(service.parameters, pairs), lines


async def _guarded(
    service: Service, request: Request, now_ns: Callable[[], int], work: Callable[[], Awaitable[Response]]
) -> Response:
    try:
        return await work()
    except Refused as refused:
        code, sentence = refused.code, refused.sentence
    except ClientDisconnect:
        return Response(status_code=204)
    except Exception:
        # What one request meets must not end the service for all others: logged, and the client is told.
        log.exception("%s %s", request.method, request.url.path)
        code, sentence = 500, "the service failed; its log tells why"
    usage = f"{request.base_url}".rstrip("/") + f"{ROOT}/{service.name}/1/"
    return PlainTextResponse(error_text(code, sentence, usage, str(request.url), now_ns()), status_code=code)


def _usage(service: Service) -> str:
    """What can be asked, for people."""
    lines = [f"fdsnws-{service.name} {VERSION} (FDSN Web Service Specifications)", "", "Parameters of query:"]
    for p in service.parameters:
        default = "" if p.default is None else f" (default {p.default})"
        short = f", {p.short}" if p.short else ""
        choices = f": {', '.join(p.choices)}" if p.choices else ""
        lines.append(f"  {p.name}{short}: {p.doc}{choices}{default}")
    post = "POST: lines name=value, then lines NET STA LOC CHA START END"
    return "\n".join([*lines, "", post if service.posts else "GET alone"]) + "\n"
