"""Least squares without silent rank truncation, to the last digits that the data allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from gradwork.errors import GradworkError, ShapeError
from gradwork.stats.collinearity import Collinear, find_collinear, nearly_collinear, rank_tolerance
from gradwork.stats.compensated import residual, transposed_product
from gradwork.stats.determined import row_space
from gradwork.words.notes import Caution, Line

Array = NDArray[np.float64]

# Refinement costs about as much as 40 passes over X; above this many entries it is done only where the
# condition number says that digits are at stake.
_ALWAYS_REFINE = 2_000_000
_REFINE_CONDITION = 1e5


@dataclass(frozen=True)
class LeastSquares:
    """The answer of `least_squares`, and what is to be said about it.

    `covariance` is s² (XᵀX)⁻¹ with s² = rss/df_residual; rows and columns of parameters that the data do not
    determine are NaN, as is everything where no degree of freedom is left. `condition_number` is that of X as
    it stands, `scaled_condition_number` that of X with columns of unit length. `refinements` counts the steps
    of iterative refinement. `root` (p×rank) has root rootᵀ = (XᵀX)⁺, `null` spans the b with X b = 0, and `exact`
    says that the residuals are nothing but rounding. `R` is the triangle of X = QR with columns of unit length. Of the
    `notes` those that say something of the columns alone, `of_columns`, come first.
    """

    names: tuple[str, ...]
    estimate: Array
    covariance: Array
    inverse: Array
    fitted: Array
    residuals: Array
    rss: float
    rank: int
    df_residual: int
    condition_number: float
    scaled_condition_number: float
    collinear: tuple[Collinear, ...] = ()
    refinements: int = 0
    notes: tuple[Line, ...] = ()
    root: Array = field(default_factory=lambda: np.zeros((0, 0)))
    null: Array = field(default_factory=lambda: np.zeros((0, 0)))
    exact: bool = False
    R: Array = field(default_factory=lambda: np.zeros((0, 0)))
    of_columns: tuple[Line, ...] = ()

    def reordered(self, order: Sequence[int], names: Sequence[str]) -> LeastSquares:
        """Return the same answer for the columns in another order, and under other names.

        >>> fit = least_squares([[1, 1], [2, 1], [3.0, 1]], [1, 3, 5.0], ["x", "intercept"])
        >>> fit.reordered([1, 0], ["intercept", "size"]).estimate.round(12).tolist()
        [-1.0, 2.0]
        """
        at, labels = list(order), tuple(names)
        inverse, R = self.inverse[np.ix_(at, at)], self.R[:, at]
        told = _notes(len(self.fitted), len(at), self.rank, self.collinear, labels, inverse, R)
        return replace(
            self, names=labels, estimate=self.estimate[at], covariance=self.covariance[np.ix_(at, at)],
            inverse=inverse, root=self.root[at], null=self.null[at], R=R, of_columns=tuple(told),
            notes=(*told, *self.notes[len(self.of_columns) :]),
        )  # fmt: skip

    @property
    def determined(self) -> NDArray[np.bool_]:
        """Which parameters the data determine."""
        return ~np.isnan(np.diag(self.inverse))


def with_intercept(
    X: ArrayLike, names: Sequence[str], label: str = "intercept"
) -> tuple[Array, tuple[str, ...]]:
    """Return [1 X] and its names, the intercept first.

    >>> with_intercept([[2.0], [3.0]], ["x"])
    (array([[1., 2.],
           [1., 3.]]), ('intercept', 'x'))
    """
    X = np.asarray(X, dtype=float)
    return np.column_stack([np.ones(len(X)), X]), (label, *names)


def least_squares(
    X: ArrayLike, y: ArrayLike, names: Sequence[str] | None = None, *, refine: bool | None = None
) -> LeastSquares:
    """Return the b that minimises ‖y − Xb‖², with its covariance, rank and conditioning.

    b = R⁻¹Qᵀy from the Householder factorisation X = QR, columns first divided by powers of two near their
    length (exact, and it makes the answer independent of the units); of very many rows in well conditioned columns
    R is the Cholesky factor of XᵀX, and b is refined by its residuals. Then Björck's iterative refinement of

        [I  X] [r]   [y]
        [Xᵀ 0] [b] = [0]

    with residuals in twice the working precision, which gives b as if computed exactly from the X that is
    stored, whenever the scaled condition number is below 1e15. If columns are exactly collinear, b is the
    shortest answer in scaled columns (the pseudo-inverse), and it is said which column is a combination of
    which; nothing is dropped in silence.

    Shapes: X: n×p with the column of ones, if there is to be an intercept; y: n.
    `refine` None decides by size and conditioning. Raises ShapeError, and GradworkError if not finite.

    >>> fit = least_squares([[1, 1], [1, 2], [1, 3.0]], [1, 3, 5.0], ["intercept", "x"])
    >>> fit.estimate.round(12).tolist(), fit.rank, fit.df_residual
    ([-1.0, 2.0], 2, 1)

    Source: Å. Björck, *Iterative refinement of linear least squares solutions I*, BIT 7 (1967).
    """
    X, y, labels = _checked(X, y, names)
    n, p = X.shape
    length = np.sqrt(np.einsum("ij,ij->j", X, X))
    if not (
        np.isfinite(length).all() and (length[length > 0] > 1e-140).all()
    ):  # their squares have left the numbers
        length = np.linalg.norm(X / np.abs(X).max(axis=0).clip(1e-300), axis=0) * np.abs(X).max(axis=0)
    with np.errstate(divide="ignore"):
        power = np.where(length > 0, np.exp2(np.round(np.log2(length))), 1.0)
    factored = None if refine else _of_products(X, power)
    scaled = X if factored is not None else X / power
    Q, R = (None, factored) if factored is not None else np.linalg.qr(scaled)
    unit = np.where(length > 0, length / power, 1.0)
    singular = np.linalg.svd(R / unit, compute_uv=False)
    tolerance = rank_tolerance(p)
    collinear: tuple[Collinear, ...] = ()
    if n < p or singular[-1] <= tolerance * singular[0] or np.any(np.abs(np.diag(R)) <= tolerance * unit):
        collinear = tuple(find_collinear(R / unit, length.clip(1e-300), labels, tolerance))
    steps = 0
    if collinear:
        assert Q is not None
        rank = p - len(collinear)
        b, root, null = _shortest(y, R / unit, Q, power * unit, rank)
        inverse = root @ root.T
        lost = np.abs(null).max(axis=1, initial=0.0) > 0
        inverse[lost] = np.nan
        inverse[:, lost] = np.nan
        r = y - X @ b
    else:
        rank = p
        if Q is None:
            b, r, steps = _by_products(X, y, R, power)
        else:
            b, r, steps = _solve(scaled, y, Q, R, _wanted(refine, n * p, singular))
            b = b / power
        root, null = linalg.solve_triangular(R, np.eye(p)) / power[:, None], np.zeros((p, 0))
        inverse = root @ root.T
    del scaled, Q
    df = n - rank
    rss = float(r @ r)
    covariance = inverse * (rss / df) if df > 0 else np.full((p, p), np.nan)
    told = _notes(n, p, rank, collinear, labels, inverse, R / unit)
    notes = [*told, *degrees_of_freedom(n, p, rank)]
    exact = df > 0 and passes_through(X, y, b, r)
    if exact:
        notes.append(Caution("perfect fit"))
    return LeastSquares(
        names=labels,
        estimate=b,
        covariance=covariance,
        inverse=inverse,
        fitted=y - r,
        residuals=r,
        rss=rss,
        rank=rank,
        df_residual=df,
        condition_number=_condition(np.linalg.svd(R * power, compute_uv=False)) if not collinear else np.inf,
        scaled_condition_number=_condition(singular) if not collinear else np.inf,
        collinear=collinear,
        refinements=steps,
        notes=tuple(notes),
        root=root,
        null=null,
        exact=exact,
        R=R / unit,
        of_columns=tuple(told),
    )


def passes_through(X: Array, y: Array, b: Array, r: Array) -> bool:
    """Tell whether residuals r = y − Xb are nothing but what the sum of the terms loses to rounding."""
    size, limit = float(np.linalg.norm(r)), 8 * np.finfo(float).eps
    # ‖|X||b|‖ is at most this, which needs no copy of X.
    most = float(np.sqrt(np.einsum("ij,ij->j", X, X)) @ np.abs(b))
    if not size <= limit * max(float(np.linalg.norm(y)), most):
        return False
    return bool(size <= limit * max(np.linalg.norm(y), np.linalg.norm(np.abs(X) @ np.abs(b))))


def _checked(X: ArrayLike, y: ArrayLike, names: Sequence[str] | None) -> tuple[Array, Array, tuple[str, ...]]:
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
        raise ShapeError("least squares needs X", shape=X.shape, y_shape=y.shape)
    if 0 in X.shape:
        raise ShapeError("least squares needs at least one", shape=X.shape)
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    if len(labels) != X.shape[1]:
        raise ShapeError("X has columns but names", shape=X.shape[1], count=len(labels))
    if not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise GradworkError("y not finite", y=y[row], row=row + 1)
    if not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise GradworkError("column not finite", labels=labels[column], X=X[row, column], row=row + 1)
    return X, y, labels


def _wanted(refine: bool | None, entries: int, singular: NDArray[Any]) -> bool:
    if refine is not None:
        return refine
    return entries <= _ALWAYS_REFINE or _condition(singular) > _REFINE_CONDITION


def _condition(singular: NDArray[Any]) -> float:
    return float(singular[0] / singular[-1]) if singular[-1] > 0 else np.inf


def _lengths(X: Array) -> Array:
    """Return the lengths of the columns, without a copy of X where there is no need of one."""
    if X.size <= _ALWAYS_REFINE:
        return np.asarray(np.linalg.norm(X, axis=0))
    return np.sqrt(np.einsum("ij,ij->j", X, X))


def _of_products(X: Array, power: Array) -> Array | None:
    """Return R of X/power = QR from the products XᵀX, where the columns are many rows long and well conditioned.

    It costs a fourth of the Householder factorisation and no copy of X; what forming the products loses, no more than
    four of sixteen digits, `_by_products` brings back.
    """
    if X.size <= _ALWAYS_REFINE or len(X) <= 10 * X.shape[1]:
        return None
    G = (X.T @ X) / power / power[:, None]
    d = np.sqrt(np.diag(G))
    if not (np.isfinite(G).all() and (d > 0).all()):
        return None
    values = np.linalg.eigvalsh(G / d / d[:, None])
    return np.asarray(np.linalg.cholesky(G).T, dtype=float) if values[0] > 1e-4 * values[-1] else None


def _by_products(X: Array, y: Array, R: Array, power: Array) -> tuple[Array, Array, int]:
    """Return b, the residuals and the steps of refinement b + R⁻¹R⁻ᵀXᵀ(y − Xb)."""
    b = linalg.cho_solve((R, False), (X.T @ y) / power) / power
    r = y - X @ b
    last = np.inf
    for step in range(3):
        db = linalg.cho_solve((R, False), (X.T @ r) / power) / power
        size = float(np.linalg.norm(db * power))
        if not size < 0.1 * last:
            return b, r, step
        b, last = b + db, size
        r = y - X @ b
        if size <= 1e-15 * np.linalg.norm(b * power):
            return b, r, step + 1
    return b, r, 3


def _solve(X: Array, y: Array, Q: Array, R: Array, refine: bool) -> tuple[Array, Array, int]:
    """Return b, the residuals and the number of refinement steps, for X = QR of full rank."""
    b = linalg.solve_triangular(R, Q.T @ y)
    r = y - X @ b
    if not refine:
        return b, r, 0
    b_low, r_low = np.zeros_like(b), np.zeros_like(r)
    last = np.inf
    step = 0
    while step < 20:
        f = residual(y, X, b, b_low, r, r_low)
        g = -transposed_product(X, r, r_low)
        h = linalg.solve_triangular(R, g, trans=1)
        q = Q.T @ f
        db = linalg.solve_triangular(R, q - h)
        dr = f - Q @ (q - h)
        size = float(np.linalg.norm(db))
        if not size < 0.5 * last:  # no longer converging: the last correction was noise
            break
        step, last = step + 1, size
        b, b_low = _renormalise(b, b_low + db)
        r, r_low = _renormalise(r, r_low + dr)
        if size <= 1e-17 * np.linalg.norm(b):
            break
    return b + b_low, r + r_low, step


def _renormalise(high: Array, low: Array) -> tuple[Array, Array]:
    s = high + low
    return s, low - (s - high)


def _shortest(y: Array, R: Array, Q: Array, scale: Array, rank: int) -> tuple[Array, Array, Array]:
    """Return the pseudo-inverse answer, the root of (XᵀX)⁺, and the directions that X does not see."""
    space = row_space(R, rank)  # R has columns of unit length
    U, s, Wt = linalg.svd(R @ space.basis, full_matrices=False)
    V = space.basis @ Wt.T
    b = (V @ ((U.T @ (Q.T @ y)) / s)) / scale
    return b, (V / s) / scale[:, None], space.null / scale[:, None]


def _notes(
    n: int, p: int, rank: int, collinear: Sequence[Collinear], names: Sequence[str], inverse: Array, R: Array
) -> list[Caution]:
    """Return what is to be said of the columns."""
    notes = []
    if p > n:
        notes.append(Caution("more parameters than rows", parameters=p, rows=n))
    else:
        notes += [c.sentence() for c in collinear]
    if collinear:
        lost = [name for name, v in zip(names, np.diag(inverse), strict=True) if np.isnan(v)]
        notes.append(Caution("rank deficient", parameters=p, rank=rank, columns=lost))
    if not collinear and (near := nearly_collinear(R, tuple(names))):
        notes.append(near)
    return notes


def degrees_of_freedom(n: int, p: int, rank: int) -> list[Caution]:
    """Return what is to be said where one residual degree of freedom is left, or none."""
    if n == rank and p <= n:
        return [Caution("no degree of freedom", rows=n, parameters=p)]
    return [Caution("one degree of freedom", rows=n, parameters=rank)] if n - rank == 1 else []
