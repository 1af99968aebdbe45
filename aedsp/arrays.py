"""Type aliases for NumPy arrays, and the base of classes with read-only arrays."""

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
