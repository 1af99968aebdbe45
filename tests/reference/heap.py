"""Integrates phase steps along time and frequency, the loudest bins first, with Python's heap."""

import heapq

import numpy as np

TOLERANCE = 1e-6


def integrate(now, before, turns_before, hop_step, bin_step, floor, turns):
    """Turns (n_bins,); bins below the tolerance, and the loudest of each unreached run, keep the given ones."""
    n = len(now)
    least = max(TOLERANCE * max(now.max(), before.max()), floor)
    turns, open_ = np.array(turns, float), now > least
    heap = [(-before[k], k) for k in range(n) if before[k] > least]
    heapq.heapify(heap)

    def spread():
        while heap:
            _, at = heapq.heappop(heap)
            if at < n:
                reach(at, turns_before[at] + hop_step[at])
                continue
            k = at - n
            if k + 1 < n:
                reach(k + 1, turns[k] + bin_step[k])
            if k > 0:
                reach(k - 1, turns[k] - bin_step[k - 1])

    def reach(k, value):
        if open_[k]:
            turns[k], open_[k] = value - np.rint(value), False
            heapq.heappush(heap, (-now[k], n + k))

    spread()
    while open_.any():  # unreached runs: start from the loudest bin of each
        first = int(np.argmax(open_))
        stop = first + int(np.argmin(np.append(open_[first:], False)))
        top = first + int(np.argmax(now[first:stop]))
        reach(top, turns[top])
        spread()
    return turns
