"""Answers that other systems get wrong, in open reports of SymPy, PyTorch, JAX and autograd."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw

n, d = gw.dims("n", "d")


def value(expr, **values):
    return expr.evaluate(**{s: v for s, v in values.items() if s in expr.symbols})


def test_derivative_of_trace_plus_one():
    E = gw.matrix("E", n, n)
    g = gw.grad(gw.trace(E) + 1, E)
    assert np.array_equal(
        g.evaluate(E=np.ones((3, 3)), n=3) if "E" in g.symbols else g.evaluate(n=3), np.eye(3)
    )


def test_sum_of_two_squared_norms():
    x, a, b = gw.vector("x", n), gw.vector("a", n), gw.vector("b", n)
    g = gw.grad(gw.norm(x - a) ** 2 + gw.norm(x - b) ** 2, x)
    X, A, B = np.array([1.0, 2.0]), np.array([0.0, 5.0]), np.array([3.0, 3.0])
    np.testing.assert_allclose(value(g, x=X, a=A, b=B), 2 * (X - A) + 2 * (X - B), rtol=1e-14)


def test_elementwise_function_of_a_product():
    M, x = gw.matrix("M", n, d), gw.vector("x", d)
    J = gw.jacobian(gw.sin(M @ x), x)
    rng = np.random.default_rng(0)
    m, v = rng.normal(size=(3, 2)), rng.normal(size=2)
    np.testing.assert_allclose(value(J, M=m, x=v), np.cos(m @ v)[:, None] * m, rtol=1e-13)


def test_entropy():
    q = gw.vector("q", n)
    g = gw.grad(gw.sum(q * gw.log(q)), q)
    Q = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(value(g, q=Q), np.log(Q) + 1, rtol=1e-14)


@pytest.mark.parametrize("extremum", [gw.max, gw.min])
def test_extremum_of_repeated_entries(extremum):
    x = gw.vector("x", n)
    g = gw.grad(extremum(x), x)
    np.testing.assert_array_equal(g.evaluate(x=[2.0, 2.0, 2.0]), np.full(3, 1 / 3))


def test_repeated_indices_accumulate():
    x = gw.vector("x", 2)
    g = gw.grad(gw.sum(x[[0, 0, 1]] ** 2), x)
    np.testing.assert_array_equal(g.evaluate(x=[1.0, 2.0]), [4.0, 4.0])


def test_shared_subexpressions():
    x = gw.scalar("x")
    u = gw.exp(x)
    g = gw.grad(u * u + u, x)
    np.testing.assert_allclose(g.evaluate(x=0.7), 2 * np.exp(1.4) + np.exp(0.7), rtol=1e-14)


def test_a_variable_that_does_not_appear_has_the_gradient_zero_of_its_shape():
    x, W = gw.scalar("x"), gw.matrix("W", 2, 3)
    f = x**2 + 0 * gw.sum(W)
    gx, gw_ = gw.grad(f, [x, W])
    assert gw_.shape == W.shape
    assert np.array_equal(gw_.evaluate(), np.zeros((2, 3)))
    assert gx.evaluate(x=3) == 6.0


def test_many_uses_of_one_variable():
    x = gw.scalar("x")
    assert gw.grad(x + x + x * x, x).evaluate(x=3) == 8.0
