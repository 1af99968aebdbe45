"""The autoencoder's gradient against finite differences, its forward pass against Eq. 1 and 2, and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.model import ACTIVATIONS
from aedsp.train.network import Autoencoder
from aedsp.train.objectives import SquaredError
from aedsp.train.sgd import Adam, Sgd
from reference import autoencoder as reference

SIZES = [(1, 1, 1), (3, 7, 2), (17, 8, 5), (31, 33, 9)]  # visible, hidden, frames


def random_network(rng, n_visible, n_hidden, n_rows, **options):
    network = Autoencoder(n_visible, n_hidden, n_rows=n_rows, **options)
    network.parameters[:] = rng.standard_normal(network.parameters.size) / np.sqrt(n_visible)
    return network


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("encoder", ACTIVATIONS)
@pytest.mark.parametrize("decoder", ACTIVATIONS)
@pytest.mark.parametrize("n_visible, n_hidden, n_frames", SIZES)
def test_the_gradient_is_that_of_finite_differences(rng, tied, encoder, decoder, n_visible, n_hidden, n_frames):
    options = {"encoder_activation": encoder, "decoder_activation": decoder, "tied": tied, "dtype": np.float64}
    network = random_network(rng, n_visible, n_hidden, n_frames, **options)
    x, target = rng.standard_normal((2, n_frames, n_visible))
    network.loss_and_gradient(x, target, SquaredError())
    gradient = network.gradient.copy()
    step = 1e-6
    for i in rng.choice(gradient.size, min(gradient.size, 60), replace=False):
        losses = []
        for offset in (step, -step):
            network.parameters[i] += offset
            losses.append(network.loss_and_gradient(x, target, SquaredError()))
            network.parameters[i] -= offset
        numeric = (losses[0] - losses[1]) / (2 * step)
        assert abs(gradient[i] - numeric) <= 1e-6 * (1 + abs(numeric)), f"parameter {i}"


@pytest.mark.parametrize("encoder", ACTIVATIONS)
@pytest.mark.parametrize("n_visible, n_hidden, n_frames", SIZES)
def test_forward_and_loss_are_the_papers_equations(rng, encoder, n_visible, n_hidden, n_frames):
    network = random_network(rng, n_visible, n_hidden, n_frames, encoder_activation=encoder, dtype=np.float64)
    x = rng.standard_normal((n_frames, n_visible))
    weights = (network.encoder_weight, network.encoder_bias, network.decoder_weight, network.decoder_bias)
    code, output = reference.forward(x, *weights, encoder=encoder)
    np.testing.assert_allclose(network.encode(x), code, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.forward(x), output, rtol=1e-12, atol=1e-13)
    loss = network.loss_and_gradient(x, x, SquaredError())
    np.testing.assert_allclose(loss, reference.squared_error(x, output), rtol=1e-12)


def test_a_smaller_batch_uses_the_same_buffers(rng):
    network = random_network(rng, 9, 4, 8, dtype=np.float64)
    x = rng.standard_normal((8, 9))
    whole = network.forward(x).copy()
    np.testing.assert_allclose(network.forward(x[:3]), whole[:3], rtol=1e-12)
    loss = network.loss_and_gradient(x[:3], x[:3], SquaredError())
    np.testing.assert_allclose(loss, reference.squared_error(x[:3], whole[:3]), rtol=1e-12)


def test_biases_that_do_not_learn_have_no_gradient(rng):
    network = random_network(rng, 9, 4, 8, encoder_bias=False, decoder_bias=False)
    x = rng.standard_normal((8, 9)).astype(np.float32)
    network.loss_and_gradient(x, x, SquaredError())
    without_biases = 9 * 4 * 2
    assert np.count_nonzero(network.gradient) == without_biases


@pytest.mark.parametrize("tied", [False, True])
def test_project_leaves_no_negative_decoder(rng, tied):
    network = random_network(rng, 9, 4, 8, tied=tied, nonnegative=True)
    before = network.decoder_weight.copy()
    network.project()
    np.testing.assert_array_equal(network.decoder_weight, np.maximum(before, 0))
    assert network.decoder_bias.min() >= 0


def test_the_layer_holds_the_same_function(rng):
    for tied in (False, True):
        network = random_network(rng, 9, 4, 8, tied=tied, encoder_activation="relu")
        x = rng.standard_normal((8, 9)).astype(np.float32)
        layer = network.to_layer()
        assert layer.tied is tied
        np.testing.assert_allclose(layer.decode(layer.encode(x)), network.forward(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 200 * 2.0**-23)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("tied", [False, True])
def test_200_steps_are_those_of_pytorch(rng, dtype, tolerance, optimizer, tied):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is the independent trainer here")
    n_visible, n_hidden, n_frames = 129, 32, 100
    spectra = np.abs(rng.standard_normal((200, n_frames, n_visible))).astype(dtype) * np.linspace(1, 0, n_visible)
    spectra = spectra.astype(dtype)
    network = random_network(rng, n_visible, n_hidden, n_frames, tied=tied, dtype=dtype)
    arrays = [network.encoder_weight, network.encoder_bias, network.decoder_weight, network.decoder_bias]
    w, b, v, c = (torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in arrays)
    if optimizer == "sgd":
        ours = Sgd(network.parameters.size, momentum=0.5, dtype=dtype)
        theirs = torch.optim.SGD([w, b, c] if tied else [w, b, v, c], lr=0.005, momentum=0.5)
    else:
        ours = Adam(network.parameters.size, momentum=0.9, dtype=dtype)
        theirs = torch.optim.Adam([w, b, c] if tied else [w, b, v, c], lr=0.005)
    for batch in spectra:
        network.loss_and_gradient(batch, batch, SquaredError())
        ours.step(network.parameters, network.gradient, 0.005)
        x = torch.from_numpy(batch)
        output = torch.sigmoid(x @ w.T + b) @ (w if tied else v.T) + c
        theirs.zero_grad()
        ((output - x) ** 2).sum(dim=1).mean().backward()
        theirs.step()
    for array, tensor in zip(arrays, (w, b, w.T if tied else v, c), strict=True):
        expected = tensor.detach().numpy()
        assert np.linalg.norm(array - expected) <= tolerance * np.linalg.norm(expected)
