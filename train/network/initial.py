"""Where training starts: random weights, principal components, or parts found by non-negative factorisation.

Sets the parameters of an `Autoencoder` in place. Training spectra are read once, in batches; memory does not grow with
their number.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import TrainingError
from aedsp.train.data.batches import ROWS, Spectra
from aedsp.train.network.network import Autoencoder, LayerPlan, Weights

_PART_SPECTRA = 15_000  # the factorisation looks at that many
_PART_ROUNDS = 60
_LEAST = 1e-9  # keeps multiplicative updates away from 0/0
_RIDGE = 0.01  # of a unit-length part


def start(network: Autoencoder, initial: str, training: Spectra, rng: np.random.Generator) -> None:
    """As `initial` says; biases that are not learnt start, and stay, at 0.

    Raises
    ------
    TrainingError
        A start that does not fit the data or the layers.
    """
    if initial in ("random", "nonnegative"):
        for plan, weights in zip(network.plans, network.layers, strict=True):
            random(plan, weights, rng, nonnegative=initial == "nonnegative")
    elif len(network.plans) > 1:
        if initial != "principal":
            raise TrainingError("initial 'parts' starts one layer at a time; take pretraining = true, or another start")
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
    """Weights uniform in ``±√(6 / (n_visible + n_hidden))``, or in its positive half; biases 0.

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

    Linear units start as principal component analysis itself. Rectified units take components in pairs of opposite
    sign, half as many. Sigmoid and tanh units get a gain at which a component's standard deviation is a quarter of
    the linear range; where weights are tied that gain is 1. Units beyond the components start near 0, at random.
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
    """Principal component analysis by a network of several layers: rectified units carry a component in pairs of
    opposite sign, through every layer around the code, as many as the narrowest has pairs for. The other units start at
    random, and nothing listens to them yet.

    Raises
    ------
    TrainingError
        A layer around the code that is not rectified, or a code that is not linear.
    """
    *around, code = network.plans
    for plan in around:
        if plan.encoder_activation != "relu" or plan.tied:
            tied = "tied" if plan.tied else "untied"
            raise TrainingError(
                "initial 'principal' for several layers together wants rectified, untied layers around the code; "
                f"got {tied} {plan.encoder_activation}; take initial random, or pretraining"
            )
    if code.encoder_activation != "linear":
        raise TrainingError(
            f"initial 'principal' for several layers wants a linear code, not {code.encoder_activation}"
        )
    for plan in network.plans[1:]:
        if plan.decoder_activation != "relu":
            raise TrainingError(
                "initial 'principal' for several layers wants their decoders rectified, all but the outermost; "
                f"not {plan.decoder_activation}"
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

    Products are made in the precision of the batches, and summed in float64.
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
