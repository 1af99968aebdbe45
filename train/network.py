"""The autoencoder that is trained: parameters in one vector, forward and backward passes in buffers made once.

Eq. 1 and 2 of the paper, ``y = s(W x + b_hid)`` and ``z = s(W' y + b_vis)``, and the chain rule through both. NumPy;
knows nothing of audio, files or how parameters are updated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.model import Activation, Layer
from aedsp.train.objectives import Objective

Floats = npt.NDArray[np.floating[Any]]


class Autoencoder:
    """One hidden layer with its gradient.

    Parameters
    ----------
    n_visible, n_hidden : int
    n_rows : int
        The largest batch, in frames.
    encoder_activation, decoder_activation : "linear", "sigmoid", "relu" or "tanh"
    tied : bool
        The decoder uses the transposed encoder weight.
    encoder_bias, decoder_bias : bool
        False keeps that bias at its initial zero.
    nonnegative : bool
        `project` sets negative decoder weights and biases to 0.
    dtype : float32 or float64

    Attributes
    ----------
    parameters, gradient : (n_parameters,)
        Contiguous. The arrays below are views into `parameters`.
    encoder_weight : (n_hidden, n_visible)
    encoder_bias : (n_hidden,)
    decoder_weight : (n_visible, n_hidden); for tied weights a view of the encoder's
    decoder_bias : (n_visible,)
    """

    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        *,
        n_rows: int,
        encoder_activation: Activation = "sigmoid",
        decoder_activation: Activation = "linear",
        tied: bool = False,
        encoder_bias: bool = True,
        decoder_bias: bool = True,
        nonnegative: bool = False,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.n_visible, self.n_hidden, self.n_rows = n_visible, n_hidden, n_rows
        self.encoder_activation, self.decoder_activation = encoder_activation, decoder_activation
        self.tied, self.nonnegative = tied, nonnegative
        self._learns_bias = (encoder_bias, decoder_bias)
        n_parameters = n_visible * n_hidden * (1 if tied else 2) + n_hidden + n_visible
        self.parameters, self.gradient = np.zeros(n_parameters, dtype), np.zeros(n_parameters, dtype)
        self.encoder_weight, self.encoder_bias, self.decoder_weight, self.decoder_bias = self._views(self.parameters)
        self._code, self._code_slope, self._code_error = (np.zeros((n_rows, n_hidden), dtype) for _ in range(3))
        self._output, self._output_slope = (np.zeros((n_rows, n_visible), dtype) for _ in range(2))
        self._tied_gradient = np.zeros((n_hidden, n_visible) if tied else (0, 0), dtype)

    def _views(self, vector: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Encoder weight and bias, decoder weight and bias, as views of a vector laid out as `parameters`."""
        n_weights = self.n_visible * self.n_hidden
        encoder_weight = vector[:n_weights].reshape(self.n_hidden, self.n_visible)
        encoder_bias = vector[n_weights : n_weights + self.n_hidden]
        decoder_bias = vector[n_weights + self.n_hidden : n_weights + self.n_hidden + self.n_visible]
        if self.tied:
            return encoder_weight, encoder_bias, encoder_weight.T, decoder_bias
        decoder_weight = vector[n_weights + self.n_hidden + self.n_visible :].reshape(self.n_visible, self.n_hidden)
        return encoder_weight, encoder_bias, decoder_weight, decoder_bias

    def encode(self, x: Floats) -> Floats:
        """Eq. 1: (n, n_visible) -> (n, n_hidden), n at most `n_rows`. A view of a buffer that the next call reuses."""
        code = self._code[: len(x)]
        np.matmul(x, self.encoder_weight.T, out=code)
        code += self.encoder_bias
        _activate(code, self.encoder_activation)
        return code

    def forward(self, x: Floats) -> Floats:
        """Eq. 1 and 2: (n, n_visible) -> the same shape, n at most `n_rows`. A view of a buffer, as in `encode`."""
        output = self._output[: len(x)]
        np.matmul(self.encode(x), self.decoder_weight.T, out=output)
        output += self.decoder_bias
        _activate(output, self.decoder_activation)
        return output

    def loss_and_gradient(self, x: Floats, target: Floats, objective: Objective) -> float:
        """The loss of reproducing `target` from `x`; its gradient by every parameter goes into `gradient`.

        Both (n, n_visible), n at most `n_rows`; they are the same array unless the input is corrupted.
        """
        output = self.forward(x)
        code = self._code[: len(x)]
        slope = self._output_slope[: len(x)]
        _slope(output, self.decoder_activation, out=slope)
        loss = objective.value_and_gradient(output, target, out=output)
        if self.decoder_activation != "linear":
            output *= slope
        self._backward(x, code, output)
        return loss

    def _backward(self, x: Floats, code: Floats, output_error: Floats) -> None:
        """Fill `gradient` from the error at the input of the decoder's activation."""
        by_encoder_weight, by_encoder_bias, by_decoder_weight, by_decoder_bias = self._views(self.gradient)
        code_error, slope = self._code_error[: len(x)], self._code_slope[: len(x)]
        np.matmul(output_error, self.decoder_weight, out=code_error)
        if self.encoder_activation != "linear":
            _slope(code, self.encoder_activation, out=slope)
            code_error *= slope
        np.matmul(code_error.T, x, out=by_encoder_weight)
        if self.tied:
            by_encoder_weight += np.matmul(code.T, output_error, out=self._tied_gradient)
        else:
            np.matmul(output_error.T, code, out=by_decoder_weight)
        for bias_gradient, error, learns in zip(
            (by_encoder_bias, by_decoder_bias), (code_error, output_error), self._learns_bias, strict=True
        ):
            if learns:
                np.sum(error, axis=0, out=bias_gradient)

    def project(self) -> None:
        """Set negative decoder weights and biases to 0 where the network is to be non-negative."""
        if self.nonnegative:
            np.maximum(self.decoder_weight, 0, out=self.decoder_weight)
            np.maximum(self.decoder_bias, 0, out=self.decoder_bias)

    def to_layer(self) -> Layer:
        """The immutable layer with these weights."""
        return Layer(
            encoder_weight=self.encoder_weight,
            encoder_bias=self.encoder_bias,
            decoder_weight=None if self.tied else self.decoder_weight,
            decoder_bias=self.decoder_bias,
            encoder_activation=self.encoder_activation,
            decoder_activation=self.decoder_activation,
        )


def _activate(x: Floats, activation: Activation) -> None:
    """``x ← s(x)``, elementwise, in place."""
    if activation == "relu":
        np.maximum(x, 0, out=x)
    elif activation == "tanh":
        np.tanh(x, out=x)
    elif activation == "sigmoid":  # as a tanh, which cannot overflow
        x *= x.dtype.type(0.5)
        np.tanh(x, out=x)
        x *= x.dtype.type(0.5)
        x += x.dtype.type(0.5)


def _slope(y: Floats, activation: Activation, *, out: Floats) -> None:
    """``s'`` where ``s = y``, elementwise; `out` is left as it is for "linear"."""
    if activation == "relu":
        np.greater(y, 0, out=out)
    elif activation == "tanh":
        np.multiply(y, y, out=out)
        np.subtract(1, out, out=out)
    elif activation == "sigmoid":
        np.subtract(1, y, out=out)
        out *= y
