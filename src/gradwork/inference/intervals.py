"""Intervals of predictions: of the mean by its link, of observations by the family's own quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradwork.errors import GradworkError
from gradwork.families.family import symbols_of
from gradwork.families.model import Model
from gradwork.run import function

Array = NDArray[Any]


def quantile_of(df: float | None, level: float) -> float:
    """Return q of an interval ± q standard errors: of Student's t with `df`, or normal where it is None.

    >>> round(quantile_of(None, 0.95), 3), round(quantile_of(4, 0.95), 3)
    (1.96, 2.776)
    """
    if df is None:
        return float(special.ndtri((1 + level) / 2))
    return float(special.stdtrit(df, (1 + level) / 2)) if df > 0 else float("nan")


def interval(
    model: Model, z: Array, error: Array, level: float, kind: str, df: float | None, sigma: float, dispersion: float
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the prediction of each row and the bounds of its interval, from its predictor and standard error.

    kind: "mean", g(z ± q s) with the inverse link g; "prediction", of a new observation: of squares z ± q √(s² + σ²),
    else the quantiles of the family at the bounds of the mean. Of two classes both are the probability.
    Raises GradworkError for observations of a loss that is no likelihood.
    """
    inverse, block, unit = model.inverse, model.block, model.unit
    if inverse is None:
        raise GradworkError("no inverse")
    observed = kind == "prediction"
    if observed and not model.likelihood:
        raise GradworkError("no observations", loss=model.loss_name)
    q = quantile_of(df, level)
    normal = unit is not None and unit.variance > 0
    if observed and normal:
        error = np.sqrt(error**2 + sigma**2)
    to_mean = function(inverse, arguments=[symbols_of(False)[1]])
    with np.errstate(over="ignore"):
        mean, one, other = (np.asarray(to_mean(v), dtype=float) for v in (z, z - q * error, z + q * error))
    low, high = np.minimum(one, other), np.maximum(one, other)
    if observed and not normal and block is not None and block.quantile is not None:
        low = block.quantile((1 - level) / 2, low, dispersion)
        high = block.quantile((1 + level) / 2, high, dispersion)
    return mean, low, high
