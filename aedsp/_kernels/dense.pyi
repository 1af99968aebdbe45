from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class Stack:
    def __init__(self, layers: Sequence[tuple[Any, ...]]) -> None: ...
    def encode(self, x: Float32) -> Float32: ...
    def decode(self, code: Float32, factor: Float32 | None = None, override: Float32 | None = None) -> Float32: ...
