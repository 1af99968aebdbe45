"""The screen: every key works, every page fits 80 x 24 and larger sizes, letters duplicate the colours."""

from __future__ import annotations

import numpy as np
import pytest

from patience import wait

pytest.importorskip("textual")
pytest.importorskip("pytest_asyncio")

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
    plain = view.screen(instrument, view.Sight(), 80, 24).plain.split("\n")
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
    assert view.bar(0.5, 4) == "██··" and view.bar(2, 3) == "███" and view.bar(float("nan"), 2) == "··"
    assert view.bar(1 / 16, 2) == "▏·" and view.minutes(65.34) == "1:05.3"
