"""Links of MIDI ports, as ALSA lists them."""

from __future__ import annotations

import pytest

from aedsp.control.midi_links import AlsaLinks, links_of

CLIENTS = """Client info
  cur  clients : 4
Client   0 : "System" [Kernel]
  Port   0 : "Timer" (Rwe-)
    Connecting To: 128:0
Client  24 : "nanoKONTROL2" [Kernel Legacy]
  Port   0 : "nanoKONTROL2 SLIDER/KNOB" (RWeX) [In/Out]
    Connecting To: 128:0
Client 128 : "aedsp" [User Legacy]
  Port   0 : "controls" (-We-) [Out]
    Connected From: 24:0
Client 129 : "aedsp" [User Legacy]
  Port   0 : "controls" (-We-) [Out]
Client 130 : "other" [User Legacy]
  Port   0 : "controls" (-We-) [Out]
    Connected From: 24:0
"""


def test_alsa_links_are_read_from_proc(tmp_path):
    path = tmp_path / "clients"
    path.write_text(CLIENTS)
    links = AlsaLinks(path)
    assert links.ours() == {"128:0", "129:0"}
    assert links.is_linked("128:0") and not links.is_linked("129:0") and not links.is_linked("130:0")


def test_without_a_driver_nothing_is_known(tmp_path):
    with pytest.raises(OSError):
        AlsaLinks(tmp_path / "none")
    assert links_of("") is None
