from aedsp._kernels import window


def bench_apply_2048(benchmark, noise):
    benchmark(window.apply, noise(2048), noise(2048), 2048)
