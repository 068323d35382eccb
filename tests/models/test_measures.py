"""The measures and remarks of a fit: what belongs to it is there with its value, what does not is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.stats.collinearity import inflated, inflation
from gradwork.stats.determined import spans_constant
from gradwork.stats.likelihoods import overdispersion

RNG = np.random.default_rng(1)
N = 200
x, z = RNG.normal(size=N), RNG.normal(size=N)
g = RNG.choice(list("abc"), N)
y = 1 + 2 * x - z + 3 * (g == "b") + RNG.normal(size=N)
ROWS: dict[str, Any] = {"x": x, "z": z, "g": g, "y": y}
GROUPS = np.column_stack([g == level for level in "abc"]).astype(float)


# --- categories ----------------------------------------------------------------------------------------------


def test_categories_of_one_column_are_not_multiplied() -> None:
    model = gw.fit({**ROWS, "h": np.where(RNG.random(N) < 0.5, "u", "v")}, "y", "poly:2:interactions")
    assert "g[b]·g[c]" not in model.names and {"x·g[b]", "g[b]·h[v]", "g[c]·h[v]"} <= set(model.names)
    assert np.isfinite(model.inference.std_error).all() and "rank" not in model.summary()


def test_without_an_intercept_every_category_of_the_first_column_has_a_coefficient() -> None:
    h = np.where(RNG.random(N) < 0.5, "u", "v")
    model = gw.fit({**ROWS, "h": h}, "y", intercept=False)
    A = np.column_stack([x, z, GROUPS, h == "v"])
    assert model.names == ("x", "z", "g[a]", "g[b]", "g[c]", "h[v]")
    assert model.beta == pytest.approx(np.linalg.lstsq(A, y, rcond=None)[0], rel=1e-10)
    assert "'g' has 3 categories, each with a coefficient" in model.summary()
    again = type(model).from_spec(model.spec())
    assert again.predict({**ROWS, "h": h}) == pytest.approx(A @ model.beta, rel=1e-12)


@pytest.mark.parametrize("cov", [None, "HC1"])
def test_a_constant_among_the_columns_is_an_intercept_to_the_measures(cov: str | None) -> None:
    inner = gw.fit(ROWS, "y", intercept=False, cov=cov).metrics
    outer = gw.fit(ROWS, "y", cov=cov).metrics
    assert inner.r2_centred and inner.r2 == pytest.approx(outer.r2, rel=1e-12)
    assert inner.df_model == outer.df_model == 4
    if cov is None:
        assert inner.f == pytest.approx(outer.f, rel=1e-10)
    else:  # which combination is the constant, and not to be tested, is not known
        assert np.isnan(inner.f)
    assert not gw.fit({"x": x, "z": z, "y": y}, "y", intercept=False).metrics.r2_centred


def test_a_constant_is_one_in_every_row() -> None:
    X = np.zeros((1000, 2))
    X[np.arange(1000), np.arange(1000) % 2] = 3
    assert spans_constant(X)
    X[-1] = 1
    assert not spans_constant(X)


# --- collinear columns ---------------------------------------------------------------------------------------


def variances(A: np.ndarray) -> np.ndarray:
    """Return the diagonal of (AᵀA)⁻¹ but for its first column, that of the intercept."""
    return np.asarray(np.diag(np.linalg.inv(A.T @ A)), dtype=float)[1:]


def test_inflation_is_that_of_the_regression_on_the_other_columns() -> None:
    X = np.column_stack([x, z, x + 0.2 * RNG.normal(size=N)])
    w = RNG.uniform(0.5, 2, N)
    for weights in (None, w):
        root = np.sqrt(np.ones(N) if weights is None else weights)[:, None]
        found = []
        for j in range(3):
            others = root * np.column_stack([np.ones(N), np.delete(X, j, axis=1)])
            own, one = root[:, 0] * X[:, j], root
            left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
            around = own - one @ np.linalg.lstsq(one, own, rcond=None)[0]
            found.append((around @ around) / (left @ left))
        A = root * np.column_stack([np.ones(N), X])
        assert inflation(variances(A), X, weights) == pytest.approx(found, rel=1e-9)
    assert str(inflated(np.array([20.0, 1, 30]), X, ("a", "b", "c"))).startswith(
        "strongly correlated columns: 'c', 'a'"
    )
    assert inflated(np.array([9.0, 1, 9]), X, ("a", "b", "c")) is None
    assert inflated(np.array([20.0, 30]), GROUPS, ("u", "v")) is None


@pytest.mark.parametrize("model", ["linear", "logistic"])
def test_strongly_correlated_columns_are_said(model: str) -> None:
    near = {"x": x, "z": z, "twin": x + 0.1 * z + 0.05 * RNG.normal(size=N)}
    goal = y if model == "linear" else (x + RNG.normal(size=N) > 0).astype(int)
    for options in ({}, {"scale": False}, {"cov": "HC0"}):
        fitted = gw.fit({**near, "y": goal}, "y", model, **options)
        A = np.column_stack([np.ones(N), *near.values()])
        p = fitted.mean(near)
        w = np.ones(N) if model == "linear" else p[:, 1] * p[:, 0]
        factors = inflation(variances(np.sqrt(w)[:, None] * A), A[:, 1:], w)
        assert f"(variance inflation factor {factors.max():.3g})" in " ".join(fitted.summary().split())
    assert "strongly" not in gw.fit({"x": x, "z": z, "y": goal}, "y", model).summary()
    assert "strongly" not in gw.fit({"x": x + 9, "y": y}, "y", "poly:3").summary()


def test_a_penalty_decides_what_the_rows_do_not() -> None:
    for rows, columns in (
        (200, {"x": x, "z": z, "s": x + z}),
        (10, {f"v{j}": RNG.normal(size=10) for j in range(15)}),
    ):
        model = gw.fit({**columns, "y": y[:rows]}, "y", "ridge:0.1")
        text = " ".join(model.summary().split())
        assert np.isfinite(model.inference.std_error).all()
        assert "without the penalty infinitely many fits would be equally good" in text
        assert "no standard error" not in text and "fits are equally good" not in text


# --- fits without residuals ----------------------------------------------------------------------------------


def test_rounding_is_no_likelihood() -> None:
    for columns in ({"x": x[:2]}, {f"v{j}": RNG.normal(size=8) for j in range(12)}):
        n = len(next(iter(columns.values())))
        m = gw.fit({**columns, "y": y[:n]}, "y").metrics
        assert m.df_residual == 0 and np.isnan([m.log_likelihood, m.aic, m.bic, m.sigma]).all()
        assert m.rmse == m.mae == 0
    exact = gw.fit({"x": np.arange(10.0), "y": 3 + 2 * np.arange(10.0)}, "y").metrics
    assert exact.rmse == 0 and np.isnan(exact.sigma)


def test_the_residual_deviation_is_of_the_degrees_of_freedom() -> None:
    model = gw.fit({"x": x, "y": y}, "y")
    r = y - model.predict({"x": x})
    assert model.metrics.sigma == pytest.approx(np.sqrt(r @ r / (N - 2)), rel=1e-12)
    assert f"residual sd {model.metrics.sigma:.4g}" in model.summary()
    assert "residual sd" not in gw.fit({"x": x, "y": y}, "y", loss="huber").summary()


# --- equations -----------------------------------------------------------------------------------------------


def test_an_estimate_without_end_stands_so_in_the_equation() -> None:
    steps = np.round(2 * x) / 2
    label = np.where(steps == 0, RNG.integers(0, 2, N), steps > 0).astype(int)
    assert "+ ∞ x" in gw.fit({"x": steps, "z": z, "y": label}, "y").equation
    assert gw.fit({"x": x, "z": z, "y": (x > 0.1).astype(int)}, "y").equation == ""


# --- counts --------------------------------------------------------------------------------------------------


def test_counts_with_more_spread_than_poissons_are_said() -> None:
    mean = np.exp(1 + 0.5 * x)
    plain = gw.fit({"x": x, "y": RNG.poisson(mean)}, "y", "poisson")
    assert "vary more" not in plain.summary()
    many = RNG.poisson(mean * RNG.gamma(1.0, 1.0, N))
    model = gw.fit({"x": x, "y": many}, "y", "poisson")
    mu = model.mean({"x": x})
    chi2 = float(((many - mu) ** 2 / mu).sum())
    assert model.metrics.pearson == pytest.approx(chi2, rel=1e-12)
    assert f"Pearson χ² is {chi2 / (N - 2):.3g} times its degrees of freedom" in " ".join(
        model.summary().split()
    )
    assert "vary more" not in gw.fit({"x": x, "y": many}, "y", "poisson", cov="HC0").summary()


def test_overdispersion_is_measured_in_its_own_deviations() -> None:
    rng = np.random.default_rng(5)
    mean = rng.uniform(0.2, 4, 300)
    scores = [overdispersion(rng.poisson(mean), mean, 300)[1] for _ in range(400)]
    assert abs(np.mean(scores)) < 0.2 and 0.85 < np.std(scores) < 1.15


def test_a_target_of_few_whole_numbers_may_be_labels() -> None:
    labels = np.arange(N) % 3
    assert (
        "y holds 3 whole numbers from 0 to 2, taken as numbers"
        in gw.fit({"x": x, "y": labels}, "y").summary()
    )
    assert "whole numbers" not in gw.fit({"x": x, "y": labels}, "y", "linear").summary()
    assert "whole numbers" not in gw.fit({"x": x, "y": np.arange(N) % 150}, "y").summary()


# --- formulas ------------------------------------------------------------------------------------------------

NORMAL = "{}(log(s) + 0.5*log(2*pi) + (y - a - b*x)^2/(2*s^2))"


@pytest.mark.parametrize("whole", ["sum", "mean"])
def test_a_likelihood_has_its_value_aic_and_bic(whole: str) -> None:
    rows = {"x": x, "y": 1 + 2 * x + RNG.normal(size=N)}
    model = gw.fit(rows, formula=NORMAL.format(whole), params="a=0, b=0, s=1")
    plain = gw.fit(rows, "y").metrics
    assert model.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-9)
    assert model.loss == pytest.approx(-plain.log_likelihood / (1 if whole == "sum" else N), rel=1e-9)
    # Here the deviation is a parameter, too.
    assert f"AIC {plain.aic + 2:.6g}   BIC {plain.bic + np.log(N):.6g}" in model.summary()
    again = type(model).from_spec(model.spec())
    assert (again.loss, again.log_likelihood) == (model.loss, model.log_likelihood)
    assert again.summary() == model.summary()


def test_what_is_no_likelihood_has_its_value_only() -> None:
    model = gw.fit({"x": x, "y": y}, formula="mean(abs(y - a - b*x))", params="a=0, b=0")
    r = np.abs(y - model.predict({"x": x, "y": y})).mean()
    assert f"loss {r:.6g}" in model.summary() and "AIC" not in model.summary()
    assert "AIC" not in gw.fit({"x": x, "y": y}, formula="mean((y - a - b*x)^4)", params="a=0, b=0").summary()


def test_robust_errors_of_a_formula_leave_no_f_and_no_likelihood() -> None:
    formula, params = "mean((y - a - b*x)^2)", "a=0, b=0"
    plain = gw.fit({"x": x, "y": y}, formula=formula, params=params).metrics
    robust = gw.fit({"x": x, "y": y}, formula=formula, params=params, cov="HC1").metrics
    assert np.isfinite([plain.f, plain.log_likelihood]).all()
    assert np.isnan([robust.f, robust.f_p, robust.log_likelihood, robust.aic, robust.bic]).all()
    assert robust.r2 == plain.r2 and robust.sigma == plain.sigma
