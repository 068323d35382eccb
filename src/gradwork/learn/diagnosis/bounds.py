"""Which parameters ended at a bound, so that the minimum is not where their slope vanishes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gradwork.learn.objective import Objective


def at_bounds(objective: Objective, vector: ArrayLike) -> dict[str, str]:
    """Return the parameters that are at a bound at a vector, each with the bound as text.

    Near a bound b the free parameter u has p = b ± exp(u), so that with d = |p − b|

        df/du = ± d f′    and    d²f/du² = d² f″ ± d f′

    At a minimum inside f′ = 0, and the first vanishes beside the second; where the loss presses against the bound
    they are alike, however small both have become.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> o = Objective((p - 2) ** 2, {p: 0.5}, bounds={p: (0, 1)})
    >>> at_bounds(o, [30.0]), at_bounds(o, [0.0])
    ({'p': 'p < 1'}, {})
    """
    found: dict[str, str] = {}
    if all(t.low == -np.inf and t.high == np.inf for t in objective.transforms):
        return found
    flat = np.asarray(vector, dtype=float)
    gradient, values = objective.gradient(flat), objective.unpack(flat)
    at = 0
    for t in objective.transforms:
        free = t.free.params[0]
        u, p = values[free].ravel(), np.asarray(t.forward(values[free]), dtype=float).ravel()
        start = np.asarray(t.forward(objective.start[free]), dtype=float).ravel()
        for bound, other in ((t.low, t.high), (t.high, t.low)):
            if not np.isfinite(bound):
                continue
            size = np.abs(other - bound) if np.isfinite(other) else np.abs(start - bound)
            # u grows towards the upper of two bounds, and falls towards any other.
            towards = 1.0 if bound == t.high and np.isfinite(t.low) else -1.0
            for j in map(int, np.flatnonzero(np.abs(p - bound) <= 1e-3 * size)):
                slope = towards * gradient[at + j]
                if p[j] == bound or (slope < 0 and -slope >= 0.5 * abs(_curvature(objective, flat, at + j))):
                    name = t.parameter.params[0]
                    found[name] = f"{name} {'<' if bound == t.high else '>'} {bound:g}"
        at += len(u)
    return found


def _curvature(objective: Objective, vector: np.ndarray, j: int) -> float:
    e = np.zeros(len(vector))
    e[j] = 1.0
    return float(objective.hvp(vector, e)[j])
