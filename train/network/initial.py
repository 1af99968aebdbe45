"""Initial weights: random, principal components, or parts from a non-negative factorisation.

Sets the parameters of an `Autoencoder` in place. Training spectra are read once, in batches; memory use does not depend
on their number.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import TrainingError
from aedsp.train.data.batches import ROWS, Spectra
from aedsp.train.network.network import Autoencoder, LayerPlan, Weights

_PART_SPECTRA = 15_000  # number used by the factorisation
_PART_ROUNDS = 60
_LEAST = 1e-9  # avoids 0/0 in multiplicative updates
_RIDGE = 0.01  # relative to a part of unit norm


def start(network: Autoencoder, initial: str, training: Spectra, rng: np.random.Generator) -> None:
    """Set the initial weights by `initial`; biases that are not learned start and stay at 0.

    Raises
    ------
    TrainingError
        A choice that is not possible for the data or the layers.
    """
    if initial in ("random", "nonnegative"):
        for plan, weights in zip(network.plans, network.layers, strict=True):
            random(plan, weights, rng, nonnegative=initial == "nonnegative")
    elif len(network.plans) > 1:
        if initial != "principal":
            raise TrainingError(
                "initial 'parts' works on one layer at a time; set pretraining = true, or another start"
            )
        unrolled_principal(network, (batch.x for batch in training.in_order(ROWS)), rng)
    else:
        batches = (batch.x for batch in training.in_order(ROWS))
        make = principal if initial == "principal" else parts
        make(network.plans[0], network.layers[0], batches, rng)
    for plan, weights in zip(network.plans, network.layers, strict=True):
        if not plan.encoder_bias:
            weights.encoder_bias[:] = 0
        if not plan.decoder_bias:
            weights.decoder_bias[:] = 0
    network.project()


def random(plan: LayerPlan, weights: Weights, rng: np.random.Generator, *, nonnegative: bool = False) -> None:
    """Weights uniform in ``±√(6 / (n_visible + n_hidden))``, or in its positive half; biases are 0.

    References
    ----------
    Glorot & Bengio (2010), Eq. 16.
    """
    for weight in (weights.encoder_weight, *(() if plan.tied else (weights.decoder_weight,))):
        limit = np.sqrt(6 / sum(weight.shape))
        weight[:] = rng.uniform(0 if nonnegative else -limit, limit, weight.shape)
    weights.encoder_bias[:] = 0
    weights.decoder_bias[:] = 0


def principal(plan: LayerPlan, weights: Weights, batches: Iterable[Floats], rng: np.random.Generator) -> None:
    """The principal components of the training spectra, placed where the encoder's activation is nearly linear.

    Linear units start as principal component analysis. Rectified units represent half as many components, in pairs of
    opposite sign. Sigmoid and tanh units get a gain at which the standard deviation of a component is a quarter of the
    linear range; with tied weights the gain is 1. Units beyond the number of components start at small random values.
    """
    n_input, n_output = weights.encoder_weight.shape[1], len(weights.decoder_bias)
    mean, components, deviations = principal_components(batches, n_input)
    n = plan.n_hidden
    paired = plan.encoder_activation == "relu"
    n_units = min(n, n_input * (2 if paired else 1))
    order = np.arange(n_units) // 2 if paired else np.arange(n_units)
    signs = np.where(np.arange(n_units) % 2, -1.0, 1.0) if paired else np.ones(n_units)
    directions = components[order] * signs[:, None]
    gains = np.ones(n_units)
    if plan.encoder_activation in ("sigmoid", "tanh") and not plan.tied:
        gains = 0.5 / np.maximum(deviations[order], 1e-6 * deviations[0] + 1e-12)
    random(plan, weights, rng)
    for weight in weights[::2]:
        weight *= 0.01
    weights.encoder_weight[:n_units] = directions * gains[:, None]
    weights.encoder_bias[:n_units] = -(directions @ mean) * gains
    slope, offset = (0.25, 0.5) if plan.encoder_activation == "sigmoid" else (1.0, 0.0)
    if not plan.tied:
        weights.decoder_weight[:, :n_units] = (directions / (gains * slope)[:, None]).T[-n_output:]
    weights.decoder_bias[:] = (mean[-n_output:] if len(mean) else mean) - weights.decoder_weight[:, :n_units] @ np.full(
        n_units, offset
    )


def unrolled_principal(network: Autoencoder, batches: Iterable[Floats], rng: np.random.Generator) -> None:
    """Principal component analysis by a network of several layers: in every layer around the code, a pair of rectified
    units of opposite sign carries each component, as many as the narrowest layer has pairs for. The other units start
    at random, with no effect on the output yet.

    Raises
    ------
    TrainingError
        A layer around the code is tied or not rectified, or the code is not linear.
    """
    *around, code = network.plans
    for plan in around:
        if plan.encoder_activation != "relu" or plan.tied:
            tied = "tied" if plan.tied else "untied"
            raise TrainingError(
                "initial 'principal' for several layers together needs untied relu layers around the code; "
                f"got {tied} {plan.encoder_activation}; use initial random, or pretraining"
            )
    if code.encoder_activation != "linear":
        raise TrainingError(
            f"initial 'principal' for several layers needs a linear code; got {code.encoder_activation}"
        )
    for plan in network.plans[1:]:
        if plan.decoder_activation != "relu":
            raise TrainingError(
                "initial 'principal' for several layers needs relu decoders in all but the outermost layer; "
                f"got {plan.decoder_activation}"
            )
    n = min(code.n_hidden, network.n_input, *(plan.n_hidden // 2 for plan in around))
    mean, components, _ = principal_components(batches, network.n_input)
    signs = np.tile([1.0, -1.0], n)
    pairs = components[:n].repeat(2, axis=0) * signs[:, None]
    for i, (plan, weights) in enumerate(zip(network.plans, network.layers, strict=True)):
        random(plan, weights, rng)
        outermost, innermost = i == 0, i == len(around)
        n_in = 0 if outermost else 2 * n
        n_out = n if innermost else 2 * n
        if outermost:
            weights.encoder_weight[:n_out] = pairs
            weights.encoder_bias[:n_out] = -(pairs @ mean)
            weights.decoder_weight[:] = 0
            weights.decoder_weight[:, :n_out] = pairs.T[-network.n_output :]
            weights.decoder_bias[:] = mean[-network.n_output :]
            continue
        joins = np.repeat(np.eye(n), 2, axis=0) * signs[:, None] if innermost else np.eye(2 * n)
        weights.encoder_weight[:n_out] = 0
        weights.encoder_weight[:n_out, :n_in] = joins.T
        weights.decoder_weight[:n_in, :] = 0
        weights.decoder_weight[:n_in, :n_out] = joins


def principal_components(batches: Iterable[Floats], n_visible: int) -> tuple[Floats, Floats, Floats]:
    """Mean (n_visible,), components (n_visible, n_visible) by rows, and their standard deviations, descending.

    Products are computed in the precision of the batches and summed in float64.
    """
    total, products, n = np.zeros(n_visible), np.zeros((n_visible, n_visible)), 0
    for x in batches:
        total += x.sum(axis=0, dtype=np.float64)
        products += x.T @ x
        n += len(x)
    mean = total / n
    variances, vectors = np.linalg.eigh(products / n - np.outer(mean, mean))
    return mean, vectors[:, ::-1].T, np.sqrt(np.maximum(variances[::-1], 0))


def parts(plan: LayerPlan, weights: Weights, batches: Iterable[Floats], rng: np.random.Generator) -> None:
    """Non-negative parts of the training spectra: ``X ≈ C P``, all three ≥ 0.

    The decoder holds the parts, each of norm 1. The encoder is their ridge-regularised pseudo-inverse, so that a
    rectified unit starts near the amount of its part in the input; tied weights hold just the parts.

    Raises
    ------
    TrainingError
        The preprocessed spectra contain negative values.

    References
    ----------
    Lee & Seung (2001), multiplicative updates for the Euclidean distance.
    """
    x = _first_rows(batches, _PART_SPECTRA)
    if x.min() < 0:
        raise TrainingError(
            "initial 'parts' needs non-negative spectra; use 'normalize' or 'power' as preprocess, or initial "
            "'principal'"
        )
    p = x[rng.choice(len(x), plan.n_hidden, replace=len(x) < plan.n_hidden)] + np.float32(1e-4 * x.max())
    c = x @ p.T
    for _ in range(_PART_ROUNDS):
        c *= (x @ p.T) / (c @ (p @ p.T) + np.float32(_LEAST))
        p *= (c.T @ x) / ((c.T @ c) @ p + np.float32(_LEAST))
    p /= np.maximum(np.linalg.norm(p, axis=1, keepdims=True), _LEAST)
    if plan.tied:
        weights.encoder_weight[:] = p
    else:
        weights.encoder_weight[:] = np.linalg.solve(p @ p.T + _RIDGE * np.eye(len(p)), p)
        weights.decoder_weight[:] = p.T[-len(weights.decoder_bias) :]
    weights.encoder_bias[:] = 0
    weights.decoder_bias[:] = 0


def _first_rows(batches: Iterable[Floats], n: int) -> Floats:
    rows: list[Floats] = []
    for x in batches:
        rows.append(x[: n - sum(map(len, rows))].copy())
        if sum(map(len, rows)) >= n:
            break
    return np.concatenate(rows)
