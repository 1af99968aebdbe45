"""Final layers of a model: units ordered by explained variance and scaled alike, levels, and code statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aedsp.arrays import Floats
from aedsp.model.layers import Classes, CodeStatistics, Layer
from aedsp.model.preprocess import Chain, Power
from aedsp.train.data.batches import Spectra

_STATISTICS_SPECTRA = 20_000
_ABLATION_SPECTRA = 512
_MOST_MATCH = 2.0


def finish(layers: Sequence[Layer], training: Spectra) -> tuple[tuple[Layer, ...], CodeStatistics]:
    """The layers, with the innermost units ordered by the variance they explain, and the code statistics.

    Linear and rectified units are scaled so that the 99th percentile of the absolute activation is 1, if the decoder
    weights can compensate.

    training: spectra as the network saw them, without level balancing.
    """
    code = np.concatenate([_encode(layers, batch.x) for batch in training.in_order(1024, _STATISTICS_SPECTRA)])
    innermost = layers[-1]
    order = np.argsort(-_explained(layers, code), kind="stable")
    scale = np.ones(innermost.n_hidden, np.float32)
    if not innermost.tied and innermost.encoder_activation in ("linear", "relu"):
        reach = np.percentile(np.abs(code), 99, axis=0).astype(np.float32)
        scale = np.where(reach > 0, 1 / np.maximum(reach, np.float32(1e-12)), np.float32(1))
    weight, bias = innermost.encoder_weight * scale[:, None], innermost.encoder_bias * scale
    ordered = Layer(
        encoder_weight=weight[order],
        encoder_bias=bias[order],
        decoder_weight=None if innermost.decoder_weight is None else (innermost.decoder_weight / scale)[:, order],
        decoder_bias=innermost.decoder_bias,
        encoder_activation=innermost.encoder_activation,
        decoder_activation=innermost.decoder_activation,
        context_spectra=innermost.context_spectra,
    )
    code = (code * scale)[:, order]
    statistics = CodeStatistics(
        mean=code.mean(axis=0, dtype=np.float64).astype(np.float32),
        std=code.std(axis=0, dtype=np.float64).astype(np.float32),
        percentiles=np.percentile(code, CodeStatistics.percentile_ranks, axis=0).astype(np.float32),
    )
    return (*layers[:-1], ordered), statistics


def match_levels(layers: Sequence[Layer], preprocess: Chain, training: Spectra, n_bins: int) -> tuple[Layer, ...]:
    """The layers, with each bin of the outermost decoder scaled to the power of the training spectra, by up to 6 dB.

    A network that minimises an error of compressed magnitudes is too soft on average: the mean of a power is above the
    power of the mean. Both decodings of detail scale alike, so that what the units change stays as it is. For
    preprocessing of powers and constant maxima, and a linear or rectified decoder.
    """
    wanted, given = (np.zeros(n_bins) for _ in range(2))
    for batch in training.in_order(1024, _STATISTICS_SPECTRA):
        x = np.asarray(batch.x)[:, -n_bins:]
        z = _decode(layers, _encode(layers, batch.x))[:, -n_bins:]
        wanted += np.square(preprocess.invert(x), dtype=np.float64).sum(axis=0)
        given += np.square(np.maximum(preprocess.invert(z), 0), dtype=np.float64).sum(axis=0)
    exponent = np.prod([step.exponent for step in preprocess if isinstance(step, Power)])
    ratio = np.clip(np.sqrt(wanted / np.maximum(given, 1e-30)), 1 / _MOST_MATCH, _MOST_MATCH)
    factor = (np.where(wanted > 0, ratio, 1) ** exponent).astype(np.float32)
    outermost = layers[0]
    assert outermost.decoder_weight is not None
    factor = np.tile(factor, outermost.context_spectra)
    matched = replace(
        outermost,
        decoder_weight=outermost.decoder_weight * factor[:, None],
        decoder_bias=outermost.decoder_bias * factor,
    )
    return (matched, *layers[1:])


def centroids(layers: Sequence[Layer], training: Spectra, names: Sequence[str]) -> Classes:
    """The mean code of each class over the training spectra."""
    totals, counts = np.zeros((len(names), layers[-1].n_hidden)), np.zeros(len(names))
    for batch in training.in_order(1024):
        assert batch.labels is not None
        np.add.at(totals, batch.labels, _encode(layers, batch.x))
        np.add.at(counts, batch.labels, 1)
    return Classes(tuple(names), (totals / counts[:, None]).astype(np.float32))


def _encode(layers: Sequence[Layer], x: Floats) -> Floats:
    for layer in layers:
        x = layer.encode(x)
    return x


def _explained(layers: Sequence[Layer], code: Floats) -> Floats:
    """The variance that each unit explains.

    One layer: variance of the output by Eq. 2, without the activation. Several: squared change of the output when the
    unit is held at its mean.
    """
    innermost = layers[-1]
    decoder = innermost.encoder_weight.T if innermost.decoder_weight is None else innermost.decoder_weight
    if len(layers) == 1:
        decoder = decoder[-(len(decoder) // innermost.context_spectra) :]  # only the newest spectrum is output
        return np.asarray(code.var(axis=0, dtype=np.float64) * np.square(decoder, dtype=np.float64).sum(axis=0))
    some = code[np.linspace(0, len(code) - 1, min(len(code), _ABLATION_SPECTRA)).astype(int)]
    mean = code.mean(axis=0, dtype=np.float64).astype(np.float32)
    whole, changes = _decode(layers, some), np.zeros(innermost.n_hidden)
    for unit in range(innermost.n_hidden):
        without = some.copy()
        without[:, unit] = mean[unit]
        changes[unit] = np.square(_decode(layers, without) - whole, dtype=np.float64).sum()
    return changes


def _decode(layers: Sequence[Layer], code: Floats) -> Floats:
    for layer in reversed(layers):
        code = layer.decode(code)
    return code
