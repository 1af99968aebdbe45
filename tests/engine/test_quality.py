"""How the shipped models sound, on music by other artists: spectral convergence over the corpus."""

from __future__ import annotations

import numpy as np

import aedsp
from aedsp.audio import file as audio_file
from reference import stft


def spectral_convergence_db(x, y):
    """20 log10(‖|S_out| - |S_in|‖ / ‖|S_in|‖), STFT 2048/512."""
    s, t = (np.abs(stft.forward(signal, aedsp.FrontEnd())) for signal in (x, y))
    return 20 * np.log10(np.linalg.norm(t - s) / np.linalg.norm(s))


def test_the_larger_model_resynthesizes_unknown_music_recognisably(corpus):
    model = aedsp.demo_model("relu_160")
    levels = {}
    for path in sorted((corpus / "test").iterdir()):
        x, rate = audio_file.read(path)
        assert rate == model.front_end.sample_rate
        levels[path.name] = spectral_convergence_db(x[:, 0], aedsp.resynthesize(model, x[:, 0]))
    mean = np.mean(list(levels.values()))
    print("\n".join(f"{value:7.2f} dB  {name}" for name, value in levels.items()), f"\n{mean:7.2f} dB  mean")
    assert mean < -22  # -22.5 is claimed
