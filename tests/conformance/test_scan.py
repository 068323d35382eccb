"""Recurrences: their values, derivatives of first and second order, on every target, in every variant."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.ops.sequence import scan, stop, written_out
from tests.run.torchrun import run_torch

T, n, d, k = 4, 3, 2, 3
X = gw.tensor("X", T, n, d)
Y = gw.matrix("Y", n, k)
U, W, b, H0 = gw.matrix("U", d, k), gw.matrix("W", k, k), gw.vector("b", k), gw.matrix("H_0", n, k)
M = gw.matrix("M", T, n)
RNG = np.random.default_rng(7)
VALUES = {
    "X": RNG.normal(size=(T, n, d)), "Y": RNG.normal(size=(n, k)), "U": RNG.normal(size=(d, k)),
    "W": RNG.normal(size=(k, k)) / 2, "b": RNG.normal(size=k), "H_0": RNG.normal(size=(n, k)),
    "M": np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]]),
}  # fmt: skip


def rnn(h, x):
    return gw.tanh(x @ U + h @ W + b)


def gated(h, c, x):
    gate = gw.sigmoid(x @ U + h @ W)
    c = gate * c + (1 - gate) * gw.tanh(x @ U - h @ W.T)
    return gw.tanh(c) * gate, c


def loss(states, last):
    return gw.mean((last - Y) ** 2) + 0.3 * gw.sum(gw.sin(states)) / T


CASES = {
    "last": lambda: gw.mean((scan(rnn, H0, X).last - Y) ** 2),
    "all": lambda: gw.sum(gw.sin(scan(rnn, H0, X).states)),
    "both": lambda: loss(scan(rnn, H0, X).states, scan(rnn, H0, X).last),
    "reverse": lambda: loss(scan(rnn, H0, X, reverse=True).states, scan(rnn, H0, X, reverse=True).last),
    "mask": lambda: loss(scan(rnn, H0, X, mask=M).states, scan(rnn, H0, X, mask=M).last),
    "two states": lambda: loss(scan(gated, (H0, H0), X).states[0], scan(gated, (H0, H0), X).last[1]),
    "two sequences": lambda: gw.mean((scan(lambda h, x, z: rnn(h, x) * z, H0, (X, gw.sum(X, axis=2)[:, :, None])).last - Y) ** 2),
    "no sequence": lambda: gw.mean((scan(lambda h: gw.tanh(h @ W + b), H0, length=T).last - Y) ** 2),
    "linear": lambda: gw.mean((scan(lambda h, x: h @ W + x @ U, H0, X).last - Y) ** 2),
    "softmax": lambda: gw.mean((scan(lambda h, x: gw.softmax(h @ W + x @ U, axis=1), H0, X).last - Y) ** 2),
    "nested": lambda: gw.mean(
        (scan(lambda h, x: scan(lambda h, u: gw.tanh(h @ W + u), h, gw.stack([x @ U, b * (x @ U)])).last, H0, X).last - Y) ** 2
    ),
}  # fmt: skip


def by_hand(case, v):
    """The value of a case by a plain loop."""
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    h, c, states = v["H_0"], v["H_0"], []
    order = range(T)[::-1] if case == "reverse" else range(T)
    for t in order:
        x, old = v["X"][t], h
        a = x @ v["U"] + h @ v["W"]
        match case:
            case "two states":
                gate = sigmoid(a)
                c = gate * c + (1 - gate) * np.tanh(x @ v["U"] - h @ v["W"].T)
                h = np.tanh(c) * gate
            case "two sequences":
                h = np.tanh(a + v["b"]) * x.sum(axis=1)[:, None]
            case "no sequence":
                h = np.tanh(h @ v["W"] + v["b"])
            case "linear":
                h = a
            case "softmax":
                e = np.exp(a)
                h = e / e.sum(axis=1, keepdims=True)
            case "nested":
                for u in (x @ v["U"], v["b"] * (x @ v["U"])):
                    h = np.tanh(h @ v["W"] + u)
            case _:
                h = np.tanh(a + v["b"])
        if case == "mask":
            h = np.where(v["M"][t][:, None] != 0, h, old)
        states.append(h)
    squares = np.mean(((c if case == "two states" else h) - v["Y"]) ** 2)
    everything = np.sum(np.sin(states))
    if case == "all":
        return everything
    return squares + 0.3 * everything / T if case in ("both", "reverse", "mask", "two states") else squares


def known(x, values=VALUES):
    return {s: values[s] for s in x.symbols}


@pytest.mark.parametrize("case", CASES)
def test_value(case):
    f = CASES[case]()
    assert f.evaluate(**known(f)) == pytest.approx(by_hand(case, VALUES), rel=1e-13)


def moved(f, values, label, direction, h):
    return f({**values, label: values[label] + h * direction})


def difference(f, values, label, direction, h=1e-3):
    at = lambda j: np.asarray(moved(f, values, label, direction, j * h))
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


@pytest.mark.parametrize("case", CASES)
def test_gradient_and_tangent_agree_with_differences(case):
    f = CASES[case]()
    variables = [s for s in f.symbols if s not in ("Y", "M")]
    gradients = gw.grad(f, variables)
    assert gradients[0].derivation.replay()
    program = gw.function(list(gradients))
    found = program(**{s: VALUES[s] for s in program.symbols})
    for label, g in zip(variables, found):
        direction = np.random.default_rng(1).normal(size=VALUES[label].shape)
        expected = difference(lambda v: by_hand(case, v), VALUES, label, direction)
        assert np.sum(g * direction) == pytest.approx(expected, rel=1e-8, abs=1e-9)
        tangent = gw.jvp(f, label, gw.constant(direction))
        assert tangent.evaluate(**known(tangent)) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_hessian_vector_product_agrees_with_differences(case):
    f = CASES[case]()
    for label in [s for s in f.symbols if s in ("W", "X", "H_0")]:
        direction = np.random.default_rng(2).normal(size=VALUES[label].shape)
        product = gw.hvp(f, label, gw.constant(direction))
        g = gw.grad(f, label)
        expected = difference(lambda v, g=g: g.evaluate(**known(g, v)), VALUES, label, direction)
        np.testing.assert_allclose(product.evaluate(**known(product)), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_targets_agree(case):
    f = CASES[case]()
    outputs = [f, *gw.grad(f, [s for s in f.symbols if s in ("U", "W", "b", "H_0")])]
    program = gw.function(outputs)
    values = {s: VALUES[s] for s in program.symbols}
    expected = program(**values)
    compiled = gw.function(outputs, target="xla")(**values)
    other = [run_torch(o, VALUES) for o in outputs]
    for a, c, t in zip(expected, compiled, other):
        np.testing.assert_allclose(c, a, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(t, a, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "case", ["last", "all", "both", "reverse", "mask", "two states", "no sequence", "nested"]
)
def test_written_out_it_is_the_same_function(case):
    f = CASES[case]()
    plain = written_out(f)
    assert plain.evaluate(**known(f)) == pytest.approx(f.evaluate(**known(f)), rel=1e-13)
    for label in ("W", "H_0"):
        g, h = gw.grad(f, label), gw.grad(plain, label)
        np.testing.assert_allclose(h.evaluate(**known(h)), g.evaluate(**known(g)), rtol=1e-11, atol=1e-12)


def test_truncation_stops_the_adjoint_between_blocks():
    truncated = scan(rnn, H0, X, truncate=2)
    f = gw.mean((truncated.last - Y) ** 2)
    # By hand: the first two steps are a constant start of the last two.
    first, second = gw.scan(rnn, H0, X[:2]).last, lambda h: gw.scan(rnn, h, X[2:]).last
    by_hand = gw.mean((second(stop(first)) - Y) ** 2)
    assert f.evaluate(**known(f)) == pytest.approx(by_hand.evaluate(**known(f)), rel=1e-14)
    for label in ("W", "U", "b"):
        g, h = gw.grad(f, label), gw.grad(by_hand, label)
        np.testing.assert_allclose(g.evaluate(**known(g)), h.evaluate(**known(h)), rtol=1e-12)
    start = gw.grad(f, "H_0")
    assert not np.any(start.evaluate(**known(start)))


def test_a_block_of_all_steps_changes_nothing():
    f = gw.mean((scan(rnn, H0, X, truncate=T).last - Y) ** 2)
    plain = gw.mean((scan(rnn, H0, X).last - Y) ** 2)
    for label in ("W", "X", "H_0"):
        a, b_ = gw.grad(f, label), gw.grad(plain, label)
        np.testing.assert_allclose(a.evaluate(**known(a)), b_.evaluate(**known(b_)), rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_any_length_fits_a_symbolic_one(steps):
    N = gw.dims("N")[0]
    x = gw.tensor("x", N, n, d)
    g = gw.grad(gw.mean((scan(rnn, H0, x).last - Y) ** 2), ["W", "U"])
    values = {**VALUES, "x": np.random.default_rng(3).normal(size=(steps, n, d))}
    program = gw.function(list(g))
    found = program(**{s: values[s] for s in program.symbols})
    h, states = VALUES["H_0"], [VALUES["H_0"]]
    for t in range(steps):
        h = np.tanh(values["x"][t] @ values["U"] + h @ values["W"] + values["b"])
        states.append(h)
    back, gW, gU = 2 / h.size * (h - values["Y"]), 0, 0
    for t in reversed(range(steps)):
        delta = back * (1 - states[t + 1] ** 2)
        gW, gU, back = gW + states[t].T @ delta, gU + values["x"][t].T @ delta, delta @ values["W"].T
    np.testing.assert_allclose(found[0], gW, rtol=1e-11)
    np.testing.assert_allclose(found[1], gU, rtol=1e-11)


def test_each_recurrence_is_one_loop_with_one_product_a_step():
    """Input projection before the loop, weight gradients after it: the text shows it."""
    N = gw.dims("N")[0]
    f = gw.mean((scan(rnn, H0, gw.tensor("x", N, n, d)).last - Y) ** 2)
    text = gw.function([f, *gw.grad(f, ["U", "W", "b"])]).source
    assert text.count(" = scan(") == 2
    steps = [part.split("return")[0] for part in text.split("def step")[1:]]
    assert [part.count(" @ ") for part in steps] == [1, 1], text


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: scan(rnn, H0, gw.zeros(0, n, d)), "length 0"),
        (lambda: scan(lambda h, x: h @ U.T, H0, X), "the body makes it 3×2"),
        (lambda: scan(lambda h, x, z: h, H0, (X, gw.vector("z", 9))), "different lengths: 4, 9"),
        (lambda: scan(lambda h: h, H0), "needs its length"),
        (lambda: scan(rnn, H0, gw.scalar("z")), "time as its first axis"),
        (lambda: scan(rnn, H0, X, truncate=0), "truncate"),
        (lambda: scan(rnn, H0, X, mask=gw.matrix("Q", T, d)), "does not fit"),
        (lambda: scan(lambda h, x: (h, h), H0, X), "returns 2 states"),
    ],
)
def test_what_does_not_fit_is_said(make, message):
    with pytest.raises(gw.GradworkError, match=message):
        make()


@pytest.mark.parametrize("case", ["last", "all", "both", "reverse"])
def test_state_adjoints_are_the_derivative_by_what_is_added_to_a_state(case):
    from gradwork.diff.fading import state_adjoints

    E = gw.tensor("E", T, n, k)
    moved = lambda h, x, e: rnn(h, x) + e
    reverse = case == "reverse"
    plain, shifted = scan(rnn, H0, X, reverse=reverse), scan(moved, H0, (X, E), reverse=reverse)
    wanted = {"last": lambda s: gw.mean((s.last - Y) ** 2), "all": lambda s: gw.sum(gw.sin(s.states))}
    f = wanted.get(case, lambda s: loss(s.states, s.last))
    expected = gw.grad(f(shifted), "E")
    values = {**VALUES, "E": np.zeros((T, n, k))}
    found = state_adjoints(f(plain))
    assert list(found) == ["h"]
    np.testing.assert_allclose(
        found["h"].evaluate(**known(found["h"])),
        expected.evaluate(**known(expected, values)),
        rtol=1e-11,
        atol=1e-13,
    )


z, a = gw.vector("z", T), gw.scalar("a")
EDGES = {
    "only the entry": (lambda: scan(lambda h, x: x, 0, z).last * a, lambda z, a: z[-1] * a),
    "only the state": (lambda: gw.sum(scan(lambda h, x: h, a, z).states), lambda z, a: T * a),
    "the state of a constant start": (lambda: scan(lambda h, x: a * h + x, 1, z).last, None),
    "scalars without a sequence": (lambda: scan(lambda h: a * h, a, length=3).last, lambda z, a: a**4),
    "a product with the whole sequence": (lambda: scan(lambda h, x: h + x * gw.sum(z) * a, 0, z).last, lambda z, a: z.sum() ** 2 * a),
    "two states that swap": (lambda: scan(lambda p, q, x: (q, p * a + x), (a, a), z).last[0], None),
    "positions": (
        lambda: scan(lambda h, i: a * h + z[i], 0, gw.constant(np.array([2, 0, 2, 1, 3]))).last,
        lambda z, a: z[2] * a**4 + z[0] * a**3 + z[2] * a**2 + z[1] * a + z[3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("target", ["numpy", "xla"])
@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge, target):
    make, by_hand = EDGES[edge]
    f = make()
    values = {"z": np.array([0.3, -1.2, 0.8, 2.0]), "a": 0.7}
    if by_hand is not None:
        assert f.evaluate(**known(f, values)) == pytest.approx(by_hand(**values), rel=1e-13)
    for dtype, bound in (("float64", 1e-8), ("float32", 2e-3)):
        for label in f.symbols:
            program = gw.function([f, gw.grad(f, label)], target=target, dtype=dtype)
            value, g = program(**{s: values[s] for s in program.symbols})
            direction = np.ones_like(values[label]) * 0.5
            expected = difference(lambda v, f=f: f.evaluate(**known(f, v)), values, label, direction)
            assert np.sum(g * direction) == pytest.approx(expected, rel=bound, abs=bound)
