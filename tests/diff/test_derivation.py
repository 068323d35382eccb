"""Derivations replay, stay linear in depth, and their results hold numerically."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.diff.derivation import Phase
from gradwork.diff.names import name_intermediates
from gradwork.errors import DerivativeError, GradworkError, ShapeError
from gradwork.expr.node import NAME, walk
from gradwork.rewrite import EVERY_RULE

n, d, h, k = gw.dims("n", "d", "h", "k")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
W, Y = gw.matrix("W", d, k), gw.matrix("Y", n, k, onehot=True)
S, mu = gw.matrix("S", d, d, symmetric=True), gw.vector("mu", d)
r = y - X @ b
delta, lam, t = gw.scalar("delta"), gw.scalar("lam"), gw.vector("t", n)
W1, b1, W2, b2 = gw.matrix("W1", d, h), gw.vector("b1", h), gw.matrix("W2", h, k), gw.vector("b2", k)


def mlp(activation):
    logits = activation(X @ W1 + b1) @ W2 + b2
    return -gw.mean(gw.sum(Y * gw.log(gw.softmax(logits)), axis=1))


CLASSICS = {
    "polynomial": (delta**2 + 2 * delta + 3, [delta]),
    "least squares": (gw.mean(r**2), [b]),
    "ridge": (gw.mean(r**2) + lam * (b @ b), [b, lam]),
    "line": (gw.mean((y - (lam * t + delta)) ** 2), [lam, delta]),
    "norm": (gw.norm(r), [b]),
    "mae": (gw.mean(gw.abs(r)), [b]),
    "rmse": (gw.sqrt(gw.mean(r**2)), [b]),
    "huber": (gw.mean(gw.where(gw.abs(r) <= 1, r**2 / 2, gw.abs(r) - 0.5)), [b]),
    "logistic": (gw.mean(gw.softplus(X @ b) - y * (X @ b)), [b]),
    "softmax": (-gw.mean(gw.sum(Y * gw.log(gw.softmax(X @ W)), axis=1)), [W]),
    "tanh network": (mlp(gw.tanh), [W1, b1, W2, b2]),
    "relu network": (mlp(gw.relu), [W1, b1, W2, b2]),
    "quadratic form": (b @ S @ b, [b, S]),
    "gaussian": (gw.logdet(S) / 2 + (b - mu) @ gw.inv(S) @ (b - mu) / 2, [S, mu]),
    "frobenius": (gw.norm(X @ W - Y) ** 2, [W]),
    "exponential decay": (gw.mean((y - (lam * gw.exp(-delta * t) + 1)) ** 2), [lam, delta]),
}


@pytest.mark.parametrize("name", CLASSICS)
def test_replays_and_holds(name):
    f, variables = CLASSICS[name]
    gradients = gw.grad(f, variables)
    derivation = gradients[0].derivation
    assert derivation.replay()
    assert gw.certify(gradients, points=5).holds
    assert derivation.steps
    differential = derivation.differential()
    assert differential.replay()


def test_replay_notices_a_step_that_its_rule_did_not_take():
    g = gw.grad(gw.mean(r**2), b)
    line = next(line for line in g.derivation.lines if line.kind == "backward" and line.target is b)
    phase = line.phases[0]
    forged = {
        before: type(step)(step.rule, step.before, gw.constant(0) if i == 0 else step.after, step.facts)
        for i, (before, step) in enumerate(phase.steps.items())
    }
    with pytest.raises(GradworkError, match="does not replay"):
        Phase(phase.kind, phase.before, phase.after, forged).replay()


def test_every_step_names_a_registered_rule():
    known = {rule.name for rule in EVERY_RULE} | {"pull back", "push forward", "use the name"}
    for f, variables in CLASSICS.values():
        for step in gw.grad(f, variables)[0].derivation.steps:
            assert step.rule.name in known
            assert step.before is not step.after
            assert step.before.shape == step.after.shape


def test_names_of_a_network():
    body = name_intermediates(mlp(gw.tanh), [W1, b1, W2, b2])
    labels = {node.params[0] for node in walk(body) if node.op is NAME}
    assert {"Z_1", "Z_2", "H"} <= labels


def network(depth):
    H, before, weights = X, d, []
    for i in range(depth):
        V, c = gw.matrix(f"V{i}", before, h), gw.vector(f"c{i}", h)
        H, before = gw.tanh(H @ V + c), h
        weights += [V, c]
    V = gw.matrix("V", before, k)
    return -gw.mean(gw.sum(Y * gw.log(gw.softmax(H @ V)), axis=1)), [*weights, V]


def test_cost_grows_linearly_with_depth():
    """Counted in steps, not seconds: each layer adds the same number."""
    counts = [len(gw.grad(*network(depth))[0].derivation.steps) for depth in (4, 8, 16)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_deep_network_is_right():
    f, weights = network(6)
    assert gw.certify(gw.grad(f, weights), points=1).holds


def test_logistic_hessian_is_structured():
    H = gw.hessian(gw.mean(gw.softplus(X @ b) - y * (X @ b)), b)
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(7, 3)), "b": rng.normal(size=3)}
    p = 1 / (1 + np.exp(-values["X"] @ values["b"]))
    np.testing.assert_allclose(
        H.evaluate(**values), values["X"].T @ np.diag(p * (1 - p)) @ values["X"] / 7, rtol=1e-12
    )
    assert all(node.ndim <= 2 for node in walk(H.twin))
    assert all(node.shape != (gw.dims("n")[0],) * 2 for node in walk(H.twin))
    assert gw.certify(H, points=3).holds


def test_higher_orders():
    x = gw.scalar("x")
    f = gw.exp(2 * x) * gw.sin(x)
    third = gw.derivative(f, x, order=3)
    expected = np.exp(2 * 0.3) * (2 * np.sin(0.3) + 11 * np.cos(0.3))  # (8 − 6) sin + (12 − 1) cos
    np.testing.assert_allclose(third.evaluate(x=0.3), expected, rtol=1e-13)


def test_products_with_jacobian_and_hessian():
    rng = np.random.default_rng(1)
    at = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "b": rng.normal(size=3)}
    v, u = gw.vector("v", d), gw.vector("u", n)
    V, U = rng.normal(size=3), rng.normal(size=5)
    f = gw.tanh(X @ b)
    J = gw.jacobian(f, b).evaluate(X=at["X"], b=at["b"])
    np.testing.assert_allclose(gw.jvp(f, b, v).evaluate(X=at["X"], b=at["b"], v=V), J @ V, rtol=1e-12)
    np.testing.assert_allclose(gw.vjp(f, b, u).evaluate(X=at["X"], b=at["b"], u=U), U @ J, rtol=1e-12)
    loss = gw.mean((y - f) ** 2)
    H = gw.hessian(loss, b).evaluate(**at)
    np.testing.assert_allclose(H, H.T, atol=1e-13)
    np.testing.assert_allclose(gw.hvp(loss, b, v).evaluate(**at, v=V), H @ V, rtol=1e-10)


def test_results_are_expressions_again():
    x = gw.scalar("x")
    g = gw.grad(x**3, x)
    assert isinstance(g, gw.Expr)
    assert g == 3 * x**2 or g.twin is gw.simplify(3 * x**2)
    assert gw.grad(g, x).evaluate(x=2) == 12
    assert (g + 1).symbols == {"x": x}
    assert {g: 1}[g.twin] == 1


def test_two_derivations_with_the_same_result_stay_apart():
    x = gw.scalar("x")
    one, two = gw.grad(x**2 + 1, x), gw.grad(x**2 + 5, x)
    assert one == two
    assert one.derivation.function is not two.derivation.function


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gw.grad(X @ b, b), "needs a scalar function"),
        (lambda: gw.grad(gw.mean(r**2), "beta"), "not a symbol of the function"),
        (lambda: gw.grad(gw.mean(r**2), X @ b), "taken by a symbol"),
        (lambda: gw.grad(gw.mean(r**2), []), "at least one variable"),
        (lambda: gw.grad(gw.mean(r**2), [b, b]), "named twice"),
        (lambda: gw.derivative(gw.mean(r**2), b, order=0), "whole number"),
    ],
)
def test_bad_requests_get_one_clear_line(call, message):
    with pytest.raises(DerivativeError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_wrong_shapes_of_weights_and_tangents():
    with pytest.raises(ShapeError, match="weights"):
        gw.vjp(X @ b, b, y[1:])
    with pytest.raises(ShapeError, match="tangent of b"):
        gw.jvp(X @ b, b, y)
