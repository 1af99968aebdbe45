"""The actions of the instrument, and the faults it has to survive."""

from __future__ import annotations

import time

import numpy as np
import pytest

import aedsp
from aedsp.control import actions
from aedsp.control.mapping import Target, load
from aedsp.control.midi_messages import Message
from aedsp.errors import SessionError
from aedsp.play import lines
from aedsp.play import session as sessions
from aedsp.play.snapshots import Snapshot
from models import autoencoder, front_end
from patience import wait


def said(instrument):
    return [message for _, message in instrument.messages]


def test_transport(instrument, device):
    wait(lambda: instrument.stream.transport == "play" and device.peak() > 0.001)
    instrument.toggle_play()
    wait(lambda: instrument.stream.transport == "pause" and len(device.heard) > 40 and device.peak(3) == 0)
    at = instrument.stream.position_s
    time.sleep(0.1)
    assert instrument.stream.position_s == at > 0
    actions.press(instrument, "play")
    wait(lambda: instrument.stream.position_s > at)
    actions.press(instrument, "stop")
    wait(lambda: instrument.stream.transport == "stop" and instrument.stream.position_s == 0)
    instrument.seek(7.0)
    wait(lambda: instrument.stream.position_s == pytest.approx(7.0, abs=0.1))
    assert instrument.stream.duration_s == pytest.approx(15.0, abs=0.1)


def test_two_presses_of_play_within_one_block_both_count(instrument, device):
    wait(lambda: instrument.stream.transport == "play" and device.peak() > 0.001)
    device.present = False  # no block is requested between the two
    time.sleep(0.05)
    instrument.toggle_play()
    assert instrument.stream.requested_transport == "pause" and instrument.stream.transport == "play"
    instrument.toggle_play()
    assert instrument.stream.requested_transport == "play"
    device.present = True
    at = instrument.stream.position_s
    wait(lambda: instrument.stream.transport == "play" and instrument.stream.position_s > at)


def test_the_stream_waits_for_a_lost_device(instrument, device):
    wait(lambda: device.heard)
    device.present = False
    wait(lambda: instrument.stream.device_lost)
    assert "fake device was disconnected; waiting for it" in said(instrument)[-1]
    n = len(device.heard)
    device.present = True
    wait(lambda: not instrument.stream.device_lost and len(device.heard) > n + 10)
    assert said(instrument)[-1] == "fake device is back" and device.peak() > 0.001


def test_models_are_switched_while_playing_and_bad_ones_refused(instrument, rng, tmp_path):
    autoencoder(rng, n_code=5).save(tmp_path / "five.h5")
    autoencoder(rng, front_end(hop_length=64)).save(tmp_path / "other.h5")
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    assert instrument.load_model(tmp_path / "five.h5")
    wait(lambda: len(instrument.stream.meter()[0]) == 5)
    for name, text in (
        ("bad.h5", "is not HDF5"),
        ("other.h5", "only models with the same front end"),
        ("no.h5", "No such"),
    ):
        assert not instrument.load_model(tmp_path / name)
        assert said(instrument)[-1].startswith("refused: ") and text in said(instrument)[-1]
        assert instrument.session().model == str(tmp_path / "five.h5")  # a refused model is not saved
    assert instrument.engine.model.n_code == 5 and instrument.stream.transport == "play"


def test_snapshots_recall_and_morph(instrument):
    c = instrument.controls
    c.gain[:] = 0.2
    c.muted[3] = True
    c.override[4] = 0.5
    instrument.store(1)
    c.reset()
    c.monitor = "original"
    instrument.recall(1)
    assert np.allclose(c.gain[:], 0.2) and c.muted[3] and c.override[4] == 0.5 and c.monitor == "resynthesized"
    c.reset()
    instrument.recall(1, 0.4)
    time.sleep(0.2)
    assert 0.25 < c.gain[0] < 0.95
    wait(lambda: not instrument._morph.running)
    assert np.allclose(c.gain[:], 0.2) and c.muted[3] and c.override[4] == 0.5
    instrument.recall(1, 100)
    instrument.store(2)
    instrument.recall(2)
    assert not instrument._morph.running
    instrument.recall(7)
    assert said(instrument)[-1] == "snapshot 7 is empty"
    assert Snapshot.of(c).monitor == "resynthesized"


