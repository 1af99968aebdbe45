"""Compares our time-stretcher with librosa's and, if installed, Rubber Band.

    AEDSP_CORPUS=<folder with test/> python benchmarks/time_stretch.py [--seconds 10] [--stretch 0.5,0.8,1.25,2,4]

Mono at 22,050 Hz, FFT 2048, hop 512; mean over the files of `test/` (without AEDSP_CORPUS: the shipped clips).
convergence: 20 log10(‖|Y| - |X|‖ / ‖X‖), where Y are the output's spectra and X the source's at the matching times.
attacks: rise time from 10 % to 90 % of the peak within 60 ms, in ms, mean of the ten sharpest attacks of every file.
Lower is better for both. real time: seconds of output per second, one core, without file access (for Rubber Band: the
whole command).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from phases import RATE, clips

from aedsp import FrontEnd
from aedsp._kernels.stft import Transform
from aedsp._kernels.time_stretch import TimeStretcher

LENGTH, HOP = 2048, 512
GEOMETRY = FrontEnd(sample_rate=RATE, fft_length=LENGTH, window_length=LENGTH, hop_length=HOP)
WINDOWS = GEOMETRY.analysis_window(), GEOMETRY.synthesis_window()
Method = Callable[[np.ndarray, float], np.ndarray]


def ours(x: np.ndarray, stretch: float) -> np.ndarray:
    stretcher = TimeStretcher(1, LENGTH, HOP, *WINDOWS)
    stretcher.set(stretch, 1)
    left, at, out = round(len(x) * stretch), 0, []
    source = np.concatenate([x, np.zeros(4 * LENGTH, np.float32)])[:, None]
    while left:
        out.append(stretcher.pull(left))
        left -= len(out[-1])
        stretcher.push(source[at : at + 512])
        at += 512
    return np.concatenate(out)[:, 0]


def librosas(x: np.ndarray, stretch: float) -> np.ndarray:
    import librosa

    return librosa.effects.time_stretch(x, rate=1 / stretch, n_fft=LENGTH, hop_length=HOP)


def rubber_band(x: np.ndarray, stretch: float) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "x.wav"), Path(folder, "y.wav")
        soundfile.write(source, x, RATE, subtype="FLOAT")
        subprocess.run(["rubberband", "-q", "-t", f"{stretch}", source, target], check=True, capture_output=True)
        return soundfile.read(target, dtype="float32")[0]


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {"aedsp": ours}
    try:
        import librosa

        librosa.effects.time_stretch(np.zeros(8192, np.float32), rate=1.5)
        found["librosa"] = librosas
    except ImportError:
        print("skipped librosa: not installed")
    if shutil.which("rubberband"):
        found["Rubber Band"] = rubber_band
    else:
        print("skipped Rubber Band: not installed (Debian: rubberband-cli)")
    return found


def convergence(x: np.ndarray, y: np.ndarray, stretch: float) -> float:
    transform = Transform(LENGTH, HOP, *WINDOWS)
    found = transform.magnitudes(np.ascontiguousarray(y))
    padded = np.concatenate([np.zeros(LENGTH, np.float32), x, np.zeros(2 * LENGTH, np.float32)])
    expected = []
    for i in range(len(found)):
        middle = round((i * HOP + LENGTH // 2) / stretch)
        start = middle - LENGTH // 2 + LENGTH
        if start + LENGTH > len(padded):
            break
        expected.append(transform.magnitudes(padded[start : start + LENGTH])[0])
    a, b = np.array(expected)[4:-8], found[: len(expected)][4:-8]
    return 20 * float(np.log10(np.linalg.norm(a - b) / np.linalg.norm(a)))


def energy(x: np.ndarray) -> np.ndarray:
    """Energy over 3 ms, one value per frame, without frequencies below about 500 Hz."""
    bright = np.diff(x.astype(float), n=2, prepend=[0, 0])
    return np.convolve(np.square(bright), np.hanning(66), "same") + 1e-15


def sharpest(x: np.ndarray, n: int = 10) -> list[int]:
    """Frames where the energy rises most within 10 ms, at least 200 ms apart."""
    e, step = np.log(energy(x) + 1e-3 * energy(x).max()), int(0.01 * RATE)
    rise, found = np.zeros(len(x)), []
    rise[step:] = e[step:] - e[:-step]
    rise[: RATE // 4] = rise[-RATE // 4 :] = 0
    while len(found) < n and rise.max() > 0.5:
        at = int(rise.argmax())
        found.append(at)
        rise[max(0, at - RATE // 5) : at + RATE // 5] = 0
    return found


def attack_ms(x: np.ndarray, at: int) -> float:
    reach = int(0.06 * RATE)
    e = energy(x)[max(0, at - reach) : at + reach]
    top = int(e.argmax())
    rise = np.maximum.accumulate(e[: top + 1])
    return 1000 * float(np.argmax(rise >= 0.9 * e[top]) - np.argmax(rise >= 0.1 * e[top])) / RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--stretch", default="0.5,0.8,1.25,2,4")
    arguments = parser.parse_args()
    music, chosen = clips(arguments.seconds), methods()
    attacks = {name: sharpest(x) for name, x in music.items()}
    own = [attack_ms(x, at) for name, x in music.items() for at in attacks[name]]
    print(f"{len(music)} files, {len(own)} attacks, in the source {np.mean(own):.1f} ms")
    print("stretch | method | convergence, dB | attacks, ms | real time")
    for stretch in map(float, arguments.stretch.split(",")):
        for method, run in chosen.items():
            distances, spreads, seconds = [], [], 0.0
            for name, x in music.items():
                began = time.perf_counter()
                y = run(x, stretch)
                seconds += time.perf_counter() - began
                distances.append(convergence(x, y, stretch))
                spreads += [attack_ms(y, round(at * stretch)) for at in attacks[name]]
            speed = sum(map(len, music.values())) * stretch / RATE / seconds
            print(
                f"{stretch:7.2f} | {method:11} | {np.mean(distances):6.1f} | {np.mean(spreads):5.1f} | {speed:5.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
