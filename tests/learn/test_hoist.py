"""What is computed once: equal results, no passes over the data, no digits lost, only where it pays."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.descent.hoist import anchor_units, hoisted
from gradwork.learn.descent.quadratic import quadratic_part
from gradwork.learn.descent.run import descend
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping

from .problems import MSE, W, X, Y, b, c, linear, logistic, numbers, y

NEVER = Stopping(gradient_norm=None, growth=None)
a, s, lam, w = gw.vector("a", "d"), gw.scalar("s"), gw.scalar("lam"), gw.vector("w", "n", positive=True)


def problems():
    x, t = numbers(200, 4)
    rng = np.random.default_rng(2)
    both, targets = {X: x, y: t}, rng.normal(size=(200, 3))
    return {
        "least squares": (Objective(MSE, {b: None}, both), True),
        "intercept": (Objective(gw.mean((y - X @ b - c) ** 2), {b: None, c: None}, both), True),
        "sum, ridge and lasso": (
            Objective(
                gw.sum((y - X @ b) ** 2) / 200 + lam * gw.norm(b) ** 2 + 0.01 * gw.sum(abs(b)),
                {b: None},
                {**both, lam: 0.1},
            ),
            True,
        ),
        "weights": (
            Objective(gw.mean(w * (y - X @ b) ** 2), {b: None}, {**both, w: rng.uniform(0.5, 2, 200)}),
            True,
        ),
        "many outputs": (Objective(gw.mean((Y - X @ W) ** 2), {W: None}, {X: x, Y: targets}), True),
        "of exp(a)": (Objective(gw.mean((y - X @ gw.exp(a)) ** 2), {a: None}, both), True),
        "bounds": (Objective(MSE, {b: None}, both, bounds={b: (0, None)}), True),
        "product": (
            Objective(gw.mean((gw.log1p(y**2) - s * (X @ gw.tanh(b))) ** 2), {b: "normal", s: 1.0}, both),
            False,
        ),
    }


@pytest.mark.parametrize("target", ["numpy", "xla"])
@pytest.mark.parametrize("name", list(problems()))
def test_hoisting_changes_nothing_but_the_time(name, target):
    objective, quadratic = problems()[name]
    plain = descend(objective, gw.Momentum(0.01), epochs=300, hoist=False, stopping=NEVER)
    fast = descend(objective, gw.Momentum(0.01), epochs=300, hoist=True, target=target, stopping=NEVER)
    for parameter in plain.parameters:
        np.testing.assert_allclose(fast[parameter], plain[parameter], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(fast.history.loss, plain.history.loss, rtol=1e-9)
    np.testing.assert_allclose(fast.history.gradient_norm, plain.history.gradient_norm, rtol=1e-6, atol=1e-12)
    assert ("is quadratic in" in fast.plan) == quadratic
    assert "computed once: K_1 = " in fast.plan


def inner_step(objective, units=300):
    setup = descend(objective, gw.SGD(0.01), epochs=0).details["setup"]
    return hoisted(setup, units, True)


def test_the_step_of_least_squares_holds_no_data():
    found = inner_step(linear())
    assert [str(e) for _, e in found.once] == ["2/n XᵀX"]
    held = {s for x in (*found.setup.step.after, found.setup.step.loss) for s in x.symbols}
    assert not held & {"X", "y"}
    assert found.once[0][0] in found.setup.step.after[0].symbols.values()
    assert "symmetric" in found.once[0][0].params[1]


def test_parts_without_parameters_are_found_inside_what_moves():
    found = inner_step(problems()["product"][0])
    assert [str(e) for _, e in found.once] == ["log1p(y²)"] and found.quadratic is None


@pytest.mark.parametrize(
    ("loss", "inner", "rest"),
    [
        (MSE, ["b"], "0"),
        (MSE + gw.sum(abs(b)), ["b"], "Σ |b|"),
        (gw.mean((y - X @ b - c) ** 2) / 2 + gw.exp(c), ["b", "c"], "exp(c)"),
        (gw.norm(y - X @ gw.exp(b)) ** 2, ["exp(b)"], "0"),
    ],
)
def test_the_quadratic_part_is_recognised(loss, inner, rest):
    found, others = quadratic_part(loss, [b, c], [X, y])
    assert sorted(str(z) for z in found.inner) == inner
    assert str(others) == rest


@pytest.mark.parametrize(
    "loss",
    [gw.mean(abs(y - X @ b)), gw.mean(gw.exp(X @ b)), gw.sum((y - X @ b) ** 4), gw.sqrt(MSE), gw.mean(X @ b)],
)
def test_what_is_not_quadratic_is_left_alone(loss):
    assert quadratic_part(loss, [b], [X, y]) is None


def test_it_is_done_only_where_it_pays():
    wide = Objective(MSE, {b: None}, {X: np.random.default_rng(0).normal(size=(20, 300)), y: np.ones(20)})
    assert "computed once" not in descend(wide, gw.SGD(1e-4), epochs=200, stopping=NEVER).plan
    long = linear(rows=20_000, columns=5)
    assert "computed once" not in descend(long, gw.SGD(0.1), epochs=2, stopping=NEVER).plan
    fit = descend(long, gw.SGD(0.01), epochs=3000, stopping=NEVER)
    assert "computed once" in fit.plan and "at an anchor, 2 times" in fit.plan
    assert "passes over the data" in descend(logistic(), gw.SGD(0.1), epochs=20).plan


def test_convergence_is_confirmed_on_the_data():
    # Columns of very different size: the condition number of XᵀX is 1e12, beyond what normal equations carry.
    x, _ = numbers(300, 2)
    x[:, 1] = x[:, 0] + 1e-6 * x[:, 1]
    t = x @ np.array([1.0, 1.0]) + 1e-3 * np.random.default_rng(0).normal(size=300)
    objective = Objective(MSE, {b: None}, {X: x, y: t + 1e6})
    stopping = Stopping(gradient_norm=1e-9, growth=None)
    fit = descend(objective, gw.SGD(0.2), epochs=3000, hoist=True, stopping=stopping)
    plain = descend(objective, gw.SGD(0.2), epochs=3000, hoist=False, stopping=stopping)
    assert fit.gradient_norm == np.linalg.norm(objective.gradient(fit.vector))
    assert fit.converged == (fit.gradient_norm <= 1e-9)
    np.testing.assert_allclose(fit.loss, plain.loss, rtol=1e-13)
    assert fit.gradient_norm <= 10 * max(plain.gradient_norm, 1e-9)


def test_anchors_move_at_the_same_steps_however_the_run_is_cut():
    assert anchor_units(1) == [0] and anchor_units(20_000) == [0, 1024, 4096, 16384]
    whole = descend(linear(), gw.SGD(0.05), epochs=1500, hoist=True, stopping=NEVER)
    cut = descend(linear(), gw.SGD(0.05), epochs=1500, hoist=True, stopping=NEVER, callbacks=EveryTen())
    np.testing.assert_array_equal(whole["b"], cut["b"])
    np.testing.assert_array_equal(whole.history.loss, cut.history.loss)


class EveryTen(gw.learn.Callback):
    every = 10
