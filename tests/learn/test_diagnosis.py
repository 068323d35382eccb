"""The diagnosis is computed: limits, condition numbers, contraction, the value that left its domain."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.curvature import Curvature, curvature, lanczos
from gradwork.learn.diagnosis import below, near_one, rate_text
from gradwork.learn.nonfinite import explain_nonfinite
from gradwork.learn.objective import Objective

RNG = np.random.default_rng(0)
n, d = gw.dims("n", "d")
X, y, b, c = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d), gw.scalar("c")


@pytest.mark.reference
def test_the_quiz_table_with_a_rate_that_is_too_large(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    fit = gw.minimize(
        gw.mean((y - X @ b - c) ** 2), {b: None, c: None}, {X: quiz["X"], y: quiz["y"]}, solver="gd",
        learning_rate=1e-4,
    )  # fmt: skip
    found = fit.diagnosis
    assert found.limit == pytest.approx(quiz["max_stable_lr"], rel=1e-6)
    assert found.curvature.largest == pytest.approx(quiz["mse_hessian_eigs"][-1], rel=1e-6)
    assert found.curvature.smallest == pytest.approx(quiz["mse_hessian_eigs"][0], rel=1e-5)
    text = " ".join(found.text().split())
    for words in (
        "stopped at step 5: the loss grew 5 times in a row (29662 → 6.1e+09)",
        "L = 44013.7",
        "2/L = 4.544e-05; yours is 1e-4",
        "44013.7 … 0.0064 (condition number 6.9e6)",
        "0.9999997 a",
        "stable below 0.347, condition number 1.3e3",
        "a learning rate of 4e-5",
    ):
        assert words in text, words
    model = gw.fit(
        {f"q{j}": np.array(quiz["X"])[:, j] for j in range(3)} | {"final": quiz["y"]}, "final", solver="gd",
        learning_rate=1e-4, scale=False,
    )  # fmt: skip
    flags = " ".join(model.diagnosis(flags=True).text().split())
    assert "leave scaling on (the default): then stable below 0.347, condition number 1.3e3" in flags
    assert "or --learning-rate 4e-5; or --solver newton." in flags
    assert np.isnan(model.inference.std_error).all()


@pytest.mark.parametrize(("factor", "diverges"), [(0.98, False), (1.02, True)])
def test_the_limit_is_the_limit(factor: float, diverges: bool) -> None:
    Xs = RNG.normal(size=(30, 3)) * [1, 5, 0.3]
    o = Objective(gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: RNG.normal(size=30)})
    limit = curvature(o, o.start_vector).limit
    fit = gw.minimize(o.formula, {b: None}, o.data, solver="gd", learning_rate=factor * limit, epochs=3000)
    assert (fit.stop.kind == "growth") is diverges


def test_a_crawling_run_is_told_how_slow_it_is() -> None:
    Xs = RNG.normal(size=(60, 3)) * [1, 100, 1] + [0, 300, 0]
    ys = Xs @ [1, 0.01, -1] + RNG.normal(size=60)
    fit = gw.minimize(
        gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: ys}, solver="gd", learning_rate=1e-6, epochs=50
    )
    text = fit.diagnosis.text()
    assert "one decimal takes" in text
    assert fit.diagnosis.scaled.condition < fit.diagnosis.curvature.condition / 100
    own = fit.diagnosis.curvature.contraction(1e-6)
    assert f"{int(np.ceil(np.log(10) / -np.log(own))):,} steps" in text


def test_lanczos_agrees_with_eigenvalues() -> None:
    A = RNG.normal(size=(400, 400))
    H = A @ A.T / 400 + np.diag(np.linspace(0, 5, 400))
    found, values = lanczos(lambda v: H @ v, 400, 400), np.linalg.eigvalsh(H)
    assert found.largest == pytest.approx(values[-1], rel=1e-8)
    assert found.smallest == pytest.approx(values[0], rel=1e-3)
    assert Curvature(4.0, 1.0).best_contraction == pytest.approx(0.6)


def test_the_value_that_left_its_domain_is_named_with_its_row() -> None:
    x = gw.vector("x", n)
    o = Objective(gw.mean(gw.log(1 - c * x)), {c: 0.5}, {x: [1.0, 1.5, 3.0, 0.2]})
    assert (
        explain_nonfinite(o, [0.5]).sentence
        == "log(1 − cx) is nan in row 3: the logarithm of −0.5, where 1 − cx = −0.5"
    )
    assert explain_nonfinite(o, [0.1]) is None
    o = Objective(gw.sum(gw.exp(c * x)), {c: 1.0}, {x: [1.0, 800.0]})
    found = explain_nonfinite(o, [1.0])
    assert (found.index, found.argument) == ((1,), 800.0)
    assert "exp of 800 is too large for float64, where cx = 800" in found.sentence
    o = Objective(gw.sum(1 / (x - c)), {c: 1.0}, {x: [1.0, 2.0]})
    assert "division by 0" in explain_nonfinite(o, [1.0]).sentence


def test_descent_that_leaves_the_domain_is_explained() -> None:
    p = gw.scalar("p")
    fit = gw.maximize(
        27 * gw.log(p) + 73 * gw.log(1 - p), {p: 0.5}, optimizer="sgd", learning_rate=0.05, epochs=50
    )
    found = fit.diagnosis
    assert fit.stop.kind == "non-finite"
    assert found.nonfinite is not None
    assert "the logarithm of" in found.text()


def test_overfitting_names_the_epoch() -> None:
    Xs, held = RNG.normal(size=(30, 25)), RNG.normal(size=(200, 25))
    ys, yh = Xs[:, 0] + RNG.normal(size=30), held[:, 0] + RNG.normal(size=200)
    fit = gw.minimize(
        gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: ys}, solver="gd", learning_rate=0.05, epochs=2000,
        validation={X: held, y: yh},
    )  # fmt: skip
    turned = fit.diagnosis.turned
    assert turned == int(fit.history.epoch[np.argmin(fit.history.validation_loss)])
    assert f"lowest at epoch {turned}" in fit.diagnosis.text()


def test_numbers_as_words() -> None:
    assert below(4.544e-5) == 4e-5
    assert below(1.0) == 0.9
    assert (near_one(0.99999971), near_one(1.5), near_one(0.5)) == ("0.9999997", "1.5", "0.5")
    assert rate_text(0.0004) == "4e-4"
