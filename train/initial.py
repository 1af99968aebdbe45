"""Where training starts: random weights, principal components, or parts found by non-negative factorisation.

Each function sets the parameters of an `Autoencoder` in place. `batches` are preprocessed training spectra
(n, n_visible), read once; memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.errors import TrainingError
from aedsp.train.network import Autoencoder

Floats = npt.NDArray[np.floating[Any]]

_PART_SPECTRA = 15_000  # the factorisation looks at that many
_PART_ROUNDS = 60
_LEAST = 1e-9  # keeps multiplicative updates away from 0/0
_RIDGE = 0.01  # of a unit-length part


def random(network: Autoencoder, rng: np.random.Generator) -> None:
    """Weights uniform in ``±√(6 / (n_visible + n_hidden))``, biases 0.

    References
    ----------
    Glorot & Bengio (2010), Eq. 16.
    """
    limit = np.sqrt(6 / (network.n_visible + network.n_hidden))
    network.encoder_weight[:] = rng.uniform(-limit, limit, network.encoder_weight.shape)
    if not network.tied:
        network.decoder_weight[:] = rng.uniform(-limit, limit, network.decoder_weight.shape)
    network.encoder_bias[:] = 0
    network.decoder_bias[:] = 0


def principal(network: Autoencoder, batches: Iterable[Floats]) -> None:
    """The principal components of the training spectra, placed where the encoder's activation is nearly linear.

    Linear units start as principal component analysis itself. Rectified units take components in pairs of opposite
    sign, half as many. Sigmoid and tanh units get a gain at which a component's standard deviation is a quarter of
    the linear range; where weights are tied that gain is 1.
    """
    mean, components, deviations = _principal_components(batches, network.n_visible)
    n = network.n_hidden
    if network.encoder_activation == "relu":
        order = np.arange(n) // 2
        signs = np.where(np.arange(n) % 2, -1.0, 1.0)
    else:
        order, signs = np.arange(n), np.ones(n)
    order = order % network.n_visible
    directions = components[order] * signs[:, None]
    gains = np.ones(n)
    if network.encoder_activation in ("sigmoid", "tanh") and not network.tied:
        gains = 0.5 / np.maximum(deviations[order], 1e-6 * deviations[0] + 1e-12)
    network.encoder_weight[:] = directions * gains[:, None]
    network.encoder_bias[:] = -(directions @ mean) * gains
    slope, offset = (0.25, 0.5) if network.encoder_activation == "sigmoid" else (1.0, 0.0)
    if not network.tied:
        network.decoder_weight[:] = (directions / (gains * slope)[:, None]).T
    network.decoder_bias[:] = mean - network.decoder_weight @ np.full(n, offset)


def _principal_components(batches: Iterable[Floats], n_visible: int) -> tuple[Floats, Floats, Floats]:
    """Mean (n_visible,), components (n_visible, n_visible) by rows, and their standard deviations, descending."""
    total, products, n = np.zeros(n_visible), np.zeros((n_visible, n_visible)), 0
    for x in batches:
        total += x.sum(axis=0, dtype=np.float64)
        products += x.T @ x
        n += len(x)
    mean = total / n
    variances, vectors = np.linalg.eigh(products / n - np.outer(mean, mean))
    return mean, vectors[:, ::-1].T, np.sqrt(np.maximum(variances[::-1], 0))


def parts(network: Autoencoder, batches: Iterable[Floats], rng: np.random.Generator) -> None:
    """Non-negative parts of the training spectra: ``X ≈ C P``, all three ≥ 0.

    The decoder holds the parts, each of length 1. The encoder is their ridge-regularised pseudo-inverse, so that a
    rectified unit starts near the amount of its part in the input; tied weights hold the parts alone.

    Raises
    ------
    TrainingError
        The preprocessed spectra are negative in places.

    References
    ----------
    Lee & Seung (2001), multiplicative updates for the Euclidean distance.
    """
    x = _first_rows(batches, _PART_SPECTRA)
    if x.min() < 0:
        raise TrainingError(
            "initial 'parts' takes spectra that are nowhere negative; take 'normalize' or 'power' to preprocess, "
            "or initial 'principal'"
        )
    p = x[rng.choice(len(x), network.n_hidden, replace=len(x) < network.n_hidden)] + np.float32(1e-4 * x.max())
    c = x @ p.T
    for _ in range(_PART_ROUNDS):
        c *= (x @ p.T) / (c @ (p @ p.T) + np.float32(_LEAST))
        p *= (c.T @ x) / ((c.T @ c) @ p + np.float32(_LEAST))
    p /= np.maximum(np.linalg.norm(p, axis=1, keepdims=True), _LEAST)
    if network.tied:
        network.encoder_weight[:] = p
    else:
        network.encoder_weight[:] = np.linalg.solve(p @ p.T + _RIDGE * np.eye(len(p)), p)
        network.decoder_weight[:] = p.T
    network.encoder_bias[:] = 0
    network.decoder_bias[:] = 0


def _first_rows(batches: Iterable[Floats], n: int) -> Floats:
    rows: list[Floats] = []
    for x in batches:
        rows.append(x[: n - sum(map(len, rows))])
        if sum(map(len, rows)) >= n:
            break
    return np.concatenate(rows)
