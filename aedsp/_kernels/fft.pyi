import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class Fft:
    def __init__(self, n: int) -> None: ...
    def forward(
        self, x: Float32, re: Float32 | None = None, im: Float32 | None = None
    ) -> tuple[Float32, Float32]: ...
    def inverse(self, re: Float32, im: Float32, x: Float32 | None = None) -> Float32: ...
