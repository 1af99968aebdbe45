"""One hop at 2048/512 with 256 units, and one second of STFT, for every installed library."""

import importlib

import numpy as np
import pytest
from against_compositions import Composition, Loop, Ours, model, weights

from aedsp._kernels.stft import Transform
from aedsp.model.front_end import FrontEnd
from peers import loops

N, HOP, UNITS = 2048, 512, 256


@pytest.mark.parametrize("who", ["aedsp float16", "aedsp float32", "mkl", "fftw", "torch", "original loop"])
def bench_hop(benchmark, absent, noise, who):
    given = weights(N, UNITS)
    W, V, b, c = given
    try:
        if who.startswith("aedsp"):
            side = Ours(model(N, HOP, W, V, b, c), 1, precision=who.split()[1])
        elif who in ("mkl", "fftw"):
            side = Composition(who, N, HOP, given)
        else:
            side = Loop((loops.Torch if who == "torch" else loops.Original)(N, HOP, *given), HOP)
    except (RuntimeError, OSError, ImportError) as error:
        absent(who, error)
    x = 0.1 * noise(HOP)
    benchmark(side.run, x, np.zeros_like(x))


@pytest.mark.parametrize("who", ["aedsp", "numpy", "scipy", "pyfftw", "torch", "librosa"])
def bench_stft_of_a_second(benchmark, absent, noise, who):
    """Magnitudes of one second at 22,050 Hz."""
    front_end, x = FrontEnd(), noise(22_050)
    window = front_end.analysis_window().astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, N)[::HOP]
    try:
        peer = None if who == "aedsp" else importlib.import_module("scipy.fft" if who == "scipy" else who)
    except ImportError as error:
        absent(who, error)
    if who == "aedsp":
        transform = Transform(N, HOP, front_end.analysis_window(), front_end.synthesis_window())
        benchmark(transform.magnitudes, x)
    elif who == "librosa":
        benchmark(lambda: np.abs(peer.stft(x, n_fft=N, hop_length=HOP, center=False)))
    elif who == "torch":
        tensor, shape = peer.from_numpy(x), peer.from_numpy(window)
        benchmark(lambda: peer.stft(tensor, N, HOP, window=shape, center=False, return_complex=True).abs())
    elif who == "pyfftw":
        benchmark(lambda: np.abs(peer.interfaces.numpy_fft.rfft(frames * window)))
    else:
        rfft = peer.fft.rfft if who == "numpy" else peer.rfft
        benchmark(lambda: np.abs(rfft(frames * window)))
