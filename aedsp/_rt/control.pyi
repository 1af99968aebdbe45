import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class ControlBuffer:
    n_units: int
    def __init__(self, n_units: int) -> None: ...
    def publish(self, factor: Float32, override: Float32, original: bool, version: int = 0) -> None: ...
    def latest(self) -> tuple[Float32, Float32, bool]: ...
