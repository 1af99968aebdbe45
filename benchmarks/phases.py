"""Rates resynthesis from magnitudes without phases: our real-time methods against librosa's Griffin-Lim.

    AEDSP_CORPUS=<folder with test/> python benchmarks/phases.py [--seconds 30] [--hops 1024,512,256] [--synthesis 512]

Spectral convergence in dB, 20 log10(‖|STFT(y)| - |X|‖ / ‖X‖), mean over the files of `test/` (without AEDSP_CORPUS: the
shipped clips), mono at 22,050 Hz, FFT and window 2048, Hann. Lower is better. Ours use no later spectra, except pghi1,
which uses one; Griffin-Lim uses all of them, 32 times. --synthesis: asymmetric windows with this synthesis_length.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr

from aedsp import FrontEnd, data
from aedsp._kernels.pghi import Integration
from aedsp._kernels.phase import Phases
from aedsp._kernels.rtisi import Refinement
from aedsp._kernels.stft import Transform
from aedsp.audio.file import read

RATE, LENGTH = 22_050, 2048
Phasors = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def clips(seconds: float) -> dict[str, np.ndarray]:
    """The middle of each file by name: float32 (frames,)."""
    folder = os.environ.get("AEDSP_CORPUS")
    paths = sorted(Path(folder, "test").iterdir()) if folder else [data.demo_audio_path(name) for name in data.CLIPS]
    found = {}
    for path in paths:
        x, rate = read(path)
        mono = soxr.resample(x.mean(axis=1), rate, RATE).astype(np.float32)
        n = min(len(mono), int(seconds * RATE))
        found[Path(path).stem] = mono[(len(mono) - n) // 2 :][:n]
    return found


def methods(front_end: FrontEnd) -> dict[str, tuple[Phasors, int, int]]:
    """By name: phasors of the next magnitudes, their delay in spectra, iterations on top."""
    lengths = (front_end.fft_length, front_end.window_length, front_end.hop_length)
    start, centre = np.random.default_rng(0).random(front_end.n_fft_bins), front_end.window_centre

    def advance() -> Phasors:
        phases, hop = Phases(*lengths, start), iter(range(2**31))
        return lambda z: phases.advance(next(hop))

    def spsi() -> Phasors:
        return Phases(*lengths, start, centre).spsi

    def pghi(look_ahead: bool = False) -> Phasors:
        return Integration(*lengths, start, front_end.window, look_ahead, centre).run

    return {
        "advance": (advance(), 0, 0),
        "spsi": (spsi(), 0, 0),
        "pghi": (pghi(), 0, 0),
        "pghi1": (pghi(look_ahead=True), 1, 0),
        "spsi, refined 4 times": (spsi(), 0, 4),
        "pghi, refined 4 times": (pghi(), 0, 4),
    }


def spectra(front_end: FrontEnd, x: np.ndarray) -> np.ndarray:
    window = front_end.analysis_window()
    return Transform(front_end.fft_length, front_end.hop_length, window, window).magnitudes(x)


def convergence(front_end: FrontEnd, z: np.ndarray, y: np.ndarray) -> float:
    """dB between the spectra z and those of y, which starts at the heard part of the first of z; without the ends."""
    y = np.concatenate([np.zeros(front_end.window_length - front_end.reach_length, np.float32), y])
    found, edge = spectra(front_end, y), front_end.window_length // front_end.hop_length
    n = min(len(z), len(found))
    a, b = z[edge : n - edge], found[edge : n - edge]
    return 20 * float(np.log10(np.linalg.norm(a - b) / np.linalg.norm(a)))


def resynthesize(front_end: FrontEnd, z: np.ndarray, method: tuple[Phasors, int, int]) -> np.ndarray:
    phasors, late, n = method
    refinement = Refinement(
        front_end.fft_length,
        front_end.hop_length,
        front_end.analysis_window(),
        front_end.synthesis_window(),
        front_end.reach_length,
    )
    units = [phasors(row) for row in np.vstack([z, np.zeros((late, z.shape[1]), np.float32)])][late:]
    return np.concatenate([refinement.run(row, re, im, n) for row, (re, im) in zip(z, units, strict=True)])


def griffin_lim(front_end: FrontEnd, z: np.ndarray) -> float:
    import librosa

    geometry = {"n_fft": front_end.fft_length, "hop_length": front_end.hop_length, "center": False}
    y = librosa.griffinlim(z.T / front_end.magnitude_scale, n_iter=32, random_state=0, **geometry)
    return convergence(front_end, z, y.astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="seconds from the middle of each file; default: 30")
    parser.add_argument("--hops", default="1024,512,256")
    parser.add_argument("--synthesis", type=int, help="asymmetric windows: their synthesis_length in frames")
    arguments = parser.parse_args()
    music, hops = clips(arguments.seconds), [int(hop) for hop in arguments.hops.split(",")]
    table: dict[str, list[float]] = {}
    for hop in hops:
        windows = {"window": "asymmetric", "synthesis_length": arguments.synthesis} if arguments.synthesis else {}
        front_end = FrontEnd(sample_rate=RATE, fft_length=LENGTH, window_length=LENGTH, hop_length=hop, **windows)
        for name in methods(front_end):
            found = []
            for x in music.values():
                z = spectra(front_end, x)
                found.append(convergence(front_end, z, resynthesize(front_end, z, methods(front_end)[name])))
            table.setdefault(name, []).append(float(np.mean(found)))
        if arguments.synthesis:  # Griffin-Lim would need other windows
            continue
        try:
            found = [griffin_lim(front_end, spectra(front_end, x)) for x in music.values()]
        except ImportError:
            print("skipped Griffin-Lim: librosa is not installed")
        else:
            table.setdefault("librosa, Griffin-Lim, 32 times", []).append(float(np.mean(found)))
    if arguments.synthesis:
        print(f"asymmetric windows, synthesis_length {arguments.synthesis}")
    print(f"dB, mean of {len(music)} files | " + " | ".join(f"{LENGTH}/{hop}" for hop in hops))
    for name, values in table.items():
        print(f"{name} | " + " | ".join(f"{value:.1f}" for value in values))


if __name__ == "__main__":
    main()
