"""What an instrument plays: songs one after another, a drive, or a live input; changed while it plays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aedsp.live import portaudio
from aedsp.live.sources import FileSource, InputSource, NoInput, channels_of
from aedsp.live.stream import Stream
from aedsp.play.playlist import Playlist, as_path
from aedsp.text import readable


class Songs:
    """The sources of a stream, as a player changes them.

    Parameters
    ----------
    stream : Stream
    playlist : Playlist, optional
        That the stream's song is in.
    say : callable
        Shows a message.
    """

    def __init__(self, stream: Stream, playlist: Playlist | None, say: Callable[[str], None]) -> None:
        self._stream, self._say = stream, say
        self.playlist = playlist
        if playlist is None and isinstance(stream.source, FileSource):
            self.playlist = Playlist.of(stream.source.path)
        stream.on_end = self._go_on

    @property
    def name(self) -> str:
        """What plays: the name of the file, the input, or no input."""
        source = self._stream.source
        if isinstance(source, FileSource):
            return readable(Path(source.path).name)
        if isinstance(source, InputSource):
            return "live input" if source.device is None else f"live input {source.device}"
        return f"no input ({source.drive})"

    @property
    def folder(self) -> Path:
        """Where a player looks for the next song first."""
        return self.playlist.song.parent if self.playlist else Path.cwd()

    def open(self, path: str | os.PathLike[str]) -> None:
        """Go on to a song, or to the first one of a folder or playlist."""
        found = Playlist.of(as_path(os.fspath(path)))
        self._play(found)

    def step(self, step: int) -> None:
        """The next or the previous song, so many steps away; those that cannot be read are passed over."""
        if self.playlist is None:
            raise ValueError("there is no song to go on from; open one first")
        place, refused = self.playlist, ""
        for _ in self.playlist.songs:
            place = place.moved(step)
            try:
                self._play(place)
                return
            except (OSError, ValueError) as error:
                refused = str(error)
                self._say(f"passed over: {' '.join(refused.split())}")
        raise ValueError(f"no song of the playlist can be read; the last one: {refused}")

    def drive(self, drive: str) -> None:
        """Play the decoder alone."""
        self._stream.change(NoInput(drive))
        self._say(f"no input, drive {drive}")

    def live_input(self, device: str | None) -> None:
        """Play an input device, by number or part of the name; muted until play."""
        self._stream.change(InputSource(portaudio.named(device)))
        self._say("the input is muted: press play to open it; use headphones, loudspeakers may feed back")

    def _play(self, playlist: Playlist) -> None:
        source = FileSource(playlist.song)
        more = channels_of(source) > self._stream.engine.channels
        was_at_end = self._stream.transport == "end"
        muted = isinstance(self._stream.source, InputSource) and self._stream.requested_transport == "play"
        self._stream.change(source)
        self.playlist = playlist
        if was_at_end or muted:
            self._stream.start()
        place = f" ({playlist.place + 1} of {len(playlist.songs)})" if len(playlist.songs) > 1 else ""
        self._say(f"{self.name}{place}" + (", mixed to mono; start with --channels 2 for stereo" if more else ""))

    def _go_on(self) -> None:
        """At the end of a song: the next one of a folder or playlist."""
        if self.playlist and self.playlist.goes_on and not self.playlist.is_last:
            self.step(1)
