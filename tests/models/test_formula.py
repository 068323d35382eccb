"""Formulas over a table: standard errors, tests and measures, beside statsmodels, SciPy, algebra and the bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gradwork as gw
from gradwork.errors import GradworkError
from gradwork.inference.form import form_of, nests_constant
from gradwork.inference.scores import scores
from gradwork.learn.objective import Objective
from gradwork.models.formulas.columns import parse_columns
from gradwork.models.formulas.fitted import FittedFormula
from gradwork.rows.blocks import Blocks

RNG = np.random.default_rng(20)
N = 120
X = RNG.uniform(0, 5, N)
Y = 3 * np.exp(-0.6 * X) + 1 + RNG.normal(0, 0.1, N)
W = RNG.uniform(0.2, 3, N)
V = 1 + 2 * X + RNG.normal(size=N) / np.sqrt(W)
Z = RNG.poisson(np.exp(0.2 + 0.4 * X)).astype(float)
TABLE = {"x": X, "y": Y, "w": W, "v": V, "z": Z}
ONES = np.column_stack([np.ones(N), X])


def fit(formula: str, params: str, **options: Any) -> FittedFormula:
    return gw.fit(options.pop("data", TABLE), formula=formula, params=params, **options)


def errors(formula: str, params: str, **options: Any) -> NDArray[np.float64]:
    return fit(formula, params, **options).inference.std_error


# --- least squares, and what rises with it ---


@pytest.mark.parametrize(
    "around",
    [
        "mean(({r})^2)",
        "sum(({r})^2)",
        "sqrt(mean(({r})^2))",
        "norm({r})",
        "log(mean(({r})^2))",
        "2*mean(({r})^2) + 3",
        "n/2*log(sum(({r})^2))",
        "exp(mean(({r})^2))",
        "sqrt(sum(({r})^2) + 4)",
    ],
)
def test_whatever_rises_with_the_sum_of_squares_has_its_standard_errors(around: str) -> None:
    scipy_optimize = pytest.importorskip("scipy.optimize")
    model = fit(around.format(r="y - (a*exp(-k*x) + c)"), "a=1, k=0.3, c=0")
    best, cov = scipy_optimize.curve_fit(
        lambda x, a, k, c: a * np.exp(-k * x) + c, X, Y, (1, 0.3, 0), xtol=1e-14
    )
    assert model.estimate == pytest.approx(best, rel=1e-6)
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-4)
    assert model.inference.statistic_name == "t" and model.df == N - 3
    assert model.errors == "least squares"
    assert model.metrics is not None and model.metrics.r2 == pytest.approx(
        1 - ((Y - model.predict(TABLE)) ** 2).sum() / ((Y - Y.mean()) ** 2).sum()
    )


# --- penalties ---


@pytest.mark.parametrize(
    ("formula", "lam"),
    [
        ("sum((v - a - b*x)^2) + 4*b^2", 4.0),
        ("mean((v - a - b*x)^2) + 4*b^2", 4.0 * N),
        ("sqrt(sum((v - a - b*x)^2) + 4*b^2)", 4.0),
        ("0.5*sum((v - a - b*x)^2) + 2*b^2 + 7", 4.0),
        ("mean((v - a - b*x)^2 + 4*b^2)", 4.0 * N),
        ("sum((v - a - b*x)^2) + 4*(b - 1)^2", 4.0),
    ],
)
def test_a_penalty_leaves_the_spread_of_the_penalised_estimate(formula: str, lam: float) -> None:
    model = fit(formula, "a=0, b=0")
    G = ONES.T @ ONES
    A = G + np.diag([0.0, lam])
    target = np.array([0.0, lam]) if "(b - 1)" in formula else np.zeros(2)
    best = np.linalg.solve(A, ONES.T @ V + target)
    r = V - ONES @ best
    spent = np.trace(np.linalg.solve(A, G))
    s2 = r @ r / (N - spent)
    C = s2 * np.linalg.inv(A) @ G @ np.linalg.inv(A)
    assert model.estimate == pytest.approx(best, rel=1e-7)
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(C)), rel=1e-7)
    assert model.df == pytest.approx(N - spent) and model.sigma == pytest.approx(np.sqrt(s2))
    assert model.errors == "penalised"
    text = model.summary()
    assert "effective parameters" in text and "AIC" not in text and "p(F)" not in text


def test_a_penalty_that_is_no_square_has_its_exact_curvature() -> None:
    model = fit("sum((v - a - b*x)^2) + 0.3*b^4", "a=0, b=0")
    a, b = model.estimate
    G, r = ONES.T @ ONES, V - a - b * X
    A = G + np.diag([0.0, 0.5 * 0.3 * 12 * b**2])
    s2 = r @ r / (N - np.trace(np.linalg.solve(A, G)))
    C = s2 * np.linalg.inv(A) @ G @ np.linalg.inv(A)
    assert model.inference.std_error == pytest.approx(np.sqrt(np.diag(C)), rel=1e-6)


def test_the_lasso_is_no_quadratic_and_has_no_standard_errors() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = fit("mean((v - a - b*x)^2)/2 + 1.5*abs(b)", "a=0, b=1")
    peer = linear_model.Lasso(alpha=1.5, tol=1e-12).fit(X[:, None], V)
    assert model.estimate == pytest.approx([peer.intercept_, peer.coef_[0]], rel=1e-6)
    assert np.isnan(model.inference.std_error).all() and "kinks (abs)" in model.summary()


# --- M-estimators ---


def m_errors(psi: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sandwich for Σ ρ(v − a − b x), from ρ′ and ρ″ of the residuals."""
    H = (ONES * slope[:, None]).T @ ONES
    B = (ONES * (psi**2)[:, None]).T @ ONES
    return np.sqrt(np.diag(np.linalg.inv(H) @ B @ np.linalg.inv(H)))


