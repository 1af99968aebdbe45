"""Sound to a device. The only importer of sounddevice, which is the only door to PortAudio.

This version plays a finished signal; the live stream with its compiled callback belongs here too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aedsp.errors import StreamError


def play_aloud(audio: npt.NDArray[np.float32], sample_rate: float) -> str:
    """Play a whole signal (frames,) or (frames, channels) on the default output; returns the device's name at its end.

    Raises
    ------
    StreamError
        No sounddevice, no PortAudio, no output device, or one that refuses; the text says which and what to do.
    """
    try:
        import sounddevice
    except ImportError:
        raise StreamError("sounddevice is not installed; pip install 'aedsp[play]'") from None
    except OSError:
        raise StreamError("PortAudio is not installed; on Debian: apt install libportaudio2") from None
    try:
        device = sounddevice.query_devices(kind="output")
        sounddevice.play(audio, sample_rate, blocking=True)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise StreamError(f"no output device can be used ({' '.join(str(error).split())})") from None
    return str(device["name"])
