"""Every rule: an expression where it applies, and the same value before and after."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.diff.calculus import PULL, PUSH
from gradwork.expr.node import eye, make, ones_vector, walk, zeros
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import contract
from gradwork.ops.elementwise import reciprocal0, where
from gradwork.rewrite import EVERY_RULE, Engine, normalise, prepare
from gradwork.rewrite.expand import expand

n, d = gw.dims("n", "d")
x, u, w = gw.vector("x", n), gw.vector("u", n), gw.vector("w", n)
X, A = gw.matrix("X", n, d), gw.matrix("A", d, d)
a, c = gw.scalar("a"), gw.scalar("c", positive=True)
S, Q = gw.matrix("S", d, d, symmetric=True), gw.matrix("Q", d, d, orthogonal=True)
Y = gw.matrix("Y", n, d, onehot=True)
one_n = ones_vector(n)
guard = where(x > 0, u, 0)


def part(at):
    spec = ("from", gw.Dim.of(at), gw.Dim.of(at + 2) if at == 0 else None, 1, gw.Dim.of(2))
    return make(REGISTRY["place"], (A[0, :2] * (at + 1),), ((spec,), (gw.Dim.of(4),)))


_image, _kernel = gw.concatenate([x, u]) * gw.concatenate([w, x]), A[0]
_adjoint = contract([(gw.conv1d(_image, _kernel), "i"), (_kernel, "a")], "ia")

APPLIES = {
    "full convolution": make(REGISTRY["fold"], (_adjoint,), (0, (2 * n,), (1,), (1,))),
    "crop before sliding": gw.conv1d(gw.pad(x, 2), A[0])[1:-1],
    "reverse twice": gw.flip(gw.flip(x)),
    "parts side by side": part(0) + part(2),
    "times zero": contract([(x, "i"), (zeros((n,)), "i")], "i"),
    "merge equal factors": contract([(x, "i"), (x, "i"), (u, "i")], "i"),
    "flatten products": X @ (A @ A[0]),
    "drop ones": contract([(x, "i"), (one_n, "i")], "i"),
    "identity matrix": contract([(A, "ij"), (eye(d), "jk")], "ik"),
    "multiply numbers": contract([(gw.constant(2), ""), (x, "i"), (gw.constant(3), "")], "i"),
    "product of one": contract([(x, "i")], "i"),
    "zero at zero only": contract([(reciprocal0(c), ""), (c**2, ""), (x, "i")], "i"),
    "keep the guard": contract([(guard, "i"), (w, "i")], "i"),
    "take the sign out": contract([(gw.constant(-1), ""), (-x - 2 * u, "i")], "i"),
    "take the number out": contract([(X, "ij"), (2 * x + 2 * u, "i")], "j"),
    "cancel inside a power": contract([(x, "i"), ((x * u) ** -1, "i"), (w, "i")], "i"),
    "open the bracket": make(ADD, (x, contract([(gw.constant(-1), ""), (x + u, "i")], "i"))),
    "indicator": (X > 0) ** 2,
    "deviations from the mean": gw.sum(x - gw.mean(x)),
    "cofactor over determinant": contract(
        [(gw.det(A) ** -2, ""), (make(REGISTRY["cofactor"], (A,)), "ij")], "ij"
    ),
    "flatten sums": x + (u + w),
    "collect like terms": x * 2 + x * 3,
    "gather the common factor": make(
        ADD,
        (
            contract([(gw.size(n) ** -1, ""), (x, "i")], "i"),
            contract([(gw.constant(-1), ""), (gw.size(n) ** -1, ""), (u, "i")], "i"),
        ),
    ),
    "gather shared operands": make(
        ADD,
        (
            contract([(X, "ij"), (A, "jk"), (x, "l")], "ijkl"),
            contract([(X, "ij"), (S, "jk"), (u, "l")], "ijkl"),
        ),
    ),
    "add equal guards": guard + where(x > 0, w, 0),
    "gather a factor of both branches": where(x > 0, contract([(gw.constant(3), ""), (u, "i")], "i"), contract([(gw.constant(3), ""), (w, "i")], "i")),
    "simple powers": (c**2) ** 3,
    "power of a product": (2 * a) ** 3,
    "zero argument": gw.cumsum(zeros((n,))),
    "equal branches": where(x > 0, u, u),
    "exact values": gw.exp(gw.constant(0)),
    "inverse of an inverse": gw.inv(gw.inv(A)),
    "rows sum to one (one-hot)": contract([(Y, "ij"), (x, "i")], "i"),
    "softmax sums to one": contract([(gw.softmax(X), "ij"), (x, "i")], "i"),
    "one-hot is its own square": Y**2,
    "inverse times itself": contract([(gw.inv(A), "ij"), (A, "jk")], "ik"),
    "orthogonal": contract([(Q, "ki"), (Q, "kj")], "ij"),
    "inverse of an orthogonal matrix": gw.inv(Q),
    "log of a softmax": gw.log(gw.softmax(X)),
    "log of a sigmoid": gw.log(gw.sigmoid(x)),
    "softplus": gw.log(1 + gw.exp(x)),
    "log-sum-exp": gw.log(gw.sum(gw.exp(X), axis=1)),
    "log of a determinant": gw.log(gw.det(S)),
    "log of the normal distribution function": gw.log(gw.normal_cdf(x)),
    "log of an exponential": gw.log(gw.exp(x)),
    "log1p": gw.log(1 + x**2),
    "expm1": make(ADD, (gw.exp(x), contract([(gw.constant(-1), ""), (one_n, "i")], "i"))),
    "logistic function": 1 / (1 + gw.exp(-x)),
    "log of an entry": gw.log(gw.softmax(x)[1]),
    "softmax spelled out": gw.exp(X) / gw.sum(gw.exp(X), axis=1, keepdims=True),
    "softmax does not change with a shift": gw.softmax(x - gw.max(x)),
    "log-sum-exp of a shift": gw.logsumexp(x - gw.max(x)),
    "hyperbolic tangent spelled out": (gw.exp(x) - gw.exp(-x)) / (gw.exp(x) + gw.exp(-x)),
    "one less an exponential": 1 - gw.exp(x),
    "logistic function spelled out": gw.exp(x) * gw.sigmoid(-x),
    "log of a hyperbolic cosine": gw.log(gw.cosh(x)),
    "log determinant from a Cholesky factor": gw.sum(gw.log(gw.diag(gw.cholesky(S)))),
    "terms cancel": make(ADD, (contract([(1 - u, "i"), (gw.sigmoid(x), "i")], "i"), contract([(gw.constant(-1), ""), (u, "i"), (gw.sigmoid(-x), "i")], "i"))),
    "cancel quotients": contract([(x**2, "i"), ((x * u**-1) ** -2, "i")], "i"),
    "multiply into the bracket": contract([(gw.constant(2), ""), (c, ""), (make(ADD, (contract([(c**-3, ""), (a, "")], ""), c**-1)), "")], ""),
    "powers with letters": contract([(c, ""), (c ** (a - 1), "")], ""),
    "a matrix and its transpose": make(ADD, (A @ A[0], contract([(A, "ji"), (A[0], "j")], "i"))),
    "part of parts": gw.concatenate([x, u])[: gw.Dim.of("n")],
    "sum of what was scattered": contract([(make(REGISTRY["scatter"], (A[0], gw.constant(1)), (0, gw.Dim.of(5))), "ki")], "i"),
    "tangent from sine and cosine": contract([(gw.sinh(x), "i"), (gw.cosh(x) ** -1, "i")], "i"),
    "determinant times inverse": contract([(gw.det(A) ** a, ""), (make(REGISTRY["cofactor"], (A,)), "ij")], "ij"),
    "squared norm": gw.norm(x) ** 2,
    "root of a sum of squares": gw.sqrt(gw.mean(x**2)),
    "root of a rectifier": gw.sqrt(gw.relu(x)),
}  # fmt: skip


def values():
    rng = np.random.default_rng(5)
    a_ = rng.normal(size=(3, 3))
    return {
        "x": rng.normal(size=4), "u": rng.normal(size=4), "w": rng.normal(size=4), "X": rng.normal(size=(4, 3)),
        "A": a_ + 3 * np.eye(3), "a": 0.7, "c": 1.3, "S": a_ @ a_.T + np.eye(3), "Q": np.linalg.qr(a_)[0],
        "Y": np.eye(3)[[0, 2, 1, 1]],
    }  # fmt: skip


def evaluate(expr):
    # Not through `evaluate`, which prepares: the raw graph, by the printed source of the unprepared expression.
    from gradwork.run.program import Program
    from gradwork.run.source import compose
    from gradwork.run.targets.named import writer_for

    symbols = list(expr.symbols.values())
    program = Program(
        compose([expr], writer_for("numpy"), arguments=symbols, single=True), "numpy", "float64", True
    )
    at = values()
    sizes = {s: {"n": 4, "d": 3}[s] for s in program.sizes}
    return program(**{s: at[s] for s in expr.symbols}, **sizes)


@pytest.mark.parametrize("rule", EVERY_RULE, ids=[r.name for r in EVERY_RULE])
def test_rule_keeps_the_value(rule):
    start = APPLIES[rule.name]
    engine = Engine([rule])
    after = engine.normalise(start)
    assert engine.steps, f"{rule.name} does not apply to its example"
    assert after is not start
    assert after.shape == start.shape
    np.testing.assert_allclose(evaluate(after), evaluate(start), rtol=1e-12, atol=1e-12)
    assert engine.replay(start, engine.steps) is after


def test_every_rule_says_what_it_states():
    for rule in EVERY_RULE:
        assert rule.apply.__doc__, rule.name


def test_normal_form_is_stable():
    for start in APPLIES.values():
        once = normalise(start)
        assert normalise(once) is once


@pytest.mark.parametrize("seed", range(40))
def test_normal_form_of_random_expressions_keeps_the_value(seed):
    rng = np.random.default_rng(seed)
    vectors = [x, u, w, X @ A[0], gw.tanh(x)]
    for _ in range(8):
        i, j = rng.integers(0, len(vectors), 2)
        p, q = vectors[i], vectors[j]
        vectors.append(
            [
                lambda p, q: p * q, lambda p, q: p + q, lambda p, q: p - 2 * q, lambda p, q: p * (p @ q),
                lambda p, q: gw.mean(p) * q,
                lambda p, q: gw.sin(p), lambda p, q: X @ (X.T @ q), lambda p, q: where(p > 0, q, 0), lambda p, q: p / (1 + q**2),
            ][rng.integers(0, 9)](p, q)
        )  # fmt: skip
    start = vectors[-1]
    np.testing.assert_allclose(evaluate(normalise(start)), evaluate(start), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(evaluate(prepare([start])[0]), evaluate(start), rtol=1e-9, atol=1e-9)


def test_expand_only_where_asked():
    b, y = gw.vector("b", d), gw.vector("y", n)
    g = gw.grad(gw.mean((y - X @ b) ** 2), b)
    whole = g.expand()
    assert whole.op is ADD and len(whole.args) == 2
    rng = np.random.default_rng(0)
    at = {"X": rng.normal(size=(4, 3)), "b": rng.normal(size=3), "y": rng.normal(size=4)}
    np.testing.assert_allclose(whole.evaluate(**at), g.evaluate(**at), rtol=1e-12)
    assert expand((a + c) ** 2).op is ADD


def test_shared_products_are_computed_once():
    z = X @ A[0]
    (prepared,) = prepare([gw.sum(gw.softplus(z) - x * z)])
    assert sum(1 for node in walk(prepared) if node.op.name == "index") == 1
    products = [node for node in walk(prepared) if node.op.name == "contract" and X in node.args]
    assert len(products) == 1


def test_unregistered_rules_have_no_example_here():
    assert set(APPLIES) == {r.name for r in EVERY_RULE}
    assert REGISTRY["pull"] is PULL and REGISTRY["push"] is PUSH
