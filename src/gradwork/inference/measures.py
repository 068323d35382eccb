"""The measures of a fit, as far as they are what they are taken for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradwork.data.targets import Target
from gradwork.inference.columns import Errors
from gradwork.learn.fit import Fit
from gradwork.models.tables.named import Model
from gradwork.stats.likelihoods import LikelihoodMetrics, likelihood_metrics, overdispersion
from gradwork.stats.metrics import RegressionMetrics, regression_metrics
from gradwork.words.numbers import fixed, short
from gradwork.words.say import say

Array = NDArray[Any]
NAN = float("nan")
ROUNDING = 1e-13  # residuals this small beside the target are those of arithmetic
OVERDISPERSED, CLEARLY = (
    1.25,
    3.0,
)  # Pearson's χ² over its df, and its distance from df in standard deviations


def measures(
    model: Model, goal: Target, means: Array, training: Array, spread: Errors, run: Fit, beta: Array,
    cov: str | None, far: bool, constant: bool,
) -> RegressionMetrics | LikelihoodMetrics:  # fmt: skip
    """Return the measures of a fit; what holds of another kind of fit only is NaN. `constant`: whether the model
    has the constant, as its intercept or as a combination of columns.

    F, log-likelihood and what is made of it belong to least squares and to maximum likelihood, at the maximum: not to
    penalised or robust losses, to separated classes, nor to a run that ended far from it (`far`). With robust standard
    errors F is the Wald test of all columns, and the likelihood, whose spread is not believed, is left out.
    """
    y = goal.y[training]
    if model.family in ("", "normal"):
        found = run.details.get("least_squares")
        # Those of ridge are of more rows, and of scaled columns.
        residuals = found.residuals if found is not None and "lam" not in model.constants else None
        m = regression_metrics(y, means, int(round(spread.rank)), intercept=constant, residuals=residuals)
        plain = model.family == "normal" and not model.constants
        if far or not plain:
            sigma = float(
                np.sqrt(spread.sigma2)
            )  # of ridge that of its effective parameters; of other losses none
            return replace(
                m, f=NAN, f_p=NAN, r2_adjusted=NAN, log_likelihood=NAN, aic=NAN, bic=NAN, sigma=sigma
            )
        if np.isnan(spread.covariance).all():  # an exact fit: what is left is rounding
            m = replace(m, f=NAN, f_p=NAN, log_likelihood=NAN, aic=NAN, bic=NAN, sigma=NAN)
            small = m.rmse <= ROUNDING * float(np.abs(y).max())
            return replace(m, rmse=0.0, mae=0.0) if small else m
        if cov is not None:
            f, p = _wald(beta, spread, m, model.intercept) if model.intercept == constant else (NAN, NAN)
            return replace(m, f=f, f_p=p, log_likelihood=NAN, aic=NAN, bic=NAN)
        return m
    k = len(goal.levels) if model.family == "multinomial" else 2
    m = likelihood_metrics(model.family, y, means, int(round(spread.rank)), (k - 1) * constant)
    if not constant or cov is not None:  # the null model is no part of it; or another test is due
        m = replace(m, lr=NAN, lr_p=NAN)
    if far or model.constants or spread.null.shape[1] == len(spread.null):
        m = replace(m, aic=NAN, bic=NAN, lr=NAN, lr_p=NAN)
    if far:
        m = replace(m, pearson=NAN)
    return m


def spread_note(model: Model, y: Array, means: Array, spread: Errors, cov: str | None, far: bool) -> str:
    """Return a sentence where counts vary so much more than Poisson's that the standard errors are too small."""
    if model.family != "poisson" or cov is not None or far:
        return ""
    ratio, score = overdispersion(y, means, len(y) - spread.rank)
    if not (ratio > OVERDISPERSED and score > CLEARLY):
        return ""
    return say("overdispersed", ratio=short(ratio, 3), times=short(float(np.sqrt(ratio)), 2))


def _wald(beta: Array, spread: Errors, m: RegressionMetrics, intercept: bool) -> tuple[float, float]:
    """Return F = bᵀC⁻¹b/q of all coefficients but the intercept, with its p-value from F(q, n − p)."""
    b, C = beta[intercept:], spread.covariance[intercept:, intercept:]
    if not len(b) or m.df_residual <= 0 or spread.null.shape[1] or not np.isfinite(C).all():
        return NAN, NAN
    d = np.sqrt(np.diag(C))
    if not (d > 0).all():
        return NAN, NAN
    try:
        f = float(b / d @ np.linalg.solve(C / d / d[:, None], b / d)) / len(b)
    except np.linalg.LinAlgError:  # robust covariances of more columns than rows that differ
        return NAN, NAN
    return f, float(special.fdtrc(len(b), m.df_residual, max(f, 0.0)))


def held_facts(goal: Target, means: Array, held: Array) -> str:
    """Return R² of the rows that were held out, about their own mean, or how many of them are told right."""
    y = goal.y[held]
    if goal.levels:
        chosen = means.argmax(axis=1) if means.ndim > 1 else means > 0.5
        right = float((chosen == y).mean())
        return say("held accuracy", accuracy=f"{100 * right:.1f}")
    spread = float(((y - y.mean()) ** 2).sum())
    if spread == 0:
        return ""
    return say("held r2", r2=fixed(1 - float(((y - means) ** 2).sum()) / spread, 4))
