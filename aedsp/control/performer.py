"""Defines what actions operate on: the protocol of an instrument. The part that needs no stream is `unit_performer`.

`action_table` calls it, `play/instrument` implements it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from aedsp.arrays import Float64
from aedsp.control.banks import BankStep
from aedsp.control.macros import Macros
from aedsp.control.mutes import Mutes
from aedsp.engine.controls import Controls
from aedsp.engine.state import Monitor

UnitValue = Literal["gain", "scale", "override"]
AmountName = Literal["target_amount", "detail", "mix", "volume_db"]


class Performer(Protocol):
    """Everything that a player can do; the actions are described in `actions`.

    Methods without a docstring are those of `UnitPerformer`.
    """

    controls: Controls
    macros: Macros
    mutes: Mutes
    morph_s: float
    #: While on, `toggle_mute` of buttons and keys solos instead.
    mute_solos: bool

    @property
    def bank(self) -> int: ...
    @property
    def bank_size(self) -> int: ...
    @property
    def units(self) -> Sequence[int]: ...
    @property
    def is_sorted(self) -> bool: ...
    @property
    def selected_unit(self) -> int: ...
    @property
    def silenced(self) -> bool: ...
    @property
    def transport(self) -> str:
        """ "play", "pause", "stop" or "end"."""
        ...

    @property
    def is_recording(self) -> bool: ...
    @property
    def position_s(self) -> float: ...
    @property
    def duration_s(self) -> float | None:
        """Duration of the file, in s; None without a file."""
        ...

    @property
    def has_source(self) -> bool:
        """Whether there is an original to hear: a file or an input."""
        ...

    def show_bank(self, bank: int | BankStep) -> None: ...
    def select(self, step: int) -> None: ...
    def set_unit(self, name: UnitValue, unit: int, value: float) -> None: ...
    def nudge_unit(self, name: UnitValue, steps: float) -> None: ...
    def set_amount(self, name: AmountName, value: float) -> None: ...
    def nudge_amount(self, name: AmountName, steps: float) -> None: ...
    def toggle_detail(self) -> float: ...
    def take_target(self) -> None: ...
    def toggle_override(self, unit: int) -> bool: ...
    def toggle_sorted(self) -> bool: ...
    def effects(self) -> Float64 | None: ...
    def toggle_mute(self, unit: int) -> bool: ...
    def hold_solo(self, unit: int, on: bool) -> None: ...
    def toggle_solo(self, unit: int) -> bool: ...
    def clear_solo(self) -> None: ...
    def toggle_all_but(self) -> bool: ...
    def move_macro(self, name: str, position: float) -> None: ...
    def nudge_macro(self, name: str, steps: float) -> None: ...
    def define_group(self, number: int, ranges: Mapping[int, tuple[float, float]]) -> None: ...
    def invert_polarity(self, unit: int) -> float: ...
    def restore(self, unit: int) -> None: ...
    def reset(self) -> None: ...
    def toggle_silence(self) -> bool: ...
    def set_monitor(self, monitor: Monitor) -> None: ...
    def toggle_monitor(self) -> None: ...
    def toggle_frozen(self) -> None: ...
    def undo(self) -> str | None: ...
    def redo(self) -> str | None: ...

    def toggle_play(self) -> None:
        """Play or pause."""

    def stop(self) -> None:
        """Stop and rewind."""

    def seek(self, position_s: float) -> None:
        """Go to a position of the file, in s."""

    def set_stretch(self, *, stretch: float | None = None, transpose: float | None = None) -> None:
        """Set time-stretch (times the duration) and semitones; None: unchanged. Values are clipped to the range."""

    def nudge_stretch(self, steps: int) -> None:
        """Slower by so many steps of 2^(1/12)."""

    def nudge_transpose(self, semitones: int) -> None:
        """Up by so many semitones."""

    def store(self, number: int) -> None:
        """Store the settings as a snapshot."""

    def recall(self, number: int, duration_s: float | None = None) -> None:
        """Recall a snapshot, at once or as a morph; None: over `morph_s`."""

    def set_morph(self, duration_s: float | None) -> None:
        """Set the time of a recall, in s; None: the next preset time."""

    def toggle_recording(self, path: str | Path | None = None) -> None:
        """Start or finish recording the output."""

    def load_model(self, path: str | Path) -> bool:
        """Switch models while playing."""

    def name_of(self, unit: int) -> str:
        """The label of a unit; empty if it has none."""
        ...

    def name_unit(self, unit: int, name: str) -> str:
        """Give a unit a label; empty: the model's own again. Returns what was done."""
        ...

    def open_song(self, path: str | Path) -> None:
        """Switch to a song, or to the first one of a folder or playlist, while the old one fades out."""

    def step_song(self, step: int) -> None:
        """The next or previous song of the folder or playlist."""

    def play_drive(self, drive: str) -> None:
        """Play the decoder alone, with this drive."""

    def play_input(self, device: str | None) -> None:
        """Play a live input, muted until play; None: the default device."""

    def learn(self, target: str, place: int | None) -> None:
        """Assign the next control that moves to this target; place: in the bank, from 0."""

    def save_session(self, path: str | Path) -> None:
        """Write the session file."""

    def quit(self) -> None: ...

    def describe_latency(self) -> str:
        """The latency and its parts, in one line."""
        ...

    def describe_status(self) -> str:
        """The statistics of the stream, in lines."""
        ...
