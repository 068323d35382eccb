"""Closed forms: linear least squares (ridge included) by QR, and quadratic losses by Cholesky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.errors import GradworkError
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import Squares
from gradwork.stats.least_squares import LeastSquares, least_squares

Array = NDArray[Any]


@dataclass(frozen=True)
class LinearProblem:
    """A linear least-squares problem ‖y − Xb‖² read from a formula: every residual is y − Xb row by row.

    `rows` are those of the first block, the data; further blocks (penalties) stand below. Rows are multiplied
    by √w, with the weight of the data, where it is one number, taken out: so plain least squares sees exactly
    the numbers that were given.
    """

    X: Array
    y: Array
    rows: int
    scale: float


def linear_problem(objective: Objective, found: Squares) -> LinearProblem:
    """Return the matrix and right-hand side of a sum of squares whose residuals are linear.

    With r(θ) = r(0) + Jθ: X = −J, y = r(0).
    """
    zero = np.zeros(objective.size, dtype=objective.dtype)
    exprs = [
        e
        for block, row in zip(found.blocks, found.jacobians, strict=True)
        for e in (block.r, block.weight, *row)
    ]
    values = iter(objective.evaluate(("squares", found), exprs, zero))
    parts = []
    for _ in found.blocks:
        r, w = next(values), next(values)
        parts.append((r, w, _columns(r.size, [next(values) for _ in found.symbols])))
    scale = float(parts[0][1]) if parts[0][1].ndim == 0 and parts[0][1] > 0 else 1.0
    rows_X, rows_y = [], []
    for r, w, X in parts:
        root = np.sqrt(w / scale)
        y = r.ravel()
        if root.ndim or root != 1:
            spread = np.broadcast_to(root, r.shape).ravel()
            X *= spread[:, None]
            y = y * spread
        rows_X.append(X)
        rows_y.append(y)
    single = len(parts) == 1
    X = rows_X[0] if single else np.vstack(rows_X)
    y = rows_y[0] if single else np.concatenate(rows_y)
    return LinearProblem(X, y, parts[0][0].size, scale)


def _columns(rows: int, blocks: list[Array]) -> Array:
    """Return −J from its blocks by symbol: filled in one array, as J may be as large as the data."""
    blocks = [block.reshape(rows, -1) for block in blocks]
    X = np.empty((rows, sum(block.shape[1] for block in blocks)), dtype=blocks[0].dtype)
    at = 0
    for block in blocks:
        np.negative(block, out=X[:, at : at + block.shape[1]])
        at += block.shape[1]
    return X


def solve_linear(objective: Objective, found: Squares) -> tuple[Array, LeastSquares]:
    """Return the minimum of a linear sum of squares, and the answer of the least-squares solver."""
    problem = linear_problem(objective, found)
    answer = least_squares(problem.X, problem.y, objective.labels)
    return answer.estimate.astype(objective.dtype), answer


def solve_quadratic(objective: Objective) -> Array:
    """Return the minimum of a quadratic loss: H θ = −∇f(0). GradworkError where it has none."""
    zero = np.zeros(objective.size, dtype=objective.dtype)
    H, g = objective.hessian(zero), objective.gradient(zero)
    d = np.sqrt(np.abs(np.diag(H)))
    d[d == 0] = 1.0
    scaled = (H / d) / d[:, None]
    values, V = linalg.eigh(scaled)
    tolerance = 16 * len(H) * np.finfo(H.dtype).eps * max(abs(values[0]), abs(values[-1]))
    if values[0] < -tolerance:
        sense, where = ("maximum", "above") if objective.maximize else ("minimum", "below")
        raise GradworkError("this quadratic has no", sense=sense, values=values[0], where=where)
    if values[0] > tolerance:
        factor = linalg.cho_factor(scaled, lower=True)
        vector = -linalg.cho_solve(factor, g / d)
        # One step of refinement brings back what forming H has cost.
        vector -= linalg.cho_solve(factor, scaled @ vector + g / d)
        return vector / d
    good = values > tolerance
    part = V.T @ (g / d)
    if np.abs(part[~good]).max() > 1e-8 * max(np.abs(part).max(), 1e-300):
        raise GradworkError("this quadratic is unbounded")
    return -(V[:, good] @ (part[good] / values[good])) / d
