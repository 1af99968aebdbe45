import numpy as np

from aedsp._kernels.pghi import Integration


def integration(**options):
    return Integration(2048, 2048, 512, np.random.default_rng(0).random(1025), **options)


def bench_pghi(benchmark, noise):
    benchmark(integration().run, abs(noise(1025)))


def bench_pghi1(benchmark, noise):
    benchmark(integration(look_ahead=True).run, abs(noise(1025)))
