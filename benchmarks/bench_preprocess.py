import numpy as np
import pytest

from aedsp._kernels.preprocess import Chain

STEPS = {"root": ("power", 0.5), "power": ("power", 0.3), "log": ("log", 1e-5), "affine": ("affine", 0.0, 0.9)}


@pytest.mark.parametrize("name", STEPS)
def bench_apply(benchmark, noise, name):
    benchmark(Chain([STEPS[name]], 1025).apply, np.abs(noise(1025)))


@pytest.mark.parametrize("name", STEPS)
def bench_invert(benchmark, noise, name):
    benchmark(Chain([STEPS[name]], 1025).invert, np.abs(noise(1025)))
