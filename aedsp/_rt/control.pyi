import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

class ControlBuffer:
    n_units: int
    def __init__(self, n_units: int) -> None: ...
    def publish(
        self,
        factor: Float32,
        override: Float32,
        original: bool,
        version: int = 0,
        frozen: bool = False,
        target: Float32 | None = None,
        target_amount: float = 0.0,
        detail: float = 0.0,
        mix: float = 1.0,
        volume: float = 1.0,
    ) -> None: ...
    def watch(self, n_reads: int) -> tuple[int, int]: ...
    def latest(self) -> tuple[Float32, Float32, bool]: ...
