import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

def integrate(
    now: Float32,
    before: Float32,
    turns_before: Float32,
    hop_step: Float32,
    bin_step: Float32,
    floor: float,
    turns: Float32,
) -> Float32: ...
