"""Each solver by name reaches the minimum; auto chooses, says why, and every end has its reason."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.learn.objective import Objective
from gradwork.learn.solvers import Analysis, choose

RNG = np.random.default_rng(5)
n, d = gw.dims("n", "d")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
p, q = gw.scalar("p"), gw.scalar("q")
XS = RNG.normal(size=(40, 3))
YS = XS @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=40)
CLASSES = (RNG.random(40) < special.expit(XS @ [1.0, -1.0, 0.5])).astype(float)
LOGISTIC = gw.mean(gw.softplus(X @ b) - y * (X @ b))
ROSENBROCK = (1 - p) ** 2 + 100 * (q - p**2) ** 2
THUMBTACK = 27 * gw.log(p) + 73 * gw.log(1 - p)


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "newton"])
def test_logistic_by_each_solver(solver: str) -> None:
    fit = gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver=solver)
    f = lambda v: np.mean(np.logaddexp(0, XS @ v) - CLASSES * (XS @ v))
    best = optimize.minimize(f, np.zeros(3), tol=1e-12, options={"gtol": 1e-10}).x
    assert fit.converged
    assert fit["b"] == pytest.approx(best, abs=1e-6)
    assert fit.gradient_norm <= 1e-8
    assert fit.solver == solver
    assert len(fit.history) == fit.steps + 1
    assert np.all(np.diff(fit.history.loss) <= 1e-15)


@pytest.mark.parametrize("solver", ["auto", "lm", "newton", "lbfgs"])
def test_rosenbrock(solver: str) -> None:
    fit = gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver=solver)
    assert fit.converged
    assert [float(fit["p"]), float(fit["q"])] == pytest.approx([1, 1], abs=1e-7)


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.reference
def test_the_thumbtack_by_ascent(solver: str, reference) -> None:
    tack = reference("learner.json")["thumbtack"]
    fit = gw.maximize(THUMBTACK, {p: 0.5}, solver=solver)
    assert float(fit[p]) == pytest.approx(tack["p"], abs=1e-7)
    assert fit.loss == pytest.approx(tack["loglik"], rel=1e-10)
    assert fit.history.loss[-1] > fit.history.loss[0]


def test_bounds_keep_the_ascent_inside() -> None:
    fit = gw.maximize(THUMBTACK, {p: None}, bounds={p: (0, 1)})
    assert float(fit[p]) == pytest.approx(0.27, abs=1e-12)


@pytest.mark.reference
def test_the_quiz_table_in_closed_form(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    c = gw.scalar("c")
    fit = gw.minimize(gw.mean((y - X @ b - c) ** 2), {b: None, c: None}, {X: quiz["X"], y: quiz["y"]})
    assert fit["b"] == pytest.approx(quiz["ols"]["w"], rel=1e-7)
    assert float(fit["c"]) == pytest.approx(quiz["ols"]["b"], rel=1e-8)
    assert fit.loss * 5 == pytest.approx(quiz["ols"]["rss"], rel=1e-7)
    assert str(fit.reason) == "solved in closed form (QR)"
    assert fit.history.loss[0] == pytest.approx(29661.8)


def test_ridge_in_closed_form_is_the_textbook_answer() -> None:
    lam = gw.scalar("lam")
    loss = gw.mean((y - X @ b) ** 2) + lam * gw.sum(b**2)
    fit = gw.minimize(loss, {b: None}, {X: XS, y: YS, lam: 0.3})
    assert fit["b"] == pytest.approx(
        np.linalg.solve(XS.T @ XS / 40 + 0.3 * np.eye(3), XS.T @ YS / 40), rel=1e-12
    )


def test_a_quadratic_that_is_no_sum_of_squares() -> None:
    A, c = gw.matrix("A", d, d), gw.vector("c", d)
    M = XS.T @ XS
    fit = gw.minimize(b @ A @ b / 2 - c @ b, {b: None}, {A: M, c: [1.0, 2.0, 3.0]})
    assert fit["b"] == pytest.approx(np.linalg.solve(M, [1, 2, 3]), rel=1e-12)
    assert "Cholesky" in str(fit.reason)
    with pytest.raises(GradworkError, match="no minimum: its Hessian has the eigenvalue"):
        gw.minimize(b @ A @ b / 2 - c @ b, {b: None}, {A: np.diag([1.0, -1.0, 2.0]), c: [1.0, 2.0, 3.0]})
    with pytest.raises(GradworkError, match="falls without end"):
        gw.minimize(b @ A @ b / 2 - c @ b, {b: None}, {A: np.diag([1.0, 0.0, 2.0]), c: [1.0, 2.0, 3.0]})


def test_least_absolute_deviations_reach_the_vertex() -> None:
    fit = gw.minimize(gw.mean(abs(y - X @ b)), {b: None}, {X: XS, y: YS})
    # The linear program of the same problem: minimise Σt with −t ≤ y − Xb ≤ t.
    A = np.block([[XS, -np.eye(40)], [-XS, -np.eye(40)]])
    best = optimize.linprog(
        np.r_[np.zeros(3), np.ones(40)], A, np.r_[YS, -YS], bounds=[(None, None)] * 3 + [(0, None)] * 40
    )
    assert fit.loss == pytest.approx(best.fun / 40, rel=1e-7)
    assert np.sum(np.abs(YS - XS @ fit["b"]) < 1e-6) == 3


CHOICES: list[tuple[Any, Any, Any, str, str]] = [
    (gw.mean((y - X @ b) ** 2), {b: None}, {X: XS, y: YS}, "closed", "linear in b"),
    (gw.mean((y - gw.exp(X @ b)) ** 2), {b: None}, {X: XS, y: YS}, "lm", "sum of squares"),
    (LOGISTIC, {b: None}, {X: XS, y: CLASSES}, "newton", "exact Hessian"),
    (gw.mean(abs(y - X @ b)), {b: None}, {X: XS, y: YS}, "newton", "absolute values"),
    (gw.mean(gw.relu(y - X @ b)) + gw.sum(b**4), {b: None}, {X: XS, y: YS}, "lbfgs", "kinks (relu)"),
    (gw.sum(b**4), {b: np.ones(2000)}, {}, "lbfgs", "2000 parameters"),
]


@pytest.mark.parametrize(("loss", "parameters", "data", "solver", "words"), CHOICES)
def test_auto_says_what_it_chose_and_why(
    loss: Any, parameters: Any, data: Any, solver: str, words: str
) -> None:
    choice = choose(Analysis(Objective(loss, parameters, data)))
    assert choice.solver == solver
    assert words in str(choice.reason)


def test_the_plan_shows_the_structured_hessian() -> None:
    fit = gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES})
    assert "solver: newton" in fit.plan
    assert "Xᵀ" in fit.plan


def test_newton_leaves_a_saddle() -> None:
    fit = gw.minimize(p**4 - 2 * p**2 + q**2, {p: 0, q: 0})
    assert abs(float(fit[p])) == pytest.approx(1)
    assert fit.loss == pytest.approx(-1)


def test_a_gradient_that_is_zero_at_the_start_is_said() -> None:
    W = gw.matrix("W", d, 2)
    v = gw.vector("v", 2)
    loss = gw.mean((y - gw.tanh(X @ W) @ v) ** 2) + 0 * gw.sum(gw.exp(v))
    fit = gw.minimize(loss, {W: None, v: None}, {X: XS, y: YS}, solver="lbfgs")
    assert "the gradient is zero at the start" in str(fit.reason)
    assert not fit.converged


@pytest.mark.parametrize("solver", ["auto", "lm", "lbfgs", "gd"])
def test_a_start_at_the_minimum_is_the_answer(solver: str) -> None:
    fit = gw.minimize((gw.exp(p) - 1) ** 2, {p: 0.0}, solver=solver)
    assert fit.converged and fit.steps == 0 and fit[p] == 0
    assert str(fit.reason).startswith("converged at the start")


@pytest.mark.parametrize("best", [3, 0.1, 7e5])
def test_squares_that_fall_to_zero_converge(best: float) -> None:
    # Rounding keeps p from its best value: what is left of the residual promises a gain that no step can win.
    positive = gw.scalar("p", positive=True)
    fit = gw.minimize((positive - best) ** 2, {positive: 1.0})
    assert fit.solver == "lm" and fit.converged and "kink" not in str(fit.reason)
    assert fit["p"] == pytest.approx(best, rel=1e-14)


def test_data_without_rows_are_refused() -> None:
    empty = {X: np.zeros((0, 3)), y: []}
    for options in ({}, {"optimizer": "adam"}, {"solver": "lbfgs"}):
        with pytest.raises(GradworkError, match="^X is empty: it has no rows$"):
            gw.minimize(LOGISTIC, {b: None}, empty, **options)
    with pytest.raises(GradworkError, match="^X is empty: it has no rows$"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, optimizer="adam", validation=empty)


def test_a_start_outside_the_domain_is_explained() -> None:
    with pytest.raises(
        GradworkError, match="the loss at the start is nan: log\\(1 − p\\) is nan: the logarithm of −0.5"
    ):
        gw.maximize(THUMBTACK, {p: 1.5})


def test_a_solver_that_does_not_fit_says_which_does() -> None:
    with pytest.raises(GradworkError, match="has no closed form"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver="closed")
    with pytest.raises(GradworkError, match="needs a sum or mean of squares"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver="lm")
    with pytest.raises(GradworkError, match="a solver is auto"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver="simplex")
    with pytest.raises(GradworkError, match="exclude each other"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver="newton", optimizer="adam")
    with pytest.raises(GradworkError, match="has no epochs"):
        gw.minimize(LOGISTIC, {b: None}, {X: XS, y: CLASSES}, solver="newton", epochs=5)


def test_stopping_and_callbacks() -> None:
    fit = gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver="gd", steps=7)
    assert fit.steps == 7
    assert str(fit.reason) == "ran the 7 steps that were asked for"
    fit = gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver="gd")
    assert str(fit.reason) == "stopped without converging after 10,000 steps, the most by default"
    fit = gw.minimize(
        ROSENBROCK, {p: -1.2, q: 1.0}, solver="gd", stopping=gw.Stopping(step=1e-3, growth=None)
    )
    before, end = (
        gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver="gd", steps=fit.steps - back).vector
        for back in (1, 0)
    )
    moved = np.linalg.norm(end - before) / max(1, np.linalg.norm(end))
    assert fit.converged and fit.stop.kind == "step"
    assert moved <= 1e-3 and f"the parameters moved by {moved:.3g}, which is below 0.001" in str(fit.reason)
    for options in ({}, {"optimizer": "adam"}):
        with pytest.raises(GradworkError, match="stopping is a gw.Stopping"):
            gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, stopping={"patience": 3}, **options)  # type: ignore[arg-type]
    fit = gw.minimize(
        ROSENBROCK, {p: -1.2, q: 1.0}, solver="newton", stopping=gw.Stopping(gradient_norm=0.5, growth=None)
    )
    assert fit.gradient_norm <= 0.5
    seen: list[int] = []

    def watch(progress: Any) -> str | None:
        seen.append(progress.step)
        return "seen enough" if progress.step == 3 else None

    fit = gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver="lbfgs", callbacks=watch)
    assert str(fit.reason) == "stopped at step 3 by a callback: seen enough"
    assert seen == [1, 2, 3]


def test_an_interruption_keeps_the_best_so_far() -> None:
    def interrupt(progress: Any) -> None:
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    fit = gw.minimize(ROSENBROCK, {p: -1.2, q: 1.0}, solver="gd", callbacks=interrupt)
    assert str(fit.reason).startswith("interrupted at step 4")
    assert fit.loss == fit.history.loss.min()


def test_a_formula_as_text() -> None:
    fit = gw.minimize("mean((y - X@b)^2)", {"b": None}, {"X": XS, "y": YS})
    assert fit["b"] == pytest.approx(np.linalg.lstsq(XS, YS, rcond=None)[0])


def test_options_that_there_are_not_are_named_with_the_nearest() -> None:
    for function, name in ((gw.minimize, "minimize"), (gw.maximize, "maximize")):
        with pytest.raises(GradworkError) as error:
            function("sum(b)", {"b": [1.0]}, solvr="gd")
        assert str(error.value) == f"{name} has no option 'solvr'; did you mean 'solver'?"
        with pytest.raises(
            GradworkError, match=f"{name} has no option 'foo'; it has batch_size, bounds, .*, validation"
        ):
            function("sum(b)", {"b": [1.0]}, foo=1)


@pytest.mark.parametrize(
    "options", [{}, {"solver": "gd"}, {"optimizer": "sgd", "epochs": 2}, {"dtype": "float32"}]
)
def test_a_learned_number_is_a_float(options: dict[str, Any]) -> None:
    fit = gw.minimize("(a - 1)^2 + sum(b^2)", {"a": 0.5, "b": [1.0]}, **options)
    assert type(fit["a"]) is float and type(fit.parameters["a"]) is float
    assert isinstance(fit["b"], np.ndarray) and fit["b"].shape == (1,)
    assert fit.vector.shape == (2,) and fit.vector[0] == fit["a"]
    assert f"{gw.maximize('27*log(p) + 73*log(1 - p)', {'p': 0.5})['p']}".startswith("0.27")
