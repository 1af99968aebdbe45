import numpy as np
import pytest

from aedsp._kernels.dense import Stack
from reference import dense as reference

EPS32 = np.finfo(np.float32).eps
PRECISIONS = ["float32", "float16", "int8"]
AT_ONCE = 16  # AEDSP_SPECTRA
SIZES = [(1, 1), (3, 7), (17, 8), (16, 16), (15, 33), (1, 129), (129, 1), (250, 513)]


def layer(rng, n_hidden, n_visible, encoder="linear", decoder="linear", tied=False, context=1):
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    decoder_weight = None if tied else f32(n_visible, n_hidden)
    return (f32(n_hidden, n_visible), f32(n_hidden), decoder_weight, f32(n_visible), encoder, decoder, context)


@pytest.mark.parametrize("n_hidden, n_visible", SIZES)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_dense_differs_from_float64_by_rounding_only(rng, n_hidden, n_visible, tied, precision):
    given = layer(rng, n_hidden, n_visible, tied=tied)
    kept = reference.kept(given, precision)
    stack = Stack([given], precision)
    x, y = rng.standard_normal(n_visible).astype(np.float32), rng.standard_normal(n_hidden).astype(np.float32)
    bound = 4 * EPS32 * (np.abs(kept[0]) @ np.abs(x) + np.abs(kept[1]))
    assert np.all(np.abs(stack.encode(x) - reference.encode(kept, x)) <= bound)
    weight = kept[0].T if tied else kept[2]
    bound = 4 * EPS32 * (np.abs(weight) @ np.abs(y) + np.abs(kept[3]))
    assert np.all(np.abs(stack.decode(y) - reference.decode(kept, y)) <= bound)


@pytest.mark.parametrize("precision, error_db", [("float16", -70), ("int8", -40)])
def test_stored_weights_are_close_at_any_magnitude(rng, precision, error_db):
    """Also for rows of very different magnitudes, and smaller than any half float."""
    sizes = np.exp2(rng.integers(-40, 30, 64)).astype(np.float32)[:, None]
    weight = sizes * rng.standard_normal((64, 300)).astype(np.float32)
    weight[3] = 0
    kept = reference.stored(weight, precision)
    error = np.linalg.norm(kept - weight, axis=1) / np.maximum(np.linalg.norm(weight, axis=1), 1e-30)
    assert 20 * np.log10(error.max()) < error_db and not kept[3].any()
    stack = Stack(
        [(weight, np.zeros(64, np.float32), None, np.zeros(300, np.float32), "linear", "linear", 1)], precision
    )
    x = rng.standard_normal(300).astype(np.float32)
    assert np.all(np.abs(stack.encode(x) - kept @ x) <= 4 * EPS32 * (np.abs(kept) @ np.abs(x)))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
@pytest.mark.parametrize("n_hidden, n_visible", [(1, 1), (9, 33), (40, 129), (64, 257)])
def test_several_vectors_are_bit_identical_to_one_by_one(rng, precision, tied, activation, n_hidden, n_visible):
    """And encoding and decoding in one pass to two calls."""
    stack = Stack([layer(rng, n_hidden, n_visible, activation, "linear", tied)], precision)
    x = rng.standard_normal((AT_ONCE, n_visible)).astype(np.float32)
    factor, override = rng.standard_normal(n_hidden).astype(np.float32), np.full(n_hidden, np.nan, np.float32)
    factor[::3], override[1::4] = 0, 0.3
    codes = np.array([stack.encode(each) for each in x])
    spectra = np.array([stack.decode(code, factor, override) for code in codes])
    for n in range(1, AT_ONCE + 1):
        np.testing.assert_array_equal(stack.encode(x[:n]), codes[:n])
        np.testing.assert_array_equal(stack.decode(codes[:n], factor, override), spectra[:n])
        found = stack.run(x[:n], factor, override)
        np.testing.assert_array_equal(found[0], codes[:n])
        np.testing.assert_array_equal(found[1], spectra[:n])


