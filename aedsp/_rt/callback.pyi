from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp._rt.player import Player

Float32 = npt.NDArray[np.float32]
FLAGS: tuple[str, ...]

class Callback:
    player: Player
    def __init__(
        self, player: Player, n_in: int, n_out: int, sample_rate: float, before: Callback | None = None
    ) -> None: ...
    def addresses(self) -> tuple[int, int]: ...
    def call(self, x: Float32 | None, out: Float32, flags: int = 0) -> None: ...
    def statistics(self) -> dict[str, Any]: ...
