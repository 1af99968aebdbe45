"""The rows of the units on the screen: number, label, spectrum, values, what each changes, activation.

Colours add nothing that the letters do not show: M muted, S soloed, - inverted, O overridden.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.text import Text

from aedsp.arrays import Float32
from aedsp.bars import bar, cut, line_spectrum, signed_bar
from aedsp.engine.state import Values
from aedsp.play.instrument import Instrument
from aedsp.play.names import Names

#: From this width on, values have five decimals, as in the paper; from the other one on, rows have a spectrum.
_WIDE, _WITH_SPECTRUM = 118, 80
#: How often effects are estimated, in s, and from how many spectra.
_EFFECTS_S, _NEWEST = 0.5, 32
_LEAST_DB = -40.0


@dataclass
class Memory:
    """What the rows keep between pictures."""

    code_top: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))
    effects: dict[int, float] = field(default_factory=dict)
    _effects_at: float = -1.0
    _spectra: tuple[Names, int, dict[int, str]] | None = None

    def take(self, instrument: Instrument, code: Float32) -> None:
        """Update the peak activation of each unit, the full scale of its bar."""
        if len(self.code_top) != len(code):
            self.code_top = np.full(len(code), 1e-6, np.float32)
        if len(code):
            self.code_top = np.maximum(self.code_top * np.float32(0.999), np.abs(code))

    def estimate(self, instrument: Instrument, units: Sequence[int]) -> None:
        """Estimate what the units in view change, a few times a second."""
        now = time.monotonic()
        if now - self._effects_at >= _EFFECTS_S or not set(units) <= set(self.effects):
            self._effects_at = now
            found = instrument.effects_of(units, _NEWEST)
            self.effects = dict(zip(units, found.tolist(), strict=True))

    def spectrum(self, instrument: Instrument, unit: int, width: int) -> str:
        """What a unit adds, in one line."""
        names = instrument.names
        if self._spectra is None or self._spectra[:2] != (names, width):
            self._spectra = names, width, {}
        drawn = self._spectra[2]
        if unit not in drawn:
            hz = instrument.engine.model.front_end.centres_hz()
            drawn[unit] = line_spectrum(names.spectrum(unit), hz, width)
        return drawn[unit]


def rows(instrument: Instrument, memory: Memory, code: Float32, width: int, n_banks: int = 1) -> list[Text]:
    """The bank in view, and as many of the next as there is space for, under a line of titles."""
    n_units, size = instrument.controls.n_units, instrument.bank_size
    order = instrument.banks.order(n_units)
    first, slots = instrument.bank * size, instrument.n_banks * size
    units = [order[place] if (place := (first + row) % slots) < n_units else None for row in range(n_banks * size)]
    memory.estimate(instrument, [unit for unit in units if unit is not None])
    values = instrument.controls.state()
    signed = instrument.engine.model.layers[-1].encoder_activation in ("linear", "tanh")
    lines = [Text(_titles(width, instrument.is_sorted), "underline")]
    for row, unit in enumerate(units):
        slot = row if row < size else None
        if unit is None:
            lines.append(Text("      -"))
        else:
            lines.append(_row(instrument, memory, code, width, values, slot, unit, signed))
    return lines


def _titles(width: int, is_sorted: bool) -> str:
    if width >= _WIDE:
        return (
            f" Neuron {'Label':<16} {'Spectrum':<12} {'Gain':>8} {'Scale':>8} {'Adj. Value':>11}  Mute  Fader Pot   "
            "  Effect (dB)  Activation"
        )
    bars = "" if is_sorted else " Activ."
    if width >= _WITH_SPECTRUM:
        return f" Neuron {'Label':<13} Spectrum  Gain Scale  Value Mute Fadr Pot  Effect{bars}"
    return f" Unit {'Label':<10}   Gain Scale  Value Mute Fadr Pot  Effect{bars}"


def _short(name: str, width: int) -> str:
    """A label, without its unit of measure or cut where there is no space for it."""
    return cut(name if len(name) <= width else name.removesuffix(" Hz").replace(" kHz", "k"), width)


def _row(
    instrument: Instrument, memory: Memory, code: Float32, width: int, values: Values, slot: int | None, unit: int,
    signed: bool,
) -> Text:  # fmt: skip
    """One unit; slot: its place in the bank in view, None if it is in another bank."""
    gain, scale, override = (float(values[name][unit]) for name in ("gain", "scale", "override"))
    muted, negative, taken = bool(values["muted"][unit]), values["sign"][unit] < 0, override == override
    adjusted = 0.0 if muted else override if taken else gain * scale * (-1 if negative else 1)
    soloed = unit in instrument.mutes.state.solo
    marks = f"{'S' if soloed else 'M' if muted else ' '}{'-' if negative else ' '}{'O' if taken else ' '}"
    distances = [instrument.surface.distance(name, slot) if slot is not None else None for name in ("gain", "scale")]
    fader, pot = ("" if d is None else f"{'▼' if d > 0 else '▲'}{abs(d)}" for d in distances)
    activation = float(code[unit]) if unit < len(code) else 0.0
    share = activation / float(memory.code_top[unit]) if unit < len(memory.code_top) else 0.0
    effect = memory.effects.get(unit, _LEAST_DB)
    changes = f"{effect:>5.1f}" if effect > -100 else "    -"
    selected = slot is not None and slot == instrument.selected
    name, effect_share = instrument.name_of(unit), 1 - effect / _LEAST_DB
    style = "dim" if muted or slot is None else "bold" if selected else ""
    mark = ">" if selected else " "
    if width >= _WIDE:
        spectrum = memory.spectrum(instrument, unit, 12)
        row = f" {gain:>8.5f} {scale:>8.5f} {adjusted:>11.5f}  {marks:<4}  {fader:<5} {pot:<5}  {changes} "
        head = f"{mark}{unit:>6} {_short(name, 16):<16} "
        bar_width = width - len(head) - 12 - len(row) - 14
        drawn = signed_bar(share, bar_width) if signed else bar(abs(share), bar_width)
        return Text.assemble(
            (head, style), (spectrum, "cyan"), (row, style), (bar(effect_share, 5), "magenta"), " ",
            (drawn, "green"), f" {activation:>6.3f}",
        )  # fmt: skip
    if width >= _WITH_SPECTRUM:
        head, spectrum = f"{mark}{unit:>6} {_short(name, 13):<13} ", memory.spectrum(instrument, unit, 8)
    else:
        head, spectrum = f"{mark}{unit:>4} {_short(name, 10):<10} ", ""
    row = f" {gain:>5.3f} {scale:>5.3f} {adjusted:>6.3f} {marks:<4} {fader:<4} {pot:<4} {changes} "
    bar_width = max(3, width - len(head) - len(spectrum) - len(row))
    if instrument.is_sorted:
        drawn, colour = bar(effect_share, bar_width), "magenta"
    else:
        drawn, colour = signed_bar(share, bar_width) if signed else bar(abs(share), bar_width), "green"
    return Text.assemble((head, style), (spectrum, "cyan"), (row, style), (drawn, colour))
