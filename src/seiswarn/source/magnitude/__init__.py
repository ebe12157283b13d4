"""Magnitude relations: one file each, explicit registry."""

from __future__ import annotations

from seiswarn.source.magnitude import displacement_jma, ml_iaspei, pd_wu_zhao2006, pgv_si_midorikawa1999
from seiswarn.source.magnitude.base import MagnitudeRelation

REGISTRY: dict[str, MagnitudeRelation] = {
    relation.NAME: relation
    for relation in (
        pd_wu_zhao2006.RELATION,
        displacement_jma.RELATION,
        pgv_si_midorikawa1999.RELATION,
        ml_iaspei.RELATION,
    )
}
