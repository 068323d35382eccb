"""Curvatures of a loss at a point: the largest and the smallest, and what they mean for descent.

Near a minimum x* with Hessian H, a step of descent multiplies the error by I − ηH. Along an eigenvector with
curvature λ that is 1 − ηλ, so descent is stable exactly for η < 2/L with L the largest curvature, and the best
rate 2/(L + μ) shrinks the slowest error by (κ − 1)/(κ + 1) a step, κ = L/μ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective

Array = NDArray[Any]

DENSE = 300  # up to this many parameters the Hessian is formed and its eigenvalues are exact


@dataclass(frozen=True)
class Curvature:
    """The largest and smallest eigenvalue of a Hessian."""

    largest: float
    smallest: float

    @property
    def limit(self) -> float:
        """The learning rate below which plain descent is stable, 2/L."""
        return 2 / self.largest if self.largest > 0 else math.inf

    @property
    def condition(self) -> float:
        """κ = L/μ; infinite where the smallest curvature is zero to working precision, or negative."""
        return self.largest / self.smallest if self.determined else math.inf

    @property
    def determined(self) -> bool:
        """Whether the smallest curvature is positive beyond rounding."""
        return self.smallest > 1e-15 * self.largest

    @property
    def best_rate(self) -> float:
        """The rate with the fastest worst case, 2/(L + μ)."""
        return 2 / (self.largest + max(self.smallest, 0.0)) if self.largest > 0 else math.inf

    @property
    def best_contraction(self) -> float:
        """By how much the slowest error shrinks at the best rate, (κ − 1)/(κ + 1)."""
        return self.contraction(self.best_rate)

    def contraction(self, rate: float) -> float:
        """Return by how much the slowest error shrinks (or, above 1, the fastest grows) at a learning rate.

        >>> Curvature(4.0, 1.0).contraction(0.25), Curvature(4.0, 1.0).contraction(1.0)
        (0.75, 3.0)
        """
        return max(abs(1 - rate * self.largest), abs(1 - rate * self.smallest))


def curvature(objective: Objective, vector: Array, steps: int = 200) -> Curvature:
    """Return the largest and smallest curvature at a vector.

    From the Hessian's eigenvalues where it is small, else by Lanczos iteration on Hessian-vector products, which
    finds the largest to many digits and bounds the smallest from above.
    """
    p = objective.size
    if p <= DENSE:
        values = linalg.eigvalsh(objective.hessian(vector))
        return Curvature(float(values[-1]), float(values[0]))
    return lanczos(lambda v: objective.hvp(vector, v), p, min(steps, p))


def lanczos(product: Any, size: int, steps: int, seed: int = 0) -> Curvature:
    """Return the extreme eigenvalues of a symmetric matrix from its products with vectors.

    With full reorthogonalisation: a few hundred vectors are kept, and no eigenvalue is found twice.

    >>> found = lanczos(lambda v: np.arange(1, 11) * v, 10, 10)
    >>> round(found.largest, 9), round(found.smallest, 9)
    (10.0, 1.0)
    """
    v = np.random.default_rng(seed).normal(size=size)
    basis = [v / np.linalg.norm(v)]
    diagonal: list[float] = []
    beside: list[float] = []
    last = math.nan
    for k in range(steps):
        w = np.asarray(product(basis[-1]), dtype=float)
        diagonal.append(float(basis[-1] @ w))
        Q = np.array(basis)
        w = w - Q.T @ (Q @ w)
        w = w - Q.T @ (Q @ w)
        size_w = float(np.linalg.norm(w))
        done = size_w <= 1e-12 * max(abs(d) for d in diagonal)
        if k % 10 == 9 or done or k == steps - 1:
            ends = linalg.eigvalsh_tridiagonal(diagonal, beside) if beside else np.array(diagonal)
            settled = abs(ends[-1] - last) <= 1e-10 * abs(ends[-1]) and k >= min(steps, 100) - 1
            last = float(ends[-1])
            if done or settled or k == steps - 1:
                return Curvature(float(ends[-1]), float(ends[0]))
        beside.append(size_w)
        basis.append(w / size_w)
    raise AssertionError("at least one step is taken")
