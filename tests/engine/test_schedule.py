"""Scheduled changes: at the hop that contains their frame, for any partition of the input, from any thread."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import aedsp
from aedsp.engine.scheduling import Changes
from models import autoencoder, front_end, in_blocks, music

RATES = [None, 44_100.0, 48_000.0, 16_000.0]


def random_changes(rng, model, n_frames, n=40):
    """(frame, changes) in no order."""
    found = []
    for _ in range(n):
        unit = int(rng.integers(model.n_code))
        found.append((int(rng.integers(n_frames)), [
            {"gain": {unit: rng.random()}}, {"muted": {unit: bool(rng.integers(2))}}, {"scale": 0.5 + rng.random()},
            {"sign": {unit: -1}}, {"override": rng.random(model.n_code)}, {"override": np.nan},
            {"target": rng.random(model.n_code), "target_amount": rng.random()}, {"offset": {unit: 0.1}},
            {"detail": rng.random()}, {"mix": rng.random()}, {"volume_db": -20 * rng.random()},
            {"monitor": rng.choice(["original", "resynthesized"])}, {"frozen": bool(rng.integers(2))},
        ][int(rng.integers(13))]))  # fmt: skip
    return found


@pytest.mark.parametrize("rate, channels", [*itertools.product(RATES, [1, 2])])
@pytest.mark.parametrize("phase", ["auto", "pghi1"])
def test_any_partition_gives_the_same_bits(rng, rate, channels, phase):
    model = autoencoder(rng)
    x = np.tile(music(rng, 12_000)[:, None], (1, channels))
    changes = random_changes(rng, model, len(x))
    outputs, states = [], []
    for sizes in ([len(x)], [64], [1, 500, 127, 3000], [1025]):
        engine = aedsp.Engine(model, rate, channels=channels, phase=phase)
        for frame, named in changes:
            engine.schedule(frame, **named)
        outputs.append(in_blocks(engine, x, itertools.cycle(sizes)).tobytes())
        states.append(engine.controls.everything())
        assert engine.statistics.late_changes == 0
    assert len(set(outputs)) == 1
    assert all(repr(state) == repr(states[0]) for state in states)


@pytest.mark.parametrize("block", [None, 64, 100])
def test_it_is_a_change_by_hand_at_the_hops_first_frame(rng, block):
    model = autoencoder(rng)
    x = music(rng, 6400)
    scheduled, by_hand = (aedsp.Engine(model, block_frames=block) for _ in range(2))
    changes = [(h, {"gain": {h % 16: 0.3}, "detail": 0.1 * (h % 5)}) for h in range(0, 45, 3)]
    rng.shuffle(changes)
    for hop, named in changes:
        first, last = scheduled.hop_frame(hop), scheduled.hop_frame(hop + 1) - 1
        scheduled.schedule(int(rng.integers(first, last + 1)), **named)
    found = in_blocks(scheduled, x, itertools.repeat(block or 999))
    expected, step = [], block or 1
    for at in range(0, len(x), step):
        for hop, named in changes:
            if at <= by_hand.hop_frame(hop + 1) - 1 < at + step and block != 100:
                with by_hand.controls.together():
                    by_hand.controls.gain[hop % 16], by_hand.controls.detail = 0.3, named["detail"]
        expected.append(by_hand.process(x[at : at + step]))
    if block != 100:  # a hop that ends within a block cannot be reached by hand
        assert np.array_equal(found, np.concatenate(expected))
    assert len(found) == len(x)


@pytest.mark.parametrize("rate", RATES)
def test_it_takes_effect_at_the_hop_that_contains_the_frame(rng, rate):
    model = autoencoder(rng)
    for frame in (0, 1, 127, 128, 1000, 1111):
        engine = aedsp.Engine(model, rate)
        hop = next(h for h in itertools.count() if engine.hop_frame(h + 1) > frame)
        assert engine.hop_frame(hop) <= frame
        engine.schedule(frame, gain={2: 0.25})
        while engine.controls.gain[2] != 0.25:
            assert engine.statistics.hops <= hop
            engine.process(np.zeros(1, np.float32))
        assert engine.statistics.hops == hop + 1


def test_a_missed_frame_counts_and_applies_at_the_next_hop(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.process(music(rng, 128 * 4 + 5))
    assert engine.frame == 517
    engine.schedule(511, gain={0: 0.5})
    engine.schedule(512, gain={1: 0.5})  # of the hop that is being filled
    assert engine.controls.gain[0] == 1
    engine.process(music(rng, 122))
    assert engine.controls.gain[0] == 1 and engine.statistics.late_changes == 0
    engine.process(music(rng, 1))
    assert engine.controls.gain[:2] == pytest.approx([0.5, 0.5]) and engine.statistics.late_changes == 1


def test_changes_by_hand_before_and_after(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.schedule(300, gain={0: 0.5, 1: 0.5}, volume_db=-3.3)
    engine.controls.gain[0] = 0.1  # before: the schedule wins
    engine.controls.muted[1] = True  # another control of the same unit stays
    engine.process(music(rng, 1000))
    engine.controls.gain[2] = 0.2  # publishes, and must not undo the schedule
    engine.process(music(rng, 1000))
    assert engine.controls.gain[:3] == pytest.approx([0.5, 0.5, 0.2]) and engine.controls.muted[1]
    assert engine.controls.volume_db == np.float32(-3.3)
    assert engine.controls.buffer.latest()[0][:3] == pytest.approx([0.5, 0, 0.2])
    engine.controls.gain[0] = 0.9  # after: by hand wins
    engine.process(music(rng, 1000))
    assert engine.controls.gain[0] == np.float32(0.9)


def test_a_publication_does_not_undo_a_change_that_it_does_not_know(rng):
    """The control side publishes while the audio side has just applied a change."""
    engine = aedsp.Engine(autoencoder(rng))
    with engine.controls.together():  # nothing is folded inside: the publication is from before the change
        engine.schedule(0, gain={0: 0.5})
        engine.process(music(rng, 128))
        engine.controls.gain[1] = 0.25
    engine.process(music(rng, 128))
    assert engine.controls.buffer.latest()[0][:3] == pytest.approx([0.5, 0.25, 1])
    assert engine.controls.gain[:3] == pytest.approx([0.5, 0.25, 1])


def test_the_last_change_of_a_frame_counts(rng):
    engine = aedsp.Engine(autoencoder(rng))
    for value in (0.1, 0.9, 0.4):
        engine.schedule(200, gain={3: value})
    engine.process(music(rng, 1000))
    assert engine.controls.gain[3] == np.float32(0.4)


def test_reset_drops_what_waits_and_keeps_what_was_applied(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.schedule(0, gain={0: 0.5})
    engine.schedule(1000, gain={1: 0.5})
    engine.process(music(rng, 500))
    engine.reset()
    assert engine.frame == 0
    engine.process(music(rng, 3000))
    assert engine.controls.gain[:2] == pytest.approx([0.5, 1])
    engine.schedule(3100, gain={1: 0.75})
    engine.process(music(rng, 1000))
    assert engine.controls.gain[1] == 0.75


def test_a_swap_keeps_scheduled_changes(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.schedule(100, gain={3: 0.5})
    engine.schedule(5000, gain={3: 0.25}, scale={15: 2.0})
    engine.process(music(rng, 1000))
    engine.swap(autoencoder(rng, n_code=8))
    assert engine.controls.gain[3] == 0.5
    engine.process(music(rng, 3000))
    assert engine.controls.buffer.latest()[0][3] == 0.5
    engine.process(music(rng, 3000))  # unit 15 is gone
    assert engine.controls.gain[3] == 0.25 and engine.controls.scale[:].tolist() == [1] * 8


def test_it_says_when_it_is_full_and_takes_more_later(rng):
    engine = aedsp.Engine(autoencoder(rng))
    for i in range(16_384 // 16):
        engine.schedule(i, gain=np.full(16, 0.5))
    with pytest.raises(aedsp.errors.ScheduleError, match="1 changes do not fit: at most 16384 wait"):
        engine.schedule(0, detail=1.0)
    engine.process(music(rng, 2000))
    for i in range(16_384 // 16):
        engine.schedule(10**6 + i, gain=np.full(16, 0.5))
    engine.reset()
    engine.schedule(0, detail=1.0)
    engine.process(music(rng, 200))
    assert engine.controls.detail == 1 and engine.controls.gain[0] == 0.5


WRONG = [
    (dict(frame=-1, gain=1), ValueError, "frame is -1; expected 0 to"),
    (dict(frame=0.5, gain=1), TypeError, "frame is 0.5; expected an integer"),
    (dict(frame=0, gian=1), TypeError, "there is no control 'gian'; expected gain, scale, muted"),
    (dict(frame=0, gain={99: 1}), IndexError, "there is no unit 99"),
    (dict(frame=0, gain=np.nan), ValueError, "controls.gain: value is nan; expected finite"),
    (dict(frame=0, gain=[1, 2]), ValueError, r"value has shape \(2,\); expected one number or 16"),
    (dict(frame=0, sign={3: 2}), ValueError, "controls.sign: value is 2; expected 1 or -1"),
    (dict(frame=0, mix=1.5), ValueError, "controls.mix: value is 1.5; expected 0 to 1"),
    (dict(frame=0, monitor="both"), ValueError, "controls.monitor: value is 'both'; expected one of"),
    (dict(frame=0, frozen=1), ValueError, "controls.frozen: value is 1; expected True or False"),
]


@pytest.mark.parametrize("wrong, error, message", WRONG, ids=[w[2][:30] for w in WRONG])
def test_wrong_changes_are_refused_whole(rng, wrong, error, message):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(error, match=message):
        engine.schedule(wrong.pop("frame"), detail=0.5, **wrong)
    engine.process(music(rng, 500))
    assert engine.controls.detail == 0


def test_nothing_to_change(rng):
    aedsp.Engine(autoencoder(rng)).schedule(0)


def test_from_other_threads_while_it_plays(rng):
    """Two threads schedule, one writes by hand; every change arrives and none is torn from the others of its call."""
    engine = aedsp.Engine(autoencoder(rng, front_end(hop_length=64)))
    n = 300
    done = threading.Event()

    def schedule(unit):
        for i in range(n):
            engine.schedule(engine.frame + 200, gain={unit: i + 1.0, unit + 1: i + 1.0})

    def by_hand():
        for i in range(n):
            engine.controls.gain[9] = i + 1.0

    threads = [threading.Thread(target=schedule, args=(unit,)) for unit in (0, 2)] + [threading.Thread(target=by_hand)]
    playing = threading.Thread(
        target=lambda: [engine.process(np.zeros(64, np.float32)) for _ in iter(done.is_set, True)]
    )
    playing.start()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        factor = engine.controls.gain[:]
        assert factor[0] == factor[1] and factor[2] == factor[3]
    done.set()
    playing.join()
    engine.process(np.zeros(1000, np.float32))
    assert engine.controls.gain[:4].tolist() == [n] * 4 and engine.controls.gain[9] == n


def test_unschedule_drops_what_waits_and_nothing_that_comes_later(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.schedule(100, gain={0: 0.5})
    engine.schedule(5000, gain={1: 0.5})
    engine.process(music(rng, 500))
    engine.schedule(5000, gain={2: 0.5})
    engine.unschedule()
    engine.schedule(5100, gain={3: 0.5})
    engine.process(music(rng, 8000))
    assert engine.controls.gain[:4] == pytest.approx([0.5, 1, 1, 0.5])
    for _ in range(3):  # the room of what was dropped is free again
        zeros = np.zeros(16_384, np.int32)
        engine.schedule_changes(np.full(16_384, 10**9), Changes(zeros, zeros, np.ones(16_384, np.float32)))
        engine.unschedule()
        engine.process(music(rng, 500))
    engine.schedule(0, detail=0.5)


def test_missed_changes_keep_their_order_of_arrival(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.process(music(rng, 2000))
    engine.schedule(500, gain={0: 0.9})
    engine.schedule(10, gain={0: 0.1})
    engine.process(music(rng, 500))
    assert engine.controls.gain[0] == np.float32(0.1) and engine.statistics.late_changes == 2
