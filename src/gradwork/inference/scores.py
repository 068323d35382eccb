"""The scores of a loss that is a sum over rows: the gradient of each row's own term."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.diff.api import jacobian
from gradwork.errors import DerivativeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import NAME, Expr, size
from gradwork.learn.objective import Objective
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.rows.blocks import Blocks

Array = NDArray[Any]


def scores(objective: Objective, blocks: Blocks) -> Array:
    """Return ∇ℓᵢ at the start of an objective f = Σ ℓᵢ + R, n×p; R has no part in it.

    >>> import gradwork as gw
    >>> y, m = gw.vector("y", "n"), gw.scalar("m")
    >>> o = Objective(gw.sum((y - m) ** 2) + m**2, {m: 1.0}, {y: [1.0, 2.0, 4.0]})
    >>> scores(o, Blocks(o)).ravel().tolist()
    [-0.0, -2.0, -6.0]
    """
    at, proof = objective.start_vector, blocks.proof
    rows = _opened(proof.terms, Dim.of(proof.rows), set(proof.axes))
    if rows is not None:
        try:
            parts = [jacobian(rows, s) for s in objective.symbols]
        except DerivativeError:
            pass
        else:
            values = objective.evaluate("scores", parts, at)
            shapes = [(blocks.n, *shape) for shape in objective.shapes.values()]
            wide = [np.broadcast_to(v, shape) for v, shape in zip(values, shapes, strict=True)]
            return np.column_stack([v.reshape(blocks.n, -1) for v in wide])
    # A batch of one row estimates the whole: n times that row's term, and R.
    one = np.array([blocks.take(slice(i, i + 1)).gradient(at) for i in range(blocks.n)]) / blocks.n
    return one - (one.sum(axis=0) - _summed(objective, blocks)) / blocks.n


def _summed(objective: Objective, blocks: Blocks) -> Array:
    # The gradient of the sum over rows alone.
    held = blocks.proof.terms.symbols
    parts = {name: value for name, value in objective.start.items() if name in held}
    data = {name: value for name, value in objective.data.items() if name in held}
    part = Objective(blocks.proof.terms, parts, data, sizes=objective.sizes)
    found = dict(zip(part.labels, part.gradient(part.start_vector), strict=True))
    return np.array([found.get(name, 0.0) for name in objective.labels])


def _opened(x: Expr, rows: Dim, data: set[str]) -> Expr | None:
    """Return the terms of a sum over rows as a vector (or one number that each row has); None if it is hidden."""
    if x.op is NAME:
        return _opened(x.args[0], rows, data)
    if not data & set(x.symbols):
        return x / size(rows)  # n log s came from Σ log s
    if x.op is ADD:
        parts = [_opened(a, rows, data) for a in x.args]
        if any(part is None for part in parts):
            return None
        found = parts[0]
        for part in parts[1:]:
            found = found + part  # type: ignore[operator]
        return found
    if x.op is not CONTRACT:
        return None
    operands = split(x)
    labels = {label for a, own in operands for label, dim in zip(own, a.shape) if dim == rows}
    if len(labels) == 1:
        return contract(operands, (labels.pop(),))
    if labels or any(own for _, own in operands):
        return None
    at = [i for i, (a, _) in enumerate(operands) if data & set(a.symbols)]
    inner = _opened(operands[at[0]][0], rows, data) if len(at) == 1 else None
    if inner is None:
        return None
    found = inner
    for i, (a, _) in enumerate(operands):
        found = found if i == at[0] else a * found
    return found
