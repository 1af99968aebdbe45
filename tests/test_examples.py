"""The examples run, as they stand in the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
RUNS = {
    "render_a_file.py": ([], "rendered.wav: 15.0 s through"),
    "in_a_callback.py": (["--offline"], "latency"),
    "live.py": ([], ""),  # where there is a device it plays for ten seconds, else it says why not
    "model_from_numpy.py": ([], "bands.h5: sixteen bands, 16 units"),
}


@pytest.mark.parametrize("name", [path.name for path in EXAMPLES.glob("*.py")])
def test_example_runs(name, tmp_path):
    arguments, said = RUNS[name]
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert said in result.stdout
