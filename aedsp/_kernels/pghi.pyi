import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

GAMMA: dict[str, float]

class Integration:
    def __init__(
        self,
        fft_length: int,
        window_length: int,
        hop_length: int,
        start_turns: npt.NDArray[np.float64],
        window: str = "hann",
        look_ahead: bool = False,
        window_centre: float | None = None,
    ) -> None: ...
    def run(self, magnitude: Float32) -> tuple[Float32, Float32]: ...
