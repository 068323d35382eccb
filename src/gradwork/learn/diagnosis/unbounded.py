"""A loss that falls without end: where the sign is wrong, or the formula has no minimum.

A run cannot see infinity, but it can see that the loss has fallen far below its start, that the parameters have grown
far beyond theirs, and that along them it falls on in proportion:

    −∇fᵀθ ≥ 10⁻³ (f₀ − f).

Near a minimum, however far away, the left side vanishes; so it does where the loss approaches a value that it never
attains, as with separated classes or 1/θ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.learn.objective import Objective
from gradwork.learn.stopping import FALL

Array = NDArray[Any]

GROWTH = 1e15  # of ‖θ‖: beyond what float64 tells apart from the start
CLAIMED = 1e6  # the growth from which a claim of convergence is looked into


def falls_without_end(
    objective: Objective, start: Array, first: float, vector: Array, loss: float, converged: bool = False
) -> bool:
    """Return whether a run from `start`, where the loss was `first`, is on its way to minus infinity.

    converged: a tolerance was met at `vector`; then a smaller growth makes the claim doubtful.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> falls_without_end(Objective(3 * p, {p: 1.0}), np.array([1.0]), 3.0, np.array([-1e16]), -3e16)
    True
    >>> far = Objective((p - 1e16) ** 2, {p: 1.0})
    >>> falls_without_end(far, np.array([1.0]), 1e32, np.array([1e16]), 0.0)
    False
    """
    fall, scale = first - loss, max(1.0, abs(first))
    if not fall >= 10 * scale:
        return False
    grown = length(vector) / max(1.0, length(start))
    if fall < FALL * scale and grown < (CLAIMED if converged else GROWTH):
        return False
    with np.errstate(all="ignore"):
        slope = -float(objective.gradient(vector) @ vector)
    # A gradient that overflows is not that of a minimum.
    return not np.isfinite(slope) or slope >= 1e-3 * fall


def length(vector: Array) -> float:
    """Return the Euclidean norm, without overflow."""
    return float(linalg.norm(np.ravel(vector), check_finite=False)) if np.isfinite(vector).all() else np.inf


def facts(objective: Objective, vector: Array, loss: float) -> dict[str, Any]:
    """Return what the sentence about it needs: the loss, the parameter that went farthest, and where it went."""
    ours, before = objective.external(vector), objective.external(objective.start)
    free = objective.unpack(vector)
    names = {t.free.params[0]: t.parameter.params[0] for t in objective.transforms}
    name = names[max(free, key=lambda key: length(free[key]))]
    size = length(ours[name])
    grew = size >= length(before[name])
    words = "unbounded above" if objective.maximize else "unbounded"
    return {
        "words": words if grew else f"{words}, shrank", "name": objective.parameters[name].unicode(), "size": size,
        "value": -loss if objective.maximize else loss,
    }  # fmt: skip
