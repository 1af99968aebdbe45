"""Constant-Q bands: tables and kernel against the definition, a sine against 1.0, frequencies against librosa."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp._kernels.constant_q import Bands
from aedsp.model import constant_q
from aedsp.model.front_end import FrontEnd
from reference import constant_q as reference

SMALL = {"sample_rate": 8000, "fft_length": 1024, "window_length": 512, "hop_length": 128, "f_max_hz": 4000.0}
FRONT_ENDS = {
    "12": FrontEnd.of_kind("cqft"),
    "3": FrontEnd.of_kind("cqft", bins_per_octave=3),
    "small 12": FrontEnd(kind="cqft", bins_per_octave=12, f_min_hz=30.0, **SMALL),
    "small 1": FrontEnd(kind="cqft", bins_per_octave=1, f_min_hz=100.0, window="blackman", **SMALL),
}


def kernel(front_end):
    made = constant_q.bands(front_end)
    return Bands(front_end.n_fft_bins, [(band.first, band.analysis, band.synthesis) for band in made])


def test_band_counts():
    assert [FRONT_ENDS[name].n_bins for name in ("12", "3")] == [110, 28]
    assert FRONT_ENDS["12"].hop_length == 2205 and FRONT_ENDS["12"].fft_length == 16_384


@pytest.mark.parametrize("name", ["small 12", "small 1"])
def test_tables_and_kernel_match_the_definition(rng, name):
    front_end, bands = FRONT_ENDS[name], kernel(FRONT_ENDS[name])
    q = reference.analysis(front_end)
    back = reference.synthesis(front_end, q)
    for magnitudes in rng.random((5, front_end.n_fft_bins)).astype(np.float32) ** 3:
        expected = reference.forward(q, magnitudes.astype(np.float64)[None])[0]
        np.testing.assert_allclose(np.sqrt(np.square(magnitudes) @ constant_q.matrix(front_end)), expected, rtol=1e-4)
        np.testing.assert_allclose(bands.forward(magnitudes), expected, rtol=1e-4)
        np.testing.assert_allclose(bands.inverse(expected.astype(np.float32)), back @ expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_full_scale_sine_is_1_at_a_centre_and_1_again_at_any_bin(name):
    front_end, bands = FRONT_ENDS[name], kernel(FRONT_ENDS[name])
    n = np.arange(front_end.window_length)

    def spectrum(hz):
        frame = np.sin(2 * np.pi * hz / front_end.sample_rate * n + 0.3) * front_end.analysis_window()
        return (np.abs(np.fft.rfft(frame, front_end.fft_length)) * front_end.magnitude_scale).astype(np.float32)

    to_hz = front_end.sample_rate / front_end.fft_length
    lobe = 4 * front_end.fft_length / front_end.window_length * to_hz  # closer to 0 Hz or Nyquist, lobes overlap
    for band, hz in enumerate(front_end.centres_hz()):
        if lobe < hz < front_end.sample_rate / 2 - lobe:
            assert bands.forward(spectrum(hz))[band] == pytest.approx(1, abs=0.01)
    first, last = (int(hz / to_hz) for hz in (max(lobe, front_end.f_min_hz), front_end.centres_hz()[-1] - lobe))
    for at in np.linspace(first + 1, last - 1, 40).astype(int):
        returned = bands.inverse(bands.forward(spectrum(at * to_hz)))
        assert returned[at] == pytest.approx(1, abs=0.01), f"bin {at}"


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_band_has_bins_and_every_bin_between_the_outermost_centres_has_a_band(name):
    front_end, bands = FRONT_ENDS[name], kernel(FRONT_ENDS[name])
    flat = bands.forward(np.ones(front_end.n_fft_bins, np.float32))
    assert (flat > 0).all()
    hz = np.arange(front_end.n_fft_bins) * front_end.sample_rate / front_end.fft_length
    between = (hz >= front_end.f_min_hz) & (hz <= front_end.centres_hz()[-1])
    assert (bands.inverse(np.ones(front_end.n_bins, np.float32))[between] > 0).all()


@pytest.mark.parametrize("name", ["12", "3"])
def test_centres_and_bandwidths_match_librosa(name):
    librosa = pytest.importorskip("librosa", reason="librosa, the independent constant-Q reference, is not installed")
    front_end = FRONT_ENDS[name]
    n, per_octave = front_end.n_bins, front_end.bins_per_octave
    centres = librosa.cqt_frequencies(n, fmin=20.0, bins_per_octave=per_octave)
    np.testing.assert_allclose(front_end.centres_hz(), centres, rtol=1e-6)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=centres, sr=front_end.sample_rate, filter_scale=1, gamma=0)
    expected = front_end.sample_rate / lengths  # f / Q
    hz = np.arange(front_end.n_fft_bins) * front_end.sample_rate / front_end.fft_length
    for band, width, centre in zip(constant_q.bands(front_end), expected, centres, strict=True):
        if len(band.analysis) < 30 or centre * 2 ** (1 / per_octave) > hz[-1]:
            continue  # too few bins to measure a width, or cut off by the last bin
        fine = np.linspace(0, len(band.analysis) - 1, 20_000)
        weights = np.interp(fine, np.arange(len(band.analysis)), band.analysis)
        above = hz[band.first] + fine[weights >= weights.max() / 2] * hz[1]
        assert above[-1] - above[0] == pytest.approx(width, rel=0.05)
        assert above[0] < centre < above[-1]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"bins_per_octave": 0}, "bins_per_octave is 0; expected a whole number from 1 to 192"),
        ({"bins_per_octave": 12.0}, "bins_per_octave is 12.0"),
        ({"f_min_hz": 0.0}, "bands from 0 to 11025 Hz; expected 0.01 <= f_min_hz"),
        ({"f_min_hz": 12_000.0}, "bands from 12000 to 11025 Hz"),
        ({"f_max_hz": 12_000.0}, "bands from 20 to 12000 Hz; .* f_max_hz <= 11025"),
        ({"f_min_hz": "low"}, "f_min_hz is 'low'; expected Hz"),
    ],
)
def test_invalid_bands_raise(options, message):
    with pytest.raises(ValueError, match=message):
        FrontEnd.of_kind("cqft", **options)
    with pytest.raises(ValueError, match="only the front end 'cqft' has bands"):
        FrontEnd(bins_per_octave=12)


def test_invalid_shapes_raise():
    with pytest.raises(ValueError, match="band 0 has bins 2 to 5; expected a run within 4 bins"):
        Bands(4, [(2, [1, 1, 1], [1, 1, 1])])
    bands = Bands(4, [(1, [1, 1], [1, 1])])
    with pytest.raises(ValueError, match="magnitude has 3 bins; expected 4"):
        bands.forward(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="band has 2 values; expected 1"):
        bands.inverse(np.zeros(2, np.float32))