@pytest.mark.parametrize("around", ["sum({})", "mean({})", "3*mean({})", "sqrt(mean({}))"])
def test_a_power_of_the_residuals_has_the_sandwich(around: str) -> None:
    model = fit(around.format("abs(v - a - b*x)^1.5"), "a=1, b=1")
    r = V - ONES @ model.estimate
    expected = m_errors(1.5 * np.abs(r) ** 0.5 * np.sign(r), 0.75 * np.abs(r) ** -0.5)
    assert model.inference.std_error == pytest.approx(expected, rel=1e-5)
    assert model.errors == "sandwich" and model.metrics is None
    text = " ".join(model.summary().split())
    assert "standard errors: sandwich (HC0), since the loss is not recognised as a likelihood" in text


def test_a_weighted_power_has_the_sandwich_too_and_predicts() -> None:
    model = fit("sum(w*abs(v - a - b*x)^1.5)", "a=1, b=1")
    r = V - ONES @ model.estimate
    expected = m_errors(1.5 * W * np.abs(r) ** 0.5 * np.sign(r), 0.75 * W * np.abs(r) ** -0.5)
    assert model.inference.std_error == pytest.approx(expected, rel=1e-5)
    assert model.target == "v" and model.predict(TABLE) == pytest.approx(ONES @ model.estimate)
    y, low, _ = model.predict_interval(TABLE, 0.95, "mean")
    variance = np.einsum("ij,jk,ik->i", ONES, model.covariance, ONES)
    assert y - low == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


def test_a_likelihood_with_an_offset_is_no_loss_of_residuals() -> None:
    sm = pytest.importorskip("statsmodels.api")
    z = np.random.default_rng(8).poisson(np.exp(0.3 + W)).astype(float)
    model = fit("sum(exp(a + w) - z*(a + w))", "a=0", data={"z": z, "w": W})
    peer = sm.GLM(z, np.ones((N, 1)), family=sm.families.Poisson(), offset=W).fit(tol=1e-12)
    assert model.errors == "likelihood"
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-6)


def test_the_sandwich_is_what_the_bootstrap_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    model = fit("sum(abs(v - a - b*x)^1.5)", "a=1, b=1")
    rng, found = np.random.default_rng(5), []
    for _ in range(300):
        rows = rng.integers(0, N, N)
        x, v = X[rows], V[rows]
        loss = lambda b, x=x, v=v: (np.abs(v - b[0] - b[1] * x) ** 1.5).sum()
        found.append(optimize.minimize(loss, model.estimate, method="Nelder-Mead", options={"xatol": 1e-5}).x)
    assert model.inference.std_error == pytest.approx(np.std(found, axis=0), rel=0.2)


