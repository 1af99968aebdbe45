"""Layer and Model: validated, immutable float32 weights and the mathematics of Eq. 1 and 2. No I/O of its own.

The NumPy here is for clarity, training and tests; the audio thread runs `aedsp/_kernels/dense.pyx` instead.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from aedsp.front_end import LOUDEST, FrontEnd
from aedsp.preprocess import Array, Chain

Activation = Literal["linear", "sigmoid", "relu", "tanh"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)

MOST_LAYERS = 32
MOST_UNITS = 65_536


def activate(x: Array, activation: str) -> Array:
    """The activation function ``s`` of Eq. 1 and 2, elementwise."""
    if activation == "sigmoid":
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), dtype=x.dtype)
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "tanh":
        return np.asarray(np.tanh(x))
    return x


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One autoencoder: ``y = s(W x + b_hid)``, ``z = s(W' y + b_vis)``.

    Parameters
    ----------
    encoder_weight : array (n_hidden, n_visible)
    encoder_bias : array (n_hidden,)
    decoder_weight : array (n_visible, n_hidden), or None for tied weights (``W' = Wᵀ``)
    decoder_bias : array (n_visible,)
    encoder_activation, decoder_activation : "linear", "sigmoid", "relu" or "tanh"
    context_spectra : int
        How many successive spectra make up the input, oldest first (layer 0 only).

    All arrays are kept as read-only float32 copies.

    Raises
    ------
    ValueError
        A shape, an activation or a value that does not fit; the text names it.
    """

    encoder_weight: Array
    encoder_bias: Array
    decoder_weight: Array | None = None
    decoder_bias: Array
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
            raise ValueError(f"encoder_weight has shape {w.shape}; at most {MOST_UNITS} units a layer")
        self._keep("encoder_bias", (self.n_hidden,))
        if self.decoder_weight is not None:
            self._keep("decoder_weight", (self.n_visible, self.n_hidden))
        self._keep("decoder_bias", (self.n_visible,))
        for name in ("encoder_activation", "decoder_activation"):
            if getattr(self, name) not in ACTIVATIONS:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {ACTIVATIONS}")
        if self.n_visible % n:
            raise ValueError(f"context_spectra is {n}; expected a divisor of the {self.n_visible} visible units")

    def _keep(self, name: str, shape: tuple[int, ...] | None) -> Array:
        given = np.asarray(getattr(self, name))
        if given.dtype.kind not in "fiu":
            raise ValueError(f"{name} has dtype {given.dtype}; expected real numbers")
        with np.errstate(over="ignore"):
            array = np.array(given, dtype=np.float32, order="C")
        if shape is not None and array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}; expected {shape}, for {self.n_hidden} hidden and "
                f"{self.n_visible} visible units"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite in float32")
        array.flags.writeable = False
        object.__setattr__(self, name, array.view())
        return array

    @property
    def n_hidden(self) -> int:
        return int(self.encoder_weight.shape[0])

    @property
    def n_visible(self) -> int:
        return int(self.encoder_weight.shape[1])

    @property
    def tied(self) -> bool:
        """True where the decoder uses the transposed encoder weights."""
        return self.decoder_weight is None

    def encode(self, x: Array) -> Array:
        """Eq. 1: (n, n_visible) -> (n, n_hidden)."""
        return activate(x @ self.encoder_weight.T + self.encoder_bias, self.encoder_activation)

    def decode(self, y: Array) -> Array:
        """Eq. 2: (n, n_hidden) -> (n, n_visible)."""
        weight = self.encoder_weight if self.decoder_weight is None else self.decoder_weight.T
        return activate(y @ weight + self.decoder_bias, self.decoder_activation)


@dataclass(frozen=True, eq=False)
class CodeStatistics:
    """What each unit of the code does over the training spectra.

    mean, std : (n_code,); percentiles : (7, n_code), for the ranks in `percentile_ranks` (7,), in percent.
    """

    mean: Array
    std: Array
    percentiles: Array
    percentile_ranks: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)

    def __post_init__(self) -> None:
        n = np.size(self.mean)
        for name, shape in (("mean", (n,)), ("std", (n,)), ("percentiles", (len(self.percentile_ranks), n))):
            _keep_finite(self, name, shape)


@dataclass(frozen=True, eq=False)
class Classes:
    """Names of the training classes and the centre of each in the code, (n_classes, n_code)."""

    names: tuple[str, ...]
    centroids: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not all(isinstance(name, str) for name in self.names):
            raise TypeError(f"names are {self.names!r}; expected texts")
        _keep_finite(
            self, "centroids", (len(self.names), np.shape(self.centroids)[-1] if np.ndim(self.centroids) else 0)
        )


