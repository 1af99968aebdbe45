"""Type aliases for NumPy arrays, the check that an array is audio, and the base of classes with read-only arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class ReadOnlyArrays:
    """Base of dataclasses whose arrays are read-only, also after unpickling and copying."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
                value = value.view()
            self.__dict__[name] = value


Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
#: float32 or float64.
Floats = npt.NDArray[np.floating[Any]]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

MOST_CHANNELS = 64


def expect_samples(name: str, x: npt.NDArray[Any]) -> None:
    """Raise TypeError unless the samples are real floats; ValueError if their shape looks transposed."""
    if x.dtype.kind != "f":
        scale = f"; divide integers by {2 ** (8 * x.dtype.itemsize - 1)}" if x.dtype.kind == "i" else ""
        raise TypeError(f"{name} has dtype {x.dtype}; expected floating-point samples in [-1, 1]{scale}")
    if x.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {x.shape}; expected (frames,) or (frames, channels)")
    if x.ndim == 2 and x.shape[0] <= MOST_CHANNELS < x.shape[1]:
        raise ValueError(
            f"{name} has shape {x.shape}; expected (frames, channels): are the channels first? then pass {name}.T"
        )
