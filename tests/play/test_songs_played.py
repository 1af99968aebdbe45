"""Playlists, the browser, and the songs of an instrument."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from textual import events

from aedsp.control import actions
from aedsp.play.browser import Browser
from aedsp.play.playlist import Playlist, as_path
from aedsp.play.screen import Screen
from patience import wait


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "my music"
    (folder / "more").mkdir(parents=True)
    for name in ("2 b.wav", "10 a.wav", "1 c.flac", "more/d.wav"):
        soundfile.write(folder / name, 0.1 * np.sin(np.arange(22_050) / 10), 22_050)
    (folder / "notes.txt").write_text("no song")
    (folder / ".hidden.wav").write_bytes(b"")
    (folder / "list.m3u").write_text("\ufeff#EXTM3U\n#EXTINF:1,d\nmore/d.wav\n\nnone.wav\n2 b.wav\n", encoding="utf-8")
    return folder


def names(playlist):
    return [path.name for path in playlist.songs]


def test_playlists_of_a_folder_a_file_and_a_song(music):
    assert names(Playlist.of(music)) == ["1 c.flac", "2 b.wav", "10 a.wav"] and Playlist.of(music).continues
    listed = Playlist.of(music / "list.m3u")
    assert names(listed) == ["d.wav", "none.wav", "2 b.wav"] and listed.song == music / "more/d.wav"
    beside = Playlist.of(music / "2 b.wav")
    assert beside.song.name == "2 b.wav" and not beside.continues
    assert beside.moved(1).song.name == "10 a.wav" and beside.moved(2).song.name == "1 c.flac"
    assert Playlist.of(music / "none.wav").songs == (music / "none.wav",)
    (music / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no songs; expected audio files"):
        Playlist.of(music / "empty")


@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"', " {} ", "escaped", "url"])
def test_paths_as_they_are_typed_pasted_or_dropped(music, form):
    path = str(music / "2 b.wav")
    text = {"escaped": path.replace(" ", "\\ "), "url": (music / "2 b.wav").as_uri()}.get(form, form.format(path))
    assert as_path(text) == path
    assert as_path("~/x").startswith(str(Path.home()))


def test_the_browser_goes_in_and_out(music, monkeypatch):
    browser = Browser()
    browser.show(music, music / "2 b.wav")
    assert [path.name for path in browser.entries] == ["more", "1 c.flac", "10 a.wav", "2 b.wav", "list.m3u"]
    assert browser.enter() == music / "2 b.wav"
    browser.move("home")
    assert browser.enter() is None and browser.folder == music / "more" and browser.enter() == music / "more/d.wav"
    browser.leave()
    assert browser.folder == music and browser.entries[browser.chosen].name == "more"
    browser.move("end")
    assert browser.entries[browser.chosen].name == "list.m3u"
    lines = browser.lines(30, 4)
    assert len(lines) == 4 and any(line.plain.startswith("> list.m3u") for line in lines)
    monkeypatch.chdir(music)
    browser.show(music, Path("2 b.wav"))
    assert browser.entries[browser.chosen].name == "2 b.wav"
    browser.show(music / "none")
    assert "No such file" in browser.lines(80, 10)[2].plain and browser.enter() is None


def test_open_next_and_previous(instrument, music):
    actions.run(instrument, f"open {music}")
    assert instrument.songs.name == "1 c.flac" and instrument.messages[-1][1] == "1 c.flac (1 of 3)"
    actions.run(instrument, "next")
    actions.run(instrument, "next")
    assert instrument.songs.name == "10 a.wav"
    actions.run(instrument, "next")
    assert instrument.songs.name == "1 c.flac"
    actions.run(instrument, "previous")
    assert instrument.songs.name == "10 a.wav"
    actions.run(instrument, f"open '{music / 'list.m3u'}'")
    actions.run(instrument, "next")
    assert instrument.songs.name == "2 b.wav"
    assert any(text.startswith("passed over:") and "none.wav" in text for _, text in instrument.messages)
    actions.run(instrument, "open /no/such/song.wav")
    assert instrument.messages[-1][1].startswith("refused:") and instrument.songs.name == "2 b.wav"
    assert instrument.session().source == str(music / "2 b.wav")


def test_a_playlist_continues_at_the_end_of_each_song_and_a_song_does_not(instrument, music):
    instrument.stream.start()
    actions.run(instrument, f"open '{music / '2 b.wav'}'")
    wait(lambda: instrument.stream.transport == "end", 20)
    assert instrument.songs.name == "2 b.wav"
    actions.run(instrument, f"open {music}")
    wait(lambda: instrument.songs.name == "10 a.wav", 30)
    wait(lambda: instrument.stream.transport == "end", 20)
    assert instrument.songs.name == "10 a.wav"


def test_a_playlist_ends_even_if_its_last_song_cannot_be_read(instrument, music):
    (music / "more" / "e.wav").write_bytes(b"nothing")
    instrument.stream.start()
    actions.run(instrument, f"open {music / 'more'}")
    assert instrument.songs.name == "d.wav"
    wait(lambda: instrument.stream.transport == "end", 20)
    wait(lambda: any("passed over" in text for _, text in instrument.messages))
    (music / "broken").mkdir()
    (music / "broken" / "a.wav").write_bytes(b"nothing")
    actions.run(instrument, f"open '{music / 'broken'}'")
    assert "no song of the playlist can be read" in instrument.messages[-1][1]


def test_songs_loop_if_that_was_asked_for(instrument, music):
    instrument.songs._loop = True
    actions.run(instrument, f"open '{music / '2 b.wav'}'")
    assert instrument.stream.source.loop
    actions.run(instrument, f"open {music}")
    assert not instrument.stream.source.loop, "the folder is repeated, not its first song"


def test_playlists_of_other_programs(music):
    (music / "Stück.wav").write_bytes(b"")
    (music / "w.m3u").write_bytes("more\\d.wav\r\nStück.wav\r\n".encode("latin-1"))
    assert Playlist.of(music / "w.m3u").songs == (music / "more/d.wav", music / "Stück.wav")


def test_a_drive_and_a_live_input_can_be_chosen_while_it_plays(instrument, music):
    instrument.stream.start()
    actions.run(instrument, "drive constant")
    assert instrument.songs.name == "no input (constant)" and not instrument.has_source
    actions.run(instrument, "drive dance")
    assert "refused: drive is 'dance'" in instrument.messages[-1][1]
    actions.run(instrument, "input")
    assert instrument.songs.name == "live input" and instrument.stream.transport == "pause"
    actions.run(instrument, f"open '{music / '2 b.wav'}'")
    assert instrument.songs.name == "2 b.wav"


@pytest.mark.asyncio
async def test_the_screen_browses_and_takes_dropped_files(instrument, music):
    actions.run(instrument, f"open '{music / '2 b.wav'}'")
    app = Screen(instrument)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        assert app.sight.page == "songs" and app.sight.browser.folder == music
        await pilot.press("home", "down", "enter")
        assert instrument.songs.name == "1 c.flac"
        await pilot.press("left", "escape")
        assert app.sight.page == "play"
        app.post_message(events.Paste(str(music / "10 a.wav").replace(" ", "\\ ")))
        await pilot.pause()
        await pilot.press("enter")
        assert instrument.songs.name == "10 a.wav"
        await pilot.press("pageup")
        assert instrument.songs.name == "2 b.wav"
        for odd in ("x" * 5000, "file://[", "gain 3 0.5"):
            app.post_message(events.Paste(odd))
            await pilot.pause()
            assert app.query_one("#prompt").value == odd
            await pilot.press("escape")
        await pilot.press("N")
        prompt = app.query_one("#prompt")
        assert prompt.value.startswith(f"name {instrument.selected_unit} ")


def test_a_mono_instrument_says_that_it_mixes(instrument, music):
    soundfile.write(music / "stereo.wav", np.zeros((22_050, 2)), 22_050)
    actions.run(instrument, f"open '{music / 'stereo.wav'}'")
    assert instrument.messages[-1][1].endswith("mixed to mono; start with --channels 2 for stereo")


def test_names_are_kept_in_the_file_and_refused_without_a_traceback(instrument, tmp_path, monkeypatch):
    from aedsp.model.model import Model

    assert actions.run(instrument, "name 3 kick") == f"unit 3 is 'kick'; kept in {tmp_path / 'm.h5'}"
    assert Model.load(tmp_path / "m.h5").unit_names[3] == "kick" and instrument.name_of(3) == "kick"
    actions.run(instrument, "name 99 x")
    assert "refused: there is no unit 99" in instrument.messages[-1][1]
    actions.run(instrument, f"name 2 {'x' * 40}")
    assert "at most 32 bytes" in instrument.messages[-1][1]
    (tmp_path / "m.h5").unlink()
    assert actions.run(instrument, "name 4 snare") == "" and "refused" in instrument.messages[-1][1]
    assert instrument.name_of(4) != "snare"


def test_names_of_a_shipped_model_stay_with_it(instrument, tmp_path):
    from aedsp import data
    from aedsp.model.model import Model
    from aedsp.play.names import Names

    path = data.model_path("relu_16")
    before = path.read_bytes()
    names = Names(Model.load(path), path)
    assert "the shipped model stays as it is" in names.give(3, "kick") and names.of_session == {3: "kick"}
    assert path.read_bytes() == before
    instrument.names.restore({3: "kick"})
    assert instrument.name_of(3) != "kick", "the session's names are those of a shipped model"
    again = Names(Model.load(path), path)
    again.restore(names.of_session)
    assert again.of(3) == "kick" and again.give(3, "") and again.of(3) != "kick"


def test_a_session_keeps_order_names_and_groups(instrument, tmp_path):
    from aedsp.play import session as sessions

    wait(lambda: instrument.engine.effects().max() > -100)
    instrument.toggle_sorted()
    instrument.define_group(2, {3: (0.0, 1.0), 4: (1.0, 0.5)})
    instrument.toggle_mute(7)
    instrument.toggle_solo(1)
    instrument.session().save(tmp_path / "s.toml")
    loaded = sessions.load(tmp_path / "s.toml")
    assert loaded.order == list(instrument.banks.order(20)) and loaded.groups == {2: {3: (0.0, 1.0), 4: (1.0, 0.5)}}
    assert list(loaded.controls["muted"]) == ["7"], "solo is for the moment"
    instrument.reset()
    instrument.toggle_sorted()
    instrument.apply(loaded)
    assert instrument.is_sorted and instrument.macros.groups[2].ranges[4] == (1.0, 0.5)


@pytest.mark.parametrize("text", [
    "order = [0, 0, 1]", "order = 3", "[names]\n3 = 4", "[names]\nx = 'a'", "names = 3", "[group.9]\n1 = [0, 1]",
    "[group.1]\n1 = [0]", "[group.1]\n-1 = [0, 1]", "[group.1]\n1 = [0, inf]", "group = 2",
])  # fmt: skip
def test_a_damaged_session_is_refused(tmp_path, text):
    from aedsp.errors import SessionError
    from aedsp.play import session as sessions

    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SessionError, match=r"s\.toml: (order|names|group) is"):
        sessions.load(tmp_path / "s.toml")


def test_a_session_keeps_the_playlist(instrument, music, tmp_path):
    from aedsp.play import session as sessions
    from aedsp.play.__main__ import _playlist

    nothing = dict.fromkeys(("file", "input", "input_device", "no_input", "drive"))
    actions.run(instrument, f"open {music}")
    actions.run(instrument, "next")
    instrument.session().save(tmp_path / "s.toml")
    kept = sessions.load(tmp_path / "s.toml")
    assert kept.playlist == str(music) and kept.source == str(music / "2 b.wav")
    found = _playlist(nothing, kept)
    assert found.song.name == "2 b.wav" and found.continues and found.place == 1
    assert _playlist({**nothing, "drive": "constant"}, kept) is None
    kept.playlist = str(music / "gone.m3u")
    assert _playlist(nothing, kept) is None


def test_solo_ends_a_morph(instrument):
    instrument.store(1)
    instrument.recall(1, 5.0)
    instrument.toggle_solo(3)
    assert not instrument._morph.running and np.flatnonzero(~instrument.controls.muted[:]).tolist() == [3]
