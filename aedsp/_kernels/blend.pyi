import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

def detailed(decoded: Float32, neutral: Float32, original: Float32, detail: float) -> Float32: ...
def mixed(
    magnitude: Float32,
    unit_re: Float32,
    unit_im: Float32,
    scale: float,
    mix: float,
    original_re: Float32,
    original_im: Float32,
) -> tuple[Float32, Float32]: ...
