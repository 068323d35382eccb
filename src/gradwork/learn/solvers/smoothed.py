"""Losses with absolute values: Newton on a smooth neighbour that is drawn ever closer.

|u| is replaced by √(u² + ε²), which is at most ε above it. Each ε is solved by Newton from the answer before, and
ε falls by a factor until the neighbour is the loss itself to working precision. At the answer of a least absolute
deviation some residuals are zero, where |u| has no derivative and L-BFGS sticks; this path goes there smoothly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.expr.node import Expr, scalar, substitute, walk
from gradwork.learn.interrupt import asked
from gradwork.learn.objective import Objective
from gradwork.learn.solvers.driver import Done, Solver, State
from gradwork.learn.solvers.newton import newton
from gradwork.ops.elementwise import sqrt

Array = NDArray[Any]

FACTOR, LAST = 0.1, 1e-10


def smooth(objective: Objective) -> tuple[Objective, str, list[Expr]]:
    """Return the smooth neighbour of an objective, the name of its ε, and the arguments of the absolute values.

    >>> import gradwork as gw
    >>> b = gw.vector("b", "d")
    >>> print(smooth(Objective(gw.sum(abs(b)), {b: [1.0, 2.0]}))[0].loss)
    Σ √(b² + ε²)
    """
    name = "epsilon"
    while name in objective.loss.symbols or name in objective.sizes:
        name += "_"
    epsilon = scalar(name, positive=True)
    inner: list[Expr] = []
    loss = objective.loss
    # From the inside outwards: a replacement changes the nodes around it.
    while (node := next((n for n in walk(loss) if n.op.name == "abs"), None)) is not None:
        inner.append(node.args[0])
        loss = substitute(loss, {node: sqrt(node.args[0] ** 2 + epsilon**2)})
    starts = {s: objective.start[s.params[0]] for s in objective.symbols}
    data = {s: objective.data[n] for n, s in objective.data_symbols.items()}
    made = Objective(
        loss, starts, {**data, epsilon: 1.0}, objective.dtype, seed=objective.seed, sizes=objective.sizes
    )
    return made, name, inner


def smoothed_newton(objective: Objective, start: Array) -> Solver:
    """Minimise a loss with absolute values from `start`."""
    made, name, _ = smooth(objective)
    x = start.copy()
    f = objective.value(x)
    yield State(x, f, float("nan"))
    # The first ε is as large as the loss itself: about the size of a residual.
    scale = abs(f) / max(1, objective.size) or 1.0
    size = max((a.shape[0] for a in objective.data.values() if a.ndim), default=1)
    scale = min(abs(f), max(abs(f) / size, scale)) or 1.0
    epsilon = scale
    while epsilon >= LAST * scale:
        stage = made.restricted({name: np.asarray(epsilon)})
        last = x
        for _, state in zip(range(60), newton(stage, x, tolerance=1e-9), strict=False):
            last = state.vector
            if asked():
                break
        value = objective.value(last)
        if np.isfinite(value) and value <= f + 1e-12 * abs(f):
            x, f = last, min(value, f)
            yield State(x, f, float("nan"), epsilon)
        if asked():
            return Done("stuck", False)  # which the driver calls an interruption
        epsilon *= FACTOR
    return Done("smoothed", True, {"epsilon": epsilon / FACTOR})
