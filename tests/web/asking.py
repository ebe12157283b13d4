"""Asks an ASGI application directly, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode


class Answer(NamedTuple):
    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8")


class Asking:
    def __init__(self, app: Any) -> None:
        self._app = app

    def get(self, path: str, params: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> Answer:
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
        return asyncio.run(self._ask("GET", path, urlencode(pairs).encode(), b""))

    def post(self, path: str, content: str | bytes) -> Answer:
        body = content.encode() if isinstance(content, str) else content
        return asyncio.run(self._ask("POST", path, b"", body))

    async def _ask(self, method: str, path: str, query: bytes, body: bytes) -> Answer:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query,
            "root_path": "", "headers": [(b"host", b"test")], "server": ("test", 80), "client": ("c", 1),
        }  # fmt: skip
        pieces = [body[k : k + 65536] for k in range(0, len(body), 65536)] or [b""]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.sleep(3600)
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        headers = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))
