"""Text files and file names as they come: byte order marks, UTF-16, Latin-1, names that are no text."""

from __future__ import annotations

import codecs
import os

import pytest

import aedsp
from aedsp.atomic import sibling
from aedsp.control import mapping
from aedsp.play import session
from aedsp.text import path_as_text, path_from_text, read_text, readable

BOMS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


@pytest.mark.parametrize("encoding", BOMS)
def test_byte_order_marks_are_understood(tmp_path, encoding):
    path = tmp_path / "x.toml"
    path.write_bytes(BOMS[encoding] + 'name = "Flügel"\n'.encode(encoding))
    assert read_text(path) == 'name = "Flügel"\n'
    path.write_bytes(BOMS[encoding] + 'model = "Flügel.h5"\r\n'.encode(encoding))
    assert session.load(path).model == "Flügel.h5"
    path.write_bytes(BOMS[encoding] + 'name = "Flügel"\n[cc]\n0-7 = "gain"\n'.encode(encoding))
    assert mapping.load(path).name == "Flügel"


def test_other_encodings_are_refused_by_file_and_reason(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes('name = "Flügel"\n'.encode("latin-1"))
    reason = r"x\.toml: not valid TOML \(not UTF-8 text: byte 0xfc at position 10; save it as UTF-8\)"
    with pytest.raises(aedsp.errors.SessionError, match=reason):
        session.load(path)
    with pytest.raises(aedsp.errors.MappingError, match=reason):
        mapping.load(path)


@pytest.mark.parametrize("name", [b"song.wav", "Flügel.wav".encode(), b"caf\xe9.wav", b"a\nb%41#?.wav"])
def test_a_session_holds_any_path(tmp_path, name):
    path = os.path.join(tmp_path, os.fsdecode(name))
    session.Session(source=path, model=path).save(tmp_path / "s.toml")
    found = session.load(tmp_path / "s.toml")
    assert found.source == found.model == path


def test_paths_in_text_are_themselves_if_they_can_be():
    assert path_as_text("ü.wav") == "ü.wav" == path_from_text("ü.wav")
    odd = os.fsdecode(b"/a/caf\xe9 #.wav")
    assert path_as_text(odd) == "file:///a/caf%E9%20%23.wav" and path_from_text(path_as_text(odd)) == odd
    assert readable(os.fsdecode(b"caf\xe9\n\x1b[31m")) == "caf\ufffd\\n\\x1b[31m"


def test_names_of_siblings_fit(tmp_path):
    assert sibling(tmp_path / "m.h5", ".corpus.h5").name == "m.corpus.h5"
    names = {sibling(tmp_path / f"{'ü' * 126}{x}.h5", ".checkpoint.h5").name for x in "ab"}
    assert len(names) == 2 and all(240 < len(os.fsencode(name)) <= 255 for name in names)
