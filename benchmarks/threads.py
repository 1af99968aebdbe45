"""Engines in several threads of one process: how much more they do than one. Run: python benchmarks/threads.py [MODEL]

For each block length, in turn: one engine; one in each of as many threads as there are cores, which call
`process(x, out=out)` in a Python loop, as a host does; the same threads with the loop in C (`Engine.as_c`), without the
GIL; and as many processes, which is all that the machine has. Ratios of blocks a second to one thread in the same
round; medians of the rounds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import threading
import time

import numpy as np

import aedsp
from aedsp import data

ROUNDS, SECONDS = 11, 0.4
BLOCKS = (64, 256, 1024, 4096)


def python_loop(engine, block, end):
    """Blocks processed until `end` (perf_counter), one call each."""
    x = np.random.default_rng(0).uniform(-0.1, 0.1, block).astype(np.float32)
    out, n = np.empty_like(x), 0
    while time.perf_counter() < end:
        for _ in range(max(1, 1024 // block)):
            engine.process(x, out=out)
            n += 1
    return n


def c_loop(engine, block, end):
    """The same, 64 blocks for each call from Python."""
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (64, block, 1)).astype(np.float32)
    n = 0
    while time.perf_counter() < end:
        engine.time_blocks(x)
        n += 64
    return n


def in_threads(loop, engines, block):
    counts, start, end = [0] * len(engines), threading.Barrier(len(engines)), time.perf_counter() + SECONDS

    def run(i):
        start.wait()
        counts[i] = loop(engines[i], block, end)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(engines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def serve(model, pipe):
    """A process: counts the blocks of each length that it is sent."""
    engine = aedsp.Engine(model)
    while (block := pipe.recv()) is not None:
        pipe.send(python_loop(engine, block, time.perf_counter() + SECONDS))


def in_processes(pipes, block):
    for pipe in pipes:
        pipe.send(block)
    return sum(pipe.recv() for pipe in pipes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="play16")
    model, n = aedsp.Model.load(data.model_path(parser.parse_args().model)), os.cpu_count() or 1
    engines = [aedsp.Engine(model) for _ in range(n)]
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(n)]
    processes = [context.Process(target=serve, args=(model, theirs), daemon=True) for _, theirs in ends]
    for process in processes:
        process.start()
    pipes = [ours for ours, _ in ends]
    in_processes(pipes, 64)
    print(f"{model.name}, {n} cores, {aedsp.cpu().isa}; blocks a second, ratio to one thread")
    print(f"block  one thread   {n} threads   {n} threads, loop in C   {n} processes")
    for block in BLOCKS:
        rounds = []
        for _ in range(ROUNDS):
            one, one_c = in_threads(python_loop, engines[:1], block), in_threads(c_loop, engines[:1], block)
            rounds.append((one / SECONDS, in_threads(python_loop, engines, block) / one,
                           in_threads(c_loop, engines, block) / one_c, in_processes(pipes, block) / one))  # fmt: skip
        rate, threads, c_threads, other = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{block:5} {rate:11.0f} {threads:11.2f} {c_threads:18.2f} {other:16.2f}")
    for pipe in pipes:
        pipe.send(None)


if __name__ == "__main__":
    main()
