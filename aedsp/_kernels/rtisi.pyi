import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

class Refinement:
    def __init__(
        self, fft_length: int, hop_length: int, analysis: Float64, synthesis: Float64, reach_length: int | None = None
    ) -> None: ...
    def run(self, magnitude: Float32, unit_re: Float32, unit_im: Float32, n: int) -> Float32: ...
