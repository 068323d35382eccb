"""Convolutions in programs: contractions of windows become single operations where a target has a fast way."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.expr.node import Expr, make, rebuild, walk
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.convolution import match
from gradwork.ops.correlation import CORRELATE, INPUT, KERNEL
from gradwork.ops.windows import FLIP, PAD, span


def slide(roots: Sequence[Expr]) -> list[Expr]:
    """Return the expressions with the convolutions of images and signals in them as single operations."""
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
    k, x = len(sizes), windows.args[0]
    other, labels = operands[found.others[0]]
    if axis != 1 or k > 2 or x.ndim != k + 2 or other.ndim != k + 2 or len(set(labels)) != k + 2:
        return None
    n, places, inside, c = own[0], own[1 : k + 1], own[k + 1 : -1], own[-1]
    summed = {*inside, c} if found.inside else {n, *places}
    rest = [label for label in labels if label not in summed]
    if not summed <= set(labels) or len(rest) != 1 or summed & set(found.labels):
        return None
    if found.inside:
        kernel = _ordered(other, labels, (*inside, c, rest[0]))
        one = _input(x, kernel, k, strides, dilations)
        one = make(CORRELATE, (x, kernel), (strides, dilations)) if one is None else one
        carried = (n, *places, rest[0])
    else:
        adjoint = _ordered(other, labels, (n, *places, rest[0]))
        one, carried = make(KERNEL, (x, adjoint), (sizes, strides, dilations)), (*inside, c, rest[0])
    if not {n, *places, *inside, c} - summed <= set(found.labels):
        return None
    left = [o for i, o in enumerate(operands) if i not in (found.window, found.others[0])]
    if not left and carried == out:
        return one
    return contract([*left, (one, carried)], out)


def _ordered(x: Expr, labels: tuple, wanted: tuple) -> Expr:
    return x if tuple(labels) == wanted else contract([(x, labels)], wanted)


def _input(x: Expr, kernel: Expr, k: int, strides: tuple, dilations: tuple) -> Expr | None:
    # A padded adjoint against a flipped kernel is the adjoint of an input, which has ways of its own.
    flipped, order = kernel, tuple(range(k + 2))
    if kernel.op is CONTRACT and len(kernel.args) == 1:
        ((flipped, own),) = split(kernel)
        order = tuple(own.index(label) for label in kernel.params[1]) if len(set(own)) == k + 2 else ()
    if x.op is not PAD or flipped.op is not FLIP or set(strides) != {1} or order[:k] != tuple(range(k)):
        return None
    at, widths = x.params
    if flipped.params[0] != tuple(range(k)) or at != 1 or len(widths) != k:
        return None
    first, lengths = [], []
    for n, size, d, (before, after, gap) in zip(
        x.args[0].shape[1:], kernel.shape, dilations, widths, strict=False
    ):
        reach = span(size, d) - 1
        first.append(reach - before)
        lengths.append(before + (n - 1) * (gap + 1) + 1 + after - reach)
        if any(e.value is None for e in (first[-1], after - reach)) or first[-1].value < 0:  # type: ignore[operator]
            return None
    # The kernel as it was: places, the channels of the result, those of the adjoint.
    straight = contract([(flipped.args[0], tuple(range(k + 2)))], (*range(k), order[k + 1], order[k]))
    return make(
        INPUT,
        (x.args[0], straight),
        (tuple(first), tuple(lengths), tuple(gap + 1 for *_, gap in widths), dilations),
    )
