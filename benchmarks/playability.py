"""How playable the shipped models are: what each fader changes, and how faithful the rest is.

    AEDSP_CORPUS44=<folder with test/> python benchmarks/playability.py [MODEL ...] [--detail 1] [--pieces] [--sorted]

For each model and piece (seconds 20 to 32, or the whole if shorter; all channels):

muting one unit    10 log10(Σ|out without the unit - out|² / Σ|out|²): the median over the units, the weakest unit, and
                   how many units lie above -26 dB
third octaves      mean difference of the long-term third-octave levels at detail 0 from the original's, dB; bands from
                   50 Hz to 18 kHz that lie within 40 dB of the piece's loudest
convergence, LSD   spectral convergence, log-spectral distance at detail 0, dB: by a Hann window of 2,048 frames every
                   512, levels below -60 dB of the piece's loudest bin taken as that
untouched          level of the difference to the original at detail 1 with neutral controls, dB

--sorted: instead, for each piece of 20 s and more, the units in the order that `sort` gives them after it was played
(Engine.effects, from its last 5 s): what muting each of the first eight changes, how many of the first six lie above
-26 dB, and what muting the first bank of eight changes; the same in the order of the model.

Without AEDSP_CORPUS44: the shipped clips. Models at another rate hear the pieces resampled to it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import soxr

import aedsp
from aedsp import data
from aedsp._kernels.stft import Transform
from aedsp.audio.file import read

FIRST_S, LAST_S = 20, 32
AUDIBLE_DB = -26.0


def pieces() -> dict[str, tuple[np.ndarray, float]]:
    """By name: float32 (frames, channels) and sample rate."""
    folder = os.environ.get("AEDSP_CORPUS44")
    paths = sorted(Path(folder, "test").iterdir()) if folder else [data.demo_audio_path(name) for name in data.CLIPS]
    found = {}
    for path in paths:
        x, rate = read(path)
        if len(x) > LAST_S * rate:
            x = x[int(FIRST_S * rate) : int(LAST_S * rate)]
        found[path.stem] = np.ascontiguousarray(x), rate
    return found


def at_rate(x: np.ndarray, rate: float, model: aedsp.Model) -> np.ndarray:
    target = model.front_end.sample_rate
    return x if rate == target else soxr.resample(x, rate, target).astype(np.float32)


def resynthesize(model: aedsp.Model, x: np.ndarray, **settings: object) -> np.ndarray:
    return aedsp.resynthesize(model, x, **settings)  # type: ignore[arg-type]


def power_db(x: np.ndarray) -> float:
    return 10 * float(np.log10(np.sum(np.square(x, dtype=float)) + 1e-30))


def changes(model: aedsp.Model, x: np.ndarray, detail: float) -> np.ndarray:
    """dB that muting each unit changes."""
    whole = resynthesize(model, x, detail=detail)
    without = (resynthesize(model, x, detail=detail, muted={unit: 1}) for unit in range(model.n_code))
    return np.array([power_db(y - whole) - power_db(whole) for y in without])


def spectra(x: np.ndarray) -> np.ndarray:
    """Magnitudes of all channels, (n, 1025)."""
    window = aedsp.FrontEnd(fft_length=2048, window_length=2048).analysis_window()
    transform = Transform(2048, 512, window, window)
    return np.concatenate([transform.magnitudes(np.ascontiguousarray(channel)) for channel in x.T])


def third_octaves(a: np.ndarray, b: np.ndarray, sample_rate: float) -> float:
    """Mean absolute difference of the levels of two mean power spectra, dB."""
    centres = 1000 * 2 ** (np.arange(-13, 13) / 3)
    centres = centres[(centres >= 50) & (centres <= min(18_000, 0.45 * sample_rate))]
    hz = np.arange(a.shape[1]) * sample_rate / 2048
    levels = []
    for z in (a, b):
        power = np.mean(np.square(z, dtype=float), axis=0)
        edges = (np.interp(centres * 2 ** (side / 6), hz, np.cumsum(power)) for side in (-1, 1))
        low, high = edges
        levels.append(10 * np.log10(np.maximum(high - low, 1e-12)))
    heard = levels[0] > levels[0].max() - 40
    return float(np.mean(np.abs(levels[0] - levels[1])[heard]))


def faithfulness(model: aedsp.Model, x: np.ndarray) -> tuple[float, float, float, float]:
    """Third octaves, spectral convergence, log-spectral distance at detail 0; residual at detail 1."""
    a, b = spectra(x), spectra(resynthesize(model, x))
    floor = a.max() * 1e-3
    convergence = 20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(a))
    levels = [20 * np.log10(np.maximum(z, floor)) for z in (a, b)]
    distance = float(np.mean(np.sqrt(np.mean(np.square(levels[0] - levels[1]), axis=1))))
    original = resynthesize(model, x, monitor="original")
    residual = power_db(resynthesize(model, x, detail=1) - original) - power_db(original)
    return third_octaves(a, b, model.front_end.sample_rate), float(convergence), distance, residual


def muted_bank(model: aedsp.Model, x: np.ndarray, whole: np.ndarray, units: list[int], detail: float) -> float:
    """dB that muting some units together changes."""
    without = resynthesize(model, x, detail=detail, muted=dict.fromkeys(units, 1))
    return power_db(without - whole) - power_db(whole)


def print_sorted(model: aedsp.Model, name: str, x: np.ndarray, detail: float) -> None:
    engine = aedsp.Engine(model, channels=x.shape[1])
    engine.controls.detail = detail
    for at in range(0, len(x), 4096):
        engine.process(x[at : at + 4096])
    order = np.argsort(-engine.effects(), kind="stable").tolist()
    whole = resynthesize(model, x, detail=detail)
    cells = []
    for units in (order, list(range(model.n_code))):
        first = [muted_bank(model, x, whole, [unit], detail) for unit in units[:8]]
        above = sum(change > AUDIBLE_DB for change in first[:6])
        bank = muted_bank(model, x, whole, units[:8], detail)
        cells.append(f"{', '.join(f'{change:.0f}' for change in first)} | {above} of 6 | {bank:.1f}")
    print(f"  {name} | {cells[0]} || {cells[1]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models", nargs="*", default=list(data.MODELS), help="shipped models or files; default: shipped"
    )
    parser.add_argument("--detail", type=float, default=1.0, help="for muting one unit; default: 1")
    parser.add_argument("--pieces", action="store_true", help="a line for each piece")
    parser.add_argument("--sorted", action="store_true", help="what the first bank changes after `sort`")
    arguments = parser.parse_args()
    if arguments.sorted:
        columns = f"each of the first 8 (dB) | above {AUDIBLE_DB:g} dB | the bank"
        print(f"piece | sorted, detail {arguments.detail:g}: {columns} || the same in the order of the model")
        for name in arguments.models:
            model = aedsp.Model.load(data.model_path(name))
            print(f"{name}, {model.n_code} units")
            for piece, (x, rate) in pieces().items():
                if len(x) >= (LAST_S - FIRST_S) * rate - 1:
                    print_sorted(model, piece, at_rate(x, rate, model), arguments.detail)
        return
    print(
        f"model | muting one unit, detail {arguments.detail:g}: median, weakest (dB) | above {AUDIBLE_DB:g} dB: mean, "
        "fewest in a piece of 20 s and more | third octaves | convergence | LSD | untouched, detail 1"
    )
    music = pieces()
    for name in arguments.models:
        model, rows, audible = aedsp.Model.load(data.model_path(name)), [], []
        for piece, (x, rate) in music.items():
            x = at_rate(x, rate, model)
            found = changes(model, x, arguments.detail)
            rows.append([np.median(found), found.min(), np.sum(found > AUDIBLE_DB), *faithfulness(model, x)])
            if len(x) >= (LAST_S - FIRST_S) * model.front_end.sample_rate - 1:
                audible.append(rows[-1][2])
            if arguments.pieces:
                print(f"  {piece} | {rows[-1][0]:.1f}, {rows[-1][1]:.1f} | {rows[-1][2]:.0f} | "
                      + " | ".join(f"{v:.1f}" for v in rows[-1][3:]), flush=True)  # fmt: skip
        table = np.array(rows)
        print(
            f"{name}, {model.n_code} units | {np.median(table[:, 0]):.1f}, {np.median(table[:, 1]):.1f} | "
            f"{np.mean(table[:, 2]):.1f}, {min(audible, default=np.nan):.0f} | "
            + " | ".join(f"{np.mean(table[:, i]):.1f}" for i in (3, 4, 5))
            + f" | {table[:, 6].max():.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
