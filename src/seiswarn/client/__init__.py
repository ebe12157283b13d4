"""The subscriber library for integrators: warnings in a few lines."""

from seiswarn.client.subscriber import Loss, Received, Silence, Subscriber

__all__ = ["Loss", "Received", "Silence", "Subscriber"]
