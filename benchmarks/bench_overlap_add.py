from aedsp._kernels import overlap_add


def bench_add_2048_512(benchmark, noise):
    benchmark(overlap_add.add, noise(2048), noise(2048), noise(2048), 512)
