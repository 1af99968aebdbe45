"""The house holds: imports go downward, heavy packages stay out, hot code has no Python in it, one importer each."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, TRAIN = ROOT / "aedsp", ROOT / "train"

#: From the ground up; a module imports from its own level or from below. Names are those of DESIGN's rooms.
LEVELS = [
    {"errors", "whole_file"},
    {"front_end"},
    {"preprocess", "constant_q"},
    {"model"},
    {"_kernels"},
    {"model_format", "model_file", "_rt"},
    {"controls", "machine", "compiled", "analysis", "timing", "phases", "drives", "stretching"},
    {"audio_file", "data", "portaudio"},
    {"precision"},
    {"engine"},
    {"offline", "sources", "recorder", "plot"},
    {"stream_report"},
    {"stream"},
    {"gestures"},
    {"replay"},
    {"midi"},
    {"automation"},
    {"command_line"},
    {"render", "devices", "headroom"},
    {"play"},
    {"train"},
    {"__init__", "__main__"},
]
LEVEL = {room: i for i, rooms in enumerate(LEVELS) for room in rooms}
#: Rooms that lie below others in LEVELS and still know nothing of them.
FORBIDDEN = {("_kernels", room) for room in ("errors", "front_end", "preprocess", "model")} | {("_rt", "model")}
#: package: the only rooms that import it
ONLY = {
    "h5py": {"model_file", "train"},
    "soundfile": {"audio_file", "train"},
    "sounddevice": {"portaudio"},
    "mido": {"gestures"},
    "rtmidi": {"midi"},
    "tomli_w": {"midi", "play"},
    "platformdirs": {"play"},
    "matplotlib": {"plot"},
    "numba": {"train"},
    "typer": {"command_line", "render", "play", "devices", "headroom", "train"},
    "textual": {"play"},
    "dask": {"train"},
    "distributed": {"train"},
}
#: The same inside train/, by module.
ONLY_IN_TRAIN = {"dask": {"cluster"}, "distributed": {"cluster", "worker"}, "threadpoolctl": {"cluster", "worker"}}


def room_of(path: Path) -> str:
    if TRAIN in path.parents:
        return "train"
    return path.relative_to(PACKAGE).parts[0].split(".")[0]


def imports(path: Path) -> list[str]:
    """Dotted names that a source file imports, wherever in it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".pyx", ".pxd"):
        found = re.findall(r"^\s*(?:from ([\w.]+) c?import (\w+)|c?import ([\w.]+))", text, re.M)
        return [f"{module}.{name}" if module else plain for module, name, plain in found]
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the import in full"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def sources() -> list[Path]:
    files = [p for folder in (PACKAGE, TRAIN) for ending in ("py", "pyx", "pxd") for p in folder.rglob(f"*.{ending}")]
    return [p for p in files if p.name != "__init__.py" or p.parent not in (PACKAGE,)]


def test_imports_go_downward():
    for path in sources():
        room = room_of(path)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "aedsp" and len(parts) > 1:
                other = parts[1]
                if other not in LEVEL:
                    other = "__init__"  # a public name
                allowed = LEVEL[other] <= LEVEL[room] and (room, other) not in FORBIDDEN
                lazily = (room, other) in {("model", "model_file"), ("offline", "audio_file")}
                public = other == "__init__" and room == "train"
                assert allowed or lazily or public, f"{path.relative_to(ROOT)} imports {name}: that is upward"
            elif parts[0] in ONLY:
                assert room in ONLY[parts[0]], f"{path.relative_to(ROOT)} imports {name}; only {ONLY[parts[0]]} may"


def test_inside_the_trainer_too_some_packages_have_one_importer():
    for path in TRAIN.rglob("*.py"):
        for name in imports(path):
            allowed = ONLY_IN_TRAIN.get(name.split(".")[0])
            assert allowed is None or path.relative_to(TRAIN).with_suffix("").as_posix() in allowed, (
                f"{path.relative_to(ROOT)} imports {name}; only {allowed}"
            )


