"""How work grows with a formula: counted in rewrites and nodes, so that no clock is asked."""

from __future__ import annotations

from collections.abc import Callable
from math import log2

import pytest

import gradwork as gw
from gradwork.expr.node import Expr, walk

n = gw.dims("n")[0]
x, W, a, b = gw.scalar("x"), gw.matrix("W", n, n), gw.vector("a", n), gw.vector("b", n)


def chain(k: int) -> tuple[Expr, Expr]:
    e = a
    for _ in range(k):
        e = e @ W
    return e @ b, W


def trace(k: int) -> tuple[Expr, Expr]:
    factors = [gw.matrix(f"A_{i}", n, n) for i in range(k)]
    e = factors[0]
    for factor in factors[1:]:
        e = e @ factor
    return gw.trace(e), factors[0]


def tied(k: int) -> tuple[Expr, Expr]:
    h = a
    for _ in range(k):
        h = gw.tanh(W @ h)
    return gw.sum(h**2), W


def product(k: int) -> tuple[Expr, Expr]:
    e = x + 1
    for i in range(2, k + 1):
        e = e * (x + i)
    return e, x


def shared(k: int) -> tuple[Expr, Expr]:
    e: Expr = x
    for _ in range(k):
        e = e + gw.sin(e) * e
    return e, x


def nest(k: int) -> tuple[Expr, Expr]:
    e: Expr = x
    for _ in range(k):
        e = gw.sin(e)
    return e, x


def sines(k: int) -> tuple[Expr, Expr]:
    e = gw.sin(x)
    for i in range(2, k + 1):
        e = e + gw.sin(i * x)
    return e, x


def polynomial(k: int) -> tuple[Expr, Expr]:
    e: Expr = x
    for i in range(2, k + 1):
        e = e + i * x**i
    return e, x


def cost(family: Callable[[int], tuple[Expr, Expr]], k: int) -> tuple[int, int, int]:
    """Rewrites of the derivation, operands of all nodes of the result, and letters of the code."""
    f, variable = family(k)
    g = gw.grad(f, variable)
    operands = sum(len(node.args) for node in walk(g))
    return len(g.derivation.steps), operands, len(g.code())


@pytest.mark.parametrize("family", [chain, trace, tied, product, shared, nest, sines, polynomial])
def test_a_derivation_and_its_code_grow_about_as_their_formula(family):
    small, large = cost(family, 32), cost(family, 64)
    powers = [log2(after / before) for before, after in zip(small, large, strict=True)]
    assert max(powers) <= 1.5, powers


def test_every_piece_of_a_long_product_replays_and_is_right():
    f, _ = product(40)
    g = gw.grad(f, x)
    assert g.derivation.replay()
    at = 0.01
    expected = sum(
        1.0 * _without(40, i, at) for i in range(1, 41)
    )  # Σᵢ Πⱼ≠ᵢ (x + j), the rule for a product of forty factors
    assert abs(g.evaluate(x=at) / expected - 1) < 1e-12


def _without(k: int, i: int, at: float) -> float:
    value = 1.0
    for j in range(1, k + 1):
        value *= (at + j) if j != i else 1.0
    return value


def test_an_adjoint_that_stands_twice_is_written_once():
    f, _ = shared(8)
    text = gw.grad(f, x).explain()
    assert len(text) < 3000
    assert "∂f/∂z₃ = z₃(∂f/∂z₄) cos(z₃) + (∂f/∂z₄) sin(z₃) + ∂f/∂z₄" in text
