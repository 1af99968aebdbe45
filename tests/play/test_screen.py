"""The screen: every key works, every page fits 80 x 24 and larger sizes, letters duplicate the colours."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from patience import wait

pytest.importorskip("textual")
pytest.importorskip("pytest_asyncio")

from textual import events

from aedsp import bars
from aedsp.control import action_table, actions
from aedsp.play import view
from aedsp.play.screen import Screen

SIZES = [(80, 24), (120, 40), (200, 60)]


def text_of(app):
    return view.screen(app.instrument, app.sight, app.size.width, app.size.height).plain


async def settle(pilot):
    await pilot.pause(0.12)


@pytest.mark.asyncio
async def test_every_key(instrument):
    c, app = instrument.controls, Screen(instrument)
    wait(lambda: instrument.stream.transport == "play")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down", "left", "left", "plus", "m", "i")
        assert c.gain[2] == pytest.approx(0.9) and c.scale[2] == pytest.approx(1.05) and c.muted[2] and c.sign[2] == -1
        await pilot.press("u")
        assert c.is_neutral(2)
        await pilot.press("o")
        assert np.isfinite(c.override[2])
        before = c.override[2]
        await pilot.press("right_parenthesis")
        assert c.override[2] > before
        await pilot.press("o")
        assert np.isnan(c.override[2])
        await pilot.press("right_square_bracket")
        assert instrument.bank == 1
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert instrument.bank == 2
        await settle(pilot)
        assert instrument.selected == 2 and "Neuron" in text_of(app)
        await pilot.press("up", "up", "up")
        assert instrument.selected == 3  # the last bank has four units
        await pilot.press("m", "w", "3", "u", "3")
        assert c.muted[19] and 3 in instrument.snapshots
        await pilot.press("z")
        assert c.muted[:].all()
        await pilot.press("z")
        assert np.flatnonzero(c.muted[:]).tolist() == [19]
        await pilot.press("R", "t")
        assert c.is_neutral(19) and c.monitor == "original"
        await pilot.press("space")
        await settle(pilot)
        assert instrument.stream.transport == "pause"
        await pilot.press("g", "g")
        assert instrument.morph_s == 2.0
        await pilot.press("colon", *"gain 1 0.5", "enter")
        assert c.gain[1] == 0.5
        await pilot.press("colon", *"dance", "enter")
        assert "unknown command 'dance'" in instrument.messages[-1][1]
        await pilot.press("l", "enter")
        assert str(instrument.learning) == "gain 4"
        await pilot.press("n", "escape")
        for page in ("callback", "messages", "keys", "play"):
            await pilot.press("tab")
            assert app.sight.page == page
        await pilot.press("question_mark")
        assert "Keys" in text_of(app)
        await pilot.press("x")
        await settle(pilot)
        assert instrument.stream.transport == "stop"
        await pilot.press("q")
    assert instrument.quitting.is_set()


@pytest.mark.asyncio
async def test_ctrl_c_quits_even_in_the_prompt(instrument):
    app = Screen(instrument)
    async with app.run_test() as pilot:
        await pilot.press("colon", "ctrl+c")
    assert instrument.quitting.is_set()


@pytest.mark.asyncio
async def test_the_screen_exits_with_the_instrument(instrument):
    app = Screen(instrument)
    async with app.run_test() as pilot:
        instrument.quitting.set()
        await settle(pilot)
        assert not app.is_running or app._exit


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", view.PAGES)
def test_every_page_fits(instrument, size, page):
    width, height = size
    wait(lambda: instrument.stream.transport == "play" and len(instrument.stream.meter()[0]))
    for i in range(30):
        instrument.say(
            f"a long message with the number {i}, longer than eighty columns, which has to be truncated or wrapped"
        )
    picture = view.screen(instrument, view.Sight(page=page), width, height)
    lines = picture.plain.split("\n")
    assert len(lines) == height and max(len(line) for line in lines) <= width
    assert "PLAYING" in lines[0] and "Queued Track: Resynthesized" in lines[1]


def test_letters_duplicate_the_colours(instrument):
    wait(lambda: instrument.stream.transport == "play" and len(instrument.stream.meter()[0]))
    c = instrument.controls
    c.gain[0], c.scale[0], c.muted[1], c.sign[2], c.override[3] = 0.26772, 1.5, True, -1, 0.7
    instrument.surface._positions[
        next(t for t in instrument.surface.mapping.targets.values() if str(t) == "gain 1")
    ] = 100
    plain = view.screen(instrument, view.Sight(), 120, 24).plain.split("\n")
    rows = {line[1:7].strip(): line for line in plain[3:11]}
    assert "0.26772  1.50000     0.40158" in rows["0"] and "▼66" in rows["0"]
    assert "0.00000  M" in rows["1"] and "-1.00000   -" in rows["2"] and "0.70000    O" in rows["3"]
    assert "[*]" in plain[11]
    c.muted[8:16] = True
    assert "[*]M·" in view.screen(instrument, view.Sight(), 80, 24).plain
    instrument.stream._device.lost = True
    assert "DEVICE LOST" in view.screen(instrument, view.Sight(), 80, 24).plain
    instrument.stream._device.lost = False


def test_bars():
    assert bars.bar(0.5, 4) == "██··" and bars.bar(2, 3) == "███" and bars.bar(float("nan"), 2) == "··"
    assert bars.bar(1 / 16, 2) == "▏·" and view.minutes(65.34) == "1:05.3"


def words_of(instrument, width, height, page="play"):
    sight = view.Sight(page=page)
    return view.screen(instrument, sight, width, height).plain.splitlines(), sight


@pytest.mark.parametrize("width, height", [(60, 20), (80, 24), (120, 40), (200, 60)])
def test_the_screen_says_what_plays_through_what(instrument, width, height):
    lines, _ = words_of(instrument, width, height)
    assert lines[0].startswith("waterworks.ogg through test") and len(lines) == height
    assert all(len(line) <= width for line in lines)
    shown = [line for line in lines if line[1 : 7 if width >= 80 else 5].strip().isdigit()]
    assert len(shown) >= (16 if height == 60 else 8)  # more banks where there is space


def test_help_and_keys_scroll_to_their_last_line(instrument):
    for page, last in (("keys", "take over"), ("commands", "quit")):
        for width, height in ((60, 20), (80, 24)):
            sight, seen = view.Sight(page=page), []
            for _ in range(40):
                seen += view.screen(instrument, sight, width, height).plain.splitlines()[3:]
                sight.scroll_by("pagedown", height)
            text = "\n".join(seen)
            assert last in text
            assert all(action.name in text for action in action_table.ACTIONS.values()) or page == "keys"
            if page == "keys":
                assert all(help in text for _, help in actions.key_table())


def test_long_messages_are_wrapped_not_cut(instrument):
    words = "together " * 30
    instrument.say(words)
    lines, _ = words_of(instrument, 120, 40)
    assert "".join(lines).count("together") == 30


def test_a_muted_and_overridden_unit_shows_0_and_pots_show_their_distance(instrument):
    from aedsp.control.midi_messages import Message

    instrument.controls.override[2], instrument.controls.muted[2] = 0.7, True
    instrument._midi(Message("cc", 1, 0, 1))
    instrument._midi(Message("cc", 1, 16, 3))
    lines, _ = words_of(instrument, 120, 40)
    rows = {line[1:7].strip(): line for line in lines}
    assert "0.00000  M O" in rows["2"] and "▲126" in rows["0"] and "▲60" in rows["0"]


def test_signed_activations_are_drawn_from_a_centre_line():
    assert bars.signed_bar(0.5, 9) == "····│██··" and bars.signed_bar(-1, 9) == "████│····"
    assert bars.signed_bar(float("nan"), 9) == "····│····"


def test_snapshots_are_listed_with_the_one_recalled_last(instrument):
    instrument.store(2)
    instrument.store(5)
    instrument.recall(5)
    assert view.snapshot_line(instrument).plain.startswith("Snapshots  2 [5]")
    instrument.store(5)
    assert "replacing the one there; undo brings it back" in instrument.messages[-1][1]
    instrument.undo()
    instrument.undo()
    assert 5 in instrument.snapshots


@pytest.mark.asyncio
async def test_the_prompt_takes_what_is_typed_or_pasted_at_once(instrument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = Screen(instrument)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", *"rel", "tab")
        prompt = app.query_one("#prompt")
        assert prompt.value == "model relu_16"  # what was there is kept, not erased by the first key
        await pilot.press("escape", "l", "enter")
        assert str(instrument.learning) == "gain 1"
        app.post_message(events.Paste("gain 4 0.5\n"))
        await settle(pilot)
        await pilot.press("enter")
        assert instrument.controls.gain[4] == 0.5
        await pilot.press("backspace")
        assert instrument.controls.gain[4] == 1
        await pilot.press("y")
        assert instrument.controls.gain[4] == 0.5
        await pilot.press("greater_than_sign")
        assert instrument.messages[-1][1] == "speed 1.06 (stretch 0.944)"
        await pilot.press("colon", *"seek 400", "enter")
        assert instrument.messages[-1][1] == "at the end; the file lasts 15.0 s"
        await pilot.press("colon", *"learn", "enter")
        assert "bank-previous" in "".join(text for _, text in instrument.messages)
        await pilot.press("colon", *"help", "enter", "end")
        await settle(pilot)
        assert "quit" in text_of(app) and app.sight.page == "commands"


def test_without_input_there_is_no_original(device, rng, tmp_path):
    import aedsp
    from aedsp.control import mapping
    from aedsp.play.instrument import Instrument
    from models import autoencoder

    autoencoder(rng).save(tmp_path / "m.h5")
    with aedsp.Stream(aedsp.Engine(aedsp.Model.load(tmp_path / "m.h5")), None) as stream:
        instrument = Instrument(stream, mapping.load("nanokontrol2"), tmp_path / "m.h5", tmp_path, midi=False)
        assert actions.run(instrument, "monitor") == "there is no original to hear: the decoder plays alone"
        assert actions.run(instrument, "seek 3") == "only a file can be played from another position"
        assert instrument.controls.monitor == "resynthesized"


def test_a_morph_fades_mutes_and_passes_signs_through_zero(instrument):
    from aedsp.play.snapshots import Snapshot

    c = instrument.controls
    c.muted[1], c.sign[2], c.override[3] = True, -1, 0.8
    target = Snapshot.of(c)
    c.reset()
    c.override[3] = 0.4
    start, levels = Snapshot.of(c), []
    for share in np.linspace(0, 1, 21):
        target.morph_step(c, start, float(share))
        values = c.state()
        signed = values["gain"] * values["sign"] * (values["muted"] == 0)
        levels.append([signed[1], signed[2], values["override"][3]])
    steps = np.abs(np.diff(levels, axis=0)).max(axis=0)
    assert steps.max() < 0.11 and levels[-1] == pytest.approx([0, -1, 0.8]) and levels[0] == pytest.approx([1, 1, 0.4])


@pytest.mark.parametrize("old, new", [((2.0, False), (None, True)), ((None, False), (2.0, True))])
def test_a_morph_between_a_mute_and_an_override_fades(instrument, old, new):
    from aedsp.play.snapshots import Snapshot

    c = instrument.controls

    def heard():
        """Of a unit whose activation is 1."""
        values = {name: float(column[0]) for name, column in c.state().items()}
        if values["muted"]:
            return 0.0
        return values["override"] if values["override"] == values["override"] else values["gain"] * values["sign"]

    for first, last in ((old, new), (new, old)):
        states = []
        for override, muted in (first, last):
            c.reset()
            c.override[0], c.muted[0] = np.nan if override is None else override, muted
            states.append((Snapshot.of(c), heard()))
        start, levels = states[0][0], []
        for share in np.linspace(0, 1, 101):
            states[1][0].morph_step(c, start, float(share))
            levels.append(heard())
        assert levels[0] == pytest.approx(states[0][1]) and np.abs(np.diff(levels)).max() < 0.03
        assert levels[-1] == pytest.approx(states[1][1], abs=1e-6)


def test_rows_show_label_spectrum_and_effect_in_every_size(instrument):
    wait(lambda: instrument.stream.transport == "play" and instrument.engine.effects().max() > -100)
    instrument.names._kept[0] = "kick"
    for width, height in ((80, 24), (120, 40), (200, 60)):
        lines = view.screen(instrument, view.Sight(), width, height).plain.split("\n")
        assert "Label" in lines[2] and "Spectrum" in lines[2] and "Effect" in lines[2]
        assert "kick" in lines[3] and any(block in lines[3] for block in "▂▃▄▅▆▇█")
        assert all(len(line) <= width for line in lines)
    instrument.toggle_sorted()
    instrument.toggle_solo(3)
    text = view.screen(instrument, view.Sight(), 120, 40).plain
    assert "sorted by effect" in text and "solo 3" in text
    first = int(text.split("\n")[3][1:7])
    assert instrument.units[0] == first


def test_a_line_spectrum_has_its_peak_where_it_is():
    hz = np.arange(513) * 44_100 / 1024
    magnitude = np.where(np.abs(hz - 1000) < 60, 1.0, 1e-4)
    drawn = bars.line_spectrum(magnitude, hz, 16)
    assert len(drawn) == 16 and drawn.index("█") in (7, 8) and drawn.strip() == drawn.strip("▂▃▄▅▆▇ ")


@pytest.mark.asyncio
async def test_what_is_typed_before_the_prompt_has_the_focus_is_not_lost(instrument):
    app = Screen(instrument)
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(5):
            for character in ":gain 3 0.25":
                key = {":": "colon", " ": "space", ".": "full_stop"}.get(character, character)
                app.post_message(events.Key(key, character))
            app.post_message(events.Key("enter", "\r"))
            await pilot.pause()
            wait_for = asyncio.get_running_loop().time() + 3
            while instrument.controls.gain[3] != 0.25 and asyncio.get_running_loop().time() < wait_for:
                await asyncio.sleep(0.02)
            assert instrument.controls.gain[3] == 0.25
            instrument.controls.gain[3] = 1.0
