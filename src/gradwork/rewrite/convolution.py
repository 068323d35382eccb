"""Rules that turn the derivative of a correlation into correlations, as a textbook writes it."""

from __future__ import annotations

from gradwork.expr.dims import Dim
from gradwork.expr.node import ONES, Expr, make
from gradwork.expr.op import REGISTRY
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.windows import FLIP, FOLD, PAD, WINDOW, padded
from gradwork.rewrite.engine import Rule

RULES: list[Rule] = []


def rule(name: str, *ops, board: bool = False):
    """Register the decorated function as a rule of that name."""

    def register(function):
        RULES.append(Rule(name, "canonical", ops, function, board))
        return function

    return register


@rule("full convolution", FOLD, board=True)
def full_convolution(node: Expr) -> Expr | None:
    """Σ over the windows δᵢ wₐ at i + a is pad(δ, k−1) ⋆ flip(w)."""
    (g,) = node.args
    axis, lengths, strides, dilations = node.params
    k = len(lengths)
    if g.op is not CONTRACT:
        return None
    operands, out = split(g), g.params[1]
    if len(set(out)) != len(out):
        return None
    places, inside = out[axis : axis + k], out[axis + k : axis + 2 * k]
    left = [o for o in operands if set(o[1]) & set(places)]
    right = [o for o in operands if set(o[1]) & set(inside)]
    rest = [o for o in operands if o not in left and o not in right]
    held = [{label for _, own in side for label in own} for side in (left, right)]
    if held[0] & set(inside) or held[1] & set(places):
        return None
    if not set(places) <= held[0] or not set(inside) <= held[1] or all(o.op is ONES for o, _ in right):
        return None  # each entry in an equal share: the adjoint of a mean over windows needs no kernel
    elsewhere = [set(out) | {label for _, own in (*rest, *other) for label in own} for other in (right, left)]
    front = [label for label in out[:axis] if label in held[0]]
    back = [label for label in _first_seen(left) if label in elsewhere[0] and label not in (*front, *places)]
    adjoint = contract(left, (*front, *places, *back))
    channels = [label for label in _first_seen(right) if label in elsewhere[1] and label not in inside]
    kernel = contract(right, (*inside, *channels))
    at = len(front)
    widths = []
    for n, count, size, s, d in zip(
        lengths, adjoint.shape[at:], kernel.shape, strides, dilations, strict=False
    ):
        before = (size - 1) * d
        widths.append((before, n - (count - 1) * s - 1, s - 1))
    if any(_negative(w) for before, after, _ in widths for w in (before, after)):
        return None
    windows = make(WINDOW, (padded(adjoint, at, tuple(widths)),), (at, kernel.shape[:k], (1,) * k, dilations))
    flipped = make(FLIP, (kernel,), (tuple(range(k)),))
    moved = tuple(("place", label) for label in places)
    return contract(
        [*rest, (windows, (*front, *moved, *inside, *back)), (flipped, (*inside, *channels))],
        (*out[:axis], *moved, *out[axis + 2 * k :]),
    )


def _first_seen(operands: list) -> list:
    return list(dict.fromkeys(label for _, own in operands for label in own))


def _negative(d: Dim) -> bool:
    return d.value is not None and d.value < 0


@rule("crop before sliding", REGISTRY["index"])
def crop(node: Expr) -> Expr | None:
    """Places that are cut off need not be computed: (pad(δ, k−1) ⋆ w)[p:−p] is pad(δ, k−1−p) ⋆ w."""
    (product,), (spec,) = node.args, node.params
    if product.op is not CONTRACT or any(s[0] != "from" or s[3] != 1 for s in spec):
        return None
    operands, out = split(product), product.params[1]
    for i, (operand, own) in enumerate(operands):
        if operand.op is not WINDOW or operand.args[0].op is not PAD or set(operand.params[2]) != {1}:
            continue
        axis, sizes, strides, dilations = operand.params
        inner = operand.args[0]
        first, widths = inner.params
        k = len(sizes)
        cut = [a for a, s in enumerate(spec) if (s[1], s[4]) != (Dim.of(0), product.shape[a])]
        places = own[axis : axis + k]
        if first != axis or len(widths) != k or not cut or any(out[a] not in places for a in cut):
            continue
        others = [label for j, o in enumerate(operands) if j != i for label in o[1]]
        if any(places.count(out[a]) + own.count(out[a]) != 2 or out[a] in others for a in cut):
            continue
        new = list(widths)
        for a in cut:
            _, start, _, _, count = spec[a]
            m = places.index(out[a])
            before, after, gap = new[m]
            new[m] = (before - start, after - (product.shape[a] - start - count), gap)
        if any(w.value is None or w.value < 0 for before, after, _ in new for w in (before, after)):
            return None
        less = padded(inner.args[0], first, tuple(new))
        operands[i] = (make(WINDOW, (less,), operand.params), own)
        return contract(operands, out)
    return None


@rule("reverse twice", FLIP)
def flip_twice(node: Expr) -> Expr | None:
    """flip(flip(x)) = x."""
    (x,) = node.args
    return x.args[0] if x.op is FLIP and x.params == node.params else None
