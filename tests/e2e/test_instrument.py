"""The whole instrument, end to end: `aedsp.play` streams a file while a nanoKONTROL2 moves every control.

Everything but the sound card is real. The capture is bit-identical to `aedsp.render --gestures` of the gestures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

import aedsp
from models import autoencoder, music
from rig import Rig, assert_same

SECONDS = 6


class Play:
    """`python -m aedsp.play` as a process with its JSON lines."""

    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aedsp.play", *map(str, arguments), "--json", "--device", "system"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.lines = []

    def until(self, key, value=None, patience_s=15.0):
        """Wait for the first line with this key, and this value if given."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            text = self.process.stdout.readline()
            if not text:
                break
            self.lines.append(json.loads(text))
            last = self.lines[-1]
            if key in last and (value is None or last[key] == value or (callable(value) and value(last[key]))):
                return last
        raise AssertionError(f"no {key}={value}: {self.lines} {self.process.stderr.read()}")

    def end(self):
        out, err = self.process.communicate(timeout=20)
        self.lines += [json.loads(line) for line in out.splitlines()]
        assert "Traceback" not in err, err
        return self.process.returncode


def cc(number, value):
    return bytes([0xB0, number, value])


def press(number):
    return cc(number, 127), cc(number, 0)


def every_control(rate):
    """(seconds, messages) of a performance with every control of the nanoKONTROL2 except cycle, which quits."""
    plan, t = [], 0.1
    for slot in range(8):  # faders down, pots up, in small steps
        for step in range(6):
            plan.append((t, [cc(slot, 127 - 11 * step), cc(16 + slot, 64 + 9 * step)]))
            t += 0.01
    for first in (32, 48, 64):
        for slot in range(8):
            plan.append((t, press(first + slot)))
            t += 0.02
    for number in (59, 58, 60, 60, 43, 44, 45, 41, 41, 43, 44, 42, 41, 59):
        plan.append((t, press(number)))
        t += 0.09
    for step in range(30):
        plan.append((t, [cc(3, 127 - 4 * step)]))
        t += 1 / 30
    return plan, t


@pytest.fixture
def files(rng, tmp_path):
    autoencoder(rng, n_code=20, steps=(aedsp.Power(0.5),), level=0.6).save(tmp_path / "m.h5")
    soundfile.write(tmp_path / "x.flac", music(rng, SECONDS * 44_100, 44_100), 44_100)
    return tmp_path


def perform(files, block):
    """Run one performance; None if the JACK server had xruns (busy machine)."""
    for name in ("g.mid", "r.wav", "again.wav", "s.toml"):
        (files / name).unlink(missing_ok=True)
    rig = Rig(60)
    try:
        with rig.connecting():
            play = Play(
                files, "x.flac", "--model", "m.h5", "--loop", "--record-gestures", "g.mid", "--record", "r.wav",
                "--block", block, "--session", "s.toml",
            )  # fmt: skip
            play.until("message")
        play.until("controller", lambda name: name is not None)
        plan, length = every_control(rig.rate)
        start = rig.at + rig.rate // 4
        for at, messages in plan:
            rig.plan(start + int(at * rig.rate), *messages)
        time.sleep(length + 1.0)
        rig.send(cc(46, 127))  # held
        assert play.end() == 0, play.lines
    finally:
        rig.close()
    print(f"xruns {rig.xruns}, gaps {rig.gaps}")
    return None if rig.xruns or rig.gaps else (rig, play, plan, length)


@pytest.mark.parametrize("block", [0, 512])
def test_the_capture_of_every_control_is_the_rendering(jack, files, block):
    rig, play, plan, length = next(found for _ in range(4) if (found := perform(files, block)) is not None)
    recording, last = rig.recorded()[:, 0], play.lines[-1]
    assert last["end"] and last["underrun_frames"] == 0 and last["dropped_frames"] == 0 and last["lost_events"] == 0
    assert last["midi_messages"] == len(rig.sent) == sum(len(m) for _, m in plan) + 1
    rendered = subprocess.run(
        [sys.executable, "-m", "aedsp.render", "--gestures", "g.mid", "-o", "again.wav"],
        cwd=files, capture_output=True, text=True,
    )  # fmt: skip
    assert rendered.returncode == 0, rendered.stderr
    again, rate = soundfile.read(files / "again.wav", dtype="float32")
    assert rate == 44_100
    assert_same(recording, again)
    heard = soundfile.read(files / "r.wav", dtype="float32")[0]
    assert len(heard) > length * rate
    assert_same(np.concatenate([again, np.zeros(len(heard))]), heard)
    leds = {m[1]: m[2] for m in rig.received if m[0] == 0xB0}
    assert set(leds) >= {41, 42, 43, 44, 45, *range(32, 40), *range(48, 56), *range(64, 72)}
    assert "gain" in (files / "s.toml").read_text()


