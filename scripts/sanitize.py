"""Builds the compiled modules with sanitizers and runs them: `make sanitize`.

    python scripts/sanitize.py address     # AddressSanitizer and UBSan: kernel, real-time, engine and model-file tests
    python scripts/sanitize.py thread      # ThreadSanitizer: four threads on one engine, and a live stream

Fails on every report that names code of the package. Reports about other libraries are left out by
`scripts/sanitizer_suppressions.txt`, with the reason of each.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUPPRESSIONS = Path(__file__).with_name("sanitizer_suppressions.txt")
KINDS = {"address": ("address,undefined", "libasan.so"), "thread": ("thread", "libtsan.so")}
TESTS = {
    "address": [
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "tests/kernels", "tests/rt",
        "tests/engine/test_engine.py", "tests/engine/test_controls.py", "tests/engine/test_no_input.py",
        "tests/engine/test_swap.py", "tests/engine/test_phase_synthesis.py", "tests/model/test_model_file_fuzz.py",
    ],
    "thread": ["tests/threads_run.py"],
}  # fmt: skip
OWN = re.compile(r"aedsp/_(?:kernels|rt)/")


def build(kind: str) -> Path:
    """The package with sanitized modules; returns the folder to import it from."""
    target = ROOT / "build" / f"sanitize-{kind}"
    environment = {**os.environ, "AEDSP_SANITIZE": KINDS[kind][0]}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", target, "--build-temp", target / "objects"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "aedsp", target / "aedsp", ignore=ignore, dirs_exist_ok=True)
    return target


def library(name: str) -> str:
    found = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return os.path.realpath(found.stdout.strip())


def reports(folder: Path) -> list[str]:
    """The reports in the sanitizers' logs, each as one text."""
    found = []
    for log in sorted(folder.glob("log.*")):
        found += re.split(r"={18,}\n|(?=^\S+:\d+:\d+: runtime error)", log.read_text(errors="replace"), flags=re.M)
    return [report for report in found if report.strip()]


def main(kind: str) -> int:
    target = build(kind)
    logs = target / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    common = f"log_path={logs}/log:exitcode=0"
    environment = {
        **os.environ,
        "LD_PRELOAD": library(KINDS[kind][1]),
        "PYTHONPATH": f"{target}{os.pathsep}{ROOT / 'tests'}",
        "PYTHONMALLOC": "malloc",
        "OPENBLAS_NUM_THREADS": "1",
        "ASAN_OPTIONS": f"{common}:detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=8",
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{common}:suppressions={SUPPRESSIONS}:ignore_noninstrumented_modules=0:history_size=4",
    }
    if kind == "thread":  # the control: a race that must be seen
        subprocess.run([sys.executable, *TESTS[kind], "race"], cwd=ROOT, env=environment, check=True)
        if not any(OWN.search(report) for report in reports(logs)):
            print("the sanitizer does not see a known race; its result would mean nothing")
            return 1
        shutil.rmtree(logs)
        logs.mkdir()
    run = subprocess.run([sys.executable, *TESTS[kind]], cwd=ROOT, env=environment)
    found = reports(logs)
    own = [report for report in found if OWN.search(report)]
    print(f"{kind}: {len(found)} reports, {len(own)} of them name code of aedsp; exit status {run.returncode}")
    print("\n".join(own[:5]))
    return 1 if own or run.returncode else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: sanitize.py {{{','.join(KINDS)}}}")
    sys.exit(main(sys.argv[1]))
