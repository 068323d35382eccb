"""What rows determine: the rank of their matrix, and which coefficients it fixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.errors import ShapeError
from gradwork.stats.collinearity import rank_tolerance

Array = NDArray[np.float64]

_LARGE = 2_000_000  # numbers: below it a QR factorisation takes no time
_PART = 1e-8  # of a unit vector: less of it outside the row space is rounding


@dataclass(frozen=True)
class RowSpace:
    """The row space of a matrix A, rows×p, which is all that A b knows of b.

    `basis` (p×rank) spans the b that A tells apart, `null` (p×(p − rank)) those that it does not: A null = 0.
    Both are orthonormal for columns of unit length, and then divided by these lengths. A coefficient is
    determined if its unit vector lies in the row space.
    """

    rank: int
    basis: Array
    null: Array
    determined: NDArray[np.bool_]


def row_space(A: ArrayLike, rank: int | None = None) -> RowSpace:
    """Return the row space of A, rows×p; `rank` where it is known, else by the singular values.

    Columns are taken at unit length, so that units do not matter.

    >>> space = row_space([[1, 2.0, 0], [1, 2, 1], [1, 2, 5]])
    >>> space.rank, space.determined.tolist()
    (2, [False, False, True])
    """
    A = np.asarray(A, dtype=float)
    if A.ndim != 2:
        raise ShapeError("row space is that of matrix", shape=A.shape)
    rows, p = A.shape
    length = np.linalg.norm(A, axis=0) if rows else np.zeros(p)
    unit = np.where(length > 0, length, 1.0)
    if rows == 0:
        singular, V = np.zeros(p), np.eye(p)
    else:
        _, singular, Vt = np.linalg.svd(triangle(A / unit) if rows > p else A / unit)
        V = Vt.T
    if rank is None:
        largest = singular[0] if len(singular) else 0.0
        rank = int((singular > rank_tolerance(p) * largest).sum())
    inside = V[:, :rank]
    determined = 1 - (inside**2).sum(axis=1) <= _PART
    null = V[:, rank:] / unit[:, None]
    null[determined] = 0.0
    return RowSpace(rank, inside / unit[:, None], null, determined)


def triangle(A: Array) -> Array:
    """Return R of A = QR, for columns of about unit length.

    For a large A it is the Cholesky factor of AᵀA, a tenth of the work, where its condition number shows that no
    more than four of sixteen digits are lost.

    >>> np.abs(triangle(np.array([[3.0, 0], [4, 1]])).round(9)).tolist()
    [[5.0, 0.8], [0.0, 0.6]]
    """
    if A.size > _LARGE and len(A) > 10 * A.shape[1]:
        G = A.T @ A
        values = np.linalg.eigvalsh(G)
        if values[0] > 1e-4 * values[-1]:
            return np.asarray(np.linalg.cholesky(G).T, dtype=float)
    return np.asarray(np.linalg.qr(A, mode="r"), dtype=float)


def moved(null: Array, T: Array) -> Array:
    """Return T null, with what is rounding beside its summands set to zero.

    It takes the directions that nothing is known of to other coefficients β₀ = T β: a coefficient whose row is
    zero is determined.

    >>> moved(np.array([[1.0], [3.0]]), np.array([[1.0, -1 / 3], [0.0, 1.0]])).tolist()
    [[0.0], [3.0]]
    """
    found = T @ null
    size = np.abs(T) @ np.abs(null)
    found[np.abs(found).max(axis=1, initial=0.0) <= _PART * size.max(axis=1, initial=0.0)] = 0.0
    return found


def spans_constant(X: ArrayLike) -> bool:
    """Tell whether some combination of the columns is the same number in every row, as a column of ones is.

    A model of such columns has an intercept, though none of them is one: R² compares it with the mean.
    Shape: X: n×p.

    >>> spans_constant([[1, 0], [0, 1], [1, 0]]), spans_constant([[1, 0], [2, 1], [3, 0]])
    (True, False)
    """
    X = np.asarray(X, dtype=float)
    if not np.isfinite(X).all():
        return False
    few = 2 * X.shape[1] + 50
    if len(X) > 2 * few and not spans_constant(X[:few]):  # what these rows rule out needs no others
        return False
    ones = np.ones(len(X))
    length = np.linalg.norm(X, axis=0)
    scaled = X / np.where(length > 0, length, 1.0)
    left = ones - scaled @ np.linalg.lstsq(scaled, ones, rcond=None)[0]
    return bool(np.linalg.norm(left) <= 1e-9 * np.sqrt(len(X)))
