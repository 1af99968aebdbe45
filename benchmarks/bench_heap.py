import numpy as np

from aedsp._kernels.heap import integrate


def bench_heap(benchmark, noise):
    now, before, turns_before, hop_step, turns = abs(noise(5, 1025))
    benchmark(integrate, now, before, turns_before, hop_step, np.ascontiguousarray(noise(1024)), 1e-9, turns)
