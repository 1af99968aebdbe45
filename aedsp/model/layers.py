"""Layer (Eq. 1 and 2 of the paper), CodeStatistics and Classes: validated, immutable float32 arrays.

This NumPy code is for clarity, training and tests; the audio thread runs `aedsp/_kernels/dense.pyx`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from aedsp.arrays import Floats, ReadOnlyArrays

Activation = Literal["linear", "sigmoid", "relu", "tanh"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)

MOST_LAYERS = 32
MOST_UNITS = 65_536


def activate(x: Floats, activation: str) -> Floats:
    """The activation function ``s`` of Eq. 1 and 2, elementwise."""
    if activation == "sigmoid":
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), dtype=x.dtype)
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "tanh":
        return np.asarray(np.tanh(x))
    return x


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Layer(ReadOnlyArrays):
    """One autoencoder: ``y = s(W x + b_hid)``, ``z = s(W' y + b_vis)``.

    Parameters
    ----------
    encoder_weight : array (n_hidden, n_visible)
    encoder_bias : array (n_hidden,)
    decoder_weight : array (n_visible, n_hidden), or None for tied weights (``W' = Wᵀ``)
    decoder_bias : array (n_visible,)
    encoder_activation, decoder_activation : "linear", "sigmoid", "relu" or "tanh"
    context_spectra : int
        Number of successive spectra in the input, oldest first (layer 0 only).

    All arrays are stored as read-only float32 copies.

    Raises
    ------
    ValueError
        A shape, an activation or a value is not valid; the message names it.
    """

    encoder_weight: Floats
    encoder_bias: Floats
    decoder_weight: Floats | None = None
    decoder_bias: Floats
    encoder_activation: Activation = "sigmoid"
    decoder_activation: Activation = "linear"
    context_spectra: int = 1

    def __post_init__(self) -> None:
        n = self.context_spectra
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"context_spectra is {n!r}; expected an integer >= 1")
        w = self._keep("encoder_weight", None)
        if w.ndim != 2 or 0 in w.shape:
            raise ValueError(f"encoder_weight has shape {w.shape}; expected (n_hidden, n_visible)")
        if max(w.shape[0], w.shape[1] // n) > MOST_UNITS:
            raise ValueError(f"encoder_weight has shape {w.shape}; expected at most {MOST_UNITS} units per layer")
        self._keep("encoder_bias", (self.n_hidden,))
        if self.decoder_weight is not None:
            self._keep("decoder_weight", (self.n_visible, self.n_hidden))
        self._keep("decoder_bias", (self.n_visible,))
        for name in ("encoder_activation", "decoder_activation"):
            if getattr(self, name) not in ACTIVATIONS:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {ACTIVATIONS}")
        if self.n_visible % n:
            raise ValueError(f"context_spectra is {n}; expected a divisor of the {self.n_visible} visible units")

    def _keep(self, name: str, shape: tuple[int, ...] | None) -> Floats:
        given = np.asarray(getattr(self, name))
        if given.dtype.kind not in "fiu":
            raise ValueError(f"{name} has dtype {given.dtype}; expected real numbers")
        with np.errstate(over="ignore"):
            array = np.array(given, dtype=np.float32, order="C")
        if shape is not None and array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}; expected {shape} for {self.n_hidden} hidden and "
                f"{self.n_visible} visible units"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite in float32; expected finite values")
        array.flags.writeable = False
        object.__setattr__(self, name, array.view())
        return array

    def __repr__(self) -> str:
        tied = ", tied" if self.tied else ""
        return f"<Layer: {self.n_visible}-{self.n_hidden}, {self.encoder_activation}, {self.decoder_activation}{tied}>"

    @property
    def n_hidden(self) -> int:
        return int(self.encoder_weight.shape[0])

    @property
    def n_visible(self) -> int:
        return int(self.encoder_weight.shape[1])

    @property
    def tied(self) -> bool:
        """Whether the decoder uses the transposed encoder weights."""
        return self.decoder_weight is None

    def encode(self, x: Floats) -> Floats:
        """Eq. 1: (n, n_visible) -> (n, n_hidden)."""
        return activate(x @ self.encoder_weight.T + self.encoder_bias, self.encoder_activation)

    def decode(self, y: Floats) -> Floats:
        """Eq. 2: (n, n_hidden) -> (n, n_visible)."""
        weight = self.encoder_weight if self.decoder_weight is None else self.decoder_weight.T
        return activate(y @ weight + self.decoder_bias, self.decoder_activation)


@dataclass(frozen=True, eq=False)
class CodeStatistics(ReadOnlyArrays):
    """Activation statistics of each unit of the code over the training spectra.

    mean, std : (n_code,); percentiles : (7, n_code) at the ranks in `percentile_ranks` (7,), in percent.
    """

    mean: Floats
    std: Floats
    percentiles: Floats
    percentile_ranks: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)

    def __post_init__(self) -> None:
        n = np.size(self.mean)
        for name, shape in (("mean", (n,)), ("std", (n,)), ("percentiles", (len(self.percentile_ranks), n))):
            _keep_finite(self, name, shape)


@dataclass(frozen=True, eq=False)
class Classes(ReadOnlyArrays):
    """Names of the training classes and their centroids in the code, (n_classes, n_code)."""

    names: tuple[str, ...]
    centroids: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not all(isinstance(name, str) for name in self.names):
            raise TypeError(f"names are {self.names!r}; expected strings")
        _keep_finite(
            self, "centroids", (len(self.names), np.shape(self.centroids)[-1] if np.ndim(self.centroids) else 0)
        )


def _keep_finite(owner: object, name: str, shape: tuple[int, ...]) -> None:
    """Replace an attribute with a read-only float32 array after checking its shape and values."""
    given = np.asarray(getattr(owner, name))
    if given.dtype.kind not in "fiu" or given.shape != shape or not np.isfinite(given).all():
        raise ValueError(f"{name} has dtype {given.dtype} and shape {given.shape}; expected finite numbers {shape}")
    array = np.array(given, np.float32)
    array.flags.writeable = False
    object.__setattr__(owner, name, array.view())
