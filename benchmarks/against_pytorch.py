"""Times the trainer against the same training in PyTorch on the CPU: seconds per epoch, interleaved, and ratio.

    python benchmarks/against_pytorch.py [--units 256,1500] [--spectra 10000] [--rounds 7]

Sigmoid to linear, untied, 1,025 bins, batches of 100 in random order, squared error summed over the bins, SGD with
momentum 0.5, float32, one thread per core for both. The last column compares the trainer with itself on spectra a
hundred times as loud, which saturate the sigmoids.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from aedsp.model.preprocess import Chain
from aedsp.train.data.batches import Spectra
from aedsp.train.data.corpus import Split
from aedsp.train.network.network import Autoencoder, LayerPlan
from aedsp.train.network.objectives import SquaredError
from aedsp.train.network.optimizers import Sgd
from aedsp.train.run import memory

N_BINS, BATCH, RATE, MOMENTUM = 1025, 100, 1e-5, 0.5


def ours(x: np.ndarray, n_units: int) -> Callable[[], None]:
    """One epoch of the trainer."""
    rng = np.random.default_rng(0)
    network = Autoencoder(N_BINS, LayerPlan(n_hidden=n_units), n_rows=BATCH)
    network.parameters[:] = rng.standard_normal(network.parameters.size) / np.sqrt(N_BINS)
    sgd, objective = Sgd(network.gradient), SquaredError(network.kernels)
    examples = Spectra(Split(x, np.arange(len(x)), np.zeros(len(x), np.int32)), Chain(), N_BINS)

    def epoch() -> None:
        with memory.no_denormals():
            for batch in examples.shuffled(BATCH, rng):
                keep, scale = sgd.factors(RATE, MOMENTUM)
                network.loss_and_gradient(batch, objective, keep=keep, scale=scale)
                sgd.step(network.parameters, RATE, MOMENTUM)

    return epoch


def pytorch(x: np.ndarray, n_units: int) -> Callable[[], None]:
    """One epoch of the same in PyTorch."""
    import torch

    torch.manual_seed(0)
    data = torch.from_numpy(x)
    network = torch.nn.Sequential(
        torch.nn.Linear(N_BINS, n_units), torch.nn.Sigmoid(), torch.nn.Linear(n_units, N_BINS)
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)

    def epoch() -> None:
        for rows in torch.randperm(len(data)).split(BATCH):
            batch = data[rows]
            loss = ((network(batch) - batch) ** 2).sum(dim=1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return epoch


def seconds(epoch: Callable[[], None]) -> float:
    began = time.perf_counter()
    epoch()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", default="256,1500")
    parser.add_argument("--spectra", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    x = (rng.random((arguments.spectra, N_BINS)) ** 8).astype(np.float32)
    print(f"median of {arguments.rounds} interleaved epochs of {arguments.spectra:,} spectra, in s")
    print("units | aedsp, PyTorch | PyTorch / aedsp (quartiles) | saturated / not")
    for n_units in map(int, arguments.units.split(",")):
        runs = [ours(x, n_units), pytorch(x, n_units), ours(100 * x, n_units)]
        for run in runs:
            run()  # warm up caches, thread pools, Numba's compiler
        times = np.array([[seconds(run) for run in runs] for _ in range(arguments.rounds)])
        ratio, saturated = times[:, 1] / times[:, 0], times[:, 2] / times[:, 0]
        low, high = np.percentile(ratio, [25, 75])
        print(
            f"{n_units:5} | {statistics.median(times[:, 0]):.2f}, {statistics.median(times[:, 1]):.2f} | "
            f"{np.median(ratio):.2f} ({low:.2f} to {high:.2f}) | {np.median(saturated):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
