"""Builds the compiled extensions: their table and compiler flags. Everything else is in pyproject.toml."""

import os
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = [
    "fft", "window", "stft", "preprocess", "dense", "phase", "heap", "pghi", "rtisi", "overlap_add", "resample",
    "limiter", "constant_q", "time_stretch", "blend", "volume",
]  # fmt: skip
REAL_TIME = [
    "control", "ring", "schedule", "recent", "loaded", "drive", "phase_synthesis", "hop", "engine", "handle", "feed",
    "outlets", "player", "callback", "c_interface",
]  # fmt: skip

#: AEDSP_CHECKED=1 builds the same source with all bounds checks; the tests must pass in that build too.
CHECKED = bool(int(os.environ.get("AEDSP_CHECKED", "0")))
#: AEDSP_SANITIZE=address,undefined or =thread builds it for `scripts/sanitize.py`.
SANITIZE = os.environ.get("AEDSP_SANITIZE", "")
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "wraparound": False,
    "cdivision": not CHECKED,
    "initializedcheck": CHECKED,
    "embedsignature": True,
}
if sys.platform == "win32":
    FLAGS = ["/O2", "/std:c11"]
else:
    FLAGS = [
        "-O3",
        "-std=gnu11",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-ffp-contract=off",  # the kernels fuse explicitly: `multiply_add` in _kernels/simd/lanes.h
        "-fvisibility=hidden",
        "-g0",
    ]
if SANITIZE:
    FLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-fno-sanitize=float-divide-by-zero", "-O1", "-g"]
LINK = [f"-fsanitize={SANITIZE}"] if SANITIZE else []

HEADERS = sorted(glob("aedsp/_kernels/**/*.h", recursive=True) + glob("aedsp/_rt/*.h") + glob("aedsp/include/*.h"))
SIMD = sorted(glob("aedsp/_kernels/simd/*.c"))


def extension(name: str, *sources: str) -> Extension:
    path = name.replace(".", "/") + ".pyx"
    return Extension(
        name, [path, *sources], include_dirs=["aedsp/_kernels", "aedsp/_rt", "aedsp/include"], depends=HEADERS,
        extra_compile_args=FLAGS, extra_link_args=LINK,
    )  # fmt: skip


extensions = [
    extension("aedsp._kernels._cpu", *SIMD),
    *(extension(f"aedsp._kernels.{name}") for name in KERNELS),
    *(extension(f"aedsp._rt.{name}") for name in REAL_TIME),
]

TRANSLATED = "build/checked" if CHECKED else "build/cython"

setup(
    ext_modules=cythonize(extensions, build_dir=TRANSLATED, compiler_directives=DIRECTIVES),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
