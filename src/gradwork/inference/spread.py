"""From second derivatives and scores to a covariance: the one decision, for tables, formulas and models of one's own.

With A = H⁻¹, H = Σ ∇²ℓᵢ the curvature of the rows, S the scores sᵢ = ∇ℓᵢ row by row and P the curvature of a penalty:

    a likelihood                 φ A                  φ = 1, or estimated
    with a penalty               φ B H B              B = (H + P)⁻¹
    robust errors, or no likelihood    A SᵀS A        with a penalty B SᵀS B

All rows have their part in SᵀS, whether they have one in H or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradwork.stats.inference import sandwich

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """A covariance and where it is from: "likelihood", "penalised" or "sandwich"; its kind, "HC0" or "HC1"."""

    covariance: Array
    source: str
    kind: str | None = None


def spread(
    inverse: Array,
    scores: Array,
    *,
    likelihood: bool,
    kind: str | None,
    dispersion: float = 1.0,
    rank: int | None = None,
    curvature: Array | None = None,
) -> Spread:
    """Return the covariance of an estimate.

    inverse:    A, or B where there is a penalty; then `curvature` is H.
    likelihood: whether the scores vary as the curvature says, so that a sandwich is not needed; `kind` asks for one.
    Shapes: inverse, curvature: p×p; scores: n×p.

    >>> A, S = np.array([[0.5]]), np.array([[1.0], [-2.0]])
    >>> spread(A, S, likelihood=True, kind=None).covariance.tolist()
    [[0.5]]
    >>> found = spread(A, S, likelihood=False, kind=None)
    >>> found.covariance.tolist(), found.source, found.kind
    ([[1.25]], 'sandwich', 'HC0')
    """
    if kind is None and likelihood:
        if curvature is None:
            return Spread(dispersion * inverse, "likelihood")
        return Spread(dispersion * inverse @ curvature @ inverse, "penalised")
    chosen = kind or "HC0"
    return Spread(sandwich(inverse, scores, chosen, rank), "sandwich", chosen)


def distance(step: Array, covariance: Array, unknown: float = float("inf")) -> float:
    """Return the length of a Newton step to the minimum, in standard errors; `unknown` where none is known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(step) / np.sqrt(np.diag(covariance))
    known = sizes[np.isfinite(sizes)]
    return float(known.max()) if len(known) else unknown


def curvature_holds(
    gradient: Callable[[Array], Array], at: Array, diagonal: Array, errors: Array, factor: float = 2.0
) -> bool:
    """Tell whether the gradient changes over a standard error as the second derivative says, within a factor.

    Where |u| has its kink at many rows it changes although every second derivative there is zero.
    """
    if not np.isfinite(errors).all():
        return False
    for j, h in enumerate(errors):
        e = np.zeros(len(at))
        e[j] = h
        change = (gradient(at + e) - gradient(at - e))[j] / (2 * h)
        if not diagonal[j] / factor <= change <= factor * diagonal[j]:
            return False
    return True
