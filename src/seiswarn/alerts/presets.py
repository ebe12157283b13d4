"""Audiences in use elsewhere, as a start for one's own: names for `preset` in an [[audience]] table.

Each is no more than values of `params.Params`; what an [[audience]] table says itself goes before. Where
no published rule is at hand the comment says that the value is a choice, to be set by who is responsible.
Colour levels differ between regions and applications: there is no single national table.
"""

from __future__ import annotations

from typing import Any

GAL_LEVELS = (
    # High-speed railways: level I at 40 gal (Song and others 2018); II and III at 80 and 120 gal.
    {"name": "I", "name_zh": "Ⅰ级", "colour": "#f5c400", "at_least": 40.0},
    {"name": "II", "name_zh": "Ⅱ级", "colour": "#f57c00", "at_least": 80.0},
    {"name": "III", "name_zh": "Ⅲ级", "colour": "#d50000", "at_least": 120.0},
)
COARSE_COLOURS = (
    # Another table in use: colours from intensity 2, 4, 6 and 8.
    {"name": "blue", "name_zh": "蓝色", "colour": "#1e6fd9", "at_least": 2.0},
    {"name": "yellow", "name_zh": "黄色", "colour": "#f5c400", "at_least": 4.0},
    {"name": "orange", "name_zh": "橙色", "colour": "#f57c00", "at_least": 6.0},
    {"name": "red", "name_zh": "红色", "colour": "#d50000", "at_least": 8.0},
)
TWO_STEPS = (
    {"name": "notice", "name_zh": "注意", "colour": "#f5c400", "at_least": 3.0},
    {"name": "act", "name_zh": "处置", "colour": "#d50000", "at_least": 5.0},
)

