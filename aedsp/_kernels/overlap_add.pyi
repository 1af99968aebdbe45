import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

def add(frame: Float32, window: Float32, sum: Float32, hop_length: int) -> Float32: ...
