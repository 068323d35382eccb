"""Which columns are combinations of which: found by limited pivoting, told by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradwork.words.notes import Caution
from gradwork.words.numbers import linear_combination

Array = NDArray[np.float64]
NEAR = 1e8  # a condition number of columns of unit length: half of the digits are lost


@dataclass(frozen=True)
class Collinear:
    """A column that is a combination of columns before it.

    `index` is the column, `others` the columns it is made of, `coefficients` how much of each.
    """

    index: int
    others: tuple[int, ...]
    coefficients: tuple[float, ...]
    names: tuple[str, ...]

    def sentence(self) -> Caution:
        """Return what is collinear, as a record."""
        column = self.names[self.index]
        if not self.others:
            return Caution("zero column", column=column)
        others = [self.names[j] for j in self.others]
        if others == ["intercept"]:
            return Caution("constant column", column=column, value=self.coefficients[0])
        combination = linear_combination(self.coefficients, others)
        return Caution("collinear", column=column, combination=combination)


def rank_tolerance(columns: int) -> float:
    """Return the relative size below which a column of unit length counts as gone.

    A column that is exactly a combination of others in decimal notation leaves about one rounding error of
    itself, and the QR factorisation adds a few more; NIST's Filip, the hardest honest problem we know, leaves
    4e-8. The 1e-7 of R's `lm` would drop a column of Filip in silence.
    """
    return 16 * np.finfo(float).eps * max(columns, 4)


def find_collinear(R: Array, scale: Array, names: tuple[str, ...], tolerance: float) -> list[Collinear]:
    """Return the columns that are combinations of those before them.

    R is the p×p triangle of the QR factorisation of X with columns divided by `scale` (so of unit length).
    Columns are taken from left to right and a dependent one is set aside, as R's `lm` does: so it is the
    later column that is blamed, and the intercept, which stands first, never.

    >>> X = np.array([[1., 2, 3], [1, 4, 5], [1, 7, 8], [1, 1, 2]])
    >>> scale = np.linalg.norm(X, axis=0)
    >>> R = np.linalg.qr(X / scale, mode="r")
    >>> str(find_collinear(R, scale, ("intercept", "a", "b"), 1e-13)[0].sentence())
    "'b' is a combination of other columns: b = 1 + a"
    """
    rows, p = R.shape
    basis = np.zeros((rows, 0))
    kept: list[int] = []
    found: list[Collinear] = []
    for j in range(p):
        column = R[:, j]
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)  # once more: Gram-Schmidt twice is enough (Kahan, Parlett)
        size = float(np.linalg.norm(rest))
        if size > tolerance:
            basis = np.column_stack([basis, rest / size])
            kept.append(j)
            continue
        solution = np.linalg.lstsq(R[:, kept], column, rcond=None)[0] if kept else np.zeros(0)
        original = solution * scale[j] / scale[kept]
        part = np.abs(solution) > 1e-9 * max(1.0, float(np.max(np.abs(solution), initial=0.0)))
        found.append(
            Collinear(
                j,
                tuple(k for k, used in zip(kept, part, strict=True) if used),
                tuple(float(c) for c, used in zip(original, part, strict=True) if used),
                names,
            )
        )
    return found


def inflation(variances: Array, X: Array, weights: Array | None = None) -> Array:
    """Return the variance inflation factor of each column, 1/(1 − R²) of its regression on the others.

    It is how many times the variance of its coefficient is that which it would have if the column were uncorrelated
    with the others: Vⱼ Σ w (xⱼ − x̄ⱼ)², where `variances` V are these columns' part of the diagonal of (AᵀWA)⁻¹,
    A = (1, X). With weights w (of a likelihood: its second derivatives by Xβ) the mean x̄ is weighted, too.
    Shapes: X: n×p; variances: p; weights: n.

    >>> X = np.array([[1.0, 1], [2, 2], [3, 3], [4, 5]])
    >>> A = np.column_stack([np.ones(4), X])
    >>> inflation(np.diag(np.linalg.inv(A.T @ A))[1:], X).round(2).tolist()
    [29.17, 29.17]

    Source: D. Marquardt, *Generalized inverses, ridge regression, …*, Technometrics 12 (1970).
    """
    if weights is None:
        return variances * ((X - X.mean(axis=0)) ** 2).sum(axis=0)
    return variances * (weights @ (X - weights @ X / weights.sum()) ** 2)


def inflated(factors: Array, X: Array, names: tuple[str, ...], limit: float = 10.0) -> Caution | None:
    """Return a sentence naming the columns whose inflation factor is above the limit, the largest first.

    Zeros and ones are not named: the factors of categories depend on which of them is the reference.
    """
    high = [int(j) for j in np.argsort(-factors, kind="stable") if factors[j] > limit]
    order = [j for j in high if ((X[:, j] != 0) & (X[:, j] != 1)).any()]
    if not order or not np.isfinite(factors).all():
        return None
    worst = float(factors[order[0]])
    return Caution(
        "inflated", columns=[names[j] for j in order], column=names[order[0]], factor=worst, times=worst**0.5
    )


def nearly_collinear(R: Array, names: tuple[str, ...], limit: float = NEAR) -> Caution | None:
    """Return a sentence naming the columns of the flattest direction, if it is above the limit."""
    _, s, Vt = np.linalg.svd(R)
    if s[-1] * limit > s[0]:
        return None
    direction = np.abs(Vt[-1])
    involved = [names[j] for j in np.flatnonzero(direction > 0.1 * direction.max())]
    return Caution("nearly collinear", columns=involved, condition=float(s[0] / s[-1]))
