from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Kernels compile inside the first example, and a run must be repeatable: no deadline, no chance.
settings.register_profile("seiswarn", deadline=None, derandomize=True)
settings.load_profile("seiswarn")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def events_dir() -> Path:
    """The folder of recorded earthquakes, kept beside the project and never inside it."""
    folder = (ROOT / ".." / "shared" / "events").resolve()
    if folder.is_dir():
        return folder
    sentence = f"the recorded earthquakes are missing: no folder {folder}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
