import numpy as np
import pytest

from aedsp._kernels.fft import Fft


@pytest.mark.parametrize("n", [512, 1024, 2048, 4096])
def bench_forward(benchmark, noise, n):
    fft, x, re, im = Fft(n), noise(n), np.empty(n // 2 + 1, "f4"), np.empty(n // 2 + 1, "f4")
    benchmark(fft.forward, x, re, im)


@pytest.mark.parametrize("n", [512, 1024, 2048, 4096])
def bench_inverse(benchmark, noise, n):
    fft, re, im, x = Fft(n), noise(n // 2 + 1), noise(n // 2 + 1), np.empty(n, "f4")
    benchmark(fft.inverse, re, im, x)


@pytest.mark.parametrize("n", [2048])
def bench_numpy_forward(benchmark, noise, n):
    benchmark(np.fft.rfft, noise(n))


@pytest.mark.parametrize("n", [2048])
def bench_scipy_forward(benchmark, noise, n):
    scipy_fft = pytest.importorskip("scipy.fft")
    benchmark(scipy_fft.rfft, noise(n))
