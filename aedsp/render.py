"""`python -m aedsp.render`: renders an audio file through a model, with any settings, to an audio file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from aedsp import cli, data
from aedsp.audio import file as audio_file
from aedsp.control import gesture_file
from aedsp.control import mapping as mappings
from aedsp.control.automation import Automation
from aedsp.control.gesture_file import GestureFile
from aedsp.engine.curves import Curves
from aedsp.engine.engine import PrecisionMode
from aedsp.engine.offline import NO_INPUT_S, generate_file, render_file
from aedsp.engine.phases import PhaseMode
from aedsp.model.model import Model


def _pairs(name: str, texts: list[str]) -> dict[int, float]:
    """Parse ["3=0.5", "4=1,5=0"] to {3: 0.5, 4: 1.0, 5: 0.0}."""
    pairs = {}
    for item in ",".join(texts).split(",") if texts else []:
        unit, _, value = item.partition("=")
        try:
            pairs[int(unit)] = float(value)
        except ValueError:
            raise ValueError(f"--{name} is {item!r}; expected UNIT=VALUE, e.g. --{name} 3=0.5") from None
    return pairs


def _units(name: str, texts: list[str]) -> list[int]:
    """Parse ["4,5", "9"] to [4, 5, 9]."""
    try:
        return [int(item) for item in ",".join(texts).split(",")] if texts else []
    except ValueError:
        raise ValueError(f"--{name} is {','.join(texts)!r}; expected unit numbers, e.g. --{name} 4,5") from None


def command(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="audio file (default: the shipped demo clip)")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.wav", help="output file: wav, flac, ogg or aiff")
    ] = Path("rendered.wav"),
    model: Annotated[
        Path | None, typer.Option("--model", metavar="M", help="model file (default: the shipped model)")
    ] = None,
    gain: Annotated[list[str] | None, typer.Option(metavar="UNIT=VALUE", help="gain of a unit; repeatable")] = None,
    scale: Annotated[
        list[str] | None, typer.Option(metavar="UNIT=VALUE", help="second gain of a unit; repeatable")
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option(metavar="UNIT=VALUE", help="fixed activation of a unit; repeatable")
    ] = None,
    mute: Annotated[list[str] | None, typer.Option(metavar="UNITS", help="units to mute, e.g. 4,5")] = None,
    sign: Annotated[list[str] | None, typer.Option(metavar="UNITS", help="units with inverted polarity")] = None,
    detail: Annotated[
        float, typer.Option(metavar="D", help="0: the model's resynthesis, to 1: the units shape the original")
    ] = 0.0,
    mix: Annotated[float, typer.Option(metavar="W", help="0: original, to 1: resynthesized")] = 1.0,
    volume: Annotated[float, typer.Option(metavar="DB", help="volume in dB, at most 12")] = 0.0,
    monitor: Annotated[str, typer.Option(metavar="original|resynthesized", help="signal to render")] = "resynthesized",
    phase: Annotated[str, typer.Option(metavar=" | ".join(get_args(PhaseMode)), help="phase method")] = "auto",
    phase_from: Annotated[
        Path | None, typer.Option(metavar="B", help="audio file that provides the phases (cross-synthesis)")
    ] = None,
    stretch: Annotated[
        float, typer.Option(metavar="R", help="time-stretch the input: 0.25 to 4 times its duration")
    ] = 1.0,
    transpose: Annotated[float, typer.Option(metavar="S", help="transpose the input: -24 to 24 semitones")] = 0.0,
    refine: Annotated[int, typer.Option(metavar="N", help="phase refinement iterations")] = 0,
    precision: Annotated[
        str, typer.Option(metavar=" | ".join(get_args(PrecisionMode)), help="format of the weights")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="random seed of the start phases and the drive 'walk'")] = 0,
    no_input: Annotated[bool, typer.Option("--no-input", help="render the decoder alone, without input")] = False,
    drive: Annotated[
        str | None,
        typer.Option(metavar="D", help="drive of the decoder alone: constant, typical[:PERCENTILE], walk[:HZ]"),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="duration of the decoder alone (default: 10)")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="P.png", help="draw the spectrograms of input and output")
    ] = None,
    gestures: Annotated[
        Path | None, typer.Option(metavar="G.mid", help="recorded gestures, or any MIDI file with control changes")
    ] = None,
    automation: Annotated[
        Path | None, typer.Option(metavar="C.toml", help="automation curves over time, TOML or CSV (docs/embedding.md)")
    ] = None,
    mapping: Annotated[
        str, typer.Option(metavar="M.toml", help="MIDI mapping for the control changes of other MIDI files")
    ] = "nanokontrol2",
) -> None:
    """Resynthesize an audio file through a model, at the same rate and, unless time-stretched, the same length.

    With --gestures of a recorded performance and no IN, the output is bit-identical to what was heard.
    """
    taken = None if gestures is None else gesture_file.read(gestures)
    if taken is not None and taken.header is not None:
        chosen = {
            "--gain": gain, "--scale": scale, "--override": override, "--mute": mute, "--sign": sign, "--plot": plot,
            "--monitor": monitor != "resynthesized", "--phase": phase != "auto", "--seed": seed, "--refine": refine,
            "--phase-from": phase_from, "--stretch": stretch != 1, "--transpose": transpose,
            "--no-input": no_input, "--drive": drive, "--seconds": seconds is not None,
            "--detail": detail, "--mix": mix != 1, "--volume": volume,
        }  # fmt: skip
        if given := [name for name, value in chosen.items() if value]:
            raise ValueError(f"{gestures} already contains all settings; omit {' and '.join(given)}")
        if automation is not None:
            raise ValueError(f"{gestures} already contains all controls; omit --automation")
        _render_performance(taken, source, output, model)
        return
    no_input = no_input or drive is not None or seconds is not None
    if automation is not None and gestures is not None:
        raise ValueError("--automation and --gestures both move the controls; give one of them")
    inputs = {"IN": source, "--gestures": gestures, "--automation": automation,
        "--plot": plot, "--phase-from": phase_from,
        "--stretch": None if stretch == 1 else stretch, "--transpose": transpose or None}  # fmt: skip
    if no_input and (given := [name for name, value in inputs.items() if value is not None]):
        raise ValueError(f"--no-input, --drive and --seconds are for the decoder alone; omit {' and '.join(given)}")
    if seconds is not None and not 0 < seconds < 1e6:
        raise ValueError(f"--seconds is {seconds}; expected more than 0 and less than a million")
    source = source or data.demo_audio_path()
    the_model = Model.load(data.model_path(model)) if model else data.demo_model()
    settings: dict[str, Any] = {
        "monitor": monitor,
        "gain": _pairs("gain", gain or []),
        "scale": _pairs("scale", scale or []),
        "override": _pairs("override", override or []),
        "muted": dict.fromkeys(_units("mute", mute or []), True),
        "sign": dict.fromkeys(_units("sign", sign or []), -1),
        "detail": detail,
        "mix": mix,
        "volume_db": volume,
    }
    cli.check_amounts({name: settings[name] for name in ("detail", "mix", "volume_db")})
    if plot:
        from aedsp.audio import plot as pictures

        pictures.check_target(plot)
    options = {"phase": phase, "refine": refine, "precision": precision, "seed": seed}
    if no_input:
        drive, seconds = drive or "constant", seconds or NO_INPUT_S
        engine = generate_file(options, the_model, output, settings, drive, seconds)
        print(f"{output}: {the_model.name} ({the_model.n_code} units) without input, {seconds:g} s, drive {drive}")
        if n := engine.statistics.limited_frames:
            print(f"{n} frames were limited to full scale; lower the gains to avoid it")
        return
    automate = None
    if taken is not None:
        the_mapping = mappings.load(mapping)
        automate = lambda engine: Automation(taken, engine, the_mapping).split  # noqa: E731
    if automation is not None:
        automate = lambda engine: Curves(engine, automation).split  # noqa: E731
    rendered = render_file(options, the_model, source, output, settings, automate, phase_from, stretch, transpose)
    print(f"{output}: {source} through {the_model.name} ({the_model.n_code} units)")
    for line in rendered.warnings():
        print(line)
    if plot:
        pictures.draw_spectrograms(source, output, plot)
        print(f"{plot}: spectrograms, original above resynthesized")


def _render_performance(gestures: GestureFile, source: Path | None, output: Path, model: Path | None) -> None:
    """Render a recorded performance."""
    from aedsp.control.replay import Replay

    if source is not None and output.exists() and output.samefile(source):
        raise ValueError(f"{output} is the input file; choose another name for the output")
    replay = Replay(gestures, Model.load(data.model_path(model)) if model else None, source)
    engine, n = replay.engine, 0
    try:
        with audio_file.written(output, engine.sample_rate, engine.channels) as out:
            for block in replay.blocks():
                out.write(block)
                n += len(block)
    finally:
        replay.close()
    print(f"{output}: the performance {gestures.path}, {n / engine.sample_rate:.1f} s, as heard")


if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.render")
