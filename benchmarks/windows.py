"""Long windows or short ones, symmetric or asymmetric: how well 16 and 64 principal components resynthesize.

    AEDSP_CORPUS44=<folder with train/ and test/> python benchmarks/windows.py [--spectra 20000]

For each front end at 44,100 Hz: principal components of the square roots of magnitudes, fitted to spectra of `train/`,
as a model of 16 and 64 linear units in the engine, on `test/` (seconds 20 to 32, mono): spectral convergence and
log-spectral distance as in `playability.py`, mean over the pieces, dB, with the input's phases; and with 64 units the
convergence where phases are synthesized from the decoded magnitudes alone (pghi): whether the units hold the pitch.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import soxr
from playability import at_rate, pieces, spectra

import aedsp
from aedsp.audio.file import read
from aedsp.model.analysis import Analysis

RATE = 44_100
FRONT_ENDS = {
    "Hann 4096 / 1024": {"fft_length": 4096, "window_length": 4096, "hop_length": 1024},
    "Hann 2048 / 512": {"hop_length": 512},
    "asymmetric 4096, S 1024 / 256": {
        "fft_length": 4096, "window_length": 4096, "hop_length": 256, "window": "asymmetric", "synthesis_length": 1024,
    },
    "asymmetric 2048, S 512 / 128": {"hop_length": 128, "window": "asymmetric", "synthesis_length": 512},
    "asymmetric 2048, S 512 / 64": {"hop_length": 64, "window": "asymmetric", "synthesis_length": 512},
    "asymmetric 2048, S 256 / 64": {"hop_length": 64, "window": "asymmetric", "synthesis_length": 256},
    "Hann 512 / 128": {"fft_length": 512, "window_length": 512, "hop_length": 128},
    "Hann 256 / 64": {"fft_length": 256, "window_length": 256, "hop_length": 64},
}  # fmt: skip


def training_windows(length: int, n: int) -> np.ndarray:
    """Random windows of the training pieces: float32 (n, length)."""
    paths = sorted(Path(os.environ["AEDSP_CORPUS44"], "train").iterdir())
    rng, found = np.random.default_rng(0), []
    for path in paths:
        x, rate = read(path)
        mono = x.mean(axis=1) if rate == RATE else soxr.resample(x.mean(axis=1), rate, RATE)
        starts = rng.integers(0, len(mono) - length, n // len(paths))
        found.append(np.stack([mono[start : start + length] for start in starts]).astype(np.float32))
    return np.concatenate(found)


def components(front_end: aedsp.FrontEnd, magnitudes: np.ndarray, n_units: int) -> aedsp.Model:
    """Principal components of the square roots, as a linear model."""
    x = np.sqrt(magnitudes.astype(np.float64))
    mean = x.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((x - mean).T))
    directions = vectors[:, ::-1][:, :n_units].T
    layer = aedsp.Layer(
        encoder_weight=directions, encoder_bias=-directions @ mean, decoder_weight=directions.T, decoder_bias=mean,
        encoder_activation="linear", decoder_activation="linear",
    )  # fmt: skip
    return aedsp.Model(front_end=front_end, layers=(layer,), preprocess=aedsp.Chain((aedsp.Power(0.5),)))


def rated(model: aedsp.Model, music: list[np.ndarray], phase: str = "auto") -> tuple[float, float]:
    found = []
    for x in music:
        a, b = spectra(x[:, None]), spectra(aedsp.resynthesize(model, x, phase=phase)[:, None])
        levels = [20 * np.log10(np.maximum(z, a.max() * 1e-3)) for z in (a, b)]
        distance = np.mean(np.sqrt(np.mean(np.square(levels[0] - levels[1]), axis=1)))
        found.append((20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(a)), distance))
    convergence, distance = np.mean(found, axis=0)
    return float(convergence), float(distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=20_000)
    n = parser.parse_args().spectra
    windows, music = training_windows(4096, n), None
    print("window / hop | latency | 16 units | 64 units | 64 units, pghi")
    for name, lengths in FRONT_ENDS.items():
        front_end = aedsp.FrontEnd(sample_rate=RATE, **lengths)  # type: ignore[arg-type]
        magnitudes = Analysis(front_end).magnitudes(np.ascontiguousarray(windows[:, -front_end.window_length :]))
        models = [components(front_end, magnitudes, units) for units in (16, 64)]
        music = music or [at_rate(x, rate, models[0]).mean(axis=1) for x, rate in pieces().values()]
        cells = ["{:.1f} / {:.1f}".format(*rated(model, music)) for model in models]
        alone = rated(models[1], music, "pghi")[0]
        latency = 1000 * front_end.reach_length / RATE
        print(f"{name} | {latency:.1f} ms | {cells[0]} | {cells[1]} | {alone:.1f}", flush=True)


if __name__ == "__main__":
    main()