def test_a_session_is_saved_and_loaded(instrument, tmp_path):
    c = instrument.controls
    c.gain[3], c.sign[4], c.override[5], c.muted[19] = 0.25, -1, 0.7, True
    instrument.store(4)
    c.scale[1] = 1.5
    instrument.morph_s = 2.0
    instrument.set_stretch(stretch=1.5, transpose=-2)
    instrument.session().save(tmp_path / "s.toml")
    loaded = sessions.load(tmp_path / "s.toml")
    assert (loaded.stretch, loaded.transpose, loaded.refine) == (1.5, -2, 0)
    assert (
        loaded == instrument.session()
        and loaded.source.endswith("waterworks.ogg")
        and loaded.device == "fake device, test"
    )
    c.reset()
    instrument.snapshots.clear()
    instrument.apply(loaded)
    assert c.gain[3] == 0.25 and c.sign[4] == -1 and c.override[5] == np.float32(0.7) and c.muted[19]
    assert c.scale[1] == 1.5 and instrument.snapshots[4].values["scale"][1] == 1 and instrument.morph_s == 2.0


def test_a_loaded_session_does_not_jump_at_the_first_touch(instrument):
    instrument.apply(sessions.Session(controls={"gain": {"0": 0.9}}))
    instrument._midi(Message("cc", 1, 0, 10))
    assert instrument.controls.gain[0] == pytest.approx(0.9)
    instrument._midi(Message("cc", 1, 0, 120))
    assert instrument.controls.gain[0] == pytest.approx(120 / 127)


def test_every_change_is_reported_once_it_rests(instrument):
    c, changes = instrument.controls, lines.Changes(instrument)
    changes.sentences(0.0)
    c.gain[3] = 0.5
    assert changes.sentences(1.0) == []
    c.gain[3] = 0.25
    assert changes.sentences(1.2) == [] and changes.sentences(1.4) == []
    assert changes.sentences(1.6) == ["unit 3: gain 0.250"] and changes.sentences(2.0) == []
    c.muted[1], c.sign[2], c.override[4], c.monitor = True, -1, 0.5, "original"
    assert changes.sentences(3.0) == ["hearing original"]
    assert changes.sentences(3.5) == ["unit 1: muted", "unit 2: sign -1.000", "unit 4: override 0.500"]
    c.reset()
    c.scale[:] = 1.5
    changes.sentences(4.0)
    assert "scale of 20 units changed" in changes.sentences(4.5) and changes.sentences(5.0) == []


def test_a_learnt_mapping_is_loaded_the_next_time(instrument, monkeypatch, tmp_path):
    from aedsp.play import __main__ as command

    monkeypatch.setattr(command, "user_folder", lambda: tmp_path / "user")
    assert command._mapping("nanokontrol2").target(Message("cc", 1, 77, 1)) is None
    instrument.learn("play", None)
    instrument._midi(Message("cc", 1, 77, 127))
    assert command._mapping("nanokontrol2").target(Message("cc", 1, 77, 1)) == Target("play")


@pytest.mark.parametrize(
    "text, error",
    [
        ("x = ", "not valid TOML"),
        ("speed = 3", "unknown setting 'speed'"),
        ("model = 3", "model is 3; expected a string"),
        ("sample_rate = 'fast'", "sample_rate is 'fast'; expected a number"),
        ("block = 1.5", "block is 1.5; expected an integer"),
        ("loop = 1", "loop is 1; expected true or false"),
        ("controls = 1", "controls is 1; expected a table"),
        ("[controls]\nvolume = 1", "controls: unknown setting 'volume'"),
        ("[controls]\nmonitor = 'both'", "controls.monitor is 'both'"),
        ("[controls]\ngain = { a = 1 }", "expected unit = value"),
        ("[controls]\nsign = { 1 = 0.5 }", "expected unit = value"),
        ("[controls]\ngain = { 1 = nan }", "expected unit = value"),
        ("[snapshot.10]\n", r"expected tables \[snapshot.1\] to"),
    ],
)
def test_invalid_sessions_are_refused(tmp_path, text, error):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(aedsp.errors.SessionError, match=error):
        sessions.load(tmp_path / "s.toml")


def test_learning_writes_a_mapping(instrument, tmp_path):
    instrument.learn("gain", 2)
    instrument._midi(Message("cc", 1, 77, 64))
    assert "cc 77 is now gain 3; saved in" in said(instrument)[-1]
    instrument._midi(Message("cc", 1, 77, 127))
    instrument._midi(Message("cc", 1, 77, 32))
    assert instrument.controls.gain[2] == pytest.approx(32 / 127)
    learnt = load(tmp_path / "user" / "mappings" / "nanoKONTROL2.toml")
    assert learnt.target(Message("cc", 1, 77, 1)) == Target("gain", 2)
    assert learnt.target(Message("cc", 1, 2, 1)) is None
    assert instrument.session().mapping == str(tmp_path / "user" / "mappings" / "nanoKONTROL2.toml")


