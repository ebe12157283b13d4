"""Messages for tests: a plain earthquake near Baise, every field open to change."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from seiswarn.messages import (
    Alert,
    Arrival,
    Decision,
    EventEstimate,
    Magnitude,
    Origin,
    Pick,
    QuickReport,
    StationMagnitude,
    StationPeak,
    TargetForecast,
)
from seiswarn.timebase import NS, from_seconds, parse_iso

ORIGIN_NS = parse_iso("2026-05-12T06:28:04.250000000Z")
FIRST_NS = ORIGIN_NS + from_seconds(6.5)
STATIONS = tuple(f"XX.G{i:03d}.00.HN" for i in range(12))


def make_origin(**changes: Any) -> Origin:
    fields: dict[str, Any] = {
        "time_ns": ORIGIN_NS,
        "latitude": 24.10123456,
        "longitude": 106.34654321,
        "depth_km": 12.3456,
        "time_sigma_s": 0.41234,
        "depth_sigma_km": 4.04321,
        "ellipse_major_km": 5.1234,
        "ellipse_minor_km": 2.6789,
        "ellipse_azimuth_deg": 31.456,
        "n_stations": 6,
        "gap_deg": 92.345,
        "rms_s": 0.21987,
    }
    return Origin(**(fields | changes))


def make_magnitude(**changes: Any) -> Magnitude:
    fields: dict[str, Any] = {"value": 6.7654, "sigma": 0.31234, "kind": "Mpd", "n_stations": 5}
    return Magnitude(**(fields | changes))


def make_target(**changes: Any) -> TargetForecast:
    fields: dict[str, Any] = {
        "name": "Baise",
        "name_zh": "百色",
        "latitude": 23.902,
        "longitude": 106.618,
        "distance_km": 35.432,
        "intensity": 7.62345,
        "intensity_sigma": 0.71234,
        "pga_mps2": 2.3456789,
        "pgv_mps": 0.19876543,
        "p_arrival_ns": ORIGIN_NS + from_seconds(6.4),
        "s_arrival_ns": ORIGIN_NS + from_seconds(11.1),
        "seconds_left": 4.6,
        "method": "BSSA14+GB/T 17742-2020",
    }
    return TargetForecast(**(fields | changes))


def make_targets(t_seen_ns: int = FIRST_NS) -> tuple[TargetForecast, ...]:
    cities = (
        ("Baise", "百色", 23.902, 106.618, 35.4, 7.6),
        ("Hechi", "河池", 24.693, 108.085, 173.0, 4.9),
        ("Nanning", "南宁", 22.817, 108.366, 216.0, 4.4),
        ("Guilin", "桂林", 25.274, 110.290, 402.0, 2.6),
    )
    out = []
    for name, zh, lat, lon, km, intensity in cities:
        s_ns = ORIGIN_NS + from_seconds(km / 3.4)
        out.append(
            make_target(
                name=name,
                name_zh=zh,
                latitude=lat,
                longitude=lon,
                distance_km=km,
                intensity=intensity,
                p_arrival_ns=ORIGIN_NS + from_seconds(km / 6.0),
                s_arrival_ns=s_ns,
                seconds_left=(s_ns - t_seen_ns) / NS,
            )
        )
    return tuple(out)


def make_alert(**changes: Any) -> Alert:
    """A revision-1 alert; give `t_seen_ns` or `revision` and the rest follows."""
    revision = changes.get("revision", 1)
    t_seen_ns = changes.get("t_seen_ns", FIRST_NS + (revision - 1) * NS)
    fields: dict[str, Any] = {
        "event_id": "sw20260512062804",
        "revision": revision,
        "kind": "new" if revision == 1 else "update",
        "status": "actual",
        "policy": "public",
        "t_seen_ns": t_seen_ns,
        "first_t_seen_ns": FIRST_NS,
        "expires_ns": t_seen_ns + 120 * NS,
        "origin": make_origin(),
        "magnitude": make_magnitude(),
        "targets": make_targets(t_seen_ns),
        "intensity_scale": "GB/T 17742-2020",
        "max_intensity": 7.6,
        "epicentral_intensity": 8.43,
        "reasons": ("ABOVE_THRESHOLD",),
    }
    return Alert(**(fields | changes))


def make_decision(**changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "event_id": "sw20260512062804",
        "policy": "public",
        "t_seen_ns": FIRST_NS,
        "action": "new",
        "reasons": ("ABOVE_THRESHOLD",),
        "detail": "intensity 7.6 at Baise reaches 4.0",
        "estimate_revision": 3,
        "magnitude": 6.7654,
        "max_intensity": 7.6,
        "n_stations": 6,
    }
    return Decision(**(fields | changes))


def make_pick(i: int = 0, **changes: Any) -> Pick:
    fields: dict[str, Any] = {
        "pick_id": f"p{i:06d}",
        "station": STATIONS[i],
        "channel": f"FDSN:XX_G{i:03d}_00_H_N_Z",
        "t_ns": ORIGIN_NS + from_seconds(math.hypot(12.0 + 9.0 * i, 12.3) / 6.0 + 0.1 - 0.03 * i),
        "uncertainty_s": 0.05,
        "snr": 23.456,
        "polarity": (1, -1, 0)[i % 3],
        "t_seen_ns": ORIGIN_NS + from_seconds(3.5 + 1.5 * i),
    }
    return Pick(**(fields | changes))


def make_estimate(n: int = 6, **changes: Any) -> EventEstimate:
    arrivals = tuple(
        Arrival(
            pick_id=f"p{i:06d}",
            station=STATIONS[i],
            phase="P",
            t_ns=make_pick(i).t_ns,
            residual_s=0.1 - 0.03 * i,
            distance_km=12.0 + 9.0 * i,
            azimuth_deg=(40.0 * i) % 360.0,
            weight=1.0,
        )
        for i in range(n)
    )
    magnitudes = tuple(
        StationMagnitude(station=STATIONS[i], kind="Mpd", value=6.5 + 0.1 * i, window_s=3.0, weight=1.0)
        for i in range(n - 1)
    )
    fields: dict[str, Any] = {
        "event_id": "sw20260512062804",
        "revision": 3,
        "state": "update",
        "t_seen_ns": FIRST_NS,
        "origin": make_origin(n_stations=n),
        "magnitude": make_magnitude(n_stations=n - 1),
        "arrivals": arrivals,
        "station_magnitudes": magnitudes,
    }
    return EventEstimate(**(fields | changes))


def make_peaks(n: int = 12) -> tuple[StationPeak, ...]:
    return tuple(
        StationPeak(
            station=STATIONS[i],
            latitude=24.101 + (12.0 + 9.0 * i) / 111.2 * math.cos(2.1 * i),
            longitude=106.347 + (12.0 + 9.0 * i) / 101.5 * math.sin(2.1 * i),
            distance_km=12.0 + 9.0 * i,
            pga_mps2=4.0 / (1 + i) ** 1.2,
            pgv_mps=0.35 / (1 + i) ** 1.1,
            intensity_gbt=8.4 - 0.45 * i,
            intensity_jma=5.6 - 0.35 * i,
        )
        for i in range(n)
    )


def make_report(**changes: Any) -> QuickReport:
    history = []
    alerts = []
    for r in range(1, 7):
        t = FIRST_NS + from_seconds((r - 1) * 1.7)
        magnitude = make_magnitude(value=5.6 + 0.22 * r, sigma=0.5 - 0.05 * r, n_stations=2 + 2 * r)
        origin = make_origin(latitude=24.06 + 0.01 * r, longitude=106.39 - 0.01 * r, n_stations=2 + 2 * r)
        history.append(
            make_estimate(
                revision=r,
                t_seen_ns=t,
                origin=origin,
                magnitude=magnitude,
                arrivals=(),
                station_magnitudes=(),
            )
        )
        alerts.append(
            make_alert(
                revision=r,
                t_seen_ns=t,
                origin=origin,
                magnitude=magnitude,
                max_intensity=6.4 + 0.2 * r,
                kind="new" if r == 1 else "final" if r == 6 else "update",
            )
        )
    status = changes.get("status", "actual")
    fields: dict[str, Any] = {
        "event_id": "sw20260512062804",
        "number": 1,
        "t_seen_ns": ORIGIN_NS + 120 * NS,
        "estimate": make_estimate(11, revision=7, state="ended", status=status),
        "history": tuple(msgspec.structs.replace(h, status=status) for h in history),
        "alerts": tuple(msgspec.structs.replace(a, status=status) for a in alerts),
        "peaks": make_peaks(),
    }
    return QuickReport(**(fields | changes))
