"""However a performance ends, its session is saved and its stream is closed, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import aedsp
from aedsp.control import mapping
from aedsp.play import ending as endings
from aedsp.play import session as sessions
from aedsp.play import standard_error
from aedsp.play.ending import Ending
from aedsp.play.instrument import Instrument
from models import autoencoder
from patience import wait


@pytest.fixture
def instrument(device, rng, tmp_path):
    autoencoder(rng).save(tmp_path / "m.h5")
    stream = aedsp.Stream(aedsp.Engine(aedsp.Model.load(tmp_path / "m.h5")), None)
    handlers = {number: signal.getsignal(number) for number in endings._SIGNALS}
    yield Instrument(stream, mapping.load("nanokontrol2"), tmp_path / "m.h5", tmp_path, midi=False)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    stream.close()


@pytest.mark.parametrize("number", endings._SIGNALS)
def test_a_signal_ends_it_cleanly(instrument, tmp_path, capsys, number):
    with Ending(instrument, tmp_path / "s.toml", json_lines=False):
        instrument.stream.start()
        os.kill(os.getpid(), number)
        wait(instrument.quitting.is_set)
    assert sessions.load(tmp_path / "s.toml").source == "no input"
    assert "session saved" in capsys.readouterr().out
    with pytest.raises(aedsp.errors.StreamError, match="closed"):
        instrument.stream.start()


def test_an_error_closes_the_stream_and_does_not_save(instrument, tmp_path):
    with pytest.raises(KeyError), Ending(instrument, tmp_path / "s.toml", json_lines=False):
        raise KeyError("a bug")
    assert not (tmp_path / "s.toml").exists()
    instrument.engine.process(np.zeros(10, np.float32))  # released


def test_a_session_that_cannot_be_written_still_closes_the_stream(instrument, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with Ending(instrument, tmp_path / "s.toml", json_lines=False):
        pass
    instrument.engine.process(np.zeros(10, np.float32))
    assert any("pip install 'aedsp[play]'" in text for _, text in instrument.messages)


def test_an_interface_that_never_ends_is_ended_by_the_watchdog(instrument, tmp_path, monkeypatch):
    """As when its terminal is gone, and it waits for it."""
    exits = []
    monkeypatch.setattr(endings, "PATIENCE_S", 0.2)
    monkeypatch.setattr(endings.os, "_exit", exits.append)
    with Ending(instrument, tmp_path / "s.toml", json_lines=False):
        os.kill(os.getpid(), signal.SIGHUP)
        wait(lambda: exits)  # blocked here
        assert (tmp_path / "s.toml").exists() and exits == [128 + signal.SIGHUP]
        instrument.engine.process(np.zeros(10, np.float32))


def test_what_libraries_print_becomes_messages_once(capfd):
    said, terminal = [], sys.__stderr__
    with standard_error.as_messages(said.append):
        for _ in range(3):
            os.write(2, b"Warning: Xing stream \xff size\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'from a child\\n')"], check=True)
        print("screen", file=sys.__stderr__, flush=True)
        wait(lambda: len(said) == 2)
    assert said == ["Warning: Xing stream \\xff size", "from a child"] and sys.__stderr__ is terminal
    assert capfd.readouterr().err == "screen\n"


RUN = """
import sys
sys.path[:0] = {path!r}
import fake_device
from aedsp.live import portaudio
fake_device.install(fake_device.paced(512, 0.01))
portaudio.release = lambda: None
from aedsp import cli
from aedsp.play.__main__ import command
sys.argv[1:] = [*sys.argv[1:], "--midi", "none"]
{before}
cli.run(command, name="play")
"""


def play(tmp_path, *arguments, before="", **options):
    """`aedsp.play` as a process on a fake device."""
    code = RUN.format(path=sys.path, before=before)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **options,
    )  # fmt: skip


@pytest.mark.parametrize("surface", ["--json", "--no-screen", "--lines"])
def test_the_end_of_the_reader_ends_it_and_saves_the_session(tmp_path, surface):
    process = play(tmp_path, surface, "--session", "s.toml", "--no-input")
    process.stdout.readline()
    process.stdout.close()  # | head -1
    if surface == "--lines":
        process.stdin.write(b"gain 1 0.5\nstatus\nstatus\n")
        process.stdin.flush()
    assert process.wait(20) == 0, process.stderr.read()
    assert b"Traceback" not in process.stderr.read() and (tmp_path / "s.toml").exists()


def test_a_byte_that_is_no_text_does_not_end_the_reader_of_commands(tmp_path):
    process = play(tmp_path, "--lines", "--no-input")
    out, err = process.communicate(b"gain 1 \xff\ngain 1 0.25\nquit\n", timeout=30)
    assert process.returncode == 0 and b"0.25" in out and b"\\xff" in out, (out, err)


@pytest.mark.parametrize(
    "missing, arguments, expected",
    [
        ("tomli_w", ["--lines", "--session", "s.toml"], "writing TOML needs tomli-w; pip install 'aedsp[play]'"),
        ("mido", ["--lines", "--record-gestures", "g.mid"], "gestures need mido; pip install 'aedsp[play]'"),
    ],
)
def test_a_missing_package_is_named_before_a_device_is_opened(tmp_path, missing, arguments, expected):
    before = f"sys.modules[{missing!r}] = None\nportaudio.open_stream = lambda *a: print('opened')"
    out, err = play(tmp_path, *arguments, "--no-input", before=before).communicate(timeout=30)
    assert expected in err.decode() and b"opened" not in out and err.count(b"\n") == 1


def test_without_textual_the_screen_says_so_before_a_device_is_opened(tmp_path):
    import pty

    main, terminal = pty.openpty()
    code = RUN.format(path=sys.path, before="sys.modules['textual'] = None\nportaudio.open_stream = None")
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--no-input"],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    _, err = process.communicate(timeout=30)
    os.close(main), os.close(terminal)
    assert process.returncode == 2
    assert b"the screen needs textual; pip install 'aedsp[play]', or play with --lines" in err, err


@pytest.mark.parametrize("attempt", range(3))
def test_a_closed_terminal_leaves_nothing_playing(tmp_path, attempt):
    """The terminal of a full-screen performance disappears, with everything that still waits to be written to it."""
    pytest.importorskip("textual")
    import pty

    main, terminal = pty.openpty()
    code = RUN.format(path=sys.path, before="")
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--session", "s.toml"], stdin=terminal, stdout=terminal, stderr=terminal,
        cwd=tmp_path, start_new_session=True, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(terminal)
    drained, seen = threading.Event(), bytearray()

    def drain():
        while not drained.is_set():
            try:
                seen.extend(os.read(main, 65536))
            except OSError:
                return

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    wait(lambda: b"PLAYING" in seen, 40)
    drained.set()
    time.sleep(0.3 * attempt)  # the terminal is stuck first: its buffer fills up
    os.kill(process.pid, signal.SIGHUP)
    if attempt != 1:
        os.close(main)
    assert process.wait(30) is not None
    assert (tmp_path / "s.toml").exists()
