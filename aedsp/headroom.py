"""`python -m aedsp.headroom`: measures the CPU headroom, the models and block sizes this machine can play.

Times are those of the compiled hop in this process, with warm caches. They include whatever else the machine is doing,
but not the device. Safe: 999 of 1,000 hops take at most `SAFE` of the available time.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from aedsp import cli
from aedsp.data import demo_model, model_path
from aedsp.engine.cpu import cpu
from aedsp.engine.engine import Engine, PrecisionMode
from aedsp.model.front_end import FrontEnd
from aedsp.model.layers import Layer
from aedsp.model.model import Model

SAFE = 0.7
HOPS = (32, 64, 128, 256, 512, 1024)
BLOCKS = (16, 32, 64, 128, 256, 512, 1024, 2048)
_LEAST_HOPS, _MOST_HOPS, _MEASURE_S = 300, 4000, 0.25
_MOST_UNITS = 16_384


@dataclass(frozen=True)
class Headroom:
    """Time of a hop against its deadline. Times in µs.

    headroom : deadline / p99.9
    voices : engines of this kind that fit into 70 % of a core
    """

    hop_frames: int
    deadline_us: float
    median_us: float
    p99_us: float
    p999_us: float
    worst_us: float

    @property
    def headroom(self) -> float:
        return self.deadline_us / self.p999_us

    @property
    def share(self) -> float:
        """Of one core, by the median."""
        return self.median_us / self.deadline_us

    @property
    def voices(self) -> int:
        return int(SAFE * self.deadline_us / self.median_us)

    @property
    def is_safe(self) -> bool:
        return self.p999_us <= SAFE * self.deadline_us


def measure(
    model: Model,
    *,
    precision: PrecisionMode = "auto",
    channels: int = 1,
    detail: float = 0.0,
    seconds: float = _MEASURE_S,
) -> Headroom:
    """Time the hops of a model, one per block, at its own rate.

    detail : as in `Engine.controls`; above 0 every code is decoded twice
    seconds : approximate duration; at least 300 hops are timed
    """
    engine = Engine(model, precision=precision, channels=channels)
    engine.controls.detail = detail
    hop, rate = model.front_end.hop_length, model.front_end.sample_rate
    rng = np.random.default_rng(0)
    x = (0.1 * rng.standard_normal((_LEAST_HOPS, hop, channels))).astype(np.float32)
    engine.time_blocks(x[:16])
    guess = float(np.median(engine.time_blocks(x[:32]))) * 1e-9
    n = int(np.clip(seconds / max(guess, 1e-9), _LEAST_HOPS, _MOST_HOPS))
    parts = [engine.time_blocks(x[: min(_LEAST_HOPS, n - done)]) for done in range(0, n, _LEAST_HOPS)]
    taken = np.concatenate(parts) / 1000
    p50, p99, p999 = np.percentile(taken, (50, 99, 99.9))
    return Headroom(hop, 1e6 * hop / rate, float(p50), float(p99), float(p999), float(taken.max()))


def with_hop(model: Model, hop_frames: int, sample_rate: float | None = None) -> Model:
    """Return the model with another hop and rate; the weights do not depend on them."""
    rate = model.front_end.sample_rate if sample_rate is None else sample_rate
    front_end = dataclasses.replace(model.front_end, hop_length=hop_frames, sample_rate=rate)
    return dataclasses.replace(model, front_end=front_end)


def random_model(n_units: int, front_end: FrontEnd) -> Model:
    """One layer of untied sigmoid units with random weights."""
    rng = np.random.default_rng(0)
    n_bins = front_end.n_bins
    some = (0.05 * rng.standard_normal((min(n_units, 256), n_bins))).astype(np.float32)
    weight = np.resize(some, (n_units, n_bins))
    layer = Layer(
        encoder_weight=weight, encoder_bias=np.zeros(n_units, np.float32), decoder_weight=weight.T.copy(),
        decoder_bias=np.zeros(n_bins, np.float32), encoder_activation="sigmoid", decoder_activation="linear",
    )  # fmt: skip
    return Model(front_end=front_end, layers=(layer,))


def smallest_hop(model: Model, **options: Any) -> Headroom | None:
    """The smallest safe hop of `HOPS`, None if there is none. Constant-Q models keep their own hop."""
    front_end = model.front_end
    longest = front_end.window_length if front_end.synthesis_length is None else front_end.synthesis_length // 2
    lengths = [hop for hop in HOPS if hop <= longest]
    for hop in lengths if front_end.kind == "stft" else [front_end.hop_length]:
        found = measure(with_hop(model, hop), **options)
        if found.is_safe:
            return found
    return None


def smallest_block(found: Headroom, sample_rate: float) -> int | None:
    """The smallest of `BLOCKS` in which a hop is safe; None if there is none."""
    for block in BLOCKS:
        if found.p999_us <= SAFE * 1e6 * min(block, found.hop_frames) / sample_rate:
            return block
    return None


def largest_model(front_end: FrontEnd, precision: PrecisionMode) -> int:
    """Units of the largest safe layer with this front end: doubled while safe, then interpolated."""
    n, last = 256, 0
    while n <= _MOST_UNITS:
        found = measure(random_model(n, front_end), precision=precision, seconds=0.1)
        if not found.is_safe:
            share = SAFE * found.deadline_us / found.p999_us
            return max(last, int(n * share) // 16 * 16)
        last, n = n, 2 * n
    return last


def command(
    model: Annotated[Path | None, typer.Option(help="model file (default: the shipped model)")] = None,
    sample_rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="sample rate (default: the model's own)")
    ] = None,
    channels: Annotated[int, typer.Option(metavar="N", help="number of channels")] = 1,
    detail: Annotated[
        float, typer.Option(metavar="D", help="above 0, every code is decoded twice, as aedsp.play does")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Report what this machine can play: smallest hop and block, latency, largest model."""
    chosen = demo_model() if model is None else Model.load(model_path(model))
    name = chosen.name if model is None else str(model)
    if sample_rate is not None:
        chosen = with_hop(chosen, chosen.front_end.hop_length, sample_rate)
    facts = _facts(name, chosen, {"channels": channels, "detail": detail})
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for line in _in_words(facts):
        print(line)


