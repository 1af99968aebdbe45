import numpy as np
import pytest

from aedsp._kernels.limiter import SegmentLimiter
from reference import limiter as reference

RATE = 22_050.0


def run(audio, segment, channels=1):
    limiter = SegmentLimiter(segment, channels, RATE)
    audio = audio.reshape(-1, channels).astype(np.float32)
    out = np.concatenate([limiter.limit(part) for part in audio.reshape(-1, segment, channels)])
    return out, limiter.limited_frames


@pytest.mark.parametrize("segment, channels", [(1, 1), (32, 1), (512, 2), (77, 3)])
def test_equals_the_reference(rng, segment, channels):
    audio = (rng.standard_normal((segment * 40, channels)) * 0.6).astype(np.float32)
    out, limited = run(audio, segment, channels)
    expected, gain = reference.limit(audio, segment, RATE)
    np.testing.assert_allclose(out, expected, atol=2e-4)  # the gain is a running float32 sum
    assert np.abs(out).max() <= 1
    assert abs(limited - np.count_nonzero(gain < 1)) <= len(audio) * 0.01


def test_audio_within_full_scale_passes_bit_identical(rng):
    audio = rng.uniform(-1, 1, 512 * 20).astype(np.float32)
    audio[:4] = 1, -1, 1.0, -1.0
    out, limited = run(audio, 512)
    assert np.array_equal(out[:, 0], audio) and limited == 0


@pytest.mark.parametrize("level", [1.0000001, 1.5, 4, 1e3, 1e38])
def test_output_stays_within_full_scale_and_the_gain_recovers_within_200_ms(rng, level):
    audio = rng.uniform(-0.5, 0.5, 64 * 200).astype(np.float32)
    audio[700] = level
    out, limited = run(audio, 64)
    assert np.abs(out).max() <= 1
    assert np.array_equal(out[:640, 0], audio[:640])  # earlier segments are unchanged
    back = 700 + int(0.2 * RATE)
    assert np.array_equal(out[back:, 0], audio[back:])  # bit-identical: the gain is exactly 1.0 again
    assert 0 < limited < 0.2 * RATE + 64


def test_nan_and_infinity_are_removed():
    audio = np.full(256, 0.5)
    audio[[40, 90]] = np.nan, np.inf
    out, limited = run(audio, 64)
    assert np.isfinite(out).all() and np.abs(out).max() <= 1 and limited > 0


def test_channels_are_linked(rng):
    audio = rng.uniform(-0.5, 0.5, (512, 2)).astype(np.float32)
    audio[100, 0] = 2
    out, _ = run(audio, 512, 2)
    ratio = out / audio
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1], rtol=1e-5)
    assert ratio[100, 1] == pytest.approx(0.5, rel=1e-5)


def test_wrong_shapes_raise():
    with pytest.raises(ValueError, match=r"segment has shape \(3, 1\); expected \(4, 1\)"):
        SegmentLimiter(4, 1, RATE).limit(np.zeros((3, 1), np.float32))
    with pytest.raises(ValueError, match="expected all above 0"):
        SegmentLimiter(0, 1, RATE)
