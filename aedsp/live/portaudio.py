"""PortAudio devices, and streams with a compiled callback. The only module that imports sounddevice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from aedsp._rt.callback import Callback
from aedsp.arrays import Float32
from aedsp.engine.arguments import expect_number
from aedsp.errors import StreamError

#: A device by PortAudio number or part of its name; None: the default device.
DeviceName = int | str | None
Latency = float | Literal["low", "high"]

COMMON_RATES = (16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


@dataclass(frozen=True)
class Device:
    """A PortAudio device. inputs, outputs : numbers of channels; rate in Hz, latencies in s."""

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    sample_rate: float
    low_latency_s: float
    high_latency_s: float
    is_default_input: bool
    is_default_output: bool

    @property
    def full_name(self) -> str:
        """The name with the host, which is unique: several hosts may list the same name."""
        return f"{self.name}, {self.host}"


def sounddevice() -> Any:
    """Import and return the sounddevice module.

    Raises
    ------
    StreamError
        If sounddevice or PortAudio is not installed.
    """
    try:
        with _undisturbed():
            import sounddevice
    except ImportError:
        raise StreamError("sounddevice is not installed; pip install 'aedsp[play]'") from None
    except OSError:
        raise StreamError("PortAudio is not installed; on Debian: apt install libportaudio2") from None
    return sounddevice


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Defer signals: if PortAudio is interrupted while starting, or a JACK client during a request, the process
    crashes at exit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if handler is not None}  # None: installed in C
    for number in before:
        signal.signal(number, lambda number, frame: came.append(number))
        if hasattr(signal, "siginterrupt"):
            signal.siginterrupt(number, False)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for late in came:
        signal.raise_signal(late)


def list_devices() -> list[Device]:
    """All devices; empty if there are none."""
    sd = sounddevice()
    hosts = sd.query_hostapis()
    default_input, default_output = sd.default.device
    found = []
    for d in sd.query_devices():
        host = hosts[d["hostapi"]]
        kind = "output" if d["max_output_channels"] else "input"
        found.append(
            Device(
                number=d["index"],
                name=d["name"],
                host=host["name"],
                inputs=d["max_input_channels"],
                outputs=d["max_output_channels"],
                sample_rate=d["default_samplerate"],
                low_latency_s=d[f"default_low_{kind}_latency"],
                high_latency_s=d[f"default_high_{kind}_latency"],
                is_default_input=d["index"] == (default_input if default_input >= 0 else host["default_input_device"]),
                is_default_output=d["index"]
                == (default_output if default_output >= 0 else host["default_output_device"]),
            )
        )
    return found


def named(text: str | None) -> DeviceName:
    """Parse a device argument: digits are a PortAudio number, anything else is part of the name."""
    return int(text) if text is not None and text.isdigit() else text


def expect_latency(latency: object) -> None:
    """Raise TypeError or ValueError unless latency is "low", "high" or a positive number of seconds."""
    if isinstance(latency, str):
        if latency not in ("low", "high"):
            raise ValueError(f"latency is {latency!r}; expected 'low', 'high' or a time in s")
        return
    if expect_number("latency", latency) <= 0:
        raise ValueError(f"latency is {latency!r}; expected 'low', 'high' or a time in s above 0")


def find_device(device: DeviceName, kind: Literal["input", "output"]) -> Device:
    """Look up a device.

    Raises
    ------
    StreamError
        If no device matches, or several do; the message lists the devices.
    """
    sd = sounddevice()
    try:
        found = sd.query_devices(device, kind)
    except (ValueError, sd.PortAudioError) as error:
        usable = [d for d in list_devices() if (d.inputs if kind == "input" else d.outputs)]
        if not usable:
            raise StreamError(f"no {kind} device can be used: PortAudio finds none on this machine") from None
        if device is None:
            raise StreamError(
                f"no default {kind} device; choose one of: {', '.join(repr(d.name) for d in usable)}"
            ) from None
        raise StreamError(
            f"{kind} device is {device!r} ({_first_line(error)}); expected one of "
            f"{', '.join(f'{d.number} {d.name!r}' for d in usable)}; python -m aedsp.devices lists them"
        ) from None
    return next(d for d in list_devices() if d.number == found["index"])


def rates_of(device: Device, kind: Literal["input", "output"]) -> list[int]:
    """The common sample rates, in Hz, that the device supports."""
    sd = sounddevice()
    check = sd.check_output_settings if kind == "output" else sd.check_input_settings
    rates = []
    for rate in COMMON_RATES:
        with contextlib.suppress(sd.PortAudioError, ValueError):
            check(device.number, None, "float32", samplerate=rate)
            rates.append(rate)
    return rates


def open_stream(
    callback: Callback,
    output: Device,
    input: Device | None,
    n_in: int,
    n_out: int,
    sample_rate: float,
    block_frames: int,
    latency: Latency,
) -> Any:
    """Open a PortAudio stream with the compiled callback; does not start it. Keep `callback` alive until it is closed.

    Raises
    ------
    StreamError
        If a device rejects the rate or the channels, or cannot be opened; the message lists the supported rates.
    """
    sd = sounddevice()
    function, state = callback.addresses()
    options: dict[str, Any] = {
        "samplerate": sample_rate,
        "blocksize": block_frames,
        "dtype": "float32",
        "latency": latency,
        "clip_off": True,
        "dither_off": True,
        "callback": sd._ffi.cast("PaStreamCallback*", function),
        "userdata": sd._ffi.cast("void *", state),
    }
    try:
        with _undisturbed():
            return _opened(sd, output, input, n_in, n_out, options)
    except sd.PortAudioError as error:
        names = output.name if input is None or input.number == output.number else f"{input.name} with {output.name}"
        text = _first_line(error)
        if "sample rate" in text.lower():
            both = set(rates_of(output, "output"))
            if input is not None:
                both &= set(rates_of(input, "input"))
            takes = ", ".join(map(str, sorted(both))) or "none of the common rates"
            raise StreamError(
                f"{names} does not support {sample_rate:g} Hz; it supports {takes}; choose one with --sample-rate"
            ) from None
        hint = "; input and output must belong to the same host (ALSA, JACK, ...)" if input is not None else ""
        raise StreamError(f"{names} cannot be opened ({text}){hint}") from None


def _opened(sd: Any, output: Device, input: Device | None, n_in: int, n_out: int, options: dict[str, Any]) -> Any:
    if input is None:
        stream = sd._StreamBase("output", device=output.number, channels=n_out, **options)
    else:
        stream = sd._StreamBase("duplex", device=(input.number, output.number), channels=(n_in, n_out), **options)
    _OPEN.append(stream)
    return stream


def start_stream(stream: Any) -> None:
    """Start calling the callback.

    Raises
    ------
    StreamError
        If the device cannot be started.
    """
    with refusals(), _undisturbed():
        stream.start()


#: Open PortAudio streams of this process.
_OPEN: list[Any] = []


def close_stream(stream: Any) -> None:
    """Close the stream; the callback is not called again."""
    if stream in _OPEN:
        _OPEN.remove(stream)
    with _undisturbed():
        stream.close()


def restart() -> None:
    """Restart PortAudio so that it rescans the devices; does nothing while another stream is open."""
    if not _OPEN:
        release()
        with _undisturbed():
            sounddevice()._initialize()


def release() -> None:
    """Terminate PortAudio, e.g. before its server stops. All streams of the process must be closed."""
    sd = sounddevice()
    with _undisturbed():
        while sd._initialized:
            sd._terminate()


def drop_lost(stream: Any, device: Device, callback: Callback) -> None:
    """Abandon a stream whose device is lost; `restart` works afterwards.

    A JACK client without its server cannot be closed: PortAudio aborts the process (an assertion in Terminate), and
    other hosts may hang. In these cases the old library stays loaded, and a fresh copy of it is used instead.
    """
    if stream in _OPEN:
        _OPEN.remove(stream)
    if "JACK" not in device.host.upper():
        closing = threading.Thread(target=_close_quietly, args=(stream,), daemon=True)
        closing.start()
        closing.join(CLOSING_S)
        if not closing.is_alive():
            return
    sd = sounddevice()
    _LEFT_BEHIND.append((sd._lib, stream, callback))
    library = _library_path(sd._libname)
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(library, folder)
        sd._lib, sd._initialized = sd._ffi.dlopen(copy), 0
    sd._initialize()


#: Never freed: threads of abandoned streams may still access it.
_LEFT_BEHIND: list[Any] = []
CLOSING_S = 2.0


def _close_quietly(stream: Any) -> None:
    with contextlib.suppress(Exception):
        stream.close()


def _library_path(name: str) -> str:
    """Path of the loaded library."""
    if os.path.exists(name):
        return name
    with open("/proc/self/maps") as maps:
        return next(line.split(maxsplit=5)[5].strip() for line in maps if "libportaudio" in line)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Convert PortAudio errors to StreamError."""
    sd = sounddevice()
    try:
        yield
    except sd.PortAudioError as error:
        raise StreamError(f"the device reports an error ({_first_line(error)})") from None


def play_and_record(x: Float32, sample_rate: float, output: Device, input: Device, block_frames: int) -> Float32:
    """Play (frames,) and record the same number of frames, blocking: float32 (frames,)."""
    sd = sounddevice()
    with refusals():
        recorded = sd.playrec(
            x[:, None], sample_rate, 1, device=(input.number, output.number), blocksize=block_frames, blocking=True,
            dtype="float32", latency="low",
        )  # fmt: skip
    return np.asarray(recorded[:, 0])


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())
