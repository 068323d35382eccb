"""Least squares: NIST's digits, statsmodels' tables, and nothing dropped in silence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gradwork.errors import GradworkError, ShapeError
from gradwork.stats import coefficient_table, least_squares, regression_metrics, with_intercept

from .nist import PROBLEMS, WANTED, arrays, digits

RNG = np.random.default_rng(3)


@pytest.mark.reference
@pytest.mark.parametrize("name", PROBLEMS)
def test_nist_estimates_and_standard_deviations(name: str, reference) -> None:
    problem = reference("nist_strd.json")["linear"][name]
    X, y = arrays(problem)
    fit = least_squares(X, y)
    wanted = WANTED.get(name, 9)
    assert fit.rank == X.shape[1]
    assert digits(fit.estimate, problem["estimate"]) >= wanted
    assert digits(np.sqrt(np.diag(fit.covariance)), problem["std"]) >= wanted
    assert digits(np.sqrt(fit.rss / fit.df_residual), problem["residual_sd"]) >= wanted


@pytest.mark.reference
@pytest.mark.parametrize("name", PROBLEMS)
def test_nist_r2_and_f(name: str, reference) -> None:
    problem = reference("nist_strd.json")["linear"][name]
    X, y = arrays(problem)
    fit = least_squares(X, y)
    m = regression_metrics(
        y, fit.fitted, fit.rank, intercept=0 in problem["param_index"], residuals=fit.residuals
    )
    assert digits(m.r2, problem["r2"]) >= WANTED.get(name, 9)
    assert m.df_residual == problem["anova_residual"]["df"]
    if problem["residual_sd"] > 0:
        assert digits(m.f, float(problem["anova_regression"]["F"])) >= WANTED.get(name, 9)


@pytest.mark.reference
def test_the_quiz_table(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    X, names = with_intercept(quiz["X"], ["q1", "q2", "q3"])
    fit = least_squares(X, quiz["y"], names)
    ols = quiz["ols"]
    assert fit.estimate == pytest.approx([ols["b"], *ols["w"]], rel=1e-7)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([ols["bse"][3], *ols["bse"][:3]], rel=1e-7)
    assert fit.rss == pytest.approx(ols["rss"], rel=1e-7)
    assert fit.condition_number == pytest.approx(ols["cond_with_ones"], rel=1e-5)
    assert tuple(map(str, fit.notes)) == (
        "one degree of freedom is left: the intervals are this wide because 5 rows carry 4 parameters",
    )
    without = least_squares(quiz["X"], quiz["y"])
    assert without.estimate == pytest.approx(quiz["ols_no_intercept"]["w"], rel=1e-7)


def test_as_statsmodels_has_it() -> None:
    sm = pytest.importorskip("statsmodels.api")
    X, names = with_intercept(RNG.normal(size=(60, 3)) * [1, 100, 0.01], ["a", "b", "c"])
    y = X @ [1, 2, -0.01, 30] + RNG.normal(size=60)
    fit, peer = least_squares(X, y, names), sm.OLS(y, X).fit()
    table = coefficient_table(fit.estimate, fit.covariance, names, df=fit.df_residual)
    for ours, theirs in (
        (table.estimate, peer.params),
        (table.std_error, peer.bse),
        (table.statistic, peer.tvalues),
        (table.p_value, peer.pvalues),
        (np.column_stack([table.lower, table.upper]), peer.conf_int()),
    ):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-14)
    m = regression_metrics(y, fit.fitted, fit.rank)
    assert fit.condition_number == pytest.approx(peer.condition_number, rel=1e-6)
    for ours, theirs in (
        (m.r2, peer.rsquared),
        (m.r2_adjusted, peer.rsquared_adj),
        (m.f, peer.fvalue),
        (m.f_p, peer.f_pvalue),
        (m.log_likelihood, peer.llf),
        (m.aic, peer.aic),
        (m.bic, peer.bic),
    ):
        assert ours == pytest.approx(theirs, rel=1e-9)
    bare, peer = least_squares(X[:, 1:], y), sm.OLS(y, X[:, 1:]).fit()
    m = regression_metrics(y, bare.fitted, bare.rank, intercept=False)
    assert (m.r2, m.r2_adjusted, m.f) == pytest.approx((peer.rsquared, peer.rsquared_adj, peer.fvalue))


def test_refinement_mends_what_the_factorisation_alone_loses(reference) -> None:
    problem = reference("nist_strd.json")["linear"]["Wampler5"]
    X, y = arrays(problem)
    plain, refined = least_squares(X, y, refine=False), least_squares(X, y)
    assert plain.refinements == 0
    assert refined.refinements > 0
    assert digits(refined.estimate, problem["estimate"]) > digits(plain.estimate, problem["estimate"]) + 2


def test_units_do_not_matter() -> None:
    X, _ = with_intercept(RNG.normal(size=(30, 2)), ["a", "b"])
    y = RNG.normal(size=30)
    scale = np.array([1, 1e-12, 1e9])
    plain, scaled = least_squares(X, y), least_squares(X * scale, y)
    assert scaled.estimate * scale == pytest.approx(plain.estimate, rel=1e-13)
    assert scaled.rank == 3
    assert scaled.scaled_condition_number == pytest.approx(plain.scaled_condition_number, rel=1e-6)


def test_a_collinear_column_is_named_and_its_combination_told() -> None:
    A = RNG.normal(size=(30, 2))
    X, names = with_intercept(
        np.column_stack([A, 3 + 2 * A[:, 0] - A[:, 1], RNG.normal(size=30)]), ["a", "b", "sum", "d"]
    )
    y = RNG.normal(size=30)
    fit = least_squares(X, y, names)
    assert (fit.rank, fit.df_residual) == (4, 26)
    assert str(fit.notes[0]) == "'sum' is a combination of other columns: sum = 3 + 2 a − b"
    assert "rank 4" in str(fit.notes[1])
    assert fit.determined.tolist() == [False, False, False, False, True]
    # The fit itself, and what is determined, are those without the column.
    less = least_squares(np.delete(X, 3, axis=1), y)
    assert fit.fitted == pytest.approx(less.fitted)
    assert fit.estimate[4] == pytest.approx(less.estimate[3])
    assert fit.covariance[4, 4] == pytest.approx(less.covariance[3, 3])
    # Of all answers the shortest, as of the pseudo-inverse (columns here are of nearly equal length).
    assert X @ fit.estimate == pytest.approx(X @ np.linalg.pinv(X) @ y)


def test_constant_zero_and_repeated_columns() -> None:
    a = RNG.normal(size=20)
    X, names = with_intercept(
        np.column_stack([a, np.full(20, 7.0), np.zeros(20), a]), ["a", "seven", "none", "a2"]
    )
    notes = least_squares(X, RNG.normal(size=20), names).notes
    assert str(notes[0]) == "'seven' is constant (7 in every row), as the intercept is"
    assert str(notes[1]) == "'none' is zero in every row"
    assert str(notes[2]) == "'a2' is a combination of other columns: a2 = a"


def test_all_categories_with_an_intercept() -> None:
    codes = np.arange(30) % 3
    X, names = with_intercept(np.eye(3)[codes], ["u", "v", "w"])
    fit = least_squares(X, RNG.normal(size=30), names)
    assert str(fit.collinear[0].sentence()) == "'w' is a combination of other columns: w = 1 − u − v"


def test_nearly_collinear_columns_are_fitted_and_said() -> None:
    a = RNG.normal(size=50)
    X, names = with_intercept(
        np.column_stack([a, a + 1e-10 * RNG.normal(size=50), RNG.normal(size=50)]), ["a", "b", "c"]
    )
    fit = least_squares(X, RNG.normal(size=50), names)
    assert fit.rank == 4
    assert "'a', 'b' are nearly collinear" in str(fit.notes[0])


def test_more_parameters_than_rows() -> None:
    X = RNG.normal(size=(3, 5))
    y = RNG.normal(size=3)
    fit = least_squares(X, y)
    assert fit.rank == 3
    assert X @ fit.estimate == pytest.approx(y)
    assert np.isnan(fit.covariance).all()
    assert str(fit.notes[0]) == "5 parameters from 3 rows: infinitely many fits pass through every row"


def test_no_degree_of_freedom_and_a_perfect_fit() -> None:
    fit = least_squares([[1, 1], [1, 2.0]], [1, 2.0])
    assert "no degree of freedom is left: 2 rows carry 2 parameters" in str(fit.notes[0])
    x = np.arange(10.0)
    assert "passes through every row to the last digit" in str(
        least_squares(np.column_stack([x**0, x]), 3 + 2 * x).notes[0]
    )


def test_bad_input() -> None:
    with pytest.raises(GradworkError, match="'b' is nan in row 2"):
        least_squares([[1, 2], [3, np.nan]], [1, 2], ["a", "b"])
    with pytest.raises(GradworkError, match="y is inf in row 1"):
        least_squares([[1.0], [2.0]], [np.inf, 1])
    with pytest.raises(ShapeError, match="needs X: n×p and y: n"):
        least_squares([[1.0], [2.0]], [1.0])
    with pytest.raises(ShapeError, match="at least one row"):
        least_squares(np.zeros((0, 2)), [])
    with pytest.raises(ShapeError, match="2 columns but 1 names"):
        least_squares([[1, 2], [3, 5.0]], [1, 2], ["a"])


def test_no_warnings_on_the_hard_ones() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        least_squares(np.zeros((4, 2)), np.ones(4))
        least_squares(np.full((4, 1), 1e-200), np.ones(4))
