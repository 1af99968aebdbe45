"""What an instrument plays: songs one after another, a drive, or a live input; changed while it plays."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from aedsp.live import portaudio
from aedsp.live.sources import FileSource, InputSource, NoInput, channels_of
from aedsp.live.stream import Stream
from aedsp.play.playlist import Playlist, as_path
from aedsp.text import readable


class Songs:
    """The sources of a stream, as a player changes them. Thread-safe.

    Parameters
    ----------
    stream : Stream
    playlist : Playlist, optional
        That the stream's song is in.
    loop : bool
        Whether songs are repeated; a folder or playlist: from its first one.
    say : callable
        Shows a message.
    """

    def __init__(self, stream: Stream, playlist: Playlist | None, loop: bool, say: Callable[[str], None]) -> None:
        self._stream, self._loop, self._say = stream, loop, say
        self._lock = threading.RLock()  # a song may end while another is opened
        self.playlist = playlist
        if playlist is None and isinstance(stream.source, FileSource):
            self.playlist = Playlist.of(stream.source.path)
        stream.on_end = self._continue

    @property
    def name(self) -> str:
        """What plays: the name of the file, the input, or no input."""
        source = self._stream.source
        if isinstance(source, FileSource):
            return readable(Path(source.path).name)
        if isinstance(source, InputSource):
            return "live input" if source.device is None else f"live input {source.device}"
        return f"no input ({source.drive})" if isinstance(source, NoInput) else "a program's sound"

    @property
    def folder(self) -> Path:
        """Where a player looks for the next song first."""
        return self.playlist.song.parent if self.playlist else Path.cwd()

    def open(self, path: str | os.PathLike[str]) -> None:
        """Switch to a song, or to the first one of a folder or playlist that can be read."""
        with self._lock:
            self._play(Playlist.of(as_path(os.fspath(path))).at_readable(channels_of, self._say))

    def step(self, step: int) -> None:
        """The next or the previous song, so many steps away, from the end to the beginning; ValueError without songs.

        Songs that cannot be read are passed over.
        """
        with self._lock:
            if self.playlist is None:
                raise ValueError("there is no playlist; open a song first")
            self._play(self.playlist.moved(step).at_readable(channels_of, self._say, step))

    def drive(self, drive: str) -> None:
        """Play the decoder alone."""
        with self._lock:
            self._change(NoInput(drive))
            self._say(f"no input, drive {drive}")

    def live_input(self, device: str | None) -> None:
        """Play an input device, by number or part of the name; muted until play."""
        with self._lock:
            self._stream.change(InputSource(portaudio.named(device)))
        self._say("the input is muted: press play to open it; use headphones, loudspeakers may feed back")

    def _play(self, playlist: Playlist) -> None:
        source = FileSource(playlist.song, self._loop and not playlist.continues)
        more = channels_of(source) > self._stream.engine.channels
        self._change(source)
        self.playlist = playlist
        place = f" ({playlist.place + 1} of {len(playlist.songs)})" if len(playlist.songs) > 1 else ""
        self._say(f"{self.name}{place}" + (", mixed to mono; start with --channels 2 for stereo" if more else ""))

    def _change(self, source: FileSource | NoInput) -> None:
        """Change the source; after the end of a song, or from a live input that was open, play."""
        stream = self._stream
        was_open = isinstance(stream.source, InputSource) and stream.requested_transport == "play"
        was_at_end = stream.transport == "end"
        stream.change(source)
        if was_at_end or was_open:
            stream.start()

    def _continue(self) -> None:
        """At the end of a song: the next one of a folder or playlist."""
        with self._lock:
            playlist = self.playlist
            if self._stream.transport != "end" or playlist is None or not playlist.continues:
                return
            if rest := playlist.rest(self._loop):
                self._play(rest.at_readable(channels_of, self._say))
