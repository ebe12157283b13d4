"""Conversions to intensity by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.shaking.conversion.base import Conversion
from seiswarn.shaking.conversion.faenza2010 import Faenza2010
from seiswarn.shaking.conversion.fujimoto2005 import Fujimoto2005
from seiswarn.shaking.conversion.gbt17742 import Gbt17742
from seiswarn.shaking.conversion.tian2021 import Tian2021
from seiswarn.shaking.conversion.worden2012 import Worden2012

CONVERSIONS: dict[str, type[Conversion]] = {
    "gbt17742": Gbt17742,
    "worden2012": Worden2012,
    "faenza2010": Faenza2010,
    "tian2021": Tian2021,
    "fujimoto2005": Fujimoto2005,
}
