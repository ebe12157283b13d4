"""The web process: FDSN services of what is stored, and the daemon's own health, over HTTP.

It reads files that others write and holds up nobody. An address that is taken is complained about
and tried again: a run goes on without its web services.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path

from seiswarn.config_parts import Web
from seiswarn.runtime import clock
from seiswarn.runtime.archiving import archive_folder
from seiswarn.runtime.files import DATABASE
from seiswarn.runtime.metrics import metrics_routes
from seiswarn.runtime.processes.base import LifeSign, StopRequest
from seiswarn.runtime.spec import ProcessSpec

NICE = 10  # where processors are few, the core comes first
TURN_S = 0.2
BIND_EVERY_S = 5.0
CLOSE_WITHIN_S = 3  # for answers that are on their way
MAX_REQUESTS = 64  # at once; more get 503
BACKLOG = 128
log = logging.getLogger(__name__)


def main(spec: ProcessSpec, stop: StopRequest, life: LifeSign) -> int:
    """Serve until told to stop."""
    os.nice(NICE)
    params = spec.config.web
    door = _door(params, stop, life)
    if door is None:
        return 0
    served = Served(spec, door)
    served.start()
    try:
        while not stop and served.alive:
            life.give("ready", clock.now_ns(), {"requests": float(served.requests)})
            clock.sleep(TURN_S)
    finally:
        served.close()
    life.give("done", clock.now_ns(), {"requests": float(served.requests)})
    return 0 if stop else 1


def _door(params: Web, stop: StopRequest, life: LifeSign) -> socket.socket | None:
    """The listening socket; None when told to stop before there was one."""
    next_s = 0.0
    complaint = ""
    while not stop:
        if clock.monotonic_s() >= next_s:
            next_s = clock.monotonic_s() + BIND_EVERY_S
            try:
                return socket.create_server((params.host, params.port), backlog=BACKLOG, reuse_port=False)
            except OSError as error:
                why = error.strerror or str(error)
                complaint = f"web services cannot listen on {params.host}:{params.port}: {why}"
        life.give("ready", clock.now_ns(), {}, complaints=(complaint,))
        clock.sleep(TURN_S)
    return None


class Served:
    """The HTTP server in a thread; the main thread has the signals and the signs of life."""

    def __init__(self, spec: ProcessSpec, door: socket.socket) -> None:
        import uvicorn

        from seiswarn.web.app import Sources, application
        from seiswarn.web.dataselect import Limits

        config, folder, web = spec.config, Path(spec.folder), spec.config.web
        sources = Sources(
            station_paths=config.stations.paths,
            database=folder / DATABASE,
            archive=archive_folder(config.archive, folder),
            limits=Limits(web.max_seconds, round(web.max_mb * 1e6)),
            shows_tests=web.shows_tests,
        )
        app = application(sources, clock.now_ns, metrics_routes(folder))
        settings = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=MAX_REQUESTS,
            timeout_graceful_shutdown=CLOSE_WITHIN_S,
            server_header=False,
        )
        self._server = uvicorn.Server(settings)
        self._door = door
        self._thread = threading.Thread(target=self._server.run, args=([door],), name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def requests(self) -> int:
        """Answered so far."""
        return int(self._server.server_state.total_requests)

    def close(self) -> None:
        """Let what is on its way go out, for a few seconds, and end."""
        self._server.should_exit = True
        self._thread.join(CLOSE_WITHIN_S + 2.0)
        self._door.close()
