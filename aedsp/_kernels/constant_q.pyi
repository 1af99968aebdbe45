from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class Bands:
    def __init__(self, n_bins: int, bands: Sequence[tuple[int, Any, Any]]) -> None: ...
    def forward(self, magnitude: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...
    def inverse(self, band: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...
