"""What a formula proves about itself: sums of squares, linear residuals, quadratic forms, kinks."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.recognise import is_quadratic, kinks, squares

n, d = gw.dims("n", "d")
X, y, w, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("w", n), gw.vector("b", d)
x, a, k, lam = gw.vector("x", n), gw.scalar("a"), gw.scalar("k"), gw.scalar("lam")
R = y - X @ b
RNG = np.random.default_rng(0)
VALUES = {
    "X": RNG.normal(size=(7, 3)), "y": RNG.normal(size=7), "w": RNG.uniform(0.1, 1, 7), "b": RNG.normal(size=3),
    "x": RNG.uniform(size=7), "a": 1.5, "k": 0.7, "lam": 0.3,
}  # fmt: skip


def value(e: gw.Expr, sizes: dict[str, int] | None = None) -> np.ndarray:
    from gradwork.run import function

    program = function(e)
    free = {s: {"n": 7, "d": 3}[s] for s in program._source.signature.free}
    return np.asarray(program(**{s: VALUES[s] for s in e.symbols}, **free))


LINEAR = {
    "mean": gw.mean(R**2),
    "sum": gw.sum(R**2),
    "inner product": gw.dot(R, R) / 2,
    "norm squared": gw.norm(R) ** 2,
    "weighted": gw.sum(w * R**2),
    "ridge": gw.mean(R**2) + lam * gw.sum(b**2),
    "ridge and a number": gw.mean(R**2) + lam * b @ b + 3,
    "three factors": 0.5 * gw.sum(w * R * R),
    "two blocks": gw.mean(R**2) + gw.sum((b - 1) ** 2) / 4,
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_sums_of_squares_are_seen_and_add_up(name: str) -> None:
    loss = LINEAR[name]
    found = squares(loss, [b])
    assert found is not None
    assert found.linear
    total = float(value(found.constant))
    for block in found.blocks:
        total += float((value(block.weight) * value(block.r) ** 2).sum())
    assert total == pytest.approx(float(value(loss)), rel=1e-12)


@pytest.mark.parametrize("loss", [gw.norm(R), gw.sqrt(gw.mean(R**2))])
def test_a_root_keeps_the_place_of_the_minimum(loss: gw.Expr) -> None:
    found = squares(loss, [b])
    assert found is not None
    assert found.outer == "root"
    assert found.linear


def test_residuals_that_are_not_linear() -> None:
    found = squares(gw.mean((y - a * gw.exp(-k * x)) ** 2), [a, k])
    assert found is not None
    assert not found.linear
    assert len(found.jacobians[0]) == 2


@pytest.mark.parametrize(
    "loss",
    [gw.mean(abs(R)), gw.mean(gw.softplus(X @ b)), gw.mean(R**4), gw.sum(R), gw.mean(R**2) + gw.sum(abs(b))],
)
def test_what_is_no_sum_of_squares(loss: gw.Expr) -> None:
    assert squares(loss, [b]) is None


def test_quadratic_forms_and_kinks() -> None:
    A = gw.matrix("A", d, d)
    assert is_quadratic(b @ A @ b / 2 - gw.sum(b), [b])
    assert not is_quadratic(gw.sum(b**4), [b])
    assert not is_quadratic(gw.sum(b), [b])
    assert kinks(gw.mean(abs(R)) + gw.sum(gw.maximum(b, 0)), [b]) == ("abs", "maximum")
    assert kinks(gw.mean(abs(x)) * gw.sum(b**2), [b]) == ()
