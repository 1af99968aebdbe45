"""The sound is what it was, bit for bit, where this machine's digests are kept."""

from __future__ import annotations

import json

import pytest

import same_sound


def test_the_sound_is_what_it_was():
    kept = json.loads(same_sound.KEPT.read_text()).get(same_sound.machine())
    if kept is None:
        pytest.skip(f"no digests are kept for {same_sound.machine()}; python tests/same_sound.py --write keeps them")
    found = same_sound.digests()
    changed = [name for name in kept if found.get(name) != kept[name]]
    assert not changed, "if that was intended: python tests/same_sound.py --write, and say so in the commit"
