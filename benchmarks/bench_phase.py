import numpy as np

from aedsp._kernels.phase import Phases


def phases():
    return Phases(2048, 2048, 512, np.random.default_rng(0).random(1025))


def bench_source(benchmark, noise):
    re, im = noise(1025), noise(1025)
    benchmark(phases().source, noise(1025), noise(1025), 1.0, re, im)


def bench_source_in_silence(benchmark, noise):
    zeros = np.zeros(1025, "f4")
    benchmark(phases().source, zeros, zeros, 1.0, noise(1025), noise(1025))


def bench_advance(benchmark):
    benchmark(phases().advance, 12345)


def bench_spsi(benchmark, noise):
    benchmark(phases().spsi, abs(noise(1025)))
