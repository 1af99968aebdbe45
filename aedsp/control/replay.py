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
from aedsp.engine import drives, time_stretch
from aedsp.engine.controls import NEUTRAL_AMOUNTS
from aedsp.engine.engine import Engine
from aedsp.engine.scheduling import Changes
from aedsp.errors import GestureFileError
from aedsp.live.segments import Fading, Segment, frames_of
from aedsp.live.sources import FileSource, Song
from aedsp.model.model import Model

BLOCK_FRAMES = 4096
#: Upper bound of source frames per output frame, with a margin: at the fastest rate and the largest transposition.
_MOST_SOURCE = 18
#: Frames that the time-stretcher needs before its first output.
_AHEAD = 1 << 16


class _Feed:
    """Replaces the streamer, in step with the player: keeps more in the ring than the next call takes."""

    def __init__(self, engine: Engine, most_frames: int) -> None:
        self._rate, self._channels = engine.sample_rate, engine.channels
        self._keep = _MOST_SOURCE * most_frames + 2 * READ_FRAMES + _AHEAD
        self.ring = ItemRing(4 * self._keep, 4 * engine.channels)
        self._source: Song | None = None
        self._reader: Reader | None = None
        self._blocks: Iterator[Float32] = iter(())
        self._pending = np.zeros((0, engine.channels), np.float32)
        self._ended = True
        self._begin = 0  # start of the newest segment, in the ring

    @property
    def has_song(self) -> bool:
        return self._reader is not None

    def start(self, source: FileSource, frame: int) -> None:
        """The first song."""
        self._take(Segment(source, frame))

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
        """Continue at another frame of the song."""
        assert self._source is not None
        self.jump(player, Segment(self._source, frame), dry)

    def jump(self, player: Player, segment: Segment, dry: bool) -> None:
        self._take(segment)
        if dry:
            player.replay_dry()
        self._begin = self.ring.written
        player.begin_segment()

    def close(self) -> None:
        if self._reader:
            self._reader.close()

    def _take(self, segment: Segment) -> None:
        old = self._open(segment.fading.source) if segment.fading else None
        if self._reader is None or segment.source != self._source:
            self.close()
            self._source, self._reader = segment.source, self._open(segment.source)
        self._blocks = frames_of(segment, self._reader, old)
        self._pending, self._ended = self._pending[:0], False

    def _open(self, source: Song) -> Reader:
        return source.reader(self._rate, self._channels)


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
        self._feed = _Feed(self.engine, self.step)
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
            self._feed.start(FileSource(name, header["loop"]), header["start_frame"])
        stretch = header.get("stretch", 1.0), header.get("transpose", 0.0)
        rate, channels = self.engine.sample_rate, self.engine.channels
        self._handle = self.engine.attach()
        self.player = Player(
            self._handle,
            kind="ring" if self._feed.has_song else "none",
            sample_rate=rate,
            source=self._feed.ring,
            block_frames=self.engine.block_frames or 0,
            time_stretcher=time_stretch.time_stretcher(rate, channels),
        )
        if self._feed.has_song and stretch != (1.0, 0.0):
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
        self._feed.close()

    def _until(self, at: int, frame: int) -> Iterator[Float32]:
        while at < frame:
            out = np.empty((min(self.step, frame - at), self.engine.channels), np.float32)
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
        elif "scheduled" in change:
            name, unit, value = change["scheduled"]
            frame = self.engine.hop_frame(change["hop"])
            self.engine.schedule_changes(
                np.array([frame]), Changes.single(name, unit, np.nan if value is None else value)
            )
        elif "transport" in change:
            self.player.command(change["transport"])
        elif "stretch" in change:
            self.player.set_stretch(change["stretch"], change["transpose"])
        elif "seek" in change:
            self._feed.seek(self.player, change["seek"], change["dry"])
        elif "input" in change:
            self._change_input(change)
        elif "open" in change:
            fading = change.get("fading")
            old = Fading(self._song(fading), fading["frame"], fading["gain"]) if fading else None
            self._feed.jump(self.player, Segment(self._song(change), change["frame"], True, old), change["dry"])
        elif "drive" in change:
            drives.request_drive(self._handle, change["drive"], self.engine.model, self.engine.seed)
        elif "missing" in change:
            self.player.replay_missing(change["missing"], change["after"])
        elif "swap" in change:
            self.engine.swap(self._model(change["swap"]))

    def _change_input(self, change: dict[str, Any]) -> None:
        if change["input"] == "device":
            raise GestureFileError(f"{self.path}: switches to a live input, which is not recorded")
        if "open" in change and not self._feed.has_song:
            self._feed.start(self._song(change), change["frame"])
        self.player.set_kind(change["input"])

    def _song(self, change: dict[str, Any]) -> FileSource:
        """A song of a recorded change."""
        if not Path(change["open"]).is_file():
            raise GestureFileError(f"{self.path}: song {change['open']} not found")
        return FileSource(change["open"], change["loop"])
