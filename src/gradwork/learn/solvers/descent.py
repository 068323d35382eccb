"""Gradient descent with a line search, and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradwork.learn.solvers.driver import Done, Solver, State
from gradwork.learn.solvers.linesearch import backtrack, strong_wolfe

Array = NDArray[Any]


class Problem(Protocol):
    """What a solver asks: an `Objective`, or one that is computed in blocks."""

    def value(self, vector: Array) -> float: ...

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]: ...


def gradient_descent(problem: Problem, start: Array) -> Solver:
    """Steepest descent x ← x − α ∇f with α by backtracking.

    The first trial is twice the last α, so that the step grows again where the loss flattens.
    """
    x = start.copy()
    f, g = problem.value_and_gradient(x)
    norm = float(np.linalg.norm(g))
    yield State(x, f, norm)
    alpha = 1.0 / norm if norm > 0 else 1.0
    still = 0
    while True:
        squared = float(g @ g)
        if squared == 0:
            return Done("floor", True)
        found = backtrack(_along(problem, x, g), f, -squared, 2 * alpha)
        if found is None:
            return _ended(f, norm, alpha)
        still = still + 1 if found[1] >= f else 0
        if still > 3:
            return Done("floor", True)
        alpha = found[0]
        x = x - alpha * g
        f, g = problem.value_and_gradient(x)
        norm = float(np.linalg.norm(g))
        yield State(x, f, norm, alpha)


def _along(problem: Problem, x: Array, g: Array) -> Callable[[float], float]:
    return lambda a: problem.value(x - a * g)


def lbfgs(problem: Problem, start: Array, memory: int = 10) -> Solver:
    """L-BFGS: p = −H∇f, with the inverse Hessian H made of the last `memory` pairs (s, y) of changes.

    Source: Nocedal, Wright, *Numerical Optimization*, algorithm 7.5; H₀ = (sᵀy/yᵀy) I (7.20).
    """
    x = start.copy()
    f, g = problem.value_and_gradient(x)
    yield State(x, f, float(np.linalg.norm(g)))
    pairs: list[tuple[Array, Array, float]] = []
    fresh = True
    while True:
        norm = float(np.linalg.norm(g))
        if norm == 0:
            return Done("floor", True)
        p = -_two_loops(g, pairs)
        slope = float(g @ p)
        if not slope < 0:
            pairs.clear()
            p, slope, fresh = -g, -norm * norm, True

        def phi(a: float, x: Array = x, p: Array = p) -> tuple[float, float, Any]:
            value, gradient = problem.value_and_gradient(x + a * p)
            return value, float(gradient @ p), gradient

        first = min(1.0, 1.0 / norm) if fresh else 1.0
        found = strong_wolfe(phi, f, slope, first)
        if found is None or not np.all(np.isfinite(found.extra)):
            if not fresh:  # once more from the gradient alone, with nothing remembered
                pairs.clear()
                fresh = True
                continue
            return _ended(f, norm, 1.0)
        s, y = found.step * p, found.extra - g
        x, g, lowered = x + s, found.extra, f - found.loss
        f = found.loss
        sy = float(s @ y)
        if sy > 1e-14 * float(np.linalg.norm(s)) * float(np.linalg.norm(y)):
            pairs.append((s, y, 1 / sy))
            del pairs[:-memory]
        yield State(x, f, float(np.linalg.norm(g)), found.step)
        if lowered == 0 and float(np.linalg.norm(g)) >= norm and not fresh:
            return Done("floor", True)
        fresh = not pairs


def _two_loops(g: Array, pairs: list[tuple[Array, Array, float]]) -> Array:
    q, kept = g.copy(), []
    for s, y, rho in reversed(pairs):
        a = rho * float(s @ q)
        q -= a * y
        kept.append(a)
    if pairs:
        s, y, rho = pairs[-1]
        q *= 1 / (rho * float(y @ y))
    for (s, y, rho), a in zip(pairs, reversed(kept), strict=True):
        q += (a - rho * float(y @ q)) * s
    return q


def _ended(f: float, norm: float, alpha: float) -> Done:
    # A gradient that predicts less than rounding can show has converged; otherwise something is not smooth.
    reached = norm * norm * min(alpha, 1.0) <= 1e-10 * max(abs(f), 1e-300) or norm <= 1e-7 * max(1.0, abs(f))
    return Done("floor" if reached else "stuck", reached)
