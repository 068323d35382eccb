"""How well numbers are predicted: R², F, errors in the units of the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from gradwork.stats.likelihoods import aic, bic

NAN = float("nan")


@dataclass(frozen=True)
class RegressionMetrics:
    """Measures of a fit of numbers; what does not exist (F without a residual degree of freedom) is NaN.

    `r2_centred` says whether R² compares with the mean (a model with intercept) or with zero.
    `sigma` is the residual standard deviation √(rss/df). With weights rss, tss and the likelihood are weighted;
    `rmse` is √(mean r²) and `mae` mean |r| all the same, in the units of the target.
    """

    rows: int
    parameters: int
    df_model: int
    df_residual: int
    rss: float
    tss: float
    r2: float
    r2_adjusted: float
    r2_centred: bool
    f: float
    f_p: float
    sigma: float
    rmse: float
    mae: float
    log_likelihood: float
    aic: float
    bic: float


def regression_metrics(
    y: ArrayLike,
    fitted: ArrayLike,
    parameters: int,
    *,
    intercept: bool = True,
    residuals: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> RegressionMetrics:
    """Return R² = 1 − rss/tss, adjusted R², F = ((tss − rss)/df₁)/(rss/df₂) with its p-value, and the rest.

    `parameters` is the rank of the model, intercept included. Without an intercept tss is about zero, as in
    statsmodels and R. `residuals`, where a solver has them better than y − fitted, are used in their place.
    `weights` w say that row i has the variance σ²/wᵢ: then

        rss = Σ w r²,    tss = Σ w (y − ȳ)² with ȳ = Σ w y / Σ w,    log L = −n/2 (log(2π rss/n) + 1) + ½ Σ log w

    and rows of weight zero are left out. Shapes: y, fitted, residuals, weights: n.

    >>> m = regression_metrics([1.0, 2.0, 4.0], [1.0, 2.5, 3.5], 2)
    >>> round(m.r2, 4), m.df_residual, round(m.mae, 4)
    (0.8929, 1, 0.3333)
    """
    y, fitted = np.asarray(y, dtype=float), np.asarray(fitted, dtype=float)
    r = y - fitted if residuals is None else np.asarray(residuals, dtype=float)
    scale = 0.0
    w = np.ones(1)
    if weights is not None:
        w = np.broadcast_to(np.asarray(weights, dtype=float), y.shape)
        y, r, w = y[w > 0], r[w > 0], w[w > 0]
        scale = 0.5 * float(np.log(w).sum())
    n = len(y)
    rss = float((w * r) @ r)
    around = y - (y.mean() if weights is None else (w @ y) / w.sum()) if intercept else y
    tss = float((w * around) @ around)
    df1, df2 = parameters - bool(intercept), n - parameters
    r2 = 1 - rss / tss if tss > 0 else NAN
    sigma2 = rss / df2 if df2 > 0 else NAN
    f = f_p = NAN
    if df1 > 0 and df2 > 0 and tss > 0:
        f = (tss - rss) / df1 / sigma2 if rss > 0 else float("inf")
        f_p = float(special.fdtrc(df1, df2, max(f, 0.0))) if np.isfinite(f) else 0.0
    ll = scale - n / 2 * (float(np.log(2 * np.pi * rss / n)) + 1) if rss > 0 else float("inf")
    return RegressionMetrics(
        rows=n,
        parameters=parameters,
        df_model=df1,
        df_residual=df2,
        rss=rss,
        tss=tss,
        r2=r2,
        r2_adjusted=1 - (1 - r2) * (n - bool(intercept)) / df2 if df2 > 0 else NAN,
        r2_centred=intercept,
        f=f,
        f_p=f_p,
        sigma=float(np.sqrt(sigma2)),
        rmse=float(np.sqrt(r @ r / n)),
        mae=float(np.abs(r).mean()),
        log_likelihood=ll,
        aic=aic(ll, parameters),
        bic=bic(ll, parameters, n),
    )


def rmse(y: ArrayLike, fitted: ArrayLike) -> float:
    """Return √(mean (y − fitted)²).

    >>> rmse([0.0, 0.0], [3.0, -3.0])
    3.0
    """
    r = np.asarray(y, dtype=float) - np.asarray(fitted, dtype=float)
    return float(np.sqrt((r * r).mean()))


def mae(y: ArrayLike, fitted: ArrayLike) -> float:
    """Return mean |y − fitted|.

    >>> mae([0.0, 0.0], [3.0, -1.0])
    2.0
    """
    return float(np.abs(np.asarray(y, dtype=float) - np.asarray(fitted, dtype=float)).mean())
