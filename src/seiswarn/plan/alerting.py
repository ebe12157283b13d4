"""When the first alert of an earthquake leaves: the pipeline asked, one earthquake at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from seiswarn.messages import UNKNOWN_MAGNITUDE, Alert, Decision
from seiswarn.plan.recordings import LONGEST_S, ORIGIN_NS, Recordings, record
from seiswarn.plan.script import Script, Scripted
from seiswarn.runtime.setup import Setup
from seiswarn.source.traveltime import TravelTimes
from seiswarn.timebase import seconds

NOBODY_PICKED = "NO_PICK"
SOURCE = "source"  # the policy named in decisions of the source stage


class Quake(msgspec.Struct, frozen=True, kw_only=True):
    """The earthquake of a plan, and how its records come in."""

    magnitude: float = 6.0
    depth_km: float = 10.0
    latency_s: float = 1.0
    packet_s: float = 0.5
    policy: str = ""  # whose alerts count; those of any, when empty
    draws: int = 1  # of the noise that records are made of; the outcome is the middle one of so many


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an earthquake at one place, in degrees.

    `alert_s` is from the origin to the first alert, None when there was none within `LONGEST_S`; then
    `reasons` and `detail` are those of the last decision against one.
    """

    latitude: float
    longitude: float
    alert_s: float | None
    policy: str = ""
    n_stations: int = 0
    magnitude: float | None = None
    reasons: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Places to ask about, under each of some networks that differ in their stations."""

    setups: tuple[Setup, ...]
    quake: Quake
    places: tuple[tuple[float, float], ...]


def outcomes(task: Task) -> list[list[Outcome]]:
    """For each network the outcomes at all places; what runs in the processes."""
    first, quake = task.setups[0], task.quake
    source = first.params.source
    times = TravelTimes(source.velocity_model, source.max_depth_km, source.velocity_layers)
    recordings = [
        record(
            first.params.waveform, times, magnitude=quake.magnitude, depth_km=quake.depth_km,
            packet_s=quake.packet_s, step_ns=first.step_ns, seed=1 + k,
        )
        for k in range(quake.draws)
    ]  # fmt: skip
    networks = [Network(setup, quake, times, recordings) for setup in task.setups]
    return [[network.at(*place) for place in task.places] for network in networks]


class Network:
    """A network with its pipeline, which begins anew for each earthquake."""

    def __init__(
        self, setup: Setup, quake: Quake, times: TravelTimes, recordings: Sequence[Recordings]
    ) -> None:
        self._quake = quake
        self._waveform = Scripted()
        # It is a stage like the real one to the pipeline, which asks nothing else of it.
        self._pipeline = setup.pipeline(self._waveform)
        self._fresh = self._pipeline.snapshot()
        self._scripts = [
            Script(setup.table, one, times, latency_s=quake.latency_s, step_ns=setup.step_ns)
            for one in recordings
        ]

    def at(self, latitude: float, longitude: float) -> Outcome:
        """The outcome of the earthquake at an epicentre in degrees, the middle one of all draws."""
        told = [self._once(script, latitude, longitude) for script in self._scripts]
        told.sort(key=lambda o: math.inf if o.alert_s is None else o.alert_s)
        return told[(len(told) - 1) // 2]

    def _once(self, script: Script, latitude: float, longitude: float) -> Outcome:
        self._pipeline.restore(self._fresh)
        against: Decision | None = None
        for piece, said in script.slices(latitude, longitude):
            self._waveform.said = said
            for message in self._pipeline.handle(piece):
                if isinstance(message, Alert) and message.kind == "new" and self._counts(message.policy):
                    return Outcome(
                        latitude=latitude,
                        longitude=longitude,
                        alert_s=seconds(message.t_seen_ns - ORIGIN_NS),
                        policy=message.policy,
                        n_stations=message.origin.n_stations,
                        magnitude=None
                        if message.magnitude.kind == UNKNOWN_MAGNITUDE.kind
                        else message.magnitude.value,
                        reasons=message.reasons,
                    )
                if isinstance(message, Decision):
                    against = self._weightier(message, against)
        return self._silent(latitude, longitude, against)

    def _counts(self, policy: str) -> bool:
        return not self._quake.policy or policy == self._quake.policy

    def _weightier(self, new: Decision, known: Decision | None) -> Decision | None:
        """The later of two decisions; one of the source stage only while no audience has decided."""
        if new.policy == SOURCE:
            return new if known is None or known.policy == SOURCE else known
        return new if self._counts(new.policy) else known

    def _silent(self, latitude: float, longitude: float, against: Decision | None) -> Outcome:
        if against is None:
            return Outcome(
                latitude=latitude,
                longitude=longitude,
                alert_s=None,
                reasons=(NOBODY_PICKED,),
                detail=f"no two stations had P within {LONGEST_S:.0f} s",
            )
        return Outcome(
            latitude=latitude,
            longitude=longitude,
            alert_s=None,
            policy=against.policy,
            n_stations=against.n_stations,
            magnitude=against.magnitude,
            reasons=against.reasons,
            detail=against.detail,
        )
