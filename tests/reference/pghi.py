"""Real-time phase gradient heap integration, from the papers, in float64.

Průša & Søndergaard, "Real-time spectrogram inversion using phase gradient heap integration" (DAFx 2016), after Průša,
Balazs & Søndergaard, "A noniterative method for reconstruction of phase from STFT magnitude" (2017).
"""

import numpy as np

from reference import heap, phase

#: γ / window_length² of the Gaussian closest to each window, from the papers; for asymmetric windows by measurement.
GAMMA = {"hann": 0.25645, "hamming": 0.29794, "blackman": 0.17954, "asymmetric": 0.33}
FLOOR = 1e-9


def gradients(front_end, log_now, log_step):
    """Phase per hop and phase per bin, in turns; log_step: the change of the logarithms over two hops."""
    n, hop = front_end.fft_length, front_end.hop_length
    gamma = GAMMA[front_end.window] * front_end.window_length**2
    slope = np.zeros(len(log_now))
    slope[1:-1] = log_now[2:] - log_now[:-2]
    per_hop = hop * np.arange(len(log_now)) / n + hop * n / (2 * gamma) * slope / (2 * np.pi)
    per_bin = -gamma / (2 * hop * n) * log_step / (2 * np.pi)
    return per_hop, per_bin


def units(magnitudes, front_end, start_turns, *, look_ahead=0):
    """Unit phasors (n, n_bins); one hop of look-ahead omits the last spectrum's."""
    z = np.asarray(magnitudes, float)
    n_bins, n, hop = front_end.n_fft_bins, front_end.fft_length, front_end.hop_length
    logs = np.log(np.maximum(np.vstack([np.zeros((2, n_bins)), z]), FLOOR))
    before, turns = np.zeros(n_bins), np.array(start_turns, float)
    per_hop_before = hop * np.arange(n_bins) / n
    found = []
    for m in range(len(z) - look_ahead):
        now, older, oldest = logs[m + 2], logs[m + 1], logs[m]
        step = logs[m + 3] - older if look_ahead else 3 * now - 4 * older + oldest
        per_hop, per_bin = gradients(front_end, now, step)
        free = np.array([(start_turns[k] + (m * hop * k) % n / n) for k in range(n_bins)])
        hop_step, bin_step = (per_hop_before + per_hop) / 2, (per_bin[:-1] + per_bin[1:]) / 2
        turns = heap.integrate(z[m], before, turns, hop_step, bin_step, FLOOR, free)
        before, per_hop_before = z[m], per_hop
        found.append(np.exp(2j * np.pi * (turns + phase.edge(front_end))))
    return np.array(found)
