"""A SeedLink server in a thread of its own, for programs that have no event loop: tests, above all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from seiswarn.serve.feed import Released
from seiswarn.serve.header import Header
from seiswarn.serve.play import play
from seiswarn.serve.seedlink_server import Server

_T = TypeVar("_T")
_PATIENCE_S = 30.0


class Background:
    """`server` in a thread, from ``with`` on. Its methods may be called from any thread.

    >>> with Background(Server(Ring(), port=0)) as running:  # doctest: +SKIP
    ...     running.publish([record])
    ...     client = connect(running.port)
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="seedlink-server", daemon=True)

    @property
    def port(self) -> int:
        return self.server.port

    def __enter__(self) -> Background:
        self._thread.start()
        try:
            self.run(self.server.open())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Start `work` in the event loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, _T], timeout_s: float = _PATIENCE_S) -> _T:
        """Do `work` in the event loop of the server and wait for its end."""
        return self.begin(work).result(timeout_s)

    def call(self, what: Callable[[], _T]) -> _T:
        """Call `what` in the event loop of the server: the way to look at its state."""

        async def called() -> _T:
            return what()

        return self.run(called())

    def publish(self, records: Iterable[bytes | tuple[bytes, Header | None]]) -> None:
        """Add records, with or without headers of their own, and send them."""
        pairs = [(r, None) if isinstance(r, bytes) else r for r in records]
        self.call(lambda: self.server.publish(pairs))

    def play(self, feed: Iterable[Released | tuple[int, bytes]], speed: float | None = 1.0) -> Future[int]:
        """Start to play `feed`; the future gives the number of records, at its end."""
        return self.begin(play(self.server, feed, speed))

    def stop(self, patience_s: float = 2.0) -> None:
        """Close all connections, after what is on its way to them, and end the thread."""
        if self._thread.is_alive():
            try:
                self.run(self.server.close(patience_s=patience_s))
            finally:
                self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
