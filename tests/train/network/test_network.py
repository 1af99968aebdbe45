"""The autoencoder: gradient against finite differences, forward pass against Eq. 1 and 2, steps against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.model.layers import ACTIVATIONS
from aedsp.model.preprocess import Chain, Normalize, Power
from aedsp.train.data.batches import Batch
from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.network.corruption import Corruption
from aedsp.train.network.gemm import load_gemm
from aedsp.train.network.network import Autoencoder, LayerPlan, WeightDecay
from aedsp.train.network.objectives import AfterInverse, SquaredError, Sum
from aedsp.train.network.optimizers import Adam, Sgd
from reference import autoencoder as reference

SIZES = [(1, (1,), 1), (3, (7,), 2), (17, (8, 3), 5), (31, (33, 9, 4), 9)]  # visible, hidden, frames


def random_network(rng, n_visible, hidden, n_rows, *, plans=None, dtype=np.float32, kind="numpy", **options):
    network_options = {k: options.pop(k) for k in ("n_output", "n_classes", "nonnegative", "decay") if k in options}
    plans = plans or [LayerPlan(n_hidden=n, **options) for n in hidden]
    chosen = {"kernels": elementwise_kernels(kind), "gemm": load_gemm("numpy" if kind == "numpy" else None)}
    network = Autoencoder(n_visible, plans, n_rows=n_rows, dtype=dtype, **chosen, **network_options)
    network.parameters[:] = rng.standard_normal(network.parameters.size) / np.sqrt(n_visible)
    return network


def require_gradient(rng, network, batch, *, seed=None, weight=0.0, extra=lambda: 0.0, step=1e-6):
    """The gradient equals finite differences; with corruption, every evaluation draws the same noise."""

    def loss():
        noise = None if seed is None else np.random.default_rng(seed)
        return network.loss_and_gradient(batch, SquaredError(network.kernels), noise, weight) + extra()

    loss()
    gradient = network.gradient.copy()
    for i in rng.choice(gradient.size, min(gradient.size, 60), replace=False):
        losses = []
        for offset in (step, -step):
            network.parameters[i] += offset
            losses.append(loss())
            network.parameters[i] -= offset
        numeric = (losses[0] - losses[1]) / (2 * step)
        assert abs(gradient[i] - numeric) <= 1e-6 * (1 + abs(numeric)), f"parameter {i}"


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("encoder", ACTIVATIONS)
@pytest.mark.parametrize("decoder", ACTIVATIONS)
@pytest.mark.parametrize("n_visible, hidden, n_frames", SIZES)
def test_the_gradient_is_that_of_finite_differences(rng, kind, tied, encoder, decoder, n_visible, hidden, n_frames):
    options = {"encoder_activation": encoder, "decoder_activation": decoder, "tied": tied, "dtype": np.float64}
    network = random_network(rng, n_visible, hidden, n_frames, kind=kind, **options)
    x, target = rng.standard_normal((2, n_frames, n_visible))
    require_gradient(rng, network, Batch(x, target))


@pytest.mark.parametrize("tied", [False, True])
def test_the_gradient_where_only_the_newest_spectrum_is_reproduced(rng, kind, tied):
    network = random_network(rng, 12, (5, 3), 4, n_output=4, tied=tied, dtype=np.float64, kind=kind)
    x = rng.standard_normal((4, 12))
    assert network.forward(x).shape == (4, 4)
    require_gradient(rng, network, Batch(x, x[:, -4:]))


@pytest.mark.parametrize("corruption", [("gaussian", 0.3), ("dropout", 0.4), ("salt_and_pepper", 0.4)])
@pytest.mark.parametrize("tied", [False, True])
def test_the_gradient_of_denoising_at_every_layer(rng, kind, corruption, tied):
    plans = [
        LayerPlan(n_hidden=n, corruption=Corruption(*corruption), tied=tied, encoder_activation="tanh") for n in (7, 4)
    ]
    network = random_network(rng, 9, None, 6, plans=plans, dtype=np.float64, kind=kind)
    require_gradient(rng, network, Batch(rng.uniform(0, 1, (6, 9))), seed=5)


def test_corruption_only_where_noise_is_given_and_the_target_stays_clean(rng, kind):
    plan = LayerPlan(n_hidden=4, corruption=Corruption("dropout", 1.0))
    network = random_network(rng, 9, None, 6, plans=[plan], kind=kind)
    x = rng.uniform(0, 1, (6, 9)).astype(np.float32)
    clean = network.forward(x).copy()
    assert network.loss_and_gradient(Batch(x), SquaredError()) == pytest.approx(
        reference.squared_error(x, clean), rel=1e-5
    )
    silent = network.forward(np.zeros_like(x)).copy()
    loss = network.loss_and_gradient(Batch(x), SquaredError(), rng)
    assert loss == pytest.approx(reference.squared_error(x, silent), rel=1e-5)


def test_the_gradient_of_sparsity_and_decay(rng, kind):
    plans = [LayerPlan(n_hidden=n, sparsity=s, encoder_activation="tanh") for n, s in ((7, 0.3), (4, 0.05))]
    decay = WeightDecay(negative=0.7, positive=0.1, biases=True)
    network = random_network(rng, 9, None, 6, plans=plans, dtype=np.float64, decay=decay, kind=kind)

    def penalty():
        p = network.parameters
        return float(np.sum(np.where(p < 0, 0.35, 0.05) * p * p))

    require_gradient(rng, network, Batch(rng.standard_normal((6, 9))), extra=penalty)


def test_biases_decay_only_on_request(rng, kind):
    x = rng.standard_normal((6, 9)).astype(np.float32)
    gradients = []
    for decay in (WeightDecay(), WeightDecay(negative=2.0, positive=2.0)):
        network = random_network(np.random.default_rng(3), 9, (4,), 6, decay=decay, kind=kind)
        network.loss_and_gradient(Batch(x), SquaredError())
        gradients.append(network.gradients[0])
    np.testing.assert_array_equal(gradients[0].encoder_bias, gradients[1].encoder_bias)
    weight = network.layers[0].encoder_weight
    np.testing.assert_allclose(
        gradients[1].encoder_weight - gradients[0].encoder_weight, 2 * weight, rtol=1e-3, atol=1e-5
    )


def test_the_gradient_of_classes(rng, kind):
    network = random_network(rng, 9, (7, 4), 6, n_classes=3, dtype=np.float64, kind=kind)
    require_gradient(rng, network, Batch(rng.standard_normal((6, 9)), labels=rng.integers(3, size=6)), weight=0.7)


@pytest.mark.parametrize("encoder", ACTIVATIONS)
@pytest.mark.parametrize("n_visible, hidden, n_frames", SIZES)
def test_forward_and_loss_are_the_papers_equations(rng, kind, encoder, n_visible, hidden, n_frames):
    network = random_network(rng, n_visible, hidden, n_frames, encoder_activation=encoder, dtype=np.float64, kind=kind)
    x = rng.standard_normal((n_frames, n_visible))
    code, output = reference.stack(x, network.layers, encoder=encoder)
    np.testing.assert_allclose(network.encode(x), code, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(network.forward(x), output, rtol=1e-12, atol=1e-13)
    loss = network.loss_and_gradient(Batch(x), SquaredError())
    np.testing.assert_allclose(loss, reference.squared_error(x, output), rtol=1e-12)


def test_a_smaller_batch_uses_the_same_buffers(rng, kind):
    network = random_network(rng, 9, (4,), 8, dtype=np.float64, kind=kind)
    x = rng.standard_normal((8, 9))
    whole = network.forward(x).copy()
    np.testing.assert_allclose(network.forward(x[:3]), whole[:3], rtol=1e-12)
    loss = network.loss_and_gradient(Batch(x[:3]), SquaredError())
    np.testing.assert_allclose(loss, reference.squared_error(x[:3], whole[:3]), rtol=1e-12)


def test_fixed_biases_have_no_gradient(rng):
    network = random_network(rng, 9, (4,), 8, encoder_bias=False, decoder_bias=False)
    x = rng.standard_normal((8, 9)).astype(np.float32)
    network.loss_and_gradient(Batch(x), SquaredError())
    without_biases = 9 * 4 * 2
    assert np.count_nonzero(network.gradient) == without_biases


@pytest.mark.parametrize("tied", [False, True])
def test_project_leaves_no_negative_decoder(rng, tied):
    network = random_network(rng, 9, (6, 4), 8, tied=tied, nonnegative=True)
    before = [layer.decoder_weight.copy() for layer in network.layers]
    network.project()
    for layer, weight in zip(network.layers, before, strict=True):
        np.testing.assert_array_equal(layer.decoder_weight, np.maximum(weight, 0))
        assert layer.decoder_bias.min() >= 0


@pytest.mark.parametrize("hidden", [(4,), (7, 4)])
@pytest.mark.parametrize("n_output", [9, 3])
@pytest.mark.parametrize("tied", [False, True])
def test_the_layers_hold_the_same_function(rng, hidden, n_output, tied):
    network = random_network(rng, 9, hidden, 8, tied=tied, encoder_activation="relu", n_output=n_output)
    x = rng.standard_normal((8, 9)).astype(np.float32)
    layers, y = network.to_layers(), x
    assert layers[0].context_spectra == 9 // n_output and layers[0].tied is tied
    for layer in layers:
        y = layer.encode(y)
    for layer in reversed(layers):
        y = layer.decode(y)
    np.testing.assert_allclose(y[:, -n_output:], network.forward(x), rtol=1e-5, atol=1e-6)


def test_a_step_allocates_nothing(rng, kind):
    import tracemalloc

    plans = [LayerPlan(n_hidden=n, corruption=Corruption("gaussian", 0.1), sparsity=0.1) for n in (64, 32)]
    network = random_network(rng, 257, None, 100, plans=plans, decay=WeightDecay(negative=0.1, positive=0.1), kind=kind)
    x = rng.uniform(0, 1, (100, 257)).astype(np.float32)
    chain = Chain((Power(0.65), Normalize(np.float32(0.7))))
    batch = Batch(x, magnitudes=x)
    objective = Sum(
        (0.5, SquaredError(network.kernels)),
        (1.0, AfterInverse(SquaredError(network.kernels), chain, 1.0, network.kernels)),
    )
    adam = Adam(network.gradient, kernels=network.kernels)

    def step():
        network.loss_and_gradient(batch, objective, rng)
        adam.step(network.parameters, 0.001, 0.9)

    step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(5):
        step()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 60_000, f"{peak} bytes, more than the conversion buffer of NumPy; the batch is {batch.x.nbytes}"


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 200 * 2.0**-23)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("tied", [False, True])
def test_200_steps_are_those_of_pytorch(rng, kind, dtype, tolerance, optimizer, tied):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is the reference trainer here")
    n_visible, n_hidden, n_frames = 129, 32, 100
    spectra = np.abs(rng.standard_normal((200, n_frames, n_visible))).astype(dtype) * np.linspace(1, 0, n_visible)
    spectra = spectra.astype(dtype)
    network = random_network(rng, n_visible, (n_hidden,), n_frames, tied=tied, dtype=dtype, kind=kind)
    arrays = list(network.layers[0])
    w, b, v, c = (torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in arrays)
    parameters = [w, b, c] if tied else [w, b, v, c]
    if optimizer == "sgd":
        ours, momentum = Sgd(network.gradient, kernels=network.kernels, gemm=network.gemm), 0.5
        theirs = torch.optim.SGD(parameters, lr=0.005, momentum=0.5)
    else:
        ours, momentum = Adam(network.gradient, kernels=network.kernels), 0.9
        theirs = torch.optim.Adam(parameters, lr=0.005)
    for batch in spectra:
        keep, scale = ours.factors(0.005, momentum)
        network.loss_and_gradient(Batch(batch), SquaredError(network.kernels), keep=keep, scale=scale)
        ours.step(network.parameters, 0.005, momentum)
        x = torch.from_numpy(batch)
        output = torch.sigmoid(x @ w.T + b) @ (w if tied else v.T) + c
        theirs.zero_grad()
        ((output - x) ** 2).sum(dim=1).mean().backward()
        theirs.step()
    for array, tensor in zip(arrays, (w, b, w.T if tied else v, c), strict=True):
        expected = tensor.detach().numpy()
        assert np.linalg.norm(array - expected) <= tolerance * np.linalg.norm(expected)
