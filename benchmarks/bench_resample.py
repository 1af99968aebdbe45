import pytest

from aedsp._kernels.resample import Filter


@pytest.mark.parametrize("rates", [(48_000, 22_050), (22_050, 48_000), (44_100, 22_050), (22_050, 44_100)])
def bench_one_second(benchmark, noise, rates):
    benchmark(Filter(*rates).resample, noise(rates[0]))


@pytest.mark.parametrize("rates", [(48_000, 22_050)])
def bench_soxr_one_second(benchmark, noise, rates):
    soxr = pytest.importorskip("soxr")
    benchmark(soxr.resample, noise(rates[0]), *rates)
