"""Minima at a bound are called so, and others are not."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.diagnosis.bounds import at_bounds
from gradwork.learn.objective import Objective

P, Q = gw.scalar("p"), gw.scalar("q")


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs", "gd"])
@pytest.mark.parametrize(
    ("loss", "bounds", "said"),
    [
        ((P - 2) ** 2 + (Q - P) ** 2, (0, 1), "p is at its bound (p < 1)"),
        ((P + 2) ** 2 + (Q - P) ** 2, (0, 1), "p is at its bound (p > 0)"),
        ((P - 2) ** 2 + gw.exp(Q) - Q, (None, 1), "p is at its bound (p < 1)"),
        (gw.exp(P) + (Q - 1) ** 2, (-1, None), "p is at its bound (p > -1)"),
    ],
)
def test_a_minimum_at_a_bound(solver: str, loss: gw.Expr, bounds: tuple, said: str) -> None:
    fit = gw.minimize(loss, {P: 0.5, Q: 0.2}, bounds={P: bounds}, solver=solver)
    assert str(fit.reason).endswith(said) and "kink" not in str(fit.reason)
    # Plain descent creeps towards a bound; the others arrive.
    assert fit.converged == str(fit.reason).startswith("converged at step ") == (solver != "gd")


@pytest.mark.parametrize("best", [0.5, 1e-6, 1 - 1e-6])
def test_a_minimum_near_a_bound_is_none_at_it(best: float) -> None:
    fit = gw.minimize((P - best) ** 2, {P: 0.3}, bounds={P: (0, 1)})
    assert "bound" not in str(fit.reason) and float(fit[P]) == pytest.approx(best, abs=1e-9)


def test_entries_of_a_vector_are_looked_at_one_by_one() -> None:
    v, t = gw.vector("v", "n"), gw.vector("t", "n")
    fit = gw.minimize(gw.sum((v - t) ** 2), {v: np.full(3, 0.5)}, {t: [0.2, 3.0, 0.4]}, bounds={v: (0, 1)})
    assert "v is at its bound (v < 1)" in str(fit.reason)
    inside = gw.minimize(gw.sum((v - t) ** 2), {v: np.full(3, 0.5)}, {t: [0.2, 0.9, 0.4]}, bounds={v: (0, 1)})
    assert "bound" not in str(inside.reason)


def test_without_bounds_there_is_nothing_to_look_at() -> None:
    assert at_bounds(Objective((P - 2) ** 2, {P: 0.0}), [5.0]) == {}


def test_what_stops_a_solver_without_bounds_may_be_a_kink() -> None:
    fit = gw.minimize(gw.maximum(P, -P) + gw.maximum(Q, -2 * Q), {P: 1.0, Q: 0.7}, solver="newton")
    assert fit.converged or "kink" in str(fit.reason)


def test_absolute_values_are_no_quadratic() -> None:
    # The second derivative of |p| is zero, and that of the whole constant: it is no quadratic all the same.
    fit = gw.minimize((P - 1) ** 2 + 4 * abs(P), {P: 0.5})
    assert float(fit[P]) == pytest.approx(0, abs=1e-6)
    assert "closed" not in fit.solver


def test_values_outside_a_domain_are_named_in_a_closed_form() -> None:
    x, y = gw.vector("x", "n"), gw.vector("y", "n")
    with pytest.raises(gw.GradworkError, match="log x is −∞ in row 2: the logarithm of 0, where x = 0"):
        gw.minimize(gw.mean((y - P * gw.log(x)) ** 2), {P: 1.0}, {x: [1.0, 0.0], y: [1.0, 2.0]})
