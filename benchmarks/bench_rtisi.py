import numpy as np

from aedsp import FrontEnd
from aedsp._kernels.rtisi import Refinement


def bench_four_iterations(benchmark, noise):
    front_end = FrontEnd()
    refinement = Refinement(2048, 512, front_end.analysis_window(), front_end.synthesis_window())
    re, im = np.ones(1025, "f4"), np.zeros(1025, "f4")
    benchmark(refinement.run, abs(noise(1025)), re, im, 4)
