"""Simplifications that a teacher writes as a line of its own, most of them by facts declared about symbols."""

from __future__ import annotations

from gradwork.expr.dims import Dim
from gradwork.expr.node import EYE, ONES, Expr, constant, definition, facts, make
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.indexing import CONCATENATE, PLACE
from gradwork.rewrite.canonical import RULES as CANONICAL
from gradwork.rewrite.engine import Rule

RULES: list[Rule] = []


def rule(name: str, *ops, board: bool = True, describe=None):
    """Register the decorated function as a rule for simplifying."""

    def register(function):
        RULES.append(Rule(name, "simplify", ops, function, board, describe))
        return function

    return register


def _row_sums(node: Expr, holds) -> Expr | None:
    operands, out = split(node), node.params[1]
    for i, (operand, labels) in enumerate(operands):
        axis = holds(operand)
        if axis is None or len(set(labels)) != len(labels):
            continue
        label = labels[axis]
        rest = operands[:i] + operands[i + 1 :]
        if label in out or any(label in own for _, own in rest):
            continue
        kept = [(make(ONES, (), (operand.shape[a],)), (l,)) for a, l in enumerate(labels) if l != label]
        return contract([*rest, *kept], out) if rest or kept else constant(1)
    return None


def _onehot(node: Expr) -> dict:
    return {"symbol": next(a for a in node.args if "onehot" in facts(a))}


@rule("rows sum to one (one-hot)", CONTRACT, describe=_onehot)
def onehot_rows(node: Expr) -> Expr | None:
    """The rows of a one-hot matrix sum to 1."""
    return _row_sums(node, lambda x: 1 if "onehot" in facts(x) else None)


@rule("softmax sums to one", CONTRACT)
def softmax_sums(node: Expr) -> Expr | None:
    """The components of a softmax sum to 1."""

    def axis(x: Expr) -> int | None:
        inner = definition(x)
        return inner.params[0][0] if inner.op is REGISTRY["softmax"] else None

    return _row_sums(node, axis)


@rule("one-hot is its own square", POWER)
def onehot_power(node: Expr) -> Expr | None:
    """0ᵖ = 0 and 1ᵖ = 1."""
    x, p = node.args
    return x if "onehot" in facts(x) and p.op.name == "constant" and p.params[0] > 0 else None


def _pair(node: Expr, matches) -> Expr | None:
    # Two matrices joined by one summed label that nothing else carries become the identity.
    operands, out = split(node), node.params[1]
    for i, (a, la) in enumerate(operands):
        if a.ndim != 2 or len(set(la)) != 2:
            continue
        for j, (b, lb) in enumerate(operands):
            if i == j or b.ndim != 2 or len(set(lb)) != 2:
                continue
            for label in set(la) & set(lb):
                if label in out or any(
                    label in own for m, (_, own) in enumerate(operands) if m not in (i, j)
                ):
                    continue
                if matches(a, la.index(label), b, lb.index(label)):
                    ends = (la[1 - la.index(label)], lb[1 - lb.index(label)])
                    rest = [o for m, o in enumerate(operands) if m not in (i, j)]
                    return contract([*rest, (make(EYE, (), (a.shape[0],)), ends)], out)
    return None


@rule("inverse times itself", CONTRACT, describe=lambda node: {})
def inverse_times(node: Expr) -> Expr | None:
    """A⁻¹A = I."""
    inv = REGISTRY["inv"]
    return _pair(
        node,
        lambda a, ia, b, ib: definition(a).op is inv and definition(a).args[0] is b and {ia, ib} == {0, 1},
    )


@rule("orthogonal", CONTRACT)
def orthogonal(node: Expr) -> Expr | None:
    """QᵀQ = QQᵀ = I."""
    return _pair(node, lambda a, ia, b, ib: a is b and "orthogonal" in facts(a) and ia == ib)


@rule("cofactor over determinant", CONTRACT)
def cofactor_over_det(node: Expr) -> Expr | None:
    """det(A) A⁻ᵀ / det(A) = A⁻ᵀ."""
    operands = split(node)
    for i, (c, labels) in enumerate(operands):
        if c.op is not REGISTRY["cofactor"]:
            continue
        for j, (p, _) in enumerate(operands):
            whole = p.op is POWER and p.args[1].op.name == "constant" and p.args[0].op is REGISTRY["det"]
            if whole and p.args[0].args == c.args and p.args[1].params[0] <= -1:
                k = p.args[1].params[0] + 1
                rest = [o for m, o in enumerate(operands) if m not in (i, j)]
                front = [] if k == 0 else [(make(POWER, (p.args[0], constant(k))), ())]
                inverse = make(REGISTRY["inv"], c.args)
                return contract([*rest, *front, (inverse, labels[::-1])], node.params[1])
    return None


@rule("inverse of an orthogonal matrix", REGISTRY["inv"])
def orthogonal_inverse(node: Expr) -> Expr | None:
    """Q⁻¹ = Qᵀ."""
    (q,) = node.args
    return contract([(q, (0, 1))], (1, 0)) if "orthogonal" in facts(q) else None


__all__ = ["CANONICAL", "RULES"]


@rule("parts side by side", ADD, board=False)
def side_by_side(node: Expr) -> Expr | None:
    """Zeros with x placed in one part, plus zeros with y in the next, and so on, are [x, y, …]."""
    if len(node.args) < 2 or any(a.op is not PLACE for a in node.args):
        return None
    specs = [a.params[0] for a in node.args]
    cut = {k for spec in specs for k, s in enumerate(spec) if s != _whole(node.shape[k])}
    if len(cut) != 1 or any(s[0] != "from" or s[3] != 1 for spec in specs for s in spec):
        return None
    (axis,) = cut
    if any(len(spec) <= axis for spec in specs):
        return None
    starts = {spec[axis][1]: (a.args[0], spec[axis][4]) for spec, a in zip(specs, node.args, strict=True)}
    at, parts = Dim.of(0), []
    while at in starts:
        part, length = starts.pop(at)
        if part.ndim != node.ndim:
            return None
        parts.append(part)
        at = at + length
    return make(CONCATENATE, tuple(parts), (axis,)) if at == node.shape[axis] and not starts else None


def _whole(dim: Dim) -> tuple:
    return ("from", Dim.of(0), None, 1, dim)
