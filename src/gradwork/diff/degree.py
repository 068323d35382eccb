"""How often a quantity enters another: the proof that something is linear, through every name.

    deg(x) = 1,   deg(c) = 0,   deg(a + b) = max,   deg(a b) = deg a + deg b,   deg(L a) = deg a

L is any linear operation. What is not a polynomial by its form, such as tanh(x), has no degree: None.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradwork.expr.node import CONSTANT, NAME, Expr, depends, walk
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT
from gradwork.ops.elementwise import WHERE


def degree(y: Expr, x: Expr, held: Iterable[Expr] = ()) -> int | None:
    """Return the degree of `y` as a polynomial in `x`, or None where its form does not show one.

    `held` are quantities that count as constants; every other name is looked through.

    >>> from gradwork.expr import matrix, vector
    >>> X, b = matrix("X", "n", "d"), vector("b", "d")
    >>> degree(X @ b, b), degree((X @ b) ** 2, b), degree(X, b)
    (1, 2, 0)
    """
    fixed = set(held)
    moving = depends(y, [x])
    found: dict[Expr, int | None] = {}
    for node in walk(y):
        if node is x:
            found[node] = 1
        elif node in fixed or node not in moving:
            found[node] = 0
        else:
            found[node] = _of(node, [found[a] for a in node.args])
    return found[y]


def is_linear(y: Expr, x: Expr, held: Iterable[Expr] = ()) -> bool:
    """Tell whether `y` is proved to be linear in `x` (with a constant, perhaps): of degree one."""
    return degree(y, x, held) == 1


def _of(node: Expr, below: list[int | None]) -> int | None:
    if node.op is WHERE:
        return _most(below[1:]) if below[0] == 0 else None
    if None in below:
        return None
    known = [d for d in below if d is not None]
    if node.op is CONTRACT:
        return sum(known)
    if node.op is POWER and node.args[1].op is CONSTANT and known[1] == 0:
        k = node.args[1].params[0]
        return known[0] * int(k) if k == int(k) and k >= 0 else None
    if node.op in (ADD, NAME):
        return _most(below)
    if node.op.name == "concatenate":
        return _most(below)
    if node.op.name.startswith("correlate"):
        return sum(known)  # bilinear
    # The further arguments of a linear operation (where to place, which entry is largest) must not move.
    return known[0] if node.op.linear and not any(known[1:]) else None


def _most(below: list[int | None]) -> int | None:
    known = [d for d in below if d is not None]
    return max(known) if len(known) == len(below) else None
