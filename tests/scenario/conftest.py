"""One replay of each recorded earthquake for all tests that look at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seiswarn.config import default_config
from seiswarn.runtime.replay import Summary, replay
from seiswarn.runtime.setup import archive_run


@pytest.fixture(scope="session")
def replayed(events_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Summary]:
    """`replayed(name)` replays a recorded set with the default configuration, once."""
    done: dict[str, Summary] = {}

    def run(name: str) -> Summary:
        if name not in done:
            setup, feed = archive_run(
                events_dir / name, default_config(), packet_s=0.5, latency_s=0.0, status="test"
            )
            done[name] = replay(setup, feed, tmp_path_factory.mktemp(name))
        return done[name]

    return run
