"""A loss that falls without end is called that; one that has a minimum far away, or an infimum, is not."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.learn.stopping import FALL, Stopping, Watch

RNG = np.random.default_rng(0)
n, d = gw.dims("n", "d")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
p = gw.scalar("p")
XS = RNG.normal(size=(50, 3))
MIXED, APART = np.sign(XS.sum(axis=1) + RNG.normal(size=50)), np.sign(XS.sum(axis=1))
FORGOTTEN = gw.mean(gw.log(gw.sigmoid(y * (X @ b))))  # the logistic loss without its minus sign

UNBOUNDED = {
    "linear": (3 * p, {p: 1.0}, {}),
    "concave": (-(p**2), {p: 1.0}, {}),
    "logistic": (FORGOTTEN, {b: None}, {X: XS, y: MIXED}),
    "negated squares": (-gw.mean((y - X @ b) ** 2), {b: None}, {X: XS, y: MIXED}),
    "exponential": (-gw.exp(p), {p: 0.0}, {}),
    "cubic": (p**3 - p, {p: -2.0}, {}),
    "root": (-gw.sqrt(1 + p**2), {p: 1.0}, {}),
    "kinks": (abs(p) - 2 * abs(p - 1), {p: 3.0}, {}),
    "logarithm": (-gw.log(1 + p**2), {p: 1.0}, {}),
    "positive": (gw.log(gw.scalar("v", positive=True)), {"v": 1.0}, {}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton"])
@pytest.mark.parametrize("name", list(UNBOUNDED))
def test_solvers_say_that_the_loss_is_unbounded(name: str, solver: str) -> None:
    loss, parameters, data = UNBOUNDED[name]
    fit = gw.minimize(loss, parameters, data, solver=solver)
    assert fit.stop.kind == "unbounded" and not fit.converged, fit.reason
    assert str(fit.reason).startswith("unbounded below: the loss fell to -")
    assert "; check the sign" in str(fit.reason)
    assert fit.loss == fit.history.loss.min() and fit.loss < -15
    assert fit.diagnosis.text() == str(fit.reason)  # curvatures explain nothing here
    if name == "positive":
        assert "while ‖v‖ shrank to" in str(fit.reason) and fit["v"] >= 0
    else:
        assert "‖ grew to" in str(fit.reason)


def test_the_solver_of_ones_own_choice_and_the_sign_of_a_maximum() -> None:
    fit = gw.minimize("3*p", {"p": 1.0})
    assert fit.stop.kind == "unbounded" and "‖p‖ grew to" in str(fit.reason)
    fit = gw.maximize(3 * p, {p: 1.0}, solver="gd")
    assert str(fit.reason).startswith("unbounded above: the value rose to 3") and fit.loss > 1e15
    with pytest.raises(GradworkError, match="unbounded below; check the sign"):
        gw.minimize("-x^2", {"x": 1.0})
    with pytest.raises(GradworkError, match="unbounded above; check the sign"):
        gw.maximize("x^2", {"x": 1.0})


@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_descent_says_so_too(target: str) -> None:
    fit = gw.minimize(-(p**2), {p: 1.0}, optimizer="sgd", learning_rate=0.1, target=target)
    assert fit.stop.kind == "unbounded" and not fit.converged
    assert str(fit.reason).startswith("unbounded below: the loss fell to -") and "‖p‖ grew to" in str(
        fit.reason
    )
    assert np.isfinite(fit.loss) and fit.loss <= -FALL
    assert fit.steps == int(fit.history.step[np.argmax(fit.history.loss < 1 - FALL)])
    fit = gw.minimize(-gw.log(1 + p**2), {p: 1.0}, optimizer=gw.SGD(1e11), epochs=10**4, target=target)
    assert fit.stop.kind == "unbounded" and not fit.converged  # its gradient vanished, far away


def test_the_watch_keeps_what_is_finite() -> None:
    watch = Watch(Stopping())
    assert watch.read(0, np.array([1.0, -1e20])) is None
    stop = watch.read(2, np.array([-1e29, -np.inf]))
    assert stop is not None and (stop.kind, stop.index, stop.keep) == ("unbounded", 3, 2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton"])
def test_an_infimum_that_is_not_attained_is_not_unbounded(solver: str) -> None:
    for loss, parameters, data in (
        (gw.mean(gw.softplus(-y * (X @ b))), {b: None}, {X: XS, y: APART}),
        (gw.exp(-p), {p: 0.0}, {}),
        (1 / p, {p: 1.0}, {}),
    ):
        fit = gw.minimize(loss, parameters, data, solver=solver)
        assert fit.stop.kind in ("gradient", "steps", "floor", "small step", "endless"), fit.reason
        assert 0 <= fit.loss < 1e-3


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton"])
def test_a_minimum_far_away_and_far_below_is_found(solver: str) -> None:
    fit = gw.minimize(p**2 / 2 - 1e8 * p, {p: 0.0}, solver=solver)
    assert fit.converged and fit["p"] == pytest.approx(1e8, rel=1e-7)
    fit = gw.minimize(gw.cosh(p / 1e6 - 10) * 1e9 - 1e12, {p: 1.0}, solver=solver)
    assert fit.converged and fit["p"] == pytest.approx(1e7, rel=1e-4)


def test_a_negative_weight_is_no_reason_to_refuse_what_has_a_minimum() -> None:
    # A sum of squares with a negative weight may be convex all the same.
    x, t = gw.vector("x", n), gw.vector("t", n)
    fit = gw.minimize(gw.mean((t - p * x) ** 2) - 0.5 * p**2, {p: 0.0}, {x: [1.0, 2.0], t: [1.0, 3.0]})
    assert fit.converged and fit["p"] == pytest.approx(3.5 / 2.0)


def test_a_minimum_at_infinity_is_called_so() -> None:
    a, X, y, b = gw.scalar("a"), gw.matrix("X", "n", "d"), gw.vector("y", "n"), gw.vector("b", "d")
    fit = gw.minimize(gw.exp(-a) + 1, {a: 0.0})
    assert str(fit.reason).endswith(
        "the loss approaches 1 while ‖a‖, now 500, grows without end; it has no minimum"
    )
    assert not fit.converged and str(fit.diagnosis) == str(fit.reason)
    most = gw.maximize(-gw.exp(-a), {a: 0.0})
    assert str(most.reason).endswith("grows without end; it has no maximum") and not most.converged
    A = np.random.default_rng(0).normal(size=(60, 3))
    separated = {X: A, y: (A @ [1.0, 2.0, 3.0] > 0) * 1.0}
    fit = gw.minimize(gw.mean(gw.softplus(X @ b) - y * (X @ b)), {b: None}, separated)
    assert "while ‖b‖, now" in str(fit.reason) and "it has no minimum" in str(fit.reason)
    # Steps that run out on the way to a minimum that is there are no such thing.
    for best in (0.0, 3.0, 1e4):
        fit = gw.minimize((a - best) ** 4, {a: best - 2.0}, solver="gd", steps=300)
        assert fit.stop.kind in ("steps", "gradient")
