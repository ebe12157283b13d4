"""A feed played to a server in real time, or as many times as fast."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from seiswarn.runtime.clock import DataClock
from seiswarn.serve.feed import Released
from seiswarn.serve.ring import ENTRY_BYTES
from seiswarn.serve.seedlink_server import Server
from seiswarn.timebase import NS

_AHEAD = 8192  # records made ready before they are due
_FILL = 1024  # records made ready at a time
_LARGE = 4096 + ENTRY_BYTES  # bytes that a record takes in the ring, the longest that archives usually have
_AT_ONCE = 256  # records published before the event loop has its turn


async def play(
    server: Server,
    feed: Iterable[Released | tuple[int, bytes]],
    speed: float | None = 1.0,
    *,
    start_ns: int | None = None,
) -> int:
    """Publish each record of `feed` when data time reaches it; the number of records published.

    Parameters
    ----------
    server
        open.
    feed
        records in order of their times. One whose time has passed already is published at once. It is
        asked in another thread, ahead of time.
    speed
        data seconds per second; None as fast as the clients that are connected can take them.
    start_ns
        data time at the beginning, ns UTC; records due before it are left out. The first record's
        without it.

    Raises
    ------
    ValueError
        For a record without a header that has none of its own.
    """
    source = (item if isinstance(item, Released) else Released(*item) for item in feed)
    if start_ns is not None:
        source = (item for item in source if item.t_ns >= start_ns)
    if speed is None:
        return await _all(server, source)
    return await _in_time(server, source, speed, start_ns)


async def _all(server: Server, source: Iterator[Released]) -> int:
    n = 0
    ring = server.ring
    # What is added between two looks at the clients is a quarter of the ring at most; see `Server.room`.
    at_once = min(_AT_ONCE, ring.max_bytes // _LARGE // 4, (ring.max_records or _AT_ONCE * 4) // 4)
    while batch := list(islice(source, max(1, at_once))):
        await server.room()
        n += _publish(server, batch)
        await asyncio.sleep(0)
    return n


async def _in_time(server: Server, source: Iterator[Released], speed: float, start_ns: int | None) -> int:
    ready: deque[Released] = deque(await asyncio.to_thread(_some, source))
    if not ready:
        return 0
    clock = DataClock(ready[0].t_ns if start_ns is None else start_ns, speed)
    filling: asyncio.Task[list[Released]] | None = None
    n, more = 0, True
    while ready or more:
        if filling is None and more and len(ready) < _AHEAD:
            filling = asyncio.create_task(asyncio.to_thread(_some, source))
        n += _publish(server, _due(ready, clock.now_ns()))
        wait_s = (ready[0].t_ns - clock.now_ns()) / NS / speed if ready else None
        if filling is None or (wait_s is not None and wait_s <= 0.0):
            await asyncio.sleep(max(0.0, wait_s or 0.0))
        else:
            await asyncio.wait({filling}, timeout=wait_s)
        if filling is not None and filling.done():
            found, filling = filling.result(), None
            ready.extend(found)
            more = bool(found)
    return n


def _some(source: Iterator[Released]) -> list[Released]:
    """The next records, none at the end. Packing them takes time, which is not the event loop's."""
    return list(islice(source, _FILL))


def _due(ready: deque[Released], now_ns: int) -> list[Released]:
    due: list[Released] = []
    while ready and ready[0].t_ns <= now_ns and len(due) < _AT_ONCE:
        due.append(ready.popleft())
    return due


def _publish(server: Server, batch: list[Released]) -> int:
    if batch:
        server.publish([(item.record, item.header) for item in batch])
    return len(batch)
