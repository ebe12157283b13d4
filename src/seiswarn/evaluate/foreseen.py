"""What was forecast for the stations: each is a target of the run, whatever the configuration warns."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from seiswarn.config import Config
from seiswarn.forecast_arrays import arrays_of
from seiswarn.messages import Forecast
from seiswarn.stations import StationTable
from seiswarn.targets import PLACE, Target, TargetTable, targets_from_stations

F32 = npt.NDArray[np.float32]
KIND = "evaluated"  # of stations among configured targets; no audience has it
FLOAT32 = np.dtype("<f4")


class Place(msgspec.Struct, frozen=True):
    """A site of stations as a target: where it is, and its column in forecasts."""

    site: int
    name: str
    latitude: float
    longitude: float
    vs30_mps: float
    column: int


class Foreseen(msgspec.Struct, frozen=True):
    """One forecast at the places of a run, columns of float32 in their order."""

    event_id: str
    t_seen_ns: int
    located: bool  # by a source, not by the wavefield alone
    combined: bytes
    sigma: bytes
    source: bytes
    wavefield: bytes

    def column(self, name: str) -> F32:
        """One of `combined`, `sigma`, `source`, `wavefield`."""
        return np.frombuffer(getattr(self, name), FLOAT32)


def with_stations(config: Config, table: StationTable) -> Config:
    """`config` with the stations among its targets, and audiences that keep to the others.

    Without any configured target the stations are the targets already, and nothing changes.
    """
    if not config.targets and not config.places.min_population:
        return config
    known = {_key(t) for t in config.targets}
    more = [
        msgspec.structs.replace(t, kind=KIND) for t in targets_from_stations(table) if _key(t) not in known
    ]
    kinds = tuple(
        sorted({t.kind for t in config.targets} | ({PLACE} if config.places.min_population else set()))
    )

    def own(audience: Any) -> Any:
        return audience if audience.kinds else msgspec.structs.replace(audience, kinds=kinds)

    return msgspec.structs.replace(
        config,
        targets=(*config.targets, *more),
        alerts=own(config.alerts),
        audience=tuple(own(a) for a in config.audience),
    )


def places_of(table: StationTable, targets: TargetTable) -> tuple[Place, ...]:
    """The sites of `table` as they stand among `targets`, in the order of sites."""
    column = {_key(t): k for k, t in enumerate(targets.targets)}
    sites = dict.fromkeys(int(site) for site in table.st_site)  # in the order `targets_from_stations` has
    found = []
    for site, target in zip(sites, targets_from_stations(table), strict=True):
        k = column.get(_key(target))
        if k is not None:
            vs30 = float(targets.vs30_mps[k])
            found.append(Place(site, target.name, target.latitude, target.longitude, vs30, k))
    return tuple(found)


def foreseen(forecast: Forecast, columns: npt.NDArray[np.int64]) -> Foreseen | None:
    """What `forecast` says of the places in `columns` of its targets; None when it has no columns."""
    if forecast.field is None or not len(columns):
        return None
    arrays = arrays_of(forecast.field)
    return Foreseen(
        forecast.event_id,
        forecast.t_seen_ns,
        forecast.grounds == "source",
        *(
            np.ascontiguousarray(column[columns], dtype=FLOAT32).tobytes()
            for column in (
                arrays.intensity,
                arrays.intensity_sigma,
                arrays.intensity_source,
                arrays.intensity_wavefield,
            )
        ),
    )


def _key(target: Target) -> tuple[str, float, float]:
    return target.name, target.latitude, target.longitude
