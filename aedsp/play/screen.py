"""The full-screen interface: a Textual application around `view`. The only module that imports textual."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from aedsp.control import actions
from aedsp.control.action import Action
from aedsp.control.completion import MOST_SHOWN, complete
from aedsp.play import view
from aedsp.play.browser import STEPS
from aedsp.play.instrument import Instrument
from aedsp.play.playlist import as_path

PICTURES_A_SECOND = 20


class Screen(App[None]):
    """The instrument's screen; exits when the instrument quits, or after `seconds`."""

    CSS = """
    Screen { layers: below above; }
    #view { layer: below; width: 100%; height: 100%; }
    #prompt { layer: above; dock: bottom; display: none; height: 3; }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit_playing", priority=True, show=False)]

    def __init__(self, instrument: Instrument, seconds: float | None = None) -> None:
        super().__init__()
        self.instrument = instrument
        self.sight = view.Sight()
        self._until = time.monotonic() + seconds if seconds is not None else None
        self._action_keys = actions.key_bindings()
        self._first = ""  # of a two-key sequence
        self._own_keys: dict[str, Callable[[], None]] = {
            "colon": lambda: self._prompt(""),
            "tab": lambda: self._turn_page(1),
            "shift+tab": lambda: self._turn_page(-1),
            "enter": self._show_songs,
            "question_mark": lambda: self._show_page("keys"),
        }

    def compose(self) -> ComposeResult:
        yield Static(id="view")
        placeholder = "command ('help' lists them, tab completes, escape closes)"
        yield Input(id="prompt", placeholder=placeholder, select_on_focus=False)

    def on_mount(self) -> None:
        self.set_interval(1 / PICTURES_A_SECOND, self._draw)
        self.set_focus(None)
        self._draw()

    def action_quit_playing(self) -> None:
        self.instrument.quit()
        self.exit()

    def on_key(self, event: events.Key) -> None:
        """Handle all keys; only escape while the prompt is open."""
        prompt = self.query_one("#prompt", Input)
        if prompt.display:
            if event.key == "escape":
                self._close_prompt()
            elif event.key == "tab":
                self._complete(prompt)
                event.stop()
                event.prevent_default()
            else:  # sent before the prompt had the focus: what is typed at once must not be lost
                if event.key == "enter":
                    self._submit(prompt.value)
                elif event.is_printable and event.character:
                    prompt.value += event.character
                    prompt.cursor_position = len(prompt.value)
                event.stop()
            return
        if self.sight.page == "songs" and self._browse(event.key):
            event.stop()
            event.prevent_default()
            return
        if self.sight.page != "play" and event.key in view.SCROLL:
            self.sight.scroll_by(event.key, self.size.height)
            event.stop()
            event.prevent_default()
            return
        key = f"{self._first} {event.key}" if self._first else event.key
        self._first = ""
        if key in self._action_keys:
            self._act(*self._action_keys[key])
        elif key in self._own_keys:
            self._own_keys[key]()
        elif any(binding.startswith(f"{key} ") for binding in self._action_keys):
            self._first = key
            self.instrument.say("store as snapshot: press 1 to 9")
        else:
            return
        event.stop()
        event.prevent_default()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._submit(event.value)

    def _submit(self, line: str) -> None:
        """Run the command of the prompt."""
        self._close_prompt()
        try:
            answer = actions.run(self.instrument, line)
        except ValueError as error:
            answer = str(error)
        for part in answer.splitlines() if line.split() != ["help"] else []:
            self.instrument.say(part)
        if line.split() == ["help"]:
            self._show_page("commands")
        elif answer.count("\n") > 2:
            self._show_page("messages")

    def _draw(self) -> None:
        if self.instrument.quitting.is_set() or (self._until is not None and time.monotonic() > self._until):
            self.exit()
            return
        if self.focused is not None and not self.query_one("#prompt", Input).display:
            self.set_focus(None)
        size = self.size
        self.query_one("#view", Static).update(view.screen(self.instrument, self.sight, size.width, size.height))

    def _act(self, action: Action, words: str, asks: bool) -> None:
        """Run the action of a key. The screen already shows the result, except for morph times."""
        if asks:
            place = str(self.instrument.selected + 1)
            words = words.replace("PLACE", place).replace("UNIT", str(self.instrument.selected_unit))
            self._prompt(f"{action.name} {words}")
            return
        said: list[str] = []
        self.instrument.attempt(lambda: said.append(action(self.instrument, words.split())))
        if said and said[0] and action.name in ("morph", "undo", "redo", "monitor", "seek", "sort"):
            self.instrument.say(said[0])

    def on_paste(self, event: events.Paste) -> None:
        """A pasted command opens the prompt, ready to be run; so does a file that is dropped on the terminal."""
        prompt = self.query_one("#prompt", Input)
        lines = event.text.strip().splitlines()
        if lines and not prompt.display:
            path = ""
            with contextlib.suppress(ValueError):  # no URL
                path = as_path(lines[0])
            self._prompt(f"open {path}" if path and os.path.exists(path) else lines[0].removeprefix(":"))
            event.stop()

    def _show_songs(self) -> None:
        songs = self.instrument.songs
        self.sight.browser.show(songs.folder, songs.playlist.song if songs.playlist else None)
        self._show_page("songs")

    def _browse(self, key: str) -> bool:
        """Act on a key of the browser; returns whether it is one."""
        browser = self.sight.browser
        if key in STEPS:
            browser.move(key)
        elif key == "enter":
            if path := browser.enter():
                self.instrument.open_song(path)
        elif key in ("left", "backspace"):
            browser.leave()
        elif key == "escape":
            self.sight.show("play")
        else:
            return False
        return True

    def _complete(self, prompt: Input) -> None:
        prompt.value, candidates = complete(prompt.value)
        prompt.cursor_position = len(prompt.value)
        if len(candidates) > 1:
            shown = "  ".join(candidate.rpartition("/")[2] or candidate for candidate in candidates[:MOST_SHOWN])
            self.instrument.say(shown + ("  ..." if len(candidates) > MOST_SHOWN else ""))

    def _turn_page(self, step: int) -> None:
        pages = view.PAGES
        here = pages.index(self.sight.page) if self.sight.page in pages else 0
        self.sight.show(pages[(here + step) % len(pages)])

    def _show_page(self, page: str) -> None:
        self.sight.show("play" if self.sight.page == page else page)

    def _prompt(self, text: str) -> None:
        prompt = self.query_one("#prompt", Input)
        prompt.value, prompt.display = text, True
        prompt.cursor_position = len(text)
        self.set_focus(prompt)

    def _close_prompt(self) -> None:
        prompt = self.query_one("#prompt", Input)
        prompt.display = False
        self.set_focus(None)
