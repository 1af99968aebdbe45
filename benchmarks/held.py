"""Measures frozen sound: does its level hold, and does it buzz at the hop rate?

    AEDSP_CORPUS=<folder with test/> python benchmarks/held.py [--seconds 20] [--model relu_160]

Every clip plays for 5 s through a shipped model, resampled to its rate, then the sound is frozen. level: from the
softest to the loudest 100 ms, in dB. line: the envelope's line at the hop rate, in dB relative to its mean; lower is
better. Without AEDSP_CORPUS: the shipped clips. "source": freezing from the input's phases.
"""

from __future__ import annotations

import argparse

import numpy as np
import soxr
from phases import RATE, clips

import aedsp
from aedsp import data

METHODS = {"source": "auto", "spsi": "spsi", "pghi": "pghi", "advance": "advance"}


def held(model: aedsp.Model, x: np.ndarray, phase: str, seconds: float) -> np.ndarray:
    """The frozen sound, from 0.2 s after the freeze."""
    engine, rate = aedsp.Engine(model, phase=phase), model.front_end.sample_rate
    engine.process(soxr.resample(x, RATE, rate).astype(np.float32))
    engine.controls.frozen = True
    return engine.process(np.zeros(int((seconds + 0.2) * rate), np.float32))[int(0.2 * rate) :]


def level_range(y: np.ndarray, rate: float) -> float:
    """dB between the softest and the loudest 100 ms."""
    n = int(rate // 10)
    levels = 20 * np.log10(np.sqrt(np.square(y[: len(y) // n * n], dtype=float).reshape(-1, n).mean(axis=1)) + 1e-12)
    return float(levels.max() - levels.min())


def line_at_the_hops(y: np.ndarray, hop: int) -> float:
    """dB of the envelope's line at the hop rate, relative to its mean."""
    spectrum = np.fft.fft(y)
    spectrum[len(y) // 2 + 1 :] = 0
    spectrum[1 : len(y) // 2] *= 2
    envelope = np.abs(np.fft.ifft(spectrum))
    t = np.arange(len(y))
    window = np.hanning(len(y))
    line = abs(np.sum(window * envelope * np.exp(-2j * np.pi * t / hop))) * 2 / np.sum(window)
    return float(20 * np.log10(line / np.mean(envelope) + 1e-12))


def show(name: str, values: list[tuple[float, float]]) -> None:
    print(f"{name[:20]:20} | " + " | ".join(f"{level:5.2f}, {line:5.1f}" for level, line in values), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--model", default="relu_160", help="shipped model or file")
    arguments = parser.parse_args()
    seconds, model = arguments.seconds, aedsp.Model.load(data.model_path(arguments.model))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    print("level, line in dB    | " + " | ".join(f"{name:>13}" for name in METHODS))
    for clip, x in clips(5).items():
        for name, phase in METHODS.items():
            y = held(model, x, phase, seconds)
            levels = level_range(y, model.front_end.sample_rate)
            found[name].append((levels, line_at_the_hops(y, model.front_end.hop_length)))
        show(clip, [found[name][-1] for name in METHODS])
    show("mean", [tuple(np.mean(found[name], axis=0)) for name in METHODS])


if __name__ == "__main__":
    main()
