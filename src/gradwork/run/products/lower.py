"""What is said once for the reader and computed apart: sums of tensors inside products.

The Hessian of softmax regression is Σᵢ xᵢ ⊗ (diag(pᵢ) − pᵢpᵢᵀ) ⊗ xᵢ, a product over a sum. Multiplied out, no
array with more than two axes of the data is ever formed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradwork.expr.node import ONES, Expr, consumers, make, rebuild, walk
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT, contract, label_sizes, split
from gradwork.run.products.order import best_order, volume
from gradwork.run.sizes import estimate


def lower(roots: Sequence[Expr], hint: Mapping[str, int] | None = None) -> list[Expr]:
    """Return the expressions with products of tensor sums multiplied out where that is cheaper."""
    uses = consumers(*roots)
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        new = rebuild(node, tuple(done[a] for a in node.args))
        if node.op is CONTRACT:
            new = _distributed(new, [uses.get(a, 0) for a in node.args], hint)
        done[node] = new
    return [done[r] for r in roots]


def _distributed(node: Expr, uses: list[int], hint: Mapping[str, int] | None) -> Expr:
    operands = split(node)
    for k, (arg, own) in enumerate(operands):
        if arg.op is not ADD or arg.ndim < 3 or uses[k] > 1 or len(set(own)) < len(own):
            continue
        rest = [o for j, o in enumerate(operands) if j != k]
        parts = [contract([*rest, *_spelled_out(term, own)], node.params[1]) for term in arg.args]
        apart = sum(_cost(p, hint) for p in parts)
        whole = _cost(node, hint) + sum(_cost(t, hint) + _volume(t, hint) for t in arg.args)
        if apart < whole:
            return make(ADD, tuple(_distributed(p, [1] * len(p.args), hint) for p in parts))
    return node


def _spelled_out(term: Expr, own: tuple) -> list:
    if term.op is not CONTRACT:
        return [(term, own)]
    names = dict(zip(term.params[1], own, strict=True))
    return [(a, tuple(names.get(x, ("inner", x)) for x in labels)) for a, labels in split(term)]


def _volume(node: Expr, hint: Mapping[str, int] | None) -> float:
    total = 1.0
    for dim in node.shape:
        total *= estimate(dim, hint)
    return total


def _cost(node: Expr, hint: Mapping[str, int] | None) -> float:
    if node.op is not CONTRACT:
        return 0.0
    labels, out = node.params
    size = {x: estimate(d, hint) for x, d in label_sizes(node.args, labels).items()}
    factors = [frozenset(own) for a, own in split(node) if own and a.op is not ONES]
    if not factors:
        return 0.0
    present = frozenset().union(*factors)
    if len(factors) == 1:
        return volume(present, size)
    return best_order(factors, frozenset(out) & present, size)[0]
