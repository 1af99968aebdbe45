"""How the files in this folder were made, by aedsp at commit 2c501b2, the last one of the first package layout.

Later editions read them: tests/test_first_edition.py. Run there as `python make.py` with tests/ on PYTHONPATH.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

import aedsp
from aedsp import data, gestures, portaudio
from aedsp.midi import mapping
from aedsp.midi.mapping import Target
from aedsp.play.instrument import Instrument
from aedsp.train import corpus as corpora
from aedsp.train import recipe as recipes
from aedsp.train import tracks
from aedsp.train.training import train
from fake_device import DEVICE, FakeDevice

HERE = Path(__file__).parent


def perform() -> None:
    """A short take with every kind of change, its session, and a learnt mapping."""

    def open_stream(callback, output, input, n_in, n_out, sample_rate, block, latency):
        def play(device):
            device.call(None, 512)
            time.sleep(0.005)

        return FakeDevice(callback, n_out, play)

    portaudio.find_device = lambda device, kind: DEVICE
    portaudio.open_stream, portaudio.start_stream = open_stream, FakeDevice.start
    engine = aedsp.Engine(aedsp.demo_model("relu_16"), block_frames=512)
    stream = aedsp.Stream(engine, aedsp.FileSource(data.demo_audio_path(), loop=True))
    model_path, folder = data.demo_model_path("relu_16"), Path(tempfile.mkdtemp())
    instrument = Instrument(stream, mapping.load("nanokontrol2"), model_path, folder, midi=False)
    instrument.record_gestures(folder / "take.mid")
    stream.start()
    controls = engine.controls
    for act in (
        lambda: controls.gain.__setitem__(3, 0.25), lambda: controls.muted.__setitem__(4, True),
        lambda: instrument.hand.press(Target("sign", 2)), lambda: controls.override.__setitem__(5, 0.5),
        lambda: instrument.store(1), lambda: instrument.seek(4.0), lambda: instrument.set_pace(1.5, -2.0),
        instrument.toggle_frozen, instrument.toggle_frozen, lambda: instrument.hand.press(Target("silence")),
        lambda: instrument.hand.press(Target("silence")), instrument.toggle_monitor, instrument.toggle_monitor,
        lambda: instrument.recall(1), instrument.toggle_play, instrument.toggle_play, lambda: instrument.set_pace(1, 0),
    ):  # fmt: skip
        act()
        time.sleep(0.08)
    saved = instrument.session()
    instrument.close()
    saved.model, saved.source = "relu_16.h5", "piano.ogg"
    saved.save(HERE / "session.toml")
    learnt = instrument.hand.mapping.with_target("cc", 99, Target("gain", 2)).with_target("note", 60, Target("play"))
    learnt.save(HERE / "mapping.toml")
    entries, _ = gestures.read(folder / "take.mid")
    entries[0].change.update(model="relu_16.h5", source="piano.ogg")
    gestures.write(HERE / "take.mid", entries)
    shutil.rmtree(folder)


def learn() -> None:
    """A recipe, its corpus, and the checkpoint of a run that was interrupted after two of four epochs."""
    rng, folder = np.random.default_rng(7), Path("music")
    folder.mkdir()
    time_s = np.arange(4 * 8000) / 8000
    for i in range(2):
        tone = np.sin(2 * np.pi * (220 + 110 * i) * time_s) * np.exp(-6 * (time_s % 0.25))
        soundfile.write(folder / f"{i}.wav", 0.5 * tone + 0.01 * rng.standard_normal(time_s.size), 8000, "PCM_16")
    options = {
        "sample_rate": 8000, "fft_length": 64, "window_length": 64, "hop_length": 32, "hidden": [4], "epochs": 4,
        "encoder_activation": ["relu"], "training_spectra": 60, "validation_spectra": 20, "test_spectra": 20,
        "batch": 20, "split": "frame", "learning_rate": 0.01, "last_learning_rate": 0.001,
        "momentum": 0.5, "last_momentum": 0.9,
        "stop_epochs": 9,
    }  # fmt: skip
    recipe = recipes.load("default", options)
    (HERE / "recipe.toml").write_text(recipe.to_toml())
    found, _ = tracks.survey(tracks.find_audio(folder), folder)
    draw = corpora.Draw(
        front_end=recipe.analysis(), n_training=60, n_validation=20, n_test=20, split="frame",
        skip_silence_db=recipe.skip_silence_db, positions=recipe.positions, seed=recipe.seed,
    )  # fmt: skip
    corpora.build(HERE / "model.corpus.h5", found, draw)
    with corpora.Corpus(HERE / "model.corpus.h5") as corpus:
        train(recipe, corpus, name="whole").model.save(HERE / "whole.h5")

        def stop(stage, row):
            if row.epoch == 2:
                raise KeyboardInterrupt

        train(recipe, corpus, name="broken", checkpoint=HERE / "model.checkpoint.h5", on_row=stop)
    print(json.dumps([track.get("path") for track in corpora.Corpus(HERE / "model.corpus.h5").tracks]))
    shutil.rmtree(folder)


if __name__ == "__main__":
    perform()
    learn()
