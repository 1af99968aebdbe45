import copy
import dataclasses
import pickle

import numpy as np
import pytest

import aedsp
from models import autoencoder, front_end
from reference import dense


def test_reconstruct_is_eq_1_and_2(rng):
    model = autoencoder(rng, n_code=5, widths=(9,), steps=(aedsp.Power(0.5),))
    magnitudes = rng.random((4, 257))
    y, code = model.reconstruct(magnitudes)
    layers = [
        (
            a.encoder_weight,
            a.encoder_bias,
            a.decoder_weight,
            a.decoder_bias,
            a.encoder_activation,
            a.decoder_activation,
            1,
        )
        for a in model.layers
    ]
    for x, z, c in zip(magnitudes, y, code, strict=True):
        h = x**0.5
        for layer in layers:
            h = dense.encode(layer, h)
        np.testing.assert_allclose(c, h, rtol=1e-6)
        for layer in reversed(layers):
            h = dense.decode(layer, h)
        np.testing.assert_allclose(z, np.clip(np.maximum(h, 0) ** 2, 0, 16), rtol=1e-6)


def test_dtype_follows_the_input(rng):
    model = autoencoder(rng)
    x = rng.random((3, 257))
    y64, c64 = model.reconstruct(x)
    y32, c32 = model.reconstruct(x.astype(np.float32))
    assert (y64.dtype, c64.dtype, y32.dtype, c32.dtype) == (np.float64, np.float64, np.float32, np.float32)
    np.testing.assert_allclose(y32, y64, rtol=1e-4, atol=1e-6)


def test_tied_weights_are_transposed(rng):
    tied = autoencoder(rng, tied=True)
    layer = tied.layers[0]
    untied = dataclasses.replace(layer, decoder_weight=layer.encoder_weight.T)
    assert layer.tied and not untied.tied
    code = rng.random((2, 16))
    np.testing.assert_allclose(layer.decode(code), untied.decode(code))


def test_context_is_the_latest_spectra_oldest_first(rng):
    model = autoencoder(rng, context=3)
    x = rng.random((6, 257))
    code = model.encode(x)
    assert code.shape == (6, 16)
    np.testing.assert_allclose(code[4], model.layers[0].encode(np.concatenate([x[2], x[3], x[4]])[None])[0])
    np.testing.assert_allclose(code[0], model.layers[0].encode(np.concatenate([0 * x[0], 0 * x[0], x[0]])[None])[0])
    assert model.decode(code).shape == (6, 257)


