"""Newton for sums over very many rows: a start and a Hessian from some of the rows, exact gradients of all.

1. Newton on a few thousand random rows: near the answer for next to nothing.
2. The Hessian there from a larger sample, B = H⁻¹.
3. Steps x ← x − αB∇f(x) with the gradient of *all* rows, in blocks; B learns from each by BFGS

    B ← (I − ρsyᵀ)B(I − ρysᵀ) + ρssᵀ,    ρ = 1/yᵀs,

so that the error of the sampled Hessian fades and a handful of passes over the data suffice. The answer is that
of the whole data: only the way there is sampled. Where the passes do not gain, the Hessian is taken anew from
more rows, in the end from all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.learn.interrupt import asked
from gradwork.learn.objective import Objective
from gradwork.learn.solvers.driver import Done, Solver, State
from gradwork.learn.solvers.linesearch import strong_wolfe
from gradwork.learn.solvers.newton import newton, relative_change
from gradwork.rows.blocks import Blocks, single_blas

Array = NDArray[Any]

MANY = 50_000  # rows from which sampling pays


def sizes(n: int, p: int) -> tuple[int, int]:
    """Return how many rows the start and the Hessian are taken from.

    The relative error of a Hessian from m rows is about √(p/m), so m is a multiple of p.

    >>> sizes(200_000, 50)
    (5000, 40000)
    """
    first = min(n, max(2_000, 100 * p))
    return first, min(n, max(8 * first, 10_000))


def sampled_newton(blocks: Blocks, start: Array, seed: int = 0, tolerance: float = 1e-12) -> Solver:
    """Minimise a sum over rows from `start`."""
    with single_blas():
        return (yield from _sampled_newton(blocks, start, seed, tolerance))


def _sampled_newton(blocks: Blocks, start: Array, seed: int, tolerance: float) -> Solver:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(3,))))
    few, more = sizes(blocks.n, blocks.size)
    x = _near(blocks.take(blocks.choose(few, rng)), start)
    larger = blocks.choose(more, rng)
    B, g = _inverse(blocks, larger, x)
    if B is not None:  # one step on the larger sample: its gradient came with the Hessian
        nearer = x - B @ g
        x = nearer if np.isfinite(nearer).all() else x
    f, g = blocks.value_and_gradient(x)
    if not np.isfinite(f):
        x = start.copy()
        f, g = blocks.value_and_gradient(x)
        B, _ = _inverse(blocks, larger, x)
    yield State(x, f, float(np.linalg.norm(g)))
    slow = 0
    while True:
        norm = float(np.linalg.norm(g))
        if norm == 0:
            return Done("floor", True)
        p = -(B @ g) if B is not None else -g
        slope = float(g @ p)
        if B is None or not slope < 0:
            if more >= blocks.n:
                return (yield from newton(blocks, x))
            more = min(4 * more, blocks.n)
            B, _ = _inverse(blocks, blocks.choose(more, rng), x)
            continue
        change = relative_change(p, x)

        def phi(a: float, x: Array = x, p: Array = p) -> tuple[float, float, Any]:
            value, gradient = blocks.value_and_gradient(x + a * p)
            return value, float(gradient @ p), gradient

        found = strong_wolfe(phi, f, slope, 1.0)
        if found is None:
            if change <= 1e-6:
                return Done("floor", True)
            return (yield from newton(blocks, x))
        s, y = found.step * p, found.extra - g
        x, f, g = x + s, found.loss, found.extra
        yield State(x, f, float(np.linalg.norm(g)), found.step)
        if change <= tolerance:
            return Done("small step", True, {"change": max(change, 1e-17)})
        now = float(np.linalg.norm(g))
        if change <= 1e-8 and now >= 0.5 * norm:
            return Done("floor", True)
        B = updated(B, s, y)
        slow = slow + 1 if now > 0.5 * norm else 0
        if slow >= 2 and more < blocks.n:
            more, slow = min(4 * more, blocks.n), 0
            B, _ = _inverse(blocks, blocks.choose(more, rng), x)
        elif slow >= 4:
            return (yield from newton(blocks, x))


def updated(B: Array, s: Array, y: Array) -> Array:
    """Return the BFGS update of an inverse Hessian; unchanged where the curvature sᵀy is not positive.

    >>> updated(np.eye(1), np.array([1.0]), np.array([2.0])).tolist()
    [[0.5]]
    """
    sy = float(s @ y)
    if not sy > 1e-12 * float(np.linalg.norm(s) * np.linalg.norm(y)):
        return B
    By = B @ y
    return B + np.outer(s, s) * ((sy + float(y @ By)) / sy**2) - (np.outer(By, s) + np.outer(s, By)) / sy


def _near(sample: Objective, start: Array) -> Array:
    # The answer of a sample to three digits: more would be lost in the error of sampling.
    last = None
    solver = newton(sample, start, tolerance=1e-3)
    for _, state in zip(range(25), solver, strict=False):
        last = state
        if asked():
            break
    return start if last is None or not np.isfinite(last.vector).all() else last.vector


def _inverse(blocks: Blocks, rows: NDArray[np.int64] | None, x: Array) -> tuple[Array | None, Array]:
    g, H = blocks.gradient_and_hessian(x, rows)
    try:
        if not np.isfinite(H).all():
            return None, g
        return linalg.cho_solve(linalg.cho_factor(H, lower=True), np.eye(len(H))), g
    except linalg.LinAlgError:
        return None, g
