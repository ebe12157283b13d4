"""Ways out by name; loaded when first used."""

from __future__ import annotations

from importlib import import_module

from seiswarn.publish.base import Sink

SINKS: dict[str, str] = {
    "file": "seiswarn.publish.sinks.file:RunFolder",
    "zmq": "seiswarn.publish.sinks.zmq_pub:ZmqPub",
}


def sink_class(name: str) -> type[Sink]:
    """The class of a sink. Raises KeyError for a name that is not in `SINKS`."""
    module, _, attribute = SINKS[name].partition(":")
    found: type[Sink] = getattr(import_module(module), attribute)
    return found
