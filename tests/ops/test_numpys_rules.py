"""NumPy's rules of broadcasting, indexing and empty axes are kept; what has no answer says so in a line."""

from __future__ import annotations

import random

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.op import REGISTRY

SHAPE = (4, 3, 5, 2)


def some_index(rng: random.Random) -> tuple:
    index: list = []
    used, wanted = 0, rng.randrange(1, 5)
    while used < wanted:
        size = SHAPE[used]
        item = rng.choice(
            [
                slice(None),
                slice(1, 3),
                slice(0, 0),
                slice(None, None, 2),
                rng.randrange(-size, size),
                [rng.randrange(-size, size) for _ in range(2)],
                [rng.randrange(size)],
                np.array([rng.randrange(size) for _ in range(2)]),
                np.array([rng.random() < 0.5 for _ in range(size)]),
                None,
            ]
        )
        index.append(item)
        used += item is not None
    return tuple(index)


def test_advanced_indexing_is_numpys():
    rng, x = random.Random(3), gw.tensor("x", *SHAPE)
    a = np.random.default_rng(0).normal(size=SHAPE)
    tried = 0
    for _ in range(250):
        index = some_index(rng)
        try:
            wanted = a[index]
        except IndexError:
            continue
        y = x[index]
        np.testing.assert_array_equal(y.evaluate(x=a) if "x" in y.symbols else y.evaluate(), wanted)
        tried += 1
        if wanted.size and tried % 5 == 0:
            g = np.zeros(SHAPE)
            np.add.at(g, index, 2 * wanted)
            np.testing.assert_allclose(gw.grad(gw.sum(y**2), x).evaluate(x=a), g)
    assert tried > 120


def test_positions_may_be_symbols_beside_lists():
    n = gw.dims("n")[0]
    F, y = gw.matrix("F", 3, n), gw.vector("y", 3, integer=True)
    f, at = np.arange(12.0).reshape(3, 4), np.array([2, 0, 3])
    picked = F[[0, 1, 2], y]
    np.testing.assert_array_equal(picked.evaluate(F=f, y=at), f[np.arange(3), at])


@pytest.mark.parametrize(
    "first, second", [((5, 2, 3), (1, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4))]
)
def test_stacks_of_matrices_broadcast(first, second):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=first), rng.normal(size=second)
    A, B = gw.tensor("A", *first), gw.tensor("B", *second)
    np.testing.assert_allclose((A @ B).evaluate(A=a, B=b), a @ b)
    g = gw.grad(gw.sum((A @ B) ** 2), A).evaluate(A=a, B=b)
    full = 2 * (a @ b) @ np.swapaxes(b, -1, -2)
    lead = full.ndim - a.ndim
    full = full.sum(axis=tuple(range(lead)))
    stretched = tuple(i for i in range(a.ndim - 2) if first[i] == 1)
    np.testing.assert_allclose(g, full.sum(axis=stretched, keepdims=True))


def test_what_has_no_entries():
    x, n = gw.matrix("x", 0, 3), gw.vector("v", "n")
    empty = np.zeros((0, 3))
    assert gw.sum(x).evaluate(x=empty) == 0
    assert gw.grad(gw.sum(x**2), x).evaluate(x=empty).shape == (0, 3)
    assert gw.grad(gw.mean(x**2), x).evaluate(x=empty).shape == (0, 3)
    with pytest.raises(gw.GradworkError, match="no entries along an axis"):
        gw.grad(gw.mean(n**2), n).evaluate(v=[])
    with pytest.raises(gw.GradworkError, match="no entries along an axis"):
        gw.max(n).evaluate(v=[])
    X = gw.tensor("X", 5, 5, 5)
    g = gw.grad(gw.sum(X[:, 0:0, :] ** 2), X)
    assert not np.any(g.evaluate(X=np.ones((5, 5, 5))))
    assert gw.take(gw.vector("w", 4), []).evaluate(w=np.ones(4)).shape == (0,)


def test_equal_eigenvalues_follow_the_convention():
    A = gw.matrix("A", 3, 3, symmetric=True)
    total = gw.grad(gw.sum(gw.eigvalsh(A) ** 2), A)
    np.testing.assert_allclose(total.evaluate(A=2 * np.eye(3)), 4 * np.eye(3), atol=1e-12)
    values, vectors = gw.eigh(A)
    again = vectors @ gw.diag(values) @ vectors.T
    assert np.all(np.isfinite(gw.grad(gw.sum(again**2), A).evaluate(A=2 * np.eye(3))))


def test_operations_say_what_they_are():
    assert {n for n, op in REGISTRY.items() if op.positive} == {
        "ones", "size", "pi", "exp", "sigmoid", "softmax", "softplus",
    }  # fmt: skip
    assert {"abs", "relu", "max", "min", "maximum", "sort", "floor"} <= {
        n for n, op in REGISTRY.items() if op.kink
    }
