"""Layers and networks: names, shapes, starts, agreement with PyTorch, and what does not chain."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.nn import (
    ACTIVATIONS,
    Activation,
    AvgPool1D,
    AvgPool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Sequential,
    network,
    orthogonal,
)

RNG = np.random.default_rng(5)


def ours(net, seed=0, integer=None, training=False):
    """Values for a network with random parameters, and its output and gradients of a weighted sum."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=v.shape) for name, v in net.values().items()}
    shape = tuple(d.value or 3 for d in net.input.shape)
    values["X"] = rng.integers(0, integer, shape) if integer else rng.normal(size=shape)
    g = rng.normal(size=tuple(d.value or 3 for d in net.output.shape))
    output = net.training if training else net.output
    loss = gw.sum(gw.tensor("G", *output.shape) * output)
    outputs = [output, *gw.grad(loss, list(net.parameters))]
    program = gw.function(outputs)
    found = program(**{k: v for k, v in {**values, "G": g}.items() if k in program.symbols})
    return values, g, found


def test_a_convolutional_network_agrees_with_torch():
    torch = pytest.importorskip("torch")
    net = network(
        [
            Conv2D(3, 3, "relu", padding=1),
            MaxPool2D(2),
            Conv2D(4, (2, 3), "tanh", stride=(1, 2)),
            AvgPool2D(2),
            Flatten(),
            Dense(2),
        ],
        (9, 12, 2),
    )
    values, g, found = ours(net)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    f = torch.nn.functional
    x = t["X"].permute(0, 3, 1, 2)
    conv = lambda x, k, **o: f.conv2d(x, t[f"W_{k}"].permute(3, 2, 0, 1), t[f"b_{k}"], **o)
    x = f.max_pool2d(f.relu(conv(x, 1, padding=1)), 2)
    x = f.avg_pool2d(torch.tanh(conv(x, 2, stride=(1, 2))), 2)
    y = x.permute(0, 2, 3, 1).flatten(1) @ t["W_3"] + t["b_3"]
    y.backward(torch.tensor(g))
    expected = [y.detach().numpy(), *(t[p.params[0]].grad.numpy() for p in net.parameters)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_signals_embeddings_and_norms_agree_with_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    net = network([Conv1D(4, 3, "tanh", dilation=2), MaxPool1D(2), LayerNorm(), Flatten(), Dense(3)], (11, 2))
    values, g, found = ours(net)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    x = torch.tanh(f.conv1d(t["X"].permute(0, 2, 1), t["W_1"].permute(2, 1, 0), t["b_1"], dilation=2))
    x = f.max_pool1d(x, 2).permute(0, 2, 1)
    y = f.layer_norm(x, (4,), t["gamma_2"], t["beta_2"]).flatten(1) @ t["W_3"] + t["b_3"]
    y.backward(torch.tensor(g))
    for one, other in zip(
        found, [y.detach().numpy(), *(t[p.params[0]].grad.numpy() for p in net.parameters)], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    net = network([Embedding(7, 4), Flatten(), Dense(2)], (5,), integer=True)
    values, g, found = ours(net, integer=7)
    E = torch.tensor(values["E_1"], requires_grad=True)
    y = E[torch.tensor(values["X"])].flatten(1) @ torch.tensor(values["W_2"]) + torch.tensor(values["b_2"])
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(found[0], y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(found[1], E.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_a_certificate(name):
    net = network([Dense(4, name), Dense(2)], (3,))
    loss = gw.mean(net.output**2)
    assert gw.certify(gw.grad(loss, list(net.parameters)))


def test_names_counts_and_the_summary():
    net = network([Conv2D(8, 5, "relu"), MaxPool2D(2), Flatten(), Dense(10)], (28, 28, 1))
    assert [p.params[0] for p in net.parameters] == ["W_1", "b_1", "W_2", "b_2"]
    assert net.size == 5 * 5 * 8 + 8 + 1152 * 10 + 10
    text = net.summary()
    assert "24 = 28 − 5 + 1" in text and "n×24×24×8" in text and "11,738 parameters" in text
    assert "Conv2D(8, 5×5, relu)" in text


def test_composition():
    layers = Dense(4, "relu") >> Dense(2)
    assert network(layers, (3,)).output is network([Dense(4, "relu"), Dense(2)], (3,)).output

    def Residual(units):
        inner = Dense(units, "relu")
        return Layer("Residual", lambda x, scope: x + inner(x, scope))

    net = network([Residual(3), Activation(gw.tanh), Dense(1)], (3,))
    assert [r.title for r in net.records] == ["Residual", "Activation(tanh)", "Dense(1)"]
    assert [p.params[0] for p in net.records[0].parameters] == ["W_1", "b_1"]
    assert gw.certify(gw.grad(gw.mean(net.output**2), list(net.parameters)))
    assert network([Sequential(Dense(2), Sequential(Dense(3)))], (2,)).size == 6 + 9


def test_global_pools():
    for layer, function in ((GlobalAvgPool(), np.mean), (GlobalMaxPool(), np.max)):
        net = network([layer], (3, 4, 2))
        x = RNG.normal(size=(5, 3, 4, 2))
        np.testing.assert_allclose(net.output.evaluate(X=x), function(x, axis=(1, 2)), rtol=1e-12)
    assert network([AvgPool1D(3, stride=2)], (9, 2)).output.shape == ("n", 4, 2)
    padded = network([MaxPool2D(3, 2, padding=1)], (8, 8, 2))
    assert padded.output.shape == ("n", 4, 4, 2) and "MaxPool2D(3×3, stride=2, padding=1)" in padded.summary()
    assert network([MaxPool1D(3, 2, padding="same")], (7, 2)).output.shape == ("n", 4, 2)


def test_starts():
    net = network(
        [Dense(64, "relu"), Dense(64, "tanh"), Dense(8, start="orthogonal"), Dense(3, start="zeros")], (400,)
    )
    values = net.values(seed=3)
    assert abs(values["W_1"].std() - np.sqrt(2 / 400)) < 0.003
    assert abs(values["W_2"]).max() <= np.sqrt(6 / 128)
    np.testing.assert_allclose(values["W_3"].T @ values["W_3"], np.eye(8), atol=1e-12)
    assert not values["W_4"].any() and not values["b_1"].any()
    wide = orthogonal(np.random.default_rng(0), (2, 2, 9))
    np.testing.assert_allclose(wide.reshape(4, 9) @ wide.reshape(4, 9).T, np.eye(4), atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        (
            [Conv2D(8, 5), MaxPool2D(2), Conv2D(8, 9)],
            (12, 12, 1),
            "layer 3, Conv2D(8, 9×9): the kernel 9×9 is larger than its input 4×4",
        ),
        ([Conv2D(8, 5), Dense(3)], (12, 12, 1), "put Flatten() before it for n×8×8×8"),
        ([Dense(3), Conv2D(8, 5)], (12,), "layer 2, Conv2D(8, 5×5): it takes a batch of images"),
        ([Dense(3), MaxPool2D(2)], (12,), "layer 2, MaxPool2D(2×2): it takes"),
        (
            [Activation("relu"), Embedding(5, 2)],
            (4,),
            "layer 2, Embedding(5, 2): it takes whole numbers: put it",
        ),
        ([lambda: Embedding(2.5, 2)], (4,), "the size of the vocabulary is a whole number from 1, not 2.5"),
        ([lambda: LayerNorm(-1)], (4,), "ε is a positive number"),
        ([lambda: BatchNorm(0)], (4,), "ε is a positive number"),
        ([Dense(2)], 4, "the shape of a sample is a tuple such as (4,), not 4"),
        ([lambda: Dense(3, "rely")], (4,), "an activation is one of"),
        ([lambda: Dense(0)], (4,), "the number of units is a whole number from 1"),
        ([Dense(2)], ("d",), "the parameter W needs sizes that are known, not d"),
        ([3], (4,), "Sequential takes layers such as Dense(8), not 3"),
        ([], (4,), "Sequential needs at least one layer"),
        ([Dense(2, start="glorrot")], (4,), "a start is a value or one of"),
        ([Dense(2)], (), "a sample has at least one axis"),
    ],
)
def test_what_does_not_chain_is_one_clear_line(layers, shape, message):
    with pytest.raises(gw.GradworkError) as error:
        network([x() if callable(x) and not isinstance(x, Layer) else x for x in layers], shape)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_batch_norm_agrees_with_torch_in_training():
    torch = pytest.importorskip("torch")
    net = network([Conv2D(3, 2), BatchNorm(), Flatten(), Dense(2)], (4, 5, 1))
    values, g, found = ours(net, training=True)
    t = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    f = torch.nn.functional
    x = f.conv2d(t["X"].permute(0, 3, 1, 2), t["W_1"].permute(3, 2, 0, 1), t["b_1"])
    x = f.batch_norm(x, None, None, t["gamma_2"], t["beta_2"], training=True)
    y = x.permute(0, 2, 3, 1).flatten(1) @ t["W_3"] + t["b_3"]
    y.backward(torch.tensor(g))
    for one, other in zip(
        found, [y.detach().numpy(), *(t[p.params[0]].grad.numpy() for p in net.parameters)], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)
    # With the statistics of the same data, prediction gives the same.
    where = {s.params[0]: v.evaluate(**{n: values[n] for n in v.symbols}) for s, v in net.statistics.items()}
    again = net.output.evaluate(**{n: v for n, v in {**values, **where}.items() if n in net.output.symbols})
    np.testing.assert_allclose(again, found[0], rtol=1e-10, atol=1e-12)


def test_dropout_keeps_the_mean_and_is_nothing_in_prediction():
    net = network([Dropout(0.3)], (400,), seed=4)
    assert net.output is net.input
    X = np.ones((200, 400))
    masks = [net.training.evaluate(X=X, step_number=t) for t in (1, 2)]
    assert set(np.unique(masks[0])) == {0, 1 / 0.7}
    assert abs(masks[0].mean() - 1) < 0.01 and abs((masks[0] == 0).mean(axis=0) - 0.3).max() < 0.2
    assert 0.4 < (masks[0] == masks[1]).mean() < 0.75  # drawn anew: 0.7² + 0.3² = 0.58
    assert (net.training.evaluate(X=X, step_number=0) == 1).all()
    other = network([Dropout(0.3)], (400,), seed=5).training.evaluate(X=X, step_number=1)
    assert (other != masks[0]).any()
    np.testing.assert_array_equal(gw.function(net.training, target="xla")(X=X, step_number=1.0), masks[0])
    with pytest.raises(gw.GradworkError, match="the share that is dropped"):
        Dropout(1.0)


def test_a_network_that_begins_with_an_embedding_takes_whole_numbers():
    net = network(Sequential(Embedding(5, 2), Flatten(), Dense(1)), (3,))
    values, program = net.values(), gw.function(net.output)
    E, W = values["E_1"], values["W_2"]
    X = np.array([[0, 4, 2]])
    np.testing.assert_allclose(program(X=X, **values), E[X].reshape(1, -1) @ W)


@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_a_position_outside_its_axis_is_named(target):
    net = network([Embedding(5, 2), Flatten(), Dense(1)], (3,))
    program = gw.function(net.output, target=target)
    with pytest.raises(gw.GradworkError, match=r"X is 7 at \[1, 2\]; there are 5, numbered from 0 to 4"):
        program(X=np.array([[0, 1, 2], [3, 4, 7]]), **net.values())


def test_a_start_may_be_an_array():
    W = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(network([Dense(2, start=W)], (3,)).values()["W_1"], W)
    kernel = np.arange(4.0).reshape(2, 2, 1, 1)
    np.testing.assert_array_equal(network([Conv2D(1, 2, start=kernel)], (3, 3, 1)).values()["W_1"], kernel)