def test_examples_use_public_names_only():
    for path in (ROOT / "examples").glob("*.py"):
        for name in imports(path):
            if name.startswith("aedsp."):
                assert name in ("aedsp.errors",), f"{path.name} imports {name}; examples use `import aedsp`"


HEAVY = [
    "numba",
    "scipy",
    "matplotlib",
    "sounddevice",
    "mido",
    "textual",
    "dask",
    "distributed",
    "typer",
    "rich",
    "h5py",
    "soundfile",
    "torch",
]


def test_import_aedsp_is_light():
    code = f"import sys, aedsp; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


FORBIDDEN_TOKENS = re.compile(
    r"PyGILState_Ensure|ErrOccurredWithGIL|PyErr_|XCLEAR_MEMVIEW|\bmalloc\(|\bfree\(|printf|Py_INCREF|Py_DECREF|__Pyx_Raise"
)


def hot_functions(path: Path) -> list[str]:
    """Names of the `cdef ... noexcept nogil` functions that run in the hop: all but those that make or free."""
    names = re.findall(r"^cdef (?:inline )?[\w *]+?\b(\w+)\([^)]*\) noexcept nogil:", path.read_text(), re.M)
    return [n for n in names if not re.search(r"_new$|_free$|^_set_|^_lanes$", n)]


COMPILED = sorted(PACKAGE.rglob("*.pyx"))


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The C of every compiled file, by its path, translated on all cores."""
    pytest.importorskip("Cython", reason="the generated C is read from a fresh translation")
    options = ["-X", "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False", "-3"]
    folder = tmp_path_factory.mktemp("c")

    def translated(path):
        target = folder / f"{path.parent.name}.{path.stem}.c"
        command = [sys.executable, "-m", "cython", *options, path, "-o", target]
        subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
        return path, target.read_text()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(translated, COMPILED))


@pytest.mark.parametrize("path", COMPILED, ids=lambda p: p.stem)
def test_hot_functions_have_no_python_in_their_c(path, generated):
    c = generated[path]
    names = hot_functions(path)
    for name in names:
        body = re.search(rf"^static [^;\n]*?_{name}\([^;]*?\) {{\n.*?^}}\n", c, re.M | re.S)
        assert body, f"{path.name}: {name} is not in the generated C"
        assert not FORBIDDEN_TOKENS.search(body.group()), (
            f"{path.name}: {name}: {FORBIDDEN_TOKENS.search(body.group())}"
        )
    assert names or path.stem in ("_cpu", "core")


def test_the_token_test_would_see_an_exception_check(tmp_path):
    """The negative control: a nogil function without noexcept does have such a token."""
    pytest.importorskip("Cython")
    source = tmp_path / "bad.pyx"
    source.write_text(
        "cdef void work(float *x) nogil:\n    x[0] = 1\ncdef void hot(float *x) noexcept nogil:\n    work(x)\n"
    )
    subprocess.run([sys.executable, "-m", "cython", "-3", source], check=True, capture_output=True)
    body = re.search(r"^static void __pyx_f_3bad_hot\(.*?^}\n", source.with_suffix(".c").read_text(), re.M | re.S)
    assert body and FORBIDDEN_TOKENS.search(body.group())


def test_every_kernel_has_its_four_places():
    for path in (PACKAGE / "_kernels").glob("[a-z]*.pyx"):
        for place in (
            f"tests/reference/{path.stem}.py",
            f"tests/kernels/test_{path.stem}.py",
            f"benchmarks/bench_{path.stem}.py",
        ):
            assert (ROOT / place).exists(), f"{path.name} has no {place}"


def test_no_file_outgrows_its_idea():
    for folder in (PACKAGE, TRAIN, ROOT / "benchmarks"):
        for ending in ("py", "pyx", "pxd", "h", "c"):
            for path in folder.rglob(f"*.{ending}"):
                n = len(path.read_text(encoding="utf-8").splitlines())
                assert n <= 420, f"{path.relative_to(ROOT)} has {n} lines"


def test_no_cupboard_for_everything():
    for folder in (PACKAGE, TRAIN):
        assert not [p for p in folder.rglob("*") if p.stem in ("utils", "util", "helpers", "common", "misc")]
