import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class SegmentLimiter:
    def __init__(self, n_frames: int, n_channels: int, sample_rate: float) -> None: ...
    def limit(self, segment: Float32) -> Float32: ...
    @property
    def limited_frames(self) -> int: ...
