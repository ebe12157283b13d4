"""Intensity prediction equations by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.shaking.ipe.allen2012 import Allen2012
from seiswarn.shaking.ipe.base import Ipe

IPES: dict[str, type[Ipe]] = {"allen2012": Allen2012}
