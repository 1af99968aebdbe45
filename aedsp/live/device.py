"""Opens and watches the device of a stream, and reopens it when it comes back. Control side only."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from aedsp._rt.callback import Callback
from aedsp._rt.player import Player
from aedsp.engine.engine import Engine
from aedsp.errors import StreamError
from aedsp.live import portaudio
from aedsp.live.portaudio import Device, DeviceName
from aedsp.live.sources import InputSource, Source

#: A device whose callback has not been called for this time, in s, counts as lost.
LOST_AFTER_S = 2.0
RETRY_S = 1.0


class StreamDevice:
    """An output device, and an input device if the source is one.

    Parameters
    ----------
    engine : Engine
        Sets the sample rate, channels and fixed block size.
    player : Player
        What the callback plays.
    source : Source
    name : int, str or None
        The output device, as in `Stream`.
    latency : float, "low" or "high"
    output_channels : int, optional
    say : callable
        Called with a message when the device is lost or comes back.

    Raises
    ------
    StreamError
        If the device is not found or has too few channels.
    """

    def __init__(
        self,
        engine: Engine,
        player: Player,
        source: Source,
        name: DeviceName,
        *,
        latency: portaudio.Latency,
        output_channels: int | None,
        say: Callable[[str], None],
    ) -> None:
        self._engine, self._player, self._latency, self._say = engine, player, latency, say
        self._opened: Any = None
        self._seen = (0, 0.0)
        self._retry_at = 0.0
        self.lost = False
        self.output: Device = portaudio.find_device(name, "output")
        wanted = output_channels or max(2, engine.channels)
        if output_channels and wanted > self.output.outputs:
            raise StreamError(
                f"output_channels is {wanted}; {self.output.name} has {self.output.outputs} output channels"
            )
        self._n_out = min(wanted, self.output.outputs)
        self._input, self._n_in = self._input_of(source)
        self.callback: Callback | None = None
        self._lock = threading.RLock()  # changes of the source and checks of the device take turns

    def _input_of(self, source: Source) -> tuple[Device | None, int]:
        """The input device of a source and the channels to take from it; None and 0 without one."""
        if not isinstance(source, InputSource):
            return None, 0
        found = portaudio.find_device(source.device, "input")
        return found, min(self._engine.channels, found.inputs)

    def find_input(self, source: Source) -> None:
        """Raise StreamError if a source needs an input device that is not there."""
        self._input_of(source)

    def change_source(self, source: Source) -> None:
        """Open the device anew, with the input of another source or without one; if that fails, as it was."""
        with self._lock:
            before = self._input, self._n_in
            found = self._input_of(source)
            self.close()
            try:
                self._input, self._n_in = found
                self.open()
            except Exception:
                self._input, self._n_in = before
                self.open()
                raise
            self.lost = False

    @property
    def requested_latency(self) -> str:
        """The requested latency: "low", "high" or a time in s."""
        return str(self._latency)

    @property
    def latency_s(self) -> float:
        """The latency reported by the device, input plus output."""
        reported = self._opened.latency if self._opened is not None else self.output.low_latency_s
        return float(sum(reported) if isinstance(reported, tuple) else reported)

    @property
    def sounds(self) -> bool:
        """Whether the device is open and not lost."""
        return self._opened is not None and not self.lost

    def statistics(self) -> dict[str, Any]:
        """The counters of the callback, summed over all openings."""
        assert self.callback is not None, "the device has not been opened"
        return self.callback.statistics()

    def open(self) -> None:
        """Open and start the device with a new callback; the one a lost device might still call is silent."""
        rate = self._engine.sample_rate
        self.callback = Callback(self._player, self._n_in, self._n_out, rate, self.callback)
        self._opened = portaudio.open_stream(
            self.callback, self.output, self._input, self._n_in, self._n_out, rate, self._engine.block_frames or 0,
            self._latency,
        )  # fmt: skip
        portaudio.start_stream(self._opened)
        self._seen = (self.callback.statistics()["callbacks"], time.monotonic())

    def close(self) -> None:
        """Close the device; the audio thread has ended on return."""
        with self._lock:
            if self._opened is not None:
                with contextlib.suppress(Exception):
                    portaudio.close_stream(self._opened)
                self._opened = None

    def look_after_the_device(self) -> None:
        """Detect a lost device, and retry until it is back."""
        with self._lock:
            self._look_after()

    def _look_after(self) -> None:
        if self.lost:
            if time.monotonic() > self._retry_at:
                self._retry_at = time.monotonic() + RETRY_S
                self._try_again()
        elif self._is_lost():
            self.lost = True
            self._say(f"{self.output.name} was disconnected; waiting for it to return")
            lost, self._opened = self._opened, None
            assert self.callback is not None, "it was open"
            portaudio.drop_lost(lost, self.output, self.callback)

    def _is_lost(self) -> bool:
        callbacks = self.statistics()["callbacks"]
        if callbacks != self._seen[0]:
            self._seen = (callbacks, time.monotonic())
        try:
            active = bool(self._opened.active)
        except Exception:
            active = False
        return not active or time.monotonic() - self._seen[1] > LOST_AFTER_S

    def _try_again(self) -> None:
        """Restart PortAudio and reopen the same devices by name."""
        try:
            portaudio.restart()
            self.output = portaudio.find_device(self.output.full_name, "output")
            if self._input is not None:
                self._input = portaudio.find_device(self._input.full_name, "input")
            self.open()
        except Exception:  # any error: the device is not back yet
            self.close()
            return
        self.lost = False
        self._say(f"{self.output.name} is back")
