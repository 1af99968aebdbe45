import numpy as np
import pytest

from aedsp._kernels.constant_q import Bands
from aedsp.model import constant_q
from aedsp.model.front_end import FrontEnd


@pytest.fixture(params=[12, 3])
def bands(request):
    front_end = FrontEnd.of_kind("cqft", bins_per_octave=request.param)
    made = [(band.first, band.analysis, band.synthesis) for band in constant_q.bands(front_end)]
    return Bands(front_end.n_fft_bins, made), front_end


def bench_forward(benchmark, noise, bands):
    benchmark(bands[0].forward, np.abs(noise(bands[1].n_fft_bins)))


def bench_inverse(benchmark, noise, bands):
    benchmark(bands[0].inverse, np.abs(noise(bands[1].n_bins)))
