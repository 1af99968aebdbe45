"""Run `python -m aedsp.train` in this process or another, with a small geometry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aedsp import cli
from aedsp.train.__main__ import command

#: Unless a call names another; the command's own default is for full-band music.
RECIPE = ["--recipe", "reconstruction"]
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
    """Run the command in this process; return the exit status."""
    with pytest.raises(SystemExit) as stopped:
        cli.run(command, [str(argument) for argument in (*RECIPE, *arguments)], name="python -m aedsp.train")
    return int(stopped.value.code or 0)


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a separate process, in the folder of its output."""
    return subprocess.Popen(
        [sys.executable, "-m", "aedsp.train", *map(str, (*RECIPE, *arguments))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=Path(arguments[arguments.index("-o") + 1]).parent,
    )
