"""What the macros bright, loud and rough do to music: how far one standard deviation moves each descriptor.

    AEDSP_CORPUS44=<folder with test/> python benchmarks/macros.py [MODEL ...] [--detail 1]

Each piece (seconds 20 to 25, or the first 5 if shorter) is rendered with every macro at -1 and at +1. A column is the
mean change of a descriptor over all spectra within 40 dB of the piece's loudest, in standard deviations of that
descriptor over all pieces: centroid (octaves), level (dB), flatness (dB) of Hann spectra of 2,048 frames. The one that
is named should move by 1, the others not at all.

Without AEDSP_CORPUS44: the shipped clips.
"""

from __future__ import annotations

import argparse

import numpy as np
from playability import at_rate, pieces, resynthesize, spectra

import aedsp
from aedsp import data
from aedsp.model import directions

SECONDS = 5


def described(model: aedsp.Model, y: np.ndarray) -> np.ndarray:
    """Descriptors (n, 3) of the spectra of all channels."""
    front_end = aedsp.FrontEnd(sample_rate=model.front_end.sample_rate, fft_length=2048, window_length=2048)
    return directions.describe(spectra(y), front_end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["play16", "sound64"], help="shipped models or files")
    parser.add_argument("--detail", type=float, default=1.0, help="default: 1")
    arguments = parser.parse_args()
    print(f"model, detail {arguments.detail:g} | macro | position | centroid | level | flatness")
    for name in arguments.models:
        model = aedsp.Model.load(data.model_path(name))
        found = directions.fit(model)
        before, changes = [], {(macro, m): [] for macro in found for m in (-1, 1)}
        for x, rate in pieces().values():
            x = at_rate(x, rate, model)[: SECONDS * int(model.front_end.sample_rate)]
            plain = described(model, resynthesize(model, x, detail=arguments.detail))
            heard = plain[:, 1] > plain[:, 1].max() - 40
            before.append(plain[heard])
            for (macro, m), rows in changes.items():
                moved = described(model, resynthesize(model, x, detail=arguments.detail, offset=m * found[macro]))
                rows.append((moved - plain)[heard].mean(axis=0))
        deviation = np.concatenate(before).std(axis=0)
        for (macro, m), rows in changes.items():
            cells = " | ".join(f"{change:+.2f}" for change in np.mean(rows, axis=0) / deviation)
            print(f"{name} | {macro} ({directions.DESCRIPTORS[macro]}) | {m:+d} | {cells}", flush=True)


if __name__ == "__main__":
    main()
