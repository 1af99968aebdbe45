"""`pytest --benchmark`: the benchmarks instead of the tests. Plain `pytest` runs none of them."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--benchmark", action="store_true", help="run benchmarks/ instead of tests/, ending in a table of headroom"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--benchmark"):
        if not config.pluginmanager.hasplugin("benchmark"):
            raise pytest.UsageError("benchmarks need pytest-benchmark; pip install 'aedsp[benchmark]'")
        if config.args == config.getini("testpaths"):
            config.args = [str(config.rootpath / "benchmarks")]
        config.option.benchmark_sort = "name"
        config.option.benchmark_columns = ["median", "max", "rounds"]
