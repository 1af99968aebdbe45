"""Records the output: a thread writes the recorder's ring to a WAV file that is valid at all times.

The file is 32-bit float and holds exactly the samples played. Its header is updated after every write, ten times a
second, so that even a killed process leaves a valid file. For the same reason it is written in place, the only
exception to atomic writes. Past 4 GB the header becomes RF64 (EBU Tech 3306); its space is reserved from the start.
"""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path
from typing import BinaryIO

from aedsp._rt.player import Player
from aedsp.arrays import Float32
from aedsp.audio import file as audio_file
from aedsp.errors import AedspError

WRITE_EVERY_S = 0.1
RING_S = 4.0
_HEADER = struct.Struct("<4sI4s 4sI QQQI 4sI HHIIHHH 4sII 4sI")
_FLOAT = 3
_RIFF_MOST = 0xFFFFFFFF


def wav_header(sample_rate: int, channels: int, n_bytes: int) -> bytes:
    """A WAV header for 32-bit float, or an RF64 header of the same length if `n_bytes` of audio require it."""
    frame_bytes = 4 * channels
    riff_bytes = _HEADER.size - 8 + n_bytes
    n_frames = n_bytes // frame_bytes
    large = riff_bytes > _RIFF_MOST
    return _HEADER.pack(
        b"RF64" if large else b"RIFF", _RIFF_MOST if large else riff_bytes, b"WAVE",
        b"ds64" if large else b"JUNK", 28, *((riff_bytes, n_bytes, n_frames, 0) if large else (0, 0, 0, 0)),
        b"fmt ", 18, _FLOAT, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 32, 0,
        b"fact", 4, min(n_frames, _RIFF_MOST),
        b"data", _RIFF_MOST if large else n_bytes,
    )  # fmt: skip


class Recorder:
    """One recording, from `start` to `stop`.

    Parameters
    ----------
    path : str or path
        ``.wav``, or ``.flac``: the WAV file beside it is then converted to FLAC (24 bit) on `stop`.
    player : Player
    sample_rate : int
        Hz.
    channels : int

    Raises
    ------
    ValueError
        If the extension is another one.
    OSError
        If the file already exists or cannot be created.
    """

    def __init__(self, path: str | os.PathLike[str], player: Player, sample_rate: float, channels: int) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in (".wav", ".flac"):
            raise ValueError(f"{path}: extension is {self.path.suffix!r}; expected .wav or .flac")
        self._wav = self.path if self.path.suffix.lower() == ".wav" else self.path.with_suffix(".wav")
        self._player, self.sample_rate, self.channels = player, round(sample_rate), channels
        if self.path.exists():
            raise FileExistsError(17, "already exists; recordings never overwrite a file", str(self.path))
        self._file: BinaryIO = open(self._wav, "xb", buffering=0)  # noqa: SIM115
        self._write_all(wav_header(self.sample_rate, channels, 0))
        self.n_bytes = 0
        self.error: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aedsp recorder", daemon=True)

    @property
    def duration_s(self) -> float:
        """Seconds written so far."""
        return self.n_bytes / (4 * self.channels * self.sample_rate)

    def start(self, from_play: bool = False) -> None:
        """Begin now, or with the first frame that is played from now on."""
        self._player.recorded(1 << 40)  # discard what an earlier recording left
        self._player.record(True, from_play)
        self._thread.start()

    def stop(self) -> Path:
        """Write the rest, close the file, convert to FLAC if requested; returns the path of the file."""
        self._player.record(False)
        self._stop.set()
        self._thread.join()
        self._file.close()
        if self.path.suffix.lower() == ".flac" and self.error is None:
            try:
                self._make_flac()
                return self.path
            except (AedspError, OSError, ValueError) as error:
                self.error = f"{self.path}: cannot be written ({error}); the recording is in {self._wav}"
        return self._wav

    def _run(self) -> None:
        while not self._stop.wait(WRITE_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        frames = self._player.recorded(1 << 40)
        if self.error is not None or not len(frames):
            return
        try:
            self._append(frames)
        except OSError as error:
            self._player.record(False)
            self.error = (
                f"{self._wav}: recording stopped after {self.duration_s:.1f} s ({error.strerror}); "
                "what was recorded can be played"
            )

    def _append(self, frames: Float32) -> None:
        self._write_all(frames.tobytes())
        self.n_bytes += frames.nbytes
        self._file.seek(0)
        self._write_all(wav_header(self.sample_rate, self.channels, self.n_bytes))
        self._file.seek(0, os.SEEK_END)

    def _write_all(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) :]

    def _make_flac(self) -> None:
        with (
            audio_file.open_audio(self._wav) as wav,
            audio_file.written(self.path, self.sample_rate, self.channels) as flac,
        ):
            for block in audio_file.blocks_of(wav):
                flac.write(block)
        self._wav.unlink()
