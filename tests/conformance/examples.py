"""An example call for every registered operation: symbols, and values within its domain."""

from __future__ import annotations

import numpy as np

import gradwork as gw
from gradwork.diff.calculus import PULL, PUSH
from gradwork.diff.differential import DIFFERENTIAL
from gradwork.diff.school import PRIME
from gradwork.diff.structure import PROJECT
from gradwork.expr.node import LEAVES, NAME, Expr, make, symbol
from gradwork.expr.op import REGISTRY, Op
from gradwork.ops.contraction import CONTRACT, ein
from gradwork.ops.elementwise import PI

# Leaves, names and derivatives still to be taken are not operations that a person calls.
OPERATIONS: list[Op] = [
    op
    for op in REGISTRY.values()
    if op not in LEAVES and op not in (NAME, PULL, PUSH, PRIME, PROJECT, DIFFERENTIAL, PI)
]


def example(op: Op, seed: int = 0) -> tuple[Expr, dict[str, np.ndarray], list[str]]:
    """Return a call of `op`, values for its symbols, and the symbols that it can be differentiated by."""
    rng = np.random.default_rng(seed)
    if op is CONTRACT:
        a, b, c = gw.matrix("a0", 4, 3), gw.matrix("a1", 3, 3), gw.vector("a2", 3)
        values = {"a0": rng.normal(size=(4, 3)), "a1": rng.normal(size=(3, 3)), "a2": rng.normal(size=3)}
        return ein("ij,jj,j->ij", a, b, c), values, ["a0", "a1", "a2"]
    shapes = op.example[0] if op.example else ((3,),) * len(op.domain)
    params = op.example[1] if op.example else ()
    kind = op.example[2] if len(op.example) > 2 else ""
    symbols, values, moving = [], {}, []
    for i, shape in enumerate(shapes):
        label = f"a{i}"
        if shape and shape[0] == "positions":
            symbols.append(symbol(label, (shape[1],), integer=True))
            values[label] = rng.integers(0, shape[2], shape[1])
            continue
        low, high = op.domain[min(i, len(op.domain) - 1)]
        x = rng.uniform(low, high, shape)
        if kind == "well":
            x = x + 3 * np.eye(shape[-1])
        if kind == "symmetric":
            x = x + np.swapaxes(x, -1, -2)
        if kind == "spd" and x.ndim == 3:
            x = x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1])
        elif kind == "spd":
            x = x @ x.T + np.eye(shape[0])
        symbols.append(symbol(label, shape))
        values[label] = x
        if i == 0 or kind != "first":  # "first": it has a derivative by its first argument only
            moving.append(label)
    return make(op, tuple(symbols), params), values, moving
