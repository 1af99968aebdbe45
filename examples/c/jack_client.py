"""Build and run jack_client.c: Python makes the engine and lends it; the audio thread never sees Python.

python examples/c/jack_client.py [SAMPLE_RATE [SECONDS]]      needs a C compiler, the JACK headers and a JACK server
"""

import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path

import aedsp

SAMPLE_RATE = float(sys.argv[1]) if len(sys.argv) > 1 else 44_100.0
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0

with tempfile.TemporaryDirectory() as folder:
    library = Path(folder) / "jack_client.so"
    source = Path(__file__).with_name("jack_client.c")
    command = ["cc", "-O2", "-shared", "-fPIC", f"-I{aedsp.get_include()}", source, "-ljack", "-o", library]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("cannot build: there is no C compiler (cc)")
    except subprocess.CalledProcessError as error:
        sys.exit(f"cannot build: {error.stderr.splitlines()[0]}")
    client = ctypes.CDLL(str(library))

client.play.restype, client.play.argtypes = ctypes.c_long, [ctypes.c_void_p, ctypes.c_double]
engine = aedsp.Engine(aedsp.demo_model(), SAMPLE_RATE, channels=2)
with engine.as_c() as lent:
    blocks = client.play(lent.address, SECONDS)
if blocks >= 0:
    print(f"{blocks} blocks, latency {1000 * engine.latency_s:.1f} ms, gain of unit 0 {engine.controls.gain[0]:.2f}")