def test_text_commands(instrument, tmp_path):
    run = lambda line: actions.run(instrument, line)
    assert run("gain 3 0.5") == "unit 3: gain 0.5" and instrument.controls.gain[3] == 0.5
    assert run("override 3 0.5") and instrument.controls.override[3] == 0.5
    assert run("override 3 off") and np.isnan(instrument.controls.override[3])
    assert run("mute 2") == "unit 2: muted" and run("mute 2") == "unit 2: not muted"
    assert run("sign 2") == "unit 2: sign -1" and run("restore 2") and instrument.controls.sign[2] == 1
    assert run("bank 2") == "bank 2: units 16 to 19" and run("bank next") == "bank 0: units 0 to 7"
    assert run("units").count("\n") == 7 and run("") == ""
    assert "algorithm" in run("latency") and "callback:" in run("status") and "gain UNIT" in run("help")
    assert run("silence") == "all units silent" and run("silence") == "all units back"
    assert run("morph 1.5") == "morph time 1.5 s" and instrument.morph_s == 1.5
    assert run("stretch 1.5") == "" and said(instrument)[-1] == "stretch 1.5, transpose +0 semitones"
    run("transpose -3")
    assert (instrument.stream.stretch, instrument.stream.transpose) == (1.5, -3)
    instrument.set_stretch(stretch=99, transpose=-99)
    assert (instrument.stream.stretch, instrument.stream.transpose) == (4, -24)
    run("freeze")
    assert instrument.controls.frozen and lines.status(instrument)["frozen"]
    assert "frozen" in lines.status_line(instrument)
    run("freeze")
    assert not instrument.controls.frozen
    run("store 3")
    run("recall 3 0")
    run(f"save {tmp_path / 's.toml'}")
    assert sessions.load(tmp_path / "s.toml").morph_s == 1.5
    run(f"record {tmp_path / 'r.wav'}")
    assert instrument.stream.recording == tmp_path / "r.wav"
    run("record")
    assert instrument.stream.recording is None and (tmp_path / "r.wav").exists()
    run(f"record {tmp_path / 'r.wav'}")
    assert "recordings never overwrite a file" in said(instrument)[-1]
    run("learn scale 2")
    assert instrument.learning == Target("scale", 1)
    run("seek 3")
    run("quit")
    assert instrument.quitting.is_set()


@pytest.mark.parametrize(
    "line, error",
    [
        ("dance", "unknown command 'dance'"),
        ("gain 3", "missing argument VALUE; expected: gain UNIT VALUE"),
        ("gain 99 1", "there is no unit 99"),
        ("gain 1 loud", "expected: gain UNIT VALUE"),
        ("gain 1 off", "could not convert string to float: 'off'"),
        ("scale 1 inf", "expected finite float32 numbers"),
        ("bank 9", "bank is 9; expected 0 to 2"),
        ("morph -1", "expected 0 to 3600 s"),
        ("store 0", "1..9 is 0; expected 1 to 9"),
        ("stretch 5", "times is 5.0; expected 0.25 to 4 times"),
        ("transpose loud", "expected: transpose SEMITONES"),
        ("learn dance", "target is 'dance'; expected one of gain"),
        ("learn gain 9", "place is 9; expected 1 to 8"),
        ("seek", "missing argument SECONDS"),
    ],
)
def test_invalid_text_commands_change_nothing(instrument, line, error):
    before = Snapshot.of(instrument.controls)
    with pytest.raises(ValueError, match=error):
        actions.run(instrument, line)
    after = Snapshot.of(instrument.controls)
    assert all(np.array_equal(before.values[name], after.values[name], equal_nan=True) for name in before.values)


def test_status_for_people_and_programs(instrument):
    wait(lambda: instrument.stream.transport == "play")
    status = lines.status(instrument)
    assert status["transport"] == "play" and status["device"] == "fake device" and status["controller"] is None
    assert "0 missed" in lines.status_line(instrument)


def test_nan_from_an_input_is_replaced_counted_and_not_kept(device, rng):
    engine = aedsp.Engine(autoencoder(rng, level=1.0))
    engine.controls.monitor = "original"
    with aedsp.Stream(engine, aedsp.InputSource()) as live:
        device.input = 0.25
        wait(lambda: device.heard and device.peak(2) > 0.2)
        device.input = np.nan
        wait(lambda: live.statistics.refused_samples > 1000)
        device.input = 0.25
        wait(lambda: np.isfinite(device.peak(5)) and device.peak(2) > 0.2)
        assert all(np.isfinite(block).all() for block in device.heard)


