from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

def stored(weight: Float32, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], Float32]: ...

class Stack:
    def __init__(self, layers: Sequence[tuple[Any, ...]], precision: str = "float32") -> None: ...
    def encode(self, x: npt.ArrayLike) -> Float32: ...
    def decode(
        self,
        code: npt.ArrayLike,
        factor: Float32 | None = None,
        override: Float32 | None = None,
        target: Float32 | None = None,
        amount: float = 0,
        neutral: bool = False,
    ) -> Float32: ...
    def run(
        self,
        x: npt.ArrayLike,
        factor: Float32 | None = None,
        override: Float32 | None = None,
        target: Float32 | None = None,
        amount: float = 0,
        neutral: bool = False,
    ) -> tuple[Float32, Float32]: ...
    def addresses(self) -> tuple[int, int]: ...
