import numpy as np
import pytest

from aedsp import FrontEnd
from aedsp._kernels.time_stretch import TimeStretcher


@pytest.mark.parametrize(("stretch", "pitch"), [(1, 1), (2, 1), (1, 2), (4, 4)])
def bench_a_hop_of_output(benchmark, noise, stretch, pitch):
    front_end, x = FrontEnd(), noise(1024, 1)
    stretcher = TimeStretcher(1, 2048, 512, front_end.analysis_window(), front_end.synthesis_window())
    stretcher.set(stretch, pitch)

    def hop():
        left = 512
        while left:
            left -= len(stretcher.pull(left))
            if left:
                stretcher.push(x)

    benchmark(hop)
    assert np.isfinite(stretcher.position)
