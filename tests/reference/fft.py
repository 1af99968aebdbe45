"""Real DFT from its definition if N² is affordable, else NumPy's (an independent library)."""

import numpy as np


def forward(x):
    """X[k] = Σ x[n] exp(-2πi kn/N), k = 0 .. N/2."""
    n = len(x)
    if n > 1024:
        return np.fft.rfft(np.asarray(x, np.float64))
    k = np.arange(n // 2 + 1)
    return np.exp(-2j * np.pi * np.outer(k, np.arange(n)) / n) @ np.asarray(x, np.float64)


def inverse(spectrum):
    """The signal whose forward transform is `spectrum`; ignores the imaginary parts of DC and Nyquist."""
    return np.fft.irfft(np.asarray(spectrum, np.complex128))
