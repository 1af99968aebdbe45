"""The single-producer single-consumer ring: order, capacity, wrapping, and two concurrent threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from aedsp._rt.ring import ItemRing


@pytest.mark.parametrize("capacity", [1, 2, 7, 64])
def test_items_come_out_in_order(rng, capacity):
    ring, wrote, read = ItemRing(capacity, 8), [], []
    for n in rng.integers(0, capacity + 3, 200):
        items = rng.integers(0, 2**60, n)
        fitted = ring.write(items)
        assert fitted == min(n, capacity - (len(wrote) - len(read)))
        wrote += items[:fitted].tolist()
        read += ring.read(int(rng.integers(0, capacity + 3)), np.int64).tolist()
        assert ring.readable == len(wrote) - len(read) and ring.writable == capacity - ring.readable
    read += ring.read(capacity, np.int64).tolist()
    assert read == wrote and ring.written == ring.taken == len(wrote)


def test_two_threads_lose_and_reorder_nothing():
    n, ring = 200_000, ItemRing(1000, 16)

    def produce():
        at = 0
        while at < n:
            rows = np.arange(at, min(at + 300, n), dtype=np.int64)
            at += ring.write(np.stack([rows, -rows], 1))

    producer = threading.Thread(target=produce)
    producer.start()
    got = []
    while len(got) < n:
        got += ring.read(500, np.int64).reshape(-1, 2).tolist()
    producer.join()
    assert got == [[i, -i] for i in range(n)]


def test_invalid_sizes_raise():
    with pytest.raises(ValueError, match="capacity, item_bytes are 0, 4; expected at least 1"):
        ItemRing(0, 4)
    with pytest.raises(ValueError, match="items have 3 bytes; expected a multiple of 4"):
        ItemRing(8, 4).write(np.zeros(3, np.uint8))
    assert ItemRing(8, 4).write(np.zeros(0, np.uint8)) == 0 and ItemRing(8, 4).read(5).size == 0
