from fractions import Fraction

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

MOST_PHASES: int
PASSBAND: float
ATTENUATION_DB: float

def design(rate_in: float | Fraction, rate_out: float | Fraction) -> npt.NDArray[np.float64]: ...

class Filter:
    rate_in: Fraction
    rate_out: Fraction
    def __init__(self, rate_in: float | Fraction, rate_out: float | Fraction) -> None: ...
    @property
    def half(self) -> int: ...
    def resample(self, x: Float32, block: int = 4096) -> Float32: ...
