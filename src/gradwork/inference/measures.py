"""The measures of a fit, as far as they are what they are taken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradwork.data.targets import Target
from gradwork.families.family import COUNTS, Family, Unit, deviances, log_density
from gradwork.families.model import Model
from gradwork.inference.columns import Errors
from gradwork.learn.fit import Fit
from gradwork.stats.likelihoods import LikelihoodMetrics, aic, bic, overdispersion
from gradwork.stats.metrics import RegressionMetrics, regression_metrics
from gradwork.words.notes import Caution, Line

Array = NDArray[Any]
NAN = float("nan")
ROUNDING = 1e-13  # residuals this small beside the target are those of arithmetic
OVERDISPERSED, CLEARLY = (
    1.25,
    3.0,
)  # Pearson's χ² over its df, and its distance from df in standard deviations


def measures(
    model: Model, y: Array, means: Array, losses: Array, spread: Errors, run: Fit, beta: Array,
    cov: str | None, far: bool, constant: bool,
) -> RegressionMetrics | LikelihoodMetrics:  # fmt: skip
    """Return the measures of a fit; what holds of another kind of fit only is NaN. `constant`: whether the model
    has the constant, as its intercept or as a combination of columns.

    y, means, losses: of each row that was learned from the target as the loss has it, the prediction, the loss.
    F, log-likelihood and what is made of it belong to least squares and to maximum likelihood, at the maximum: not to
    penalised or robust losses, to separated classes, nor to a run that ended far from it (`far`). With robust standard
    errors F is the Wald test of all columns, and the likelihood, whose spread is not believed, is left out.
    """
    block = model.block
    if block is None or not block.likelihood or (model.unit is not None and model.unit.quadratic):
        return _of_numbers(model, y, means, spread, run, beta, cov, far, constant)
    intercepts = (y.shape[1] - 1 if y.ndim > 1 else 1) * constant
    m = fitted_likelihood(
        block,
        y,
        losses,
        int(round(spread.rank)),
        intercepts,
        spread.dispersion,
        spread.pearson,
        model.constants,
    )
    if not constant or cov is not None:  # the null model is no part of it; or another test is due
        m = replace(m, lr=NAN, lr_p=NAN)
    if far or model.penalty is not None or spread.null.shape[1] == len(spread.null):
        m = replace(m, aic=NAN, bic=NAN, lr=NAN, lr_p=NAN)
    if far:
        m = replace(m, pearson=NAN)
    return m


def _of_numbers(
    model: Model, y: Array, means: Array, spread: Errors, run: Fit, beta: Array, cov: str | None, far: bool,
    constant: bool,
) -> RegressionMetrics:  # fmt: skip
    found = run.details.get("least_squares")
    # Those of a penalised fit are of more rows, and of scaled columns.
    residuals = found.residuals if found is not None and model.squares else None
    m = regression_metrics(y, means, int(round(spread.rank)), intercept=constant, residuals=residuals)
    if not model.squares:
        # With a penalty the deviation is that of the effective parameters; a loss that is no likelihood has none.
        sigma = float(np.sqrt(spread.sigma2)) if model.likelihood else NAN
        return replace(m, f=NAN, f_p=NAN, r2_adjusted=NAN, log_likelihood=NAN, aic=NAN, bic=NAN, sigma=sigma)
    if far:
        return replace(m, f=NAN, f_p=NAN, r2_adjusted=NAN, log_likelihood=NAN, aic=NAN, bic=NAN)
    if np.isnan(spread.covariance).all():  # an exact fit: what is left is rounding
        m = replace(m, f=NAN, f_p=NAN, log_likelihood=NAN, aic=NAN, bic=NAN, sigma=NAN)
        small = m.rmse <= ROUNDING * float(np.abs(y).max())
        return replace(m, rmse=0.0, mae=0.0) if small else m
    if cov is not None:
        f, p = _wald(beta, spread, m, model.intercept) if model.intercept == constant else (NAN, NAN)
        return replace(m, f=f, f_p=p, log_likelihood=NAN, aic=NAN, bic=NAN)
    return m


def fitted_likelihood(
    family: Family, y: Array, losses: Array, parameters: int, intercepts: int = 1, dispersion: float = 1.0,
    pearson: float = NAN, constants: Mapping[str, float] = {},
) -> LikelihoodMetrics:  # fmt: skip
    """Return the measures of a fit by maximum likelihood, from the family's density.

    y: the target (one-hot for classes), losses: the loss of each row; `parameters` counts all of them, `intercepts`
    those of the null model.

    >>> from gradwork.families.named import BINOMIAL
    >>> y, p = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.6, 0.9])
    >>> m = fitted_likelihood(BINOMIAL, y, -np.log(np.where(y > 0, p, 1 - p)), 2)
    >>> round(m.deviance, 4), round(m.null_deviance, 4), round(m.pseudo_r2, 4)
    (2.4647, 5.5452, 0.5555)
    """
    ll = float(log_density(family, y, losses, dispersion, constants).sum())
    ll0 = d0 = NAN
    if family.null is not None:
        none = np.broadcast_to(np.asarray(family.null(y), dtype=float), y.shape).copy()
        flat = Unit.of(family).losses(y, none, constants)
        ll0 = float(log_density(family, y, flat, dispersion, constants).sum())
        d0 = float(deviances(family, y, flat, constants).sum())
    lr, df = 2 * (ll - ll0), parameters - intercepts
    # A density of numbers has a unit, and the ratio of two of its logarithms says nothing.
    share = 1 - ll / ll0 if ll0 != 0 and not family.dispersion else NAN
    return LikelihoodMetrics(
        family=family.name, rows=len(y), parameters=parameters, log_likelihood=ll, null_log_likelihood=ll0,
        deviance=float(deviances(family, y, losses, constants).sum()), null_deviance=d0, aic=aic(ll, parameters),
        bic=bic(ll, parameters, len(y)), pseudo_r2=share, lr=lr, df_model=df,
        lr_p=float(special.chdtrc(df, max(lr, 0.0))) if df > 0 else NAN,
        pearson=pearson, dispersion=dispersion if family.dispersion else NAN,
    )  # fmt: skip


def spread_note(
    model: Model, y: Array, means: Array, spread: Errors, cov: str | None, far: bool
) -> Caution | None:
    """Return a sentence where counts vary so much more than Poisson's that the standard errors are too small."""
    block = model.block
    if block is None or block.dispersion or block.support is not COUNTS or cov is not None or far:
        return None
    ratio, score = overdispersion(y, means, len(y) - spread.rank)
    if not (ratio > OVERDISPERSED and score > CLEARLY):
        return None
    return Caution("overdispersed", ratio=ratio, times=float(np.sqrt(ratio)))


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


def held_facts(goal: Target, means: Array, held: Array) -> Line | None:
    """Return R² of the rows that were held out, about their own mean, or how many of them are told right."""
    y = goal.y[held]
    if goal.levels:
        chosen = means.argmax(axis=1) if means.ndim > 1 else means > 0.5
        right = float((chosen == y).mean())
        return Line("held accuracy", accuracy=right)
    spread = float(((y - y.mean()) ** 2).sum())
    if spread == 0:
        return None
    return Line("held r2", r2=1 - float(((y - means) ** 2).sum()) / spread)