def test_closing_the_stream_detaches_the_engine(device, rng):
    engine = aedsp.Engine(autoencoder(rng))
    stream = aedsp.Stream(engine, None)
    for act in (lambda: engine.process(np.zeros(10, np.float32)), engine.reset):
        with pytest.raises(RuntimeError, match="another thread"):
            act()
    with pytest.raises(RuntimeError):
        aedsp.Stream(engine, None)
    stream.start()
    wait(lambda: engine.statistics.hops > 5)
    stream.close()
    stream.close()
    assert engine.process(np.zeros(10, np.float32)).shape == (10,)
    with pytest.raises(aedsp.errors.StreamError, match="the stream is closed"):
        stream.start()
    with pytest.raises(TypeError, match=r"engine is str; expected aedsp\.Engine"):
        aedsp.Stream("engine")


def test_two_recordings_in_one_second_and_names_in_capitals(instrument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aedsp.play.instrument.time.strftime", lambda form: "aedsp 2026-01-01 12.00.00")
    for path in (None, None, None, "TAKE2.WAV"):
        instrument.toggle_recording(path)
        wait(lambda: instrument.is_recording)
        instrument.toggle_recording()
        wait(lambda: not instrument.is_recording)
    stem = "aedsp 2026-01-01 12.00.00"
    names = [f"{stem}.wav", f"{stem} (2).wav", f"{stem} (3).wav", "TAKE2.WAV"]
    wait(lambda: all((tmp_path / name).exists() for name in names))
    assert len([path for path in tmp_path.iterdir() if path.suffix.lower() == ".wav"]) == 4


def test_recall_and_undo_from_two_threads_do_not_wait_for_each_other(instrument):
    import threading

    instrument.store(1)
    threads = [
        threading.Thread(target=lambda act=act: [act() for _ in range(300)], daemon=True)
        for act in (lambda: instrument.recall(1), lambda: (instrument.undo(), instrument.redo()))
    ]
    for thread in threads:
        thread.start()
    wait(lambda: not any(thread.is_alive() for thread in threads), 30)


def test_redo_of_an_undone_morph_is_where_it_led(instrument):
    c = instrument.controls
    c.gain[:] = 0
    instrument.store(1)
    c.reset()
    instrument.recall(1, 60)
    time.sleep(0.1)
    instrument.undo()
    assert (c.gain[:] == 1).all()
    instrument.redo()
    assert (c.gain[:] == 0).all()


def test_amounts_are_in_snapshots_but_for_the_volume_and_morph_with_them(instrument):
    c = instrument.controls
    c.detail, c.mix, c.volume_db, c.target_amount, c.target[2] = 1.0, 0.5, -6.0, 1.0, 0.8
    there = Snapshot.of(c)
    c.detail, c.mix, c.volume_db, c.target_amount, c.target[2] = 0.0, 1.0, -3.0, 0.0, 0.0
    here = Snapshot.of(c)
    there.morph_step(c, here, 0.5)
    assert (c.detail, c.mix, c.volume_db, c.target_amount) == (0.5, 0.75, -3.0, 0.5)
    assert c.target[2] == pytest.approx(0.8)  # the side that uses its target
    there.recall(c)
    assert (c.detail, c.mix, c.volume_db, c.target_amount) == (1.0, 0.5, -3.0, 1.0)


def test_sessions_hold_the_amounts_and_refuse_wrong_ones(instrument, tmp_path):
    c = instrument.controls
    c.detail, c.mix, c.volume_db, c.target_amount, c.target[1] = 1.0, 0.5, -6.0, 0.25, 0.75
    instrument.store(2)
    instrument.save_session(tmp_path / "s.toml")
    kept = sessions.load(tmp_path / "s.toml")
    c.detail, c.mix, c.volume_db, c.target_amount, c.target[1] = 0.0, 1.0, 0.0, 0.0, 0.0
    instrument.apply(kept)
    assert (c.detail, c.mix, c.volume_db, c.target_amount, c.target[1]) == (1.0, 0.5, -6.0, 0.25, 0.75)
    assert "volume_db" not in kept.snapshots[2] and kept.snapshots[2]["detail"] == 1.0
    (tmp_path / "s.toml").write_text("[controls]\ndetail = 2\n")
    with pytest.raises(SessionError, match=r"controls.detail is 2; expected 0 to 1"):
        sessions.load(tmp_path / "s.toml")
    (tmp_path / "s.toml").write_text("[snapshot.1]\nvolume_db = -6.0\n")
    with pytest.raises(SessionError, match=r"snapshot.1: unknown setting 'volume_db'; expected monitor, gain"):
        sessions.load(tmp_path / "s.toml")
