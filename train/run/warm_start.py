"""Training that starts from an existing model: the options it fixes, and its weights."""

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
    """The recipe options fixed by the model: front end, preprocessing, layers.

    Raises
    ------
    TrainingError
        Its layers differ in a property for which a recipe has only one option.
    """
    tied = {layer.tied for layer in model.layers}
    if len(tied) > 1:
        raise TrainingError("the model to continue has both tied and untied layers; expected only one kind")
    front_end = model.front_end
    lengths = ("sample_rate", "fft_length", "window_length", "hop_length", "window", "synthesis_length")
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
    """Reject options that are fixed by the model at `path`, or that have no effect with `--continue`.

    Raises
    ------
    TrainingError
        Names the first of them.
    """
    for key in given:
        if key in settled(model):
            raise TrainingError(f"--{key.replace('_', '-')} is set by the model to continue, {path}; remove it")
        if key in _NOT_USED:
            raise TrainingError(f"--{key.replace('_', '-')} has no effect with --continue; remove it")


def require_stack(recipe: Recipe, below: Model) -> None:
    """Reject a model that cannot be the lowest layers of the recipe.

    Raises
    ------
    TrainingError
        Its layers or front end differ from the recipe, or the recipe trains no separate layer above it.
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
            raise TrainingError(f"the model below has {key} {value!r}; the recipe has {wanted!r}")


def begin(network: Autoencoder, model: Model) -> None:
    """Copy the weights of the model into the lowest layers of the network."""
    for i, (weights, layer) in enumerate(zip(network.layers, model.layers, strict=False)):
        weights.encoder_weight[...], weights.encoder_bias[...] = layer.encoder_weight, layer.encoder_bias
        rows = slice(-network.n_output, None) if i == 0 else slice(None)
        if layer.decoder_weight is not None:
            weights.decoder_weight[...] = layer.decoder_weight[rows]
        weights.decoder_bias[...] = layer.decoder_bias[rows]


def digest(model: Model | None) -> str | None:
    """Digest of all that a run uses from the model; None without a model."""
    if model is None:
        return None
    found = hashlib.sha256(repr(settled(model)).encode())
    steps = [np.atleast_1d(value) for step in model.preprocess for value in vars(step).values()]
    weights = [a for layer in model.layers for a in vars(layer).values() if isinstance(a, np.ndarray)]
    for array in (*steps, *weights):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _step_text(step: object) -> str:
    """A preprocessing step in the syntax of a recipe."""
    if isinstance(step, Log):
        return f"log:{step.floor!r}"
    if isinstance(step, Power):
        return f"power:{step.exponent!r}"
    return type(step).__name__.lower()
