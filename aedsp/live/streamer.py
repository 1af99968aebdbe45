"""The thread that decodes and resamples songs ahead into the ring that the audio thread reads.

A file of three hours needs no more memory than a short one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from aedsp.arrays import Float32
from aedsp.audio.reader import Reader
from aedsp.audio.sounds import ENDLESS
from aedsp.live.segments import Fading, Segment, frames_of
from aedsp.live.sources import BlockSource, Song, StreamSource

RING_S = 3.0
#: Minimum: what the first frames need at the shortest time-stretch and the lowest transposition
#: (`_kernels/time_stretch`).
RING_FRAMES = 1 << 17
#: Free space kept in the ring, so that a seek target is buffered before the audio thread jumps to it.
RESERVE_S = 0.2
_WAIT_S = 2.0


def new_ring(sample_rate: float, channels: int) -> ItemRing:
    """A ring for the frames of songs."""
    return ItemRing(max(RING_FRAMES, int(RING_S * sample_rate)) + int(RESERVE_S * sample_rate), 4 * channels)


class Streamer:
    """A thread that keeps the ring of a file source full.

    Parameters
    ----------
    source : Song
    sample_rate, channels
        Those of the engine.
    ring : ItemRing, optional
        Of `new_ring`; default: a new one.
    """

    def __init__(self, source: Song, sample_rate: float, channels: int, ring: ItemRing | None = None) -> None:
        self._reader = source.reader(sample_rate, channels)
        self._reserve = int(RESERVE_S * sample_rate)
        self.ring = ring or new_ring(sample_rate, channels)
        self._player: Player | None = None
        self._wake = threading.Condition()
        self._seek: int | None = None
        self._opened: tuple[Song, Reader, bool] | None = None
        self._closed = self._at_end = False
        self._thread: threading.Thread | None = None
        #: Segments in the ring, by their position in it.
        self.segments: dict[int, Segment] = {0: Segment(source, self._frame_at(source.start_s))}

    @property
    def source(self) -> Song:
        """The song that plays, or is about to."""
        return self._opened[0] if self._opened else self._newest.source

    @property
    def at_end(self) -> bool:
        """Whether the song has been read to its end, and nothing else is asked for."""
        return self._at_end and self._opened is None and self._seek is None

    @property
    def duration_s(self) -> float | None:
        """In s; None where the end is not known."""
        reader = self._opened[1] if self._opened else self._reader
        return None if reader.frames == ENDLESS else reader.frames / reader.file_rate

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, once reading has reached it."""
        return self._reader.warning

    @property
    def position_s(self) -> float:
        """Position in the file of what goes into the engine next, in s."""
        if self._opened:
            return 0.0
        reader = self._reader
        frame = self._position(reader)[0]
        return frame / reader.file_rate

    @property
    def _newest_at(self) -> int:
        return max(list(self.segments))

    @property
    def _newest(self) -> Segment:
        return self.segments[self._newest_at]

    def _position(self, reader: Reader) -> tuple[float, float]:
        """Frame of the file, and frames since the segment's beginning, of what goes into the engine next."""
        taken = self.ring.taken - (self._player.ahead if self._player is not None else 0)
        segments = dict(self.segments)
        at = max((p for p in segments if p <= taken), default=min(segments))
        if segments[at].source != segments[max(segments)].source:  # has not begun yet
            at, taken = max(segments), max(segments)
        frames = segments[at].frame + max(0, taken - at) * reader.file_rate / reader.sample_rate
        if reader.loop:
            frames %= reader.frames
        return min(frames, reader.frames), max(0, taken - at)

    def start(self, player: Player) -> None:
        """Start the thread and wait until the ring is full."""
        self._player = player
        self._thread = threading.Thread(target=self._serve, name="aedsp streamer", daemon=True)
        self._thread.start()
        with self._wake:
            self._wake.wait_for(lambda: self._room() == 0 or self._at_end, timeout=_WAIT_S)

    def wait_for_jump(self) -> None:
        """Wait until the audio thread can see the song that was opened last, and its beginning is in the ring."""
        with self._wake:
            self._wake.wait_for(lambda: self._opened is None and self.ring.written > self._newest_at, timeout=_WAIT_S)

    def seek(self, position_s: float) -> None:
        """Continue from another position, in s; clipped to the file."""
        if isinstance(self.source, (BlockSource, StreamSource)):
            return
        with self._wake:
            frame = self._frame_at(position_s)
            if self._opened:  # a song that has not begun yet begins there
                source, reader, fades = self._opened
                self._opened = source.beginning_at(frame / reader.file_rate), reader, fades
            else:
                self._seek = frame
            self._wake.notify_all()

    def open(self, source: Song, fades: bool) -> None:
        """Switch to another song, while this one fades out, or from the next jump on.

        Raises
        ------
        OSError, AudioFileError
            The file cannot be read; this song plays on.
        """
        reader = source.reader(self._reader.sample_rate, self._reader.channels)
        with self._wake:
            if self._opened:
                self._opened[1].close()
            self._opened, self._seek = (source, reader, fades), None
            self._wake.notify_all()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(_WAIT_S)  # a program's block may never come; then the thread closes the readers
        if self._thread is None or not self._thread.is_alive():
            self._close_readers()

    def _close_readers(self) -> None:
        self._reader.close()
        if self._opened:
            self._opened[1].close()

    def _frame_at(self, position_s: float) -> int:
        if not np.isfinite(position_s):
            raise ValueError(f"position is {position_s} s; expected a finite number")
        reader = self._opened[1] if self._opened else self._reader
        return int(np.clip(round(position_s * reader.file_rate), 0, reader.frames - 1))

    def _room(self) -> int:
        room = self.ring.writable - self._reserve
        if (ahead_s := getattr(self._newest.source, "ahead_s", None)) is not None:
            room = min(room, int(ahead_s * self._reader.sample_rate) - self.ring.readable)
        return max(0, room)

    def _serve(self) -> None:
        try:
            self._run()
        finally:
            if self._closed:  # also where `close` did not wait for a program's block
                self._close_readers()

    def _run(self) -> None:
        assert self._player is not None
        nothing = np.zeros((0, self._reader.channels), np.float32)
        blocks, pending = self._reader.blocks(self._newest.frame), nothing
        while True:
            with self._wake:
                self._wake.notify_all()
                if self._closed:
                    return
                jump = None if self._player.seek_pending else self._next_segment()
                self._at_end = self._at_end and jump is None
                if jump is None and (self._at_end or self._room() == 0):
                    self._wake.wait(timeout=0.01)
                    continue
            if jump is not None:
                blocks = jump
                first = self._next(blocks)
                pending = nothing if first is None else first
                pending = pending[self._player.begin_segment(pending) :]
            if not len(pending):
                block = self._next(blocks)
                if block is None:
                    self._player.end_segment()
                    self._at_end = True
                    continue
                pending = block
            pending = pending[self.ring.write(pending[: self._room()]) :]

    def _next(self, blocks: Iterator[Float32]) -> Float32 | None:
        """The next block, None at the end; any error, of a decoder or a program, ends the source and is reported."""
        try:
            return next(blocks, None)
        except Exception as error:
            self._reader.remark = f"cannot be read further ({error})"
            return None

    def _next_segment(self) -> Iterator[Float32] | None:
        """The frames of the segment that was asked for, noted at the ring's write position; None: there is none."""
        old: Reader | None = None
        if self._opened is not None:
            source, reader, fades = self._opened
            fading = None
            if fades and not isinstance(self._newest.source, (BlockSource, StreamSource)):  # they cannot go back
                old = self._reader
                frame, since = self._position(old)
                gain = self._newest.gain_after(since, old.sample_rate)
                fading = Fading(self._newest.source, int(frame), gain)
            else:
                self._reader.close()
            self._reader, self._opened = reader, None
            segment = Segment(source, self._frame_at(source.start_s), opened=True, fading=fading)
        elif self._seek is not None:
            segment = Segment(self._newest.source, self._seek)
        else:
            return None
        self._seek = None
        self.segments[self.ring.written] = segment
        return frames_of(segment, self._reader, old)
