import aedsp
from aedsp._kernels.stft import Transform


def transform():
    front_end = aedsp.FrontEnd()
    return Transform(
        front_end.fft_length, front_end.hop_length, front_end.analysis_window(), front_end.synthesis_window()
    )


def bench_forward(benchmark, noise):
    benchmark(transform().forward, noise(2048))


def bench_inverse(benchmark, noise):
    benchmark(transform().inverse, noise(1025), noise(1025))


def bench_magnitudes_of_ten_seconds(benchmark, noise):
    benchmark(transform().magnitudes, noise(220_500))