def _facts(name: str, model: Model, options: dict[str, Any]) -> dict[str, Any]:
    front_end, precision = model.front_end, Engine(model).precision
    own, shortest = measure(model, **options), smallest_hop(model, **options)
    block = smallest_block(own, front_end.sample_rate)
    quick = None if shortest is None else smallest_block(shortest, front_end.sample_rate)
    return {
        "isa": cpu().isa,
        "model": name,
        "units": model.n_code,
        "precision": precision,
        "sample_rate": front_end.sample_rate,
        **options,
        "own_hop": {**dataclasses.asdict(own), "headroom": own.headroom, "voices": own.voices, "share": own.share},
        "own_hop_block_frames": block,
        "own_hop_latency_ms": None if block is None else _latency_ms(model, block),
        "smallest_hop_frames": None if shortest is None else shortest.hop_frames,
        "smallest_hop_block_frames": quick,
        "smallest_hop_latency_ms": (
            None if shortest is None or quick is None else _latency_ms(with_hop(model, shortest.hop_frames), quick)
        ),
        "largest_units": largest_model(front_end, "float32") if front_end.kind == "stft" else None,
        "largest_units_float16": largest_model(front_end, "float16") if front_end.kind == "stft" else None,
    }


def _latency_ms(model: Model, block: int) -> float:
    """Latency of the engine at its own rate plus one block, in ms."""
    engine = Engine(model, block_frames=block, precision="float32")
    return 1000 * (engine.latency_frames + block) / model.front_end.sample_rate


def _in_words(facts: dict[str, Any]) -> list[str]:
    own = facts["own_hop"]
    lines = [
        f"{facts['model']}: {facts['units']} units, {facts['precision']} weights, {facts['sample_rate']:g} Hz, "
        f"{facts['channels']} channel{'s' * (facts['channels'] != 1)}, detail {facts['detail']:g}, "
        f"instruction set {facts['isa']}",
        f"hop of {own['hop_frames']} frames: median {own['median_us']:.1f} µs, p99.9 {own['p999_us']:.1f} µs, "
        f"deadline {own['deadline_us']:.0f} µs; {own['share']:.2%} of one core, CPU headroom {own['headroom']:.1f}, "
        f"{own['voices']} voices per core",
    ]
    if facts["own_hop_block_frames"] is None:
        lines.append("too slow for this machine; use a smaller model")
    else:
        lines.append(
            f"smallest safe block at this hop: {facts['own_hop_block_frames']} frames, "
            f"latency {facts['own_hop_latency_ms']:.1f} ms plus the device"
        )
    if facts["smallest_hop_block_frames"] is not None:
        lines.append(
            f"smallest safe hop: {facts['smallest_hop_frames']} frames, with blocks of "
            f"{facts['smallest_hop_block_frames']} frames: latency {facts['smallest_hop_latency_ms']:.1f} ms"
        )
    if facts["largest_units"] is not None:
        lines.append(
            f"largest model at this hop: {_about(facts['largest_units'])} units, "
            f"{_about(facts['largest_units_float16'])} with float16 weights"
        )
    return lines


def _about(n_units: int) -> str:
    return f"{n_units:,} or more" if n_units >= _MOST_UNITS else f"about {n_units:,}"


if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.headroom")
