"""Separation of classes is found where there is one, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import ShapeError
from gradwork.stats import find_separation, looks_separated, with_intercept

RNG = np.random.default_rng(2)


@pytest.mark.reference
def test_as_r_met_it(reference) -> None:
    r = reference("learner.json")["R_separation"]
    X, names = with_intercept(np.array(r["x"])[:, None], ["x"])
    found = find_separation(X, r["y_sep"], names, target="y")
    assert found is not None
    assert (found.kind, found.columns) == ("complete", ("x",))
    assert "'x' alone tells them apart (y is 1 where it is above 0.95, else 0)" in str(found.sentence)
    assert find_separation(X, r["y_ok"], names) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_border_shared_by_both_is_quasi_separation(sign: int) -> None:
    x = np.array([1.0, 2, 3, 3, 4, 5])
    X, names = with_intercept(sign * x[:, None], ["x"])
    found = find_separation(X, [0, 0, 0, 1, 1, 1], names)
    assert found is not None
    assert found.kind == "quasi"
    assert found.direction.tolist() == [0, sign]


@pytest.mark.parametrize("gap", [0.2, 0.0, -0.2])
def test_a_direction_of_several_columns(gap: float) -> None:
    Z = RNG.normal(size=(200, 3)) * [1, 100, 0.01] + [5, -300, 2]
    side = (Z - [5, -300, 2]) @ [1, -0.01, 0]
    Z, side = Z[np.abs(side) > 0.1], side[np.abs(side) > 0.1]
    y = (side > 0).astype(int)
    if gap < 0:
        y[np.argsort(np.abs(side))[:6]] ^= 1  # a few rows on the wrong side
    X, names = with_intercept(Z, ["a", "b", "c"])
    found = find_separation(X, y, names)
    if gap < 0:
        assert found is None
        return
    assert found is not None
    assert found.kind == "complete"
    assert {"a", "b"} <= set(found.columns)
    margin = (X @ found.direction) * (2 * y - 1)
    assert margin.min() > 0


def test_quasi_separation_by_a_category_without_one_class() -> None:
    # Everyone in group g is a 1; otherwise the classes overlap: the textbook case of an infinite estimate.
    g = np.arange(60) % 4 == 0
    x = RNG.normal(size=60)
    y = np.where(g, 1, RNG.integers(0, 2, 60))
    X, names = with_intercept(np.column_stack([x, g]), ["x", "g"])
    found = find_separation(X, y, names)
    assert found is not None
    assert (found.kind, found.columns) == ("quasi", ("g",))


def test_a_tiny_overlap_beside_a_wide_spread_is_overlap() -> None:
    x = np.concatenate([np.linspace(-1, 1e-3, 30), np.linspace(0, 1, 30), [1e6]])
    y = np.repeat([0, 1], [30, 31])
    X, names = with_intercept(x[:, None], ["x"])
    assert find_separation(X, y, names) is None


def test_collinear_columns_are_no_separation() -> None:
    a = RNG.normal(size=40)
    X, names = with_intercept(np.column_stack([a, 2 * a]), ["a", "b"])
    assert find_separation(X, RNG.integers(0, 2, 40), names) is None


def test_without_an_intercept() -> None:
    x = np.array([1.0, 2, 4, 5])[:, None]
    assert find_separation(x, [0, 0, 1, 1], ["x"]) is None  # a threshold at 3 is not in the model
    found = find_separation(x - 3, [0, 0, 1, 1], ["x"])
    assert found is not None
    assert found.kind == "complete"


def test_several_classes() -> None:
    Z = RNG.normal(size=(90, 2))
    y = np.arange(90) % 3
    apart = Z + 20 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    X, names = with_intercept(apart, ["a", "b"])
    found = find_separation(X, y, names, labels=["u", "v", "w"])
    assert found is not None
    assert found.kind == "complete"
    assert "'a', 'b' tell u, v, w apart" in str(found.sentence)
    scores = X @ found.direction
    assert (scores.argmax(axis=1) == y).all()
    assert find_separation(with_intercept(Z, ["a", "b"])[0], y, names, labels=["u", "v", "w"]) is None
    # One class apart from two that overlap is quasi-separation.
    one = Z + 20 * (y == 0)[:, None]
    found = find_separation(with_intercept(one, ["a", "b"])[0], y, names, labels=["u", "v", "w"])
    assert found is not None
    assert found.kind == "quasi"


def test_one_class_and_bad_shapes() -> None:
    found = find_separation(np.ones((3, 1)), [1, 1, 1], ["intercept"])
    assert found is not None
    assert found.kind == "one class"
    with pytest.raises(ShapeError):
        find_separation(np.ones((3, 1)), [1, 1], ["intercept"])


def test_many_rows_are_quick_when_the_classes_overlap() -> None:
    Z = RNG.normal(size=(100_000, 10))
    X, names = with_intercept(Z, [f"x{j}" for j in range(10)])
    assert find_separation(X, RNG.integers(0, 2, 100_000), names) is None


def test_looks_separated() -> None:
    assert looks_separated([0.2, 1e-12])
    assert not looks_separated([0.2, 0.999])


def test_many_rows_of_which_few_are_apart() -> None:
    n = 60_000
    Z, d = RNG.normal(size=(n, 4)), RNG.random(n) < 0.01
    y = ((2 * Z[:, 0] + RNG.logistic(size=n) > 0) | d).astype(int)
    X, names = with_intercept(np.column_stack([Z, d]), ["a", "b", "c", "e", "d"])
    at = np.zeros((6, 2))
    at[[1, 5], 1] = 2, 40  # about where a run ends
    found = find_separation(X, y, names, at=at)
    assert found is not None
    assert (found.kind, found.columns, found.signs.tolist()) == ("quasi", ("d",), [0, 0, 0, 0, 0, 1])
    assert np.array_equal(found.overlap.any(axis=1), ~d)
