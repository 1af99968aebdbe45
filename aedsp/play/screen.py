"""The screen: a Textual application around `view`. The only importer of textual."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from aedsp.control.mapping import Target
from aedsp.play import commands, view
from aedsp.play.instrument import Instrument

PICTURES_A_SECOND = 20
_STEP = {"gain": 0.05, "scale": 0.05}
_SEEK_S = 5.0
_PACE_STEP = 2 ** (1 / 12)
_MORPHS_S = (0.0, 1.0, 2.0, 5.0, 10.0)


class Screen(App[None]):
    """The instrument's screen; ends when the instrument is to quit, or after `seconds`."""

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
        self._keys = {
            "space": instrument.toggle_play,
            "x": instrument.stop,
            "comma": lambda: self._seek(-_SEEK_S),
            "full_stop": lambda: self._seek(_SEEK_S),
            "t": instrument.toggle_monitor,
            "left_square_bracket": lambda: instrument.hand.press(Target("bank-previous")),
            "right_square_bracket": lambda: instrument.hand.press(Target("bank-next")),
            "up": lambda: self._select(-1),
            "down": lambda: self._select(1),
            "left": lambda: self._nudge("gain", -1),
            "right": lambda: self._nudge("gain", 1),
            "minus": lambda: self._nudge("scale", -1),
            "plus": lambda: self._nudge("scale", 1),
            "equals_sign": lambda: self._nudge("scale", 1),
            "m": lambda: self._press("mute"),
            "i": lambda: self._press("sign"),
            "u": lambda: self._press("restore"),
            "o": self._take_over,
            "left_parenthesis": lambda: self._nudge_override(-1),
            "right_parenthesis": lambda: self._nudge_override(1),
            "R": lambda: instrument.hand.press(Target("reset")),
            "upper_r": lambda: instrument.hand.press(Target("reset")),
            "z": lambda: instrument.hand.press(Target("silence")),
            "w": self._begin_storing,
            "g": self._next_morph,
            "c": instrument.toggle_recording,
            "f": instrument.toggle_frozen,
            "less_than_sign": lambda: instrument.set_pace(stretch=instrument.stream.stretch * _PACE_STEP),
            "greater_than_sign": lambda: instrument.set_pace(stretch=instrument.stream.stretch / _PACE_STEP),
            "left_curly_bracket": lambda: instrument.set_pace(transpose=instrument.stream.transpose - 1),
            "right_curly_bracket": lambda: instrument.set_pace(transpose=instrument.stream.transpose + 1),
            "l": lambda: self._prompt(f"learn gain {self.sight.selected + 1}"),
            "n": lambda: self._prompt("model "),
            "colon": lambda: self._prompt(""),
            "tab": lambda: self._turn_page(1),
            "shift+tab": lambda: self._turn_page(-1),
            "question_mark": lambda: self._show_page("keys"),
            "q": self.action_quit_playing,
        }

    def compose(self) -> ComposeResult:
        yield Static(id="view")
        yield Input(id="prompt", placeholder="a command; help lists them; escape closes")

    def on_mount(self) -> None:
        self.set_interval(1 / PICTURES_A_SECOND, self._draw)
        self.set_focus(None)
        self._draw()

    def action_quit_playing(self) -> None:
        self.instrument.quitting.set()
        self.exit()

    def on_key(self, event: events.Key) -> None:
        """Every key of the instrument; while the prompt is open, only escape."""
        prompt = self.query_one("#prompt", Input)
        if prompt.display:
            if event.key == "escape":
                self._close_prompt()
            return
        if event.key.isdigit() and event.key != "0":
            self._snapshot(int(event.key))
        elif event.key in self._keys:
            self.instrument.attempt(self._keys[event.key])
        else:
            return
        event.stop()
        event.prevent_default()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        line = event.value
        self._close_prompt()
        try:
            answer = commands.run(self.instrument, line)
        except ValueError as error:
            answer = str(error)
        for part in answer.splitlines():
            self.instrument.say(part)
        if answer.count("\n") > 2:
            self._show_page("messages")

    def _draw(self) -> None:
        if self.instrument.quitting.is_set() or (self._until is not None and time.monotonic() > self._until):
            self.exit()
            return
        bank = self.instrument.hand.units
        self.sight.selected = min(self.sight.selected, len(bank) - 1)
        size = self.size
        self.query_one("#view", Static).update(view.screen(self.instrument, self.sight, size.width, size.height))

    def _unit(self) -> int:
        return self.instrument.hand.units[self.sight.selected]

    def _select(self, step: int) -> None:
        self.sight.selected = (self.sight.selected + step) % len(self.instrument.hand.units)

    def _nudge(self, name: str, direction: int) -> None:
        values = getattr(self.instrument.controls, name)
        values[self._unit()] = max(0.0, round(values[self._unit()] + direction * _STEP[name], 4))

    def _press(self, name: str) -> None:
        self.instrument.hand.press(Target(name, self.sight.selected))

    def _take_over(self) -> None:
        override, unit = self.instrument.controls.override, self._unit()
        if override[unit] == override[unit]:
            override[unit] = float("nan")
        else:
            code = self.instrument.stream.meter()[0]
            override[unit] = float(code[unit]) if unit < len(code) else 0.0

    def _nudge_override(self, direction: int) -> None:
        override, unit = self.instrument.controls.override, self._unit()
        if override[unit] == override[unit]:
            top = self.instrument.hand.override_range
            override[unit] += direction * 0.05 * (float(top[unit]) if top is not None and unit < len(top) else 1.0)
        else:
            self._take_over()

    def _seek(self, step_s: float) -> None:
        self.instrument.seek(self.instrument.stream.position_s + step_s)

    def _snapshot(self, number: int) -> None:
        if self.sight.storing:
            self.sight.storing = False
            self.instrument.store(number)
        else:
            self.instrument.recall(number)

    def _begin_storing(self) -> None:
        self.sight.storing = True
        self.instrument.say("store the settings as: 1 to 9")

    def _next_morph(self) -> None:
        later = [s for s in _MORPHS_S if s > self.instrument.morph_s]
        self.instrument.morph_s = later[0] if later else 0.0
        self.instrument.say(f"recalls take {self.instrument.morph_s:g} s")

    def _turn_page(self, step: int) -> None:
        pages = view.PAGES
        self.sight.page = pages[(pages.index(self.sight.page) + step) % len(pages)]

    def _show_page(self, page: str) -> None:
        self.sight.page = "play" if self.sight.page == page else page

    def _prompt(self, text: str) -> None:
        prompt = self.query_one("#prompt", Input)
        prompt.value, prompt.display = text, True
        prompt.cursor_position = len(text)
        prompt.focus()

    def _close_prompt(self) -> None:
        prompt = self.query_one("#prompt", Input)
        prompt.display = False
        self.set_focus(None)
