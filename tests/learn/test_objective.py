"""Objectives: sizes from data, starts, transforms, numbers, and one clear line for each mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError, ShapeError
from gradwork.learn.objective import Objective

RNG = np.random.default_rng(1)
n, d, k = gw.dims("n", "d", "k")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
LOSS = gw.mean((y - X @ b) ** 2)
XS, YS = RNG.normal(size=(12, 3)), RNG.normal(size=12)


def least_squares(**options: Any) -> Objective:
    return Objective(LOSS, {b: None}, {X: XS, y: YS}, **options)


def test_value_gradient_hessian_and_product() -> None:
    o, v, t = least_squares(), RNG.normal(size=3), RNG.normal(size=3)
    r = YS - XS @ v
    assert o.value(v) == pytest.approx(np.mean(r**2), rel=1e-14)
    assert o.gradient(v) == pytest.approx(-2 / 12 * XS.T @ r, rel=1e-13)
    H = 2 / 12 * XS.T @ XS
    assert o.hessian(v) == pytest.approx(H, rel=1e-13)
    assert o.hvp(v, t) == pytest.approx(H @ t, rel=1e-13)
    value, gradient = o.value_and_gradient(v)
    assert value == o.value(v)
    assert np.array_equal(gradient, o.gradient(v))


def test_the_hessian_of_a_matrix_parameter_is_that_of_its_vector() -> None:
    W, Y = gw.matrix("W", d, k), gw.matrix("Y", n, k, onehot=True)
    loss = -gw.mean(gw.sum(Y * gw.log_softmax(X @ W), axis=1))
    o = Objective(loss, {W: "glorot"}, {X: XS, Y: np.eye(4)[RNG.integers(0, 4, 12)]}, seed=3)
    v, h = o.start_vector, 1e-6
    columns = [(o.gradient(v + h * e) - o.gradient(v - h * e)) / (2 * h) for e in np.eye(o.size)]
    assert o.hessian(v) == pytest.approx(np.array(columns), abs=1e-8)


def test_several_parameters_pack_in_order_and_unpack() -> None:
    c = gw.scalar("c")
    o = Objective(gw.mean((y - X @ b - c) ** 2), {c: 2.0, b: [1, 2, 3]}, {X: XS, y: YS})
    assert o.start_vector.tolist() == [2, 1, 2, 3]
    assert o.labels == ("c", "b[1]", "b[2]", "b[3]")
    assert {name: a.shape for name, a in o.unpack(o.start_vector).items()} == {"c": (), "b": (3,)}


def test_maximising_negates_the_loss() -> None:
    p = gw.scalar("p")
    o = Objective(gw.log(p), {p: 2.0}, maximize=True)
    assert o.value([2.0]) == -np.log(2)
    assert o.gradient([2.0]).tolist() == [-0.5]


@pytest.mark.parametrize(
    ("bounds", "inside"),
    [((0, None), 2.0), ((None, 5), 2.0), ((0, 1), 0.25), ((-3, 7), 2.0), ((1, None), 2.0)],
)
def test_bounds_are_kept_by_a_transform(bounds: Any, inside: float) -> None:
    s = gw.scalar("s")
    o = Objective((s - 100) ** 2, {s: inside}, bounds={s: bounds})
    assert o.external(o.start)["s"] == pytest.approx(inside, rel=1e-14)
    low, high = (-np.inf if bounds[0] is None else bounds[0], np.inf if bounds[1] is None else bounds[1])
    for u in (-5.0, 0.0, 5.0):
        p = float(o.external(np.array([u]))["s"])
        assert low < p < high
        assert o.value([u]) == pytest.approx((p - 100) ** 2, rel=1e-12)
        step = (o.value([u + 1e-5]) - o.value([u - 1e-5])) / 2e-5
        assert o.gradient([u])[0] == pytest.approx(step, rel=1e-5, abs=1e-4)


def test_positive_diagonal_and_symmetric_parameters() -> None:
    s = gw.vector("s", d, positive=True)
    o = Objective(gw.sum((s - 1) ** 2), {s: [1.0, 2.0, 3.0]})
    assert o.symbols[0].params[0] == "log_s"
    assert o.external(o.start)["s"] == pytest.approx([1, 2, 3])
    A, S = gw.matrix("A", d, d), gw.matrix("S", d, d, symmetric=True)
    target = RNG.normal(size=(3, 3))
    fit = gw.minimize(gw.sum((A - S) ** 2), {S: None}, {A: target})
    assert fit["S"] == pytest.approx((target + target.T) / 2, abs=1e-10)
    D = gw.matrix("D", d, d, diagonal=True)
    fit = gw.minimize(gw.sum((A - D) ** 2), {D: None}, {A: target})
    assert fit["D"] == pytest.approx(np.diag(np.diag(target)), abs=1e-10)


def test_starts_by_rule_depend_on_seed_and_place_alone() -> None:
    W = gw.matrix("W", d, k)
    loss = gw.sum((X @ W) ** 2)
    one, two, other = (
        Objective(loss, {W: "glorot"}, {X: XS}, seed=s, sizes={"k": 50}).start["W"] for s in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    limit = np.sqrt(6 / 53)
    assert 0.9 * limit < np.abs(one).max() <= limit
    he = Objective(loss, {W: "he"}, {X: XS}, sizes={"k": 5000}).start["W"]
    assert he.std() == pytest.approx(np.sqrt(2 / 3), rel=0.05)
    given = Objective(loss, {W: lambda rng, shape: np.full(shape, 7.0)}, {X: XS}, sizes={"k": 2})
    assert (given.start["W"] == 7).all()


def test_float32_stays_float32() -> None:
    o = least_squares(dtype="float32")
    assert o.gradient(o.start_vector).dtype == np.float32
    assert o.data["X"].dtype == np.float32


def test_sizes_in_arithmetic_are_solved() -> None:
    x, w, o_ = gw.vector("x", n), gw.vector("w", k), gw.vector("o", n - k + 1)
    loss = gw.sum(o_**2) + gw.sum(w**2) + gw.sum(x**2)
    made = Objective(loss, {w: None}, {x: np.ones(10), o_: np.ones(8)})
    assert made.sizes["k"] == 3
    assert made.start["w"].shape == (3,)


def nll() -> Any:
    s = gw.scalar("s", positive=True)
    return gw.sum(y**2) / s + gw.log(s)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Objective(LOSS, {b: None}, {X: XS}), "y is neither a parameter nor in data"),
        (lambda: Objective(LOSS, {b: None}, {}), "y and X are neither parameters nor in data"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: YS[:5]}), "the size n is 12 in X, but 5 in y"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: YS, "w": 1}), "'w' is not in the formula"),
        (lambda: Objective(LOSS, {"c": None}, {X: XS, y: YS}), "parameter 'c' is not in the formula"),
        (
            lambda: Objective(LOSS, {b: None, X: None}, {X: XS, y: YS}),
            "X is named as a parameter and given as data",
        ),
        (
            lambda: Objective(LOSS, {b: None}, {X: XS, y: YS[:, None]}),
            "y is given with shape (12, 1); the formula takes it as n",
        ),
        (lambda: Objective(LOSS, {b: [0, 1]}, {X: XS, y: YS}), "the size d is 3 in X, but 2 in b"),
        (lambda: Objective(LOSS, {b: "zero"}, {X: XS, y: YS}), "the start of b is a value or one of zeros"),
        (lambda: Objective(LOSS, {b: np.nan}, {X: XS, y: YS}), "the start of b is not finite"),
        (lambda: Objective(LOSS, {}, {X: XS, y: YS}), "name at least one parameter"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: ["a"] * 12}), "y holds text"),
        (lambda: Objective(LOSS, {gw.vector("b", n): None}, {X: XS, y: YS}), "another symbol"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: YS}, seed=-1), "a seed is a whole number"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: YS}, dtype="int8"), "dtype is float64 or float32"),
        (lambda: Objective(X @ b, {b: None}, {X: XS}), "a loss is one number"),
        (lambda: Objective(nll(), {"s": -1.0}, {y: YS}), "the start of s is -1"),
        (lambda: Objective(nll(), {"s": 1.0}, {y: YS}, bounds={"s": (2, 1)}), "leave nothing between"),
        (lambda: Objective(LOSS, {b: None}, {X: XS, y: YS}, bounds={y: (0, 1)}), "bounds are given for y"),
    ],
)
def test_each_mistake_is_one_clear_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(GradworkError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_that_is_not_finite_is_named_by_row_and_column() -> None:
    bad = XS.copy()
    bad[4, 1] = np.nan
    bad[7, 2] = np.inf
    with pytest.raises(GradworkError, match=r"X is nan in row 5, column 2 \(and 1 more\)"):
        Objective(LOSS, {b: None}, {X: bad, y: YS})


def test_data_must_be_as_declared() -> None:
    Y = gw.matrix("Y", n, k, onehot=True)
    loss = gw.sum(Y * X @ gw.matrix("W", d, k)) if False else gw.sum(b) * gw.sum(Y)
    with pytest.raises(GradworkError, match="row 2 does not hold a single 1"):
        Objective(loss, {b: [1.0]}, {Y: [[1, 0], [1, 1]]})


def test_an_unknown_size_is_asked_for() -> None:
    with pytest.raises(ShapeError, match=r"the size d of b is in no data"):
        Objective(gw.sum(b**2), {b: None})


def test_other_data_keep_everything_else() -> None:
    other = least_squares().with_data({X: XS[:5], y: YS[:5]})
    v = np.ones(3)
    assert other.value(v) == pytest.approx(np.mean((YS[:5] - XS[:5] @ v) ** 2))
