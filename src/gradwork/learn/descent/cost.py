"""How long expressions will take: components read and written, products in their best order, calls.

Estimates for a machine with two cores; they decide between targets and plans, never about results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gradwork.expr.dims import Dim
from gradwork.expr.node import LEAVES, Expr, definition, walk
from gradwork.ops.contraction import CONTRACT, split
from gradwork.ops.sequence import LAST, SCAN
from gradwork.run.products.order import best_order
from gradwork.run.sizes import estimate

# Seconds. Measured on two cores with NumPy 2 and XLA; a component is 8 bytes.
CALL_NUMPY = 1.1e-6  # one operation of NumPy on small arrays
CALL_XLA = 0.06e-6  # one operation inside a compiled loop
COMPONENT_NUMPY = 0.45e-9
COMPONENT_XLA = 0.30e-9
COMPILE, COMPILE_CALL = 0.07, 0.004  # the first compilation: fixed, and for each operation
IMPORT_JAX = 0.5
FUNCTIONS = 8.0  # an exponential costs about as many components as this


@dataclass(frozen=True)
class Work:
    """What evaluating expressions once takes: components touched, operations, and how often more those of loops run."""

    components: float
    calls: int
    again: float = 0.0

    def seconds(self, target: str, itemsize: int = 8) -> float:
        """Return the estimated time of one evaluation inside a loop on a target."""
        scale = itemsize / 8
        if target == "xla":
            return (self.calls + self.again) * CALL_XLA + self.components * COMPONENT_XLA * scale
        return (self.calls + self.again) * CALL_NUMPY + self.components * COMPONENT_NUMPY * scale


def volume(shape: Iterable[Dim], sizes: Mapping[str, int]) -> float:
    """Return the number of components of an array of this shape.

    >>> volume((Dim.of("n"), Dim.of(3)), {"n": 5})
    15.0
    """
    result = 1.0
    for dim in shape:
        result *= estimate(dim, sizes)
    return result


def work(exprs: Iterable[Expr], sizes: Mapping[str, int], inner: Iterable[Expr] = ()) -> Work:
    """Return the work of evaluating expressions together, each shared part once.

    inner: nodes that are given already, so that what lies below them costs nothing.
    """
    given = set(inner)
    components, calls, again = 0.0, 0, 0.0
    seen: set[Any] = set()
    for node in _reachable(exprs, given):
        core = definition(node)
        if core in seen or core.op in LEAVES or core in given:
            continue
        seen.add(core)
        if core.op is SCAN:
            # The step of a recurrence, once for all nodes of it; what they ask of it beside its state, for each.
            recurrence, kind, what = core.params
            roots = [] if kind == LAST else [what]
            if (core.args, recurrence) not in seen:
                seen.add((core.args, recurrence))
                roots += recurrence.after
            step, length = work(roots, sizes), estimate(recurrence.length, sizes)
            components += length * step.components
            calls, again = calls + step.calls, again + (length - 1) * step.calls
            continue
        calls += 1
        if core.op is CONTRACT:
            components += product_cost(split(core), core.params[1], sizes)
            continue
        own = volume(core.shape, sizes)
        touched = own + sum(volume(a.shape, sizes) for a in core.args)
        components += touched
        if core.op.elementwise and core.op.name not in (
            "add",
            "where",
            "maximum",
            "minimum",
            "power",
            "relu",
        ):
            components += FUNCTIONS * own
        elif core.op.name in ("inv", "det", "logdet", "cholesky", "cofactor"):
            components += volume(core.args[0].shape, sizes) ** 1.5 * 0.3
    return Work(components, calls, again)


def _reachable(exprs: Iterable[Expr], given: set[Expr]) -> Iterable[Expr]:
    if not given:
        return walk(*exprs)
    found: list[Expr] = []
    seen: set[Expr] = set()
    stack = list(exprs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        found.append(node)
        if node not in given:
            stack.extend(node.args)
    return found


def product_cost(operands: list, out: tuple, sizes: Mapping[str, int]) -> float:
    """Return the components that a product touches in its best order."""
    arrays = [(a, own) for a, own in operands if own and definition(a).op.name not in ("ones", "eye")]
    size: dict = {}
    for a, own in operands:
        for label, dim in zip(own, a.shape, strict=True):
            size[label] = estimate(dim, sizes)
    result = volume([], sizes)
    for label in out:
        result *= size[label]
    if not arrays:
        return result
    if len(arrays) == 1:
        moved = 1.0
        for label in set(arrays[0][1]):
            moved *= size[label]
        return moved + result
    # A label that only one factor has is summed first, which reads the whole factor.
    factors, cost = [frozenset(own) for _, own in arrays], 0.0
    for i, own in enumerate(factors):
        others = frozenset(out).union(*(f for j, f in enumerate(factors) if j != i))
        if own - others:
            cost += _components(own, size) + _components(own & others, size)
            factors[i] = own & others
    return cost + best_order([f for f in factors if f] or [frozenset()], frozenset(out), size)[0]


def _components(labels: frozenset, size: dict) -> float:
    result = 1.0
    for label in labels:
        result *= size[label]
    return result


def compile_seconds(calls: int, cached: bool = False) -> float:
    """Return the estimated time that compiling a loop of so many operations takes, with importing JAX."""
    import sys

    if cached:
        return 0.0
    return COMPILE + COMPILE_CALL * calls + (0.0 if "jax" in sys.modules else IMPORT_JAX)


__all__ = ["Work", "compile_seconds", "product_cost", "volume", "work"]
