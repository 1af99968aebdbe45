"""Silence and solo: they mute units for a while, over the mutes that the player has set. Call under a lock.

While either is on, the player's own mutes are kept here: they can still be changed, and come back at the end. A soloed
unit sounds even if it is muted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aedsp.arrays import Float32
from aedsp.engine.controls import Controls


@dataclass(frozen=True)
class MuteState:
    """own: the player's mutes, kept while silence or solo is on; None: neither is. all_but: the soloed ones are off."""

    own: Float32 | None = None
    silenced: bool = False
    solo: frozenset[int] = frozenset()
    all_but: bool = False


class Mutes:
    """The mutes of some controls; `state` is for undo, and may be set back."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self.state = MuteState()

    def own(self) -> Float32:
        """The mutes that the player has set, (n_units,)."""
        muted = self._controls.state()["muted"]
        if self.state.own is not None:
            n = min(len(muted), len(self.state.own))
            muted[:n] = self.state.own[:n]
        return muted

    def forget(self) -> None:
        """End silence and solo, because something else has set the mutes."""
        self.state = MuteState()

    def toggle_silence(self) -> bool:
        """Mute all units; again: bring them back. Returns whether they are silent."""
        self._become(replace(self.state, silenced=not self.state.silenced))
        return self.state.silenced

    def set_solo(self, unit: int, on: bool) -> None:
        """Solo a unit, beside others that are soloed, or no longer."""
        solo = self.state.solo | {unit} if on else self.state.solo - {unit}
        self._become(replace(self.state, solo=solo, all_but=self.state.all_but and bool(solo)))

    def fit(self) -> None:
        """End solos of units that the model does not have."""
        existing = frozenset(unit for unit in self.state.solo if unit < self._controls.n_units)
        if existing != self.state.solo:
            self._become(replace(self.state, solo=existing, all_but=self.state.all_but and bool(existing)))

    def clear_solo(self) -> None:
        self._become(replace(self.state, solo=frozenset(), all_but=False))

    def toggle_all_but(self) -> bool:
        """Hear all units but the soloed ones; again: only these. Returns which."""
        self._become(replace(self.state, all_but=not self.state.all_but and bool(self.state.solo)))
        return self.state.all_but

    def toggle(self, unit: int) -> bool:
        """Mute or unmute a unit. Returns whether the player has it muted."""
        if self.state.own is None or self.state.silenced:
            self._controls.muted[unit] = muted = not self._controls.muted[unit]
            return bool(muted)
        own = self.own()
        own[unit] = muted = not own[unit]
        self._become(replace(self.state, own=own))
        return bool(muted)

    def unmute(self, unit: int) -> None:
        """Unmute a unit of the player's own mutes."""
        if self.state.own is not None:
            own = self.own()
            own[unit] = 0
            self._become(replace(self.state, own=own))

    def _become(self, state: MuteState) -> None:
        """Publish the mutes of a state."""
        own = self.own() if state.own is None or state.own is self.state.own else state.own
        muted = own.copy()
        listed = np.isin(np.arange(len(own)), list(state.solo))
        if state.silenced:
            muted[:] = 1
        elif state.solo:
            muted = np.where(listed, 1, own) if state.all_but else np.where(listed, 0, 1)
        self.state = replace(state, own=own if state.silenced or state.solo else None)
        self._controls.muted[:] = muted
