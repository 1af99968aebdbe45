"""CPU headroom: arithmetic of deadlines and blocks; the command as text and JSON. Asserts no times."""

from __future__ import annotations

import json

import numpy as np
import pytest

import aedsp
from aedsp import cli, headroom
from aedsp.headroom import Headroom
from models import autoencoder, front_end


def test_headroom_is_the_deadline_over_p999():
    found = Headroom(hop_frames=512, deadline_us=1000, median_us=10, p99_us=20, p999_us=50, worst_us=80)
    assert (found.headroom, found.voices, found.is_safe) == (20, 70, True)
    assert not Headroom(512, 1000, 10, 20, 701, 800).is_safe


@pytest.mark.parametrize(("p999_us", "block"), [(1, 16), (400, 32), (500, 64), (8_000, 1024), (15_000, None)])
def test_a_hop_fits_into_the_smallest_block(p999_us, block):
    """At 48 kHz 32 frames last 667 µs, 70 % of it is 467 µs; blocks longer than the hop add no time."""
    found = Headroom(1024, 21_333, 1, 1, p999_us, p999_us)
    assert headroom.smallest_block(found, 48_000) == block


def test_a_measurement_times_every_hop(rng):
    model = autoencoder(rng)
    found = headroom.measure(model, seconds=0.01)
    assert found.hop_frames == 128 and found.deadline_us == pytest.approx(1e6 * 128 / 22_050)
    assert 0 < found.median_us <= found.p99_us <= found.p999_us <= found.worst_us


def test_time_blocks_returns_a_time_per_block_and_advances_the_engine(rng):
    engine = aedsp.Engine(autoencoder(rng), channels=2)
    x = rng.standard_normal((5, 128, 2)).astype(np.float32)
    taken = engine.time_blocks(x)
    assert taken.shape == (5,) and taken.dtype == np.int64 and (taken > 0).all()
    assert engine.statistics.hops == 5
    with pytest.raises(ValueError, match="x has 1 channels and blocks of 128 frames; expected 2 channels"):
        engine.time_blocks(x[:, :, :1].copy())


def test_a_model_at_another_hop_or_rate_is_the_same_model(rng):
    model = autoencoder(rng)
    other = headroom.with_hop(model, 32, 48_000)
    assert (other.front_end.hop_length, other.front_end.sample_rate) == (32, 48_000)
    assert other.layers == model.layers


def test_a_random_model_has_the_requested_size():
    model = headroom.random_model(700, front_end())
    assert model.n_code == 700 and not model.layers[0].tied


@pytest.mark.parametrize("rate", [None, 48_000])
def test_the_command_reports_what_can_be_played(capsys, monkeypatch, rate):
    monkeypatch.setattr(headroom, "_MOST_UNITS", 256)
    options = [] if rate is None else ["--sample-rate", str(rate)]
    for flag in ([], ["--json"]):
        with pytest.raises(SystemExit) as stopped:
            cli.run(headroom.command, [*options, *flag], name="python -m aedsp.headroom")
        assert not stopped.value.code
    out = capsys.readouterr().out
    words, facts = out[: out.index("{")], json.loads(out[out.index("{") :])
    assert words.startswith(
        f"play16: 16 units, {facts['precision']} weights, {rate or 44100:g} Hz, 1 channel, detail 1"
    )
    assert "smallest safe" in words or "too slow" in words
    assert facts["units"] == 16 and facts["own_hop"]["hop_frames"] == 64
    if facts["own_hop_block_frames"]:
        block = facts["own_hop_block_frames"]
        latency = aedsp.Engine(aedsp.demo_model(), block_frames=block).latency_frames
        assert facts["own_hop_latency_ms"] == pytest.approx(1000 * (latency + block) / (rate or 44_100))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--model", "nowhere.h5"], "nowhere.h5: No such file or directory"),
        (["--sample-rate", "0"], "sample_rate is 0"),
        (["--sample-rate", "fast"], "Invalid value for '--sample-rate'"),
    ],
)
def test_bad_input_prints_one_line(capsys, arguments, text):
    with pytest.raises(SystemExit) as stopped:
        cli.run(headroom.command, arguments, name="python -m aedsp.headroom")
    error = capsys.readouterr().err.strip()
    assert stopped.value.code == 2 and text in error and len(error.splitlines()) == 1
