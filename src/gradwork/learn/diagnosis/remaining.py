"""What a run had still to go at its end, and what its steps could do: distances, gains, the noise of batches.

To second order the minimum lies a Newton step away,

    p = −H⁻¹∇f,    and below by    ½ ∇fᵀH⁻¹∇f,

and a step −ηg with the gradient g = ∇f + d of a batch changes the loss on average by

    −η‖∇f‖² + η²/2 (∇fᵀH∇f + E dᵀHd):

what it wins, and what the noise d loses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.data import permutation
from gradwork.learn.descent.loops import Batching
from gradwork.learn.objective import Objective
from gradwork.rows.proof import RowSum

if TYPE_CHECKING:
    from gradwork.learn.fit import Fit

Array = NDArray[Any]

MOST = 1_500  # parameters, for a Hessian
BATCHES = 64  # whose gradients tell the noise
ROUNDING = 1e-14  # beside the largest curvature: what is below is none

# By how much a parameter moves in T steps, in learning rates, whatever the gradient: the sum of these over t = 1, …, T.
REACH = {
    "Adam": lambda t: np.ones_like(t), "AdamW": lambda t: np.ones_like(t), "RMSprop": lambda t: np.ones_like(t),
    "Adagrad": lambda t: 1 / np.sqrt(t),
}  # fmt: skip


@dataclass(frozen=True)
class Remaining:
    """The Newton step from a point, and how much lower the minimum is."""

    step: Array
    gain: float


def remaining(objective: Objective, vector: Array) -> Remaining | None:
    """Return how far the minimum is from a point to second order; None where the Hessian does not tell.

    Along directions in which the loss is flat and has no slope, as softmax has one for each row of W, the step is zero.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> found = remaining(Objective((p - 3) ** 2, {p: 1.0}), np.array([1.0]))
    >>> found.step.round(12).tolist(), round(found.gain, 12)
    ([2.0], 4.0)
    """
    if objective.size > MOST:
        return None
    try:
        with np.errstate(all="ignore"):
            gradient, H = objective.gradient(vector), objective.hessian(vector)
        values, V = linalg.eigh(H)
    except (linalg.LinAlgError, ValueError):
        return None
    slopes, bends = V.T @ gradient, values > ROUNDING * values[-1]
    flat = np.linalg.norm(slopes[~bends]) <= np.sqrt(ROUNDING) * np.linalg.norm(slopes)
    if values[-1] <= 0 or values[0] < -ROUNDING * values[-1] or not flat:
        return None
    step = -V[:, bends] @ (slopes[bends] / values[bends])
    return Remaining(step, -float(gradient @ step) / 2)


@dataclass(frozen=True)
class Noise:
    """The gradients of batches at a point.

    norm:   ‖∇f‖ over all rows;  spread: √E‖d‖², how far the gradient of a batch is from it.
    wins, loses: the parts of a step of plain descent at a rate, by the slope and by the noise.
    """

    norm: float
    spread: float
    wins: float
    loses: float

    @property
    def dominates(self) -> bool:
        """Whether a step loses about as much as it wins, or more."""
        return self.loses >= 0.5 * self.wins


def noise(objective: Objective, proof: RowSum, batching: Batching, vector: Array, rate: float) -> Noise:
    """Return the noise of batches at a point, from the gradients of the first batches of an epoch."""
    from gradwork.rows.blocks import Blocks

    blocks = Blocks(objective, proof)
    with np.errstate(all="ignore"):
        whole = objective.gradient(vector)
        order = permutation(batching.rows, batching.seed, 0) if batching.shuffle else np.arange(batching.rows)
        wins, loses, squares = rate * float(whole @ whole), [], []
        for k in range(min(BATCHES, batching.full)):
            rows = order[k * batching.size : (k + 1) * batching.size]
            d = blocks.take(rows).gradient(vector) - whole
            squares.append(float(d @ d))
            loses.append(rate**2 / 2 * float(d @ objective.hvp(vector, d)))
    return Noise(float(np.linalg.norm(whole)), float(np.sqrt(np.mean(squares))), wins, float(np.mean(loses)))


def reach(fit: Fit) -> float:
    """Return about how far a parameter can have moved in a run of an optimizer whose steps do not follow the slope.

    NaN for others.
    """
    optimizer, batching = fit.details.get("optimizer"), fit.details.get("batching")
    if optimizer is None or optimizer.name not in REACH:
        return float("nan")
    taken = np.arange(fit.steps)
    rates = optimizer.learning_rate.values(taken, batching.steps if batching else 1)
    return float((rates * REACH[optimizer.name](taken + 1.0)).sum())
