import numpy as np
import pytest

from aedsp._kernels.preprocess import Chain
from aedsp.engine.compile import compile_step
from aedsp.model import preprocess
from reference import preprocess as reference

N = 129


def chains(rng):
    per_bin = rng.random(N) + 0.1
    return {
        "nothing": [],
        "one maximum": [preprocess.Normalize(0.37)],
        "maximum per bin": [preprocess.Normalize(per_bin)],
        "standardize": [preprocess.Standardize(rng.random(N), per_bin)],
        "standardize by one": [preprocess.Standardize(0.2, 0.3)],
        "log": [preprocess.Log(1e-5)],
        "root": [preprocess.Power(0.5)],
        "cube": [preprocess.Power(3.0)],
        "odd power": [preprocess.Power(0.3)],
        "chain": [preprocess.Power(0.5), preprocess.Standardize(rng.random(N), per_bin)],
        "log chain": [preprocess.Normalize(2.0), preprocess.Log(1e-4), preprocess.Standardize(-2.0, 1.5)],
    }


NAMES = list(chains(np.random.default_rng(0)))


@pytest.mark.parametrize("name", NAMES)
def test_hop_numpy_and_reference_agree_to_rounding(rng, name):
    steps = chains(rng)[name]
    compiled = [compile_step(step) for step in steps]
    kernel, numpy_chain = Chain(compiled, N), preprocess.Chain(tuple(steps))
    x = rng.random(N).astype(np.float32) ** 4
    x[:3] = 0, 1, 1e-8
    expected = reference.apply(compiled, x)
    size = np.abs(expected).max() + 1
    np.testing.assert_allclose(kernel.apply(x), expected, atol=2e-6 * size)
    np.testing.assert_allclose(numpy_chain.apply(x), expected, atol=2e-6 * size)
    back = reference.clamp(reference.invert(compiled, expected))
    np.testing.assert_allclose(kernel.invert(expected.astype(np.float32)), back, rtol=4e-5, atol=4e-6)
    np.testing.assert_allclose(
        numpy_chain.invert(expected), reference.invert(compiled, expected), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("name", [n for n in NAMES if "log" not in n])
def test_invert_undoes_apply(rng, name):
    chain = preprocess.Chain(tuple(chains(rng)[name]))
    x = rng.random((4, N))
    np.testing.assert_allclose(chain.invert(chain.apply(x)), x, rtol=1e-6, atol=1e-7)


def test_log_returns_values_below_the_floor_as_the_floor():
    chain = preprocess.Chain((preprocess.Log(1e-3),))
    np.testing.assert_allclose(chain.invert(chain.apply(np.array([0.0, 1e-9, 0.5]))), [1e-3, 1e-3, 0.5], rtol=1e-6)


def test_magnitudes_are_clamped_to_0_16_and_non_finite_ones_become_0():
    kernel = Chain([], 8)
    x = np.array([np.nan, np.inf, -np.inf, -1, 0, 3, 16, 1e30], np.float32)
    assert kernel.invert(x).tolist() == [0, 0, 0, 0, 0, 3, 16, 16]


def test_an_overflowing_inverse_becomes_silence_not_infinity():
    kernel = Chain([("log", 1e-5)], 2)
    assert kernel.invert(np.array([60, -400], np.float32)).tolist() == [0, 0]


def test_a_power_inverts_negative_values_to_0():
    kernel = Chain([("power", 0.5)], 2)
    assert kernel.invert(np.array([-2, 2], np.float32)).tolist() == [0, 4]


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: preprocess.Normalize(0), "normalize: max holds 0; expected values above 0"),
        (lambda: preprocess.Normalize([1, np.nan]), "normalize: max holds values that are not finite"),
        (lambda: preprocess.Standardize([0, 0, 0], [1, 1]), "mean has 3 values and std 2"),
        (lambda: preprocess.Standardize(0, -1), "std holds -1"),
        (lambda: preprocess.Log(0), "log: floor holds 0"),
        (lambda: preprocess.Normalize(1e-40), "expected values above 0, at least 1.2e-38"),
        (lambda: preprocess.Normalize("1"), "normalize: max is '1'; expected real numbers"),
        (lambda: preprocess.Power(-1), "power: exponent holds -1"),
        (lambda: preprocess.Normalize(np.ones((2, 2))), r"max has shape \(2, 2\)"),
        (
            lambda: preprocess.Chain((preprocess.Normalize([1, 2]), preprocess.Normalize([1, 2, 3]))),
            r"of \[2, 3\] bins",
        ),
    ],
)
def test_invalid_steps_raise_with_their_name(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_a_step_of_the_wrong_type_raises():
    with pytest.raises(TypeError, match="preprocess step is 'log'"):
        preprocess.Chain(("log",))