PRESETS: dict[str, dict[str, Any]] = {
    # People: from intensity III on (Fujian's pilot, and the yellow of the colour table).
    "public": {"min_magnitude": 4.0, "min_intensity": 3.0, "all_clear_s": 120.0},
    "public_coarse": {
        "min_magnitude": 4.0,
        "min_intensity": 4.0,
        "levels": COARSE_COLOURS,
        "all_clear_s": 120.0,
    },
    # Yunnan Earthquake Agency: M 4.0 in the province and 50 km around it, M 5.0 farther away within 20 to
    # 35 N and 95 to 110 E. The province's outline is for who uses it: here its extremes, 97.5 to 106.2 E
    # and 21.1 to 29.3 N; replace `region` of the first rule by the outline.
    "yunnan": {
        "min_intensity": 0.0,
        "rules": (
            {
                "name": "in or near the province",
                "min_magnitude": 4.0,
                "region": ((21.1, 97.5), (29.3, 97.5), (29.3, 106.2), (21.1, 106.2)),
                "margin_km": 50.0,
            },
            {
                "name": "farther away",
                "min_magnitude": 5.0,
                "region": ((20.0, 95.0), (35.0, 95.0), (35.0, 110.0), (20.0, 110.0)),
            },
        ),
        "all_clear_s": 120.0,
    },
    # Fujian's pilot (Jinjiang): the city's forecast intensity reaches 3, or M 5.5 near Taiwan (a box
    # around the island: a choice).
    "fujian": {
        "at_epicentre": False,
        "everywhere": True,
        "rules": (
            {"name": "intensity at a target", "min_intensity": 3.0},
            {
                "name": "large near Taiwan",
                "min_magnitude": 5.5,
                "region": ((21.0, 119.0), (26.0, 119.0), (26.0, 123.5), (21.0, 123.5)),
            },
        ),
    },
    # Japan Meteorological Agency, forecast: M 3.5 or intensity 3 (its own scale: set shaking.conversion).
    "jma_forecast": {
        "everywhere": True,
        "rules": (
            {"name": "magnitude", "min_magnitude": 3.5},
            {"name": "intensity", "min_intensity": 3.0},
        ),
        "min_stations": 2,
    },
    # ShakeAlert through MyShake: M 4.5 and MMI III; as a wireless emergency alert: M 5.0 and MMI IV.
    "shakealert_app": {"min_magnitude": 4.5, "min_intensity": 3.0, "min_stations": 4},
    "shakealert_wea": {"min_magnitude": 5.0, "min_intensity": 4.0, "min_stations": 4},
    # Railways: PGA per section, also from the motion at a single station that is trusted.
    "railway": {
        "kinds": ("railway",),
        "measure": "pga",
        "levels": GAL_LEVELS,
        "min_pga_gal": 40.0,
        "min_magnitude": -2.0,
        "at_epicentre": False,
        "everywhere": True,
        "wavefield_stations": 1,
        "max_magnitude_sigma": 1.0,
        "deescalate_after_s": 30.0,
        "update_every_s": 0.5,
    },
    # Conventional lines, by magnitude and distance: 3 to 4 within 50 km slow, 4 to 6 within 50 km stop, 6
    # to 7 within 250 km, from 7 on within 600 km.
    "railway_conventional": {
        "kinds": ("railway",),
        "levels": (
            {"name": "slow", "name_zh": "限速", "colour": "#f5c400", "at_least": 100.0},
            {"name": "stop", "name_zh": "停车", "colour": "#d50000", "at_least": 101.0},
        ),
        "min_intensity": 0.0,
        "at_epicentre": False,
        "everywhere": True,
        "rules": (
            {"name": "M 3 to 4", "min_magnitude": 3.0, "within_km": 50.0, "level": "slow"},
            {"name": "M 4 to 6", "min_magnitude": 4.0, "within_km": 50.0, "level": "stop"},
            {"name": "M 6 to 7", "min_magnitude": 6.0, "within_km": 250.0, "level": "stop"},
            {"name": "M 7 and more", "min_magnitude": 7.0, "within_km": 600.0, "level": "stop"},
        ),
    },
    # Industry: two steps in PGA. The values are choices, to be replaced by those of the plant's licence:
    # 10 gal is about intensity III, 50 gal about V to VI.
    "nuclear": {
        "kinds": ("nuclear", "plant"),
        "measure": "pga",
        "levels": (
            {"name": "notice", "name_zh": "注意", "colour": "#f5c400", "at_least": 10.0},
            {"name": "act", "name_zh": "处置", "colour": "#d50000", "at_least": 50.0},
        ),
        "min_pga_gal": 10.0,
        "min_magnitude": -2.0,
        "at_epicentre": False,
        "everywhere": True,
        "deescalate_after_s": 60.0,
    },
    "pipeline": {
        "kinds": ("pipeline", "gas"),
        "levels": TWO_STEPS,
        "min_intensity": 3.0,
        "at_epicentre": False,
        "everywhere": True,
        "deescalate_after_s": 60.0,
    },
    # Mines and reservoirs: small networks over small, shallow events, which no ground-motion model here is
    # made for: by magnitude and distance. The values are choices.
    "mine": {
        "kinds": ("mine", "reservoir"),
        "levels": (
            {"name": "notice", "name_zh": "注意", "colour": "#f5c400", "at_least": 100.0},
            {"name": "act", "name_zh": "处置", "colour": "#d50000", "at_least": 101.0},
        ),
        "min_intensity": 0.0,
        "at_epicentre": False,
        "rules": (
            {"name": "M 1 within 5 km", "min_magnitude": 1.0, "within_km": 5.0, "level": "notice"},
            {"name": "M 2 within 10 km", "min_magnitude": 2.0, "within_km": 10.0, "level": "act"},
            {"name": "M 4 within 50 km", "min_magnitude": 4.0, "within_km": 50.0, "level": "act"},
        ),
        "everywhere": True,
        "update_epicentre_km": 1.0,
        "max_epicentre_sigma_km": 20.0,
    },
    "school": {
        "kinds": ("school",),
        "min_intensity": 3.0,
        "at_epicentre": False,
        "everywhere": True,
        "all_clear_s": 180.0,
    },
    "relic": {
        "kinds": ("relic",),
        "levels": TWO_STEPS,
        "min_intensity": 4.0,
        "at_epicentre": False,
        "everywhere": True,
    },
    # A neighbouring centre judges for itself: it hears of everything.
    "centre": {
        "everywhere": True,
        "min_magnitude": -2.0,
        "min_intensity": 0.0,
        "min_stations": 1,
        "max_false_per_year": 1e9,
        "max_magnitude_sigma": 9.0,
        "max_epicentre_sigma_km": 1e6,
        "max_age_s": 3600.0,
        "cover_s": 0.0,
        "wavefield_stations": 1,
        "update_magnitude": 0.05,
        "update_intensity": 0.1,
        "update_arrival_s": 0.2,
        "update_epicentre_km": 1.0,
        "update_every_s": 0.0,
        "max_warnings": 1000,
    },
}
