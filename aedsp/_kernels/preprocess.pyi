from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class Chain:
    def __init__(self, steps: Sequence[tuple[Any, ...]], n_bins: int) -> None: ...
    def apply(self, x: Float32) -> Float32: ...
    def invert(self, x: Float32) -> Float32: ...
