"""What a stream plays: its source, and the change to another one while it plays. Control side only.

A song fades out while the next one begins. Without input, and live, the windows' overlap is the crossfade; opening or
closing an input device takes a moment of silence, since the device is opened anew.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Literal

from aedsp._rt.handle import EngineHandle
from aedsp._rt.player import Player
from aedsp.engine import drives
from aedsp.engine.engine import Engine
from aedsp.errors import StreamError
from aedsp.live.device import StreamDevice
from aedsp.live.segments import Segment
from aedsp.live.sources import SONGS, InputSource, NoInput, Song, Source
from aedsp.live.streamer import Streamer, new_ring

_KINDS: dict[type, Literal["ring", "device", "none"]] = {InputSource: "device", NoInput: "none"}
#: The player's fade-out, and some calls of the audio thread.
_FADE_OUT_S = 0.1


class Feed:
    """The source of a stream.

    Parameters
    ----------
    engine : Engine
    source : Source
        The first one.
    """

    def __init__(self, engine: Engine, source: Source) -> None:
        self._engine = engine
        self.ring = new_ring(engine.sample_rate, engine.channels)
        self.streamer: Streamer | None = None
        if isinstance(source, SONGS):
            self.streamer = Streamer(source, engine.sample_rate, engine.channels, self.ring)
        elif isinstance(source, NoInput):
            engine.set_drive(source.drive)
        self._source = source
        self._player: Player | None = None
        self._device: StreamDevice | None = None
        self._handle: EngineHandle | None = None
        #: Drives that were requested and whose event has not been seen, for the gesture recorder.
        self.requested: deque[str] = deque()

    @property
    def kind(self) -> Literal["ring", "device", "none"]:
        """The kind of the source, as the player calls it."""
        return _KINDS.get(type(self._source), "ring")

    @property
    def source(self) -> Source:
        """What plays, or is about to."""
        return self._source

    @property
    def song(self) -> Streamer | None:
        """The streamer, while a file is the source."""
        return self.streamer if isinstance(self._source, SONGS) else None

    def start(self, player: Player, device: StreamDevice, handle: EngineHandle) -> None:
        """Fill the ring; from now on the source can be changed."""
        self._player, self._device, self._handle = player, device, handle
        if self.streamer:
            self.streamer.start(player)

    def close(self) -> None:
        if self.streamer:
            self.streamer.close()

    def change(self, source: Source) -> None:
        """Switch to another source. Raises as `Stream.change`; after an error the old one keeps playing."""
        assert self._player is not None and self._device is not None, "started before"
        if isinstance(source, NoInput):
            self._drive(source)
        if isinstance(source, SONGS):
            self._open(source)
        if isinstance(source, InputSource) or isinstance(self._source, InputSource):
            self._reopen(source)
        self._source = source
        self._player.set_kind(self.kind)

    def _drive(self, source: NoInput) -> None:
        """Request a drive; the audio thread takes it at the next hop."""
        assert self._handle is not None
        self.requested.append(source.drive)
        try:
            if not drives.request_drive(self._handle, source.drive, self._engine.model, self._engine.seed):
                raise StreamError("the audio thread does not accept drives; check that the device is connected")
        except Exception:
            self.requested.pop()
            raise

    def _open(self, source: Song) -> None:
        assert self._player is not None
        if self.streamer is None:
            self.streamer = Streamer(source, self._engine.sample_rate, self._engine.channels, self.ring)
            self.streamer.start(self._player)
            return
        was_file = isinstance(self._source, SONGS)
        self.streamer.open(source, fades=was_file and self._player.asked == "play")
        if not was_file:
            self.streamer.wait_for_jump()

    def _reopen(self, source: Source) -> None:
        """Open the device again, with or without its input, muted; after an error as it was."""
        assert self._player is not None and self._device is not None
        self._device.find_input(source)
        was_playing = self._player.asked == "play"
        self._player.command("pause")
        time.sleep(_FADE_OUT_S + 2 * self._device.latency_s)
        try:
            self._device.change_source(source)
        except Exception:
            if was_playing:
                self._player.command("play")
            raise

    def segment(self, ring_position: int) -> Segment | None:
        """The segment that begins at a position of the ring."""
        return self.streamer.segments.get(ring_position) if self.streamer else None
