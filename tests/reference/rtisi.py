"""Real-time iterative spectrogram inversion, hop by hop, in float64."""

import numpy as np


def resynthesize(magnitudes, units, front_end, n):
    """Signal (n_spectra hop_length,) of magnitudes with initial phases `units`, each refined n times."""
    window, dual = front_end.analysis_window(), front_end.synthesis_window()
    length, hop, fft_length = front_end.window_length, front_end.hop_length, front_end.fft_length
    left = np.array([np.sum((window * dual)[i::hop]) for i in range(length)]) + 1e-6
    total, out = np.zeros(length), []
    for z, unit in zip(np.asarray(magnitudes, float), units, strict=True):
        for _ in range(n):
            frame = np.fft.irfft(z / front_end.magnitude_scale * unit, fft_length)[:length]
            x = np.fft.rfft(window * (total + dual * frame) / left, fft_length)
            defined = np.abs(x) * front_end.magnitude_scale >= 1e-9
            unit = np.where(defined, x / np.where(defined, np.abs(x), 1), unit)
        total += dual * np.fft.irfft(z / front_end.magnitude_scale * unit, fft_length)[:length]
        out.append(total[:hop].copy())
        total = np.append(total[hop:], np.zeros(hop))
    return np.concatenate(out)
