"""Ground-motion models by the name they have in the configuration."""

from __future__ import annotations

from seiswarn.shaking.gmpe.base import Gmpe
from seiswarn.shaking.gmpe.bssa14 import Bssa14

GMPES: dict[str, type[Gmpe]] = {"bssa14": Bssa14}
