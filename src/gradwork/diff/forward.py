"""Forward mode: tangents beside values."""

from __future__ import annotations

from collections.abc import Mapping

from gradwork.diff.calculus import RULES, push
from gradwork.expr.dims import Dim
from gradwork.expr.node import EYE, NAME, Expr, depends, is_zero, make, name, walk, zeros
from gradwork.ops.arithmetic import total
from gradwork.ops.contraction import contract
from gradwork.rewrite.engine import Engine


def forward(f: Expr, tangents: Mapping[Expr, Expr], named: bool = False) -> Expr:
    """Return the tangent of `f` for the given tangents of symbols.

    A tangent may carry further axes after those of its symbol; the result carries the same. With `named`,
    the tangents of named quantities get names too, so that the result stays linear in the size of `f`.
    """
    moving = depends(f, tangents)
    engine = Engine(RULES)
    extra = _extra(tangents)
    tangent: dict[Expr, Expr] = dict(tangents)
    for node in walk(f):
        if node in tangent or node not in moving:
            continue
        parts = [
            engine.normalise(push(tangent[a], node, node, i))
            for i, a in enumerate(node.args)
            if a in moving and not is_zero(tangent[a])
        ]
        whole = engine.normalise(total(parts, (*node.shape, *extra)))
        if named and node.op is NAME and not is_zero(whole):
            whole = name(f"{node.params[0]}_dot", whole, "tangent")
        tangent[node] = whole
    return tangent[f] if f in moving else zeros((*f.shape, *extra))


def _extra(tangents: Mapping[Expr, Expr]) -> tuple[Dim, ...]:
    for symbol, t in tangents.items():
        return t.shape[symbol.ndim :]
    return ()


def unit(shape: tuple[Dim, ...]) -> Expr:
    """Return the identity map on arrays of a shape: axes `shape` twice over."""
    rank = len(shape)
    eyes = [(make(EYE, (), (d,)), (a, rank + a)) for a, d in enumerate(shape)]
    return contract(eyes, tuple(range(2 * rank))) if eyes else contract([], ())
