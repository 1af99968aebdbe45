"""Batches: the rows of a split, preprocessed in place, as input of a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Floats, Int64
from aedsp.errors import TrainingError
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize, Step
from aedsp.train.data.corpus import Split

ROWS = 1024  # per batch when a whole split is read
_QUIETEST = 0.01  # times the mean level; balancing does not raise spectra below it


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of one step, n spectra.

    x : (n, n_input) preprocessed input
    target : (n, n_output) to reproduce; None: x
    magnitudes : (n, n_bins) before preprocessing, if an objective needs them
    labels : (n,) class index, if there are classes
    """

    x: Floats
    target: Floats | None = None
    magnitudes: Floats | None = None
    labels: npt.NDArray[np.integer[Any]] | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def wanted(self) -> Floats:
        return self.x if self.target is None else self.target


class Spectra:
    """A split, preprocessed into batches.

    Parameters
    ----------
    split : Split
    preprocess : Chain
    n_bins : int
        Bins of one spectrum; a row of the split holds one or several, of which the last is the target.
    level_balance, level : float
        0: levels are unchanged; 1: all rows are scaled to the norm `level`.
    magnitudes : bool
        Whether batches include them.
    encoder : callable, optional
        The layers below: (n, n_input) -> (n, n_code), whose output is then both input and target of the network.
    check : callable, optional
        Called before each batch; may raise KeyboardInterrupt.
    """

    def __init__(
        self,
        split: Split,
        preprocess: Chain,
        n_bins: int,
        *,
        level_balance: float = 0.0,
        level: float = 1.0,
        magnitudes: bool = False,
        encoder: Callable[[Floats], Floats] | None = None,
        check: Callable[[], None] | None = None,
    ) -> None:
        self._split, self._preprocess, self._n_bins = split, preprocess, n_bins
        self._level_balance, self._level = level_balance, level
        self._magnitudes, self._encoder, self._check = magnitudes, encoder, check
        self._raw, self._x = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self._split)

    def shuffled(self, n_rows: int, rng: np.random.Generator) -> Iterator[Batch]:
        """All rows once in random order, in batches of `n_rows` (the last may be smaller)."""
        return self._batches(rng.permutation(len(self)), n_rows)

    def in_order(self, n_rows: int, most: int | None = None) -> Iterator[Batch]:
        """All rows, or `most` evenly spaced rows."""
        n = len(self)
        which = np.arange(n) if most is None or most >= n else np.linspace(0, n - 1, most).astype(np.int64)
        return self._batches(which, n_rows)

    def _batches(self, which: Int64, n_rows: int) -> Iterator[Batch]:
        """Each batch is valid until the next."""
        shape = (min(n_rows, len(which)), self._split.spectra.shape[1])
        if self._raw.shape != shape:
            self._raw, self._x = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for start in range(0, len(which), n_rows):
            if self._check is not None:
                self._check()
            rows = which[start : start + n_rows]
            raw, x = self._raw[: len(rows)], self._x[: len(rows)]
            self._split.take(rows, raw)
            self._preprocess.apply(raw.reshape(-1, self._n_bins), out=x.reshape(-1, self._n_bins))
            if self._level_balance:
                norms = np.linalg.norm(x, axis=1, keepdims=True)
                x *= (self._level / (norms + np.float32(_QUIETEST * self._level))) ** np.float32(self._level_balance)
            labels = self._split.classes[rows]
            if self._encoder is not None:
                yield Batch(self._encoder(x), labels=labels)
                continue
            newest = slice(-self._n_bins, None)
            yield Batch(
                x,
                target=None if x.shape[1] == self._n_bins else x[:, newest],
                magnitudes=raw[:, newest] if self._magnitudes else None,
                labels=labels,
            )


