"""A model from the paper's Eq. 1 and 2, in float64: magnitudes to codes, and back."""

import numpy as np

from reference import preprocess
from reference.autoencoder import ACTIVATIONS


def steps_of(model):
    """The preprocessing as plain tuples, from the model file's fields."""
    plain = {
        "Normalize": lambda step: ("affine", 0.0, np.asarray(step.max, np.float64)),
        "Standardize": lambda step: ("affine", np.asarray(step.mean, np.float64), np.asarray(step.std, np.float64)),
        "Log": lambda step: ("log", step.floor),
        "Power": lambda step: ("power", step.exponent),
    }
    return [plain[type(step).__name__](step) for step in model.preprocess]


def encode(model, magnitudes):
    """(n, n_bins) successive spectra to codes (n, n_code); preceded by silence."""
    n_context = model.layers[0].context_spectra
    x = preprocess.apply(steps_of(model), magnitudes)
    silence = preprocess.apply(steps_of(model), np.zeros((n_context - 1, x.shape[1])))
    padded = np.concatenate([silence, x]) if n_context > 1 else x
    y = np.array([padded[i : i + n_context].reshape(-1) for i in range(len(x))]).reshape(len(x), -1)
    for layer in model.layers:
        weight, bias = (np.asarray(a, np.float64) for a in (layer.encoder_weight, layer.encoder_bias))
        y = ACTIVATIONS[layer.encoder_activation](np.einsum("hv,nv->nh", weight, y) + bias)
    return y


def decode(model, code):
    """Codes (n, n_code) to clamped magnitudes (n, n_bins); the newest of several context spectra."""
    z = np.asarray(code, np.float64)
    for layer in reversed(model.layers):
        weight = layer.encoder_weight.T if layer.decoder_weight is None else layer.decoder_weight
        bias = np.asarray(layer.decoder_bias, np.float64)
        z = ACTIVATIONS[layer.decoder_activation](np.einsum("vh,nh->nv", np.asarray(weight, np.float64), z) + bias)
    return preprocess.clamp(preprocess.invert(steps_of(model), z[:, -model.front_end.n_bins :]))
