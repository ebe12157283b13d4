"""One write request to an InfluxDB server, and what its answer means for the points.

influxdb-client does the talking, synchronously and without retries of its own: who owns the points
decides about them. Only 204 counts as written; a proxy that answers 200 with a web page has written
nothing.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seiswarn.store.series_params import Influx

GZIP_LEVEL = 1  # the highest is five times slower and a quarter smaller
WRITTEN = 204
MAX_SENTENCE = 300


class Verdict(Enum):
    """What became of a batch, and what to do."""

    WRITTEN = "written"
    LATER = "later"  # nobody there, overloaded, broken: the same again after a pause
    REFUSED = "refused"  # token or bucket: the same again after a long pause, people have to act
    TOO_LARGE = "too large"  # the same in pieces
    BAD = "bad"  # something in the batch can never be written


class Answer(NamedTuple):
    """The verdict, the server's sentence, and the pause it asks for in seconds (0: none)."""

    verdict: Verdict
    sentence: str = ""
    pause_s: float = 0.0


class Target(Protocol):
    """Where batches of lines go."""

    def send(self, text: bytes) -> Answer: ...

    def close(self) -> None: ...


class TokenSource:
    """The token, from wherever the configuration has it; read again when asked. Never part of any text."""

    def __init__(self, params: Influx) -> None:
        self._params = params

    def read(self) -> tuple[str, str]:
        """The token and, when there is none though there should be, why."""
        p = self._params
        if p.token_file:
            try:
                token = Path(p.token_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                told = error.strerror if isinstance(error, OSError) else "is no text"
                return "", f"token file {p.token_file}: {told}"
            return token, "" if token else f"token file {p.token_file} is empty"
        if p.token_env:
            token = os.environ.get(p.token_env, "")
            return token, "" if token else f"environment variable {p.token_env} is not set"
        return p.token, ""

    def __repr__(self) -> str:
        return "TokenSource()"


class InfluxServer:
    """A server that is spoken to by influxdb-client.

    The client is made with the first request (its import takes a second) and anew after a refusal,
    so that a renewed token file counts at once.
    """

    def __init__(self, params: Influx) -> None:
        self._params = params
        self._token = TokenSource(params)
        self._client: Any = None
        self._write: Callable[..., Any] | None = None

    def send(self, text: bytes) -> Answer:
        """Write one batch of lines, times in nanoseconds. Never raises for what server or network do."""
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        if self._write is None:
            missing = self._connect()
            if missing:
                return Answer(Verdict.REFUSED, missing)
        p, zipped = self._params, self._params.gzip
        body = gzip.compress(text, GZIP_LEVEL) if zipped else text
        more = {"content_encoding": "gzip"} if zipped else {}
        try:
            _, status, headers = self._write(  # type: ignore[misc]
                p.org, p.bucket, body, precision="ns", content_type="text/plain; charset=utf-8", **more
            )
        except ApiException as error:
            answer = judge(int(error.status or 0), error.body, error.headers)
            if answer.verdict is Verdict.REFUSED:
                self._forget()
            return answer
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            return Answer(Verdict.LATER, _plain(error))
        return judge(int(status), "", headers)

    def close(self) -> None:
        self._forget()

    def _connect(self) -> str:
        """Make the client; why not, when the token is missing."""
        from influxdb_client import InfluxDBClient, WriteService

        token, missing = self._token.read()
        if missing:
            return missing
        p = self._params
        self._client = InfluxDBClient(
            p.url,
            token or "none",
            org=p.org,
            timeout=round(1000 * p.timeout_s),
            ssl_ca_cert=p.ca_file or None,
        )
        self._write = WriteService(self._client.api_client).post_write_with_http_info
        return ""

    def _forget(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._write = None


def judge(status: int, body: str | None, headers: Any) -> Answer:
    """What an HTTP status means for a batch (InfluxDB v2 API, "POST /api/v2/write")."""
    sentence = f"{status}: {_said(body)}" if body else str(status)
    if status == WRITTEN:
        return Answer(Verdict.WRITTEN)
    if 200 <= status < 300:
        kind = (headers or {}).get("Content-Type", "")
        return Answer(
            Verdict.LATER, f"{status} {kind} instead of 204: this is not InfluxDB".replace("  ", " ")
        )
    if status in (400, 422):
        return Answer(Verdict.BAD, sentence)
    if status in (401, 403, 404):
        told = "the token is not accepted" if status != 404 else "there is no such bucket or organisation"
        return Answer(Verdict.REFUSED, f"{told} ({sentence})")
    if status == 413:
        return Answer(Verdict.TOO_LARGE, sentence)
    return Answer(Verdict.LATER, sentence, _retry_after(headers))


def _said(body: str | None) -> str:
    """The message in an answer: JSON of InfluxDB 1 or 2, or the beginning of whatever it is."""
    try:
        told = json.loads(body or "")
        text = str(told.get("message") or told.get("error") or body)
    except (ValueError, AttributeError):
        text = str(body)
    return " ".join(text.split())[:MAX_SENTENCE]


def _retry_after(headers: Any) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3; a date there is not looked at)."""
    try:
        return max(0.0, min(600.0, float((headers or {}).get("Retry-After", 0))))
    except ValueError:
        return 0.0


def _plain(error: Exception) -> str:
    """An error of the network without addresses of objects."""
    reason = getattr(error, "reason", None) or error
    text = str(reason)
    return " ".join(text.rpartition(">: ")[2].split())[:MAX_SENTENCE] or type(error).__name__
