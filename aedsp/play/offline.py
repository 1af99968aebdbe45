"""Renders to a file and a picture if there is no audio device or no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aedsp.arrays import Float32
from aedsp.control import gesture_file
from aedsp.control import mapping as mappings
from aedsp.control.automation import Automation
from aedsp.engine.engine import Engine
from aedsp.engine.offline import NO_INPUT_S, Rendered, generate_file, render_file
from aedsp.errors import MissingExtraError
from aedsp.model.model import Model


def check_output(source: Path, output: Path) -> Path:
    """Return the path of the picture; raise if it would overwrite the input."""
    picture = output.with_suffix(".png")
    if picture.exists() and source.exists() and picture.samefile(source):
        raise ValueError(f"{picture} is the input file; choose another name for the output")
    return picture


def render(
    source: Path,
    model: Model,
    output: Path,
    reason: str,
    options: dict[str, Any],
    amounts: dict[str, float],
    stretch: float,
    transpose: float,
    gestures: Path | None = None,
) -> None:
    """Render a file through a model, draw the picture, and print why it is not played live.

    gestures: a MIDI file whose control changes move the faders of a nanoKONTROL2.
    """
    picture = check_output(source, output)
    settings = {"monitor": "resynthesized", **amounts}
    automate = None if gestures is None else _moved_by(gestures)
    rendered = render_file(options, model, source, output, settings, automate, stretch=stretch, transpose=transpose)
    _report(rendered, source)
    if gestures is not None:
        print(f"{gestures.name} moves the faders: from 2 s on those of the first eight units, from 8 s on the others.")
    try:
        from aedsp.audio import plot

        plot.draw_spectrograms(source, output, picture)
        written = f"{output.resolve()} and {picture.resolve()}"
    except MissingExtraError as error:
        written = f"{output.resolve()} (no picture: {error})"
    print(f"Not played aloud: {reason}.")
    print(f"Wrote {written}")


def _moved_by(gestures: Path) -> Callable[[Engine], Callable[[Iterator[Float32]], Iterator[Float32]]]:
    taken, mapping = gesture_file.read(gestures), mappings.load("nanokontrol2")
    return lambda engine: Automation(taken, engine, mapping).split


def render_no_input(
    model: Model, output: Path, reason: str, options: dict[str, Any], amounts: dict[str, float], drive: str
) -> None:
    """Render a few seconds of the decoder alone."""
    generate_file(options, model, output, {"monitor": "resynthesized", **amounts}, drive, NO_INPUT_S)
    print(f"{model.name} without input, {NO_INPUT_S:.0f} s, drive {drive}")
    print(f"Not played aloud: {reason}.")
    print(f"Wrote {output.resolve()}")


def _report(rendered: Rendered, source: Path) -> None:
    engine = rendered.engine
    print(
        f"{source.name}, {rendered.n_frames / engine.sample_rate:.1f} s, through {engine.model.name}: "
        f"{engine.model.n_code} units, latency {engine.latency_frames} frames ({1000 * engine.latency_s:.1f} ms)"
    )
    for line in rendered.warnings():
        print(line)