def test_hubers_loss_written_by_branches_has_the_sandwich() -> None:
    model = fit(
        "mean(where(abs(v - a - b*x) < 0.7, (v - a - b*x)^2/2, 0.7*abs(v - a - b*x) - 0.245))", "a=1, b=1"
    )
    r = V - ONES @ model.estimate
    expected = m_errors(np.clip(r, -0.7, 0.7), (np.abs(r) < 0.7).astype(float))
    assert model.inference.std_error == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "formula", ["mean(abs(v - a - b*x))", "mean(abs(v - a - b*x)) + 0.001*mean((v - a - b*x)^2)"]
)
def test_a_kinked_loss_has_none(formula: str) -> None:
    model = fit(formula, "a=1, b=1")
    assert np.isnan(model.inference.std_error).all() and "a bootstrap gives some" in model.summary()
    # Kinks are no part of a Hessian, and no closed form sees them.
    assert model.estimate == pytest.approx([1, 2], abs=0.5)


def test_what_is_no_sum_over_rows_has_none_and_says_why() -> None:
    model = fit("sum((v - a - b*x)^2)*sum((x - b)^2)", "a=1, b=1")
    text = " ".join(model.summary().split())
    assert np.isnan(model.inference.std_error).all()
    assert (
        "no standard errors: the formula is no sum over rows" in text and "multiplies sums over rows" in text
    )


# --- likelihoods ---

POISSON = "{}(exp(a + b*x) - z*(a + b*x))"


@pytest.mark.parametrize("scale", ["sum", "mean"])
def test_a_negative_log_likelihood_has_its_observed_information(scale: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit(POISSON.format(scale), "a=0, b=0")
    peer = sm.GLM(Z, ONES, family=sm.families.Poisson()).fit(tol=1e-12)
    assert model.estimate == pytest.approx(peer.params, rel=1e-7)
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-6)
    assert model.errors == "likelihood" and model.inference.statistic_name == "z"


@pytest.mark.parametrize("scale", ["3*sum", "0.2*mean"])
def test_a_multiple_of_it_is_not_taken_for_one(scale: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit(POISSON.format(scale), "a=0, b=0")
    peer = sm.GLM(Z, ONES, family=sm.families.Poisson()).fit(tol=1e-12, cov_type="HC0")
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-6)
    assert model.errors == "sandwich" and "the variance that its Hessian says" in " ".join(
        model.summary().split()
    )


def test_too_much_spread_is_seen() -> None:
    sm = pytest.importorskip("statsmodels.api")
    z = RNG.negative_binomial(2, 2 / (2 + np.exp(0.5 + 0.5 * X))).astype(float)
    model = fit(POISSON.format("sum"), "a=0, b=0", data={"x": X, "z": z})
    peer = sm.GLM(z, ONES, family=sm.families.Poisson()).fit(tol=1e-12, cov_type="HC0")
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-6)


def test_the_kind_of_errors_can_be_chosen() -> None:
    sm = pytest.importorskip("statsmodels.api")
    plain = sm.GLM(Z, ONES, family=sm.families.Poisson()).fit(tol=1e-12)
    robust = sm.GLM(Z, ONES, family=sm.families.Poisson()).fit(tol=1e-12, cov_type="HC0")
    formula = POISSON.format("sum")
    assert errors(formula, "a=0, b=0", cov="sandwich") == pytest.approx(robust.bse, rel=1e-6)
    assert errors(formula, "a=0, b=0", cov="hessian") == pytest.approx(plain.bse, rel=1e-6)
    assert errors(f"3*{formula}", "a=0, b=0", cov="hessian") == pytest.approx(plain.bse / 3**0.5, rel=1e-6)
    white = sm.OLS(V, ONES).fit(cov_type="HC1")
    assert errors("sqrt(mean((v - a - b*x)^2))", "a=0, b=0", cov="HC1") == pytest.approx(white.bse, rel=1e-7)


