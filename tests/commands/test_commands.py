"""The commands as a user types them: files, output, and errors for invalid input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp import data
from aedsp.__main__ import COMMANDS
from models import autoencoder, level_db, music


@pytest.fixture
def run(tmp_path):
    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=120,
            env={**os.environ, **environment},
        )  # fmt: skip

    return run


@pytest.fixture
def files(rng, tmp_path):
    autoencoder(rng, steps=(aedsp.Power(0.5),)).save(tmp_path / "m.h5")
    soundfile.write(tmp_path / "in.wav", music(rng, 22_050), 22_050, subtype="FLOAT")
    soundfile.write(tmp_path / "fast.wav", music(rng, 500), 250_000)
    soundfile.write(tmp_path / "many.wav", np.zeros((500, 9)), 22_050)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 22_050)
    return tmp_path


def test_play_without_arguments_writes_a_clip_and_a_picture(run, tmp_path):
    result = run("aedsp.play")
    assert result.returncode == 0, result.stderr
    assert "Not played aloud: no terminal." in result.stdout
    assert f"Wrote {tmp_path / 'demo.wav'} and {tmp_path / 'demo.png'}" in result.stdout
    assert "demo.mid moves the faders" in result.stdout
    x, (y, rate) = soundfile.read(data.demo_audio_path())[0], soundfile.read(tmp_path / "demo.wav", dtype="float32")
    untouched = aedsp.resynthesize(aedsp.demo_model(), x.astype(np.float32), detail=1)
    assert rate == 44_100 and np.array_equal(y[: 2 * rate - 512], untouched[: 2 * rate - 512])
    away = slice(int(4.5 * rate), 5 * rate)  # the first eight faders are down
    assert level_db(y[away]) < level_db(untouched[away]) - 6
    picture = (tmp_path / "demo.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.png", "demo.wav"]


def test_play_a_file_through_a_model(run, files):
    result = run("aedsp.play", "in.wav", "--model", "m.h5", "-o", "heard.wav")
    assert result.returncode == 0, result.stderr
    assert "in.wav, 1.0 s, through test: 16 units, latency 512 frames (23.2 ms)" in result.stdout
    assert (files / "heard.wav").exists() and (files / "heard.png").exists()


def test_play_reports_a_missing_file_and_keeps_an_older_picture(run, tmp_path):
    (tmp_path / "demo.png").write_bytes(b"older")
    result = run("aedsp.play", "missing.wav")
    assert result.returncode == 2 and "missing.wav: no such audio file" in result.stderr
    assert (tmp_path / "demo.png").read_bytes() == b"older"


def test_play_reports_why_it_is_not_live(monkeypatch, tmp_path, capsys):
    """With a terminal but without PortAudio or sounddevice: one line, both files, no error."""
    from aedsp.live import portaudio
    from aedsp.play import __main__ as play

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for error, text in [
        (OSError("PortAudio library not found"), "PortAudio is not installed; on Debian: apt install libportaudio2"),
        (ImportError("no module"), "sounddevice is not installed; pip install 'aedsp[play]'"),
    ]:

        class Refusing:
            def find_spec(self, name, path=None, target=None, error=error):
                if name == "sounddevice":
                    raise error

        monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
            with pytest.raises(aedsp.errors.StreamError, match="not installed"):
                portaudio.list_devices()
            play.command()
        assert f"Not played aloud: {text}." in capsys.readouterr().out
        assert (tmp_path / "demo.wav").exists()


def no_devices():
    from aedsp.live import portaudio

    try:
        devices = portaudio.list_devices()
    except aedsp.errors.StreamError:
        pytest.skip("no sounddevice or no PortAudio on this machine")
    if any(device.outputs for device in devices):
        pytest.skip("this machine has an output device")


def test_a_missing_output_device_is_reported(rng):
    no_devices()
    with pytest.raises(aedsp.errors.StreamError, match="no output device can be used"):
        aedsp.Stream(aedsp.Engine(autoencoder(rng)))


def test_without_a_device_play_renders_or_reports_why_not(run, files):
    no_devices()
    result = run("aedsp.play", "in.wav", "--model", "m.h5", "--no-screen")
    assert result.returncode == 0 and "Not played aloud: no output device can be used" in result.stdout
    result = run("aedsp.play", "--no-input", "--model", "m.h5", "-o", "alone.wav")
    assert result.returncode == 0 and soundfile.info(files / "alone.wav").frames == 220_500
    for arguments in (["--input"], ["--device", "nothing", "--no-screen"], ["--input", "--no-screen"]):
        result = run("aedsp.play", "--model", "m.h5", *arguments)
        assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    result = run("aedsp.devices")
    assert result.returncode == 0 and "No audio device found" in result.stdout
    assert run("aedsp.devices", "--measure-latency").returncode == 2


def midi_file(path, messages, ticks_per_beat=480, tempo=500_000):
    """Control changes (seconds, number, value) as any sequencer would write them."""
    mido = pytest.importorskip("mido")
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo)])
    at = 0
    for seconds, number, value in messages:
        tick = round(seconds * 1e6 / tempo * ticks_per_beat)
        track.append(mido.Message("control_change", control=number, value=value, time=tick - at))
        at = tick
    file.tracks.append(track)
    file.save(path)


def test_any_midi_file_is_automation(run, files):
    midi_file(files / "a.mid", [(0.0, 0, 0), (0.5, 48 + 3, 127), (0.5, 41, 127)])
    result = run("aedsp.render", "in.wav", "--model", "m.h5", "--gestures", "a.mid", "-o", "out.wav")
    assert result.returncode == 0, result.stderr
    engine = aedsp.Engine(aedsp.Model.load(files / "m.h5"))
    x = soundfile.read(files / "in.wav", dtype="float32")[0]
    engine.controls.gain[0] = 0
    first = engine.process(x[:11_025])
    engine.controls.muted[3] = True
    expected = np.concatenate([first, engine.process(np.concatenate([x[11_025:], np.zeros(512, np.float32)]))])[512:]
    assert np.array_equal(soundfile.read(files / "out.wav", dtype="float32")[0], expected)


def test_invalid_gestures_are_refused(run, files):
    midi_file(files / "empty.mid", [(0.1, 120, 3)])
    (files / "bad.mid").write_bytes(b"MThd\0\0")
    for name, text in [
        ("empty.mid", "no message is in the mapping 'nanoKONTROL2'; give another one with --mapping"),
        ("bad.mid", "bad.mid: not a MIDI file"),
        ("in.wav", "in.wav: not a MIDI file"),
        ("none.mid", "none.mid: No such file or directory"),
    ]:
        result = run("aedsp.render", "in.wav", "--model", "m.h5", "--gestures", name, "-o", "out.wav")
        assert result.returncode == 2 and text in result.stderr and result.stderr.count("\n") == 1, result.stderr
        assert not (files / "out.wav").exists()


def test_render_with_unit_settings(run, files):
    result = run(
        "aedsp.render", "in.wav", "-o", "out.wav", "--model", "m.h5", "--gain", "3=0.5", "--gain", "2=0.25,1=0",
        "--scale", "2=1.8", "--mute", "4,5", "--sign", "6", "--override", "7=0.1", "--plot", "p.svg",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    y = soundfile.read(files / "out.wav", dtype="float32")[0]
    expected = aedsp.resynthesize(
        aedsp.Model.load(files / "m.h5"), files / "in.wav", gain={3: 0.5, 2: 0.25, 1: 0}, scale={2: 1.8},
        muted={4: True, 5: True}, sign={6: -1}, override={7: 0.1},
    )  # fmt: skip
    assert np.array_equal(y, expected)
    assert "<svg" in (files / "p.svg").read_text()[:2000]
    assert "out.wav: in.wav through test (16 units)" in result.stdout


def test_render_monitors_the_original(run, files):
    assert run("aedsp.render", "in.wav", "-o", "o.flac", "--monitor", "original", "--model", "m.h5").returncode == 0
    x, y = (soundfile.read(files / name, dtype="float32")[0] for name in ("in.wav", "o.flac"))
    assert level_db(x - y) < -110


def test_render_of_the_decoder_alone(run, tmp_path):
    result = run("aedsp.render", "--no-input", "--seconds", 2, "-o", "constant.wav")
    assert result.returncode == 0 and "without input, 2 s, drive constant" in result.stdout, result.stderr
    y, rate = soundfile.read(tmp_path / "constant.wav", dtype="float32")
    assert rate == 44_100 and np.array_equal(y, aedsp.Engine(aedsp.demo_model()).generate(2 * rate))
    result = run(
        "aedsp.render", "--drive", "walk:0.3", "--seed", 4, "--phase", "spsi", "--seconds", 1, "-o", "walk.wav"
    )
    assert result.returncode == 0, result.stderr
    engine = aedsp.Engine(aedsp.demo_model(), phase="spsi", seed=4)
    expected = engine.generate(44_100, drive="walk:0.3")
    assert np.array_equal(soundfile.read(tmp_path / "walk.wav", dtype="float32")[0], expected)
    result = run("aedsp.play", "--drive", "typical:80", "-o", "typical.wav")
    assert result.returncode == 0 and "10 s, drive typical:80" in result.stdout, result.stderr


def test_render_uses_the_phases_of_another_file(run, files, rng):
    soundfile.write(files / "other.wav", music(rng, 9000, 16_000)[::-1], 16_000, subtype="FLOAT")
    soundfile.write(files / "same.wav", soundfile.read(files / "in.wav")[0], 22_050, subtype="FLOAT")
    for other in ("same", "other"):
        result = run(
            "aedsp.render", "in.wav", "--model", "m.h5", "--phase-from", f"{other}.wav", "-o", f"{other}.out.wav"
        )
        assert result.returncode == 0, result.stderr
    run("aedsp.render", "in.wav", "--model", "m.h5", "-o", "plain.wav")
    plain, same, other = (soundfile.read(files / f"{name}.wav")[0] for name in ("plain", "same.out", "other.out"))
    assert np.array_equal(same, plain) and len(other) == len(plain) and not np.array_equal(other, plain)


def test_render_without_arguments_renders_the_demo(run, tmp_path):
    assert run("aedsp.render").returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["rendered.wav"]


@pytest.mark.parametrize("rate, channels", [(44_100, 2), (8000, 1), (96_000, 1)])
def test_render_keeps_rate_channels_and_length(run, files, rng, rate, channels):
    x = rng.uniform(-0.1, 0.1, (12_345, channels))
    soundfile.write(files / "odd ünïcode.wav", x, rate)
    assert run("aedsp.render", "odd ünïcode.wav", "-o", "out.wav", "--model", "m.h5").returncode == 0
    info = soundfile.info(files / "out.wav")
    assert (info.samplerate, info.channels, info.frames) == (rate, channels, 12_345)


BAD = [
    (["aedsp.render", "missing.wav"], "missing.wav: no such audio file"),
    (["aedsp.render", "m.h5"], "m.h5: not readable as audio"),
    (["aedsp.render", "."], "is a directory; expected an audio file"),
    (["aedsp.render", "in.wav", "--model", "in.wav"], "in.wav: is not HDF5"),
    (["aedsp.render", "in.wav", "--model", "none.h5"], "none.h5: No such file or directory"),
    (["aedsp.render", "in.wav", "-o", "out.xyz", "--model", "m.h5"], "extension is '.xyz'; expected one of .wav"),
    (["aedsp.render", "in.wav", "-o", "no/out.wav", "--model", "m.h5"], "no: no such directory; create it first"),
    (["aedsp.render", "in.wav", "--gain", "3:1"], "--gain is '3:1'; expected UNIT=VALUE, e.g. --gain 3=0.5"),
    (["aedsp.render", "in.wav", "--mute", "a"], "--mute is 'a'; expected unit numbers, e.g. --mute 4,5"),
    (
        ["aedsp.render", "in.wav", "--gain", "99=1", "--model", "m.h5"],
        "there is no unit 99; the model has units 0 to 15",
    ),
    (["aedsp.render", "in.wav", "--gain", "1=nan", "--model", "m.h5"], "expected finite float32 numbers"),
    (["aedsp.render", "in.wav", "--monitor", "both", "--model", "m.h5"], "controls.monitor: value is 'both'"),
    (["aedsp.render", "in.wav", "--phase", "x", "--model", "m.h5"], "phase is 'x'; expected one of"),
    (["aedsp.render", "in.wav", "--seed", "x"], "'--seed'"),
    (["aedsp.render", "a", "b"], "unexpected extra argument"),
    (["aedsp.render", "--nonsense"], "No such option"),
    (["aedsp.render", "in.wav", "-o", "in.wav"], "in.wav is the input file; choose another name for the output"),
    (["aedsp.render", "in.wav", "-o", "."], "extension is ''; expected one of .wav"),
    (["aedsp.render", "in.wav", "--plot", "plain"], "plain: extension is ''; pictures are .png"),
    (["aedsp.render", "in.wav", "--plot", "no/p.png"], "no: no such directory; create it first"),
    (["aedsp.render", "fast.wav", "-o", "x.ogg"], "x.ogg: ogg takes whole rates up to 192000 Hz, not 250000; try .wav"),
    (["aedsp.render", "many.wav", "-o", "x.flac"], "x.flac: flac takes up to 8 channels, not 9; try .wav"),
    (["aedsp.render", "empty.wav"], "empty.wav: holds no audio, 0 frames"),
    (["aedsp.play", "in.wav", "-o", "in.wav"], "in.wav is the input file"),
    (["aedsp.play", "missing.wav"], "missing.wav: no such audio file"),
    (["aedsp.play", "--model", "in.wav"], "in.wav: is not HDF5"),
    (["aedsp.play", "--phase", "x", "--model", "m.h5"], "--phase is 'x'; expected one of"),
    (["aedsp.play", "--block", "-3"], "--block is -3; expected at least 0"),
    (["aedsp.play", "--channels", "0"], "--channels is 0; expected at least 1"),
    (["aedsp.play", "--sample-rate", "0"], "--sample-rate is 0.0; expected at least 1"),
    (["aedsp.play", "--latency", "soon"], "--latency is 'soon'; expected low, high or a time in s"),
    (["aedsp.play", "--seconds", "-1"], "--seconds is -1.0; expected more than 0"),
    (["aedsp.play", "--mapping", "none.toml"], "none.toml: No such file or directory"),
    (["aedsp.play", "--session", "in.wav"], "in.wav: not valid TOML"),
    (["aedsp.play", "--record", "r.wav", "--model", "m.h5"], "--record needs a device, and a terminal or --no-screen"),
    (["aedsp.render", "--drive", "nonsense"], "drive is 'nonsense'; expected constant, typical"),
    (["aedsp.render", "--drive", "walk", "--model", "m.h5"], "has no code statistics"),
    (["aedsp.render", "in.wav", "--no-input"], "are for the decoder alone; omit IN"),
    (["aedsp.render", "--seconds", "-1"], "--seconds is -1.0; expected more than 0"),
    (["aedsp.render", "in.wav", "--phase-from", "none.wav", "--model", "m.h5"], "none.wav: no such audio file"),
    (
        ["aedsp.render", "in.wav", "--phase-from", "in.wav", "--phase", "spsi", "--model", "m.h5"],
        "phase_from is given, but phase is 'spsi'",
    ),
    (["aedsp.render", "in.wav", "--refine", "-1", "--model", "m.h5"], "refine is -1; expected 0 to 64"),
    (["aedsp.render", "in.wav", "--stretch", "5", "--model", "m.h5"], "stretch is 5.0; expected 0.25 to 4"),
    (["aedsp.render", "in.wav", "--transpose", "nan", "--model", "m.h5"], "transpose is nan; expected -24 to 24"),
    (["aedsp.play", "in.wav", "--drive", "walk"], "--drive is for the decoder alone"),
    (["aedsp.play", "--refine", "-1"], "--refine is -1; expected at least 0"),
    (["aedsp.play", "in.wav", "--no-input"], "give only one of FILE, --input and --no-input"),
    (["aedsp", "dance"], "there is no command 'dance'; expected one of play, render, devices, headroom, train, paper"),
]


@pytest.mark.parametrize("arguments, text", BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_input_prints_one_line_exits_2_and_leaves_no_files(run, files, arguments, text):
    before = {p: p.read_bytes() for p in files.iterdir()}
    result = run(*arguments)
    assert result.returncode == 2
    assert text in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert {p: p.read_bytes() for p in files.iterdir()} == before


def test_nan_in_the_input_is_reported_and_the_picture_drawn(run, files, rng):
    x = music(rng, 22_050)
    x[5000] = np.nan
    soundfile.write(files / "nan.wav", x, 22_050, subtype="FLOAT")
    result = run(
        "aedsp.render", "nan.wav", "-o", "o.wav", "--plot", "p.png", "--model", "m.h5", PYTHONIOENCODING="ascii"
    )
    assert result.returncode == 0, result.stderr
    assert "1 samples were not finite or beyond" in result.stdout
    assert np.isfinite(soundfile.read(files / "o.wav")[0]).all()
    assert (files / "p.png").stat().st_size > 20_000


def test_a_truncated_file_is_reported(run, files, rng):
    soundfile.write(files / "whole.mp3", np.tile(music(rng, 22_050), 8), 22_050)
    data = (files / "whole.mp3").read_bytes()
    (files / "half.mp3").write_bytes(data[: len(data) // 2])
    result = run("aedsp.render", "half.mp3", "-o", "o.wav", "--model", "m.h5")
    assert result.returncode == 0 and "the input broke off after" in result.stdout


def test_a_terminated_render_leaves_no_files(files, rng):
    soundfile.write(files / "long.wav", np.tile(music(rng, 22_050), 1200), 22_050)
    before = sorted(files.iterdir())
    process = subprocess.Popen([sys.executable, "-m", "aedsp.render", "long.wav", "-o", "o.wav"], cwd=files)
    while process.poll() is None and not list(files.glob(".*.wav")):
        pass
    process.terminate()
    assert process.wait(60) == 143
    assert sorted(files.iterdir()) == before


def test_aedsp_runs_its_subcommands(run, files):
    assert run("aedsp", "--version").stdout.strip() == aedsp.__version__
    assert run("aedsp.play", "-h").returncode == 0
    assert run("aedsp", "render", "in.wav", "-o", "a.wav", "--model", "m.h5").returncode == 0
    assert "play" in run("aedsp", "--help").stdout and run("aedsp").returncode == 0
    assert "Usage: aedsp render" in run("aedsp", "render", "--help").stdout


def test_demo_names_are_checked():
    with pytest.raises(ValueError, match="demo model is 'x'; expected one of"):
        aedsp.demo_model("x")
    with pytest.raises(ValueError, match="demo clip is 'x'"):
        aedsp.demo_audio("x")


def test_the_shipped_data_is_small_licensed_and_playable():
    shipped = [p for p in data.FOLDER.iterdir() if p.suffix in (".h5", ".ogg", ".mid", ".npy", ".md")]
    assert sum(p.stat().st_size for p in shipped) < 3e6
    licences = (data.FOLDER / "LICENSES.md").read_text()
    for path in shipped:
        assert path.name in licences or path.suffix == ".md", path.name
    for model in map(data.demo_model, data.MODELS):
        assert model.license == "CC0-1.0"
        assert model.code_statistics is not None and model.code_statistics.percentiles.shape == (7, model.n_code)
        for clip in data.CLIPS:
            x, rate = soundfile.read(data.demo_audio_path(clip), dtype="float32")
            if rate == model.front_end.sample_rate:
                assert abs(level_db(aedsp.resynthesize(model, x)) - level_db(x)) < 6
    clips = np.stack([aedsp.demo_audio(clip)[: 3 * 22_050] for clip in ("piano", "lofi")])
    np.testing.assert_allclose(data.beginnings(), clips, atol=2**-15)
    assert isinstance(Path(data.demo_audio_path()), Path)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_its_module_option_by_option(name):
    module = {"paper": "aedsp.train.paper"}.get(name, f"aedsp.{name}")
    short, long = (
        subprocess.run([sys.executable, "-m", *words, "--help"], capture_output=True, text=True, check=True).stdout
        for words in (["aedsp", name], [module])
    )
    assert short.replace(f"aedsp {name}", "NAME") == long.replace(f"python -m {module}", "NAME")
    assert "--help" in short


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("play", ["x.wav", "-o", "y.wav"]),
        ("render", ["x.wav", "-o", "y.wav"]),
        ("devices", []),
        ("headroom", ["--help"]),
        ("train", ["music", "-o", "t.h5", "--code", "4", "--epochs", "1", "--no-report"]),
        ("paper", ["nowhere", "-o", "results"]),
    ],
)
def test_every_command_runs_alike_in_both_spellings(tmp_path, rng, name, arguments):
    module = {"paper": "aedsp.train.paper"}.get(name, f"aedsp.{name}")
    outcomes = []
    for words in (["aedsp", name], [module]):
        folder = tmp_path / words[0]
        (folder / "music").mkdir(parents=True)
        for path in ("x.wav", "music/a.wav"):
            soundfile.write(folder / path, music(rng, 60_000), 22_050)
        ran = subprocess.run([sys.executable, "-m", *words, *arguments], cwd=folder, capture_output=True, text=True)
        made = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        outcomes.append((ran.returncode, made, "No such option" in ran.stderr, "Traceback" in ran.stderr))
    assert outcomes[0] == outcomes[1] and outcomes[0][0] == (2 if name == "paper" else 0), outcomes
    assert not outcomes[0][2] and not outcomes[0][3]
