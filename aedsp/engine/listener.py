"""Who listens to what is done to an engine: for recorded gestures."""

from __future__ import annotations

from typing import Protocol

from aedsp.arrays import Int64
from aedsp.engine.controls import Monitor, Values
from aedsp.model.model import Model


class Listener(Protocol):
    """One listener for everything that changes what is heard. Set as `Engine.listener`."""

    def published(self, version: int, values: Values, monitor: Monitor, frozen: bool) -> None:
        """The controls were published, under their lock; `values` are not to be kept."""

    def swapped(self, model: Model, path: str | None) -> None:
        """A model is handed to the audio thread; path: where it came from, if that is known."""

    def swap_failed(self) -> None:
        """The model of the last `swapped` was not taken."""

    def took_effect(self, events: Int64) -> None:
        """What the audio thread took: rows of (kind, frame, hop, value), in its order, as in `_rt.player.EVENTS`."""