@pytest.mark.parametrize(
    "text",
    [
        "sum(log(s) + (v - m)^2/(2*s^2))",
        "mean(log(s) + (v - m)^2/(2*s^2)) + 0.1*m^2",
        "2*mean(w*log(1 + (v - m)^2/s^2))/3",
        "sum(exp(m + s*x)) - sum(z*(m + s*x))",
    ],
)
def test_scores_are_the_gradients_of_the_rows(text: str) -> None:
    columns = [c for c in TABLE if c in text.replace("exp", "")]
    loss = parse_columns(text, columns, ["m", "s"])
    o = Objective(loss, {"m": 0.3, "s": 0.8}, {c: TABLE[c] for c in loss.symbols if c in TABLE})
    found = scores(o, Blocks(o))
    assert found.shape == (N, 2)
    # The term of a row alone: the loss with the row, less that without it.
    at, h, penalty = np.array([0.3, 0.8]), 1e-6, 0.1 if "0.1" in text else 0.0

    def row(i: int, m: float, s: float) -> float:
        x, v, w, z = X[i], V[i], W[i], Z[i]
        return (
            {
                "su": lambda: np.log(s) + (v - m) ** 2 / (2 * s**2),
                "me": lambda: (np.log(s) + (v - m) ** 2 / (2 * s**2)) / N,
                "2*": lambda: 2 * w * np.log(1 + (v - m) ** 2 / s**2) / 3 / N,
            }[text[:2]]()
            if "exp" not in text
            else np.exp(m + s * x) - z * (m + s * x)
        )

    for i in (0, 7, N - 1):
        expected = [
            (row(i, *(at + h * e)) - row(i, *(at - h * e))) / (2 * h) for e in np.eye(2)
        ]  # fmt: skip
        assert found[i] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.sum(axis=0) + [2 * penalty * 0.3, 0] == pytest.approx(o.gradient(at), rel=1e-9)


# --- weights ---


@pytest.mark.parametrize(
    "formula",
    [
        "sum(w*(v - a - b*x)^2)",
        "mean(w*(v - a - b*x)^2)",
        "sum(((v - a - b*x)/u)^2)",
        "sqrt(mean((v - a - b*x)^2/u^2))",
    ],
)
def test_weighted_squares_have_weighted_measures(formula: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit(formula, "a=0, b=0", data=TABLE | {"u": 1 / np.sqrt(W)})
    peer = sm.WLS(V, ONES, weights=W).fit()
    m = model.metrics
    assert m is not None
    found = [m.r2, m.r2_adjusted, m.f, m.log_likelihood, m.aic, m.bic, m.sigma]
    expected = [peer.rsquared, peer.rsquared_adj, peer.fvalue, peer.llf, peer.aic, peer.bic, peer.scale**0.5]
    assert found == pytest.approx(expected, rel=1e-8)
    assert m.f_p == pytest.approx(peer.f_pvalue, rel=1e-6)
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-8)


def test_a_row_of_weight_zero_is_no_row() -> None:
    sm = pytest.importorskip("statsmodels.api")
    w = np.where(np.arange(N) < 30, 0.0, W)
    model = fit("sum(w*(v - a - b*x)^2)", "a=0, b=0", data=TABLE | {"w": w})
    peer = sm.WLS(V[30:], ONES[30:], weights=W[30:]).fit()
    assert model.metrics is not None and model.df == N - 32
    assert model.inference.std_error == pytest.approx(peer.bse, rel=1e-8)
    assert [model.metrics.r2, model.metrics.aic] == pytest.approx([peer.rsquared, peer.aic], rel=1e-8)


# --- what is said, and what is not ---


def test_without_a_constant_r2_is_uncentred_and_says_so() -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit("mean((v - b*x)^2)", "b=0")
    peer = sm.OLS(V, X[:, None]).fit()
    m = model.metrics
    assert m is not None and not m.r2_centred
    assert [m.r2, m.f, m.aic] == pytest.approx([peer.rsquared, peer.fvalue, peer.aic], rel=1e-9)
    assert "R² (uncentred)" in model.summary()


@pytest.mark.parametrize(
    ("prediction", "nested"),
    [
        ("a + b*x", True),
        ("a*x + b*x^2", False),
        ("a*exp(-b*x)", True),
        ("a*exp(-x/b)", True),
        ("a*x^b", True),
        ("a*x/(b + x)", True),
        ("a/(1 + exp(-b*(x - c)))", True),
        ("exp(-b*x)", False),
        ("b*x*exp(-c*x)", False),
    ],
)
def test_a_constant_is_found_where_it_is_nested(prediction: str, nested: bool) -> None:
    names = [name for name in "abc" if name in prediction.replace("exp", "")]
    assert nests_constant(parse_columns(prediction, ["x"], names), names) is nested


def test_columns_that_add_up_to_one_are_a_constant() -> None:
    low = (X < 2).astype(float)
    model = fit("mean((v - a*p - b*q)^2)", "a=0, b=0", data={"v": V, "p": low, "q": 1 - low})
    assert model.metrics is not None and model.metrics.r2_centred and model.metrics.df_model == 1


