"""Simplifications that a teacher writes as a line of its own, most of them by facts declared about symbols."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.node import CONSTANT, EYE, ONES, SIZE, Expr, constant, definition, facts, make, zeros
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.indexing import CONCATENATE, PLACE
from gradwork.rewrite.canonical import RULES as CANONICAL
from gradwork.rewrite.engine import Rule
from gradwork.rewrite.likeness import canonical
from gradwork.rewrite.numbers import Number, plus, product

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
    """The rows of a one-hot matrix sum to 1, and so does a one-hot vector."""
    return _row_sums(node, lambda x: x.ndim - 1 if "onehot" in facts(x) else None)


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
    having: dict = {}
    for i, (_, own) in enumerate(operands):
        for label in own:
            having.setdefault(label, []).append(i)
    for i, (a, la) in enumerate(operands):
        if a.ndim != 2 or len(set(la)) != 2:
            continue
        for j in dict.fromkeys(m for label in la for m in having[label] if len(having[label]) == 2):
            b, lb = operands[j]
            if i == j or b.ndim != 2 or len(set(lb)) != 2:
                continue
            for label in set(la) & set(lb):
                if label in out or len(having[label]) > 2:
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


@rule("deviations from the mean", CONTRACT)
def centred_sum(node: Expr) -> Expr | None:
    """Σ (x − 1/n (Σ x) 1) = 0."""
    operands, out = split(node), node.params[1]
    uses = Counter(label for _, own in operands for label in own)
    for operand, labels in operands:
        if operand.op is not ADD or len(set(labels)) != len(labels):
            continue
        free = [axis for axis, label in enumerate(labels) if label not in out and uses[label] == 1]
        choices = [free] if len(free) == 1 else [free, *([axis] for axis in free)]
        if free and any(_sums_to_zero(operand, set(axes)) for axes in choices):
            return zeros(node.shape)
    return None


_MAX_TERMS = 60  # of a sum that is multiplied out to see whether it is zero


def _sums_to_zero(x: Expr, axes: set[int]) -> bool:
    # Whether the sum of x over the axes is zero; only where a term does not change along them.
    if not any(_is_flat(t, axes) for t in x.args):
        return False
    out = tuple(axis for axis in range(x.ndim) if axis not in axes)
    dims = dict(enumerate(x.shape))
    waiting: list[list] = [[(x, tuple(range(x.ndim)))]]
    found: dict[tuple, Number] = {}
    fresh = itertools.count(x.ndim)
    steps = 0
    while waiting:
        operands = waiting.pop()
        steps += 1
        if steps > _MAX_TERMS:
            return False
        at = next((i for i, (a, _) in enumerate(operands) if a.op in (ADD, CONTRACT)), None)
        if at is None:
            key, value = _term(operands, out, dims)
            found[key] = plus(found.get(key, Fraction(0)), value)
            continue
        a, labels = operands[at]
        rest = operands[:at] + operands[at + 1 :]
        if a.op is CONTRACT:
            own, ends = a.params
            if len(set(ends)) != len(ends):
                return False
            rename = dict(zip(ends, labels, strict=True))
            for b, ls in zip(a.args, own, strict=True):
                for label, dim in zip(ls, b.shape, strict=True):
                    dims[rename.setdefault(label, next(fresh))] = dim
            inner = zip(a.args, own, strict=True)
            waiting.append([*rest, *((b, tuple(rename[label] for label in ls)) for b, ls in inner)])
            continue
        for term in a.args:
            ones = [] if term.ndim else [(make(ONES, (), (dims[label],)), (label,)) for label in labels]
            waiting.append([*rest, (term, labels if term.ndim else ()), *ones])
    return all(v == 0 for v in found.values())


def _is_flat(t: Expr, axes: set[int]) -> bool:
    if not t.ndim:
        return True
    if t.op is not CONTRACT:
        return False
    ends = t.params[1]
    return all(
        all(a.op is ONES for a, own in split(t) if ends[axis] in own) for axis in axes if axis < len(ends)
    )


def _term(operands: list, out: tuple, dims: dict) -> tuple[tuple, Number]:
    # A product as (its sizes and the rest, its number).
    value: Number = Fraction(1)
    sizes: dict = {}
    rest = []
    for a, own in operands:
        base, k = (a.args[0], a.args[1].params[0]) if _is_size_power(a) else (a, Fraction(1))
        if a.op is CONSTANT:
            value = product(value, a.params[0])
        elif base.op is SIZE:
            _count(sizes, base.params[0], k)
        elif a.op is not ONES:
            rest.append((a, own))
    carried = {label for _, own in rest for label in own}
    for label in {label for a, own in operands for label in own} - carried:
        if label in out:
            rest.append((make(ONES, (), (dims[label],)), (label,)))
        elif dims[label].value is not None:
            value = product(value, Fraction(dims[label].value))
        else:
            _count(sizes, dims[label], Fraction(1))
    key = canonical(contract(rest, out)) if rest else None
    return (key, frozenset((atom, k) for atom, k in sizes.items() if k)), value


def _is_size_power(a: Expr) -> bool:
    return a.op is POWER and a.args[0].op is SIZE and a.args[1].op is CONSTANT


def _count(sizes: dict, dim: Dim, k: Number) -> None:
    # n·d counts as n and d; any other size counts as itself.
    monomial, times = dim.terms[0] if len(dim.terms) == 1 else ((), 0)
    for atom, power in monomial if times == 1 else ((dim, 1),):
        sizes[atom] = plus(sizes.get(atom, Fraction(0)), product(k, Fraction(power)))


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
    """Zeros with x placed in one part, plus zeros with y in the next, and so on, are [x, y, …].

    What is placed in the same part is added there.
    """
    if len(node.args) < 2 or any(a.op is not PLACE for a in node.args):
        return None
    specs = [a.params[0] for a in node.args]
    cut = {k for spec in specs for k, s in enumerate(spec) if s != _whole(node.shape[k])}
    if len(cut) != 1 or any(s[0] != "from" or s[3] != 1 for spec in specs for s in spec):
        return None
    (axis,) = cut
    if any(len(spec) <= axis for spec in specs):
        return None
    # Several parts may be placed at one start, as where a block of parameters is used twice: they are added.
    starts: dict[tuple[Dim, Dim], list[Expr]] = {}
    for spec, a in zip(specs, node.args, strict=True):
        if a.args[0].ndim != node.ndim:
            return None
        starts.setdefault((spec[axis][1], spec[axis][4]), []).append(a.args[0])
    lengths = dict(starts.keys())  # start: length
    if len(lengths) != len(starts):
        return None  # parts of different lengths from one start overlap in part
    at, parts = Dim.of(0), []
    while at in lengths:
        placed = starts.pop((at, lengths[at]))
        parts.append(total(placed, placed[0].shape))
        at = at + lengths.pop(at)
    return make(CONCATENATE, tuple(parts), (axis,)) if at == node.shape[axis] and not starts else None


def _whole(dim: Dim) -> tuple:
    return ("from", Dim.of(0), None, 1, dim)
