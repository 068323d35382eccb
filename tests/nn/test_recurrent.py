"""Recurrent layers against PyTorch: the forward pass and every parameter's gradient, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.nn import GRU, LSTM, Dense, SimpleRNN, network

torch = pytest.importorskip("torch")
PEERS = {"rnn": (SimpleRNN, "RNN"), "gru": (GRU, "GRU"), "lstm": (LSTM, "LSTM")}
# Several runs of random sizes: features, units, batch, steps.
SIZES = [(1, 1, 1, 1), (3, 4, 5, 6), (2, 7, 3, 11), (5, 2, 4, 2)]


def peer(kind, values, d, u, layer="1"):
    """PyTorch's layer with our parameters; its second bias holds the reset gate's c, or nothing."""
    module = getattr(torch.nn, PEERS[kind][1])(d, u, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0[:] = torch.tensor(values[f"W_{layer}"].T.copy())
        module.weight_hh_l0[:] = torch.tensor(values[f"U_{layer}"].T.copy())
        module.bias_ih_l0[:] = torch.tensor(values[f"b_{layer}"])
        module.bias_hh_l0[:] = 0
        if kind == "gru":
            module.bias_hh_l0[2 * u :] = torch.tensor(values[f"c_{layer}"])
    return module


def gradients(kind, module, u):
    found = {
        "W_1": module.weight_ih_l0.grad.T,
        "U_1": module.weight_hh_l0.grad.T,
        "b_1": module.bias_ih_l0.grad,
    }
    if kind == "gru":
        found["c_1"] = module.bias_hh_l0.grad[2 * u :]
    return {k: v.numpy() for k, v in found.items()}


def drawn(net, seed):
    rng = np.random.default_rng(seed)
    return {p.params[0]: rng.normal(size=[d.value for d in p.shape]) / 2 for p in net.parameters}


@pytest.mark.parametrize("target", ["numpy", "xla"])
@pytest.mark.parametrize("states", [False, True], ids=["last", "states"])
@pytest.mark.parametrize("d, u, n, T", SIZES)
@pytest.mark.parametrize("kind", PEERS)
def test_agrees_with_pytorch(kind, d, u, n, T, states, target):
    net = network(PEERS[kind][0](u, states=states), ("T", d))
    values = drawn(net, T)
    rng = np.random.default_rng(u)
    x, weights = rng.normal(size=(n, T, d)), rng.normal(size=(n, T, u) if states else (n, u))
    V = gw.symbol("V", net.output.shape)
    f = gw.sum(V * net.output)
    program = gw.function([net.output, *gw.grad(f, list(net.parameters))], target=target)
    given = {**values, "X": x, "V": weights}
    output, *found = program(**{s: given[s] for s in program.symbols})
    module = peer(kind, values, d, u)
    every, _ = module(torch.tensor(x))
    expected = every if states else every[:, -1]
    torch.sum(expected * torch.tensor(weights)).backward()
    np.testing.assert_allclose(output, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    theirs = gradients(kind, module, u)
    for p, g in zip(net.parameters, found, strict=True):
        np.testing.assert_allclose(g, theirs[p.params[0]], rtol=1e-10, atol=1e-10, err_msg=str(p))


@pytest.mark.parametrize("kind", PEERS)
def test_unequal_lengths_agree_with_packed_sequences(kind):
    d, u, n, T = 3, 4, 5, 6
    lengths = np.array([6, 4, 4, 2, 1])
    mask = gw.matrix("M", "n", T)
    net = network(PEERS[kind][0](u, mask=mask), (T, d))
    values, rng = drawn(net, 1), np.random.default_rng(2)
    x, weights = rng.normal(size=(n, T, d)), rng.normal(size=(n, u))
    V = gw.matrix("V", "n", u)
    outputs = [net.output, *gw.grad(gw.sum(V * net.output), list(net.parameters))]
    program = gw.function(outputs)
    given = {**values, "X": x, "V": weights, "M": np.arange(T) < lengths[:, None]}
    output, *found = program(**{s: given[s] for s in program.symbols})
    module = peer(kind, values, d, u)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), batch_first=True)
    _, last = module(packed)
    last = (last[0] if kind == "lstm" else last)[0]
    torch.sum(last * torch.tensor(weights)).backward()
    np.testing.assert_allclose(output, last.detach().numpy(), rtol=1e-10, atol=1e-10)
    theirs = gradients(kind, module, u)
    for p, g in zip(net.parameters, found, strict=True):
        np.testing.assert_allclose(g, theirs[p.params[0]], rtol=1e-10, atol=1e-10, err_msg=str(p))


@pytest.mark.parametrize("kind", PEERS)
def test_certificate_and_replay(kind):
    net = network([PEERS[kind][0](2), Dense(1)], (3, 2))
    y = gw.matrix("y", "n", 1)
    f = gw.mean((net.output - y) ** 2)
    for g in gw.grad(f, list(net.parameters)):
        assert gw.certify(g).holds
        assert g.derivation.replay()


@pytest.mark.parametrize("kind", PEERS)
def test_layers_stack_and_read_backwards(kind):
    """Two layers, the second from the end: as two modules of PyTorch with flipped time."""
    make, name = PEERS[kind]
    net = network([make(3, states=True), make(2, reverse=True)], (5, 4))
    values, rng = drawn(net, 3), np.random.default_rng(4)
    x = rng.normal(size=(2, 5, 4))
    output = net.output.evaluate(X=x, **values)
    first, second = peer(kind, values, 4, 3), peer(kind, values, 3, 2, "2")
    states, _ = first(torch.tensor(x))
    backwards, _ = second(torch.flip(states, (1,)))
    np.testing.assert_allclose(output, backwards[:, -1].detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", PEERS)
def test_truncation_agrees_with_detached_states(kind):
    d, u, n, T, k = 2, 3, 4, 7, 3
    net = network(PEERS[kind][0](u, truncate=k), (T, d))
    values, rng = drawn(net, 5), np.random.default_rng(6)
    x = rng.normal(size=(n, T, d))
    outputs = gw.grad(gw.sum(gw.sin(net.output)), list(net.parameters))
    program = gw.function(list(outputs))
    given = {**values, "X": x}
    found = program(**{s: given[s] for s in program.symbols})
    module, state = peer(kind, values, d, u), None
    for start in range(0, T, k):
        if state is not None:
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        every, state = module(torch.tensor(x[:, start : start + k]), state)
    torch.sum(torch.sin(every[:, -1])).backward()
    theirs = gradients(kind, module, u)
    for p, g in zip(net.parameters, found, strict=True):
        np.testing.assert_allclose(g, theirs[p.params[0]], rtol=1e-10, atol=1e-10, err_msg=str(p))


def test_what_does_not_fit_is_said():
    with pytest.raises(gw.ShapeError, match="layer 1, SimpleRNN.4.: it takes a batch of sequences, n×T×d"):
        network(SimpleRNN(4), (3,))
    with pytest.raises(gw.ShapeError, match="at least one step"):
        network(LSTM(4), (0, 3))
    with pytest.raises(gw.ShapeError, match="its mask is an expression of shape n×5"):
        network(GRU(4, mask=gw.matrix("M", "n", 4)), (5, 3))
    with pytest.raises(gw.GradworkError, match="number of units"):
        LSTM(0)


def test_parameters_start_as_they_should():
    values = network(LSTM(8), (5, 3)).values(0)
    U = values["U_1"]
    np.testing.assert_allclose(U @ U.T, np.eye(8), atol=1e-12)  # orthonormal rows: U is 8×32
    assert values["b_1"].tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