def test_f_is_for_linear_models() -> None:
    model = fit("mean((y - (a*exp(-k*x) + c))^2)", "a=1, k=0.3, c=0")
    assert model.metrics is not None and np.isnan(model.metrics.f) and np.isfinite(model.metrics.aic)
    assert "F " not in model.summary() and "R² 0.9" in model.summary()


def test_parameters_that_the_rows_do_not_tell_apart() -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit("mean((v - a - b*x - c*x)^2)", "a=0, b=0, c=0")
    peer = sm.OLS(V, ONES).fit()
    m = model.metrics
    assert m is not None and (m.parameters, m.df_residual, model.df) == (2, N - 2, N - 2)
    assert [m.r2, m.f, m.aic] == pytest.approx([peer.rsquared, peer.fvalue, peer.aic], rel=1e-9)
    # What is determined keeps its standard error.
    assert model.inference.std_error[0] == pytest.approx(peer.bse[0], rel=1e-9)
    assert np.isnan(model.inference.std_error[1:]).all()
    text = " ".join(model.summary().split())
    assert (
        "the rows determine 2 of 3 parameters: b, c are not separately determined" in text and "b − c" in text
    )
    assert fit("mean((v - a*x - b*x)^2)", "a=0, b=0").metrics.f > 0  # type: ignore[union-attr]


def test_no_degree_of_freedom_tests_nothing() -> None:
    model = fit("mean((v - a - b*x)^2)", "a=0, b=0", data={"v": V[:2], "x": X[:2]})
    assert np.isnan(model.inference.std_error).all() and "no degree of freedom is left" in model.summary()


def test_an_unfinished_run_tests_nothing_and_a_finished_one_says_how_near() -> None:
    far = fit("mean((v - a - b*x)^2)", "a=0, b=0", epochs=3)
    assert far.metrics is None and np.isnan(far.inference.std_error).all()
    assert "nothing is tested" in far.summary() and "AIC" not in far.summary()
    near = fit("mean((v - a - b*x)^2)", "a=1, b=2", optimizer="adam", learning_rate=0.02, epochs=250)
    best = fit("mean((v - a - b*x)^2)", "a=0, b=0")
    assert not near.fit.converged and "ended within" in near.summary()  # type: ignore[union-attr]
    assert near.inference.std_error == pytest.approx(best.inference.std_error, rel=1e-3)


# --- bounds ---


def test_a_parameter_at_its_bound_is_called_so() -> None:
    sm = pytest.importorskip("statsmodels.api")
    model = fit("mean((v - a - b*x)^2)", "a=1, b=0.5", bounds={"b": (0, 1)})
    assert model.coefficients["b"] == pytest.approx(1, abs=1e-9)
    assert "b is at its bound (b < 1)" in str(model.fit.reason)  # type: ignore[union-attr]
    assert "at a bound (b < 1)" in model.summary()
    held = sm.OLS(V - X, np.ones(N)).fit()
    assert model.coefficients["a"] == pytest.approx(held.params[0], rel=1e-8)
    assert np.isnan(model.inference.std_error[1])
    assert model.inference.std_error[0] == pytest.approx(held.bse[0], rel=1e-8)
    inside = fit("mean((v - a - b*x)^2)", "a=1, b=0.5", bounds={"b": (0, 5)})
    assert np.isfinite(inside.inference.std_error).all() and "bound" not in inside.summary()


# --- intervals ---


def test_intervals_are_those_of_linear_regression() -> None:
    sm = pytest.importorskip("statsmodels.api")
    new = np.linspace(-1, 7, 9)
    model = fit("sqrt(mean((v - a - b*x)^2))", "a=0, b=0")
    peer = sm.OLS(V, ONES).fit().get_prediction(np.column_stack([np.ones(9), new]))
    for level in (0.95, 0.8):
        frame = peer.summary_frame(alpha=1 - level)
        back = FittedFormula.from_spec(model.spec())
        for made in (model, back):
            y, low, high = made.predict_interval({"x": new}, level)
            assert y == pytest.approx(frame["mean"].to_numpy(), rel=1e-9)
            assert low == pytest.approx(frame["obs_ci_lower"].to_numpy(), rel=1e-9)
            assert high == pytest.approx(frame["obs_ci_upper"].to_numpy(), rel=1e-9)
            _, low, high = made.predict_interval({"x": new}, level, "mean")
            assert low == pytest.approx(frame["mean_ci_lower"].to_numpy(), rel=1e-9)
            assert high == pytest.approx(frame["mean_ci_upper"].to_numpy(), rel=1e-9)


