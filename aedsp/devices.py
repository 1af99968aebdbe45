"""`python -m aedsp.devices`: lists the audio devices and measures round-trip latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from aedsp import cli
from aedsp.arrays import Float32
from aedsp.errors import StreamError
from aedsp.live import portaudio

#: An impulse must exceed the rest of the recording by at least this factor.
_CLEAR = 8.0
_LISTEN_S, _IMPULSES, _SPACING_S = 0.25, 12, 0.25
_AMPLITUDE = 0.5


@dataclass(frozen=True)
class LoopbackLatency:
    """Round-trip latency in frames: median and spread of several impulses. level_db : gain of the loopback."""

    frames: int
    spread_frames: int
    level_db: float


def find_impulses(recorded: Float32, spacing_frames: int, n: int) -> LoopbackLatency:
    """Find impulses that were played at 0, spacing, 2 spacing ...

    Raises
    ------
    StreamError
        If fewer than half of them stand out from the noise.
    """
    delays, levels = [], []
    for i in range(n):
        part = np.abs(recorded[i * spacing_frames : (i + 1) * spacing_frames])
        peak = int(np.argmax(part))
        rest = np.delete(part, slice(max(0, peak - 64), peak + 64))
        if part[peak] > _CLEAR * (float(np.sqrt(np.mean(np.square(rest)))) + 1e-6):
            delays.append(peak)
            levels.append(float(part[peak]))
    if 2 * len(delays) < n:
        raise StreamError(
            f"{len(delays)} of {n} impulses found; connect an output to an input with a cable (or a patch bay), "
            "and turn both up"
        )
    return LoopbackLatency(
        int(np.median(delays)), max(delays) - min(delays), float(20 * np.log10(np.median(levels) / _AMPLITUDE))
    )


def measure_latency(
    output: portaudio.Device, input: portaudio.Device, sample_rate: float, block_frames: int
) -> LoopbackLatency:
    """Play impulses through a loopback cable and measure when they arrive."""
    spacing = int(_SPACING_S * sample_rate)
    x = np.zeros(spacing * _IMPULSES + int(_LISTEN_S * sample_rate), np.float32)
    x[: spacing * _IMPULSES : spacing] = _AMPLITUDE
    return find_impulses(portaudio.play_and_record(x, sample_rate, output, input, block_frames), spacing, _IMPULSES)


def _describe(device: portaudio.Device) -> str:
    marks = ("  default output" if device.is_default_output else "") + (
        "  default input" if device.is_default_input else ""
    )
    kind = "output" if device.outputs else "input"
    rates = ", ".join(f"{rate}" for rate in portaudio.rates_of(device, kind)) or "none of the common rates"  # type: ignore[arg-type]
    return (
        f"{device.number:>3}  {device.name} ({device.host}){marks}\n"
        f"     {device.inputs} in, {device.outputs} out; {device.sample_rate:g} Hz, supports {rates}; "
        f"latency {1000 * device.low_latency_s:.1f} to {1000 * device.high_latency_s:.1f} ms"
    )


def command(
    measure: Annotated[
        bool, typer.Option("--measure-latency", help="measure the round-trip latency through a loopback cable")
    ] = False,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="output device to measure (default: the system's)")
    ] = None,
    input_device: Annotated[
        str | None, typer.Option(metavar="NAME", help="input device to measure (default: as --device)")
    ] = None,
    sample_rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="sample rate (default: the output's current rate)")
    ] = None,
    block: Annotated[int, typer.Option(metavar="FRAMES", help="block size in frames; 0: let the device decide")] = 0,
) -> None:
    """List the audio devices, their channels, rates and latencies."""
    if measure:
        output = portaudio.find_device(portaudio.named(device), "output")
        input = portaudio.find_device(portaudio.named(input_device if input_device is not None else device), "input")
        sample_rate = sample_rate or output.sample_rate
        found = measure_latency(output, input, sample_rate, block)
        late = f"{found.frames} frames ({1000 * found.frames / sample_rate:.1f} ms)"
        print(
            f"{output.name} to {input.name} at {sample_rate:g} Hz: {late} from output to input, "
            f"within {found.spread_frames} frames; level {found.level_db:+.1f} dB"
        )
        return
    devices = portaudio.list_devices()
    if not devices:
        print("No audio device found. aedsp.render works without one.")
    for each in devices:
        print(_describe(each))


if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.devices")
