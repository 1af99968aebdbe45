"""`python -m aedsp.play`: the instrument, live; without a device or a terminal, a clip through a model to files."""

from __future__ import annotations

import contextlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aedsp import command_line, data, portaudio
from aedsp.engine import Engine, PhaseMode
from aedsp.errors import StreamError
from aedsp.midi import mapping as mappings
from aedsp.model import Model
from aedsp.play import offline, plain
from aedsp.play import session as sessions
from aedsp.play.instrument import Instrument
from aedsp.play.session import Session
from aedsp.sources import FileSource, InputSource, NoInput, Source, channels_of
from aedsp.stream import Stream

DEFAULT_BLOCK = 512


@dataclass(frozen=True)
class Choice:
    """What the command line and the session say together."""

    model_path: Path
    source: Source
    mapping: str
    device: str | int | None
    rate: float | None
    block: int
    session: Session


def main(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="audio file; default: the shipped demo clip, in a loop")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="M", help="model file; default: the shipped one")
    ] = None,
    live_input: Annotated[bool, typer.Option("--input", help="play on a live input; muted until you play")] = False,
    input_device: Annotated[
        str | None, typer.Option(metavar="NAME", help="which input, instead of the default")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="the decoder alone")] = False,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="output device: number or part of the name")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="HZ", help="of the device; default: its own")] = None,
    block: Annotated[
        int | None, typer.Option(metavar="FRAMES", help=f"of the device; 0: as it comes; default {DEFAULT_BLOCK}")
    ] = None,
    latency: Annotated[str, typer.Option(metavar="low|high|S", help="what is asked of the device")] = "low",
    channels: Annotated[
        int | None, typer.Option(metavar="N", help="of the engine; default: the source's, 1 or 2")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="begin the file again at its end")] = False,
    mapping: Annotated[
        str | None, typer.Option(metavar="M.toml", help="MIDI mapping; default nanokontrol2; shipped: eight_faders too")
    ] = None,
    midi: Annotated[str | None, typer.Option(metavar="NAME", help="the controller's port, or 'none'")] = None,
    record: Annotated[Path | None, typer.Option(metavar="R.wav", help="record what is heard; .flac too")] = None,
    record_gestures: Annotated[Path | None, typer.Option(metavar="G.mid", help="record what you do")] = None,
    session: Annotated[Path | None, typer.Option(metavar="S.toml", help="load it, and save it at the end")] = None,
    phase: Annotated[str, typer.Option(metavar="auto|source|advance")] = "auto",
    seed: Annotated[int, typer.Option(help="of the start phases of 'advance'")] = 0,
    screen: Annotated[bool, typer.Option("--screen/--no-screen", help="a status line a second instead")] = True,
    lines: Annotated[bool, typer.Option("--lines", help="plain lines and commands, for a screen reader")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="a JSON object a second, for programs")] = False,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="end by itself after this time")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.wav", help="where there is no device; the picture beside it")
    ] = Path("demo.wav"),
) -> None:
    """Play the hidden units of an autoencoder while music streams through them."""
    if sum((file is not None, live_input or input_device is not None, no_input)) > 1:
        raise ValueError("FILE, --input and --no-input are three sources; give one of them")
    chosen = _choose(file, model, live_input, input_device, no_input, device, rate, block, loop, mapping, session)
    the_model = Model.load(chosen.model_path)
    live = sys.stdout.isatty() or not screen or lines or json_lines
    if not live:
        _offline(chosen.source, the_model, output, "no terminal", named=live_input)
        return
    try:
        stream = _stream(chosen, the_model, channels, latency, phase, seed)
    except StreamError as error:
        if device is not None or rate is not None or isinstance(chosen.source, InputSource):
            raise
        _offline(chosen.source, the_model, output, str(error), named=False)
        return
    try:
        instrument = _instrument(stream, chosen, midi)
    except BaseException:
        stream.close()
        raise
    _play(
        instrument,
        chosen,
        session,
        record,
        record_gestures,
        screen and not lines and not json_lines,
        lines,
        json_lines,
        seconds,
    )


def _choose(
    file: Path | None, model: Path | None, live_input: bool, input_device: str | None, no_input: bool,
    device: str | None, rate: float | None, block: int | None, loop: bool, mapping: str | None, session: Path | None,
) -> Choice:  # fmt: skip
    """The command line says more than the session, the session more than the defaults."""
    kept = sessions.load(session) if session is not None and session.exists() else Session()
    source: Source
    if live_input or input_device is not None:
        source = InputSource(portaudio.named(input_device))
    elif no_input:
        source = NoInput()
    elif file is None and kept.source is not None:
        source = _source_of(kept)
    elif file is None:
        source = FileSource(data.demo_audio_path(), loop=True)
    else:
        source = FileSource(file, loop or kept.loop)
    block = block if block is not None else kept.block if kept.block is not None else DEFAULT_BLOCK
    return Choice(
        model_path=model or (Path(kept.model) if kept.model else data.demo_model_path()),
        source=source,
        mapping=mapping or kept.mapping or "nanokontrol2",
        device=portaudio.named(device if device is not None else kept.device),
        rate=rate or kept.rate,
        block=block,
        session=kept,
    )


