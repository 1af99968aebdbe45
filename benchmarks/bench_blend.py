from aedsp._kernels import blend


def bench_detail_1025(benchmark, noise):
    benchmark(blend.detailed, abs(noise(1025)), abs(noise(1025)), abs(noise(1025)), 1.0)


def bench_mix_1025(benchmark, noise):
    benchmark(blend.mixed, *(abs(noise(1025)) for _ in range(3)), 1.0, 0.5, noise(1025), noise(1025))
