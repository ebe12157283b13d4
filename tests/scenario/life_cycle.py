"""Scripted lives of warnings: estimates and motions through the real shaking and alerts stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from seiswarn.alerts.params import Params as Audience
from seiswarn.alerts.stage import AlertsStage
from seiswarn.config_audiences import with_presets
from seiswarn.config_check import Findings, build
from seiswarn.config_lines import KeyLines
from seiswarn.messages import Alert, Decision, Message, Rupture, Status
from seiswarn.shaking.params import Params
from seiswarn.shaking.stage import ShakingStage
from seiswarn.stations import StationTable
from seiswarn.targets import Target, TargetTable
from tests.shaking_work import (
    Uniform,
    at,
    estimate,
    grid_table,
    motions,
    onset,
    place,
    target,
)

# Loud, and quieter at the ends: what a second of strong motion and of a lull may be, m/s^2 and m/s.
STRONG, TREMBLING = (2.0, 0.15), (0.05, 0.004)
CITIES = (
    target("Baise", 15.0, 0.0),
    target("Hechi", 60.0, 10.0),
    target("Nanning", 140.0, 0.0),
    target("Guilin", 280.0, 0.0),
)


def audience(preset: str = "", **values: Any) -> Audience:
    """An audience as a configuration builds it: a preset, and values before it."""
    findings = Findings("c.toml", KeyLines())
    (table,) = with_presets({"audience": [{"preset": preset, **values}]}, findings)["audience"]
    del table["preset"]
    made = build(Audience, table, (), findings)
    assert findings.problems == []
    return made


class Play:
    """Two stages, what they were given and what they said. `restart` makes them anew before every step."""

    def __init__(
        self,
        audiences: Sequence[Audience],
        targets: Sequence[Target] = CITIES,
        table: StationTable | None = None,
        restart: Callable[[int], bool] = lambda step: False,
        status: Status = "actual",
        **shaking: Any,
    ) -> None:
        self.table = grid_table() if table is None else table
        told = TargetTable.of(targets)
        self._make = lambda: (
            ShakingStage(Params(**shaking), told, Uniform(), self.table),
            AlertsStage(audiences, told),
        )
        self._stages = self._make()
        self._restart = restart
        self._status = status
        self._revisions: dict[str, int] = {}
        self.names = tuple(p.name for p in audiences)
        self.said: list[Message] = []
        self.n_steps = 0

    def step(self, t_s: float, *messages: Message) -> list[Any]:
        """One slice; returns what the alerts stage says."""
        if self._restart(self.n_steps):
            self._stages = self._again()
        self.n_steps += 1
        forecast, alerts = self._stages
        given = [msgspec.structs.replace(m, status=self._status) for m in messages]
        made = forecast.handle(at(t_s), given)
        told = alerts.handle(at(t_s), given + made)
        self.said += [*given, *made, *told]
        return told

    def _again(self) -> tuple[ShakingStage, AlertsStage]:
        fresh = self._make()
        for old, new in zip(self._stages, fresh, strict=True):
            data = old.snapshot()
            new.restore(data)
            assert new.snapshot() == data
        return fresh

    def tell(self, t_s: float, magnitude: float | None = 6.0, event: str = "e1", **changes: Any) -> list[Any]:
        """One more estimate of an event."""
        revision = self._revisions[event] = self._revisions.get(event, 0) + 1
        return self.step(t_s, estimate(t_s, magnitude, revision=revision, event=event, **changes))

    def wait(self, from_s: float, to_s: float, every_s: float = 0.5) -> list[Any]:
        """Nothing but time."""
        return [m for t in np.arange(from_s, to_s, every_s).tolist() for m in self.step(t)]

    @property
    def alerts(self) -> list[Alert]:
        return [m for m in self.said if isinstance(m, Alert)]

    @property
    def decisions(self) -> list[Decision]:
        return [m for m in self.said if isinstance(m, Decision)]

    def of(self, name: str, event: str = "") -> list[Alert]:
        """Alerts of one audience, about one event or all."""
        return [a for a in self.alerts if a.policy == name and event in ("", a.event_id)]

    def transitions(self, name: str = "public", event: str = "") -> list[tuple[str, ...]]:
        return [a.transitions for a in self.of(name, event)]


def line(length_km: float) -> Rupture:
    """A believed rupture northwards from the middle."""
    (lat1, lon1), (lat2, lon2) = place(0.0, 0.0), place(length_km, 0.0)
    return Rupture(
        latitude_1=lat1, longitude_1=lon1, latitude_2=lat2, longitude_2=lon2, length_km=length_km,
        length_sigma_km=20.0, strike_deg=0.0, strike_sigma_deg=5.0, magnitude=7.5, magnitude_sigma=0.2,
        n_stations=20, log_odds=9.0, believed=True,
    )  # fmt: skip


def too_large(**options: Any) -> Play:
    """A first estimate of M 6.8 that shrinks to M 3, twice more, and then is not believed any more."""
    play = Play([audience("public", all_clear_s=0.0)], **options)
    t = 4.0
    for _ in range(4):
        play.tell(t, 6.8)
        play.wait(t + 1.0, t + 3.0)
        play.tell(t + 3.0, 3.0)
        play.wait(t + 3.5, t + 14.0)
        t += 15.0
    play.tell(t, state="ended")
    return play


def false_alarm(**options: Any) -> Play:
    """Warned of, then recognised as none by the source stage; what comes after is not heard."""
    play = Play([audience("public")], **options)
    play.tell(4.0, 5.5)
    play.tell(6.0, 5.5, state="cancelled", reasons=("TELESEISM",))
    play.tell(8.0, 6.5)
    return play


def slow_growth(**options: Any) -> Play:
    """M 5.0 grows to 7.5 in forty seconds; the line along which it broke is known late. It ends well."""
    play = Play([audience("public")], **options)
    for k in range(41):
        rupture = line(150.0) if k >= 30 else None
        play.tell(4.0 + k, min(7.5, 5.0 + 0.0625 * k), rupture=rupture, n=6 + k)
    play.tell(60.0, 7.5, rupture=line(150.0), state="ended", n=50)
    play.wait(60.5, 300.0, 1.0)
    return play


def dips(**options: Any) -> Play:
    """A level is left for three seconds, which is not enough, and later for good."""
    play = Play([audience("public", region=((20, 100), (20, 112), (28, 112), (28, 100)))], **options)
    play.tell(4.0, 6.5)
    play.tell(6.0, 5.0)
    play.wait(6.5, 9.0)
    play.tell(9.0, 6.5)
    play.tell(12.0, 5.0)
    play.wait(12.5, 20.0)
    play.tell(25.0, 5.0, state="ended")
    play.wait(25.5, 230.0, 5.0)
    return play


def nobody_speaks(**options: Any) -> Play:
    """An event that is never ended: its warning runs out."""
    play = Play([audience("public", all_clear_s=0.0, expires_s=60.0)], **options)
    play.tell(4.0, 6.0)
    play.wait(5.0, 70.0, 1.0)
    play.tell(71.0, 6.8)
    return play


RAIL = tuple(
    target(f"Line K{k}", k - 20.0, 40.0, kind="railway", line="Line", from_km=float(k), to_km=k + 10.0)
    for k in range(0, 50, 10)
)
MINE = (target("Pit", -70.0, -62.0, kind="mine"),)


def _box(north_km: float, east_km: float, half_km: float) -> list[list[float]]:
    corners = ((-half_km, -half_km), (-half_km, half_km), (half_km, half_km), (half_km, -half_km))
    return [list(place(north_km + a, east_km + b)) for a, b in corners]


def three_audiences() -> list[Audience]:
    return [
        audience("public", name="public"),
        audience("railway", name="railway"),
        audience("mine", name="mine", region=_box(-70.0, -60.0, 15.0)),
    ]


def two_at_once(**options: Any) -> Play:
    """M 6.2 beside a railway and, seconds later, M 3.3 under a mine a hundred kilometres away."""
    play = Play(three_audiences(), (*CITIES, *RAIL, *MINE), **options)
    for k in range(8):
        play.tell(4.0 + k, 6.2 - 0.05 * (k % 2), "large", where=(0.0, 35.0))
        play.tell(4.5 + k, 3.3, "small", where=(-70.0, -60.0), t0_s=1.0, depth_km=2.0)
    play.tell(60.0, 6.2, "large", where=(0.0, 35.0), state="ended")
    play.tell(61.0, 3.3, "small", where=(-70.0, -60.0), t0_s=1.0, depth_km=2.0, state="ended")
    play.wait(61.5, 240.0, 5.0)
    return play


def third_solution(**options: Any) -> Play:
    """Two audiences that differ only in the solution they wait for."""
    both = [audience(name="first"), audience(name="third", release_solution=3)]
    play = Play(both, **options)
    for k in range(4):
        play.tell(4.0 + 2.0 * k, 6.0 + 0.3 * k)
    return play


def limits(**options: Any) -> Play:
    """Two updates at most: what raises a level or adds to the area goes out all the same."""
    play = Play([audience(update_every_s=4.0, max_updates=2)], **options)
    play.tell(4.0, 6.0)
    for k, magnitude in enumerate((6.05, 6.1, 5.8, 5.6, 5.9, 5.6, 5.9, 5.65), 1):
        play.tell(4.0 + 0.4 * k, magnitude, where=(0.0, 12.0 * (k % 2)))
    play.wait(8.0, 25.0)
    play.tell(26.0, 5.7, where=(0.0, 15.0))
    play.tell(31.0, 5.7, where=(0.0, -5.0))
    play.tell(32.0, 7.2)
    return play


def shake(table: StationTable, t_s: int, onsets: dict[int, float], loud_s: float = 12.0) -> Message:
    """One second of motion at the stations whose P was there: weak at first, then S, then a coda."""
    rows = []
    for k, p_s in onsets.items():
        gone = t_s - p_s
        if 0.0 <= gone < 60.0:
            pga, pgv = STRONG if 1.0 <= gone < loud_s else TREMBLING
            rows.append((k, float(t_s), pga, pgv))
    return motions(table, rows, t_s)


MIDDLE, NORTH, EAST, SOUTH, WEST = 12, 17, 13, 7, 11  # of grid_table(): the middle and 20 km around it
WAVE = {MIDDLE: 3.0, NORTH: 5.2, EAST: 5.6, SOUTH: 6.1, WEST: 6.4}


def wave_then_source(**options: Any) -> Play:
    """Motion that nothing explains; then the earthquake is located, and goes on with it."""
    audiences = [audience(name="public"), audience("railway", name="railway")]
    sections = (target("K0", 2.0, 3.0, kind="railway"), target("K90", 90.0, 0.0, kind="railway"))
    play = Play(audiences, (*CITIES, *sections), wavefield_min_stations=1, **options)
    for t in range(2, 40):
        heard = [onset(play.table, k, p) for k, p in WAVE.items() if t - 1 < p <= t]
        play.step(t + 0.2, *heard, shake(play.table, t, WAVE))
        if t in (15, 18):
            play.tell(t + 0.5, 6.6, "located")
    play.tell(120.0, 6.6, "located", state="ended")
    return play


STORIES: dict[str, Callable[..., Play]] = {
    play.__name__: play
    for play in (
        too_large, false_alarm, slow_growth, dips, nobody_speaks, two_at_once, third_solution, limits,
        wave_then_source,
    )
}  # fmt: skip
