"""Levenberg-Marquardt: Gauss-Newton steps within a trust region, in scaled variables.

For f = Σ r², each step solves

    min ‖r + Jp‖    subject to    ‖Dp‖ ≤ Δ

with D the largest column norms of J so far, so that the units of the parameters do not matter. The answer is
p = −(JᵀJ + λD²)⁻¹Jᵀr, found from the singular values of JD⁻¹ (never from JᵀJ, which would square the
condition number), with λ from Newton's method on the length of the step.

Source: Moré, *The Levenberg-Marquardt algorithm: implementation and theory*, Lecture Notes in Mathematics 630
(1978), as in MINPACK's lmder; there λ comes from a QR factorisation, here from an SVD of its triangle.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.expr.node import Expr
from gradwork.learn.interrupt import asked
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import Squares
from gradwork.learn.solvers.driver import Done, Solver, State

Array = NDArray[Any]


class Residuals:
    """Residuals √w r and their Jacobian as functions of the vector of an objective.

    Weights are divided by that of the first block where it is one number: the minimum stays where it is.
    """

    def __init__(self, objective: Objective, found: Squares):
        self.objective, self.found = objective, found
        weights = [b.weight for b in found.blocks]
        values = objective.evaluate(("weights", found), weights, objective.start_vector)
        self.scale = float(values[0]) if values[0].ndim == 0 and values[0] > 0 else 1.0
        self.roots = [np.sqrt(w / self.scale) for w in values]
        self.exprs: list[Expr] = [b.r for b in found.blocks]

    def residual(self, vector: Array) -> Array:
        """Return r at a vector, all blocks below each other."""
        parts = self.objective.evaluate(("residuals", self.found), self.exprs, vector)
        return np.concatenate([(r * root).ravel() for r, root in zip(parts, self.roots, strict=True)])

    def jacobian(self, vector: Array) -> Array:
        """Return ∂r/∂θ at a vector, n×p."""
        flat = [j for row in self.found.jacobians for j in row]
        values = iter(self.objective.evaluate(("jacobians", self.found), flat, vector))
        parts = []
        for b, root in zip(self.found.blocks, self.roots, strict=True):
            row = [next(values) for _ in self.found.symbols]
            rank = b.r.ndim
            size = int(np.prod(row[0].shape[:rank], dtype=int))
            weight = np.broadcast_to(root, row[0].shape[:rank]).reshape(size, 1)
            parts.append(np.column_stack([j.reshape(size, -1) for j in row]) * weight)
        return np.vstack(parts)


def levenberg_marquardt(
    objective: Objective,
    found: Squares,
    start: Array,
    *,
    factor: float = 1.0,
    step_tolerance: float = 1e-14,
    cosine_tolerance: float = 1e-14,
) -> Solver:
    """Minimise a sum of squares from `start`; `factor` times the length of Dx bounds the first step."""
    residuals = Residuals(objective, found)
    x = start.astype(np.float64)
    r = residuals.residual(x)
    f, g = objective.value_and_gradient(x)
    yield State(x, f, float(np.linalg.norm(g)))
    norm = float(np.linalg.norm(r))
    D = np.zeros(len(x))
    delta = 0.0
    while True:
        J = residuals.jacobian(x)
        if not np.isfinite(J).all():
            return Done("stuck", False)
        columns = np.linalg.norm(J, axis=0)
        D = np.maximum(D, columns)
        D[D == 0] = 1.0
        if norm == 0:
            return Done("perfect", True)
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines = np.abs(J.T @ r) / np.where(columns > 0, columns, np.inf) / norm
        if cosines.max() <= cosine_tolerance:
            return Done("orthogonal residuals", True, {"cosine": max(float(cosines.max()), 1e-16)})
        region = _Region(J / D, r)
        length = float(np.linalg.norm(D * x))
        if delta == 0.0:
            delta = factor * (length or 1.0)
        accepted = False
        while not accepted and not asked():
            z, lam = region.step(delta)
            size = float(np.linalg.norm(z))
            p = z / D
            if size <= step_tolerance * length:
                break
            trial = residuals.residual(x + p)
            now = float(np.linalg.norm(trial))
            predicted = region.predicted(z, lam)
            if not math.isfinite(now):  # outside the domain: the region was too large
                delta = 0.25 * min(delta, size)
                if delta <= step_tolerance * length:
                    break
                continue
            won = 1 - (now / norm) ** 2 if now < 10 * norm else -1.0
            ratio = won / predicted if predicted > 0 else 0.0
            if ratio < 0.25:
                slope = region.slope(z)
                shrink = 0.5 if won >= 0 else max(0.1, 0.5 * slope / (slope + 0.5 * won))
                delta = shrink * min(delta, 10 * size)
            elif lam == 0 or ratio > 0.75:
                delta = 2 * size
            if ratio > 1e-4:
                accepted = True
            elif delta <= step_tolerance * length or (predicted <= 1e-15 and abs(won) <= 1e-14):
                break
        if not accepted:
            if asked():
                return Done("stuck", False)  # which the driver calls an interruption
            # A sum of squares whose minimum is zero promises to win all it has to the last digit; there the step
            # that would win it is below the rounding of the parameters.
            if region.promise() > 1e-9 and np.linalg.norm(region.step(math.inf)[0]) > step_tolerance * length:
                return Done("stuck", False)
            # Rounding decides from here on what is lower, but the Gauss-Newton step still knows where to go.
            x, change = _polish(residuals, x, norm)
            f, g = objective.value_and_gradient(x)
            yield State(x, f, float(np.linalg.norm(g)))
            return Done("small step", True, {"change": max(change, 1e-16)})
        x, r, norm = x + p, trial, now
        f, g = objective.value_and_gradient(x)
        yield State(x, f, float(np.linalg.norm(g)))


def _polish(residuals: Residuals, x: Array, norm: float) -> tuple[Array, float]:
    """Take Gauss-Newton steps while they shrink; return the best x and the relative size of the step from it.

    Sizes are in variables scaled by the columns of J. It wins the digits that a comparison of sums of squares
    cannot: these are flat to the square of the distance, and drown in the rounding of y − ŷ.
    """
    best, smallest, idle = x, math.inf, 0
    for _ in range(300):
        if asked():
            break
        J, r = residuals.jacobian(x), residuals.residual(x)
        columns = np.linalg.norm(J, axis=0)
        columns[columns == 0] = 1.0
        p = _Region(J / columns, r).step(math.inf)[0] / columns
        size = float(np.linalg.norm(columns * p)) / max(float(np.linalg.norm(columns * x)), 1e-300)
        if not float(np.linalg.norm(r)) <= norm * (1 + 1e-9) or not math.isfinite(size):
            break
        idle = 0 if size < 0.95 * smallest else idle + 1
        if size < smallest:
            best, smallest = x, size
        if idle > 2 or size <= 1e-15:
            break
        x = x + p
    return best, smallest


class _Region:
    # min ‖r + Az‖ within ‖z‖ ≤ Δ, for A = QR = Q U S Vᵀ.

    def __init__(self, A: Array, r: Array):
        if A.shape[0] > A.shape[1]:
            Q, R = np.linalg.qr(A)
            self.c = Q.T @ r
        else:
            R, self.c = A, r
        U, self.s, self.Vt = linalg.svd(R, full_matrices=False, check_finite=False)
        self.c = U.T @ self.c
        self.norm2 = float(r @ r)
        self.A, self.r = A, r

    def step(self, delta: float) -> tuple[Array, float]:
        s, c = self.s, self.c
        tiny = s <= 1e-15 * max(s[0], 1e-300)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(tiny, 0.0, -c / s)
        if np.linalg.norm(z) <= 1.1 * delta:
            return self.Vt.T @ z, 0.0
        # φ(λ) = ‖z(λ)‖ − Δ falls and is convex: Newton on 1/‖z‖ from below (Hebden, Moré).
        low, high = 0.0, float(np.linalg.norm(s * c)) / delta
        lam = max(1e-3 * high, math.sqrt(low * high))
        for _ in range(50):
            z = -s * c / (s * s + lam)
            size = float(np.linalg.norm(z))
            if abs(size - delta) <= 0.1 * delta:
                break
            if size > delta:
                low = lam
            else:
                high = lam
            slope = -float((z * z / (s * s + lam)).sum()) / size
            lam = lam - (size / delta) * (size - delta) / slope
            if not low < lam < high:
                lam = math.sqrt(low * high) if low > 0 else 1e-3 * high
        return self.Vt.T @ z, lam

    def promise(self) -> float:
        """Return how much of ‖r‖² a full Gauss-Newton step would win, if the residuals were linear."""
        tiny = self.s <= 1e-15 * max(self.s[0], 1e-300)
        return float((self.c[~tiny] ** 2).sum()) / self.norm2

    def predicted(self, z: Array, lam: float) -> float:
        # 1 − ‖r + Az‖²/‖r‖² = (‖Az‖² + 2λ‖z‖²)/‖r‖², free of cancellation
        Az = self.s * (self.Vt @ z)
        return float(Az @ Az + 2 * lam * (z @ z)) / self.norm2

    def slope(self, z: Array) -> float:
        # the slope of ½‖r + Az‖²/‖r‖² at z = 0, negated for use in the parabola through it
        Az = self.s * (self.Vt @ z)
        return float(self.c @ Az) / self.norm2


__all__ = ["Residuals", "levenberg_marquardt"]
