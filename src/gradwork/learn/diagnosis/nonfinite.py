"""The first value that is not finite: in which subexpression, in which row, and what left its domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.expr.node import CONSTANT, EYE, NAME, ONES, SIZE, TRIL, ZEROS, Expr, definition, walk
from gradwork.learn.objective import Objective
from gradwork.words.notes import Line
from gradwork.words.numbers import short

Array = NDArray[Any]


@dataclass(frozen=True)
class NonFinite:
    """Where a formula leaves the numbers: the subexpression, the index (rows from 0), the values.

    `argument` is the value that left the domain, of the subexpression `inner`.
    """

    part: Expr
    value: float
    index: tuple[int, ...]
    inner: Expr | None
    argument: float | None
    sentence: Line


def explain_nonfinite(objective: Objective, vector: ArrayLike, *, gradient: bool = True) -> NonFinite | None:
    """Return where the loss at a vector first stops being finite, or None if it and its gradient are finite.

    Subexpressions are computed in order, arguments first, so the first that is not finite although its
    arguments are is the one that left its domain.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> o = Objective(27 * gw.log(p) + 73 * gw.log(1 - p), {p: 1.5})
    >>> print(explain_nonfinite(o, [1.5]).sentence)
    log(1 − p) is nan: the logarithm of −0.5, where 1 − p = −0.5
    """
    found = _search(objective, [objective.loss], vector)
    if found is None and gradient:
        found = _search(objective, list(objective.gradients), vector)
    return found


def _search(objective: Objective, roots: Sequence[Expr], vector: ArrayLike) -> NonFinite | None:
    from gradwork.run import function

    nodes = [n for n in walk(*roots) if n.op not in (NAME, ONES, EYE, TRIL, ZEROS, SIZE)]
    values: dict[Expr, Array] = {}
    given = {**objective.data, **objective.unpack(vector)}
    arguments = [*objective.data_symbols.values(), *objective.symbols]
    for node in nodes:
        if node.op.name == "symbol":
            value = np.asarray(given[node.params[0]])
        elif node.op is CONSTANT:
            value = np.asarray(float(node.params[0]))
        else:
            # One program for each subexpression: slow, but it is what the loss itself computes, term by term,
            # and nobody waits for it but a person whose run has just failed.
            program = function(node, dtype=objective.dtype.name, arguments=arguments)
            value = np.asarray(program(*given.values()))
        values[node] = value
        if not np.isfinite(value).all():
            return _told(objective, node, value, values)
    return None


def _told(objective: Objective, node: Expr, value: Array, values: dict[Expr, Array]) -> NonFinite:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0]) if value.ndim else ()
    bad = float(value[index])
    inner, argument, extra = _argument(node, index, value.shape, values)
    facts: dict[str, Any] = {"op": node.op.name, "dtype": objective.dtype.name, "argument": argument, **extra}
    reason = Line(_reason(node, bad, argument, inner), **facts)
    if inner is not None and argument is not None and str(inner) != short(argument, 6):
        reason = Line("domain where", reason=reason, inner=inner, argument=argument)
    told: dict[str, Any] = {"part": node, "value": bad, "reason": reason}
    if index:
        sentence = Line("nonfinite", row=Line("numbered row", row=index[0] + 1), **told)
    else:
        sentence = Line("nonfinite scalar", **told)
    return NonFinite(node, bad, index, inner, argument, sentence)


def _argument(
    node: Expr, index: tuple[int, ...], shape: tuple[int, ...], values: dict[Expr, Array]
) -> tuple[Expr | None, float | None, dict[str, Any]]:
    """Return the argument to blame, its value at the index, and further facts for the sentence."""
    extra: dict[str, Any] = {}
    if not node.op.elementwise or node.op.name == "add":
        return None, None, extra

    def at(arg: Expr) -> float:
        value = values.get(definition(arg))
        if value is None:
            return float("nan")
        return float(value[index] if value.shape == shape else value)

    if node.op.name == "power":
        base, exponent = node.args
        extra["exponent"] = at(exponent)
        return definition(base), at(base), extra
    chosen = [a for a in node.args if definition(a).op is not CONSTANT] or list(node.args)
    return definition(chosen[0]), at(chosen[0]), extra


def _reason(node: Expr, bad: float, argument: float | None, inner: Expr | None) -> str:
    name = node.op.name
    if argument is None or inner is None:
        return "domain sum"
    if name in ("log", "log1p"):
        return "domain log"
    if name == "sqrt":
        return "domain sqrt"
    if name == "power":
        return "domain divide" if argument == 0 else "domain power"
    return "domain overflow" if np.isinf(bad) and argument != 0 else "domain other"
