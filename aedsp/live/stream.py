"""Stream: plays an engine on a device, with a source, a transport and a recorder.

The audio thread runs compiled code only (`_rt/callback`, `_rt/player`). This object belongs to the control side;
`device` watches the device, `housekeeper` cleans up after the audio thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from aedsp._rt.handle import EngineHandle
from aedsp._rt.player import EVENT_BYTES, Player
from aedsp._rt.ring import ItemRing
from aedsp.engine import time_stretch
from aedsp.engine.arguments import expect_number
from aedsp.engine.engine import Engine
from aedsp.errors import StreamError
from aedsp.live import portaudio
from aedsp.live.device import StreamDevice
from aedsp.live.feed import Feed
from aedsp.live.housekeeper import Housekeeper
from aedsp.live.lifetime import RunningRecording, abandon, close_at_exit, weakly
from aedsp.live.portaudio import DeviceName
from aedsp.live.recorder import RING_S as RECORDER_RING_S
from aedsp.live.recorder import Recorder
from aedsp.live.segments import Segment
from aedsp.live.sources import Playable, Source, as_source, at_rate, channels_of
from aedsp.live.statistics import Latency, Meter, StreamStatistics
from aedsp.live.tap import Tap, Taps
from aedsp.model.model import Model
from aedsp.unique import Unique

Transport = Literal["play", "pause", "stop", "end"]

LOG_EVENTS = 1 << 15


class Stream(Unique):
    """Plays an engine on a device; a context manager that starts on entry and closes on exit.

    A stream that is dropped without `close` releases its device and its engine; one that is open when the interpreter
    exits is closed.

    Parameters
    ----------
    engine : Engine or Model
        Sets the sample rate of the device, the channels of the source and, if fixed, the block size of the device.
        Until the stream is closed, the audio thread runs the engine and `process` raises. A Model: an engine of it at
        the device's own rate; arrays and blocks without a rate are then at the model's.
    source : path, array, generator or function of blocks, another Source, or None
        None: no input, the decoder alone. `ArraySource`, `BlockSource` and `StreamSource` have options.
    device : int, str or None
        The output device: PortAudio number, part of the name, or None for the default device.
    latency : float, "low" or "high"
        The requested device latency; a number is in s.
    output_channels : int, optional
        Default: the channels of the engine, but at least 2 and at most those of the device. A mono engine plays on the
        first two.
    on_message : callable, optional
        Called with a message when the device is lost or comes back, the file is damaged, or a recording has to stop.
        On the housekeeper's thread. None: to the logger "aedsp".

    Raises
    ------
    StreamError
        If PortAudio or the device is missing, or the device rejects the rate or the channels.
    OSError, AudioFileError
        If the source cannot be read.

    Notes
    -----
    A file is stopped, and an input device muted, until `start`.
    """

    _instead = "make a new one, with an engine of its own"

    def __init__(
        self,
        engine: Engine | Model,
        source: Playable = None,
        device: DeviceName = None,
        *,
        latency: portaudio.Latency = "low",
        output_channels: int | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        if not isinstance(engine, (Engine, Model)):
            raise TypeError(f"engine is {type(engine).__name__}; expected aedsp.Engine, or a Model to make one of")
        portaudio.expect_latency(latency)
        source = as_source(source)
        if isinstance(engine, Model):
            rate = portaudio.find_device(device, "output").sample_rate
            source = at_rate(source, engine.front_end.sample_rate)
            engine = Engine(engine, rate, channels=channels_of(source))
        self.engine = engine
        self.on_message = on_message
        #: Called on the housekeeper's thread when a song has ended.
        self.on_end: Callable[[], None] | None = None
        self._ended = False
        self._lock, self._log_lock = threading.RLock(), threading.RLock()
        self._log = ItemRing(LOG_EVENTS, EVENT_BYTES)
        self._recording = RunningRecording()
        self._closed = False
        self._stretch = (1.0, 0.0)
        self._feed = Feed(engine, source)
        handle = engine.attach()
        with contextlib.ExitStack() as undo:  # in reverse: closing the device first ends the audio thread
            undo.callback(handle.detach)
            undo.callback(self._feed.close)
            self._player = self._make_player(handle)
            undo.callback(self._player.detach)
            self._taps = Taps(self._player, engine, weakly(self._is_closed))
            undo.callback(weakly(self._deliver_last_events))
            self._device = StreamDevice(
                engine,
                self._player,
                self._feed.source,
                device,
                latency=latency,
                output_channels=output_channels,
                say=weakly(self.say),
            )
            undo.callback(self._device.close)
            self._device.open()
            self._feed.start(self._player, self._device, handle)
            self._release = undo.pop_all()
        mine = weakly(self.deliver_events), weakly(self._look_for_end)
        tasks = *mine, handle.free_retired, self._device.look_after_the_device
        self._housekeeper = Housekeeper(tasks, weakly(self._problems), weakly(self.say))
        self._dropped = weakref.finalize(self, abandon, self._housekeeper, self._recording, self._release)
        self._dropped.atexit = False
        close_at_exit(self)

    def _make_player(self, handle: EngineHandle) -> Player:
        engine = self.engine
        return Player(
            handle,
            kind=self._feed.kind,
            sample_rate=engine.sample_rate,
            source=self._feed.ring,
            block_frames=engine.block_frames or 0,
            recorder_frames=int(RECORDER_RING_S * engine.sample_rate),
            log=self._log,
            time_stretcher=time_stretch.time_stretcher(engine.sample_rate, engine.channels),
        )

    def __enter__(self) -> Stream:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Play from the current position; unmute a live input."""
        with self._lock:
            if self._player.transport == "end" and self._feed.song and self._feed.song.at_end:
                self._feed.song.seek(0)
            self._command("play")

    def pause(self) -> None:
        """Fade out and pause; a live input is muted."""
        self._command("pause")

    def stop(self) -> None:
        """Fade out, clear the sound, rewind."""
        with self._lock:
            self._command("stop")
            if self._feed.song:
                self._feed.song.seek(0)

    def seek(self, position_s: float) -> None:
        """Go to a position of the file, in s; does nothing without a file.

        Raises
        ------
        TypeError, ValueError
            The position is not a finite number.
        """
        expect_number("position_s", position_s)
        self._expect_open()
        if song := self._feed.song:
            song.seek(position_s)

    @property
    def source(self) -> Source:
        """What plays, or is about to."""
        return self._feed.source

    def change(self, source: Playable) -> None:
        """Switch to another source; the transport keeps its state.

        A song that plays fades out over a second while the next one begins. A live input opens the device anew, and is
        muted until `start`; so does switching away from one. The engine keeps its rate and its channels.

        Raises
        ------
        OSError, AudioFileError, ValueError, StreamError
            The file cannot be read, the drive does not fit the model, or the device cannot be opened; the old source
            plays on.
        """
        with self._lock:
            self._expect_open()
            self._feed.change(as_source(source))

    @property
    def stretch(self) -> float:
        """Time-stretch of the file: 0.25 to 4 times its duration, at constant pitch. ValueError without a file."""
        return self._stretch[0]

    @stretch.setter
    def stretch(self, value: float) -> None:
        self._set_stretch(value, self._stretch[1])

    @property
    def transpose(self) -> float:
        """Transposition of the file in semitones: -24 to 24, at constant duration. ValueError without a file."""
        return self._stretch[1]

    @transpose.setter
    def transpose(self, value: float) -> None:
        self._set_stretch(self._stretch[0], value)

    def _set_stretch(self, stretch: float, transpose: float) -> None:
        self._expect_open()
        time_stretch.check(stretch, transpose)
        if self._feed.song is None:
            raise ValueError("only a file can be stretched or transposed")
        with self._lock:
            self._stretch = (float(stretch), float(transpose))
            self._player.set_stretch(*self._stretch)

    def record(self, path: str | os.PathLike[str], *, from_play: bool = False) -> None:
        """Start recording the output to a WAV or FLAC file that must not exist yet.

        from_play: the first frame of the file is the first one played after `start`; for a stream that is at rest.

        Raises
        ------
        ValueError, OSError
            As `aedsp.live.recorder.Recorder`; RuntimeError if a recording is already running.
        """
        with self._lock:
            self._expect_open()
            running = self._recording.recorder
            if running is not None:
                raise RuntimeError(f"already recording to {running.path}; stop_recording() first")
            recorder = Recorder(path, self._player, self.engine.sample_rate, self.engine.channels)
            recorder.start(from_play)
            self._recording.recorder = recorder

    def stop_recording(self) -> Path | None:
        """Finish the recording; returns its path, None if there was none."""
        with self._lock:
            recorder = self._recording.take()
        if recorder is None:
            return None
        path = recorder.stop()
        if recorder.error:
            self.say(recorder.error)
        return path

    def tap(self, seconds: float = 1.0, *, newest: bool = False) -> Tap:
        """What is played from now on, as an iterator of blocks; see `Tap`. At most 4 at a time: RuntimeError."""
        with self._lock:
            self._expect_open()
            return self._taps.open(seconds, newest)

    def swap(self, model: Model, *, path: str | None = None) -> None:
        """Switch to a model with the same front end, from the next hop on, as `Engine.swap`."""
        self._expect_open()
        self.engine.swap(model, path=path)

    def close(self) -> None:
        """Fade out, close the stream, finish the recording, detach the engine. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._dropped.detach()
        self._housekeeper.stop()  # `on_message` may call close, from its thread
        try:
            if self._device.sounds:
                self._player.command("pause")
                time.sleep(0.03 + 2 * self.latency.device / self.engine.sample_rate)
            self.stop_recording()
        finally:
            self._release.close()

    @property
    def transport(self) -> Transport:
        """ "play", "pause", "stop", or "end" if the file has ended."""
        return self._player.transport  # type: ignore[return-value]

    @property
    def requested_transport(self) -> Transport:
        """What `transport` will be once the audio thread has processed all commands."""
        return self._player.asked  # type: ignore[return-value]

    @property
    def position_s(self) -> float:
        """Position in the file, in s; without a file, the time played."""
        if song := self._feed.song:
            return song.position_s
        return self.frames / self.engine.sample_rate

    @property
    def duration_s(self) -> float | None:
        """Duration of the file, in s; None without a file."""
        song = self._feed.song
        return song.duration_s if song else None

    @property
    def recording(self) -> Path | None:
        """The file of the running recording, else None."""
        recorder = self._recording.recorder
        return recorder.path if recorder else None

    @property
    def requested_latency(self) -> str:
        """The requested device latency: "low", "high" or a time in s."""
        return self._device.requested_latency

    @property
    def output_device(self) -> portaudio.Device:
        return self._device.output

    @property
    def device_lost(self) -> bool:
        """Whether the device is lost; the stream waits for it."""
        return self._device.lost

    @property
    def latency(self) -> Latency:
        """The latency from input to output, in parts."""
        engine = self.engine
        front_end = engine.model.front_end
        algorithm = round(engine.algorithm_frames * engine.sample_rate / front_end.sample_rate)
        device = round(self._device.latency_s * engine.sample_rate)
        return Latency(algorithm, engine.latency_frames - algorithm, device, engine.sample_rate)

    @property
    def statistics(self) -> StreamStatistics:
        counts = {**self._device.statistics(), **self._player.counters()}
        return StreamStatistics(**{name: counts[name] for name in StreamStatistics.__dataclass_fields__})

    @property
    def frames(self) -> int:
        """Frames played since the stream was opened."""
        return self._player.counters()["frames"]

    def meter(self) -> Meter:
        """The latest readings, as copies. One reader at a time."""
        return Meter(*self._player.meter())

    def segment(self, ring_position: int) -> Segment | None:
        """The segment of a song that begins at a position of the ring, for the gesture recorder."""
        return self._feed.segment(ring_position)

    def drive_taken(self) -> str:
        """The drive of the oldest drive event that was not asked for yet, for the gesture recorder."""
        return self._feed.requested.popleft() if self._feed.requested else "constant"

    def deliver_events(self) -> None:
        """Deliver the events logged by the audio thread to the engine's listener."""
        with self._log_lock:  # one reader at a time
            events = self._log.read(LOG_EVENTS, np.int64).reshape(-1, 4)
            if len(events) and self.engine.listener is not None:
                self.engine.listener.took_effect(events)

    def say(self, message: str) -> None:
        """Report a message through `on_message`, or to the logger "aedsp"."""
        if self.on_message is not None:
            self.on_message(message)
        else:
            logging.getLogger("aedsp").warning(message)

    def _is_closed(self) -> bool:
        return self._closed

    def _expect_open(self) -> None:
        if self._closed:
            raise StreamError("the stream is closed; create a new one")

    def _command(self, name: str) -> None:
        self._expect_open()
        if not self._player.command(name):
            raise StreamError("the audio thread does not accept commands; check that the device is connected")

    def _look_for_end(self) -> None:
        ended, self._ended = self._ended, self.transport == "end"
        if self._ended and not ended and self.on_end is not None:
            self.on_end()

    def _deliver_last_events(self) -> None:
        with contextlib.suppress(Exception):  # a listener's error must not keep the engine attached
            self.deliver_events()

    def _problems(self) -> list[str]:
        recorder, song = self._recording.recorder, self._feed.song
        found = [song.warning if song else None, recorder.error if recorder else None]
        return [problem for problem in found if problem]
