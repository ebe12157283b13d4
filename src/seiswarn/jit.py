"""How kernels are compiled, and where the compiled ones are kept.

numba keeps compiled code per source file and does not notice when a file changes that a kernel
takes its constants or callees from: after an update it may run old code on new arrays. So the
cache is named after the content of all sources that kernels are made of.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numba
from numba import njit

_SOURCES = (
    ".",
    "waveform",
    "waveform/pickers",
    "health",
    "source",
    "source/estimators",
    "ingest",
    "shaking",
    "shaking/gmpe",
    "shaking/conversion",
    "shaking/ipe",
)


def _fingerprint() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((here / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _cache_folder() -> Path:
    """Where compiled kernels go: below NUMBA_CACHE_DIR, else the user's cache, else a folder for the run.

    Works on an installation that may not be written to. Without any lasting place kernels are
    compiled at every start.
    """
    name = f"seiswarn-{_fingerprint()}"
    wanted = os.environ.get("NUMBA_CACHE_DIR", "")
    homes = [Path(wanted)] if wanted else []
    homes.append(Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "seiswarn")
    for home in homes:
        if _writable(home / name):
            return home / name
    return Path(tempfile.mkdtemp(prefix="seiswarn-kernels-"))


CACHE_FOLDER = _cache_folder()
numba.config.CACHE_DIR = str(CACHE_FOLDER)

# cache: compiled once per machine. nogil: other threads go on. numpy: a division by zero gives inf as
# in numpy, instead of a test at each division that keeps loops from using the whole machine. _nrt: kernels
# allocate nothing, so nothing needs to count references.
kernel = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
# Called by other kernels only: without the entries from Python, which take long to compile.
inner = njit(
    cache=True, nogil=True, error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
