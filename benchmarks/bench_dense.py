import numpy as np
import pytest

from aedsp._kernels.dense import Stack


@pytest.mark.parametrize("units", [16, 64, 256, 1500, 3500])
@pytest.mark.parametrize("part", ["encode", "decode", "decode, all muted"])
def bench_stack(benchmark, noise, units, part):
    stack = Stack([(noise(units, 1025), noise(units), noise(1025, units), noise(1025), "sigmoid", "linear", 1)])
    if part == "encode":
        benchmark(stack.encode, noise(1025))
    else:
        benchmark(stack.decode, noise(units), np.full(units, part == "decode", "f4"))
