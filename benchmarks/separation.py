"""Remixing: two pieces mixed, the units of the one muted; how well the other remains, beside NMF with Wiener masks.

    AEDSP_CORPUS44=<folder with test/> python benchmarks/separation.py [MODEL ...]     (pip install scikit-learn)

Every pair of pieces of `test/` (seconds 20 to 32, mono, equal level), mixed. A unit is given to the piece that
activates it more, by its mean activation on each piece alone; the units of the other piece are muted. SDR of the
piece that should remain, 10 log10(Σ|s|² / Σ|s - s'|²) with s' scaled for the best fit, mean over all pairs and both
directions, dB; the mixture itself has the SDR in the last column. NMF: as many components of the mixture's magnitudes
as the model has units (FFT 2048, hop 512), given to the pieces in the same way, and a Wiener mask. It is fitted to
the whole mixture before it begins; the model never heard it, and plays it live.
"""

from __future__ import annotations

import argparse
import itertools
import warnings

import numpy as np
from playability import at_rate, pieces
from scipy.signal import istft, stft

import aedsp
from aedsp import data


def sdr(s: np.ndarray, estimate: np.ndarray) -> float:
    s, estimate = s.astype(float), estimate.astype(float)
    fitted = estimate * (s @ estimate) / max(float(estimate @ estimate), 1e-30)
    return 10 * float(np.log10((s @ s) / max(float(np.sum((s - fitted) ** 2)), 1e-30)))


def mean_activation(model: aedsp.Model, x: np.ndarray) -> np.ndarray:
    """Mean absolute activation of each unit over a piece."""
    engine, found = aedsp.Engine(model), []
    hop = 16 * model.front_end.hop_length
    for start in range(0, len(x) - hop, hop):
        engine.process(x[start : start + hop])
        found.append(np.abs(engine.code))
    return np.mean(found, axis=0)


def by_model(model: aedsp.Model, a: np.ndarray, b: np.ndarray, detail: float) -> list[float]:
    owned = mean_activation(model, a) >= mean_activation(model, b)
    found = []
    for s, others in ((a, ~owned), (b, owned)):
        y = aedsp.resynthesize(model, a + b, detail=detail, muted={int(u): 1 for u in np.flatnonzero(others)})
        found.append(sdr(s, y))
    return found


def by_nmf(a: np.ndarray, b: np.ndarray, n: int) -> list[float]:
    from sklearn.decomposition import NMF

    options = {"nperseg": 2048, "noverlap": 1536}
    x = stft(a + b, **options)[2]
    nmf = NMF(n, init="nndsvda", max_iter=150, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        activations = nmf.fit_transform(np.abs(x).T)
        alone = [nmf.transform(np.abs(stft(s, **options)[2]).T).mean(axis=0) for s in (a, b)]
    owned, power = alone[0] >= alone[1], 1e-12
    found = []
    for s, kept in ((a, owned), (b, ~owned)):
        part, rest = (np.square(activations[:, k] @ nmf.components_[k]).T for k in (kept, ~kept))
        y = istft(x * (part + power / 2) / (part + rest + power), **options)[1][: len(s)]
        found.append(sdr(s[: len(y)], y))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(data.MODELS))
    print("model | detail 0 | detail 1 | NMF, Wiener masks | the mixture itself")
    for name in parser.parse_args().models:
        model, rows = aedsp.Model.load(data.model_path(name)), []
        music = [at_rate(x, rate, model).mean(axis=1) for x, rate in pieces().values()]
        for a, b in itertools.combinations(music, 2):
            n = min(len(a), len(b))
            a, b = (0.1 * s[:n] / np.sqrt(np.mean(np.square(s[:n]))) for s in (a, b))
            a, b = a.astype(np.float32), b.astype(np.float32)
            try:
                nmf = np.mean(by_nmf(a, b, model.n_code))
            except ImportError:
                nmf = np.nan
            found = [np.mean(by_model(model, a, b, detail)) for detail in (0, 1)]
            rows.append([*found, nmf, (sdr(a, a + b) + sdr(b, a + b)) / 2])
        print(f"{name}, {model.n_code} units | " + " | ".join(f"{v:.1f}" for v in np.mean(rows, axis=0)), flush=True)


if __name__ == "__main__":
    main()
