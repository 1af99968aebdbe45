"""`python -m aedsp.play`: plays the instrument live; renders to files without an audio device or terminal."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from aedsp import cli, data, toml
from aedsp.control import mapping as mappings
from aedsp.control.gesture_file import mido_is_installed, require_mido
from aedsp.control.mapping import Mapping
from aedsp.engine import time_stretch
from aedsp.engine.controls import NEUTRAL_AMOUNTS
from aedsp.engine.engine import Engine
from aedsp.engine.phases import PhaseMode
from aedsp.errors import MissingExtraError, StreamError
from aedsp.live import portaudio
from aedsp.live.portaudio import DeviceName, Latency
from aedsp.live.sources import FileSource, InputSource, NoInput, Source, channels_of
from aedsp.live.stream import Stream
from aedsp.model.model import Model
from aedsp.play import lines, offline, standard_error
from aedsp.play import session as sessions
from aedsp.play.ending import Ending
from aedsp.play.instrument import Instrument
from aedsp.play.playlist import Playlist
from aedsp.play.session import Session
from aedsp.play.user_folder import user_folder

DEFAULT_BLOCK = 512
_PURE = "the resynthesis alone; d lets the faders shape the original"


@dataclass(frozen=True)
class Choice:
    """Settings from command line and session combined; checked, except for what needs the device."""

    model_path: Path
    source: Source
    playlist: Playlist | None
    loop: bool
    mapping: Mapping
    device: DeviceName
    sample_rate: float | None
    block: int
    latency: Latency
    channels: int | None
    phase: PhaseMode
    refine: int
    seed: int
    midi: str | None
    stretch: float
    transpose: float
    amounts: dict[str, float]
    session: Session
    names_a_device: bool
    is_demo: bool


def command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="audio file, folder or M3U playlist (default: the shipped demo clip, looped)"
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="M", help="model file (default: the shipped model)")
    ] = None,
    live_input: Annotated[
        bool, typer.Option("--input", help="process a live input; muted until you press play")
    ] = False,
    input_device: Annotated[
        str | None, typer.Option(metavar="NAME", help="live input device: number or part of the name")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="play the decoder alone, without input")] = False,
    drive: Annotated[
        str | None,
        typer.Option(metavar="D", help="drive of the decoder alone: constant, typical[:PERCENTILE], walk[:HZ]"),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="output device: number or part of the name (default: the system's)"),
    ] = None,
    sample_rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="sample rate of the device (default: its current rate)")
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(
            metavar="FRAMES", help=f"block size in frames; 0: let the device decide (default: {DEFAULT_BLOCK})"
        ),
    ] = None,
    latency: Annotated[
        str | None, typer.Option(metavar="low|high|S", help="device latency: low, high or a time in s (default: low)")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(metavar="N", help="number of channels (default: those of the source, at most 2)")
    ] = None,
    loop: Annotated[
        bool | None, typer.Option("--loop/--no-loop", help="loop the file (default: loop only the demo clip)")
    ] = None,
    stretch: Annotated[
        float | None, typer.Option(metavar="R", help="time-stretch the file: 0.25 to 4 times its duration")
    ] = None,
    transpose: Annotated[
        float | None, typer.Option(metavar="S", help="transpose the file: -24 to 24 semitones")
    ] = None,
    detail: Annotated[
        float | None,
        typer.Option(metavar="D", help="0: the model's resynthesis, 1: faders shape the original (default: 1)"),
    ] = None,
    mix: Annotated[float | None, typer.Option(metavar="W", help="0: original, 1: resynthesized (default: 1)")] = None,
    volume: Annotated[float | None, typer.Option(metavar="DB", help="volume in dB, at most 12 (default: 0)")] = None,
    mapping: Annotated[
        str | None,
        typer.Option(metavar="M.toml", help="MIDI mapping: file, nanokontrol2 or eight_faders (default: nanokontrol2)"),
    ] = None,
    midi: Annotated[str | None, typer.Option(metavar="NAME", help="MIDI port: part of the name, or 'none'")] = None,
    record: Annotated[Path | None, typer.Option(metavar="R.wav", help="record the output, as .wav or .flac")] = None,
    record_gestures: Annotated[Path | None, typer.Option(metavar="G.mid", help="record your gestures")] = None,
    session: Annotated[
        Path | None, typer.Option(metavar="S.toml", help="load this session if it exists; save it on exit")
    ] = None,
    phase: Annotated[
        str | None, typer.Option(metavar=" | ".join(get_args(PhaseMode)), help="phase method (default: auto)")
    ] = None,
    refine: Annotated[int | None, typer.Option(metavar="N", help="phase refinement iterations (default: 0)")] = None,
    seed: Annotated[
        int | None, typer.Option(help="random seed of the start phases and the drive 'walk' (default: 0)")
    ] = None,
    screen: Annotated[
        bool, typer.Option("--screen/--no-screen", help="full screen, or one status line per second")
    ] = True,
    lines: Annotated[bool, typer.Option("--lines", help="plain text lines and commands, for screen readers")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="print one JSON object per second, for programs")] = False,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="quit after this time in s")] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT.wav", help="output file if there is no device; the picture goes beside it"
        ),
    ] = Path("demo.wav"),
) -> None:
    """Play the hidden units of an autoencoder while music streams through them."""
    chosen = _choose(
        {
            "file": file, "model": model, "input": live_input, "input_device": input_device, "no_input": no_input,
            "device": device, "sample_rate": sample_rate, "block": block, "latency": latency, "channels": channels,
            "loop": loop, "mapping": mapping, "midi": midi, "phase": phase, "seed": seed,
            "refine": refine, "drive": drive, "stretch": stretch, "transpose": transpose,
            "detail": detail, "mix": mix, "volume_db": volume,
        },
        sessions.load(session) if session is not None and session.exists() else Session(),
    )  # fmt: skip
    if seconds is not None and not seconds > 0:
        raise ValueError(f"--seconds is {seconds}; expected more than 0")
    the_model = Model.load(chosen.model_path)
    wishes = {"--record": record, "--record-gestures": record_gestures, "--session": session}
    ignored = [name for name, path in wishes.items() if path is not None]
    if not (sys.stdout.isatty() or not screen or lines or json_lines):
        _offline(chosen, the_model, output, "no terminal", ignored)
        return
    surface = "lines" if lines else "json" if json_lines else "screen" if screen else "status"
    _require_extras(surface, session, record_gestures)
    try:
        stream = _stream(chosen, the_model)
    except StreamError as error:
        if chosen.names_a_device or isinstance(chosen.source, InputSource):
            raise
        _offline(chosen, the_model, output, str(error), ignored)
        return
    try:
        instrument = _instrument(stream, chosen)
    except BaseException:
        stream.close()
        raise
    _play(instrument, chosen, session, record, record_gestures, surface, seconds)


def _choose(given: dict[str, Any], kept: Session) -> Choice:
    """Merge settings: the command line overrides the session, the session overrides the defaults.

    Raises
    ------
    ValueError, OSError, AedspError
        If an option is out of range, or the mapping cannot be read.
    """

    def first(name: str, default: Any = None) -> Any:
        return next((v for v in (given[name], getattr(kept, name)) if v is not None), default)

    latency, phase = first("latency", "low"), first("phase", "auto")
    block = first("block", 0 if phase == "pghi1" else DEFAULT_BLOCK)  # its look-ahead cancels the gain of a fixed block
    channels, sample_rate = first("channels"), first("sample_rate")
    seed, refine = first("seed", 0), first("refine", 0)
    if latency not in ("low", "high"):
        try:
            latency = float(latency)
        except ValueError:
            raise ValueError(f"--latency is {latency!r}; expected low, high or a time in s") from None
    if phase not in get_args(PhaseMode):
        raise ValueError(f"--phase is {phase!r}; expected one of {get_args(PhaseMode)}")
    for name, value, least in (
        ("block", block, 0),
        ("channels", channels, 1),
        ("sample_rate", sample_rate, 1),
        ("seed", seed, 0),
        ("refine", refine, 0),
    ):
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; expected at least {least}")
    midi, stretch, transpose = first("midi"), first("stretch", 1.0), first("transpose", 0.0)
    time_stretch.check(stretch, transpose)
    playlist = _playlist(given, kept)
    source = _source(given, kept, playlist)
    if (given["stretch"], given["transpose"]) != (None, None) and not isinstance(source, FileSource):
        raise ValueError("--stretch and --transpose need a file as the source")
    return Choice(
        model_path=data.model_path(given["model"] or kept.model or data.MODELS[0]),
        source=source,
        playlist=playlist,
        loop=bool(given["loop"] if given["loop"] is not None else kept.loop),
        mapping=_mapping(first("mapping", "nanokontrol2")),
        device=portaudio.named(first("device")),
        sample_rate=sample_rate,
        block=block,
        latency=latency,
        channels=channels,
        phase=phase,
        refine=refine,
        seed=seed,
        midi=midi,
        stretch=stretch,
        transpose=transpose,
        amounts=_amounts(given, kept),
        session=kept,
        names_a_device=first("device") is not None or given["sample_rate"] is not None,
        is_demo=given["file"] is None and kept.source is None and first("model") is None,
    )


def _playlist(given: dict[str, Any], kept: Session) -> Playlist | None:
    """The songs of the command line, else those of the session, at its song, if they are still there."""
    if given["file"] is not None:
        return Playlist.of(given["file"]).at_readable(channels_of, _warn)
    chosen = given["input"] or given["input_device"] or given["no_input"] or given["drive"]
    if chosen or kept.playlist is None or kept.source is None:
        return None
    try:
        return Playlist.of(kept.playlist).at(Path(kept.source))
    except (OSError, ValueError) as error:
        _warn(f"the playlist of the session is not used: {error}")
        return None


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _amounts(given: dict[str, Any], kept: Session) -> dict[str, float]:
    """Detail, mix and volume: from the command line, else from the session; without a session detail is 1."""
    defaults = NEUTRAL_AMOUNTS if kept.controls else {**NEUTRAL_AMOUNTS, "detail": 1.0}
    found = {}
    for name in ("detail", "mix", "volume_db"):
        value = given[name]
        found[name] = float(kept.controls.get(name, defaults[name]) if value is None else value)
    cli.check_amounts(found)
    return found


def _source(given: dict[str, Any], kept: Session, playlist: Playlist | None) -> Source:
    live = given["input"] or given["input_device"] is not None
    if sum((given["file"] is not None, live, given["no_input"])) > 1:
        raise ValueError("give only one of FILE, --input and --no-input")
    if live:
        return InputSource(portaudio.named(given["input_device"]))
    if given["drive"] is not None and (given["file"] is not None or live):
        raise ValueError("--drive is for the decoder alone; omit it, or omit the file or input")
    if given["no_input"] or given["drive"] is not None:
        return NoInput(given["drive"] or kept.drive or "constant")
    loop = given["loop"] if given["loop"] is not None else kept.loop
    if playlist is not None and not (live or given["no_input"] or given["drive"]):
        return FileSource(playlist.song, loop and not playlist.continues)
    if kept.source is not None:
        return _source_of(kept, loop)
    return FileSource(data.demo_audio_path(), loop=given["loop"] is not False)


def _mapping(name: str) -> Mapping:
    """Load a mapping file, else the learnt mapping of that name, else the shipped one."""
    if not Path(name).exists():
        shipped = mappings.shipped().get(name)
        learnt = user_folder() / "mappings" / f"{shipped.name if shipped else name}.toml"
        if learnt.exists():
            return mappings.load(learnt)
    return mappings.load(name)


def _source_of(session: Session, loop: bool) -> Source:
    name = session.source or ""
    if name == "no input":
        return NoInput(session.drive or "constant")
    if name == "input" or name.startswith("input: "):
        return InputSource(portaudio.named(name.removeprefix("input").removeprefix(": ") or None))
    return FileSource(name, loop)


def _offline(chosen: Choice, model: Model, output: Path, reason: str, ignored: list[str]) -> None:
    """Render to files instead of playing live; refuse options that only work live."""
    if isinstance(chosen.source, InputSource):
        raise StreamError(f"a live input needs a device, and a terminal or --no-screen, --lines or --json ({reason})")
    if ignored:
        raise StreamError(
            f"{' and '.join(ignored)} needs a device, and a terminal or --no-screen, --lines, --json ({reason})"
        )
    options = {"phase": chosen.phase, "refine": chosen.refine, "seed": chosen.seed}
    if isinstance(chosen.source, FileSource):
        path = Path(chosen.source.path)
        gestures = data.demo_gestures_path() if chosen.is_demo and mido_is_installed() else None
        offline.render(path, model, output, reason, options, chosen.amounts, chosen.stretch, chosen.transpose, gestures)
    elif isinstance(chosen.source, NoInput):
        offline.render_no_input(model, output, reason, options, chosen.amounts, chosen.source.drive)


def _stream(chosen: Choice, model: Model) -> Stream:
    source_channels = channels_of(chosen.source)  # first, so that an unreadable file is reported first
    output = portaudio.find_device(chosen.device, "output")
    engine = Engine(
        model,
        chosen.sample_rate or output.sample_rate,
        channels=chosen.channels or source_channels,
        block_frames=chosen.block or None,
        phase=chosen.phase,
        refine=chosen.refine,
        seed=chosen.seed,
    )
    return Stream(engine, chosen.source, output.number, latency=chosen.latency)


def _instrument(stream: Stream, chosen: Choice) -> Instrument:
    port, folder = chosen.midi if chosen.midi != "none" else None, user_folder()
    return Instrument(
        stream, chosen.mapping, chosen.model_path, folder, midi_port=port, midi=chosen.midi != "none",
        playlist=chosen.playlist, loop=chosen.loop,
    )  # fmt: skip


def _play(
    instrument: Instrument, chosen: Choice, session: Path | None, record: Path | None, record_gestures: Path | None,
    surface: str, seconds: float | None,
) -> None:  # fmt: skip
    """Run the instrument until it ends, then print the statistics."""
    with Ending(instrument, session, surface == "json"):
        instrument.apply(chosen.session, chosen.amounts)
        if record_gestures is not None:
            instrument.record_gestures(record_gestures)
        if record is not None:
            instrument.stream.record(record, from_play=True)
        if isinstance(chosen.source, FileSource) and (chosen.stretch, chosen.transpose) != (1, 0):
            instrument.set_stretch(stretch=chosen.stretch, transpose=chosen.transpose)
        instrument.say(_greeting(instrument))
        instrument.say(str(instrument.stream.latency))
        if isinstance(chosen.source, InputSource):
            instrument.say("the input is muted: press play to open it; use headphones, loudspeakers may feed back")
        else:
            instrument.stream.start()
        with contextlib.suppress(KeyboardInterrupt):
            if surface == "screen":
                from aedsp.play.screen import Screen

                with standard_error.as_messages(instrument.say):
                    Screen(instrument, seconds).run()
            elif surface == "lines":
                lines.run_lines(instrument, seconds=seconds)
            else:
                lines.run(instrument, json_lines=surface == "json", seconds=seconds)


def _require_extras(surface: str, session: Path | None, gestures: Path | None) -> None:
    """Check, before a device is opened, that what this performance needs is installed.

    Raises
    ------
    MissingExtraError
        Names the package and the pip command.
    """
    if surface == "screen":
        try:
            import aedsp.play.screen  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"the screen needs {error.name or 'textual'}; pip install 'aedsp[play]', or play with --lines"
            ) from None
    if session is not None:
        toml.require_writer()
    if gestures is not None:
        require_mido()


def _greeting(instrument: Instrument) -> str:
    stream, model = instrument.stream, instrument.engine.model
    return (
        f"{model.name}: {model.n_code} units, on {stream.output_device.name} ({stream.output_device.host}) at "
        f"{instrument.engine.sample_rate:g} Hz, blocks of {instrument.engine.block_frames or 'any'} frames; "
        f"detail {instrument.controls.detail:g}: "
        + ("faders shape the original; d switches to the resynthesis" if instrument.controls.detail else _PURE)
    )


if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.play")
