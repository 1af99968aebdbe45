"""The examples run, as they stand in the repository, without a device; e2e/test_examples_live.py has one."""

from __future__ import annotations

import shutil

import pytest

from examples_of import EXAMPLES, run_example

#: Arguments, and what must be in the output: one of these.
RUNS = {
    "render_a_file.py": ([], ["rendered.wav: 15.0 s through"]),
    "in_a_callback.py": (["--offline"], ["latency"]),
    "live.py": ([], ["latency", "cannot play: "]),
    "model_from_numpy.py": ([], ["bands.h5: sixteen bands, 16 units"]),
    "codes.py": ([], ["hop 5 belongs to input frame -164.7"]),
    "automation.py": ([], ["0 changes came late"]),
    "own_sound.py": (["1"], ["0 underruns", "cannot play: "]),
    "numba_loop.py": ([], ["frames in a compiled loop", "numba is not installed"]),
    "pedalboard_chain.py": ([], ["of 2 channels, 512 frames late", "pedalboard is not installed"]),
    "c/process.py": ([], ["unit 0 is muted at the end"]),
    "c/jack_client.py": (["44100", "1"], ["blocks, latency", "cannot play: no JACK server", "cannot build: "]),
}


def test_every_example_is_run():
    assert {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_example_runs(name, tmp_path):
    if name.startswith("c/") and not (shutil.which("cc") and shutil.which("c++")):
        pytest.skip("there is no C compiler")
    arguments, said = RUNS[name]
    output = run_example(name, *arguments, cwd=tmp_path)
    assert any(text in output for text in said), output
