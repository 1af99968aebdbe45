"""`python -m aedsp.train` called in this process, and a small geometry for it."""

from __future__ import annotations

import pytest

from aedsp import cli
from aedsp.train.__main__ import command

GEOMETRY = [
    "--sample-rate",
    "8000",
    "--fft-length",
    "256",
    "--window-length",
    "256",
    "--hop-length",
    "128",
    "--hidden",
    "8",
]


def call(*arguments: object) -> int:
    """Exit status of the command, in this process."""
    with pytest.raises(SystemExit) as stopped:
        cli.run(command, [str(argument) for argument in arguments], name="python -m aedsp.train")
    return int(stopped.value.code or 0)
