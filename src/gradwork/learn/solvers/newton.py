"""Newton's method with the exact Hessian, damped where it is not positive definite.

    (H + τD) p = −∇f,    D = |diag H|,    x ← x + αp

τ = 0 where H is positive definite; otherwise the smallest of a rising sequence for which H + τD is. α = 1 is
tried first, so that near a minimum the error is squared at each step.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.learn.solvers.driver import Done, Solver, State
from gradwork.learn.solvers.linesearch import strong_wolfe

Array = NDArray[Any]


class Smooth(Protocol):
    """What Newton asks of an objective."""

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]: ...

    def hessian(self, vector: Array) -> Array: ...


def newton(problem: Smooth, start: Array, *, tolerance: float = 1e-12, limit: float | None = None) -> Solver:
    """Newton's method from `start`.

    It ends by itself when the next step would change no parameter by more than `tolerance` of its size, which
    is then taken. `limit`, the gradient's norm at which the caller stops, lets a saddle with a vanishing
    gradient be left along a direction of negative curvature instead.
    """
    x = start.copy()
    f, g = problem.value_and_gradient(x)
    H: Array | None = None
    step = math.nan
    while True:
        norm = float(np.linalg.norm(g))
        hold, escape = False, None
        if norm <= (1e-8 if limit is None else limit):
            H = problem.hessian(x)
            escape = _downhill(H) if np.isfinite(H).all() else None
            hold = escape is not None
        yield State(x, f, norm, step, hold)
        H = problem.hessian(x) if H is None else H
        if not np.isfinite(H).all():
            return Done("stuck", False)
        p = escape if escape is not None else direction(H, g)
        H = None
        if p is None or not np.isfinite(p).all():
            return Done("stuck", False)
        slope = float(g @ p)
        change = relative_change(p, x)
        if escape is not None:
            found = _leave(problem, x, f, p)
            if found is None:
                return Done("floor", True)
            x, f, g, step = found
            continue
        if slope == 0:
            return Done("floor", True)
        if change <= tolerance:
            now, after = problem.value_and_gradient(x + p)
            if now <= f + 1e-14 * abs(f) and np.linalg.norm(after) <= norm:
                yield State(x + p, now, float(np.linalg.norm(after)), 1.0)
            return Done("small step", True, {"change": max(change, 1e-17)})

        def phi(a: float, x: Array = x, p: Array = p) -> tuple[float, float, Any]:
            value, gradient = problem.value_and_gradient(x + a * p)
            return value, float(gradient @ p), gradient

        found_point = strong_wolfe(phi, f, slope, 1.0)
        if found_point is None or not np.isfinite(found_point.extra).all():
            reached = change <= 1e-6 or abs(slope) <= 1e-12 * max(abs(f), 1e-300)
            return Done("floor" if reached else "stuck", reached)
        before = norm
        x, f, g, step = x + found_point.step * p, found_point.loss, found_point.extra, found_point.step
        if change <= 1e-7 and np.linalg.norm(g) >= 0.5 * before:
            yield State(x, f, float(np.linalg.norm(g)), step)
            return Done("floor", True)


def direction(H: Array, g: Array) -> Array | None:
    """Return −(H + τD)⁻¹g for the smallest τ of 0, 1e-8, 1e-7, … that makes the matrix positive definite.

    >>> direction(np.diag([4.0, 16.0]), np.array([4.0, 16.0])).tolist()
    [-1.0, -1.0]
    """
    d = np.sqrt(np.abs(np.diag(H)))
    d[d <= 1e-150 * max(float(d.max(initial=0.0)), 1e-150)] = max(float(d.max(initial=0.0)), 1.0)
    scaled = (H / d) / d[:, None]
    tau = 0.0
    while tau < 1e8:
        try:
            factor = linalg.cho_factor(scaled + tau * np.eye(len(H)), lower=True, check_finite=False)
        except linalg.LinAlgError:
            tau = max(1e-8, 10 * tau)
            continue
        p = -linalg.cho_solve(factor, g / d, check_finite=False) / d
        if tau == 0.0 and not float(g @ p) < 0:
            tau = 1e-8
            continue
        return p
    return None


def relative_change(p: Array, x: Array) -> float:
    """Return the largest |pⱼ| beside |xⱼ|, where parameters near zero count by the size of the whole vector."""
    floor = 1e-3 * float(np.abs(x).max(initial=0.0)) or 1.0
    return float((np.abs(p) / np.maximum(np.abs(x), floor)).max(initial=0.0))


def _downhill(H: Array) -> Array | None:
    values, V = linalg.eigh(H, check_finite=False)
    if values[0] >= -1e-8 * max(abs(values[-1]), 1e-300):
        return None
    return V[:, 0] * np.sign(V[np.argmax(np.abs(V[:, 0])), 0])


def _leave(problem: Smooth, x: Array, f: float, v: Array) -> tuple[Array, float, Array, float] | None:
    # Go along a direction of negative curvature until f is lower; either side will do.
    step = max(1.0, float(np.abs(x).max(initial=0.0)))
    for _ in range(40):
        for sign in (1.0, -1.0):
            now, g = problem.value_and_gradient(x + sign * step * v)
            if math.isfinite(now) and now < f and np.isfinite(g).all():
                return x + sign * step * v, now, g, step
        step /= 4
    return None
