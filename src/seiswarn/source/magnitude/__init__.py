"""Magnitude relations: one file each, explicit registry."""

from __future__ import annotations

from seiswarn.source.magnitude import displacement_jma, pd_wu_zhao2006
from seiswarn.source.magnitude.base import MagnitudeRelation

REGISTRY: dict[str, MagnitudeRelation] = {
    pd_wu_zhao2006.RELATION.NAME: pd_wu_zhao2006.RELATION,
    displacement_jma.RELATION.NAME: displacement_jma.RELATION,
}
