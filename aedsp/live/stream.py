"""Stream: an engine that plays on a device, with a source, a transport and a recorder.

The audio thread runs compiled code only (`_rt/callback`, `_rt/player`). This object belongs to the control side; a
thread of its own, the housekeeper, looks after what the audio thread leaves behind: freed models, the log of changes, a
source that came to its end, a device that vanished.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aedsp._rt.callback import Callback
from aedsp._rt.player import EVENT_BYTES, Player
from aedsp._rt.ring import ItemRing
from aedsp.arrays import Int64
from aedsp.engine import drives, time_stretch
from aedsp.engine.engine import Engine
from aedsp.errors import StreamError
from aedsp.live import portaudio
from aedsp.live.portaudio import DeviceName
from aedsp.live.recorder import RING_S as RECORDER_RING_S
from aedsp.live.recorder import Recorder
from aedsp.live.sources import FileSource, InputSource, NoInput, Source, Streamer, as_source
from aedsp.live.statistics import Latency, StreamStatistics
from aedsp.model.model import Model

Transport = Literal["play", "pause", "stop", "end"]

HOUSEKEEPING_S = 0.05
LOG_EVENTS = 1 << 15
#: A device whose callback has not been called for so long, in s, is taken for lost.
LOST_AFTER_S = 2.0


class Stream:
    """An engine on a device: a context manager that starts on entry and closes at the end.

    Parameters
    ----------
    engine : Engine
        Its sample rate is the device's, its channels are the source's; a fixed `block_frames` becomes the device's
        block. Until the stream is closed, the engine is played by the audio thread and refuses `process`.
    source : path, FileSource, InputSource, NoInput or None
        None is no input: the decoder alone.
    device : int, str or None
        The output: PortAudio's number, a part of the name, or None for the default one.
    latency : float, "low" or "high"
        What is asked of the device, in s.
    output_channels : int, optional
        None: two, or as many as the engine has where that is more, as far as the device goes. A single channel sounds
        on the first two.
    on_message : callable, optional
        Called with a sentence when something happens that the player should know: a device that vanished or came back,
        a damaged file, a recording that had to stop. From the housekeeper's thread.

    Raises
    ------
    StreamError
        No PortAudio, no such device, or one that refuses the rate or the channels.
    OSError, AudioFileError
        A source that cannot be read.

    Notes
    -----
    A file begins stopped: `start` plays it. An input device is muted until `start`.
    """

    def __init__(
        self,
        engine: Engine,
        source: Source | str | os.PathLike[str] | None = None,
        device: DeviceName = None,
        *,
        latency: portaudio.Latency = "low",
        output_channels: int | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        if not isinstance(engine, Engine):
            raise TypeError(f"engine is {type(engine).__name__}; expected aedsp.Engine")
        self.engine, self.source = engine, as_source(source)
        self.on_message = on_message
        self._device, self._latency, self._output_channels = device, latency, output_channels
        self._streamer: Streamer | None = None
        self._lock = threading.RLock()
        self._log_lock = threading.RLock()
        self._recorder: Recorder | None = None
        self._opened: Any = None
        self._closed = False
        self._pace = (1.0, 0.0)
        self._seen = (0, 0.0)
        self._retry_at = 0.0
        self.device_lost = False
        self.on_events: list[Callable[[Int64], None]] = []
        try:
            if isinstance(self.source, NoInput):
                drives.set_drive(engine._core, self.source.drive, engine.model, engine.seed)
            engine._core.occupy()
        except RuntimeError:
            raise RuntimeError("the engine plays in another stream, or is processing; make a new one") from None
        try:
            self._streamer = self._make_streamer()
            self._log = ItemRing(LOG_EVENTS, EVENT_BYTES)
            kind = {FileSource: "ring", InputSource: "device", NoInput: "none"}[type(self.source)]
            self.player = Player(
                engine._core,
                kind,
                self._streamer.ring if self._streamer else None,
                engine.block_frames or 0,
                engine.sample_rate,
                int(RECORDER_RING_S * engine.sample_rate),
                self._log,
                time_stretch.stretcher(engine.sample_rate, engine.channels) if self._streamer else None,
            )
            self._find_devices()
            self._open_device()
            if self._streamer:
                self._streamer.start(self.player)
        except BaseException:
            self._release()
            raise
        self._wake = threading.Event()
        self._housekeeper = threading.Thread(target=self._keep_house, name="aedsp housekeeper", daemon=True)
        self._housekeeper.start()

    def __enter__(self) -> Stream:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Play, from where the source stands; open the microphone."""
        with self._lock:
            if self.player.transport == "end" and self._streamer:
                self._streamer.seek(0)
            self._command("play")

    def pause(self) -> None:
        """Fade out and stand still; a device as source is muted."""
        self._command("pause")

    def stop(self) -> None:
        """Fade out, forget all sound, rewind."""
        with self._lock:
            self._command("stop")
            if self._streamer:
                self._streamer.seek(0)

    def seek(self, position_s: float) -> None:
        """Go to a position of the file, in s; without a file, nothing happens."""
        if self._streamer:
            self._streamer.seek(position_s)

    @property
    def stretch(self) -> float:
        """Duration of the file as it plays, times its own: 0.25 to 4. The pitch stays. ValueError without a file."""
        return self._pace[0]

    @stretch.setter
    def stretch(self, value: float) -> None:
        self._set_pace(value, self._pace[1])

    @property
    def transpose(self) -> float:
        """Semitones that the file is transposed by: -24 to 24. The time stays. ValueError without a file."""
        return self._pace[1]

    @transpose.setter
    def transpose(self, value: float) -> None:
        self._set_pace(self._pace[0], value)

    def _set_pace(self, stretch: float, transpose: float) -> None:
        time_stretch.check(stretch, transpose)
        if self._streamer is None:
            raise ValueError("only a file can be stretched or transposed")
        with self._lock:
            self._pace = (float(stretch), float(transpose))
            self.player.pace(*self._pace)

    def record(self, path: str | os.PathLike[str]) -> None:
        """Record what is heard, from now on, to a WAV or FLAC file that must not exist yet.

        Raises
        ------
        ValueError, OSError
            As `aedsp.live.recorder.Recorder`; RuntimeError where a recording runs already.
        """
        with self._lock:
            if self._recorder is not None:
                raise RuntimeError(f"already recording to {self._recorder.path}; stop_recording() first")
            self._recorder = Recorder(path, self.player, self.engine.sample_rate, self.engine.channels)
            self._recorder.start()

    def stop_recording(self) -> Path | None:
        """Finish the recording; returns its path, None where there was none."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        path = recorder.stop()
        if recorder.error:
            self.say(recorder.error)
        return path

    def swap(self, model: Model, *, path: str | None = None) -> None:
        """`Engine.swap`: another model of the same front end, from the next hop on."""
        self.engine.swap(model, path=path)

    def close(self) -> None:
        """Fade out, end the stream, finish the recording, give the engine back. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        if threading.current_thread() is not self._housekeeper:  # `on_message` may close
            self._housekeeper.join()
        try:
            if self._opened is not None and not self.device_lost:
                self.player.command("pause")
                time.sleep(0.03 + 2 * self.latency.device / self.engine.sample_rate)
            self.stop_recording()
        finally:
            self._release()

    @property
    def transport(self) -> Transport:
        """ "play", "pause", "stop", or "end" where the file came to its end and stopped by itself."""
        return self.player.transport  # type: ignore[return-value]

    @property
    def asked_transport(self) -> Transport:
        """What `transport` will be as soon as the audio thread has taken every command."""
        return self.player.asked  # type: ignore[return-value]

    @property
    def position_s(self) -> float:
        """Of the file, in s; else the time played."""
        if self._streamer:
            return self._streamer.position_s
        return self.player.counters()["frames"] / self.engine.sample_rate

    @property
    def duration_s(self) -> float | None:
        """Of the file, in s; None without one."""
        return self._streamer.duration_s if self._streamer else None

    @property
    def recording(self) -> Path | None:
        """The file that is being recorded to."""
        recorder = self._recorder
        return recorder.path if recorder else None

    @property
    def asked_latency(self) -> str:
        """What was asked of the device: "low", "high" or a time in s."""
        return str(self._latency)

    @property
    def output_device(self) -> portaudio.Device:
        return self._output

    @property
    def latency(self) -> Latency:
        """What adds up between input and output."""
        engine = self.engine
        front_end = engine.model.front_end
        algorithm = round(engine.algorithm_frames * engine.sample_rate / front_end.sample_rate)
        reported = self._opened.latency if self._opened is not None else self._output.low_latency_s
        device_s = sum(reported) if isinstance(reported, tuple) else reported
        device = round(device_s * engine.sample_rate)
        return Latency(algorithm, engine.latency_frames - algorithm, device, engine.sample_rate)

    @property
    def statistics(self) -> StreamStatistics:
        counts = {**self.callback.statistics(), **self.player.counters()}
        return StreamStatistics(**{name: counts[name] for name in StreamStatistics.__dataclass_fields__})

    def file_position(self, ring_position: int) -> int | None:
        """For the log of gestures: the frame of the file that stands at a position of the ring."""
        return self._streamer.stretches.get(ring_position) if self._streamer else None

    def hand_on_events(self) -> None:
        """Give what the audio thread logged to the listeners in `on_events`: rows of kind, frame, hop, value."""
        with self._log_lock:  # one reader at a time
            events = self._log.read(LOG_EVENTS, np.int64).reshape(-1, 4)
            for listener in self.on_events if len(events) else []:
                listener(events)

    def say(self, message: str) -> None:
        """Tell the player a sentence, by `on_message`."""
        if self.on_message is not None:
            self.on_message(message)

    def _make_streamer(self) -> Streamer | None:
        if isinstance(self.source, FileSource):
            return Streamer(self.source, self.engine.sample_rate, self.engine.channels)
        return None

    def _command(self, name: str) -> None:
        if self._closed:
            raise StreamError("the stream is closed; make a new one")
        if not self.player.command(name):
            raise StreamError("the audio thread takes no commands; is the device still there?")

    def _find_devices(self) -> None:
        self._output = portaudio.find_device(self._device, "output")
        wanted = self._output_channels or max(2, self.engine.channels)
        if self._output_channels and wanted > self._output.outputs:
            raise StreamError(f"{self._output.name} has {self._output.outputs} output channels, not {wanted}")
        self._n_out = min(wanted, self._output.outputs)
        self._input: portaudio.Device | None = None
        self._n_in = 0
        if isinstance(self.source, InputSource):
            self._input = portaudio.find_device(self.source.device, "input")
            self._n_in = min(self.engine.channels, self._input.inputs)

    def _open_device(self) -> None:
        """A callback of its own for each opening: one that a lost device might still call plays silence."""
        before = getattr(self, "callback", None)
        self.callback = Callback(self.player, self._n_in, self._n_out, self.engine.sample_rate, before)
        self._opened = portaudio.open_stream(
            self.callback, self._output, self._input, self._n_in, self._n_out, self.engine.sample_rate,
            self.engine.block_frames or 0, self._latency,
        )  # fmt: skip
        portaudio.start_stream(self._opened)
        self._seen = (self.callback.statistics()["callbacks"], time.monotonic())

    def _release(self) -> None:
        """Close the device first: after that nothing runs in the audio thread any more."""
        if self._opened is not None:
            with contextlib.suppress(Exception):
                portaudio.close_stream(self._opened)
            self._opened = None
        if self._streamer is not None:
            self._streamer.close()
        if hasattr(self, "player"):
            with contextlib.suppress(Exception):  # a listener's; the engine must be given back
                self.hand_on_events()
            self.player.detach()
        self.engine._core.release()

    def _keep_house(self) -> None:
        said: set[str] = set()
        problems: list[str] = []
        while not self._wake.wait(HOUSEKEEPING_S):
            for task in (self.hand_on_events, self.engine._core.collect, self._look_after_the_device):
                try:
                    task()
                except Exception as error:  # the house is kept whatever happens in one room
                    problems.append(f"{task.__name__.strip('_').replace('_', ' ')}: {error}")
            for problem in [*problems, *self._problems()]:
                if problem not in said:
                    said.add(problem)
                    with contextlib.suppress(Exception):
                        self.say(problem)
            problems.clear()

    def _look_after_the_device(self) -> None:
        if self.device_lost:
            if time.monotonic() > self._retry_at:
                self._retry_at = time.monotonic() + 1.0
                self._try_again()
        elif self._is_lost():
            self.device_lost = True
            self.say(f"{self._output.name} has vanished; waiting for it, Ctrl-C ends")
            lost, self._opened = self._opened, None
            portaudio.drop_lost(lost, self._output, self.callback)

    def _problems(self) -> list[str]:
        recorder = self._recorder
        found = [self._streamer.warning if self._streamer else None, recorder.error if recorder else None]
        return [problem for problem in found if problem]

    def _is_lost(self) -> bool:
        callbacks = self.callback.statistics()["callbacks"]
        if callbacks != self._seen[0]:
            self._seen = (callbacks, time.monotonic())
        try:
            active = bool(self._opened.active)
        except Exception:
            active = False
        return not active or time.monotonic() - self._seen[1] > LOST_AFTER_S

    def _try_again(self) -> None:
        """The same devices, by name, in a PortAudio that has looked anew."""
        try:
            portaudio.restart()
            self._output = portaudio.find_device(self._output.full_name, "output")
            if self._input is not None:
                self._input = portaudio.find_device(self._input.full_name, "input")
            self._open_device()
        except Exception:  # whatever it is, the device is not back yet
            if self._opened is not None:
                with contextlib.suppress(Exception):
                    portaudio.close_stream(self._opened)
                self._opened = None
            return
        self.device_lost = False
        self.say(f"{self._output.name} is back")