def test_a_controller_can_be_unplugged_and_plugged_in_again(jack, files):
    play = Play(files, "x.flac", "--model", "m.h5", "--loop")
    first = play.until("controller")
    assert first["controller"] is None
    for _ in range(2):
        rig = Rig(20)
        play.until("controller", lambda name: name is not None)
        before = play.lines[-1]["midi_messages"]
        rig.send(cc(0, 100), *[cc(200 % 128, 1)] * 3, b"\xf0" + bytes(300) + b"\xf7")
        play.until("midi_messages", lambda n, before=before: n >= before + 4)
        rig.close()
        play.until("controller", lambda name: name is None)
    said = [line["message"] for line in play.lines if "message" in line]
    assert any("is connected" in text for text in said) and any("was disconnected" in text for text in said)
    play.process.send_signal(signal.SIGINT)
    assert play.end() == 0 and play.lines[-1]["end"]


def test_five_thousand_messages_a_second_lose_nothing(jack, files):
    rig = Rig(20)
    try:
        play = Play(files, "x.flac", "--model", "m.h5", "--loop")
        play.until("controller", lambda name: name is not None)
        start = rig.at + 4410
        for i in range(10_000):
            rig.plan(start + int(i / 5000 * rig.rate), cc(i % 8, i % 128))
        status = play.until("midi_messages", 10_000)
        play.until("transport", "play")
        assert status["misses"] == 0 and status["underrun_frames"] == 0
        play.process.terminate()
        assert play.end() == 0 and play.lines[-1]["midi_messages"] == 10_000
    finally:
        rig.close()


def test_two_instances_at_once(jack, files):
    both = [Play(files, "x.flac", "--model", "m.h5", "--seconds", 2, "--midi", "none") for _ in range(2)]
    for play in both:
        play.until("transport", "play")
    for play in both:
        assert play.end() == 0 and play.lines[-1]["callbacks"] > 100, play.lines


def test_a_stretched_and_transposed_file_renders_bit_identical(jack, files):
    options = ("--stretch", 0.5, "--transpose", 12, "--midi", "none", "--record", "r.wav", "--record-gestures", "g.mid")
    play = Play(files, "x.flac", "--model", "m.h5", "--block", 1024, *options)
    line = play.until("transport", "end", SECONDS)
    assert (line["stretch"], line["transpose"], line["underrun_frames"], line["misses"]) == (0.5, 12, 0, 0)
    play.process.send_signal(signal.SIGINT)
    assert play.end() == 0
    heard, rate = soundfile.read(files / "r.wav", dtype="float32")
    loud = np.flatnonzero(np.abs(heard) > 1e-9)
    assert (loud[-1] - loud[0]) / rate == pytest.approx(SECONDS / 2, abs=0.3)
    render = [sys.executable, "-m", "aedsp.render", "--gestures", "g.mid", "-o", "again.wav"]
    subprocess.run(render, cwd=files, check=True, capture_output=True)
    again = soundfile.read(files / "again.wav", dtype="float32")[0]
    assert_same(heard, again)


def test_no_input_plays_a_drive(jack, files):
    play = Play(files, "--drive", "constant", "--model", "m.h5", "--midi", "none", "--seconds", 2, "--phase", "spsi")
    assert play.end() == 0 and play.lines[-1]["hops"] > 50 and play.lines[-1]["misses"] == 0


@pytest.mark.parametrize("delay_s", [0.0, 0.15, 0.3, 0.45, 0.6, 0.9, 1.3])
def test_ctrl_c_at_any_moment_ends_cleanly(jack, files, delay_s):
    play = Play(files, "x.flac", "--model", "m.h5", "--record", "r.wav", "--record-gestures", "g.mid")
    time.sleep(delay_s)
    play.process.send_signal(signal.SIGINT)
    out, err = play.process.communicate(timeout=20)
    assert "Traceback" not in err or delay_s < 0.5, err  # Python itself prints one while it starts
    assert play.process.returncode in (0, 130, -signal.SIGINT, 1), err
    if (files / "r.wav").exists():
        soundfile.read(files / "r.wav")
    if out.strip().splitlines()[-1:] and "end" in json.loads(out.strip().splitlines()[-1]):
        assert play.process.returncode == 0 and (files / "g.mid").exists()


def test_a_killed_process_leaves_a_readable_recording(jack, files):
    play = Play(files, "x.flac", "--model", "m.h5", "--loop", "--record", "r.wav")
    play.until("position_s", lambda s: s > 2.0)
    seen = play.lines[-1]["position_s"]
    play.process.kill()
    play.process.communicate()
    heard, rate = soundfile.read(files / "r.wav", dtype="float32")
    assert rate == 44_100 and len(heard) / rate > seen - 1.0 and np.abs(heard).max() > 0.01


