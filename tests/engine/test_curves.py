"""Automation curves: arrays, breakpoints, functions and files, against changes by hand and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import aedsp
from aedsp.audio.file import written
from models import autoencoder, front_end, in_blocks, level_db, music


def by_hand(model, x, gains, **options):
    """Each hop with its row of gains, in blocks of one hop; latency removed."""
    engine, hop = aedsp.Engine(model, **options), model.front_end.hop_length
    latency = engine.latency_frames
    padded = np.concatenate([x, np.zeros(latency + hop, np.float32)])
    out = []
    for m, at in enumerate(range(0, len(padded) - hop + 1, hop)):
        engine.controls.gain[:] = gains[min(m, len(gains) - 1)]
        out.append(engine.process(padded[at : at + hop]))
    return np.concatenate(out)[latency : latency + len(x)]


@pytest.mark.parametrize("n_rows", [1, 5, 200])
def test_rows_act_on_their_hops(rng, n_rows):
    model, x = autoencoder(rng), music(rng, 9001)
    gains = rng.random((n_rows, 16), np.float32)
    assert np.array_equal(aedsp.resynthesize(model, x, automation=gains), by_hand(model, x, gains))


def test_rows_are_those_of_the_spectra(rng):
    """Muting row m of the gains is muting row m of the codes."""
    model, x = autoencoder(rng), music(rng, 5000)
    codes, _ = aedsp.encode_file(model, x)
    gains = rng.random(codes.shape, np.float32)
    expected = aedsp.decode_codes(model, codes * gains, source=x)
    found = aedsp.resynthesize(model, x, automation=gains, precision="float32")
    assert level_db(found - expected) - level_db(expected) < -90


@pytest.mark.parametrize("rate", [None, 44_100.0, 48_000.0])
@pytest.mark.parametrize("hop_length", [64, 100])
def test_arrays_breakpoints_functions_and_files_agree(rng, tmp_path, rate, hop_length):
    model = autoencoder(rng, front_end(hop_length=hop_length))
    x = music(rng, 20_000, rate or 22_050)
    engine = aedsp.Engine(model, rate)
    n = int(len(x) / engine.sample_rate * 22_050 / hop_length) + 99
    times = np.array([engine.code_frame(h) for h in range(n)]) / engine.sample_rate
    gain = np.interp(times, [0.05, 0.25, 0.25, 0.4], [1, 0, 0.8, 0.2]).astype(np.float32)
    detail = np.interp(times, [0, 0.3], [1, 0]).astype(np.float32)
    gains = np.ones((n, 16), np.float32)
    gains[:, 3] = gain
    (tmp_path / "c.toml").write_text("""
        [[curve]]
        control = "gain"
        unit = 3
        points = [[0.05, 1], [0.25, 0.0], [0.25, 0.8], [0.4, 0.2]]
        [[curve]]
        control = "detail"
        points = [[0, 1], [0.3, 0]]
    """)
    (tmp_path / "c.csv").write_text("time,gain[3],detail\n0,,1\n0.05,1,\n0.25,0,\n0.25,0.8,\n0.3,,0\n0.4,0.2,\n")
    row = {float(t): i for i, t in enumerate(times)}
    forms = [
        {"gain": gains, "detail": detail},
        {"gain": {3: [(0.05, 1), (0.25, 0), (0.25, 0.8), (0.4, 0.2)]}, "detail": [(0, 1), (0.3, 0)]},
        lambda t: {"gain": {3: gain[row.get(t, 0)]}, "detail": detail[row.get(t, 0)]},  # 0: hops before the signal
        tmp_path / "c.toml",
        str(tmp_path / "c.csv"),
    ]
    found = [aedsp.resynthesize(model, x, rate, automation=form) for form in forms]
    assert all(np.array_equal(one, found[0]) for one in found)
    assert not np.allclose(found[0], aedsp.resynthesize(model, x, rate))


def test_a_function_may_return_gains(rng):
    model, x = autoencoder(rng), music(rng, 5000)
    seen = []

    def gains(t):
        seen.append(t)
        return np.full(16, 0.5)

    found = aedsp.resynthesize(model, x, automation=gains)
    assert np.array_equal(found, aedsp.resynthesize(model, x, gain=0.5)) and seen[0] == 0 and np.all(np.diff(seen) >= 0)


def test_what_is_heard_at_a_time_is_what_the_curve_says(rng):
    """A noise that is switched off at 0.5 s fades around 0.5 s, at any rate."""
    model = autoencoder(rng, front_end(hop_length=32))
    for rate in (22_050.0, 48_000.0):
        x = np.float32(0.1 * rng.standard_normal(int(rate)))
        off = {"gain": {u: [(0, 1), (0.5, 1), (0.5, 0)] for u in range(16)}}
        y, whole = (aedsp.resynthesize(model, x, rate, automation=a) for a in (off, None))
        left = np.abs(y).reshape(-1, 50).sum(1) / np.abs(whole).reshape(-1, 50).sum(1)
        assert abs(np.argmax(left < 0.5) * 50 / rate - 0.5) < 0.006


def test_steps(rng):
    model, x = autoencoder(rng), music(rng, 6000)
    n = 60
    curves = {"monitor": [(0, "original"), (0.1, "resynthesized")], "muted": {2: [(0, False), (0.15, True)]}}
    times = aedsp.encode_file(model, x).times
    late = (times[-1] + np.arange(1, n)) if len(times) < n else []
    times = np.concatenate([times, late])
    rows = {"monitor": np.where(times < 0.1, "original", "resynthesized"), "muted": np.zeros((len(times), 16))}
    rows["muted"][times >= 0.15, 2] = 1
    assert np.array_equal(*(aedsp.resynthesize(model, x, automation=a) for a in (curves, rows)))


def test_many_units_go_through_the_bounded_schedule(rng):
    model = autoencoder(rng, front_end(hop_length=16), n_code=700)
    gains = rng.random((400, 700), np.float32)
    x = music(rng, 6000)
    assert np.array_equal(aedsp.resynthesize(model, x, automation=gains), by_hand(model, x, gains))


def test_progress_counts_the_frames(rng):
    seen = []
    aedsp.resynthesize(autoencoder(rng), music(rng, 40_000), progress=lambda *now: seen.append(now))
    assert seen[-1] == (40_000, 40_000) and len(seen) > 2 and seen == sorted(seen)


WRONG = [
    (np.ones((9, 15)), ValueError, r"automation: gain has shape \(9, 15\); expected \(n_hops, 16\)"),
    (3, TypeError, r"automation is int of shape \(\); expected gains \(n_hops, 16\), a mapping"),
    ({"gian": 1}, ValueError, "automation: control is 'gian'; expected one of"),
    ({"gain": [(0, 1)] * 2 + [(0, 2)]}, ValueError, r"gain has shape \(3, 2\); expected \(n_hops, 16\)"),
    ({"gain": 1.0}, ValueError, r"gain is a control of units; give \{unit: breakpoints"),
    ({"detail": {3: [(0, 1)]}}, ValueError, "detail is a control of all; give breakpoints"),
    ({"detail": [(1, 0), (0, 1)]}, ValueError, "detail needs breakpoints .*, times in s, not falling"),
    ({"detail": []}, ValueError, "detail has shape|detail needs breakpoints"),
    ({"gain": {3: [(0, 1, 2)]}}, ValueError, "gain needs breakpoints"),
    ({"gain": {99: [(0, 1)]}}, IndexError, "there is no unit 99"),
    ({"mix": [(0, 1), (1, 2)]}, ValueError, "controls.mix: value is 2"),
    (lambda t: {"mix": 7}, ValueError, "controls.mix: value is 7"),
]


@pytest.mark.parametrize("automation, error, message", WRONG, ids=[w[2][:30] for w in WRONG])
def test_wrong_automations(rng, automation, error, message):
    with pytest.raises(error, match=message):
        aedsp.resynthesize(autoencoder(rng), music(rng, 1000), automation=automation)


FILES = [
    ("c.txt", "", "extension is '.txt'; expected .toml or .csv"),
    ("c.toml", "a = ", "not valid TOML"),
    ("c.toml", "", r"holds no curve; expected \[\[curve\]\] tables"),
    ("c.toml", "[curve]\ncontrol = 'gain'", r"curve is one table; expected \[\[curve\]\]"),
    ("c.toml", "[[curve]]\ncontrol = 'gain'", "curve 1 needs control and points"),
    (
        "c.toml",
        "[[curve]]\ncontrol = 'gain'\npoints = []\nunti = 3",
        "curve 1: 'unti' is unknown; expected control",
    ),
    ("c.toml", "[[curve]]\ncontrol = 'gain'\npoints = [[0, 1]]", "gain: automation: gain is a control of units"),
    (
        "c.toml",
        "[[curve]]\ncontrol = 'gain'\nunits = [1, 99]\npoints = [[0, 1]]",
        r"gain\[99\]: controls.gain: there is",
    ),
    (
        "c.toml",
        "[[curve]]\ncontrol = 'gain'\nunit = 'x'\npoints = [[0, 1]]",
        r"curve 1: units is \['x'\]; expected unit",
    ),
    ("c.csv", "", "line 1: begins with ''; expected time,gain"),
    ("c.csv", "time,gain(3)\n0,1", r"line 1: 'gain\(3\)' is no control; expected e.g. gain\[3\]"),
    ("c.csv", "time,detail\n0,1\n1,x", "line 3: 'x' is no number"),
    ("c.csv", "time,detail\n,1", "line 2: the time is no number"),
    ("c.csv", "time,detail\n0,1,2", "line 2: has 3 cells; the header has 2"),
    ("c.csv", "time,gian[3]\n0,1", r"gian\[3\]: there is no control 'gian'|gian"),
]


@pytest.mark.parametrize("name, text, message", FILES, ids=[f[2][:30] for f in FILES])
def test_wrong_files_are_refused_by_name(rng, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(aedsp.errors.AutomationError, match=rf"{name}[:,].*({message})"):
        aedsp.resynthesize(autoencoder(rng), music(rng, 1000), automation=tmp_path / name)


def test_process_file_is_process_without_its_latency(rng, tmp_path):
    model = autoencoder(rng)
    x = np.stack([music(rng, 70_000), music(rng, 70_000)[::-1]], 1)
    with written(tmp_path / "x.wav", 22_050, 2) as out:
        out.write(x)
    engine = aedsp.Engine(model, channels=2)
    engine.controls.gain[4] = 0.3
    engine.process(x[:777])  # whatever it did before
    seen = []
    curves = {"detail": [(0, 0), (2, 1)]}
    n = engine.process_file(
        tmp_path / "x.wav", tmp_path / "y.wav", automation=curves, progress=lambda *now: seen.append(now)
    )
    expected = aedsp.resynthesize(model, tmp_path / "x.wav", gain={4: 0.3}, automation=curves)
    found, rate = read(tmp_path / "y.wav")
    assert n == len(x) == len(found) and rate == 22_050 and seen[-1] == (len(x), len(x))
    assert np.abs(found - expected).max() < 2**-15
    assert engine.controls.detail == 1  # where the curve ended


def read(path):
    soundfile = pytest.importorskip("soundfile")
    return soundfile.read(path, dtype="float32", always_2d=True)


def test_process_file_converts_rate_and_channels(rng, tmp_path):
    with written(tmp_path / "x.wav", 44_100, 2) as out:
        out.write(np.stack([music(rng, 44_100, 44_100)] * 2, 1))
    engine = aedsp.Engine(autoencoder(rng))
    n = engine.process_file(tmp_path / "x.wav", tmp_path / "y.flac")
    found, rate = read(tmp_path / "y.flac")
    assert n == len(found) == 22_050 and rate == 22_050 and found.shape[1] == 1 and level_db(found) > -60


def test_process_file_leaves_no_half_file(rng, tmp_path):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(OSError, match=r"none\.wav"):
        engine.process_file(tmp_path / "none.wav", tmp_path / "y.wav")
    with written(tmp_path / "x.wav", 22_050, 1) as out:
        out.write(music(rng, 50_000)[:, None])
    with pytest.raises(ValueError, match=r"x\.wav is the input file; choose another name"):
        engine.process_file(tmp_path / "x.wav", tmp_path / "x.wav")
    with pytest.raises(KeyboardInterrupt):
        engine.process_file(tmp_path / "x.wav", tmp_path / "y.wav", progress=interrupt)
    with pytest.raises(ValueError, match="needs an engine for blocks of any length; this one has block_frames=64"):
        aedsp.Engine(engine.model, block_frames=64).process_file(tmp_path / "x.wav", tmp_path / "y.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


def interrupt(done, total):
    raise KeyboardInterrupt


def test_curves_in_the_scheduled_engine_are_the_same_for_any_partition(rng):
    """Automation is scheduling: the same bits as one call with everything scheduled before."""
    model, x = autoencoder(rng), music(rng, 4096)
    gains = rng.random((40, 16), np.float32)
    engine = aedsp.Engine(model)
    for h, row in enumerate(gains):
        engine.schedule(engine.hop_frame(h), gain=row)
    padded = np.concatenate([x, np.zeros(engine.latency_frames, np.float32)])
    found = in_blocks(engine, padded, itertools.cycle([1000, 3]))[engine.latency_frames :]
    assert np.array_equal(found, aedsp.resynthesize(model, x, automation=gains))


def test_nothing_of_an_automation_is_left_in_the_engine(rng, tmp_path):
    """Changes of hops that the tail did not reach do not overwrite what is set by hand afterwards."""
    with written(tmp_path / "x.wav", 22_050, 1) as out:
        out.write(music(rng, 30_000)[:, None])
    engine = aedsp.Engine(autoencoder(rng))
    engine.process_file(tmp_path / "x.wav", tmp_path / "y.wav", automation=lambda t: {"gain": 1 + t})
    engine.controls.gain[:] = 0.25
    engine.process(music(rng, 3000))
    assert engine.controls.gain[:].tolist() == [0.25] * 16
    before = engine.frame
    with pytest.raises(OSError, match="none"):
        engine.process_file(tmp_path / "none.wav", tmp_path / "y.wav")
    assert engine.frame == before


@pytest.mark.parametrize("n_code, rate", [(512, None), (3500, None), (3500, 48_000)])
def test_several_controls_of_many_units_fit(rng, n_code, rate):
    model, x = autoencoder(rng, n_code=n_code), music(rng, 3000)
    values = rng.random((60, n_code), np.float32)
    rows = {name: values for name in ("gain", "scale", "override", "target", "offset")}
    at = iter(range(10**6))

    def function(t):
        return {name: row for name in rows for row in [values[min(i, 59)]]} if (i := next(at)) >= 0 else {}

    found = aedsp.resynthesize(model, x, rate, automation=rows)
    assert np.array_equal(found, aedsp.resynthesize(model, x, rate, automation=function))


def test_a_curve_is_of_one_unit(rng):
    with pytest.raises(ValueError, match=r"gain has the unit \(1, 2\); expected one unit's number"):
        aedsp.resynthesize(autoencoder(rng), music(rng, 500), automation={"gain": {(1, 2): [(0, 0)]}})
