"""The structure: imports go downward, heavy packages stay out, hot code has no Python in it, one importer each."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, TRAIN = ROOT / "aedsp", ROOT / "train"

#: From the ground up. A module imports from packages below its own, or from its own; nothing imports in a circle.
PACKAGES = [
    {"errors", "version", "atomic", "toml", "arrays", "unique", "text", "bars"},
    {"_kernels"},
    {"_rt"},
    {"model"},
    {"audio"},
    {"data"},
    {"engine"},
    {"live"},
    {"control"},
    {"cli"},
    {"train"},
    {"play"},
    {"render", "devices", "headroom"},
    {"__init__", "__main__"},
]
#: The same inside train/.
TRAIN_PACKAGES = [{"data"}, {"network"}, {"run"}, {"report"}, {"sweep"}, {"paper"}, {"recipes", "__init__", "__main__"}]
#: Third-party package: the only modules that import it.
ONLY = {
    "h5py": {"model.file", "model.unit_names", "train.data.corpus", "train.data.build", "train.run.checkpoint"},
    "soundfile": {"audio.file"},
    "soxr": {"audio.reader"},
    "sounddevice": {"live.portaudio"},
    "mido": {"control.gesture_file"},
    "rtmidi": {"control.midi_ports"},
    "tomli_w": {"toml"},
    "tomllib": {"toml"},
    "platformdirs": {"play.user_folder"},
    "matplotlib": {"audio.plot"},
    "numba": {"train.network.elementwise_numba", "train.sweep.worker"},
    "scipy": {"train.network.gemm", "train.network.initial"},
    "textual": {"play.screen"},
    "rich": {"play.view", "play.unit_rows", "play.browser", "train.report.progress", "train.sweep.progress"},
    "dask": {"train.sweep.cluster"},
    "distributed": {"train.sweep.cluster", "train.sweep.worker"},
    "threadpoolctl": {"train.sweep.cluster", "train.sweep.worker"},
}


def module_of(path: Path) -> str:
    """`engine.controls`, `_rt.hop`, `train.run.recipe`; the public names are `__init__`."""
    relative = path.relative_to(TRAIN.parent if TRAIN in path.parents else PACKAGE).with_suffix("")
    parts = relative.parts[:-1] if relative.name == "__init__" and len(relative.parts) > 1 else relative.parts
    return ".".join(parts)


def imports(path: Path) -> list[str]:
    """Dotted names that a source file imports, wherever in it, for type checkers too."""
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
    folders = [TRAIN, *(path for path in PACKAGE.iterdir() if path.is_dir() and not path.is_symlink())]
    files = [p for folder in folders for ending in ("py", "pyx", "pxd") for p in folder.rglob(f"*.{ending}")]
    return [*files, *PACKAGE.glob("*.py")]


def graph() -> dict[str, set[str]]:
    """Each module of aedsp and those of aedsp that it imports."""
    modules = {module_of(path) for path in sources()}
    edges: dict[str, set[str]] = {module: set() for module in modules}
    for path in sources():
        for name in imports(path):
            if name.split(".")[0] == "aedsp":
                parts = name.split(".")[1:]
                while parts and ".".join(parts) not in modules:
                    parts.pop()
                edges[module_of(path)].add(".".join(parts) or "__init__")
        edges[module_of(path)].discard(module_of(path))
    return edges


def level(module: str, packages: list[set[str]]) -> int:
    return next(i for i, names in enumerate(packages) if module.split(".")[0] in names)


def test_packages_import_from_packages_below_them():
    for module, others in graph().items():
        for other in others:
            assert level(module, PACKAGES) >= level(other, PACKAGES), f"{module} imports {other}: that is upward"
            if module.startswith("train.") and other.startswith("train."):
                inner, below = (name.removeprefix("train.") for name in (module, other))
                assert level(inner, TRAIN_PACKAGES) >= level(below, TRAIN_PACKAGES), f"{module} imports {other}"


def test_no_module_imports_itself_by_way_of_others():
    order = graphlib.TopologicalSorter(graph())
    try:
        order.prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"these import each other in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_some_packages_have_one_importer():
    for path in sources():
        for name in imports(path):
            allowed = ONLY.get(name.split(".")[0])
            assert allowed is None or module_of(path) in allowed, f"{module_of(path)} imports {name}, not {allowed}"


def test_the_table_of_modules_is_made_from_their_docstrings():
    sys.path.insert(0, str(ROOT / "scripts"))
    import module_table

    text = module_table.DOCUMENT.read_text(encoding="utf-8")
    assert module_table.with_table(text) == text, "python scripts/module_table.py --write"
    assert not [path for name in module_table.PACKAGES for path in module_table.modules(ROOT / name)
                if not module_table.first_line(path)]  # fmt: skip


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
    assert names or path.stem in ("_cpu", "handle")


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
