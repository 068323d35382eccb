"""The families by name, each in one block. Adding one here is all that a new model takes.

    log f = c(y, φ) − ℓ(y, z)/φ

A block states ℓ, c, the mean and what cannot be derived from them; scores, information, standard errors, tests and
intervals follow (see `family`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradwork.expr.node import ONES, Expr, constant
from gradwork.families.family import COUNTS, POSITIVE, SEVERAL, TWO, Constant, Family
from gradwork.ops import FUNCTIONS as f
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT, split
from gradwork.rewrite import normalise

Array = NDArray[Any]


def residual(y: Expr, z: Expr) -> Expr:
    """Return y − z, with the terms of a sum z taken off one by one: y − Xw − b."""
    r = y
    for term in z.args if z.op is ADD else (z,):
        r = r - _narrow(term)
    return r


def _narrow(x: Expr) -> Expr:
    # The b of a number that was spread over all rows.
    if x.op is not CONTRACT:
        return x
    spread = [a for a, _ in split(x) if a.op is not ONES]
    return spread[0] if len(spread) == 1 and not spread[0].ndim else x


def huber(r: Expr, delta: Expr | float) -> Expr:
    """Return r²/2 where |r| ≤ δ, else δ(|r| − δ/2): quadratic for small residuals, linear for large ones.

    Written by three branches, so that there is no |r| with its kink at zero.
    """
    d = constant(delta)
    return f["where"](r > d, d * (r - d / 2), f["where"](r < -d, -d * (r + d / 2), r**2 / 2))


def spread_of(r: Array) -> float:
    """Return the robust standard deviation of residuals: their median distance from the median, over 0.6745."""
    spread = float(np.median(np.abs(r - np.median(r)))) / 0.6745
    return spread or float(r.std()) or 1.0


def _normal_quantile(p: float, mean: Array, phi: float) -> Array:
    return mean + np.sqrt(phi / 2) * special.ndtri(p)


def _poisson_quantile(p: float, mean: Array, phi: float) -> Array:
    from scipy.stats import poisson  # costs half a second to import, and few ask

    return np.asarray(poisson.ppf(p, mean))


# --- numbers -----------------------------------------------------------------------------------------------------

NORMAL = Family(  # φ = 2σ²: the loss is the whole square, not half of it
    "normal", "linear regression", "mse",
    loss=lambda y, z: residual(y, z) ** 2,
    rest=lambda y, phi: -f["log"](np.pi * phi) / 2,
    dispersion=True,
    null=lambda y: y.mean(),
    quantile=_normal_quantile,
    draw=lambda rng, mean, phi: rng.normal(mean, np.sqrt(phi / 2)),
    degree=2,
)  # fmt: skip

ROOT = Family(  # the same likelihood, its loss in the units of the target
    "rmse", NORMAL.title, "rmse", NORMAL.loss, NORMAL.rest, dispersion=True, null=NORMAL.null,
    quantile=NORMAL.quantile, draw=NORMAL.draw, whole=lambda rows: f["sqrt"](f["mean"](rows)), degree=1,
)  # fmt: skip

ABSOLUTE = Family(
    "mae", "linear regression by least absolute deviations", "mae",
    loss=lambda y, z: abs(residual(y, z)),
    null=lambda y: np.median(y),
    degree=1,
)  # fmt: skip

# 1.345 robust standard deviations cost 5 % of efficiency where the errors are normal (Huber, Robust Statistics, 1981).
HUBER = Family(
    "huber", "linear regression by the Huber loss", "huber",
    loss=lambda y, z, delta: huber(residual(y, z), delta),
    degree=2,
    constants={"delta": Constant(lambda r: 1.345 * spread_of(r), length=True)},
)  # fmt: skip

PINBALL = Family(  # its minimum is the τ-quantile of y
    "pinball", "linear regression by the pinball loss", "pinball",
    loss=lambda y, z, tau: f["maximum"](tau * residual(y, z), (tau - 1) * residual(y, z)),
    degree=1,
    constants={"tau": Constant(lambda r: 0.5, holds=lambda v: 0 < v < 1, what="a number between 0 and 1")},
)  # fmt: skip

GAMMA = Family(
    "gamma", "gamma regression", "gamma likelihood",
    loss=lambda y, z: z + y * f["exp"](-z),
    rest=lambda y, phi: (1 / phi - 1) * f["log"](y) - f["log"](phi) / phi - f["lgamma"](1 / phi),
    dispersion=True,
    mean=f["exp"], link="log E({target})", symbol="E(y)",
    support=POSITIVE,
    null=lambda y: np.log(y.mean()), starts=True,
    saturated=lambda y: 1 + f["log"](y),
    quantile=lambda p, mean, phi: special.gammaincinv(1 / phi, p) * phi * mean,
    draw=lambda rng, mean, phi: rng.gamma(1 / phi, phi * mean),
    model="gamma",
)  # fmt: skip

POISSON = Family(
    "poisson", "Poisson regression", "Poisson likelihood",
    loss=lambda y, z: f["exp"](z) - y * z,
    rest=lambda y, phi: -f["lgamma"](y + 1),
    mean=f["exp"], link="log E({target})", symbol="E(y)",
    support=COUNTS,
    null=lambda y: np.log(y.mean()) if y.any() else 0.0, starts=True,
    saturated=lambda y: y - f["xlogy"](y, y),
    quantile=_poisson_quantile,
    draw=lambda rng, mean, phi: rng.poisson(mean).astype(float),
    separates="zeros", model="poisson",
)  # fmt: skip

# --- classes -----------------------------------------------------------------------------------------------------

BINOMIAL = Family(  # −y log p − (1 − y) log(1 − p), in the form that no z can overflow
    "binomial", "logistic regression", "binary cross-entropy",
    loss=lambda y, z: f["softplus"](z) - y * z,
    rest=lambda y, phi: constant(0.0),
    mean=f["sigmoid"], link="logit P({target} = {label})", symbol="Pr(y = 1)",
    support=TWO,
    null=lambda y: special.logit(y.mean()),
    draw=lambda rng, mean, phi: (rng.random(len(mean)) < mean).astype(float),
    separates="classes", model="logistic",
)  # fmt: skip

MULTINOMIAL = Family(
    "multinomial", "softmax regression", "categorical cross-entropy",
    loss=lambda Y, Z: -f["sum"](Y * f["log_softmax"](Z), axis=1),
    rest=lambda Y, phi: constant(0.0),
    mean=f["softmax"], link="log P({target} = {label})/P({target} = {reference})", symbol="Pr(y = j)",
    support=SEVERAL,
    null=lambda Y: np.log(Y.mean(axis=0)),
    draw=lambda rng, mean, phi: (mean.cumsum(axis=1) < rng.random((len(mean), 1))).sum(axis=1).astype(float),
    separates="classes", model="softmax",
    whole=lambda rows: normalise(f["mean"](rows)),  # −1/n Σ Y ∘ log softmax(Z): one sum, not one of sums
)  # fmt: skip
