"""Phase gradient heap integration in real time, from the papers, in float64 with Python's heap.

Průša & Søndergaard, "Real-time spectrogram inversion using phase gradient heap integration" (DAFx 2016), after Průša,
Balazs & Søndergaard, "A noniterative method for reconstruction of phase from STFT magnitude" (2017).
"""

import heapq

import numpy as np

from reference import phase

#: γ / window_length² of the Gaussian that is nearest to each window, from the papers.
GAMMA = {"hann": 0.25645, "hamming": 0.29794, "blackman": 0.17954}
TOLERANCE = 1e-6
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
    """Unit phasors (n, n_bins), those of the last spectrum missing where one hop of look-ahead is used."""
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
        turns = _integrate(z[m], before, turns, per_hop, per_hop_before, per_bin, free)
        before, per_hop_before = z[m], per_hop
        found.append(np.exp(2j * np.pi * (turns + phase.edge(front_end))))
    return np.array(found)


def _integrate(now, before, turns_before, per_hop, per_hop_before, per_bin, free):
    """Turns at the middle of the window; from the loudest on, along time and frequency; `free` below the tolerance."""
    least = max(TOLERANCE * max(now.max(), before.max()), FLOOR)
    turns, open_ = free.copy(), now > least
    heap = [(-before[k], k) for k in range(len(now)) if before[k] > least]
    heapq.heapify(heap)

    def spread():
        while heap:
            _, at = heapq.heappop(heap)
            if at < len(now):
                reach(at, turns_before[at] + (per_hop_before[at] + per_hop[at]) / 2)
                continue
            k = at - len(now)
            reach(k + 1, turns[k] + (per_bin[k] + per_bin[min(k + 1, len(now) - 1)]) / 2)
            reach(k - 1, turns[k] - (per_bin[k] + per_bin[k - 1]) / 2)

    def reach(k, value):
        if 0 <= k < len(now) and open_[k]:
            turns[k], open_[k] = value % 1, False
            heapq.heappush(heap, (-now[k], len(now) + k))

    spread()
    while open_.any():  # what nothing reaches: from its loudest bin on, run by run
        first = int(np.argmax(open_))
        stop = first + int(np.argmin(np.append(open_[first:], False)))
        top = first + int(np.argmax(now[first:stop]))
        reach(top, free[top])
        spread()
    return turns
