"""The sentences people read, in English and Chinese, shared by CAP and the quick report.

Numbers, places and times are said once here, so that no two products of one alert differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from seiswarn import geo
from seiswarn.messages import Alert, Origin, Status, TargetForecast
from seiswarn.timebase import NS, iso

Language = Literal["en", "zh"]

_COMPASS_EN = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_COMPASS_ZH = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
# Japan Meteorological Agency, table of seismic intensity classes: lower bounds.
_JMA = (
    (6.5, "7"),
    (6.0, "6+"),
    (5.5, "6-"),
    (5.0, "5+"),
    (4.5, "5-"),
    (3.5, "4"),
    (2.5, "3"),
    (1.5, "2"),
    (0.5, "1"),
)

BANNER: dict[Status, dict[Language, str]] = {
    "actual": {"en": "", "zh": ""},
    "exercise": {"en": "EXERCISE", "zh": "演习"},
    "test": {"en": "TEST", "zh": "测试"},
}
STATUS_NOTE: dict[Status, dict[Language, str]] = {
    "actual": {"en": "", "zh": ""},
    "exercise": {
        "en": "This is an exercise. No earthquake has occurred.",
        "zh": "这是演习，没有发生地震。",
    },
    "test": {"en": "This is a system test. Take no action.", "zh": "这是系统测试，请勿采取行动。"},
}

TOWNS = ("place", "")  # kinds of targets that people know by name; sections of lines they do not
TOWN_KM = 100.0  # farther away a town says little of where something is


def is_jma(scale: str) -> bool:
    """Whether a scale is the Japanese one, of ten classes up to 7."""
    return "JMA" in scale.upper()


def degree(value: float, scale: str) -> str:
    """An instrumental intensity as the degree people know: "VII", or "5+" on the JMA scale.

    Twelve-degree scales round to the nearest degree (GB/T 17742-2020, annex A).
    """
    if is_jma(scale):
        return next((name for bound, name in _JMA if value >= bound), "0")
    return _ROMAN[min(12, max(1, math.floor(value + 0.5))) - 1]


def clock(t_ns: int, utc_offset_hours: float, language: Language) -> str:
    """A time to the second in UTC, and in local time beside it when there is an offset."""
    utc = f"{iso(t_ns, 0)[:-1].replace('T', ' ')} UTC"
    if not utc_offset_hours:
        return utc
    local = iso(t_ns + round(utc_offset_hours * 3600) * NS, 0)[:-1].replace("T", " ")
    zone = offset_text(utc_offset_hours)
    return f"{local} ({zone}; {utc})" if language == "en" else f"{local}（{zone}；{utc}）"


def offset_text(utc_offset_hours: float) -> str:
    """``UTC+08:00`` for 8."""
    minutes = round(abs(utc_offset_hours) * 60)
    return f"UTC{'-' if utc_offset_hours < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def coordinates(origin: Origin, language: Language) -> str:
    """``23.90°N 106.62°E``."""
    ns, ew = ("N" if origin.latitude >= 0 else "S"), ("E" if origin.longitude >= 0 else "W")
    lat, lon = abs(origin.latitude), abs(origin.longitude)
    if language == "en":
        return f"{lat:.2f}°{ns} {lon:.2f}°{ew}"
    names = {"N": "北纬", "S": "南纬", "E": "东经", "W": "西经"}
    return f"{names[ns]}{lat:.2f}度 {names[ew]}{lon:.2f}度"


def place(origin: Origin, targets: Sequence[TargetForecast], language: Language) -> str:
    """Where, said from the nearest town among the targets: ``35 km NW of Baise``.

    From the nearest target of any kind when no town is as near as people know; coordinates without any.
    """
    if not targets:
        return coordinates(origin, language)
    towns = [t for t in targets if t.kind in TOWNS and t.distance_km <= TOWN_KM]
    near = min(towns or targets, key=lambda target: (target.distance_km, target.name))
    name = near.name if language == "en" else near.name_zh or near.name
    if near.distance_km < 5.0:
        return f"near {name}" if language == "en" else f"{name}附近"
    # The plain Python function: a first call of the compiled one would cost a second.
    azimuth = geo.azimuth_deg.py_func(near.latitude, near.longitude, origin.latitude, origin.longitude)
    sector = round(azimuth / 45.0) % 8
    if language == "en":
        return f"{near.distance_km:.0f} km {_COMPASS_EN[sector]} of {name}"
    return f"{name}{_COMPASS_ZH[sector]}方向{near.distance_km:.0f}公里"


def with_banner(text: str, status: Status, language: Language) -> str:
    """The text behind a status nobody can overlook; actual messages stay as they are."""
    banner = BANNER[status][language]
    if not banner:
        return text
    return f"{banner} - {text} - {banner}" if language == "en" else f"【{banner}】{text}【{banner}】"


def headline(alert: Alert, language: Language) -> str:
    """One line that says it all."""
    where = place(alert.origin, alert.targets, language)
    if "all_clear" in alert.transitions:
        text = (
            f"Earthquake early warning, all clear: {where}" if language == "en" else f"地震预警解除：{where}"
        )
        return with_banner(text, alert.status, language)
    if alert.magnitude.kind == "unknown":
        return with_banner(_unlocated(alert, where, language), alert.status, language)
    size = f"{alert.magnitude.value:.1f}"
    if language == "en":
        text = {
            "new": f"Earthquake early warning: M {size}, {where}",
            "update": f"Earthquake early warning, update {alert.revision}: M {size}, {where}",
            "final": f"Earthquake early warning, final report: M {size}, {where}",
            "cancel": f"Earthquake early warning WITHDRAWN: no damaging shaking expected {where}",
        }[alert.kind]
    else:
        text = {
            "new": f"地震预警：{where}发生{size}级地震",
            "update": f"地震预警第{alert.revision}报：{where}发生{size}级地震",
            "final": f"地震预警终报：{where}发生{size}级地震",
            "cancel": f"地震预警撤销：{where}的预警信息已撤销",
        }[alert.kind]
    return with_banner(text, alert.status, language)


def _unlocated(alert: Alert, where: str, language: Language) -> str:
    """The headline of strong motion that no located earthquake explains."""
    if language == "en":
        return {
            "new": f"Strong shaking observed, {where}",
            "update": f"Strong shaking observed, update {alert.revision}: {where}",
            "final": f"Strong shaking, final report: {where}",
            "cancel": f"Warning of strong shaking WITHDRAWN: {where}",
        }[alert.kind]
    return {
        "new": f"地震预警：{where}观测到强烈震动",
        "update": f"地震预警第{alert.revision}报：{where}观测到强烈震动",
        "final": f"地震预警终报：{where}观测到强烈震动",
        "cancel": f"地震预警撤销：{where}的预警信息已撤销",
    }[alert.kind]


def description(alert: Alert, utc_offset_hours: float, language: Language, max_targets: int = 20) -> str:
    """What happened and what is expected where, as a paragraph."""
    origin, size, scale = alert.origin, alert.magnitude, alert.intensity_scale
    when = clock(origin.time_ns, utc_offset_hours, language)
    at = coordinates(origin, language)
    shown = sorted(alert.targets, key=lambda t: (-t.intensity, t.name))[:max_targets]
    peak = degree(alert.max_intensity, scale)
    if language == "en":
        lines = [
            f"Magnitude {size.value:.1f} (+/- {size.sigma:.1f}), depth {origin.depth_km:.0f} km, "
            f"{at}, {when}."
        ]
        if size.kind == "unknown":
            lines = [f"Strong motion first observed at {at}, {when}; magnitude and epicentre not known yet."]
        if alert.level:
            lines.append(f"Level: {alert.level}.")
        if size.saturated:
            lines.append("The magnitude may be larger.")
        if alert.targets:
            lines.append(f"Largest intensity forecast: {peak} ({scale}).")
        lines += [f"{t.name}: {degree(t.intensity, scale)}, {_left_en(t.seconds_left)}." for t in shown]
        return " ".join(lines)
    lines = [
        f"{when}，{at}发生{size.value:.1f}级（±{size.sigma:.1f}）地震，震源深度{origin.depth_km:.0f}公里。"
    ]
    if size.kind == "unknown":
        lines = [f"{when}，{at}首先观测到强烈震动，震级和震中尚未确定。"]
    if alert.level:
        lines.append(f"预警级别：{alert.level_zh or alert.level}。")
    if size.saturated:
        lines.append("实际震级可能更大。")
    if alert.targets:
        lines.append(f"预测最大烈度{peak}度（{scale}）。")
    lines += [
        f"{t.name_zh or t.name}：{degree(t.intensity, scale)}度，{_left_zh(t.seconds_left)}。" for t in shown
    ]
    return "".join(lines)


def instruction(alert: Alert, language: Language) -> str:
    """What to do."""
    texts: dict[str, dict[Language, str]] = {
        "act": {
            "en": "Drop, cover and hold on. Stay away from windows and anything that may fall. "
            "Do not use lifts. Expect aftershocks.",
            "zh": "请立即就近避震：伏地、遮挡、手抓牢。远离门窗和易坠落物品，不要乘坐电梯，注意余震。",
        },
        "final": {
            "en": "Shaking from this earthquake has passed or will not grow. Expect aftershocks and "
            "follow the authorities.",
            "zh": "本次地震的强烈晃动已经过去或不再增强。请注意余震，听从当地政府安排。",
        },
        "cancel": {"en": "No action is needed.", "zh": "无需采取避险措施。"},
    }
    text = texts[alert.kind if alert.kind in texts else "act"][language]
    note = STATUS_NOTE[alert.status][language]
    if alert.status == "test":
        return note
    if alert.status == "exercise":
        text = f"Practise: {text}" if language == "en" else f"演练内容：{text}"
    return f"{note} {text}".strip() if language == "en" else note + text


def _left_en(seconds_left: float) -> str:
    return f"strong shaking in {seconds_left:.0f} s" if seconds_left >= 0.5 else "strong shaking has arrived"


def _left_zh(seconds_left: float) -> str:
    return f"破坏性地震波{seconds_left:.0f}秒后到达" if seconds_left >= 0.5 else "地震波已到达"
