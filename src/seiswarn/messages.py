"""Every wire type, its encoding, and the JSON Schema of what goes outside.

Messages are immutable msgspec Structs: msgpack inside, JSON outside. Evolution rules: a new
field needs a default; a type never changes; a field is never renamed.

Two times on everything: physical times taken from the data (`t_ns`, `t0_ns`, `time_ns`), and
`t_seen_ns`, when seiswarn had it. All are int64 nanoseconds UTC. Units stand in the names.

Reading order is the way of a sample: Packet -> Slice -> Pick, PWindow, Motions -> StationHealth ->
EventEstimate -> Forecast -> Decision, Alert -> QuickReport.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from seiswarn.forecast_field import ForecastField

Status = Literal["actual", "exercise", "test"]
AlertKind = Literal["new", "update", "cancel", "final"]
EventState = Literal["new", "update", "ended", "cancelled"]
Action = Literal["new", "update", "cancel", "final", "hold"]
# What an alert changes for who receives it; several may come at once. `AlertKind` says less, and never
# more than it did: who knows only the four kinds still understands every alert.
Transition = Literal[
    "new", "update", "escalate", "deescalate", "area_growth", "cancel", "all_clear", "expired", "final"
]
# What an estimate or alert rests on: a located earthquake, or motion observed at places alone.
Grounds = Literal["source", "wavefield"]
SampleType = Literal["i4", "f4", "f8"]
Phase = Literal["P", "S"]
HealthState = Literal["ok", "degraded", "untrusted", "down", "maintenance"]
# Classes of stations as in Peng et al. (2022), "An EEW network in the Sichuan-Yunnan region": datum stations
# have a broadband seismometer and an accelerometer, basic ones an accelerometer, ordinary ones a MEMS sensor.
Tier = Literal["datum", "basic", "ordinary"]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """Base of every message; `type` on the wire is the class name."""


# --- in at the door ---------------------------------------------------------------------


class Packet(Message, frozen=True, kw_only=True):
    """Consecutive samples of one channel, as they came.

    `channel` is an FDSN source identifier (``FDSN:CI_CLC__H_N_Z``); `samples` are
    little-endian counts of type `dtype`, the first at `t0_ns`.
    """

    channel: str
    t0_ns: int
    rate_hz: float
    samples: bytes
    dtype: SampleType = "i4"
    t_seen_ns: int
    status: Status = "actual"

    @property
    def n_samples(self) -> int:
        return len(self.samples) // (8 if self.dtype == "f8" else 4)


class PacketBlock(Message, frozen=True, kw_only=True):
    """Packets of many channels as columns, one entry each, in the order in which they came.

    Columns are little-endian arrays: `t0_ns`, `t_seen_ns` int64, `rate_hz` float64, `n_samples`
    int32; `samples` are the counts of all packets end to end, of type `dtype` (see `blocks`).
    """

    channels: tuple[str, ...]
    t0_ns: bytes
    t_seen_ns: bytes
    rate_hz: bytes
    n_samples: bytes
    samples: bytes
    dtype: SampleType = "i4"
    status: Status = "actual"


class Tick(Message, frozen=True, kw_only=True):
    """Time has reached `t_seen_ns`, whether or not data came: silence is data.

    Whoever sends it promises that everything seen until then has been sent before; `last` says
    that nothing will follow.
    """

    t_seen_ns: int
    last: bool = False


class DataError(Message, frozen=True, kw_only=True):
    """Something declined or flagged at the door or in the waveform stage; counted, rate-limited.

    `subject` is the channel, file or source concerned; `count` how often since the last such message.
    """

    t_seen_ns: int
    subject: str
    reason: str
    detail: str = ""
    count: int = 1
    status: Status = "actual"


class Slice(Message, frozen=True, kw_only=True):
    """All that was seen in one step of the engine. `t_seen_ns` is "now" and never goes back.

    `marks` says for each source the number of its last frame that is wholly in here or in earlier
    slices, so that after a crash it can be asked for what follows.
    """

    t_seen_ns: int
    blocks: tuple[PacketBlock, ...] = ()
    errors: tuple[DataError, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()
    status: Status = "actual"


# --- waveform stage ---------------------------------------------------------------------


class Pick(Message, frozen=True, kw_only=True):
    """An onset at one station. `station` is ``NET.STA.LOC.BI`` (band and instrument code).

    `quality` is A (best) to D, from uncertainty and signal-to-noise ratio. An S onset names in
    `p_pick_id` the P onset it follows.
    """

    pick_id: str
    station: str
    channel: str
    t_ns: int
    uncertainty_s: float
    snr: float
    polarity: int = 0  # +1 up, -1 down, 0 undecided
    noise_d_m: float = 0.0  # peak displacement in the seconds before the onset
    phase: Phase = "P"
    quality: Literal["A", "B", "C", "D"] = "D"
    p_pick_id: str = ""
    t_seen_ns: int
    status: Status = "actual"


class PWindow(Message, frozen=True, kw_only=True):
    """Growing-window measures on the vertical after a P pick, from the onset over `window_s` seconds.

    Windows go on past S: who uses them leaves out those that reach beyond an S onset, which is known
    only later.
    """

    pick_id: str
    station: str
    t_ns: int  # the onset
    window_s: float
    pa_mps2: float
    pv_mps: float
    pd_m: float
    tau_c_s: float
    tau_p_max_s: float
    iv2_m2ps: float
    zero_crossings: int = 0  # of the velocity
    clipped: bool = False
    t_seen_ns: int
    status: Status = "actual"


class Motions(Message, frozen=True, kw_only=True):
    """Ground motion of stations, one row per station and second of data, in parallel columns.

    Peaks are vector sums over the components at hand (`n_components`) within that second;
    intensities are real-time values at the end of it, from the last ten seconds. `arias_mps` and
    `cav_mps` are what the second adds: pi/2g times the integral of the squared vector
    acceleration, and the integral of its absolute value. `flags` are those of `reasons.Flag`.
    """

    t_seen_ns: int
    stations: tuple[str, ...]
    t_ns: tuple[int, ...]  # end of the second
    n_components: tuple[int, ...]
    pga_mps2: tuple[float, ...]
    pgv_mps: tuple[float, ...]
    pgd_m: tuple[float, ...]
    intensity_gbt: tuple[float, ...]
    intensity_jma: tuple[float, ...]
    clipped: tuple[bool, ...]
    intensity_mmi: tuple[float, ...] = ()
    pga_gbt_mps2: tuple[float, ...] = ()  # in the band of GB/T 17742-2020, 0.1 to 10 Hz
    pgv_gbt_mps: tuple[float, ...] = ()
    arias_mps: tuple[float, ...] = ()
    cav_mps: tuple[float, ...] = ()
    wood_anderson_m: tuple[float, ...] = ()  # larger horizontal, on the trace of the instrument
    mechanical_pgd_m: tuple[float, ...] = ()  # vector, as JMA's mechanical seismograph of 6 s shows it
    flags: tuple[int, ...] = ()
    status: Status = "actual"


class ChannelQuality(Message, frozen=True, kw_only=True):
    """How channels do, one row per channel and interval of data that ends at `t_ns`, in columns.

    `flags` are those of `reasons.Flag` that were raised within the interval.
    """

    t_seen_ns: int
    channels: tuple[str, ...]
    t_ns: tuple[int, ...]
    offset_counts: tuple[float, ...]  # mean level
    rms_mps2: tuple[float, ...]  # of the acceleration
    noise_mps2: tuple[float, ...]  # long-term level in the picking band; 0 for horizontals
    spikes: tuple[int, ...]
    clipped: tuple[int, ...]  # samples
    flat_s: tuple[float, ...]  # longest run of equal values
    flags: tuple[int, ...]
    status: Status = "actual"


# --- health stage -----------------------------------------------------------------------


class StationHealth(Message, frozen=True, kw_only=True):
    """How far stations are to be trusted, one row per station in columns (`seiswarn.health`).

    Stations whose state has changed come at once; with `full` all of them, every minute of data, and
    then with what they did since the last full message (other messages leave those columns empty).
    `trust` is 0 to 1; `latency_s` the smoothed time from a packet's last sample to its arrival, -1 when
    nothing came yet; `reasons` names why a station is not ok.

    `n_sites` counts the sites around which `cover_sites` stations could ever see an earthquake,
    `n_blind` those of them around which too few trusted ones are left, `blind` says so in a sentence.
    """

    t_seen_ns: int
    full: bool = False
    stations: tuple[str, ...]
    state: tuple[HealthState, ...]
    trust: tuple[float, ...]
    latency_s: tuple[float, ...]
    reasons: tuple[tuple[str, ...], ...]
    tier: tuple[Tier, ...] = ()
    seconds: float = 0.0  # since the last full message
    data_s: tuple[float, ...] = ()  # of the vertical, received since then
    latency_max_s: tuple[float, ...] = ()
    jitter_s: tuple[float, ...] = ()  # mean deviation of the latency from its smoothed value
    gaps: tuple[int, ...] = ()
    overlaps: tuple[int, ...] = ()
    spikes: tuple[int, ...] = ()
    false_triggers: tuple[int, ...] = ()
    n_sites: int = 0
    n_blind: int = 0
    blind: str = ""
    status: Status = "actual"


# --- source stage -----------------------------------------------------------------------


class Origin(Message, frozen=True, kw_only=True):
    """Where and when, with one-sigma uncertainties."""

    time_ns: int
    latitude: float
    longitude: float
    depth_km: float
    time_sigma_s: float
    depth_sigma_km: float
    ellipse_major_km: float  # semi-axes of the one-sigma horizontal ellipse
    ellipse_minor_km: float
    ellipse_azimuth_deg: float
    n_stations: int
    gap_deg: float
    rms_s: float
    method: str = "grid"
    n_s: int = 0  # stations whose S agrees too


class Magnitude(Message, frozen=True, kw_only=True):
    """How big. `kind` names the relation family; `saturated` says the truth may be larger."""

    value: float
    sigma: float
    kind: str
    n_stations: int
    saturated: bool = False


class Arrival(Message, frozen=True, kw_only=True):
    """A pick as used by an origin."""

    pick_id: str
    station: str
    phase: Phase
    t_ns: int
    residual_s: float
    distance_km: float  # epicentral
    azimuth_deg: float  # from the epicentre to the station
    weight: float


class StationMagnitude(Message, frozen=True, kw_only=True):
    """One station's say in the magnitude."""

    station: str
    kind: str
    value: float
    window_s: float
    weight: float