def test_weights_are_read_only_copies(rng):
    weight = rng.random((3, 4))
    layer = aedsp.Layer(encoder_weight=weight, encoder_bias=np.zeros(3), decoder_bias=np.zeros(4))
    weight[:] = 0
    assert layer.encoder_weight.any() and layer.encoder_weight.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        layer.encoder_weight[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.encoder_weight = weight
    with pytest.raises(ValueError, match="WRITEABLE"):
        layer.encoder_weight.flags.writeable = True


def parts(**changes):
    return {"encoder_weight": np.ones((3, 4)), "encoder_bias": np.zeros(3), "decoder_bias": np.zeros(4), **changes}


@pytest.mark.parametrize(
    "changes, text",
    [
        (dict(encoder_weight=np.ones(4)), r"encoder_weight has shape \(4,\); expected \(n_hidden, n_visible\)"),
        (dict(encoder_bias=np.zeros(4)), r"encoder_bias has shape \(4,\); expected \(3,\) for 3 hidden and 4 visible"),
        (dict(decoder_weight=np.ones((3, 4))), r"decoder_weight has shape \(3, 4\); expected \(4, 3\)"),
        (dict(decoder_bias=np.zeros(3)), r"decoder_bias has shape \(3,\)"),
        (dict(encoder_activation="softmax"), "encoder_activation is 'softmax'; expected one of"),
        (dict(encoder_weight=np.full((3, 4), np.nan)), "encoder_weight holds values that are not finite"),
        (dict(context_spectra=3), "context_spectra is 3; expected a divisor of the 4 visible units"),
        (dict(context_spectra=0), "context_spectra is 0"),
        (dict(context_spectra="3"), "context_spectra is '3'; expected an integer"),
        (dict(encoder_weight=np.ones((3, 4), complex)), "encoder_weight has dtype complex128; expected real numbers"),
        (dict(encoder_weight=np.full((3, 4), "1.5")), "encoder_weight has dtype <U3"),
        (dict(encoder_weight=np.full((3, 4), 1e39)), "not finite in float32"),
        (
            dict(encoder_weight=np.ones((65_537, 1)), encoder_bias=np.zeros(65_537), decoder_bias=np.zeros(1)),
            "at most 65536",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        aedsp.Layer(**parts(**changes))


def test_models_that_do_not_fit_are_refused(rng):
    good = autoencoder(rng, widths=(9,))
    for change, text in [
        (dict(layers=()), "layers has 0 entries; expected 1 to 32"),
        (dict(layers=good.layers[:1] * 33), "layers has 33 entries"),
        (dict(layers=good.layers[::-1]), "layer 0 has 9 visible units; the front end gives 257"),
        (
            dict(layers=(good.layers[0],) * 2),
            "layer 1 has 257 visible units; layer 0 has 9 hidden units; export the layers",
        ),
        (
            dict(preprocess=aedsp.Chain((aedsp.Normalize(np.ones(100)),))),
            "preprocess is for 100 bins; the front end gives 257",
        ),
        (dict(front_end=front_end(fft_length=1024)), "the front end gives 513"),
    ]:
        with pytest.raises(ValueError, match=text):
            dataclasses.replace(good, **change)


@pytest.mark.parametrize(
    "change, text",
    [
        (dict(front_end=None), "front_end is None; expected FrontEnd"),
        (dict(layers="a"), "layers holds 'a'; expected Layer"),
        (dict(preprocess=[aedsp.Power()]), "preprocess is .*; expected Chain"),
        (dict(name=3), "name is 3; expected str"),
        (dict(code_statistics=1), "code_statistics is 1"),
    ],
)
def test_parts_of_the_wrong_type_are_refused(rng, change, text):
    with pytest.raises(TypeError, match=text):
        dataclasses.replace(autoencoder(rng), **change)


def test_statistics_and_classes_are_checked(rng):
    with pytest.raises(ValueError, match=r"percentiles has dtype object and shape \(\); expected finite"):
        aedsp.CodeStatistics([1], [1], None)
    with pytest.raises(ValueError, match="classes is for 3 units; the code has 16"):
        dataclasses.replace(autoencoder(rng), classes=aedsp.Classes(("a",), np.ones((1, 3))))


@pytest.mark.parametrize(
    "magnitudes, error",
    [(np.zeros((2, 4)), ValueError), (np.zeros(257), ValueError), (np.zeros((2, 257), complex), TypeError)],
)
def test_magnitudes_that_do_not_fit_are_refused(rng, magnitudes, error):
    with pytest.raises(error, match="magnitudes have"):
        autoencoder(rng).reconstruct(magnitudes)


def test_decoded_magnitudes_are_clamped(rng):
    model = autoencoder(rng)
    assert model.decode(np.full((1, 16), 1e30)).max() == 16
    assert model.decode(np.full((1, 16), -1e30)).min() == 0
    assert not model.decode(np.full((1, 16), np.nan)).any()


@pytest.mark.parametrize("doubled", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_the_arrays_of_a_copied_or_unpickled_model_stay_read_only(rng, doubled):
    steps = (aedsp.Standardize(np.zeros(257), np.ones(257)), aedsp.Normalize(2.0))
    model = doubled(autoencoder(rng, steps=steps))
    owners = [*model.layers, *model.preprocess.steps]
    arrays = [value for owner in owners for value in vars(owner).values() if isinstance(value, np.ndarray)]
    assert len(arrays) == 7
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
