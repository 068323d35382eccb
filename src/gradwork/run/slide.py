"""Convolutions in programs: contractions of windows become single operations where a target has a fast way."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.expr.node import Expr, definition, make, rebuild, walk
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.convolution import match
from gradwork.ops.correlation import CORRELATE, INPUT, KERNEL
from gradwork.ops.indexing import INDEX
from gradwork.ops.windows import FLIP, PAD


def slide(roots: Sequence[Expr]) -> list[Expr]:
    """Return the expressions with the two-dimensional convolutions of stride 1 in them as single operations."""
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        new = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
        while new.op is CONTRACT:
            after = _lowered(new)
            if after is None:
                break
            new = after
        done[node] = new
    return [done[r] for r in roots]


def _lowered(node: Expr) -> Expr | None:
    operands, out = split(node), node.params[1]
    found = match(operands, out)
    if found is None or len(found.others) != 1:
        return None
    windows, own = operands[found.window]
    axis, sizes, strides, dilations = windows.params
    x = windows.args[0]
    other, labels = operands[found.others[0]]
    if axis != 1 or len(sizes) != 2 or x.ndim != 4 or {*strides, *dilations} != {1} or other.ndim != 4:
        return None
    n, i, j, a, b, c = own
    if found.inside:
        rest = [label for label in labels if label not in (a, b, c)]
        if set(labels) != {a, b, c, *rest} or len(rest) != 1 or c in found.labels or n not in found.labels:
            return None
        kernel = _ordered(other, labels, (a, b, c, rest[0]))
        one, carried = _inside(x, other, labels, kernel, (a, b, c, rest[0])), (n, i, j, rest[0])
    else:
        rest = [label for label in labels if label not in (n, i, j)]
        if set(labels) != {n, i, j, *rest} or len(rest) != 1 or n in found.labels or c not in found.labels:
            return None
        one, carried = make(KERNEL, (x, _ordered(other, labels, (n, i, j, rest[0])))), (a, b, c, rest[0])
    left = [o for k, o in enumerate(operands) if k not in (found.window, found.others[0])]
    if not left and carried == out:
        return one
    return contract([*left, (one, carried)], out)


def _ordered(x: Expr, labels: tuple, wanted: tuple) -> Expr:
    return x if tuple(labels) == wanted else contract([(x, labels)], wanted)


def _inside(x: Expr, w: Expr, labels: tuple, kernel: Expr, wanted: tuple) -> Expr:
    # A padded adjoint against a flipped kernel is the adjoint of an input: it needs no padding at all.
    adjoint = definition(x) if x.op is not PAD else x
    if (
        w.op is FLIP
        and w.params[0] == (0, 1)
        and adjoint is x
        and x.op is PAD
        and tuple(labels[:2]) == wanted[:2]
    ):
        first, widths = x.params
        full = [d - 1 for d in w.shape[:2]]
        if first == 1 and len(widths) == 2 and all(gap == 0 for _, _, gap in widths):
            cuts = [(k - before, k - after) for k, (before, after, _) in zip(full, widths, strict=True)]
            if all(d.value is not None and d.value >= 0 for cut in cuts for d in cut):
                a, b, c, f = wanted
                straight = _ordered(w.args[0], labels, (a, b, f, c))
                whole = make(INPUT, (x.args[0], straight))
                return _cropped(whole, cuts)
    return make(CORRELATE, (x, kernel))


def _cropped(x: Expr, cuts: list) -> Expr:
    if all(d == 0 for cut in cuts for d in cut):
        return x
    spec = [("from", x.shape[0] * 0, None, 1, x.shape[0])]
    for size, (before, after) in zip(x.shape[1:3], cuts, strict=True):
        spec.append(("from", before, None if after == 0 else size - after, 1, size - before - after))
    return make(INDEX, (x,), (tuple(spec),))
