"""A daemon a test turns by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from seiswarn.config import Config
from seiswarn.messages import Alert, Message, decode
from seiswarn.runtime import clock
from seiswarn.runtime.child import Child
from seiswarn.runtime.files import OUTPUT
from seiswarn.runtime.live import clear, config_sources, plan
from seiswarn.runtime.spec import SinkSpec
from seiswarn.runtime.supervisor import Supervisor
from seiswarn.store.journal import JournalReader


def messages(folder: Path) -> list[Message]:
    with JournalReader(folder / OUTPUT) as reader:
        return [decode(payload) for _, payload in reader]


def records(path: Path) -> list[tuple[int, bytes]]:
    with JournalReader(path) as reader:
        return list(reader)


class Daemon:
    """A supervisor the test turns by hand."""

    def __init__(self, config: Config, folder: Path, **changes: Any) -> None:
        clear(folder)
        self.folder = folder
        endpoint = f"ipc://{folder}/public"
        sinks = [
            SinkSpec(name="zmq", kind="zmq", endpoint=endpoint),
            SinkSpec(name="file", kind="file", path=str(folder)),
        ]
        specs, sockets = plan(config, folder, config_sources(config), sinks, config.run.status)
        self.endpoint = endpoint
        specs = [msgspec.structs.replace(s, **changes) if s.kind == "core" else s for s in specs]
        self.said: list[str] = []
        self.supervisor = Supervisor(specs, sockets, self.said.append)

    def child(self, kind: str) -> Child:
        return next(c for n, c in self.supervisor.children.items() if n.startswith(kind))

    def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        """Turn the supervisor until something is so, or it has ended."""
        limit = clock.monotonic_s() + within_s
        while not condition():
            code = self.supervisor.step(0.01)
            assert code is None, f"ended with {code}: {self.said}"
            assert clock.monotonic_s() < limit, self.said

    def finish(self, within_s: float = 60.0) -> int:
        limit = clock.monotonic_s() + within_s
        while (code := self.supervisor.step(0.05)) is None:
            assert clock.monotonic_s() < limit, self.said
        return code

    def warned(self) -> bool:
        if not (self.folder / OUTPUT).exists():
            return False
        with JournalReader(self.folder / OUTPUT) as reader:
            if not reader.metadata:
                return False
        return any(isinstance(m, Alert) for m in messages(self.folder))
