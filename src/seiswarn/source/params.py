"""Parameters of the source stage."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seiswarn.source.estimators.line_params import Params as LineParams


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How picks become events, and how events are located and sized."""

    velocity_model: Annotated[
        str, Meta(description="1-D model: iasp91, ak135, socal, taiwan, or one of velocity_layers")
    ] = "iasp91"
    velocity_layers: Annotated[
        tuple[tuple[str, tuple[tuple[float, float, float], ...]], ...],
        Meta(
            description="1-D models of one's own: [name, [[depth km, Vp km/s, Vs km/s], ...]], linear between"
            " nodes, from 0 km down; a depth given twice is a discontinuity"
        ),
    ] = ()
    velocity_regions: Annotated[
        tuple[tuple[str, tuple[tuple[float, float], ...]], ...],
        Meta(
            description="where another model holds: [model, [[latitude, longitude], ...]] polygons, the first"
            " that holds the epicentre; none may cross the date line"
        ),
    ] = ()
    max_depth_km: Annotated[float, Meta(gt=10, le=300, description="deepest source looked for, km")] = 120.0
    depth_prior_km: Annotated[
        float, Meta(ge=0, description="most likely depth before the arrivals say more, km")
    ] = 10.0
    depth_prior_spread_km: Annotated[float, Meta(gt=0, description="width of that prior, km")] = 15.0
    search_radius_km: Annotated[
        float, Meta(ge=50, le=500, description="sources are sought this far around the first station, km")
    ] = 200.0
    min_stations: Annotated[
        int, Meta(ge=2, description="coherent sites wanted before an event is declared")
    ] = 2
    max_false_per_year: Annotated[
        float,
        Meta(
            gt=0,
            description="an event is declared when noise makes such a coincidence, as strong, no more often"
            " than this in a year",
        ),
    ] = 1000.0
    min_triggered_share: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="share of live sites, within the distance of the picks, that must have triggered",
        ),
    ] = 0.4
    max_rms_s: Annotated[float, Meta(gt=0, description="largest residual RMS of a declared event, s")] = 1.0
    max_uncertainty_km: Annotated[
        float, Meta(gt=0, description="largest one-sigma semi-axis of a declared epicentre, km")
    ] = 150.0
    reading_error_s: Annotated[
        float, Meta(gt=0, description="arrival error that does not grow with travel time, s")
    ] = 0.25
    model_error_share: Annotated[
        float,
        Meta(ge=0, description="arrival error as a share of the travel time beyond the nearest station's"),
    ] = 0.03
    max_picks: Annotated[int, Meta(ge=8, description="arrivals used in a location, the earliest first")] = 25
    pool_s: Annotated[float, Meta(gt=0, description="how long an unassociated pick is kept, s")] = 60.0
    update_s: Annotated[
        float, Meta(ge=0, description="shortest time between two estimates of one event, s")
    ] = 0.5
    end_after_s: Annotated[
        float, Meta(gt=0, description="an event ends this long after its origin when nothing new comes, s")
    ] = 120.0
    s_window_s: Annotated[
        float, Meta(gt=0, description="motion wanted after S before peak displacement counts as all-phase, s")
    ] = 2.0
    ordinary_weight: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="weight in the magnitude of stations whose tier is ordinary (MEMS sensors)",
        ),
    ] = 0.5
    line: LineParams = LineParams()
    gutenberg_richter_b: Annotated[
        float, Meta(ge=0, le=2, description="b-value of the prior on magnitude")
    ] = 1.0
