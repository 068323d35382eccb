"""Log-likelihoods, deviances and what is made of them: AIC, BIC, McFadden's R²."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gradwork.errors import GradworkError

Array = NDArray[np.float64]


def log_likelihood(family: str, y: ArrayLike, fitted: ArrayLike) -> float:
    """Return the log-likelihood of y given the fitted values, constants included.

    normal       −n/2 (log(2π rss/n) + 1)        the variance at its maximum, rss/n
    binomial     Σ y log p + (1 − y) log(1 − p)  fitted: the probability of 1
    multinomial  Σ log P[i, yᵢ]                  y: class numbers 0 … k−1; fitted: n×k
    poisson      Σ y log μ − μ − log y!          fitted: the mean

    >>> round(log_likelihood("binomial", [1] * 27 + [0] * 73, np.full(100, 0.27)), 6)
    -58.325884
    """
    y, mu = _arrays(family, y, fitted)
    return _FORMULAS[family].log_likelihood(y, mu)


def deviance(family: str, y: ArrayLike, fitted: ArrayLike) -> float:
    """Return twice the log-likelihood by which a model with a parameter per row would be better.

    For the normal family it is the residual sum of squares, as in R.

    >>> round(deviance("poisson", [0, 2], [1.0, 1.0]), 6)
    2.772589
    """
    y, mu = _arrays(family, y, fitted)
    return _FORMULAS[family].deviance(y, mu)


def null_fit(family: str, y: ArrayLike) -> Array:
    """Return the fitted values of the model with an intercept alone: the mean, or the shares of the classes.

    >>> null_fit("binomial", [0, 1, 1, 1]).tolist()
    [0.75, 0.75, 0.75, 0.75]
    """
    return _FORMULAS[family].null(np.asarray(y))


def aic(log_likelihood: float, parameters: int) -> float:
    """Return 2 k − 2 log L. As in statsmodels, the variance of a normal model is not counted (in R it is)."""
    return 2 * parameters - 2 * log_likelihood


def bic(log_likelihood: float, parameters: int, rows: int) -> float:
    """Return k log n − 2 log L, counting parameters as `aic` does."""
    return parameters * float(np.log(rows)) - 2 * log_likelihood


@dataclass(frozen=True)
class LikelihoodMetrics:
    """How well a likelihood fits, beside the model with an intercept alone ("null").

    `pseudo_r2` is McFadden's, 1 − log L / log L₀. `lr` is 2 (log L − log L₀), `lr_p` its p-value from χ² with
    the number of parameters beyond the intercept(s), `df_model`. `pearson` is Σ (y − μ)²/μ of counts, which is about
    the residual degrees of freedom where they vary as Poisson's do; `dispersion` is φ of a family that has one.
    """

    family: str
    rows: int
    parameters: int
    log_likelihood: float
    null_log_likelihood: float
    deviance: float
    null_deviance: float
    aic: float
    bic: float
    pseudo_r2: float
    lr: float
    lr_p: float
    df_model: int = 0
    pearson: float = float("nan")
    dispersion: float = float("nan")


def likelihood_metrics(
    family: str, y: ArrayLike, fitted: ArrayLike, parameters: int, intercepts: int = 1
) -> LikelihoodMetrics:
    """Return the measures of a fit by maximum likelihood.

    `parameters` counts all of them (for softmax over k classes, those of k − 1), `intercepts`
    those of the null model.

    >>> m = likelihood_metrics("binomial", [0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9], 2)
    >>> round(m.deviance, 4), round(m.null_deviance, 4), round(m.pseudo_r2, 4)
    (2.4647, 5.5452, 0.5555)
    """
    y = np.asarray(y)
    null = null_fit(family, y)
    ll, ll0 = log_likelihood(family, y, fitted), log_likelihood(family, y, null)
    lr, df = 2 * (ll - ll0), parameters - intercepts
    return LikelihoodMetrics(
        family=family,
        rows=len(y),
        parameters=parameters,
        log_likelihood=ll,
        null_log_likelihood=ll0,
        deviance=deviance(family, y, fitted),
        null_deviance=deviance(family, y, null),
        aic=aic(ll, parameters),
        bic=bic(ll, parameters, len(y)),
        pseudo_r2=1 - ll / ll0 if ll0 != 0 else float("nan"),
        lr=lr,
        df_model=df,
        lr_p=float(special.chdtrc(df, max(lr, 0.0))) if df > 0 else float("nan"),
        pearson=_FORMULAS[family].pearson(y, fitted),
    )


def pearson(y: ArrayLike, mean: ArrayLike) -> float:
    """Return Pearson's χ² of counts, Σ (y − μ)²/μ; a mean that has come down to zero beside a zero adds nothing.

    >>> pearson([0, 3, 0], [1.0, 2.0, 0.0])
    1.5
    """
    y, mu = np.asarray(y, dtype=float), np.asarray(mean, dtype=float)
    some = (mu > 0) | (y != 0)
    with np.errstate(divide="ignore"):
        return float(((y - mu)[some] ** 2 / mu[some]).sum())


def overdispersion(y: ArrayLike, mean: ArrayLike, df: float) -> tuple[float, float]:
    """Return χ²/df of Pearson, and by how many of its standard deviations χ² is above df.

    For Poisson counts χ² has the expectation df and, with means that are known, the variance Σ (2 + 1/μ); rows whose
    mean has come down to zero are not counted.

    >>> ratio, score = overdispersion([0, 8, 0, 8], [4.0, 4.0, 4.0, 4.0], 3)
    >>> round(ratio, 3), round(score, 3)
    (5.333, 4.333)

    Source: P. McCullagh and J. Nelder, *Generalized Linear Models*, 2nd ed. (1989), 4.5.
    """
    mu = np.asarray(mean, dtype=float)
    seen = mu > 1e-6 * mu.mean()
    df -= len(mu) - int(seen.sum())
    if df <= 0:
        return float("nan"), float("nan")
    y, mu = np.asarray(y, dtype=float)[seen], mu[seen]
    chi2 = pearson(y, mu)
    return chi2 / df, (chi2 - df) / float(np.sqrt((2 + 1 / mu).sum()))


@dataclass(frozen=True)
class _Formula:
    """The formulas of one likelihood, in y and the fitted mean (of classes their probabilities)."""

    log_likelihood: Callable[[Array, Array], float]
    deviance: Callable[[Array, Array], float]
    null: Callable[[Array], Array] = lambda y: np.full(len(y), y.mean())
    pearson: Callable[[ArrayLike, ArrayLike], float] = lambda y, mean: float("nan")
    columns: int = 1  # axes of the fitted values


def _normal(y: Array, mu: Array) -> float:
    n, rss = len(y), float(((y - mu) ** 2).sum())
    return float("inf") if rss == 0 else -n / 2 * (np.log(2 * np.pi * rss / n) + 1)


def _binomial(y: Array, mu: Array) -> float:
    return float((special.xlogy(y, mu) + special.xlog1py(1 - y, -mu)).sum())


def _poisson(y: Array, mu: Array) -> float:
    return float((special.xlogy(y, mu) - mu - special.gammaln(y + 1)).sum())


def _poisson_deviance(y: Array, mu: Array) -> float:
    return float(2 * (special.xlogy(y, np.where(y > 0, y, 1.0)) - special.xlogy(y, mu) - y + mu).sum())


def _multinomial(y: Array, mu: Array) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(mu[np.arange(len(y)), y.astype(int)]).sum())


def _shares(y: Array) -> Array:
    return np.tile(np.bincount(y.astype(int)) / len(y), (len(y), 1))


_FORMULAS = {
    "normal": _Formula(_normal, lambda y, mu: float(((y - mu) ** 2).sum())),
    "binomial": _Formula(_binomial, lambda y, mu: float(2 * (_binomial(y, y) - _binomial(y, mu)))),
    "multinomial": _Formula(_multinomial, lambda y, mu: -2 * _multinomial(y, mu), _shares, columns=2),
    "poisson": _Formula(_poisson, _poisson_deviance, pearson=pearson),
}
FAMILIES = tuple(_FORMULAS)


def _arrays(family: str, y: ArrayLike, fitted: ArrayLike) -> tuple[Array, Array]:
    if family not in FAMILIES:
        raise GradworkError("unknown likelihood", family=family, families=FAMILIES)
    y, mu = np.asarray(y, dtype=float), np.asarray(fitted, dtype=float)
    if y.ndim != 1 or mu.ndim != _FORMULAS[family].columns or len(mu) != len(y):
        raise GradworkError("y and fitted values do", shape=y.shape, mu_shape=mu.shape)
    return y, mu
