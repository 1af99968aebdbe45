import pytest

from aedsp._kernels.limiter import SegmentLimiter


@pytest.mark.parametrize("level", [0.5, 2.0])
def bench_segment_of_512(benchmark, noise, level):
    benchmark(SegmentLimiter(512, 2, 44_100).limit, noise(512, 2) * level)
