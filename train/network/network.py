"""The autoencoder in training: parameters in one vector, forward and backward passes in preallocated buffers.

Eq. 1 and 2 of the paper, ``y = s(W x + b_hid)`` and ``z = s(W' y + b_vis)``, for one hidden layer or several unrolled
layers, and backpropagation through all of them. Audio, files and parameter updates are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Floats
from aedsp.model.layers import Activation, Layer
from aedsp.train.data.batches import Batch
from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.network.corruption import Corruption, Corruptor
from aedsp.train.network.gemm import Gemm, load_gemm
from aedsp.train.network.objectives import Objective


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerPlan:
    """One autoencoder of a stack.

    n_hidden : int
    tied : bool
        The decoder uses the transposed encoder weights.
    encoder_bias, decoder_bias : bool
        False keeps the bias at its initial value.
    corruption : Corruption or None
        Of its input, in training.
    sparsity : float
        Factor of ``1/n Σ_spectra Σ_j |y_j|`` in the loss.
    """

    n_hidden: int
    encoder_activation: Activation = "sigmoid"
    decoder_activation: Activation = "linear"
    tied: bool = False
    encoder_bias: bool = True
    decoder_bias: bool = True
    corruption: Corruption | None = None
    sparsity: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightDecay:
    """Factors of ``w²/2`` in the loss, for negative and for positive weights.

    References
    ----------
    Lemme et al. (2012), asymmetric decay; cited as [16] by the paper.
    """

    negative: float = 0.0
    positive: float = 0.0
    biases: bool = False


class Weights(NamedTuple):
    """Views into a parameter vector, of one autoencoder of the stack.

    encoder_weight (n_hidden, n_input), encoder_bias (n_hidden,), decoder_weight (n_output, n_hidden), decoder_bias
    (n_output,). With tied weights, decoder_weight is a view of encoder_weight.
    """

    encoder_weight: Floats
    encoder_bias: Floats
    decoder_weight: Floats
    decoder_bias: Floats


@dataclass
class _Dense:
    """One weight matrix, bias and activation of the unrolled network, with buffers."""

    weight: Floats  # (n_out, n_in)
    bias: Floats
    by_weight: Floats  # gradients
    by_bias: Floats
    activation: Activation
    learns_bias: bool
    shares: bool  # tied decoder: its gradient is added to that of the encoder
    sparsity: float
    output: Floats
    error: Floats
    scratch: Floats
    bias_scratch: Floats
    corruptor: Corruptor | None = None
    input: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # of the last forward pass


class Autoencoder:
    """A stack of autoencoders, unrolled: all encoders, then all decoders in reverse.

    Parameters
    ----------
    n_input : int
        Units of the input.
    plans : LayerPlan or sequence of LayerPlan
        Outermost first.
    n_rows : int
        The largest batch, in spectra.
    n_output : int, optional
        Number of input units to reproduce, the last ones: the newest spectrum of several.
    n_classes : int
        Above 0: softmax units on the code, trained together with the decoder.
    nonnegative : bool
        `project` sets negative decoder weights and biases to 0.
    decay : WeightDecay
    dtype : float32 or float64

    Attributes
    ----------
    parameters, gradient : (n_parameters,)
        Contiguous.
    layers, gradients : tuple of Weights
        Views of the two, one for each plan.
    head, head_bias : (n_classes, n_code), (n_classes,)
        Views, for the softmax units.
    """

    def __init__(
        self,
        n_input: int,
        plans: LayerPlan | Sequence[LayerPlan],
        *,
        n_rows: int,
        n_output: int | None = None,
        n_classes: int = 0,
        nonnegative: bool = False,
        decay: WeightDecay | None = None,
        dtype: npt.DTypeLike = np.float32,
        kernels: Any = None,
        gemm: Gemm | None = None,
    ) -> None:
        self.plans = (plans,) if isinstance(plans, LayerPlan) else tuple(plans)
        self.n_input, self.n_rows, self.n_classes = n_input, n_rows, n_classes
        self.n_output = n_output or n_input
        self.nonnegative, self.decay = nonnegative, decay or WeightDecay()
        self.kernels, self.gemm = kernels or elementwise_kernels(), gemm or load_gemm()
        n_parameters = sum(size for _, size in self._pieces())
        self.parameters, self.gradient = np.zeros(n_parameters, dtype), np.zeros(n_parameters, dtype)
        self.layers, self.head, self.head_bias = self._views(self.parameters)
        self.gradients, self._by_head, self._by_head_bias = self._views(self.gradient)
        self._dense = list(self._unrolled())
        self._scratch = np.zeros(n_parameters if self._decays and self.kernels.kind == "numpy" else 0, dtype)
        self._head_output = np.zeros((n_rows, n_classes), dtype)

    @property
    def n_code(self) -> int:
        return self.plans[-1].n_hidden

    @property
    def _decays(self) -> bool:
        return bool(self.decay.negative or self.decay.positive)

    def _pieces(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """Shape and size of each piece of the parameter vector, in order; weights before biases."""
        n_in, n_out = self.n_input, self.n_output
        weights: list[tuple[int, ...]] = []
        biases: list[tuple[int, ...]] = []
        for plan in self.plans:
            weights += [(plan.n_hidden, n_in), (0,) if plan.tied else (n_out, plan.n_hidden)]
            biases += [(plan.n_hidden,), (n_out,)]
            n_in = n_out = plan.n_hidden
        for shape in (*weights, (self.n_classes, n_in), *biases, (self.n_classes,)):
            yield shape, int(np.prod(shape))

    def _views(self, vector: Floats) -> tuple[tuple[Weights, ...], Floats, Floats]:
        """Views of a vector with the layout of `parameters`: for each layer, and for the softmax units."""
        pieces, at = [], 0
        for shape, size in self._pieces():
            pieces.append(vector[at : at + size].reshape(shape))
            at += size
        n = 2 * len(self.plans)
        weights, head, biases, head_bias = pieces[:n], pieces[n], pieces[n + 1 : -1], pieces[-1]
        layers = []
        for i, plan in enumerate(self.plans):
            encoder, decoder = weights[2 * i : 2 * i + 2]
            if plan.tied:
                decoder = encoder[:, -len(biases[2 * i + 1]) :].T
            layers.append(Weights(encoder, biases[2 * i], decoder, biases[2 * i + 1]))
        return tuple(layers), head, head_bias

    def _unrolled(self) -> Iterator[_Dense]:
        """The dense layers in the order of the forward pass."""
        dtype = self.parameters.dtype

        def dense(i: int, decodes: bool) -> _Dense:
            plan, (w, b, v, c), (gw, gb, gv, gc) = self.plans[i], self.layers[i], self.gradients[i]
            weight, bias, by_weight, by_bias = (v, c, gv, gc) if decodes else (w, b, gw, gb)
            corruptor = None
            if plan.corruption and not decodes:
                corruptor = Corruptor(plan.corruption, self.n_rows, w.shape[1], self.kernels, dtype)
            return _Dense(
                weight, bias, by_weight, by_bias,
                activation=plan.decoder_activation if decodes else plan.encoder_activation,
                learns_bias=plan.decoder_bias if decodes else plan.encoder_bias,
                shares=decodes and plan.tied, sparsity=0.0 if decodes else plan.sparsity, corruptor=corruptor,
                output=np.zeros((self.n_rows, len(bias)), dtype), error=np.zeros((self.n_rows, len(bias)), dtype),
                scratch=np.zeros((self.n_rows, len(bias)), dtype), bias_scratch=np.zeros(len(bias), dtype),
            )  # fmt: skip

        yield from (dense(i, False) for i in range(len(self.plans)))
        yield from (dense(i, True) for i in reversed(range(len(self.plans))))

    def encode(self, x: Floats) -> Floats:
        """The code: (n, n_input) -> (n, n_code), n at most `n_rows`. A view of a buffer, valid until the next call."""
        return self._forward(x, self._dense[: len(self.plans)])

    def forward(self, x: Floats) -> Floats:
        """The reconstruction, (n, n_output), n at most `n_rows`. A view of a buffer, as in `encode`."""
        return self._forward(x, self._dense)

    def _forward(self, x: Floats, dense: Sequence[_Dense], rng: np.random.Generator | None = None) -> Floats:
        for layer in dense:
            if layer.corruptor is not None and rng is not None:
                x = layer.corruptor.corrupt(x, rng)
            layer.input, output = x, layer.output[: len(x)]
            self.gemm.product(x, layer.weight.T, output)
            self.kernels.activate(output, layer.bias, layer.activation)
            x = output
        return x

    def loss_and_gradient(
        self,
        batch: Batch,
        objective: Objective,
        rng: np.random.Generator | None = None,
        class_weight: float = 0.0,
        keep: float = 0.0,
        scale: float = 1.0,
    ) -> float:
        """The reconstruction loss of a batch; ``gradient ← keep · gradient + scale · ∂loss``.

        Parameters
        ----------
        batch : Batch
            At most `n_rows` frames.
        objective : Objective
        rng : numpy.random.Generator, optional
            For the corruption of inputs; None: no corruption.
        class_weight : float
            Weight of the cross entropy of the classes.
        keep, scale : float
            0 and 1: the plain gradient. An optimizer may need others; see its `factors`.
        """
        n = len(batch)
        output = self._forward(batch.x, self._dense, rng)
        error = self._dense[-1].error[:n]
        loss = objective.value_and_error(output, batch, self._dense[-1].activation, error=error)
        for at in range(len(self._dense) - 1, -1, -1):
            layer = self._dense[at]
            self._gradient_of(at, layer, error, keep, scale)
            if at == 0:
                break
            below = self._dense[at - 1]
            self.gemm.product(error, layer.weight, below.error[:n])
            error = below.error[:n]
            if layer.corruptor is not None and rng is not None:
                layer.corruptor.back_through(error)
            if at == len(self.plans) and self.n_classes:
                loss += self._classify(batch, class_weight, error, keep, scale)
            if below.sparsity:
                loss += self._sparsity(below, error)
            self.kernels.back_through(error, below.output[:n], below.activation, below.scratch[:n])
        self._add_decay(scale)
        return loss

    def _gradient_of(self, at: int, layer: _Dense, error: Floats, keep: float, scale: float) -> None:
        by_weight = layer.by_weight
        if layer.shares:  # a tied decoder comes first: into the columns of the encoder that it shares
            if by_weight.shape[0] < len(self._encoder_of(at).by_weight.T):
                self._encoder_of(at).by_weight[:, : -by_weight.shape[0]] *= by_weight.dtype.type(keep)
            self.gemm.product(layer.input.T, error, by_weight.T, scale, keep)
        else:
            self.gemm.product(error.T, layer.input, by_weight, scale, 1.0 if self._shared(at) else keep)
        if layer.learns_bias:
            layer.by_bias *= error.dtype.type(keep)
            total = np.sum(error, axis=0, out=layer.bias_scratch)
            total *= error.dtype.type(scale)
            layer.by_bias += total

    def _encoder_of(self, at: int) -> _Dense:
        """The encoder whose weights decoder `at` shares."""
        return self._dense[len(self._dense) - 1 - at]

    def _shared(self, at: int) -> bool:
        return at < len(self.plans) and self.plans[at].tied

    def class_entropy(self, batch: Batch) -> float:
        """Cross entropy of the classes predicted from the last code, averaged over the spectra."""
        shares = self._class_shares(len(batch))
        right = shares[np.arange(len(batch)), batch.labels]
        return -float(np.log(np.maximum(right, np.finfo(shares.dtype).tiny)).mean())

    def _class_shares(self, n: int) -> Floats:
        """Softmax of the head on the last code, (n, n_classes)."""
        share = self._head_output[:n]
        code = self._dense[len(self.plans) - 1].output[:n]
        self.gemm.product(code, self.head.T, share)
        share += self.head_bias
        share -= share.max(axis=1, keepdims=True)
        np.exp(share, out=share)
        share /= share.sum(axis=1, keepdims=True)
        return share

    def _classify(self, batch: Batch, weight: float, error: Floats, keep: float, scale: float) -> float:
        """The class entropy times its weight; adds its gradient and its part of the error at the code."""
        n, code = len(batch), self._dense[len(self.plans) - 1].output[: len(batch)]
        loss = weight * self.class_entropy(batch)
        share = self._head_output[:n]
        share[np.arange(n), batch.labels] -= 1
        share *= share.dtype.type(weight / n)
        self.gemm.product(share.T, code, self._by_head, scale, keep)
        self._by_head_bias *= share.dtype.type(keep)
        self._by_head_bias += share.sum(axis=0) * share.dtype.type(scale)
        self.gemm.product(share, self.head, error, 1.0, 1.0)
        return loss

    def _sparsity(self, layer: _Dense, error: Floats) -> float:
        n = len(error)
        y, sign, factor = layer.output[:n], layer.scratch[:n], error.dtype.type(layer.sparsity / n)
        np.sign(y, out=sign)
        loss = float(factor) * float(np.vdot(sign, y))
        sign *= factor
        error += sign
        return loss

    def _add_decay(self, scale: float) -> None:
        """Add the gradient of weight decay. The reported loss omits it, since it is not reconstruction error."""
        if self._decays:
            n = self.parameters.size if self.decay.biases else self._n_weights
            factors = (scale * self.decay.negative, scale * self.decay.positive)
            self.kernels.decay(self.gradient[:n], self.parameters[:n], *factors, self._scratch[:n])

    @property
    def _n_weights(self) -> int:
        sizes = [size for _, size in self._pieces()]
        return sum(sizes[: 2 * len(self.plans) + 1])

    def project(self) -> None:
        """Set negative decoder weights and biases to 0 if `nonnegative`."""
        if self.nonnegative:
            for layer in self.layers:
                np.maximum(layer.decoder_weight, 0, out=layer.decoder_weight)
                np.maximum(layer.decoder_bias, 0, out=layer.decoder_bias)

    def to_layers(self) -> tuple[Layer, ...]:
        """Immutable layers with these weights; if only the newest spectrum is reproduced, the decoder rows for the
        older ones are 0."""
        layers = []
        for i, (plan, (w, b, v, c)) in enumerate(zip(self.plans, self.layers, strict=True)):
            n_older = self.n_input - self.n_output if i == 0 else 0
            layers.append(
                Layer(
                    encoder_weight=w,
                    encoder_bias=b,
                    decoder_weight=None if plan.tied else np.pad(v, ((n_older, 0), (0, 0))),
                    decoder_bias=np.pad(c, (n_older, 0)),
                    encoder_activation=plan.encoder_activation,
                    decoder_activation=plan.decoder_activation,
                    context_spectra=self.n_input // self.n_output if i == 0 else 1,
                )
            )
        return tuple(layers)