class Rupture(Message, frozen=True, kw_only=True):
    """A straight rupture at the surface of the Earth, from one end to the other, in degrees.

    `log_odds` is the natural logarithm of how much likelier the observed peaks are under it than
    under a point source; when `believed`, distances are to be taken to this line.
    """

    latitude_1: float
    longitude_1: float
    latitude_2: float
    longitude_2: float
    length_km: float
    length_sigma_km: float
    strike_deg: float  # 0 to 180
    strike_sigma_deg: float
    magnitude: float  # that explains the peaks along it
    magnitude_sigma: float
    n_stations: int
    log_odds: float
    believed: bool = False
    method: str = "line"


class EventEstimate(Message, frozen=True, kw_only=True):
    """What the source stage believes now. `revision` counts from 1 within `event_id`.

    `reasons` name what brought this revision about.
    """

    event_id: str
    revision: int
    state: EventState
    t_seen_ns: int
    origin: Origin
    magnitude: Magnitude | None
    arrivals: tuple[Arrival, ...] = ()
    station_magnitudes: tuple[StationMagnitude, ...] = ()
    reasons: tuple[str, ...] = ()
    rupture: Rupture | None = None
    # How often in a year noise alone would do the same, in the whole network (`source.evidence`).
    false_per_year: float = 0.0
    # "wavefield": strong motion that no located earthquake explains; the origin is then no more than the
    # station that showed it first, and there is no magnitude.
    grounds: Grounds = "source"
    continues: str = ""  # the event that this one goes on from, or, once ended, that goes on with it
    status: Status = "actual"


