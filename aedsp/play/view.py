"""What the screen shows, as lines of text: pure functions of the instrument's state and a size. No terminal.

Colours add nothing that the letters do not show: * changed, M all muted. The rows of the units are in `unit_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.text import Text

from aedsp.arrays import Float32
from aedsp.bars import BARS, bar, cut
from aedsp.control.action_table import ACTIONS
from aedsp.control.actions import key_table
from aedsp.control.answers import soloed
from aedsp.engine.state import SILENCE_DB
from aedsp.live.statistics import StreamStatistics
from aedsp.play import unit_rows
from aedsp.play.browser import Browser
from aedsp.play.instrument import Instrument

LOWEST_DB = -72.0
PAGES = ("play", "callback", "messages", "keys")

#: Keys of the screen itself, in addition to those of the actions.
OWN_KEYS = (("enter", "browse songs"), (":", "any command; :help"), ("tab", "next page"), ("?", "all keys"))
#: Keys that scroll the pages of text: lines, or pages of the screen.
SCROLL = {
    "up": (-1, 0), "down": (1, 0), "pageup": (0, -1), "pagedown": (0, 1), "home": (-(10**6), 0), "end": (10**6, 0),
}  # fmt: skip


@dataclass
class Sight:
    """State that the screen keeps between updates."""

    page: str = "play"
    scroll: int = 0  # first line of a page of text; of the messages, counted from the newest
    browser: Browser = field(default_factory=Browser)
    units: unit_rows.Memory = field(default_factory=unit_rows.Memory)

    def show(self, page: str) -> None:
        """Turn to a page, from its beginning."""
        self.page, self.scroll = page, 0

    def scroll_by(self, key: str, height: int) -> None:
        """Scroll the page as a key of `SCROLL` asks; the messages begin with the newest."""
        lines, pages = SCROLL[key]
        step = lines + pages * max(1, height - 6)
        self.scroll = max(0, self.scroll + (-step if self.page == "messages" else step))


@dataclass(frozen=True)
class Look:
    """One reading of everything that moves, so that a picture is consistent."""

    code: Float32
    original: Float32
    heard: Float32
    peak: float
    statistics: StreamStatistics


def look(instrument: Instrument, sight: Sight) -> Look:
    """Take a reading; update what the rows of the units remember."""
    code, original, heard, peak, _ = instrument.stream.meter()
    sight.units.take(instrument, code)
    return Look(code, original, heard, peak, instrument.stream.statistics)


def screen(instrument: Instrument, sight: Sight, width: int, height: int) -> Text:
    """The current page: exactly `height` lines of at most `width` columns."""
    seen = look(instrument, sight)
    head = header(instrument, width)
    body = {
        "play": _play_page,
        "callback": _callback_page,
        "messages": _messages_page,
        "keys": _keys_page,
        "commands": _commands_page,
        "songs": _songs_page,
    }[sight.page](instrument, sight, seen, width, height - len(head))
    lines = [*head, *body][:height]
    for line in lines:
        line.truncate(width)
        line.no_wrap = True
    return Text("\n", no_wrap=True).join([*lines, *[Text("")] * (height - len(lines))])


def header(instrument: Instrument, width: int) -> list[Text]:
    """What plays through what, transport, what is heard, latency, controller."""
    stream = instrument.stream
    words = {"play": "PLAYING", "pause": "PAUSED", "stop": "STOPPED", "end": "ENDED"}
    model = instrument.engine.model
    through = f" through {model.name or 'the model'}, {model.n_code} units"
    if len(instrument.songs.name) + len(through) + 28 > width:
        through = f" through {model.name or 'the model'}"
    clock = minutes(stream.position_s) + (f" / {minutes(stream.duration_s)}" if stream.duration_s else "")
    right = f"{'DEVICE LOST' if stream.device_lost else words[stream.transport]}  {clock}"
    if stream.recording:
        right = f"REC  {right}"
    if instrument.controls.frozen:
        right = f"FROZEN  {right}"
    stretched = ""
    if (stream.stretch, stream.transpose) != (1, 0):
        stretched = f"  speed {1 / stream.stretch:.3g}  transpose {stream.transpose:+.3g}"
    queued = f"Queued Track: {instrument.controls.monitor.capitalize()}"
    controller = instrument.controller
    midi = "MIDI off" if controller is None else _midi_words(instrument)
    latency = f"latency {1000 * stream.latency.total / instrument.engine.sample_rate:.0f} ms"
    queued += stretched
    return [
        _spread(
            Text(cut(instrument.songs.name, max(8, width - len(through) - len(right) - 2)) + through, "bold"),
            Text(right, "bold reverse"),
            width,
        ),
        _spread(Text(queued, "bold"), Text(f"{latency}  {midi}"), width),
    ]


def _midi_words(instrument: Instrument) -> str:
    controller = instrument.controller
    assert controller is not None
    if controller.connected is None:
        return "no controller"
    last = instrument.last_midi
    message = f"{last[1].kind} {last[1].number}={last[1].value}" if last else "-"
    return f"MIDI {controller.connected.split(':')[-1][:20]} {message}"


def _play_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    keys = key_lines(width)
    meters = [bank_map(instrument, width), snapshot_line(instrument), *level_lines(instrument, seen, width)]
    n_banks = max(1, min(instrument.n_banks, (height - 26) // instrument.bank_size))
    rows = unit_rows.rows(instrument, sight.units, seen.code, width, n_banks)
    spectrum_rows = max(1, min(8, (height - len(rows) - len(meters) - len(keys) - 6) // 2))
    spectra = [
        *spectrum("Original", seen.original, instrument, width, spectrum_rows),
        *spectrum("Output", seen.heard, instrument, width, spectrum_rows),
    ]
    if height < len(rows) + len(meters) + len(spectra) + len(keys) + 1:  # small: messages before pictures
        spectra = spectra[len(spectra) // 2 :] if height > len(rows) + len(meters) + len(keys) + 2 else []
    room = height - len(rows) - len(meters) - len(spectra) - len(keys)
    return [*rows, *meters, *spectra, *messages(instrument, max(0, room), width), *keys]


def snapshot_line(instrument: Instrument) -> Text:
    """The snapshots that exist; the one recalled last in brackets; the morph time."""
    marks = [f"[{n}]" if n == instrument.recalled else f" {n} " for n in sorted(instrument.snapshots)]
    stored = "".join(marks) if marks else "none; w 1-9 stores"
    morph = f"   morph {instrument.morph_s:g} s" if instrument.morph_s else ""
    return Text.assemble(("Snapshots ", "bold"), stored, morph, "   ", amounts_text(instrument))


def amounts_text(instrument: Instrument) -> Text:
    """Detail, mix, target, macros and volume; all but detail and volume only where they act."""
    c = instrument.controls
    parts: list[str | tuple[str, str]] = [("Detail ", "bold"), f"{c.detail:.2f}"]
    if c.mix != 1:
        parts += [("  Mix ", "bold"), f"{c.mix:.2f}"]
    if c.target_amount:
        parts += [("  Target ", "bold"), f"{c.target_amount:.2f}"]
    for name, position in instrument.macros.positions().items():
        if position:
            parts += [(f"  {name.capitalize()} ", "bold"), f"{position:+.1f}"]
    volume = f"{c.volume_db:+.1f} dB" if c.volume_db > SILENCE_DB else "silence"
    return Text.assemble(*parts, ("  Volume ", "bold"), volume)


def bank_map(instrument: Instrument, width: int) -> Text:
    """All banks: the one in view in brackets; * a unit is changed, M all units are muted."""
    values = instrument.controls.state()
    n, bank = len(values["gain"]), instrument.bank_size
    changed = (
        (values["gain"] != 1) | (values["scale"] != 1) | (values["sign"] != 1) | (values["muted"] != 0)
        | ~np.isnan(values["override"])
    )  # fmt: skip
    marks = []
    for i in range(-(-n // bank)):
        inside = slice(i * bank, (i + 1) * bank)
        mark = "M" if values["muted"][inside].all() else "*" if changed[inside].any() else "·"
        marks.append(f"[{mark}]" if i == instrument.bank else mark)
    title, position = "Banks  ", f" {instrument.bank} of 0-{instrument.n_banks - 1}"
    position += ", sorted by effect" if instrument.is_sorted else ""
    position += f", {soloed(instrument)}" if instrument.mutes.state.solo else ""
    room = width - len(title) - len(position)
    start = max(0, min(instrument.bank - room // 2, len(marks) - room + 2)) if len(marks) + 2 > room else 0
    return Text.assemble((title, "bold"), "".join(marks[start:])[:room], position)


def level_lines(instrument: Instrument, seen: Look, width: int) -> list[Text]:
    """Output level and limiter; callback load, worst load and misses."""
    s = seen.statistics
    db = 20 * np.log10(max(seen.peak, 1e-6))
    bar_width = max(8, width - 66)
    level = f" {db:>6.1f} dB   limited {s.limited_frames} frames"
    counts = f"missed {s.misses}  late {s.late}  underrun {s.underrun_frames}"
    load = f" {s.last_load:>6.1%}  worst {s.worst_load:.0%}  {counts}"
    return [
        Text.assemble(("Level  ", "bold"), (bar(1 - db / LOWEST_DB, bar_width), "green" if db < -1 else "red"), level),
        Text.assemble(
            ("Load   ", "bold"), (bar(s.last_load, bar_width), "green" if s.last_load < 0.7 else "red"), load
        ),
    ]


def spectrum(title: str, magnitude: Float32, instrument: Instrument, width: int, rows: int) -> list[Text]:
    """A spectrum on a logarithmic frequency axis from 40 Hz, as bars of `rows` lines."""
    n_columns = max(8, width - 10)
    front_end = instrument.engine.model.front_end
    edges = np.geomspace(40, front_end.sample_rate / 2, n_columns + 1) * front_end.fft_length / front_end.sample_rate
    low = np.minimum(edges[:-1].astype(int), len(magnitude) - 1)
    high = np.maximum(low + 1, edges[1:].astype(int))
    peaks = np.array([magnitude[a:b].max(initial=0) for a, b in zip(low, high, strict=True)])
    shares = np.clip(1 - 20 * np.log10(np.maximum(peaks, 1e-9)) / LOWEST_DB, 0, 1)
    lines = []
    for row in range(rows - 1, -1, -1):
        filled = np.clip(shares * rows - row, 0, 1)
        text = "".join(BARS[round(8 * f)] for f in filled.tolist())
        lines.append(Text.assemble((f"{title if row == rows - 1 else '':<9} ", "bold"), (text, "cyan")))
    return lines


def messages(instrument: Instrument, n: int, width: int) -> list[Text]:
    """The last messages in n lines, newest last; long ones are wrapped."""
    parts = [part for _, message in list(instrument.messages)[-n:] for part in wrapped(message, width - 2)] if n else []
    return [Text(f"  {part}", "italic") for part in parts[-n:]] + [Text("")] * (n - len(parts))


def key_lines(width: int) -> list[Text]:
    """The most important keys, in two lines."""
    rows = (
        "space play  t original  d detail  O sort  [ ] bank  ↑↓ unit  ←→ gain  m mute  s solo",
        "enter songs  R reset  backspace undo  f freeze  1-9 recall  vV volume  : command  ? keys",
    )
    return [Text(row[:width], "dim") for row in rows]


def _callback_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    """Histogram of callback load, latency and all counters."""
    s = seen.statistics
    lines = [Text("Callback load: share of the available time", "bold underline")]
    total, bins = max(1, sum(s.load)), 16
    loads = [sum(s.load[i * 2 : i * 2 + 2]) for i in range(bins)] + [sum(s.load[2 * bins :])]
    for i, n in enumerate(loads[: max(4, height - 10)]):
        name = f"{i / bins:>5.0%} -{(i + 1) / bins:>4.0%}" if i < bins else "    more   "
        lines.append(Text(f"{name} {bar(n / total, max(8, width - 26))} {n}"))
    words = [str(instrument.stream.latency), *s.lines()]
    return [*lines, *(Text(part) for line in words for part in wrapped(line, width))]


def _messages_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    parts = [part for _, message in instrument.messages for part in wrapped(message, width - 2)]
    sight.scroll = min(sight.scroll, max(0, len(parts) - (height - 2)))
    end = len(parts) - sight.scroll
    shown = parts[max(0, end - (height - 2)) : end]
    return [_title("Messages", width), *(Text(f"  {part}") for part in shown)]


def _songs_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    last = messages(instrument, 1, width)
    return [*sight.browser.lines(width, height - 1), *last]


def _keys_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    columns = max(1, min(4, width // 40))
    keys = [*key_table(), *OWN_KEYS]
    half = -(-len(keys) // columns)
    lines = []
    for i in range(half):
        cells = [keys[j] for j in range(i, len(keys), half)][:columns]
        lines.append(Text("".join(f"  {key:<11} {does:<25}" for key, does in cells)))
    sent = "M muted, S soloed, - inverted polarity, O override; ▲ ▼ how far a fader must move to take over."
    lines += [Text(""), *(Text(f"  {part}") for part in wrapped(sent, width - 2))]
    return _scrolled("Keys", lines, sight, width, height)


def _commands_page(instrument: Instrument, sight: Sight, seen: Look, width: int, height: int) -> list[Text]:
    lines = []
    for action in ACTIONS.values():
        if width >= 72 and len(action.usage) <= 32:
            first, *more = wrapped(action.help, width - 36)
            lines += [Text(f"  {action.usage:<32} {first}"), *(Text(f"{'':<35}{part}") for part in more)]
        else:
            lines.append(Text(f"  {action.usage}", "bold"))
            lines += [Text(f"      {part}") for part in wrapped(action.help, width - 6)]
    return _scrolled("Commands", lines, sight, width, height)


def _scrolled(title: str, lines: list[Text], sight: Sight, width: int, height: int) -> list[Text]:
    """A page of text under its title, from line `sight.scroll` on."""
    room = height - 1
    sight.scroll = min(sight.scroll, max(0, len(lines) - room))
    more = f"  {sight.scroll + 1}-{min(len(lines), sight.scroll + room)} of {len(lines)}" if len(lines) > room else ""
    return [_title(title + more, width), *lines[sight.scroll : sight.scroll + room]]


def _title(title: str, width: int) -> Text:
    return _spread(Text(title, "bold underline"), Text("↑ ↓ page up/down scroll, tab next page", "dim"), width)


def minutes(seconds: float) -> str:
    """Format a time, e.g. 1:05.3."""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def wrapped(text: str, width: int) -> Sequence[str]:
    """Wrap text between words."""
    import textwrap

    return textwrap.wrap(text, max(10, width)) or [""]


def _spread(left: Text, right: Text, width: int) -> Text:
    gap = max(1, width - left.cell_len - right.cell_len)
    return Text.assemble(left, " " * gap, right)
