from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp._kernels.resample import Filter
from aedsp._rt.loaded import Loaded

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

class Core:
    def __init__(
        self,
        loaded: Loaded,
        inward: Filter,
        outward: Filter,
        fft_length: int,
        hop_length: int,
        analysis: Float64,
        synthesis: Float64,
        start_turns: Float64,
        timing: Any,
        n_channels: int,
        phase_mode: str,
    ) -> None: ...
    def process(self, x: Float32 | None, out: Float32) -> None: ...
    def reset(self) -> None: ...
    def swap(self, loaded: Loaded) -> bool: ...
    def collect(self) -> None: ...
    def occupy(self) -> None: ...
    def release(self) -> None: ...
    def code(self) -> Float32: ...
    def counters(self) -> tuple[int, int, int, int]: ...
    def addresses(self) -> tuple[int, int]: ...
