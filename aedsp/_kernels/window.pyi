import numpy as np
import numpy.typing as npt

def apply(
    frame: npt.NDArray[np.float32], window: npt.NDArray[np.float32], fft_length: int
) -> npt.NDArray[np.float32]: ...