# --- shaking stage ----------------------------------------------------------------------


class TargetForecast(Message, frozen=True, kw_only=True, gc=False):  # thousands in one alert
    """What one target must expect. `seconds_left` counts from `t_seen_ns` to S (negative: past).

    `level` is what it means to the audience of an alert; `p_exceed` the probability of reaching each of
    the `thresholds` of the alert; `intensity_source` what magnitude and distance alone say,
    `intensity_wavefield` the largest motion observed around it, where there is one.
    """

    name: str
    name_zh: str = ""
    latitude: float
    longitude: float
    distance_km: float  # epicentral
    intensity: float
    intensity_sigma: float
    pga_mps2: float
    pgv_mps: float
    p_arrival_ns: int
    s_arrival_ns: int
    seconds_left: float
    method: str  # e.g. "BSSA14+GB/T 17742-2020"
    kind: str = ""
    line: str = ""  # the railway line or pipeline a section belongs to
    population: int = 0
    level: str = ""
    level_rank: int = 0
    p_exceed: tuple[float, ...] = ()
    intensity_source: float | None = None
    intensity_wavefield: float | None = None
    outside_validity: bool = False  # a relation is used beyond the range its authors give


class Forecast(Message, frozen=True, kw_only=True):
    """Shaking expected from one estimate, and from the motion observed so far.

    `field` holds all targets as columns, `grid` the nodes of the grid when there is one (not in every
    message). `targets` stays empty; journals of earlier versions have them there. `blind_zone_km` is the
    epicentral distance that S has reached at `t_seen_ns`.
    """

    event_id: str
    estimate_revision: int
    t_seen_ns: int
    targets: tuple[TargetForecast, ...] = ()
    intensity_scale: str
    max_intensity: float  # largest over the targets; 0 when there are none
    epicentral_intensity: float  # at the epicentre itself, on reference ground
    origin_time_ns: int = 0
    method: str = ""  # names of the relations
    grounds: Grounds = "source"
    thresholds: tuple[float, ...] = ()  # intensities, of `exceed` in the columns
    field: ForecastField | None = None
    grid: ForecastField | None = None
    epicentral_pga_mps2: float = 0.0
    epicentral_pgv_mps: float = 0.0
    blind_zone_km: float = 0.0
    n_observed: int = 0  # stations whose motion has a say
    n_strong: int = 0  # sites in strong motion that lasts, each with an onset at an instant of its own
    status: Status = "actual"


