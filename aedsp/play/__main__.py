"""`python -m aedsp.play`: a clip through a model, to `demo.wav`, `demo.png` and the loudspeaker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aedsp import audio_file, command_line, data
from aedsp.errors import MissingExtraError, StreamError
from aedsp.model import Model
from aedsp.offline import Rendered, render_file
from aedsp.stream import play_aloud


def main(
    source: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="audio file; default: the shipped demo clip")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="M", help="model file; default: the shipped one")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.wav", help="the picture is OUT.png beside it")
    ] = Path("demo.wav"),
) -> None:
    """Play a clip through an autoencoder, and leave it as OUT.wav with a picture beside it."""
    source = source or data.demo_audio_path()
    picture = output.with_suffix(".png")
    if picture.exists() and source.exists() and picture.samefile(source):
        raise ValueError(f"{picture} is the input itself; give the output another name")
    the_model = Model.load(model) if model else data.demo_model()
    rendered = render_file({}, the_model, source, output, {"monitor": "resynthesized"})
    _report(rendered, source)
    try:
        from aedsp import plot

        plot.draw_spectrograms(source, output, picture)
        written = f"{output.resolve()} and {picture.resolve()}"
    except MissingExtraError as error:
        written = f"{output.resolve()} (no picture: {error})"
    print(_aloud(output))
    print(f"Written: {written}")


def _report(rendered: Rendered, source: Path) -> None:
    engine = rendered.engine
    print(
        f"{source.name}, {rendered.n_frames / engine.sample_rate:.1f} s, through {engine.model.name}: "
        f"{engine.model.n_code} units, latency {engine.latency_frames} frames ({1000 * engine.latency_s:.1f} ms)"
    )
    for line in rendered.warnings():
        print(line)


def _aloud(path: Path) -> str:
    """Play the file where that is possible; one line that says what happened."""
    if not sys.stdout.isatty():
        return "Not played aloud: no terminal."
    audio, sample_rate = audio_file.read(path)
    try:
        return f"Played on {play_aloud(audio, sample_rate)}."
    except StreamError as error:
        return f"Not played aloud: {error}."


if __name__ == "__main__":
    command_line.run(main, name="python -m aedsp.play")
