"""Short-time Fourier transform of a whole signal, and its inverse."""

import numpy as np

from reference import overlap_add


def forward(x, front_end):
    """Complex spectra (n_spectra, n_fft_bins) of all whole windows, one per hop."""
    length, hop = front_end.window_length, front_end.hop_length
    n = max(0, (len(x) - length) // hop + 1)
    window = front_end.analysis_window()
    frames = [window * np.asarray(x[i * hop : i * hop + length], np.float64) for i in range(n)]
    return np.array([np.fft.rfft(frame, front_end.fft_length) for frame in frames]).reshape(n, front_end.n_fft_bins)


def inverse(spectra, front_end):
    """Overlap-add with the canonical dual: the inverse of `forward`, away from the ends."""
    frames = np.fft.irfft(spectra, front_end.fft_length)
    return overlap_add.add_all(frames, front_end.synthesis_window(), front_end.hop_length)
