"""Training an existing model on: what it has settled, and its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.model.preprocess import Log, Power
from aedsp.train.network.network import Autoencoder
from aedsp.train.run.recipe import Recipe

_NOT_USED = ("code", "initial", "pretraining", "fine_tuning", "fine_tuning_epochs")


def settled(model: Model) -> dict[str, Any]:
    """The options of a recipe that the model decides: front end, preprocessing, layers.

    Raises
    ------
    TrainingError
        Where its layers differ in what a recipe has one option for.
    """
    tied = {layer.tied for layer in model.layers}
    if len(tied) > 1:
        raise TrainingError("the model to continue has tied and untied layers; expected all alike")
    front_end = model.front_end
    lengths = ("sample_rate", "fft_length", "window_length", "hop_length", "window")
    return {
        "front_end": front_end.kind,
        **{key: getattr(front_end, key) for key in (*lengths, "bins_per_octave", "f_min_hz", "f_max_hz")},
        "context_spectra": model.layers[0].context_spectra,
        "preprocess": [_step_text(step) for step in model.preprocess],
        "hidden": [layer.n_hidden for layer in model.layers],
        "encoder_activation": [layer.encoder_activation for layer in model.layers],
        "decoder_activation": [layer.decoder_activation for layer in model.layers],
        "tied": tied.pop(),
    }


def require_free(given: Mapping[str, Any], model: Model, path: Path) -> None:
    """Refuse options that the model at `path` has settled, or that mean nothing where one is continued.

    Raises
    ------
    TrainingError
        The first of them.
    """
    for key in given:
        if key in settled(model):
            raise TrainingError(f"--{key.replace('_', '-')} is settled by {path}, which is continued; leave it out")
        if key in _NOT_USED:
            raise TrainingError(f"--{key.replace('_', '-')} means nothing with --continue; leave it out")


def require_stack(recipe: Recipe, below: Model) -> None:
    """Refuse a model that cannot be the lowest layers of what the recipe trains.

    Raises
    ------
    TrainingError
        Layers or a front end that are not the recipe's, or a recipe that trains no layer above it by itself.
    """
    n = len(below.layers)
    if not (recipe.pretraining and n < len(recipe.hidden)):
        raise TrainingError(
            f"the model below has {n} layers; expected a recipe with pretraining and more layers, not {recipe.hidden}"
        )
    found = {**settled(below), "preprocess": None}
    for key, value in found.items():
        wanted = recipe.to_dict()[key]
        if key in ("hidden", "encoder_activation", "decoder_activation"):
            wanted = list(recipe.layer_units() if key == "hidden" else recipe.per_layer(key))[:n]
        if value is not None and wanted is not None and value != wanted:
            raise TrainingError(f"the model below has {key} {value!r}; the recipe says {wanted!r}")


def begin(network: Autoencoder, model: Model) -> None:
    """The model's weights into the network's lowest layers."""
    for i, (weights, layer) in enumerate(zip(network.layers, model.layers, strict=False)):
        weights.encoder_weight[...], weights.encoder_bias[...] = layer.encoder_weight, layer.encoder_bias
        rows = slice(-network.n_output, None) if i == 0 else slice(None)
        if layer.decoder_weight is not None:
            weights.decoder_weight[...] = layer.decoder_weight[rows]
        weights.decoder_bias[...] = layer.decoder_bias[rows]


def digest(model: Model | None) -> str | None:
    """Of all that a run takes over from the model; None without one."""
    if model is None:
        return None
    found = hashlib.sha256(repr(settled(model)).encode())
    steps = [np.atleast_1d(value) for step in model.preprocess for value in vars(step).values()]
    weights = [a for layer in model.layers for a in vars(layer).values() if isinstance(a, np.ndarray)]
    for array in (*steps, *weights):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _step_text(step: object) -> str:
    """A preprocess step as a recipe has it."""
    if isinstance(step, Log):
        return f"log:{step.floor!r}"
    if isinstance(step, Power):
        return f"power:{step.exponent!r}"
    return type(step).__name__.lower()
