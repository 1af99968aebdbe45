"""Times corpus building against `librosa.stft` on the same files: seconds, ratio, real-time factor.

    AEDSP_CORPUS=<folder with train/> python benchmarks/against_librosa.py [--rounds 3]

Both read every file, mix it to mono, resample it to 22,050 Hz and analyse it with windows of 2,048 every 512 frames.
librosa computes a file's magnitudes and drops them; ours draws 70,000 spectra over all files and writes them to disk.
Both resample with soxr_hq. One process for librosa, one per core for ours.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from aedsp.train.data import tracks as audio
from aedsp.train.data.build import build_corpus, in_processes
from aedsp.train.data.sampling import Draw


def librosa_seconds(paths: list[Path]) -> float:
    import librosa

    began = time.perf_counter()
    for path in paths:
        x, _ = librosa.load(path, sr=22_050)
        np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
    return time.perf_counter() - began


def our_seconds(folder: Path) -> tuple[float, float]:
    """Seconds taken, and seconds of audio."""
    with tempfile.TemporaryDirectory() as temporary:
        began = time.perf_counter()
        tracks, _ = audio.survey(audio.find_audio(folder), folder)
        build_corpus(Path(temporary, "c.h5"), tracks, Draw(), run_jobs=in_processes())
        return time.perf_counter() - began, sum(track.n_frames / track.sample_rate for track in tracks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    folder = Path(os.environ["AEDSP_CORPUS"], "train")
    paths = audio.find_audio(folder)
    librosa_seconds(paths[:1])
    print("librosa s | aedsp s | ratio | aedsp, real-time factor")
    for _ in range(rounds):
        (own, length), other = our_seconds(folder), librosa_seconds(paths)
        print(f"{other:9.1f} | {own:7.1f} | {other / own:5.2f} | {length / own:.0f}", flush=True)


if __name__ == "__main__":
    main()
