from typing import Any

import numpy as np
import numpy.typing as npt

class ItemRing:
    def __init__(self, capacity: int, item_bytes: int) -> None: ...
    capacity: int
    written: int
    taken: int
    readable: int
    writable: int
    def write(self, items: npt.NDArray[Any]) -> int: ...
    def read(self, n: int, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]: ...
