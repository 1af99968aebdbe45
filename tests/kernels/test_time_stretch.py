import itertools

import numpy as np
import pytest

from aedsp import FrontEnd
from aedsp._kernels.time_stretch import TimeStretcher
from models import level_db, music
from reference import time_stretch as reference

RATE = 22_050


def geometry(length=512):
    return FrontEnd(fft_length=length, window_length=length, hop_length=length // 4)


def stretcher(channels=1, length=512):
    front_end = geometry(length)
    return TimeStretcher(channels, length, length // 4, front_end.analysis_window(), front_end.synthesis_window())


def run(kernel, x, n, pushes=(256,), pulls=(500,), before=None):
    """n output frames for x (frames, channels); before(frames so far): called before every pull."""
    pushes, pulls = itertools.cycle(pushes), itertools.cycle(pulls)
    x = np.concatenate([x, np.zeros((60_000, x.shape[1]), np.float32)])
    out, got, at = [], 0, 0
    while got < n:
        if before:
            before(got)
        wanted = min(next(pulls), n - got)
        while wanted:
            y = kernel.pull(wanted)
            out.append(y)
            got, wanted = got + len(y), wanted - len(y)
            if wanted:
                size = next(pushes)
                kernel.push(x[at : at + size])
                at += size
    return np.concatenate(out)


def tone(f, n, channels=1):
    x = (0.3 * np.sin(2 * np.pi * f / RATE * np.arange(n))).astype(np.float32)
    return np.repeat(x[:, None], channels, axis=1)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("stretch", "pitch"), [(1, 1), (1.5, 1), (0.6, 1), (1, 1.5), (1.3, 0.7), (4, 4)])
def test_the_kernel_matches_the_reference(rng, stretch, pitch, channels):
    x = np.stack([np.roll(music(rng, 6000), 50 * c) for c in range(channels)], axis=1)
    n = 4000
    kernel = stretcher(channels)
    kernel.set(stretch, pitch)
    found = run(kernel, x, n)
    expected = reference.stretched(x, geometry(), stretch, pitch, n)
    # for nearly equal magnitudes float32 may swap the order, which changes the phases of some bins
    assert level_db(found - expected) - level_db(expected) < -30
    assert level_db(found[:600] - expected[:600]) - level_db(expected) < -45


@pytest.mark.parametrize("channels", [1, 2])
def test_at_1_it_is_bit_identical_to_the_source(rng, channels):
    x = rng.uniform(-1, 1, (20_000, channels)).astype(np.float32)
    assert np.array_equal(run(stretcher(channels), x, 20_000), x)


@pytest.mark.parametrize(("stretch", "pitch"), [(1.7, 1), (0.6, 1), (1, 1.3), (2, 0.5), (1.234, 1.1)])
def test_back_at_1_it_is_bit_identical_to_the_source_again(rng, stretch, pitch):
    x = music(rng, 60_000)[:, None]
    kernel = stretcher()

    def change(got):
        kernel.set(*((stretch, pitch) if 5000 <= got < 9000 else (1, 1)))

    y = run(kernel, x, 20_000, before=change)[:, 0]
    assert np.array_equal(y[:4000], x[:4000, 0])
    place = round(kernel.position) - 20_000
    assert kernel.position == round(kernel.position)
    assert np.array_equal(y[13_000:], x[13_000 + place :][:7000, 0])
    assert np.abs(np.diff(y)).max() < 2 * np.abs(np.diff(x[:, 0])).max()  # no click in between


@pytest.mark.parametrize("stretch", [0.25, 0.5, 1, 1.37, 4])
@pytest.mark.parametrize("semitones", [-24, -7, 0, 5, 24])
def test_a_tone_keeps_its_level_and_is_transposed(stretch, semitones):
    pitch, n = 2 ** (semitones / 12), 24_000
    kernel = stretcher(length=2048)
    kernel.set(stretch, pitch)
    y = run(kernel, tone(440, 130_000), n)[6000:, 0]
    spectrum = np.abs(np.fft.rfft(y * np.blackman(len(y))))
    k = int(spectrum.argmax())
    assert k * RATE / len(y) == pytest.approx(440 * pitch, abs=1.3 * RATE / len(y))
    assert level_db(y) == pytest.approx(level_db(tone(440, n)), abs=0.2)
    spectrum[max(0, k - 40) : k + 41] = 0
    assert 20 * np.log10(spectrum.max()) - 20 * np.log10(np.abs(np.fft.rfft(y * np.blackman(len(y)))).max()) < -40


def test_frequencies_transposed_above_nyquist_are_removed():
    kernel = stretcher(length=2048)
    kernel.set(1, 2)
    y = run(kernel, tone(7000, 60_000), 20_000)[4000:]
    assert level_db(y) < level_db(tone(7000, 20_000)) - 70


@pytest.mark.parametrize(("stretch", "pitch"), [(1.5, 1), (0.7, 1.2)])
def test_any_partition_is_bit_identical(rng, stretch, pitch):
    x = rng.uniform(-1, 1, (15_000, 2)).astype(np.float32)
    kernels = [stretcher(2) for _ in range(3)]
    for kernel in kernels:
        kernel.set(stretch, pitch)
    whole = run(kernels[0], x, 9000, pushes=(1024,), pulls=(9000,))
    assert np.array_equal(run(kernels[1], x, 9000, pushes=(1, 300), pulls=(1, 77, 2000)), whole)
    assert np.array_equal(run(kernels[2], x, 9000, pushes=(64,), pulls=(64,)), whole)


def test_channels_keep_their_relation(rng):
    x = music(rng, 20_000)
    both = np.stack([x, -0.5 * x], axis=1)
    kernel = stretcher(2)
    kernel.set(1.4, 1.2)
    y = run(kernel, both, 15_000)
    np.testing.assert_allclose(y[:, 1], -0.5 * y[:, 0], atol=1e-6)
    assert level_db(y[:, 0]) > level_db(x) - 3


def test_the_position_is_that_of_the_source():
    kernel = stretcher()
    kernel.set(2, 1)
    x = np.zeros((40_000, 1), np.float32)
    x[20_000] = 1
    y = run(kernel, x, 42_000)[:, 0]
    assert abs(int(np.abs(y).argmax()) - 40_000) < 30  # the click at its stretched time
    assert kernel.position == pytest.approx(21_000, abs=2)
    kernel.reset()
    assert kernel.position == pytest.approx(0, abs=1)


def test_invalid_values_raise():
    with pytest.raises(ValueError, match=r"stretch, pitch are 5.0, 1.0; expected 0\.25 to 4"):
        stretcher().set(5, 1)
    with pytest.raises(ValueError, match="expected up to 1024 frames of 1"):
        stretcher().push(np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match="expected a divisor of 256"):
        TimeStretcher(1, 512, 100, np.ones(512), np.ones(512))
    with pytest.raises(ValueError, match="expected a power of two from 64"):
        TimeStretcher(0, 512, 128, np.ones(512), np.ones(512))


@pytest.mark.parametrize(("stretch", "pitch"), [(2, 1), (0.5, 1), (1, 1.5), (1, 1)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_invalid_samples_become_silence_and_are_counted(rng, stretch, pitch, bad):
    x = music(rng, 20_000)[:, None]
    silent = x.copy()
    x[5000], silent[5000] = bad, 0
    found = []
    for signal in (x, silent):
        kernel = stretcher()
        kernel.set(stretch, pitch)
        found.append(run(kernel, signal, 15_000))
    assert np.array_equal(*found)
    assert stretcher().push(x[4990:5010]) == 1


def test_pushing_to_a_full_buffer_raises():
    kernel, x = stretcher(), np.zeros((1024, 1), np.float32)
    with pytest.raises(ValueError, match="the source buffer is full"):
        for _ in range(20):
            kernel.push(x)
