"""Waiting for a subscriber, and reading all that has come to it."""

from __future__ import annotations

from seiswarn.bus import Publisher
from seiswarn.client import Subscriber
from seiswarn.client.subscriber import Item
from seiswarn.publish.sinks.zmq_pub import ZmqPub


def joined(publisher: ZmqPub | Publisher, subscriber: Subscriber) -> None:
    for _ in range(250):
        publisher.beat(0)
        if subscriber._receiver._socket.poll(20):
            break
    else:
        raise AssertionError("the subscriber never joined")
    drain(subscriber)


def drain(subscriber: Subscriber) -> list[Item]:
    items: list[Item] = []
    while subscriber._receiver._socket.poll(150):
        items += subscriber.poll(0.0)
    return items