def test_intervals_of_a_weighted_fit_know_the_weight_of_a_row() -> None:
    sm = pytest.importorskip("statsmodels.api")
    new, w = np.linspace(-1, 7, 9), np.linspace(0.5, 4, 9)
    model = fit("mean(w*(v - a - b*x)^2)", "a=0, b=0")
    peer = sm.WLS(V, ONES, weights=W).fit().get_prediction(np.column_stack([np.ones(9), new]), weights=w)
    frame = peer.summary_frame()
    _, low, high = model.predict_interval({"x": new, "w": w})
    assert low == pytest.approx(frame["obs_ci_lower"].to_numpy(), rel=1e-9)
    assert high == pytest.approx(frame["obs_ci_upper"].to_numpy(), rel=1e-9)
    with pytest.raises(GradworkError, match="needs the weights of the new rows: column 'w'"):
        model.predict_interval({"x": new})
    _, low, _ = model.predict_interval({"x": new}, kind="mean")
    assert low == pytest.approx(frame["mean_ci_lower"].to_numpy(), rel=1e-9)


def test_intervals_of_a_curve_are_by_the_delta_method() -> None:
    from scipy import stats

    model = fit("mean((y - (a*exp(-k*x) + c))^2)", "a=1, k=0.3, c=0")
    a, k, _ = model.estimate
    new = np.linspace(0, 8, 7)
    G = np.column_stack([np.exp(-k * new), -a * new * np.exp(-k * new), np.ones(7)])
    variance = np.einsum("ij,jk,ik->i", G, model.covariance, G)
    q = stats.t.ppf(0.975, N - 3)
    y, low, high = model.predict_interval({"x": new})
    assert high - y == pytest.approx(q * np.sqrt(variance + model.sigma**2), rel=1e-8)
    assert y - low == pytest.approx(high - y)
    y, low, _ = model.predict_interval({"x": new}, kind="mean")
    assert y - low == pytest.approx(q * np.sqrt(variance), rel=1e-8)


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, inside = np.random.default_rng(3), []
    x = np.linspace(0, 4, 25)
    for _ in range(60):
        y = 2 * np.exp(-0.5 * x) + rng.normal(0, 0.2, 25)
        model = fit("mean((y - a*exp(-k*x))^2)", "a=1, k=0.3", data={"x": x, "y": y})
        _, low, high = model.predict_interval({"x": x}, 0.8)
        again = 2 * np.exp(-0.5 * x) + rng.normal(0, 0.2, 25)
        inside.append((low < again) & (again < high))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("mean(abs(v - a - b*x)^1.5)", "has no intervals"),
        ("mean((v - a - b*x - c*x)^2)", "b, c are not determined"),
    ],
)
def test_where_there_are_no_intervals(formula: str, message: str) -> None:
    model = fit(formula, "a=1, b=1" + (", c=1" if "c*" in formula else ""))
    with pytest.raises(GradworkError, match=message):
        model.predict_interval(TABLE)


# --- validation ---


def test_held_out_rows_are_scored_and_the_solver_stays() -> None:
    from gradwork.data.batches import split

    training, held = split(N, 0.25, 3)
    model = fit("mean((y - (a*exp(-k*x) + c))^2)", "a=1, k=0.3, c=0", validation=0.25, seed=3)
    part = fit(
        "mean((y - (a*exp(-k*x) + c))^2)", "a=1, k=0.3, c=0", data={"x": X[training], "y": Y[training]}
    )
    assert model.rows == len(training) == 90 and model.fit is not None and model.fit.solver == "lm"
    assert model.estimate == pytest.approx(part.estimate, rel=1e-12)
    loss = ((Y[held] - part.predict({"x": X[held]})) ** 2).mean()
    assert model.fit.validation_loss == pytest.approx(loss, rel=1e-10)
    assert f"30 rows held out, loss {loss:.6g}" in model.summary()
    assert len(model.fit.history) > 2
    descended = fit("mean((v - a - b*x)^2)", "a=1, b=2", validation=0.25, seed=3, epochs=20)
    assert descended.fit is not None
    assert np.isfinite(descended.fit.history.validation_loss[-1])


