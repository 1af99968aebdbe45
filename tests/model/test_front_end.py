import dataclasses

import numpy as np
import pytest

import aedsp


def test_defaults_are_those_of_the_paper():
    front_end = aedsp.FrontEnd()
    assert (front_end.sample_rate, front_end.fft_length, front_end.window_length, front_end.n_bins) == (
        22_050,
        2048,
        2048,
        1025,
    )
    assert front_end.hop_length == 512 and front_end.window == "hann"
    assert front_end.magnitude_scale == pytest.approx(2 / 1024)


def test_numpy_numbers_become_python_numbers():
    front_end = aedsp.FrontEnd(sample_rate=np.float32(22_050), hop_length=np.uint8(128), window_length=np.int32(512))
    assert (
        type(front_end.sample_rate) is float and type(front_end.hop_length) is int and type(front_end.fft_length) is int
    )
    assert front_end.synthesis_window().shape == (512,)


def test_it_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        aedsp.FrontEnd().hop_length = 1


@pytest.mark.parametrize(
    "change, text",
    [
        (dict(kind="wavelet"), "front end kind is 'wavelet'"),
        (dict(window="kaiser"), "window is 'kaiser'; expected one of"),
        (dict(sample_rate=0), "sample_rate is 0; expected 1 to 10,000,000 Hz"),
        (dict(sample_rate=float("nan")), "sample_rate is nan"),
        (dict(fft_length=1000), "fft_length is 1000; expected a power of two from 64 to 32768"),
        (dict(fft_length=65536), "fft_length is 65536"),
        (dict(fft_length=2048.0), "fft_length is 2048.0; expected an integer"),
        (dict(window_length=4096), "window_length is 4096; expected 1 to fft_length = 2048"),
        (dict(hop_length=0), "hop_length is 0; expected 1 to window_length = 2048"),
        (dict(hop_length=True), "hop_length is True; expected an integer"),
        (dict(hop_length=2048), "hop_length 2048 leaves gaps between 'hann' windows of 2048"),
        (dict(hop_length=1900), "expected at least 1 %; use a shorter hop"),
        (dict(window_length=1, hop_length=1), "window_length is 1: a 'hann' window of that length is silent"),
        (dict(window_length=1, hop_length=1, window="blackman"), "is silent"),
        (dict(sample_rate="22050"), "sample_rate is '22050'"),
        (dict(synthesis_length=512), "synthesis_length is 512 and window 'hann'; only the window 'asymmetric' has one"),
        (dict(window="asymmetric"), "window is 'asymmetric' without synthesis_length; expected an even number"),
        (dict(window="asymmetric", synthesis_length=1023), "synthesis_length is 1023; expected an even number from"),
        (dict(window="asymmetric", synthesis_length=1022), "an even number from 2 hop_length = 1024 to window_length"),
        (
            dict(window="asymmetric", synthesis_length=2050),
            "is 2050; expected .* window_length = 2048",
        ),
        (dict(window="asymmetric", synthesis_length=1024.0), "synthesis_length is 1024.0; expected an integer"),
        (dict(kind="cqft", window="asymmetric", synthesis_length=1024), "is 'asymmetric' and the front end 'cqft'"),
        (dict(sample_rate=10**400), "sample_rate is 1000"),
    ],
)
def test_bad_values_are_refused_by_name(change, text):
    with pytest.raises(ValueError, match=text):
        aedsp.FrontEnd(**change)


def test_hops_are_refused_exactly_below_one_percent():
    for hop in range(900, 2049, 37):
        window = aedsp.FrontEnd(hop_length=1).analysis_window() ** 2
        total = sum(np.roll(np.pad(window, (0, 2048 * 3 - 2048)), m * hop) for m in range(-8, 9))[hop : 2 * hop]
        weakest = np.array([sum(window[n + m * hop] for m in range(3) if n + m * hop < 2048) for n in range(hop)])
        assert total.size == hop
        try:
            aedsp.FrontEnd(hop_length=hop)
            accepted = True
        except ValueError:
            accepted = False
        assert accepted == (weakest.min() >= 0.01 * weakest.max()), hop


def test_a_long_window_with_a_short_hop_is_fast_and_exact():
    front_end = aedsp.FrontEnd(fft_length=32768, window_length=30011, hop_length=7)
    both = front_end.analysis_window() * front_end.synthesis_window()
    padded = np.pad(both, (0, -len(both) % 7)).reshape(-1, 7).sum(axis=0)
    np.testing.assert_allclose(padded, 1, rtol=1e-12)
