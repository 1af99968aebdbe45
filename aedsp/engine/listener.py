"""Listener protocol: receives every change to an engine's controls and model, for recorded gestures."""

from __future__ import annotations

from typing import Protocol

from aedsp.arrays import Int64
from aedsp.engine.state import State
from aedsp.model.model import Model


class Listener(Protocol):
    """Receives everything that changes the sound. Set as `Engine.listener`."""

    def published(self, version: int, state: State) -> None:
        """The controls were published. Called under their lock; copy the values to keep them."""

    def folded(self, state: State) -> None:
        """Scheduled changes have come into the state; the audio thread applied them earlier. Called as `published`."""

    def swapped(self, model: Model, path: str | None) -> None:
        """A model is passed to the audio thread; path: its file, if known."""

    def swap_failed(self) -> None:
        """The audio thread did not take the model of the last `swapped`."""

    def took_effect(self, events: Int64) -> None:
        """Changes applied by the audio thread, in order: rows (kind, frame, hop, value) as in `_rt.player.EVENTS`."""
