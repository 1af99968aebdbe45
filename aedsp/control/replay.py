"""Renders recorded gestures offline, bit-identical to what was heard.

A recording of `gesture_recorder` holds every change with the frame at which the audio thread applied it. The same
compiled player runs here without a device, up to each of these frames, and gets the same change.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from aedsp.arrays import Float32
from aedsp.audio.reader import READ_FRAMES, Reader
from aedsp.control.gesture_file import Gesture, GestureFile
from aedsp.engine import time_stretch
from aedsp.engine.controls import NEUTRAL_AMOUNTS
from aedsp.engine.engine import Engine
from aedsp.errors import GestureFileError
from aedsp.live.sources import FileSource
from aedsp.model.model import Model

BLOCK_FRAMES = 4096
#: Upper bound of source frames per output frame, with a margin: at the fastest rate and the largest transposition.
_MOST_SOURCE = 18
#: Frames that the time-stretcher needs before its first output.
_AHEAD = 1 << 16


class _Feed:
    """Replaces the streamer, in step with the player: keeps more in the ring than the next call takes."""

    def __init__(self, source: FileSource, start_frame: int, engine: Engine, most_frames: int) -> None:
        self.reader = Reader(source.path, engine.sample_rate, engine.channels, loop=source.loop)
        self._keep = _MOST_SOURCE * most_frames + 2 * READ_FRAMES + _AHEAD
        self.ring = ItemRing(4 * self._keep, 4 * engine.channels)
        self._blocks = self.reader.blocks(start_frame)
        self._pending = np.zeros((0, engine.channels), np.float32)
        self._ended = False
        self._begin = 0  # start of the newest segment, in the ring

    def fill(self, player: Player) -> None:
        while not self._ended and self.ring.written - max(self.ring.taken, self._begin) < self._keep:
            if not len(self._pending):
                block = next(self._blocks, None)
                if block is None:
                    player.end_segment()
                    self._ended = True
                    return
                self._pending = block
            self._pending = self._pending[self.ring.write(self._pending) :]

    def seek(self, player: Player, frame: int, dry: bool) -> None:
        self._blocks = self.reader.blocks(frame)
        self._pending, self._ended = self._pending[:0], False
        if dry:
            player.replay_dry()
        self._begin = self.ring.written
        player.begin_segment()


class Replay:
    """A recorded performance, ready to render.

    Parameters
    ----------
    gestures : GestureFile
        Recorded by `aedsp.play --record-gestures`.
    model : Model, optional
        Replaces the recorded model.
    source : path, optional
        Replaces the recorded source file.

    Raises
    ------
    GestureFileError
        If the file is not a recorded performance, or its model or audio file is missing.
    """

    def __init__(
        self, gestures: GestureFile, model: Model | None = None, source: str | os.PathLike[str] | None = None
    ) -> None:
        self.path = Path(gestures.path)
        header = gestures.header
        if header is None:
            raise GestureFileError(
                f"{self.path}: not a recorded performance of aedsp; give an audio file as IN to use it as automation"
            )
        self._changes = [gesture for gesture in gestures.entries[1:] if gesture.change is not None]
        try:
            self._build(header, model, source)
        except (KeyError, TypeError) as error:
            raise GestureFileError(f"{self.path}: damaged header ({error})") from None

    def _build(self, header: dict[str, Any], model: Model | None, source: str | os.PathLike[str] | None) -> None:
        model = model or self._model(header["model"])
        self.engine = Engine(
            model,
            header["sample_rate"],
            channels=header["channels"],
            block_frames=header["block_frames"],
            phase=header["phase"],
            refine=header.get("refine", 0),
            seed=header["seed"],
        )
        for amount, neutral in NEUTRAL_AMOUNTS.items():  # a file of the first edition has none of them
            setattr(self.engine.controls, amount, header.get(amount, neutral))
        self.step = self.engine.block_frames or BLOCK_FRAMES
        self._feed: _Feed | None = None
        name = source or header["source"]
        if name == "InputSource":
            raise GestureFileError(
                f"{self.path}: was played on a live input, which is not recorded; give an audio file as IN"
            )
        if name == "NoInput":
            self.engine.set_drive(header.get("drive") or "constant")
        else:
            if not Path(name).is_file():
                raise GestureFileError(f"{self.path}: source {name} not found; give an audio file as IN")
            self._feed = _Feed(FileSource(name, header["loop"]), header["start_frame"], self.engine, self.step)
        stretch = header.get("stretch", 1.0), header.get("transpose", 0.0)
        rate, channels = self.engine.sample_rate, self.engine.channels
        self.player = Player(
            self.engine.attach(),
            kind="ring" if self._feed else "none",
            sample_rate=rate,
            source=self._feed.ring if self._feed else None,
            block_frames=self.engine.block_frames or 0,
            time_stretcher=time_stretch.time_stretcher(rate, channels) if self._feed else None,
        )
        if self._feed and stretch != (1.0, 0.0):
            self.player.set_stretch(*stretch)

    def _model(self, name: str) -> Model:
        if not Path(name).is_file():
            raise GestureFileError(f"{self.path}: model {name} not found; give another one with --model")
        return Model.load(name)

    def blocks(self) -> Iterator[Float32]:
        """Yield what was heard, from the first frame of the stream to the last: float32 (frames, channels)."""
        at = 0
        for gesture in self._changes:
            yield from self._until(at, gesture.frame)
            at = max(at, gesture.frame)
            if gesture.change is not None and "end" in gesture.change:
                return
            try:
                self._apply(gesture)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise GestureFileError(f"{self.path}: invalid change at frame {gesture.frame} ({error})") from None

    def close(self) -> None:
        if self._feed:
            self._feed.reader.close()

    def _until(self, at: int, frame: int) -> Iterator[Float32]:
        while at < frame:
            out = np.empty((min(self.step, frame - at), self.engine.channels), np.float32)
            if self._feed:
                self._feed.fill(self.player)
            self.player.process(None, out)
            yield out
            at += len(out)

    def _apply(self, gesture: Gesture) -> None:
        change = gesture.change or {}
        controls = self.engine.controls
        if "controls" in change:
            with controls.together():
                for name, first, n, value in change["controls"]:
                    getattr(controls, name)[first : first + n] = np.nan if value is None else value
        elif setting := next((name for name in ("monitor", "frozen", *NEUTRAL_AMOUNTS) if name in change), None):
            setattr(controls, setting, change[setting])
        elif "transport" in change:
            self.player.command(change["transport"])
        elif "stretch" in change and self._feed:
            self.player.set_stretch(change["stretch"], change["transpose"])
        elif "seek" in change and self._feed:
            self._feed.seek(self.player, change["seek"], change["dry"])
        elif "missing" in change:
            self.player.replay_missing(change["missing"], change["after"])
        elif "swap" in change:
            self.engine.swap(self._model(change["swap"]))
