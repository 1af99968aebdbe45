"""Automates offline rendering with the control changes of any MIDI file, using the same surface as live."""

from __future__ import annotations

from collections.abc import Iterator

from aedsp.arrays import Float32
from aedsp.control.actions import needs_stream
from aedsp.control.gesture_file import GestureFile
from aedsp.control.mapping import Mapping
from aedsp.control.midi_messages import Decoder, Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.engine import Engine
from aedsp.errors import GestureFileError
from aedsp.model import directions


class Automation:
    """The control changes of a MIDI file, scheduled in frames of an engine.

    Parameters
    ----------
    gestures : GestureFile
        Any MIDI file; from one that aedsp wrote, the MIDI messages as played are used.
    engine : Engine
        The engine to control. Times refer to its output: a change at 3.0 s is heard at 3.0 s, to within one hop.
    mapping : Mapping
        Assigns the control changes; transport targets are ignored.

    Raises
    ------
    GestureFileError
        If no message in the file is in the mapping.
    """

    def __init__(self, gestures: GestureFile, engine: Engine, mapping: Mapping) -> None:
        performer = UnitPerformer(engine.controls, mapping.bank)
        performer.macros.directions = directions.fit(engine.model)
        self._surface = Surface(performer, mapping, first_touch_jumps=True)
        self._engine = engine
        decoder = Decoder()
        self._due: list[tuple[int, Message]] = [
            (round(entry.frame * engine.sample_rate / gestures.frames_a_second), message)
            for entry in gestures.entries
            if entry.message is not None
            for message in decoder.feed(entry.message)
            if (target := mapping.target(message)) is not None and not needs_stream(target.name)
        ]
        if not self._due:
            raise GestureFileError(
                f"{gestures.path}: no message is in the mapping {mapping.name!r}; give another one with --mapping"
            )

    def __len__(self) -> int:
        return len(self._due)

    def split(self, blocks: Iterator[Float32]) -> Iterator[Float32]:
        """Split the input where a change is due, and apply the change before the next block."""
        at, i = 0, 0
        for block in blocks:
            while len(block):
                while i < len(self._due) and self._due[i][0] <= at:
                    self._surface.receive(self._due[i][1])
                    i += 1
                n = len(block) if i == len(self._due) else min(len(block), self._due[i][0] - at)
                yield block[:n]
                block = block[n:]
                at += n
