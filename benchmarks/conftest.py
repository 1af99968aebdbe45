"""Shared benchmark fixtures and the final table of CPU headroom. Run with `pytest --benchmark`."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from results import keep

#: (units, hop, load) -> Headroom; peer name -> why it is missing
_HEADROOM = pytest.StashKey[dict]()
_ABSENT = pytest.StashKey[dict]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_HEADROOM], config.stash[_ABSENT] = {}, {}


def pytest_report_header() -> str:
    cpu = aedsp.cpu()
    return f"aedsp {aedsp.__version__}: instruction set {cpu.isa} of {', '.join(cpu.supported)}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def noise(rng):
    """noise(n, ...): float32 in [-1, 1)."""
    return lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture
def headroom_rows(request):
    """Rows of the final table, filled by the benchmarks."""
    return request.config.stash[_HEADROOM]


@pytest.fixture
def absent(request):
    """absent(name, reason): skip the benchmark of a missing peer and list it at the end."""

    def note(name: str, reason: object) -> None:
        request.config.stash[_ABSENT][name] = str(reason)
        pytest.skip(f"{name}: {reason}")

    return note


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    rows, absent, write = config.stash[_HEADROOM], config.stash[_ABSENT], terminalreporter.write_line
    if rows:
        terminalreporter.section("headroom: FFT 2048 at 48 kHz, one channel, weights as float16; times in µs")
        heads = ("units", "hop", "beside it", "deadline", "median", "p99", "p99.9", "worst", "headroom", "voices")
        write("".join(f"{head:>10}" for head in heads))
        for (units, hop, load), found in sorted(rows.items()):
            times = (found.deadline_us, found.median_us, found.p99_us, found.p999_us, found.worst_us)
            cells = "".join(f"{value:10.1f}" for value in (*times, found.headroom))
            write(f"{units:>10}{hop:>10}{load:>10}{cells}{found.voices:>10}")
        write("headroom: deadline / p99.9; voices: how many fit into 70 % of a core")
        kept = [{"units": u, "hop": h, "load": load, **vars(found)} for (u, h, load), found in sorted(rows.items())]
        write(f"kept in {keep('headroom', {'rows': kept})}")
    for name, reason in absent.items():
        write(f"skipped {name}: {reason}")
