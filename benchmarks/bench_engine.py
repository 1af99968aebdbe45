"""The whole hop, called from Python, and start-up."""

import subprocess
import sys

import numpy as np
import pytest

import aedsp


def model(noise, units, fft_length, hop_length):
    front_end = aedsp.FrontEnd(fft_length=fft_length, window_length=fft_length, hop_length=hop_length)
    n = front_end.n_bins
    layer = aedsp.Layer(
        encoder_weight=noise(units, n) * 0.05,
        encoder_bias=noise(units),
        decoder_weight=noise(n, units) * 0.05,
        decoder_bias=noise(n),
    )
    return aedsp.Model(front_end=front_end, layers=(layer,))


@pytest.mark.parametrize("units", [16, 256, 1500])
@pytest.mark.parametrize("hop_length", [32, 64, 128, 256, 512, 1024])
def bench_hop(benchmark, noise, units, hop_length):
    engine = aedsp.Engine(model(noise, units, 2048, hop_length), block_frames=hop_length)
    x, out = noise(hop_length), np.empty(hop_length, np.float32)
    benchmark.extra_info["deadline_us"] = hop_length / 22_050 * 1e6
    benchmark(engine.process, x, out=out)


@pytest.mark.parametrize("rate", [48_000, 44_100])
def bench_hop_resampled(benchmark, noise, rate):
    engine = aedsp.Engine(model(noise, 256, 2048, 512), rate)
    x = noise(1024)
    benchmark(engine.process, x, out=np.empty_like(x))


@pytest.mark.parametrize("rate", [22_050, 48_000])
def bench_resynthesize_fifteen_seconds(benchmark, noise, rate):
    """The shipped model on one core: 15 s over the median is the real-time factor."""
    clip = noise(15 * rate) * 0.1
    benchmark(aedsp.resynthesize, aedsp.demo_model(), clip, rate)


def bench_make_an_engine(benchmark, noise):
    benchmark(aedsp.Engine, model(noise, 256, 2048, 512))


def bench_import(benchmark):
    """`import aedsp` in a new interpreter; `bench_import_numpy` is the share of NumPy and Python."""
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", "import aedsp"],), {"check": True}, rounds=7)


def bench_import_numpy(benchmark):
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", "import numpy"],), {"check": True}, rounds=7)
