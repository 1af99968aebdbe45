"""Rates the default recipe's reconstruction of unheard music against principal components of the same size.

    AEDSP_CORPUS=<folder with train/ and test/> python benchmarks/reconstruction.py [--codes 8,16,64,256]

Trains on `train/` with `python -m aedsp.train --code N`, reports on spectra drawn from all of `test/`:
residual : squared error of the magnitudes, relative to that of predicting the training mean
LSD      : mean over the spectra of the RMS difference in dB, floor 1e-5
Both for the model and for PCA of the same training spectra (NumPy, float64, negatives clamped to 0).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import aedsp
from aedsp.train.data import tracks as audio
from aedsp.train.data.build import build_corpus, in_processes
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.sampling import Draw
from aedsp.train.network.initial import principal_components
from aedsp.train.run import recipe_file as recipes

FLOOR = 1e-5


def residual(x: np.ndarray, y: np.ndarray, mean: np.ndarray) -> float:
    return float(np.square(y - x, dtype=np.float64).sum() / np.square(x - mean, dtype=np.float64).sum())


def lsd(x: np.ndarray, y: np.ndarray) -> float:
    difference = 20 * np.log10(np.maximum(x, FLOOR) / np.maximum(y, FLOOR), dtype=np.float64)
    return float(np.sqrt(np.square(difference).mean(axis=1)).mean())


def spectra_of(folder: Path, path: Path, recipe: recipes.Recipe, n: int) -> np.ndarray:
    """n spectra drawn from a whole folder."""
    tracks, _ = audio.survey(audio.find_audio(folder), folder)
    draw = Draw(
        front_end=recipe.analysis(), n_training=n - 1, n_validation=1, n_test=0, split="frame",
        context_spectra=recipe.context_spectra,
    )  # fmt: skip
    build_corpus(path, tracks, draw, run_jobs=in_processes())
    with Corpus(path) as corpus:
        return corpus.splits["training"].read(0, n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", default="8,16,64,256")
    parser.add_argument("--keep", type=Path, help="folder for corpora and models, reused; default: temporary")
    parser.add_argument("options", nargs="*", help="more options for aedsp.train, after --")
    arguments = parser.parse_args()
    root = Path(os.environ["AEDSP_CORPUS"])
    folder = arguments.keep or Path(tempfile.mkdtemp())
    recipe = recipes.load(recipes.DEFAULT_RECIPE)
    test = spectra_of(root / "test", folder / "test.h5", recipe, 10_000)
    mean = None
    print("code | residual PCA, model, share | LSD PCA, model in dB | seconds", flush=True)
    for n_code in map(int, arguments.codes.split(",")):
        began = time.monotonic()
        command = [sys.executable, "-m", "aedsp.train", root / "train", "-o", folder / f"{n_code}.h5", "--corpus",
                   folder / "train.h5", "--code", str(n_code), "--no-report", *arguments.options]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - began
        if mean is None:
            with Corpus(folder / "train.h5") as corpus:
                train = corpus.splits["training"].read(0, len(corpus.splits["training"]))
            n_bins = recipe.analysis().n_bins
            test, train = test[:, -n_bins:], train[:, -n_bins:]
            parts = (part.astype(np.float64) for part in np.array_split(train, 16))
            mean, components, _ = principal_components(parts, n_bins)
        pca = np.maximum((test - mean) @ components[:n_code].T @ components[:n_code] + mean, 0)
        model, _ = aedsp.Model.load(folder / f"{n_code}.h5").reconstruct(test)
        ours, theirs = residual(test, model, mean), residual(test, pca, mean)
        print(
            f"{n_code:4} | {theirs:.4f} {ours:.4f} {ours / theirs:.3f} | "
            f"{lsd(test, pca):.2f} {lsd(test, model):.2f} | {seconds:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