def parse_step(text: str) -> tuple[str, float | None]:
    """Kind and number of a preprocessing step: "power:0.5" is ("power", 0.5); "normalize" is ("normalize", None), with
    the number taken from the data.

    Raises
    ------
    TrainingError
        An unknown kind, an invalid number or one not above 0, or a number for a step that has none.
    """
    kind, colon, number = text.partition(":")
    expected = "expected normalize, normalize:MAXIMUM, standardize, log:FLOOR or power:EXPONENT, the number above 0"
    if kind not in ("normalize", "standardize", "log", "power") or (colon and kind == "standardize"):
        raise TrainingError(f"preprocess step is {text!r}; {expected}")
    if not colon:
        return kind, {"log": 1e-5, "power": 0.5}.get(kind)
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise TrainingError(f"preprocess step is {text!r}; {expected}")
    return kind, value


def fit_preprocess(steps: Iterable[str], training: Split, n_bins: int) -> Chain:
    """Fit steps such as "normalize", "standardize", "power:0.5", "log:1e-5" to the training spectra, in order.

    "normalize" divides by the global maximum (section 3.1 of the paper) or by the number given; "standardize" centres
    and scales each bin; a constant bin keeps its scale.

    Raises
    ------
    TrainingError
        An unknown step, or only silent spectra.
    """
    fitted: list[Step] = []
    for kind, number in map(parse_step, steps):
        chain = Chain(tuple(fitted))
        so_far = (chain.apply(x.reshape(-1, n_bins)) for x in training.in_order())
        if kind == "normalize" and number is not None:
            fitted.append(Normalize(np.float32(number)))
        elif kind == "normalize":
            largest = max(float(np.abs(x).max()) for x in so_far)
            if not 0 < largest < math.inf:
                raise TrainingError(
                    f"the largest training value is {largest:g}, expected above 0; give audio that is not silent"
                )
            fitted.append(Normalize(np.float32(largest)))
        elif kind == "standardize":
            fitted.append(_standardize(so_far))
        elif number is not None:
            fitted.append(Log(number) if kind == "log" else Power(number))
    return Chain(tuple(fitted))


def _standardize(batches: Iterable[Floats]) -> Standardize:
    total, squares, n = np.float64(0), np.float64(0), 0
    for x in batches:
        total = total + x.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(x, dtype=np.float64).sum(axis=0)
        n += len(x)
    mean = total / n
    deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return Standardize(mean.astype(np.float32), np.where(deviation > 1e-12, deviation, 1).astype(np.float32))


def mean_norm(training: Split, preprocess: Chain, n_bins: int, level_balance: float, magnitude_loss: float) -> float:
    """The mean norm of the first preprocessed training rows: the target level of level balancing.

    Raises
    ------
    TrainingError
        Balancing with preprocessing in which scaling the spectra does not just scale the input of the network.
    """
    if level_balance and any(isinstance(step, (Standardize, Log)) for step in preprocess):
        raise TrainingError(
            "level_balance scales spectra and cannot be combined with 'standardize' or 'log'; set it to 0"
        )
    if level_balance and magnitude_loss:
        raise TrainingError(
            "level_balance changes magnitudes and cannot be combined with magnitude_loss; set one of them to 0"
        )
    x = next(training.in_order())
    return float(np.linalg.norm(preprocess.apply(x.reshape(-1, n_bins)).reshape(x.shape), axis=1).mean())


def mean_of(examples: Spectra) -> tuple[Floats, Floats | None]:
    """The mean target, and the mean magnitudes if batches include them; float32."""
    total: Any = np.float64(0)
    magnitudes: Any = np.float64(0)
    for batch in examples.in_order(ROWS):
        total = total + batch.wanted.sum(axis=0, dtype=np.float64)
        if batch.magnitudes is not None:
            magnitudes = magnitudes + batch.magnitudes.sum(axis=0, dtype=np.float64)
    n = len(examples)
    return (total / n).astype(np.float32), (magnitudes / n).astype(np.float32) if np.ndim(magnitudes) else None
