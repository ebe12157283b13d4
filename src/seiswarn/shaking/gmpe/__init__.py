"""Ground-motion models by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.shaking.gmpe.base import Gmpe
from seiswarn.shaking.gmpe.bssa14 import Bssa14
from seiswarn.shaking.gmpe.parker2020 import Parker2020
from seiswarn.shaking.gmpe.yu2013 import Yu2013

GMPES: dict[str, type[Gmpe]] = {"bssa14": Bssa14, "yu2013": Yu2013, "parker2020": Parker2020}
