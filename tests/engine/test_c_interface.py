"""The C interface: the same bits as `process`, controls, codes and refusals, from C, C++ and Numba."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import aedsp
from models import autoencoder, music

CONTROLS = [
    "GAIN", "SCALE", "MUTED", "SIGN", "OVERRIDE", "TARGET", "OFFSET", "TARGET_AMOUNT", "DETAIL", "MIX", "VOLUME_DB",
    "ORIGINAL", "FROZEN",
]  # fmt: skip


@pytest.fixture(scope="module", params=["cc", "c++"])
def caller(request, tmp_path_factory):
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param}")
    library = tmp_path_factory.mktemp("c") / "caller.so"
    standard = ["-x", "c", "-std=c11"] if request.param == "cc" else ["-x", "c++", "-std=c++17"]
    source = Path(__file__).with_name("c_caller.c")
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", f"-I{aedsp.get_include()}"]
    subprocess.run([request.param, *standard, *flags, source, "-o", library], check=True)
    run = ctypes.CDLL(str(library)).run
    run.restype = ctypes.c_long
    run.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_long] * 2 + [ctypes.c_void_p, ctypes.c_long]
    return run


@pytest.mark.parametrize("rate, channels", [(None, 1), (48_000, 2)])
def test_c_gets_the_bits_of_process(rng, caller, rate, channels):
    model = autoencoder(rng)
    x = np.ascontiguousarray(np.tile(music(rng, 9000)[:, None], (1, channels)))
    engines = [aedsp.Engine(model, rate, channels=channels) for _ in range(2)]
    out, codes = np.empty_like(x), np.zeros((99, channels, 16), np.float32)
    with engines[0].as_c() as lent:
        n = caller(lent.address, x.ctypes.data, out.ctypes.data, len(x), 333, codes.ctypes.data, len(codes))
    assert np.array_equal(out, engines[1].process(x))
    assert n == engines[1].statistics.hops and np.array_equal(codes[n - 1].reshape(-1), engines[1].code.reshape(-1))


def test_the_engine_is_described(rng):
    engine = aedsp.Engine(autoencoder(rng), 44_100, channels=2, block_frames=256)
    with engine.as_c() as lent:
        described = Described.from_address(lent.address)
        assert lent.n_units(lent.address) == 16 and lent.version == 1
    assert (described.sample_rate, described.n_channels, described.block_frames) == (44_100, 2, 256)
    assert described.latency_frames == engine.latency_frames
    assert (described.code_latency_frames, described.hop_frames) == (engine.code_latency_frames, 256)


class Described(ctypes.Structure):
    _fields_ = [
        ("functions", ctypes.c_void_p), ("state", ctypes.c_void_p), ("sample_rate", ctypes.c_double),
        ("n_channels", ctypes.c_int32), ("block_frames", ctypes.c_int32), ("latency_frames", ctypes.c_int64),
        ("code_latency_frames", ctypes.c_double), ("hop_frames", ctypes.c_double),
    ]  # fmt: skip


def test_controls_from_c_are_those_of_python(rng):
    model, x = autoencoder(rng), music(rng, 4000)
    ours, theirs = aedsp.Engine(model), aedsp.Engine(model)
    theirs.schedule(700, gain={3: 0.25}, sign={2: -1}, override={5: 0.5}, detail=0.5, volume_db=-6.0)
    with theirs.controls.together():
        theirs.controls.muted[1], theirs.controls.mix = True, 0.75
    out = np.empty_like(x)
    with ours.as_c() as lent:

        def set_at(frame, name, unit, value):
            assert lent.set_at(lent.address, frame, CONTROLS.index(name), unit, value) == 1

        for name, unit, value in [("GAIN", 3, 0.25), ("SIGN", 2, -1), ("OVERRIDE", 5, 0.5), ("DETAIL", 0, 0.5),
                                  ("VOLUME_DB", 0, -6)]:  # fmt: skip
            set_at(700, name, unit, value)
        set_at(-(2**63), "MUTED", 1, 1)
        set_at(-(2**63), "MIX", 9, 0.75)
        lent.process(lent.address, x.ctypes.data, out.ctypes.data, len(x))
    assert np.array_equal(out, theirs.process(x))
    assert repr(ours.controls.everything()) == repr(theirs.controls.everything())
    assert ours.statistics.late_changes == 0


REFUSED = [
    ("GAIN", -1, 1), ("GAIN", 16, 1), ("GAIN", 0, np.nan), ("GAIN", 0, np.inf), ("SIGN", 0, 0.5), ("MUTED", 0, 2),
    ("DETAIL", 0, 1.5), ("MIX", 0, -0.1), ("VOLUME_DB", 0, 13), ("ORIGINAL", 0, 0.5), ("OVERRIDE", 99, np.nan),
]  # fmt: skip


@pytest.mark.parametrize("name, unit, value", REFUSED)
def test_what_does_not_fit_is_refused(rng, name, unit, value):
    engine = aedsp.Engine(autoencoder(rng))
    before = repr(engine.controls.everything())
    with engine.as_c() as lent:
        assert lent.set_at(lent.address, 0, CONTROLS.index(name), unit, value) == 0
        assert lent.set_at(lent.address, 0, 13, 0, 0) == lent.set_at(lent.address, 0, -1, 0, 0) == 0
        x = np.zeros(500, np.float32)
        lent.process(lent.address, x.ctypes.data, x.ctypes.data, 500)
    assert repr(engine.controls.everything()) == before


def test_a_full_queue_is_refused_and_empties(rng):
    engine, x = aedsp.Engine(autoencoder(rng)), np.zeros(200, np.float32)
    with engine.as_c() as lent:
        sent = [lent.set_at(lent.address, 0, 0, 0, 0.5) for _ in range(16_385)]
        assert sent == [1] * 16_384 + [0]
        lent.process(lent.address, x.ctypes.data, x.ctypes.data, 200)
        assert lent.set_at(lent.address, 0, 0, 0, 0.25) == 1


def test_blocks_of_another_length_are_refused(rng):
    engine, x = aedsp.Engine(autoencoder(rng), block_frames=64), np.ones(100, np.float32)
    with engine.as_c() as lent:
        assert lent.process(lent.address, x.ctypes.data, x.ctypes.data, 100) == 0
        assert lent.process_codes(lent.address, x.ctypes.data, x.ctypes.data, 100, None, 0, 16) == -1
        assert lent.process(lent.address, x.ctypes.data, x.ctypes.data, 64) == 1
    assert x[64:].tolist() == [1] * 36


def test_codes_and_reset(rng):
    model, x = autoencoder(rng), music(rng, 1000)
    engine, twin = aedsp.Engine(model), aedsp.Engine(model)
    twin.process(x)
    code, out = np.empty(20, np.float32), np.empty_like(x)
    with engine.as_c() as lent:
        for _ in range(2):
            lent.process(lent.address, x.ctypes.data, out.ctypes.data, len(x))
            assert lent.code(lent.address, code.ctypes.data, 20) == 16 and np.array_equal(code[:16], twin.code)
            assert lent.frame(lent.address) == 1000
            lent.reset(lent.address)
            assert lent.frame(lent.address) == 0


def test_a_lent_engine_is_not_python_s(rng):
    engine = aedsp.Engine(autoencoder(rng))
    lent = engine.as_c()
    for call in (lambda: engine.process(np.zeros(64)), engine.reset):
        with pytest.raises(RuntimeError, match=r"in use|plays in a stream"):
            call()
    with pytest.raises(RuntimeError, match="in use by a stream or another thread"):
        engine.as_c()
    engine.controls.gain[0] = 0.5
    engine.swap(autoencoder(rng, n_code=4))
    out = np.zeros(200, np.float32)
    lent.process(lent.address, None, out.ctypes.data, 200)
    assert lent.n_units(lent.address) == 4
    lent.close()
    lent.close()
    engine.process(np.zeros(64))


def test_numba_calls_it_in_a_compiled_loop_and_in_a_callback(rng):
    numba = pytest.importorskip("numba")
    model, x = autoencoder(rng), music(rng, 8192)
    expected = aedsp.Engine(model).process(x)
    engine = aedsp.Engine(model)
    with engine.as_c() as lent:
        process, set_at, address = lent.process, lent.set_at, lent.address

        @numba.njit
        def in_blocks(x, out, n):
            for at in range(0, len(x), n):
                process(address, x[at : at + n].ctypes.data, out[at : at + n].ctypes.data, len(x[at : at + n]))
            return set_at(address, 0, 0, 0, 0.5)

        out = np.empty_like(x)
        assert in_blocks(x, out, 100) == 1
        assert np.array_equal(out, expected)

        @numba.cfunc("void(CPointer(float32), CPointer(float32), intp)")
        def callback(samples, result, n):
            block, result = numba.carray(samples, n), numba.carray(result, n)
            process(address, block.ctypes.data, result.ctypes.data, n)

        lent.reset(address)
        engine.controls.gain[0] = 1
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)(callback.address)
        for at in range(0, len(x), 256):
            call(x[at:].ctypes.data, out[at:].ctypes.data, 256)
        assert np.array_equal(out, expected)


def test_codes_keep_the_callers_row_length_after_a_swap(rng):
    engine, x = aedsp.Engine(autoencoder(rng, n_code=4)), music(rng, 500)
    codes = np.full((8, 4), 9, np.float32)
    with engine.as_c() as lent:
        engine.swap(autoencoder(rng, n_code=300))
        n = lent.process_codes(lent.address, x.ctypes.data, x.ctypes.data, 500, codes.ctypes.data, 4, 4)
        assert lent.process_codes(lent.address, x.ctypes.data, x.ctypes.data, 500, codes.ctypes.data, -5, 4) == 0
        assert lent.code(lent.address, codes.ctypes.data, -1) == 300
    assert n == 3 and (codes[3:] == 9).all()


def test_a_dropped_lent_engine_comes_back(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.as_c()
    gc.collect()
    engine.process(np.zeros(64))
