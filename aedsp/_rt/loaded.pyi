import numpy as np
import numpy.typing as npt

from aedsp._kernels.constant_q import Bands
from aedsp._kernels.dense import Stack
from aedsp._kernels.preprocess import Chain
from aedsp._rt.control import ControlBuffer

Float32 = npt.NDArray[np.float32]

class Loaded:
    def __init__(
        self,
        stack: Stack,
        chain: Chain,
        controls: ControlBuffer,
        n_bins: int,
        n_context: int,
        n_code: int,
        n_channels: int,
        bands: Bands | None,
        ranks: Float32 | None = None,
        percentiles: Float32 | None = None,
        recent_every: int = 1,
    ) -> None: ...
    def newest_code(self) -> Float32: ...
    def recent(self) -> tuple[npt.NDArray[np.bool_], Float32, Float32]: ...
