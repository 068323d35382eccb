"""Standard errors from Hessians and scores, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import GradworkError, ShapeError
from gradwork.stats import coefficient_table, least_squares, observed_information, sandwich

RNG = np.random.default_rng(11)
X = np.column_stack([np.ones(200), RNG.normal(size=(200, 2)) * [1, 30]])


def newton(mean, variance, y):
    """Fit a canonical generalised linear model; return estimate, Hessian and per-row scores."""
    b = np.zeros(3)
    for _ in range(50):
        mu = mean(X @ b)
        b = b + np.linalg.solve(X.T @ (X * variance(mu)[:, None]), X.T @ (y - mu))
    mu = mean(X @ b)
    return b, X.T @ (X * variance(mu)[:, None]), X * (mu - y)[:, None]


LOGIT = (lambda z: 1 / (1 + np.exp(-z)), lambda p: p * (1 - p))
POISSON = (np.exp, lambda mu: mu)


@pytest.mark.parametrize("family", ["Logit", "Poisson"])
@pytest.mark.parametrize("kind", ["nonrobust", "HC0", "HC1"])
def test_as_statsmodels_has_it(family: str, kind: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    eta = X @ [0.3, 0.8, -0.01]
    y = (RNG.random(200) < 1 / (1 + np.exp(-eta))) if family == "Logit" else RNG.poisson(np.exp(eta))
    y = y.astype(float)
    b, H, S = newton(*(LOGIT if family == "Logit" else POISSON), y)
    covariance = observed_information(H).covariance
    if kind != "nonrobust":
        covariance = sandwich(covariance, S, kind)
    model = getattr(sm, family)(y, X)
    peer = model.fit(disp=0, tol=1e-14, maxiter=100, cov_type=kind)
    table = coefficient_table(b, covariance, ["intercept", "a", "b"])
    assert table.statistic_name == "z"
    assert table.estimate == pytest.approx(peer.params, rel=1e-8)
    # statsmodels 0.15 leaves HC1 uncorrected for likelihoods; n/(n − p) is what it does for least squares, and
    # what R's sandwich::vcovHC does for both.
    factor = np.sqrt(200 / 197) if kind == "HC1" else 1.0
    peer_error = peer.bse if kind == "nonrobust" else model.fit(disp=0, tol=1e-14, cov_type="HC0").bse
    assert table.std_error == pytest.approx(peer_error * factor, rel=1e-6)
    if kind != "HC1":
        assert table.p_value == pytest.approx(peer.pvalues, rel=1e-5, abs=1e-14)
        assert np.column_stack([table.lower, table.upper]) == pytest.approx(peer.conf_int(), rel=1e-6)


@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_the_sandwich_of_least_squares(kind: str) -> None:
    sm = pytest.importorskip("statsmodels.api")
    y = X @ [1, 2, 0.1] + RNG.normal(size=200) * np.abs(X[:, 1])
    fit = least_squares(X, y)
    covariance = sandwich(fit.inverse, -X * fit.residuals[:, None], kind)
    assert covariance == pytest.approx(sm.OLS(y, X).fit(cov_type=kind).cov_params(), rel=1e-9, abs=1e-15)


def test_units_do_not_make_a_hessian_indefinite() -> None:
    H = np.array([[1.0, 0.3], [0.3, 1.0]])
    d = np.array([1e-12, 1e12])
    info = observed_information(H * np.outer(d, d))
    assert info.definite
    assert info.covariance * np.outer(d, d) == pytest.approx(np.linalg.inv(H))


def test_a_flat_direction_is_named_and_the_rest_kept() -> None:
    info = observed_information([[2, -2, 0], [-2, 2, 0], [0, 0, 4.0]], ["a", "b", "c"])
    assert not info.definite
    assert str(info.note) == (
        "the Hessian is not positive definite (smallest eigenvalue 0 after scaling, along a + b): "
        "a, b have no standard error"
    )
    assert np.isnan(np.diag(info.covariance)[:2]).all()
    assert info.covariance[2, 2] == pytest.approx(0.25)


def test_a_saddle_and_a_hessian_that_is_not_finite() -> None:
    info = observed_information([[1.0, 0.0], [0.0, -3.0]], ["a", "b"])
    assert "smallest eigenvalue −1 after scaling, along b): b has no standard error" in str(info.note)
    assert info.covariance[0, 0] == 1
    info = observed_information([[1.0, np.nan], [np.nan, 1.0]], ["a", "b"])
    assert str(info.note) == "the Hessian is not finite (first at a, b): no standard errors"
    assert np.isnan(info.covariance).all()


def test_t_has_wider_intervals_than_z() -> None:
    z, t = (coefficient_table([1.0], [[1.0]], ["x"], df) for df in (None, 3))
    assert (z.lower[0], z.upper[0]) == pytest.approx((1 - 1.959963984540054, 1 + 1.959963984540054))
    assert t.upper[0] == pytest.approx(1 + 3.182446305284263)
    assert coefficient_table([1.0], [[1.0]], ["x"], 3, level=0.9).upper[0] == pytest.approx(
        1 + 2.3533634348018
    )


def test_what_does_not_exist_is_nan() -> None:
    table = coefficient_table([1.0, 0.0, 2.0], np.diag([np.nan, 0.0, 1.0]), ["a", "b", "c"], df=5)
    assert np.isnan(table.p_value).tolist() == [True, True, False]
    assert np.isnan(coefficient_table([1.0], [[1.0]], ["a"], df=0).upper).all()
    assert coefficient_table([1.0], [[0.0]], ["a"], df=5).p_value[0] == 0


def test_bad_input() -> None:
    with pytest.raises(GradworkError, match="between 0 and 1"):
        coefficient_table([1.0], [[1.0]], ["a"], level=95)
    with pytest.raises(ShapeError):
        coefficient_table([1.0], [[1.0]], ["a", "b"])
    with pytest.raises(ShapeError):
        observed_information([[1.0, 2.0]])
    with pytest.raises(ShapeError):
        sandwich([[1.0]], [[1.0, 2.0]])
    with pytest.raises(GradworkError, match="HC0 or HC1, not 'HC3'"):
        sandwich([[1.0]], [[1.0]], "HC3")
    with pytest.raises(GradworkError, match="n − p"):
        sandwich([[1.0]], [[1.0]], "HC1")
