"""Sizes, nodes and the functions that people call."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim

n, d, k = gw.dims("n", "d", "k")


def test_sizes_are_canonical():
    assert n - k + 1 == 1 - k + n
    assert (n + 1) * (n - 1) == n * n - 1
    assert (2 * n) // 2 == n
    assert (n * d) // d == n
    assert str((n - k) // 2 + 1) == "(n - k)//2 + 1"
    assert ((n - k) // 2 + 1).evaluate({"n": 9, "k": 4}) == 3
    assert Dim.of(7) // 2 == 3
    assert hash(n + k) == hash(k + n)
    assert (n - n).value == 0


@pytest.mark.parametrize("bad", [1.5, "n-k", True, None])
def test_sizes_refuse_what_is_not_a_size(bad):
    with pytest.raises((ShapeError, TypeError)):
        Dim.of(bad)


def test_sizes_are_numbers_in_expressions():
    x = gw.vector("x", n)
    assert (gw.sum(x) / n).evaluate(x=[1, 2, 3]) == 2.0
    assert (n * gw.sum(x)).evaluate(x=[1, 2, 3]) == 18.0
    assert gw.parse("sum(x)/n", "x: n").evaluate(x=[1, 2, 3]) == 2.0
    assert str(1 / n * gw.sum(x)) == "1/n Σ x" or str(1 / n * gw.sum(x)) == "mean(x)"


def test_equal_expressions_are_one_object():
    x = gw.vector("x", n)
    assert x + 1 is x + 1
    assert gw.vector("x", n) is x
    assert gw.vector("x", n, positive=True) is not x


def test_numpy_functions_and_ours_are_the_same():
    x, A = gw.vector("x", n), gw.matrix("A", d, n)
    assert np.exp(x) is gw.exp(x)
    assert np.sum(x) is gw.sum(x)
    assert np.maximum(x, 0) is gw.maximum(x, 0)
    assert (np.ones((2, 2)) @ gw.matrix("B", 2, 3)).shape == (Dim.of(2), Dim.of(3))
    assert (A @ x).shape == (d,)
    assert np.sort(x) is gw.sort(x)
    with pytest.raises(GradworkError, match="np.partition is not an operation"):
        np.partition(x, 1)


@pytest.mark.parametrize(
    "index",
    [0, -1, slice(1, 3), slice(None, None, 2), slice(None, None, -1), (slice(None), 1), (0, slice(1, None)), [0, 0, 2],
     (slice(None), [1, 0, 1]), (None, 1), (Ellipsis, 0), -2, slice(-2, None)],
)  # fmt: skip
def test_indexing_is_numpys(index):
    a = np.arange(12.0).reshape(4, 3)
    X = gw.matrix("X", 4, 3)
    np.testing.assert_array_equal(X[index].evaluate(X=a), a[index])


def test_symbolic_slices():
    x = gw.vector("x", n)
    assert (x[1:] - x[:-1]).shape == (n - 1,)
    np.testing.assert_array_equal((x[1:] - x[:-1]).evaluate(x=[1, 4, 9, 16]), [3, 5, 7])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: gw.vector("x", n) + gw.vector("y", d), "do not meet"),
        (lambda: gw.matrix("A", n, d) @ gw.matrix("B", n, d), "cannot be multiplied"),
        (lambda: gw.inv(gw.matrix("A", n, d)), "square matrix"),
        (lambda: gw.trace(gw.vector("x", n)), "needs a matrix"),
        (lambda: gw.matrix("S", n, d, symmetric=True), "must be square"),
        (lambda: gw.scalar("1x"), "letters, digits"),
        (lambda: gw.vector("x", n, shiny=True), "unknown fact"),
        (lambda: gw.vector("x", 3)[5], "outside axis"),
        (lambda: gw.sum(gw.vector("x", n), axis=1), "axis 1 does not exist"),
        (lambda: gw.reshape(gw.matrix("A", 3, 2), 4, 2), "holds 6 entries"),
        (lambda: gw.scalar("x") @ gw.vector("y", n), "use \\*"),
        (lambda: gw.concatenate([gw.matrix("A", 2, 3), gw.matrix("B", 2, 4)]), "do not fit together"),
        (lambda: gw.constant("text"), "neither an expression"),
        (lambda: bool(gw.scalar("x") > 0), "no truth value"),
    ],
)
def test_bad_input_gets_one_line(build, message):
    with pytest.raises(GradworkError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [list, np.float32, "int", "readonly", "strided"])
def test_evaluates_on_anything_numpy_takes(kind):
    a = np.array([[1, 2], [3, 4]])
    given = {
        list: a.tolist(), np.float32: a.astype(np.float32), "int": a,
        "readonly": np.broadcast_to(a, (2, 2)), "strided": np.repeat(a, 2, axis=1)[:, ::2],
    }[kind]  # fmt: skip
    X = gw.matrix("X", n, d)
    np.testing.assert_array_equal((X.T @ X).evaluate(X=given), a.T @ a)
    assert (X.T @ X).evaluate(X=given).dtype == np.float64


def test_statistics_of_axes():
    a = np.random.default_rng(0).normal(size=(4, 3))
    X = gw.matrix("X", n, d)
    for ours, theirs in (
        (gw.mean, np.mean),
        (gw.var, np.var),
        (gw.std, np.std),
        (gw.max, np.max),
        (gw.prod, np.prod),
    ):
        for axis in (None, 0, 1):
            np.testing.assert_allclose(ours(X, axis=axis).evaluate(X=a), theirs(a, axis=axis), rtol=1e-13)
        np.testing.assert_allclose(
            ours(X, axis=0, keepdims=True).evaluate(X=a), theirs(a, axis=0, keepdims=True)
        )
    np.testing.assert_allclose(gw.var(X, axis=0, ddof=1).evaluate(X=a), np.var(a, axis=0, ddof=1), rtol=1e-13)
    np.testing.assert_allclose(gw.kron(X, X).evaluate(X=a), np.kron(a, a))
