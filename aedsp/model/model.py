"""Model: an immutable, checked stack of layers with its front end and preprocessing; loads and saves it.

The file's contents are in `format`; safe reading and writing is in `file`.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32, Floats
from aedsp.model.analysis import windows_of
from aedsp.model.file_objects import ModelFile
from aedsp.model.format import WeightDtype, checked_names
from aedsp.model.front_end import LOUDEST, FrontEnd
from aedsp.model.layers import MOST_LAYERS, Classes, CodeStatistics, Layer
from aedsp.model.preprocess import Chain


class Preparer(Protocol):
    """An engine, which this module does not know."""

    def prepare(self, model: Model) -> None: ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Model:
    """A stack of autoencoders with the front end and the preprocessing that it was trained on.

    The code is the hidden layer of the last of `layers`. unit_names: a short label of each of its units.

    Raises
    ------
    ValueError
        The parts do not fit together: layer 0 with the front end's bins, each layer with the one below.
    """

    front_end: FrontEnd
    layers: tuple[Layer, ...]
    preprocess: Chain = field(default_factory=Chain)
    name: str = "untitled"
    license: str = ""
    created_by: str = "aedsp"
    code_statistics: CodeStatistics | None = None
    classes: Classes | None = None
    unit_names: tuple[str, ...] | None = None
    training: Mapping[str, Any] | None = None
    #: What was found out about the model, so that nothing is measured twice; not a part of it.
    notes: dict[str, float] = field(default_factory=dict, init=False)

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
                raise ValueError(
                    f"layer {i + 1} has context_spectra {above.context_spectra}; expected 1, only layer 0 may have more"
                )
        if self.preprocess.n_bins not in (None, n_bins):
            raise ValueError(f"preprocess is for {self.preprocess.n_bins} bins; the front end gives {n_bins}")

        if self.unit_names is not None:
            object.__setattr__(self, "unit_names", checked_names(self.unit_names))
        for part, n_units in (
            ("code_statistics", self.code_statistics and np.size(self.code_statistics.mean)),
            ("classes", self.classes and self.classes.centroids.shape[1]),
            ("unit_names", None if self.unit_names is None else len(self.unit_names)),
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

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.front_end.n_bins, *(layer.n_hidden for layer in self.layers)))
        f = self.front_end
        lengths = f"{f.kind} {f.window_length}/{f.hop_length} at {f.sample_rate:g} Hz"
        return f"<Model {self.name!r}: {lengths}, units {sizes}>"

    @property
    def n_code(self) -> int:
        """Units of the innermost hidden layer: the ones you play."""
        return self.layers[-1].n_hidden

    def prepare(self, engine: Preparer) -> None:
        """`Engine.prepare`: do the work of the engine's next swap to this model now."""
        engine.prepare(self)

    def magnitudes(self, x: npt.ArrayLike) -> Float32:
        """Audio (frames,), mono at the model's rate, to magnitudes (n, n_bins): what `encode` takes.

        The spectra of `aedsp.spectra`. Raises TypeError or ValueError unless `x` is one channel of real floats.
        """
        signal = np.asarray(x)
        if signal.dtype.kind != "f":
            raise TypeError(f"x has dtype {signal.dtype}; expected floating-point samples in [-1, 1]")
        if signal.ndim != 1:
            raise ValueError(f"x has shape {signal.shape}; expected (frames,), one channel at a time: x[:, 0]")
        one = np.ascontiguousarray(signal, np.float32)
        return np.concatenate([magnitudes for magnitudes, _ in windows_of(one, self.front_end)])

    def encode(self, magnitudes: npt.ArrayLike) -> Floats:
        """Magnitudes (n, n_bins) to codes (n, n_code). The context before the first spectrum is silence."""
        x = self.preprocess.apply(self._magnitudes(magnitudes))
        x = self._with_context(x)
        for layer in self.layers:
            x = layer.encode(x)
        return x

    def decode(self, code: npt.ArrayLike) -> Floats:
        """Codes (n, n_code) to magnitudes (n, n_bins), clamped as in the hop: non-finite to 0, then [0, 16]."""
        y = np.asarray(code)
        y = y.astype(np.result_type(y.dtype, np.float32), copy=False)
        if y.ndim != 2 or y.shape[1] != self.n_code:
            raise ValueError(f"code has shape {y.shape}; expected (n, {self.n_code})")
        for layer in reversed(self.layers):
            y = layer.decode(y)
        y = self.preprocess.invert(y[:, -self.front_end.n_bins :])
        return np.clip(np.where(np.isfinite(y), y, 0), 0, LOUDEST)

    def reconstruct(self, magnitudes: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Magnitudes (n, n_bins) -> (reconstruction (n, n_bins), codes (n, n_code)).

        float32 in, float32 out; float64 in, float64 out (the reference for tests of the compiled hop).
        """
        code = self.encode(magnitudes)
        return self.decode(code), code

    def _magnitudes(self, magnitudes: npt.ArrayLike) -> Floats:
        x = np.asarray(magnitudes)
        if x.dtype.kind not in "fiu":
            raise TypeError(f"magnitudes have dtype {x.dtype}; expected real numbers")
        x = x.astype(np.result_type(x.dtype, np.float32), copy=False)
        if x.ndim != 2 or x.shape[1] != self.front_end.n_bins:
            raise ValueError(f"magnitudes have shape {x.shape}; expected (n, {self.front_end.n_bins})")
        return x

    def _with_context(self, x: Floats) -> Floats:
        n = self.layers[0].context_spectra
        if n == 1:
            return x
        silence = self.preprocess.apply(np.zeros((n - 1, x.shape[1]), dtype=x.dtype))
        padded = np.concatenate([silence, x])
        return np.concatenate([padded[i : i + len(x)] for i in range(n)], axis=1)

    @classmethod
    def load(cls, path: ModelFile) -> Model:
        """Read a model file (`docs/model-format.md`): a path, an open binary file, or one of `importlib.resources`.

        Raises
        ------
        ModelFormatError
            The file is not a valid model; the message gives file, path in the file, what was found and expected.
        OSError
            The file is missing or cannot be opened.
        """
        from aedsp.model import file  # imports h5py

        return file.load(path, cls)

    def save(self, path: str | os.PathLike[str] | IO[bytes], *, weight_dtype: WeightDtype = "float32") -> None:
        """Write a model file atomically, or into a file that is open for writing bytes.

        weight_dtype: "float32", or "float16" for half the size. Raises the errors of `aedsp.model.file.save`.
        """
        from aedsp.model import file

        file.save(self, path, type(self), weight_dtype=weight_dtype)
