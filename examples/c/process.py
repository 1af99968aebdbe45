"""Build and run process.cpp: a signal through an engine that C++ drives.

python examples/c/process.py      needs a C++ compiler
"""

import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import aedsp

with tempfile.TemporaryDirectory() as folder:
    library = Path(folder) / "process.so"
    source = Path(__file__).with_name("process.cpp")
    command = ["c++", "-O2", "-shared", "-fPIC", f"-I{aedsp.get_include()}", source, "-o", library]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        sys.exit("cannot build: there is no C++ compiler (c++)")
    code = ctypes.CDLL(str(library))

code.run.restype, code.run.argtypes = ctypes.c_long, [ctypes.c_void_p] * 3 + [ctypes.c_long]
x = aedsp.demo_audio()
engine = aedsp.Engine(aedsp.demo_model())
out = np.empty_like(x)
with engine.as_c() as lent:
    code.run(lent.address, x.ctypes.data, out.ctypes.data, len(x))
print(f"unit 0 is {'muted' if engine.controls.muted[0] else 'heard'} at the end")
