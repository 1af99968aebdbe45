import numpy as np

from aedsp._kernels.volume import Fader


def bench_volume_64_stereo(benchmark, noise):
    fader, audio = Fader(44_100.0), np.ascontiguousarray(noise(128).reshape(64, 2))
    fader.jump(0.9999)
    benchmark(fader.run, audio)
