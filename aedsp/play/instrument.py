"""The instrument: connects engine, stream, controller, snapshots and gestures.

Screen, keyboard, text commands and MIDI use it through the table in `control/actions`. Thread-safe.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aedsp import data
from aedsp._kernels.time_stretch import STRETCH_RANGE, TRANSPOSE_RANGE
from aedsp._rt.recent import RECENT_ROWS
from aedsp.arrays import Float64
from aedsp.control.gesture_recorder import GestureRecorder
from aedsp.control.mapping import Mapping, Target
from aedsp.control.midi_messages import Message
from aedsp.control.midi_ports import Controller
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import Settings, UnitPerformer
from aedsp.engine.state import Amounts
from aedsp.errors import AedspError
from aedsp.live.sources import NoInput
from aedsp.live.stream import Stream
from aedsp.model import directions
from aedsp.model.model import Model
from aedsp.play import session_state
from aedsp.play.names import Names
from aedsp.play.playlist import Playlist
from aedsp.play.session import Session
from aedsp.play.snapshots import NUMBERS, Morph, Snapshot
from aedsp.play.songs import Songs

_KEPT_MESSAGES = 200
#: Morph times that the key cycles through, in s.
MORPHS_S = (0.0, 1.0, 2.0, 5.0, 10.0)


class Instrument(UnitPerformer):
    """A running instrument.

    Parameters
    ----------
    stream : Stream
        Open, not yet started.
    mapping : Mapping
    model_path : Path
        File of the engine's model.
    user_folder : Path
        Where learnt mappings are saved.
    midi_port : str, optional
        Part of the controller's port name; overrides the mapping's.
    midi : bool
        False: do not look for a controller.
    playlist : Playlist, optional
        That the stream's song is in; default: its folder.
    loop : bool
        Whether songs that are opened are repeated.
    """

    def __init__(
        self,
        stream: Stream,
        mapping: Mapping,
        model_path: Path,
        user_folder: Path,
        *,
        midi_port: str | None = None,
        midi: bool = True,
        playlist: Playlist | None = None,
        loop: bool = False,
    ) -> None:
        model = stream.engine.model
        super().__init__(stream.engine.controls, mapping.bank, override_range(model))
        self.stream, self.engine = stream, stream.engine
        self.names, self.macros.directions = Names(model, model_path), directions.fit(model)
        self._given_names: dict[Path, dict[int, str]] = {}  # of shipped models
        self.model_path, self.user_folder = model_path, user_folder
        self.messages: deque[tuple[float, str]] = deque(maxlen=_KEPT_MESSAGES)
        self.on_message: Callable[[str], None] | None = None
        self.quitting = threading.Event()
        self.midi_port = midi_port if midi else "none"
        self.snapshots: dict[int, Snapshot] = {}
        self.recalled: int | None = None  # the snapshot recalled last
        self.morph_s = 0.0
        self.learning: Target | None = None  # target of the next control that moves
        self.last_midi: tuple[float, Message] | None = None
        self.gesture_recorder: GestureRecorder | None = None
        self._morph: Morph | None = None
        self._lock = threading.RLock()
        self.surface = Surface(self, mapping, on_hold=lambda name: self.say(f"hold for a second to {name}"))
        stream.on_message = self.say
        self.songs = Songs(stream, playlist, loop, self.say)
        self.controller: Controller | None = None
        if midi:
            self.controller = Controller(mapping, self._midi, self.say, self._leds, midi_port)

    def close(self) -> None:
        """Stop everything in order and finish the recordings."""
        self.quitting.set()
        self._cancel_morph()
        if self.controller:
            self.controller.close()
        try:
            self._finish_recording()
            self.stream.close()
        finally:
            if self.gesture_recorder:
                self.attempt(self.gesture_recorder.close, f"gestures: {self.gesture_recorder.path}")

    def say(self, message: str) -> None:
        """Show a message to the player."""
        self.messages.append((time.monotonic(), message))
        if self.on_message is not None:
            self.on_message(message)

    def record_gestures(self, path: str | Path) -> None:
        """Record gestures from the beginning of the stream; call before `start`."""
        self.gesture_recorder = GestureRecorder(self.stream, path, self.model_path)

    def quit(self) -> None:
        """Ask the user interface to end."""
        self.quitting.set()

    @property
    def transport(self) -> str:
        return self.stream.transport

    @property
    def is_recording(self) -> bool:
        return self.stream.recording is not None

    @property
    def position_s(self) -> float:
        return self.stream.position_s

    @property
    def duration_s(self) -> float | None:
        return self.stream.duration_s

    @property
    def has_source(self) -> bool:
        return not isinstance(self.stream.source, NoInput)

    def activation(self, unit: int) -> float:
        """The latest activation of a unit."""
        code = self.stream.meter().code
        return float(code[unit]) if unit < len(code) else 0.0

    def effects(self) -> Float64 | None:
        """What each unit changes, estimated from the last seconds, as if none were muted."""
        return self.effects_of(range(self.controls.n_units), RECENT_ROWS)

    def effects_of(self, units: Sequence[int], newest: int) -> Float64:
        """What some units change, from the newest spectra, as if none were muted."""
        state = self.controls.everything()
        unmuted = {**state.values, "muted": np.zeros_like(state.values["muted"])}
        return self.engine.estimate_effects(replace(state, values=unmuted), units, newest)

    def name_of(self, unit: int) -> str:
        """The label of a unit."""
        return self.names.of(unit)

    def name_unit(self, unit: int, name: str) -> str:
        """Give a unit a label, and keep it in the model's file, unless that is a shipped one."""
        said: list[str] = []
        self.attempt(lambda: said.append(self.names.give(unit, name)))
        return "".join(said)

    def before_mutes(self) -> None:
        """End a running morph, which would move the mutes too."""
        self._cancel_morph()

    def toggle_play(self) -> None:
        """Play or pause."""
        with self._lock:
            if self.stream.requested_transport == "play":
                self.stream.pause()
            else:
                self.stream.start()

    def stop(self) -> None:
        """Stop and rewind."""
        self.stream.stop()

    def seek(self, position_s: float) -> None:
        """Go to a position of the file, in s."""
        self.stream.seek(max(0.0, position_s))

    def set_stretch(self, *, stretch: float | None = None, transpose: float | None = None) -> None:
        """Set time-stretch (times the duration) and semitones; None: unchanged. Values are clipped to the range."""
        for name, value, (least, most) in (
            ("stretch", stretch, STRETCH_RANGE),
            ("transpose", transpose, TRANSPOSE_RANGE),
        ):
            if value is not None:
                setattr(self.stream, name, min(most, max(least, round(value, 4))))
        self.say(f"stretch {self.stream.stretch:.3g}, transpose {self.stream.transpose:+.3g} semitones")

    def nudge_stretch(self, steps: int) -> None:
        """Slower by so many steps of 2^(1/12)."""
        least, most = STRETCH_RANGE
        self.stream.stretch = min(most, max(least, round(self.stream.stretch * 2 ** (steps / 12), 4)))
        self.say(f"speed {1 / self.stream.stretch:.3g} (stretch {self.stream.stretch:.3g})")

    def nudge_transpose(self, semitones: int) -> None:
        """Up by so many semitones."""
        self.set_stretch(transpose=self.stream.transpose + semitones)

    def open_song(self, path: str | Path) -> None:
        """Switch to a song, or to the first one of a folder or playlist."""
        self.attempt(lambda: self.songs.open(path))

    def step_song(self, step: int) -> None:
        """The next or previous song."""
        self.attempt(lambda: self.songs.step(step))

    def play_drive(self, drive: str) -> None:
        """Play the decoder alone."""
        self.attempt(lambda: self.songs.drive(drive))

    def play_input(self, device: str | None) -> None:
        """Play a live input, muted until play."""
        self.attempt(lambda: self.songs.live_input(device))

    def toggle_frozen(self) -> None:
        """Freeze or release the current spectrum."""
        super().toggle_frozen()
        self.say("frozen" if self.controls.frozen else "not frozen")

    def toggle_recording(self, path: str | Path | None = None) -> None:
        """Start recording the output, to a file named by date and time unless a path is given; or finish it."""
        if self.stream.recording:
            # encoding FLAC takes a while; do not block the caller
            threading.Thread(target=self._finish_recording, name="aedsp recording").start()
            return
        path = path or _unused(time.strftime("aedsp %Y-%m-%d %H.%M.%S"), ".wav")
        self.attempt(lambda: self.stream.record(path), f"recording to {path}")

    def _finish_recording(self) -> None:
        path = self.stream.stop_recording()
        if path is not None:
            self.say(f"recorded {path}")

    def load_model(self, path: str | Path) -> bool:
        """Switch models while playing; if the new model is refused, the old one plays on."""

        def swap() -> None:
            found = data.model_path(path)
            model, positions = Model.load(found), self.macros.positions()
            self.stream.swap(model, path=str(found.resolve()))
            self._given_names[self.model_path] = self.names.of_session
            self.model_path = found
            self.override_range, self.names = override_range(model), Names(model, found)
            self.names.restore(self._given_names.get(found, {}))
            self.mutes.fit()
            self.macros.change_model(directions.fit(model), positions)
            self.values_jumped()

        return self.attempt(swap, f"model: {path}")

    def store(self, number: int) -> None:
        """Store the settings as a snapshot, 1 to 9."""
        if number in NUMBERS:
            replaced = ", replacing the one there; undo brings it back" if number in self.snapshots else ""
            with self.history.step(f"store of snapshot {number}"):
                self.snapshots = {**self.snapshots, number: session_state.snapshot_of(self)}
            self.say(f"snapshot {number} stored{replaced}")

    def recall(self, number: int, duration_s: float | None = None) -> None:
        """Recall a snapshot, at once or as a morph over a time in s."""
        snapshot = self.snapshots.get(number)
        if snapshot is None:
            self.say(f"snapshot {number} is empty")
            return
        duration_s = self.morph_s if duration_s is None else duration_s
        with self.history.step(f"recall of snapshot {number}"), self._lock:
            self._cancel_morph()
            self.recalled = number
            self.values_jumped()
            self.forget_mutes()
            if duration_s > 0:
                self._morph = Morph(snapshot, self.controls, duration_s)
            else:
                snapshot.recall(self.controls)

    def _cancel_morph(self) -> None:
        if self._morph:
            self._morph.cancel()

    def settings(self) -> Settings:
        """Everything that `undo` brings back, with the snapshots; of a running morph, where it leads."""
        settings, morph = replace(super().settings(), snapshots=self.snapshots), self._morph
        if morph is None or not morph.running:
            return settings
        values = {name: current.copy() for name, current in settings.controls.values.items()}
        for name, target in morph.snapshot.values.items():
            n = min(len(target), len(values[name]))
            values[name][:n] = target[:n]
        amounts = {**settings.controls.amounts, **morph.snapshot.amounts}
        there = replace(settings.controls, values=values, amounts=amounts, monitor=morph.snapshot.monitor)
        return replace(settings, controls=there)

    def put_back(self, settings: Settings) -> None:
        """Restore what `settings` returned; a running morph ends."""
        with self._lock:
            self._cancel_morph()
            super().put_back(settings)
            self.snapshots = dict(settings.snapshots)

    def set_morph(self, duration_s: float | None) -> None:
        """Set the time of a recall, in s; None: the next of `MORPHS_S`."""
        if duration_s is None:
            duration_s = next((s for s in MORPHS_S if s > self.morph_s), MORPHS_S[0])
        self.morph_s = duration_s

    def learn(self, target: str, place: int | None) -> None:
        """Assign the next control that moves to this target; place: in the bank, from 0."""
        self.learning = Target(target, place)
        self.say(f"move the control for {self.learning}")

    def save_session(self, path: str | Path) -> None:
        """Write the session file."""
        self.attempt(lambda: self.session().save(path), f"session saved in {path}")

    def describe_latency(self) -> str:
        return str(self.stream.latency)

    def describe_status(self) -> str:
        return "\n".join(self.stream.statistics.lines())

    def session(self) -> Session:
        """The current state, ready to be saved."""
        return session_state.take(self)

    def apply(self, session: Session, amounts: Amounts | None = None) -> None:
        """Apply a session, as in `session_state`."""
        session_state.apply(self, session, amounts)

    def attempt(self, act: Callable[[], object], success: str = "") -> bool:
        """Call `act`; on an error, report it and keep playing. success: the message if it worked."""
        try:
            act()
        except (AedspError, OSError, IndexError, ValueError, RuntimeError, MemoryError) as error:
            self.say(f"refused: {' '.join(str(error).split())}")
            return False
        if success:
            self.say(success)
        return True

    def _midi(self, message: Message) -> None:
        """Handle a message, on the controller's thread."""
        self.last_midi = (time.monotonic(), message)
        if self.gesture_recorder:
            self.gesture_recorder.message(message.bytes())
        if self.learning is not None and message.value:
            self._learnt(self.learning, message)
            return
        self.attempt(lambda: self.surface.receive(message))

    def _learnt(self, target: Target, message: Message) -> None:
        self.learning = None
        self.surface.mapping = self.surface.mapping.with_target(message.kind, message.number, target)
        path = self.user_folder / "mappings" / f"{self.surface.mapping.name}.toml"

        def save() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.surface.mapping.save(path)
            self.surface.mapping = replace(self.surface.mapping, path=str(path))

        self.attempt(save, f"{message.kind} {message.number} is now {target}; saved in {path}")

    def _leds(self) -> dict[tuple[str, int], bool]:
        return self.surface.leds(self)


def _unused(stem: str, suffix: str) -> Path:
    """A file name that does not exist yet: of two recordings in one second, the second gets a number."""
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem} ({n}){suffix}" for n in itertools.count(2)))
    return next(path for name in names if not (path := Path(name)).exists())


def override_range(model: Model) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Override of each unit with the fader at the top: its highest training percentile, if the model has them."""
    statistics = model.code_statistics
    if statistics is None:
        return None
    top = np.asarray(statistics.percentiles, np.float64)[-1]
    return np.where(top > 0, top, 1.0)