def _source_of(session: Session) -> Source:
    name = session.source or ""
    if name == "no input":
        return NoInput()
    if name == "input" or name.startswith("input: "):
        return InputSource(portaudio.named(name.removeprefix("input").removeprefix(": ") or None))
    return FileSource(name, session.loop)


def _offline(source: Source, model: Model, output: Path, reason: str, *, named: bool) -> None:
    if isinstance(source, FileSource):
        offline.render(Path(source.path), model, output, reason)
    elif isinstance(source, NoInput):
        offline.render_no_input(model, output, reason)
    else:
        raise StreamError(f"a live input needs a terminal, or --no-screen, --lines or --json ({reason})")


def _stream(chosen: Choice, model: Model, channels: int | None, latency: str, phase: str, seed: int) -> Stream:
    try:
        asked: portaudio.Latency = latency if latency in ("low", "high") else float(latency)  # type: ignore[assignment]
    except ValueError:
        raise ValueError(f"--latency is {latency!r}; expected low, high or a time in s") from None
    source_channels = channels_of(chosen.source)  # and a file that cannot be read is told first
    output = portaudio.find_device(chosen.device, "output")
    mode: PhaseMode = phase  # type: ignore[assignment]
    engine = Engine(
        model,
        chosen.rate or output.sample_rate,
        channels=channels or source_channels,
        block_frames=chosen.block or None,
        phase=mode,
        seed=seed,
    )
    return Stream(engine, chosen.source, output.number, latency=asked)


def _instrument(stream: Stream, chosen: Choice, midi: str | None) -> Instrument:
    return Instrument(
        stream,
        mappings.load(chosen.mapping),
        chosen.model_path,
        user_folder(),
        midi_port=midi if midi != "none" else None,
        midi=midi != "none",
    )


def user_folder() -> Path:
    """Where this system keeps a user's settings."""
    try:
        from platformdirs import user_config_dir
    except ImportError:
        return Path.home() / ".config" / "aedsp"
    return Path(user_config_dir("aedsp", appauthor=False))


def _play(
    instrument: Instrument, chosen: Choice, session: Path | None, record: Path | None, record_gestures: Path | None,
    screen: bool, lines: bool, json_lines: bool, seconds: float | None,
) -> None:  # fmt: skip
    """From the first sound to the statistics."""
    signal.signal(signal.SIGTERM, lambda number, frame: instrument.quitting.set())
    ended_well = False
    try:
        instrument.apply(chosen.session)
        if record_gestures is not None:
            instrument.record_gestures(record_gestures)
        if record is not None:
            instrument.stream.record(record)
        instrument.say(_greeting(instrument))
        instrument.say(str(instrument.stream.latency))
        if isinstance(chosen.source, InputSource):
            instrument.say("the input is muted: play opens it; mind the feedback from loudspeakers, take headphones")
        else:
            instrument.stream.start()
        with contextlib.suppress(KeyboardInterrupt):
            if screen:
                from aedsp.play.screen import Screen

                Screen(instrument, seconds).run()
            elif lines:
                plain.run_lines(instrument, seconds=seconds)
            else:
                plain.run(instrument, json_lines=json_lines, seconds=seconds)
        ended_well = True
    finally:
        _end(instrument, session if ended_well else None, json_lines)


def _end(instrument: Instrument, session: Path | None, json_lines: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not tear a recording apart
    instrument.on_message = None
    said = len(instrument.messages)
    if session is not None:
        instrument.attempt(lambda: instrument.session().save(session), f"session saved in {session}")
    last = plain.status(instrument)
    statistics_lines = None
    instrument.close()
    statistics_lines = instrument.stream.statistics.lines()
    if json_lines:
        import json

        print(json.dumps({"end": True, **last}), flush=True)
    else:
        for _, message in list(instrument.messages)[said:]:
            print(message)
        print("\n".join(statistics_lines), flush=True)
    with contextlib.suppress(Exception):
        portaudio.release()


def _greeting(instrument: Instrument) -> str:
    stream, model = instrument.stream, instrument.engine.model
    return (
        f"{model.name}: {model.n_code} units, on {stream.output_device.name} ({stream.output_device.host}) at "
        f"{instrument.engine.sample_rate:g} Hz, blocks of {instrument.engine.block_frames or 'any'} frames"
    )


if __name__ == "__main__":
    command_line.run(main, name="python -m aedsp.play")