def _keep_finite(owner: object, name: str, shape: tuple[int, ...]) -> None:
    """Replace an attribute by a read-only float32 array of that shape."""
    given = np.asarray(getattr(owner, name))
    if given.dtype.kind not in "fiu" or given.shape != shape or not np.isfinite(given).all():
        raise ValueError(f"{name} has dtype {given.dtype} and shape {given.shape}; expected finite numbers {shape}")
    array = np.array(given, np.float32)
    array.flags.writeable = False
    object.__setattr__(owner, name, array.view())


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A stack of autoencoders with the front end and the preprocessing that it was trained on.

    The code is the hidden layer of the last of `layers`.

    Raises
    ------
    ValueError
        Where the parts do not fit together: layer 0 with the front end's bins, each layer with the one below.
    """

    front_end: FrontEnd
    layers: tuple[Layer, ...]
    preprocess: Chain = field(default_factory=Chain)
    name: str = "untitled"
    license: str = ""
    created_by: str = "aedsp"
    code_statistics: CodeStatistics | None = None
    classes: Classes | None = None
    training: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        self._check_types()
        if not 1 <= len(self.layers) <= MOST_LAYERS:
            raise ValueError(f"layers has {len(self.layers)} entries; expected 1 to {MOST_LAYERS}")
        n_bins = self.front_end.n_bins
        expected = n_bins * self.layers[0].context_spectra
        if self.layers[0].n_visible != expected:
            raise ValueError(
                f"layer 0 has {self.layers[0].n_visible} visible units; the front end gives {expected} "
                f"({n_bins} bins x {self.layers[0].context_spectra} spectra)"
            )
        for i, (below, above) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if above.n_visible != below.n_hidden:
                raise ValueError(
                    f"layer {i + 1} has {above.n_visible} visible units; layer {i} has {below.n_hidden} hidden units; "
                    "export the layers in order"
                )
            if above.context_spectra != 1:
                raise ValueError(f"layer {i + 1} has context_spectra {above.context_spectra}; only layer 0 may")
        if self.preprocess.n_bins not in (None, n_bins):
            raise ValueError(f"preprocess is for {self.preprocess.n_bins} bins; the front end gives {n_bins}")

        for part, n_units in (
            ("code_statistics", self.code_statistics and np.size(self.code_statistics.mean)),
            ("classes", self.classes and self.classes.centroids.shape[1]),
        ):
            if n_units not in (None, self.n_code):
                raise ValueError(f"{part} is for {n_units} units; the code has {self.n_code}")

    def _check_types(self) -> None:
        for name, kind in (
            ("front_end", FrontEnd),
            ("preprocess", Chain),
            ("name", str),
            ("license", str),
            ("created_by", str),
            ("code_statistics", (CodeStatistics, type(None))),
            ("classes", (Classes, type(None))),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                expected = getattr(kind, "__name__", "one or None")
                raise TypeError(f"{name} is {reprlib.repr(value)}; expected {expected}")
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers holds {reprlib.repr(layer)}; expected Layer")

    @property
    def n_code(self) -> int:
        """Units of the innermost hidden layer: the ones that are played."""
        return self.layers[-1].n_hidden

    def encode(self, magnitudes: npt.ArrayLike) -> Array:
        """Magnitudes (n, n_bins) to codes (n, n_code); missing context before the first spectrum is silence."""
        x = self.preprocess.apply(self._magnitudes(magnitudes))
        x = self._with_context(x)
        for layer in self.layers:
            x = layer.encode(x)
        return x

    def decode(self, code: npt.ArrayLike) -> Array:
        """Codes (n, n_code) to magnitudes (n, n_bins), clamped as in the hop: non-finite to 0, then to [0, 16]."""
        y = np.asarray(code)
        y = y.astype(np.result_type(y.dtype, np.float32), copy=False)
        if y.ndim != 2 or y.shape[1] != self.n_code:
            raise ValueError(f"code has shape {y.shape}; expected (n, {self.n_code})")
        for layer in reversed(self.layers):
            y = layer.decode(y)
        y = self.preprocess.invert(y[:, -self.front_end.n_bins :])
        return np.clip(np.where(np.isfinite(y), y, 0), 0, LOUDEST)

    def reconstruct(self, magnitudes: npt.ArrayLike) -> tuple[Array, Array]:
        """Magnitudes (n, n_bins) -> (their reconstruction (n, n_bins), the codes (n, n_code)).

        float32 in, float32 out; float64 in, float64 out (the specification that the compiled hop is tested against).
        """
        code = self.encode(magnitudes)
        return self.decode(code), code

    def _magnitudes(self, magnitudes: npt.ArrayLike) -> Array:
        x = np.asarray(magnitudes)
        if x.dtype.kind not in "fiu":
            raise TypeError(f"magnitudes have dtype {x.dtype}; expected real numbers")
        x = x.astype(np.result_type(x.dtype, np.float32), copy=False)
        if x.ndim != 2 or x.shape[1] != self.front_end.n_bins:
            raise ValueError(f"magnitudes have shape {x.shape}; expected (n, {self.front_end.n_bins})")
        return x

    def _with_context(self, x: Array) -> Array:
        n = self.layers[0].context_spectra
        if n == 1:
            return x
        silence = self.preprocess.apply(np.zeros((n - 1, x.shape[1]), dtype=x.dtype))
        padded = np.concatenate([silence, x])
        return np.concatenate([padded[i : i + len(x)] for i in range(n)], axis=1)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model file of format 1.

        Raises
        ------
        ModelFormatError
            The file is not a valid model; the text names file, path in the file, found, expected.
        OSError
            The file is missing or cannot be opened.
        """
        from aedsp import model_file

        return model_file.load(path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file of format 1, first beside `path`, then renamed over it: never half a file."""
        from aedsp import model_file

        model_file.save(self, path)
