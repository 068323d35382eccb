"""Newton with a sampled start: the answer is that of all rows, for any sum over rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import gradwork as gw
from gradwork.learn.objective import Objective
from gradwork.learn.solvers.driver import drive
from gradwork.learn.solvers.newton import newton
from gradwork.learn.solvers.sampled import sampled_newton, updated
from gradwork.learn.stopping import Stopping
from gradwork.rows.blocks import Blocks
from gradwork.rows.proof import NotRows

RNG = np.random.default_rng(2)
n, d = gw.dims("n", "d")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
XS = RNG.normal(size=(20_000, 4))
Z = XS @ [0.5, -0.5, 0.2, 0.1]
DATA = {
    "logistic": (RNG.random(20_000) < special.expit(Z)).astype(float),
    "poisson": RNG.poisson(np.exp(Z)).astype(float),
    "sum with a penalty": (RNG.random(20_000) < special.expit(Z)).astype(float),
}
LOSSES = {
    "logistic": gw.mean(gw.softplus(X @ b) - y * (X @ b)),
    "poisson": gw.mean(gw.exp(X @ b) - y * (X @ b)),
    "sum with a penalty": gw.sum(gw.softplus(X @ b) - y * (X @ b)) + 40 * gw.sum(b**2),
}
STOP = Stopping(gradient_norm=None, growth=None)


@pytest.mark.parametrize("name", LOSSES)
def test_the_answer_is_that_of_all_rows(name: str) -> None:
    o = Objective(LOSSES[name], {b: None}, {X: XS, y: DATA[name]})
    blocks = Blocks(o)
    run = drive(o, sampled_newton(blocks, o.start_vector), stopping=STOP, steps=50)
    exact = drive(o, newton(o, o.start_vector), stopping=STOP, steps=50)
    assert run.converged
    assert run.vector == pytest.approx(exact.vector, abs=1e-11)
    assert blocks.passes <= 20


@pytest.mark.parametrize("name", LOSSES)
def test_blocks_add_up_to_the_whole(name: str) -> None:
    o = Objective(LOSSES[name], {b: None}, {X: XS, y: DATA[name]})
    blocks = Blocks(o)
    blocks.block = 999
    v = RNG.normal(size=4) / 4
    value, gradient = blocks.value_and_gradient(v)
    assert value == pytest.approx(o.value(v), rel=1e-12)
    assert gradient == pytest.approx(o.gradient(v), rel=1e-9, abs=1e-12)
    assert blocks.hessian(v) == pytest.approx(o.hessian(v), rel=1e-10, abs=1e-12)
    again = blocks.value_and_gradient(v)
    assert again[0] == value
    assert np.array_equal(again[1], gradient)


def test_sorted_rows_do_no_harm() -> None:
    # The sample is random, so classes that stand in order are sampled alike.
    order = np.argsort(DATA["logistic"], kind="stable")
    o = Objective(LOSSES["logistic"], {b: None}, {X: XS[order], y: DATA["logistic"][order]})
    run = drive(o, sampled_newton(Blocks(o), o.start_vector), stopping=STOP, steps=50)
    assert run.converged
    assert np.linalg.norm(o.gradient(run.vector)) < 1e-13


def test_what_is_no_sum_over_rows_is_refused() -> None:
    o = Objective(gw.std(y - X @ b), {b: None}, {X: XS[:50], y: Z[:50]})
    with pytest.raises(NotRows, match="is not a sum over the rows"):
        Blocks(o)


def test_the_update_meets_the_secant_condition() -> None:
    A = RNG.normal(size=(4, 4))
    B, s, y_ = A @ A.T, RNG.normal(size=4), RNG.normal(size=4)
    y_ = y_ * np.sign(s @ y_)
    assert updated(B, s, y_) @ y_ == pytest.approx(s, rel=1e-9)
    assert updated(B, s, -y_) is B
