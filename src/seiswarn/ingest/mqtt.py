"""An MQTT feed of OpenEEW sensors as a live source.

The session at the broker is kept under a name, so that with quality of service 1 the broker holds
what comes while this process is away. What it delivers twice is dropped here; what it has kept as
"retained" is old by definition, and refused.
"""

from __future__ import annotations

import random
import ssl
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seiswarn.ingest.door import Door
from seiswarn.ingest.live import Clock, Received, Refused
from seiswarn.ingest.openeew import Timeline, Trace, parse_message, station_of
from seiswarn.ingest.pack import SourcePacker
from seiswarn.messages import LinkState
from seiswarn.reasons import Reason
from seiswarn.timebase import sample_offset_ns

CONNECT_S = 5.0
KEEPALIVE_S = 10  # a broker that answers no ping for as long is left
LOOP_S = 0.1  # between two looks whether to stop
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 2.0
REFUSED_RETRY_S = 30.0  # after a word that trying again will not change
RECENT = 64  # messages of a device by which repetition is known: a minute
MAX_DEVICES = 20_000  # garbage must not fill the memory
# Reason codes of CONNACK that say who we are is not right (MQTT 5, 3.2.2.2; paho maps those of 3.1.1)
_NO_ENTRY = ("Bad user name or password", "Not authorized", "Client identifier not valid", "Banned")


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker; the fields of [[ingest]] of kind "mqtt". Without a `client_id` no session is kept."""

    host: str = "localhost"
    port: int = 1883
    topics: tuple[str, ...] = ("traces/#",)
    qos: int = 1
    client_id: str = "seiswarn"
    user: str = ""
    password: str = ""
    tls: bool = False
    tls_verify: bool = True
    tls_ca: str = ""
    network: str = "OE"
    location: str = "00"
    channels: tuple[str, str, str] = ("BNZ", "BNN", "BNE")
    devices: tuple[tuple[str, str], ...] = ()
    times: str = "device"
    silent_s: float = 10.0
    quiet_s: float = 60.0


class Entry(Exception):
    """The broker does not let us in."""


class MqttSource:
    """Records of all sensors that publish to the topics of one broker."""

    NAME: ClassVar[str] = "mqtt"
    NEEDS: ClassVar[str] = "an MQTT broker of version 3.1.1 or 5 that OpenEEW sensors publish to"
    VALID: ClassVar[str] = "JSON of OpenEEW sensors: acceleration of three axes in gal"
    REFERENCE: ClassVar[str] = "OASIS MQTT 3.1.1; openeew.com, Historic data; openeew-firmware, FIRMWARE.md"
    VERIFIED: ClassVar[bool] = True

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker, self._clock = broker, clock
        self._door = Door(f"mqtt {broker.host}:{broker.port}", clock, silent_s=broker.silent_s)
        self._packer = SourcePacker()
        self._names = dict(broker.devices)
        self._timelines: dict[str, Timeline] = {}
        self._recent: dict[str, OrderedDict[tuple[int, int], None]] = {}
        self._heard_s: dict[str, float] = {}
        self._jitter = random.Random(broker.client_id)
        self._verdict = ""  # of the broker on this connection

    def start(self) -> None:
        self._door.start(self._run)

    def take(self) -> tuple[list[Received], list[Refused]]:
        return self._door.inbox.take()

    def safe(self, marks: Mapping[str, int]) -> None:
        """The broker forgets a message when it has been handed over."""

    def links(self) -> Sequence[LinkState]:
        now = self._clock.monotonic_s()
        heard = dict(self._heard_s)
        quiet = tuple(sorted(d for d, at in heard.items() if now - at > self._broker.quiet_s))
        return (self._door.link(quiet),)

    @property
    def ended(self) -> bool:
        return False

    def close(self) -> None:
        self._door.close()

    # --- the connection --------------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while not self._door.stopping.is_set():
            self._verdict = ""
            wait_s = 0.0
            try:
                tries = 0 if self._hear_broker() else tries
                problem = "the connection to the broker is lost"
            except Entry as error:
                problem, wait_s = f"the broker refuses to let us in: {error}", REFUSED_RETRY_S
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; paho raises ValueError
                problem = str(error) or type(error).__name__
            if self._door.stopping.is_set():
                return
            tries += 1
            self._door.count("reconnects")
            self._door.say("refused" if wait_s else "connecting", problem)
            growing = min(FIRST_RETRY_S * 2.0 ** min(tries - 1, 10), LAST_RETRY_S)
            self._door.stopping.wait(max(wait_s, growing) * self._jitter.uniform(0.7, 1.3))

    def _hear_broker(self) -> bool:
        """One connection, to its end; whether the broker let us in. Raises Entry, OSError, ValueError."""
        from paho.mqtt.enums import MQTTErrorCode

        client = self._client()
        welcome = False
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
            until_s = self._clock.monotonic_s() + CONNECT_S
            while not self._door.stopping.is_set():
                code = client.loop(LOOP_S)
                welcome = welcome or client.is_connected()
                if self._verdict:
                    if any(word in self._verdict for word in _NO_ENTRY):
                        raise Entry(self._verdict)
                    raise ValueError(self._verdict)
                if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return welcome
                if not welcome and self._clock.monotonic_s() > until_s:
                    raise ValueError(f"no answer within {CONNECT_S:g} s: is this an MQTT broker?")
                self._door.wait_for_room()
        finally:
            client.disconnect()
            client.loop(0.0)
        return welcome

    def _client(self) -> Any:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        broker = self._broker
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=broker.client_id, clean_session=not broker.client_id
        )
        client.connect_timeout = CONNECT_S
        if broker.user:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set(
                ca_certs=broker.tls_ca or None,
                cert_reqs=ssl.CERT_REQUIRED if broker.tls_verify else ssl.CERT_NONE,
            )
            client.tls_insecure_set(not broker.tls_verify)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._verdict = str(reason)
            return
        client.subscribe([(topic, self._broker.qos) for topic in self._broker.topics])
        self._door.say("connected", ", ".join(self._broker.topics))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._verdict = f"Not authorized to subscribe to {', '.join(self._broker.topics)}"

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        self.hear(message.topic, message.payload, retained=message.retain)

    # --- messages --------------------------------------------------------------------------------

    def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Take one message. Never raises because of what is in it."""
        self._door.count("messages")
        if retained:
            detail = "a retained message: what the broker has kept is not of now"
            self._door.refuse(topic[:80], Reason.CLOCK_ANCIENT, detail)
            return
        try:
            traces = parse_message(payload)
        except ValueError as error:
            self._door.refuse(topic[:80], Reason.CORRUPT_RECORD, str(error)[:200])
            return
        device = traces[0].device
        if device not in self._heard_s and len(self._heard_s) >= MAX_DEVICES:
            self._door.refuse(device, Reason.BUFFER_FULL, f"more than {MAX_DEVICES} devices")
            return
        self._heard_s[device] = self._clock.monotonic_s()
        seen_ns = self._clock.now_ns()
        for k, trace in enumerate(traces):
            if self._repeated(trace):
                self._door.count("repeated")
                continue
            t0_ns = self._begin_ns(trace, seen_ns, behind=traces[k + 1 :])
            if t0_ns > 0:
                self._pack(trace, t0_ns)
            else:
                self._door.refuse(device, Reason.CLOCK_ANCIENT, "a message that says no time")

    def _begin_ns(self, trace: Trace, seen_ns: int, behind: Sequence[Trace]) -> int:
        """The time of the first sample; 0 when it is not to be known."""
        n = trace.axes.shape[1]
        if self._broker.times == "device":
            return trace.last_ns - sample_offset_ns(n - 1, trace.rate_hz) if trace.last_ns else 0
        if not seen_ns:
            return 0
        after_ns = sum(sample_offset_ns(t.axes.shape[1], t.rate_hz) for t in behind)
        timeline = self._timelines.setdefault(trace.device, Timeline())
        return timeline.by_arrival(seen_ns - after_ns, n, trace.rate_hz)

    def _repeated(self, trace: Trace) -> bool:
        if not trace.last_ns and not np.ptp(trace.axes, axis=1).any():
            return False  # no time, and a dead sensor: nothing tells two of its messages apart
        key = (trace.last_ns, hash(trace.axes.tobytes()))
        recent = self._recent.setdefault(trace.device, OrderedDict())
        if key in recent:
            return True
        recent[key] = None
        if len(recent) > RECENT:
            recent.popitem(last=False)
        return False

    def _pack(self, trace: Trace, t0_ns: int) -> None:
        station = self._names.get(trace.device) or trace.station or station_of(trace.device)
        network = trace.network or self._broker.network
        for channel, samples in zip(self._broker.channels, trace.axes, strict=True):
            name = f"FDSN:{network}_{station}_{self._broker.location}_{'_'.join(channel)}"
            try:
                records = self._packer.pack(name, t0_ns, trace.rate_hz, np.ascontiguousarray(samples), "f4")
            except ValueError as error:
                self._door.refuse(name, Reason.CORRUPT_RECORD, str(error))
                continue
            self._door.put(records)
