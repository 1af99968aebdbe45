"""Short training runs on the small corpus: recipes to vary, and the losses of the result."""

from __future__ import annotations

import numpy as np

from aedsp.train.data.corpus import Split
from aedsp.train.run.recipe import Recipe
from aedsp.train.run.stages import HISTORY_COLUMNS
from aedsp.train.run.training import Result, train

GEOMETRY = {"sample_rate": 8000, "fft_length": 256, "window_length": 256, "hop_length": 128}
QUICK = {
    "hidden": (12,),
    "encoder_activation": ("relu",),
    "encoder_bias": False,
    "decoder_bias": False,
    "nonnegative": True,
    "initial": "parts",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "batch_size": 50,
    "epochs": 5,
}
CALLS = ("on_batch", "on_row", "on_trouble", "check", "checkpoint", "start")
PLAIN = {"nonnegative": False, "encoder_bias": True, "decoder_bias": True, "initial": "principal"}
DEEP = {
    **PLAIN,
    "hidden": (24, 6),
    "encoder_activation": ("relu", "linear"),
    "decoder_activation": ("linear", "relu"),
    "initial": "random",
}


def split_of(x: np.ndarray) -> Split:
    return Split(x, np.arange(len(x)), np.zeros(len(x), np.int32))


def run(make_corpus, **options: object) -> Result:
    own = {key: options.pop(key) for key in CALLS if key in options}
    recipe = Recipe(**GEOMETRY, **{**QUICK, **options})
    draw = {"context_spectra": recipe.context_spectra, "front_end": recipe.analysis()}
    with make_corpus(**draw) as corpus:
        return train(recipe, corpus, name="test", **own)


def share_by_hand(model, rows: np.ndarray, mean: np.ndarray) -> float:
    """The loss relative to the trivial error, from the finished model and Eq. 3, in float64."""
    x = model.preprocess.apply(rows.astype(np.float64))
    z = x
    for layer in model.layers:
        z = layer.encode(z)
    for layer in reversed(model.layers):
        z = layer.decode(z)
    return float(np.sum((x - z) ** 2) / np.sum((x - mean) ** 2))


def losses_of(result):
    return result.history[:, HISTORY_COLUMNS.index("validation_loss")]