# --- columns ---


def test_columns_in_backquotes() -> None:
    table = {"petal width (cm)": V, "sepal-length": X, "log": W, "x": Z}
    quoted = "mean((`petal width (cm)` - a - b*`sepal-length` - c*`log` - d*x)^2)"
    model = fit(quoted, "a=0, b=0, c=0, d=0", data=table)
    plain = fit("mean((v - a - b*x - c*w - d*z)^2)", "a=0, b=0, c=0, d=0")
    assert model.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert model.target == "petal width (cm)" and set(model.columns) == set(table)
    assert model.predict(table) == pytest.approx(plain.predict(TABLE), rel=1e-12)
    back = FittedFormula.from_spec(model.spec())
    assert back.predict_interval(table)[1] == pytest.approx(plain.predict_interval(TABLE)[1], rel=1e-9)
    assert back.summary() == model.summary()
    assert "petal_width_cm = " in model.equation and model.derivation.replay()


@pytest.mark.parametrize(
    ("column", "formula"),
    [
        ("petal width (cm)", "mean((petal width (cm) - a)^2)"),
        ("petal_width_(cm)", "mean((petal_width_(cm) - a)^2)"),
        ("log-price", "mean((log-price - a)^2)"),
        ("Sepal.Length", "mean((Sepal.Length - a)^2)"),
        ("2nd", "mean((2nd - a)^2)"),
    ],
)
def test_a_name_that_needs_backquotes_is_shown_with_them(column: str, formula: str) -> None:
    with pytest.raises(GradworkError) as caught:
        fit(formula, "a=1", data={column: V})
    first, shown, mark = str(caught.value).splitlines()
    assert f"`{column}`" in first
    at = shown.index(column)
    assert mark == " " * at + "^" * len(column)
    assert fit(formula.replace(column, f"`{column}`"), "a=1", data={column: V}).estimate == pytest.approx(
        [V.mean()]
    )


def test_a_difference_of_columns_is_no_column_of_that_name() -> None:
    model = fit("mean((v-x - a)^2)", "a=1", data={"v": V, "x": X, "v-x": Z})
    assert model.estimate == pytest.approx([(V - X).mean()])


@pytest.mark.parametrize(
    "formula", ["mean((y - a*log(x))^2)", "mean((y - exp(a*log(x)))^2)", "mean(abs(y - a*log(x)))"]
)
def test_what_left_its_domain_is_named_with_the_row_of_the_table(formula: str) -> None:
    table = {"x": [1.0, np.nan, 2.0, 0.0, 3.0], "y": [1.0, 2, 3, 4, 5]}
    with pytest.raises(GradworkError) as caught:
        fit(formula, "a=0.5", data=table, missing="drop")
    assert "log x is −∞ in row 4: the logarithm of 0, where x = 0" in str(caught.value)


# --- what a formula is ---


@pytest.mark.parametrize(
    ("formula", "core", "weight", "penalty"),
    [
        ("sum((y - a*x)^2)/2 + 5", "1/2 Σ (y − ax)²", "None", "None"),
        ("n/2*log(mean((y - a*x)^2))", "mean((y − ax)²)", "None", "None"),
        ("sum(((y - a*x)/w)^2)", "Σ ((y − ax)/w)²", "1/w²", "None"),
        ("sum((y - a*x)^2) + 0.1*a^2", "Σ (y − ax)² + 0.1a²", "None", "0.1a²"),
    ],
)
def test_forms(formula: str, core: str, weight: str, penalty: str) -> None:
    form = form_of(parse_columns(formula, ["y", "x", "w"], ["a"]), ["a"])
    assert (str(form.core), str(form.weight), str(form.penalty)) == (core, weight, penalty)
    assert form.target == "y" and str(form.prediction) == "ax"


@pytest.mark.parametrize(
    "formula",
    ["sum(log(a) + (y - b)^2/(2*a^2))", "mean(abs(y - a*x - b)^1.5)", "(mean(y - a*x - b) - 1)^2 - b", "1/mean((y - a*x - b)^2)"],
)  # fmt: skip
def test_what_is_no_sum_of_squares(formula: str) -> None:
    assert form_of(parse_columns(formula, ["y", "x"], ["a", "b"]), ["a", "b"]).found is None