# --- alerts stage -----------------------------------------------------------------------


class Decision(Message, frozen=True, kw_only=True):
    """Why a policy did or did not speak about an event at `t_seen_ns`."""

    event_id: str
    policy: str
    t_seen_ns: int
    action: Action
    reasons: tuple[str, ...]
    detail: str
    estimate_revision: int
    magnitude: float
    max_intensity: float
    n_stations: int
    level: str = ""  # reached by the forecast, whether or not it was told
    transitions: tuple[Transition, ...] = ()
    status: Status = "actual"


class Alert(Message, frozen=True, kw_only=True):
    """A warning as decided. `revision` is monotone from 1 within (`event_id`, `policy`).

    `policy` is the name of the audience. `targets` are those of the audience that have something to
    expect (or had); a target left out has less than the audience wants to hear of. With `grounds`
    "wavefield" the origin is the station that shook first, and the magnitude is of kind "unknown".
    """

    event_id: str
    revision: int
    kind: AlertKind
    status: Status
    policy: str
    t_seen_ns: int
    first_t_seen_ns: int  # of revision 1
    expires_ns: int
    origin: Origin
    magnitude: Magnitude
    targets: tuple[TargetForecast, ...]
    intensity_scale: str
    max_intensity: float
    epicentral_intensity: float
    reasons: tuple[str, ...] = ()
    transitions: tuple[Transition, ...] = ()
    level: str = ""  # name of the highest level among targets, and at the epicentre where that counts
    level_zh: str = ""
    level_rank: int = 0  # 0: below the lowest level
    colour: str = ""
    n_area: int = 0  # targets at the lowest level or above
    measure: Literal["intensity", "pga"] = "intensity"  # that levels are of
    thresholds: tuple[float, ...] = ()  # intensities, of `p_exceed` of the targets
    blind_zone_km: float = 0.0  # epicentral distance that S has reached at `t_seen_ns`
    grounds: Grounds = "source"
    rupture: Rupture | None = None  # where a line is believed over a point
    false_per_year: float = 0.0
    continues: str = ""  # an event warned of before that this one goes on from, or that goes on with it