def test_leds_are_set_in_native_mode_too(jack, files):
    from aedsp.control.midi_ports import NATIVE_ANSWER, NATIVE_OFF, NATIVE_ON

    rig = Rig(20)
    try:
        rig.answers = {NATIVE_ON: NATIVE_ANSWER + bytes.fromhex("00 01 F7")}
        play = Play(files, "x.flac", "--model", "m.h5", "--loop")
        play.until("controller", lambda name: name is not None)
        rig.send(*press(32 + 3))
        time.sleep(0.5)
        play.process.terminate()
        assert play.end() == 0
        time.sleep(0.1)
        received = rig.received
    finally:
        rig.close()
    assert received[0] == NATIVE_ON and received[-1] == NATIVE_OFF
    assert cc(41, 127) in received and cc(35, 127) in received and cc(35, 0) in received[received.index(cc(35, 127)) :]


def test_the_stream_waits_for_a_dead_server(jack, files):
    play = Play(files, "x.flac", "--model", "m.h5", "--loop", "--midi", "none")
    play.until("position_s", lambda s: s > 1.0)
    jack.stop()
    play.until("device_lost", True)
    jack.start()
    back = play.until("device_lost", False)
    play.until("position_s", lambda s: s > back["position_s"] + 0.5)
    said = [line["message"] for line in play.lines if "message" in line]
    assert any("was disconnected; waiting for it" in text for text in said) and "system is back" in said
    play.process.terminate()
    assert play.end() == 0


def test_a_live_input_is_muted_until_play(jack, files):
    play = Play(files, "--input", "--input-device", "system", "--model", "m.h5", "--seconds", 2)
    assert "the input is muted" in play.until("message", lambda text: "muted" in text)["message"]
    assert play.until("transport")["transport"] == "stop"
    assert play.end() == 0 and play.lines[-1]["callbacks"] > 100


def test_lines_for_a_screen_reader(jack, files):
    result = subprocess.run(
        [sys.executable, "-m", "aedsp.play", "x.flac", "--model", "m.h5", "--lines", "--device", "system"],
        cwd=files, capture_output=True, text=True, timeout=60,
        input="mute 2\nbank next\ndance\noriginal\nunits\nquit\n",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for text in ("latency: algorithm", "ready; 'help'", "unit 2: muted", "bank 1", "unknown command 'dance'",
                 "hearing original", "unit 8: gain 1.000", "callback:"):  # fmt: skip
        assert text in result.stdout, text


def test_latency_is_measured_through_a_loopback(jack, tmp_path):
    """A thread replaces the cable: it connects PortAudio's outputs to its inputs as soon as they appear."""
    import threading

    import jack as client_library

    client = client_library.Client("cable", no_start_server=True)
    stop = threading.Event()

    def connect():
        while not stop.wait(0.02):
            outputs = client.get_ports("PortAudio", is_audio=True, is_output=True)
            for source, target in zip(
                outputs, client.get_ports("PortAudio", is_audio=True, is_input=True), strict=False
            ):
                if target not in client.get_all_connections(source):
                    client.connect(source, target)

    thread = threading.Thread(target=connect)
    thread.start()
    try:
        result = subprocess.run(
            [sys.executable, "-m", "aedsp.devices", "--measure-latency"], capture_output=True, text=True, timeout=60
        )
    finally:
        stop.set()
        thread.join()
        client.close()
    assert result.returncode == 0, result.stderr
    assert "system to system at 44100 Hz: 512 frames (11.6 ms) from output to input, within 0 frames" in result.stdout
    listed = subprocess.run([sys.executable, "-m", "aedsp.devices"], capture_output=True, text=True, timeout=60)
    assert "system (JACK Audio Connection Kit)  default output  default input" in listed.stdout


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            ["x.flac", "--sample-rate", "12345"],
            "does not support 12345 Hz; it supports 44100; choose one with",
        ),
        (["missing.wav"], "missing.wav: no such audio file"),
        (["m.h5"], "m.h5: not readable as audio"),
        (["x.flac", "--model", "x.flac"], "x.flac: is not HDF5"),
        (["x.flac", "--mapping", "none.toml"], "none.toml: No such file or directory"),
        (["x.flac", "--latency", "soon"], "--latency is 'soon'; expected low, high or a time in s"),
        (["x.flac", "--no-input"], "give only one of FILE, --input and --no-input"),
        (["x.flac", "--record", "r.xyz"], "expected .wav or .flac"),
        (["x.flac", "--record", "x.flac"], "already exists; recordings never overwrite a file"),
        (["x.flac", "--record-gestures", "g.txt"], "expected .mid"),
        (["x.flac", "--session", "x.flac"], "x.flac: not valid TOML"),
        (["--input", "--input-device", "nothing"], "input device is 'nothing'"),
    ],
)
def test_bad_input_prints_one_line_and_exits_2(jack, files, arguments, text):
    before = {p: p.read_bytes() for p in files.iterdir()}
    result = subprocess.run(
        [sys.executable, "-m", "aedsp.play", "--device", "system", "--no-screen", "--seconds", "1", *arguments],
        cwd=files, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2 and text in result.stderr, result.stderr + result.stdout
    assert result.stderr.count("\n") == 1
    assert {p: p.read_bytes() for p in files.iterdir()} == before
