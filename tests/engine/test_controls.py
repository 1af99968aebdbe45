"""Controls: accepted values, publication, and consistent snapshots under concurrent writes."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from aedsp._rt.control import CONTROLS, ControlBuffer
from aedsp.engine.controls import Controls
from aedsp.engine.state import NEUTRAL, effective
from reference import controls as reference


@pytest.fixture
def controls():
    return Controls(8)


def published(controls):
    return controls.buffer.latest()


def test_neutral_values_leave_the_units_unchanged(controls):
    factor, override, original = published(controls)
    assert factor.tolist() == [1] * 8 and np.isnan(override).all() and original is False
    assert controls.monitor == "resynthesized" and len(controls.gain) == 8


def test_factor_is_gain_scale_sign_and_mute(controls):
    controls.gain[3] = 0.5
    controls.scale[2:5] = 1.5
    controls.sign[3] = -1
    controls.muted[4] = True
    controls.override[6] = 0.7
    factor, override, _ = published(controls)
    assert factor.tolist() == [1, 1, 1.5, -0.75, 0, 1, 1, 1]
    assert override[6] == np.float32(0.7) and np.isnan(override[[0, 1, 2, 3, 4, 5, 7]]).all()
    controls.override[6] = float("nan")
    assert np.isnan(published(controls)[1]).all()


@pytest.mark.parametrize(
    "index, expected",
    [
        (-1, [7]),
        (slice(None, None, 3), [0, 3, 6]),
        ([1, 2], [1, 2]),
        (np.array([5, -8]), [0, 5]),
        (np.arange(8) > 5, [6, 7]),
        (np.int64(4), [4]),
    ],
)
def test_units_are_indexed_like_an_array(controls, index, expected):
    controls.gain[index] = 0.25
    assert np.flatnonzero(controls.gain[:] == 0.25).tolist() == expected
    assert np.all(controls.gain[index] == 0.25)


def test_whole_arrays_and_copies(controls):
    values = np.linspace(0, 1, 8)
    controls.gain[:] = values
    np.testing.assert_allclose(np.asarray(controls.gain), values, rtol=1e-6)
    copy = controls.gain[:]
    copy[:] = 9
    np.testing.assert_allclose(controls.gain[:], values, rtol=1e-6)
    assert controls.muted[:].dtype == bool and controls.muted[0] is False
    assert isinstance(controls.gain[1], float)


@pytest.mark.parametrize("name", ["gain", "scale", "muted", "sign", "override"])
@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e39, "loud", None, 1j])
def test_values_that_are_not_finite_numbers_are_refused(controls, name, value):
    with pytest.raises(ValueError, match=f"controls.{name}: value is"):
        getattr(controls, name)[2] = value
    assert published(controls)[0].tolist() == [1] * 8


def test_nan_only_clears_an_override(controls):
    for name in ("gain", "scale", "muted", "sign"):
        with pytest.raises(ValueError, match="nan"):
            getattr(controls, name)[0] = float("nan")


def test_sign_mute_and_monitor_have_two_values(controls):
    with pytest.raises(ValueError, match=r"controls\.sign: value is 0\.5; expected 1 or -1"):
        controls.sign[0] = 0.5
    with pytest.raises(ValueError, match=r"controls\.muted: value is 2; expected True or False"):
        controls.muted[0] = 2
    with pytest.raises(ValueError, match=r"controls\.monitor: value is 'both'; expected one of"):
        controls.monitor = "both"


def test_wrong_lengths_and_units_are_refused(controls):
    with pytest.raises(ValueError, match=r"value has shape \(3,\); expected one number or 8 of them"):
        controls.gain[:] = [1, 2, 3]
    with pytest.raises(ValueError, match="expected one number for one unit"):
        controls.gain[0] = [1, 2]
    for index in (8, -9, [0, 8]):
        with pytest.raises(IndexError, match=r"there is no unit -?\d; the model has units 0 to 7"):
            controls.gain[index] = 1
        with pytest.raises(IndexError):
            controls.gain[index]
    controls.gain[[]] = 5
    assert controls.gain[[]].shape == (0,) and controls.gain[...].tolist() == [1] * 8
    for index in ("a", 1.5, None, np.ones(7, bool)):
        with pytest.raises(IndexError, match="expected a unit from 0 to 7"):
            controls.gain[index] = 1


def test_an_attribute_is_not_overwritten_by_mistake(controls):
    with pytest.raises(AttributeError, match=r"controls.gain is set by index: controls.gain\[:\] = "):
        controls.gain = 0.5
    for name in ("mute", "gian"):
        with pytest.raises(AttributeError):
            setattr(controls, name, 3)


def test_together_publishes_once_and_not_at_all_if_it_raises(controls):
    with controls.together():
        controls.gain[0] = 0.5
        controls.monitor = "original"
        assert published(controls)[0][0] == 1
        with controls.together():
            controls.gain[1] = 0.25
        assert published(controls)[0][1] == 1
    factor, _, original = published(controls)
    assert factor[:2].tolist() == [0.5, 0.25] and original is True
    with pytest.raises(IndexError), controls.together():
        controls.gain[:] = 7
        controls.monitor = "resynthesized"
        controls.gain[99] = 1
    assert controls.gain[:2].tolist() == [0.5, 0.25] and controls.monitor == "original"
    controls.scale[7] = 2
    assert published(controls)[0][:2].tolist() == [0.5, 0.25]


def test_reset_sets_units_to_neutral(controls):
    for name, value in (("gain", 0.1), ("scale", 2), ("muted", True), ("sign", -1), ("override", 3)):
        getattr(controls, name)[:] = value
    controls.reset(2)
    factor, override, _ = published(controls)
    assert factor[2] == 1 and np.isnan(override[2])
    assert factor[3] == 0 and np.isnan(override[3])  # mute wins over the override
    controls.muted[3] = False
    assert published(controls)[1][3] == 3
    controls.reset()
    assert published(controls)[0].tolist() == [1] * 8


def test_huge_factors_stay_finite(controls):
    controls.gain[1] = 10**30
    assert controls.gain[1] == np.float32(1e30)
    with pytest.raises(ValueError, match=r"value is 1000.*\.\.\..*000; expected"):
        controls.gain[1] = 10**400
    controls.gain[0], controls.scale[0] = 3e38, 3e38
    assert np.isfinite(published(controls)[0]).all()


def test_the_latest_publication_wins(controls):
    for value in (0.1, 0.2, 0.3):
        controls.gain[:] = value
    assert published(controls)[0][0] == np.float32(0.3)
    assert published(controls)[0][0] == np.float32(0.3)


def test_snapshots_are_never_torn():
    """Three writers of constant vectors and a reader without the GIL, like the audio thread: no mixed vector.

    AEDSP_SOAK_S extends the run up to a minute (`make soak`).
    """
    n, seconds = 1024, min(60.0, float(os.environ.get("AEDSP_SOAK_S", "5")))
    controls = Controls(n)
    with controls.together():
        controls.override[:] = 1
    stop = threading.Event()

    def write(seed):
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            with controls.together():
                value = rng.random()
                controls.gain[:] = value
                controls.override[:] = value

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    seen = mixed = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        new, wrong = controls.buffer.watch(20_000)
        seen, mixed = seen + new, mixed + wrong
    stop.set()
    for writer in writers:
        writer.join()
    controls.gain[:] = 0.75
    assert controls.buffer.latest()[0].tolist() == [0.75] * n
    print(f"{seen} snapshots seen, {mixed} mixed")
    assert seen > 100 and mixed == 0


def values_of(n, **rows):
    """Neutral values per unit (7, n), but for some rows."""
    values = np.zeros((7, n), np.float32)
    for name, value in {**NEUTRAL, **rows}.items():
        values[CONTROLS.index(name)] = value
    return values


def test_watch_detects_a_mixed_vector():
    buffer = ControlBuffer(4)
    buffer.publish(values_of(4, gain=[1, 1, 2, 1], override=1), np.zeros(6, np.float32), 1)
    assert buffer.watch(3) == (1, 3)


def test_the_buffer_refuses_wrong_lengths():
    with pytest.raises(ValueError, match="units are 7 x 3; expected 7 x 4"):
        ControlBuffer(4).publish(values_of(3), np.zeros(6, np.float32))
    with pytest.raises(ValueError, match="there are 5 amounts; expected 6"):
        ControlBuffer(4).publish(values_of(4), np.zeros(5, np.float32))


@pytest.mark.parametrize("target_amount", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("n", [1, 7, 16, 33])
def test_the_effect_of_all_values_is_the_references(rng, n, offset, target_amount):
    values = {
        "gain": rng.normal(0, 2, n), "scale": rng.choice([1, 1.5, 3e38], n), "muted": rng.random(n) < 0.3,
        "sign": rng.choice([-1, 1], n), "override": np.where(rng.random(n) < 0.3, rng.random(n), np.nan),
        "target": rng.choice([0, 0.7, 3e38], n), "offset": rng.choice([0, 0.2, -3e38], n) * offset,
    }  # fmt: skip
    values = {name: np.asarray(value, np.float32) for name, value in values.items()}
    with np.errstate(over="ignore"):
        expected = reference.effective(values, target_amount)
    for a, b in zip(effective(values, target_amount), expected, strict=True):
        assert np.asarray(a, np.float32).tobytes() == np.asarray(b, np.float32).tobytes()


def test_state_has_its_inverse(controls):
    controls.gain[1], controls.muted[2], controls.override[0] = 0.25, True, 0.5
    state = controls.state()
    controls.reset()
    controls.restore(state)
    assert all(np.array_equal(a, state[name], equal_nan=True) for name, a in controls.state().items())
    controls.restore({"gain": [0.1, 0.2]})  # the others keep theirs
    assert controls.gain[:3] == pytest.approx([0.1, 0.2, state["gain"][2]]) and controls.muted[2]
    with pytest.raises(ValueError, match="no control 'gian' per unit; expected gain, scale"):
        controls.restore({"gain": [0.9], "gian": [1]})
    assert controls.gain[0] == np.float32(0.1)