UNKNOWN_MAGNITUDE = Magnitude(value=0.0, sigma=0.0, kind="unknown", n_stations=0)


# --- reports stage ----------------------------------------------------------------------


class StationPeak(Message, frozen=True, kw_only=True):
    """The largest motion of one station during an event; None: not measured.

    `intensity_gbt` is that of the peaks in the band of GB/T 17742-2020 where these are given, else the
    largest in real time. `arias_mps` and `cav_mps` add up over the event. `clipped` says that a
    peak is from data that were clipped, so that the truth is larger.
    """

    station: str
    latitude: float
    longitude: float
    distance_km: float
    pga_mps2: float
    pgv_mps: float
    intensity_gbt: float
    intensity_jma: float
    intensity_mmi: float | None = None
    pga_gbt_mps2: float | None = None
    pgv_gbt_mps: float | None = None
    arias_mps: float | None = None
    cav_mps: float | None = None
    wood_anderson_m: float | None = None
    clipped: bool = False


class QuickReport(Message, frozen=True, kw_only=True):
    """Everything the quick report says; drawing it is the publisher's work. `number` from 1."""

    event_id: str
    number: int
    t_seen_ns: int
    estimate: EventEstimate
    history: tuple[EventEstimate, ...]  # one per published revision, arrivals left out
    alerts: tuple[Alert, ...]
    peaks: tuple[StationPeak, ...]
    status: Status = "actual"


# --- runtime ----------------------------------------------------------------------------


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection to the outside does: a server, a broker, a port.

    `state` is connected, connecting, silent (connected, but nothing comes), refused (by a word that
    trying again will not change) or listening; `detail` says why in a sentence; `quiet` are stations
    that it should send and does not.
    """

    name: str
    state: Literal["connected", "connecting", "silent", "refused", "listening"]
    since_ns: int
    detail: str = ""
    counters: dict[str, float] = {}
    quiet: tuple[str, ...] = ()


class Heartbeat(Message, frozen=True, kw_only=True):
    """A process is alive. `t_seen_ns` is its own "now"; `counters` are since its start.

    `links` are its connections to the outside; `complaints` sentences on what is wrong though it works.
    """

    process: str
    t_seen_ns: int
    state: str
    counters: dict[str, float] = {}
    links: tuple[LinkState, ...] = ()
    complaints: tuple[str, ...] = ()
    status: Status = "actual"


AnyMessage = (
    Packet
    | PacketBlock
    | Tick
    | DataError
    | Slice
    | Pick
    | PWindow
    | Motions
    | ChannelQuality
    | StationHealth
    | EventEstimate
    | Forecast
    | Decision
    | Alert
    | QuickReport
    | Heartbeat
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """A message as msgpack bytes."""
    return _encoder.encode(message)


def decode(data: bytes | memoryview) -> AnyMessage:
    """The message in msgpack bytes. Raises msgspec.ValidationError or DecodeError when it is none."""
    return _decoder.decode(data)


_TAG = b"\xa4type"  # the key of the tag, which comes first


def kind_of(data: bytes) -> str:
    """The class name of the message in msgpack bytes, without decoding it; empty when that is not to be seen.

    Most of what a journal holds is motions: who does not want them need not decode them.
    """
    at = data.find(_TAG, 0, 8) + len(_TAG)
    if at < len(_TAG) or len(data) <= at or data[at] & 0xE0 != 0xA0:  # msgpack: a short text
        return ""
    return data[at + 1 : at + 1 + (data[at] & 0x1F)].decode("ascii", "replace")


def json_schema(types: Sequence[Any] = (AnyMessage,)) -> dict[str, Any]:
    """JSON Schema (2020-12) of the given wire types, all of them by default."""
    _, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seiswarn messages",
        "$defs": dict(sorted(components.items())),
    }
