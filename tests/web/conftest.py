from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.centre import Running, Serving, fill


@pytest.fixture(scope="session")
def centre(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Serving(fill(tmp_path_factory.mktemp("centre"), project_root)) as running:
        yield running
