"""Conversions to intensity by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.shaking.conversion.base import Conversion
from seiswarn.shaking.conversion.gbt17742 import Gbt17742
from seiswarn.shaking.conversion.worden2012 import Worden2012

CONVERSIONS: dict[str, type[Conversion]] = {"gbt17742": Gbt17742, "worden2012": Worden2012}