def test_deep_stacks_are_bit_identical_too(rng):
    layers = [layer(rng, 40, 129, "sigmoid", "relu"), layer(rng, 21, 40, "tanh", "sigmoid", tied=True)]
    stack, x = Stack(layers), rng.standard_normal((AT_ONCE, 129)).astype(np.float32)
    codes, spectra = stack.run(x)
    for each, code, spectrum in zip(x, codes, spectra, strict=True):
        np.testing.assert_array_equal(stack.encode(each), code)
        np.testing.assert_array_equal(stack.decode(code), spectrum)
        y = reference.encode(layers[1], reference.encode(layers[0], each))
        np.testing.assert_allclose(code, y, rtol=1e-4, atol=1e-5)
        z = reference.decode(layers[0], reference.decode(layers[1], y))
        np.testing.assert_allclose(spectrum, z, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "relu", "tanh"])
def test_activations_over_their_whole_range(rng, name):
    x = np.concatenate([np.linspace(-100, 100, 4001), np.linspace(-1, 1, 2001), [0, -0.0, 1e-30, -1e-30, 3e38, -3e38]])
    x = x.astype(np.float32)
    n = len(x)
    stack = Stack([(np.zeros((n, 1), np.float32), x, None, np.zeros(1, np.float32), name, "linear", 1)])
    with np.errstate(over="ignore"):
        expected = reference.activate(x.astype(np.float64), name)
    np.testing.assert_allclose(stack.encode(np.zeros(1, np.float32)), expected, rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("decoder", ["linear", "sigmoid", "relu", "tanh"])
def test_a_stack_runs_all_its_layers(rng, decoder):
    layers = [
        layer(rng, 40, 129, "sigmoid", decoder),
        layer(rng, 21, 40, "tanh", "sigmoid", tied=True),
        layer(rng, 5, 21, "relu", "relu"),
    ]
    stack = Stack(layers)
    x = rng.standard_normal(129).astype(np.float32)
    y = x
    for each in layers:
        y = reference.encode(each, y)
    np.testing.assert_allclose(stack.encode(x), y, rtol=1e-4, atol=1e-5)
    z = code = rng.standard_normal(5).astype(np.float32)
    for each in reversed(layers):
        z = reference.decode(each, z)
    for _ in range(3):  # old scratch must not leak into the next call
        np.testing.assert_allclose(stack.decode(code), z, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("context, n_bins", [(2, 33), (3, 65)])
def test_all_context_is_encoded_and_the_newest_spectrum_decoded(rng, tied, context, n_bins):
    given = layer(rng, 10, context * n_bins, "relu", "linear", tied, context)
    stack = Stack([given])
    x, y = rng.standard_normal(context * n_bins).astype(np.float32), rng.standard_normal(10).astype(np.float32)
    np.testing.assert_allclose(stack.encode(x), reference.encode(given, x), rtol=1e-4, atol=1e-4)
    decoded = stack.decode(y)
    assert decoded.shape == (n_bins,)
    np.testing.assert_allclose(decoded, reference.decode(given, y), rtol=1e-4, atol=1e-4)


def test_unit_gains(rng):
    given = layer(rng, 9, 33)
    stack = Stack([given])
    code, factor = rng.standard_normal(9).astype(np.float32), rng.standard_normal(9).astype(np.float32)
    factor[2] = 0
    override = np.full(9, np.nan, np.float32)
    override[[4, 5]] = 0.7, 0
    expected = reference.decode(given, reference.scale(code, factor, override))
    np.testing.assert_allclose(stack.decode(code, factor, override), expected, rtol=1e-4, atol=1e-5)


def test_rows_of_zero_activations_are_not_read(rng):
    """A row of NaN whose unit is muted, inactive or overridden by 0 has no effect."""
    given = layer(rng, 12, 65)
    given[2][:, [1, 6, 7]] = np.nan
    stack = Stack([given])
    code, factor, override = (np.ones(12, np.float32) for _ in range(3))
    override[:] = np.nan
    code[1], factor[6], override[7] = 0, 0, 0
    assert np.isfinite(stack.decode(code, factor, override)).all()
    code[6] = np.inf
    assert np.isfinite(stack.decode(code, factor, override)).all()


def test_wrong_lengths_raise(rng):
    stack = Stack([layer(rng, 4, 8)])
    with pytest.raises(ValueError, match=r"x has shape \(7,\); expected \(8,\), or up to 16 of them"):
        stack.encode(np.zeros(7, np.float32))
    with pytest.raises(ValueError, match=r"code has shape \(5,\); expected \(4,\)"):
        stack.decode(np.zeros(5, np.float32))
