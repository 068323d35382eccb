"""Pooling: the largest entry, or the mean, of each window. Ties give the derivative to the first, as PyTorch does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant, make
from gradwork.expr.node import size as size_of
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import power
from gradwork.ops.contraction import axes_of, contract, filled, mean, multiply, transpose
from gradwork.ops.convolution import paddings
from gradwork.ops.indexing import getitem, reshape
from gradwork.ops.reduction import max_
from gradwork.ops.windows import (
    FOLD,
    WINDOW,
    pad,
    padded,
    per_axis,
    positions,
    sizes_of,
    span,
    steps,
    window,
)


def _pooled(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    axis, sizes, strides, *padding = params
    shape, k = args[0].shape, len(sizes)
    wide = shape[axis : axis + k]
    if padding and padding[0]:
        wide = tuple(n + a + b for n, (a, b) in zip(wide, padding[0], strict=True))
    return (*shape[:axis], *map(positions, wide, sizes, strides), *shape[axis + k :])


def _written(name: str):
    def notation(node: Expr, args: list) -> Call:
        _, sizes, strides, *padding = node.params
        options = () if tuple(d.value for d in sizes) == strides else (("stride", steps(strides)),)
        if padding and padding[0]:
            options = (*options, ("padding", _ends(padding[0])))
        return Call(name, (args[0], sizes_of(sizes)), options)

    return notation


def _ends(padding: tuple) -> str:
    # As `maxpool` takes it: a width for all axes, or for each axis a width or a pair.
    each = [str(a) if a == b else f"({a}, {b})" for a, b in padding]
    return each[0] if len(set(each)) == 1 and "(" not in each[0] else f"({', '.join(each)})"


def _pool_code(name: str):
    def code(w: Any, node: Expr, args: list) -> Any:
        axis, sizes, strides, *padding = node.params
        ends = [f"({', '.join(map(w.shape, padding[0]))},)"] if padding and padding[0] else []
        return w.helper(name, args, axis, w.shape(sizes), strides, *ends)

    return code


# params of all: (axis, sizes, strides), and of all but `avgpool` how much −∞ goes (before, after) each axis, or ().
# `unpool` and `repool` are linear in their first argument; which entry is
# the largest is constant wherever it is decided.
_EDGES = ((Dim.of(1), Dim.of(0)), (Dim.of(0), Dim.of(0)))

MAXPOOL = Op(
    "maxpool",
    shape=_pooled,
    pullback=lambda g, y, node, i: make(UNPOOL, (g, node.args[0]), node.params),
    pushforward=lambda t, y, node, i: make(REPOOL, (t, node.args[0]), node.params),
    code=_pool_code("maxpool"),
    notation=_written("maxpool"),
    law=r"\partial = \text{the adjoint at the first largest entry of each window}",
    reason=lambda node, i: Reason.of("max pooling", op=node.op.name, node=node, i=i),
    summary="the largest entry of each window; of equal ones the first has the derivative",
    example=(((2, 5, 4, 2),), (1, (Dim.of(2), Dim.of(2)), (1, 2), _EDGES)),
)

UNPOOL = Op(
    "unpool",
    shape=lambda a, p: (*a[1].shape, *a[0].shape[a[1].ndim :]),
    pullback=lambda g, y, node, i: make(REPOOL, (g, node.args[1]), node.params) if i == 0 else None,
    pushforward=lambda t, y, node, i: make(UNPOOL, (t, node.args[1]), node.params) if i == 0 else None,
    code=_pool_code("unpool"),
    notation=lambda node, args: Call("unpool", (args[0], args[1])),
    law=r"\partial\,\mathrm{unpool}(g)/\partial g = \text{the entries where each window is largest}",
    linear=True,
    summary="each entry put where its window of the second argument is largest, sums where windows overlap",
    example=(((2, 5, 2, 2), (2, 5, 4, 2)), (1, (Dim.of(2), Dim.of(2)), (1, 2), _EDGES)),
)

REPOOL = Op(
    "repool",
    shape=lambda a, p: (*_pooled(a[1:], p), *a[0].shape[a[1].ndim :]),
    pullback=lambda g, y, node, i: make(UNPOOL, (g, node.args[1]), node.params) if i == 0 else None,
    pushforward=lambda t, y, node, i: make(REPOOL, (t, node.args[1]), node.params) if i == 0 else None,
    code=_pool_code("repool"),
    notation=lambda node, args: Call("repool", (args[0], args[1], sizes_of(node.params[1]))),
    law=r"\partial\,\mathrm{repool}(t)/\partial t = \mathrm{unpool}(g)",
    linear=True,
    summary="of each window the entry where the second argument is largest there",
    example=(((2, 5, 4, 2), (2, 5, 4, 2)), (1, (Dim.of(2), Dim.of(2)), (1, 2), _EDGES)),
)


def _share(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # Every entry of a window gets the adjoint divided by their number.
    axis, sizes, strides = node.params
    k, own = len(sizes), tuple(range(g.ndim))
    inside = tuple(range(1000, 1000 + k))
    wide = contract(
        [(_over(sizes), ()), (g, own), *((_ones(d), (a,)) for d, a in zip(sizes, inside, strict=True))],
        (*own[: axis + k], *inside, *own[axis + k :]),
    )
    return make(FOLD, (wide,), (axis, node.args[0].shape[axis : axis + k], strides, (1,) * k))


def _ones(dim: Dim) -> Expr:
    from gradwork.expr.node import ones_vector

    return ones_vector(dim)


def _over(sizes: tuple[Dim, ...]) -> Expr:
    return power(size_of(_count(sizes)), -1)


AVGPOOL = Op(
    "avgpool",
    shape=_pooled,
    pullback=_share,
    pushforward=lambda t, y, node, i: make(AVGPOOL, (t,), node.params),
    code=_pool_code("avgpool"),
    notation=_written("avgpool"),
    law=r"\partial = \text{an equal share of the adjoint for each entry of a window}",
    reason=lambda node, i: Reason.of("average pooling", op=node.op.name, node=node, i=i),
    linear=True,
    summary="the mean of each window",
    example=(((2, 5, 4, 2),), (1, (Dim.of(2), Dim.of(2)), (1, 2))),
)


@dataclass(frozen=True)
class _Pool:
    # What pooling slides over: the first axis, the sizes, strides and dilations of the windows, what goes around.
    #
    # ends: the padding that was asked for;   more: what goes after it, so that a window that begins inside fits.

    axis: int
    sizes: tuple[Dim, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    ends: tuple[tuple[Dim, Dim], ...]
    more: tuple[Dim, ...]

    @property
    def all_ends(self) -> tuple[tuple[Dim, Dim], ...]:
        return tuple((a, b + m) for (a, b), m in zip(self.ends, self.more, strict=True))

    @property
    def plain(self) -> bool:
        return all(d == 0 for pair in self.all_ends for d in pair)


def maxpool(
    x: Any,
    size: Any = 2,
    stride: Any = None,
    axis: int | None = None,
    padding: Any = "valid",
    dilation: Any = 1,
    ceil: bool = False,
) -> Expr:
    """Return the largest entry of each window. Of equal entries the first (row by row) has the derivative.

    size:     of the windows, one for all axes or one for each; stride: the size by default, so that they tile.
    axis:     the first axis that they slide over. By default images N×h×w×c, h×w×c or h×w, signals n; or as many
              axes as `size` names.
    padding:  "valid" (none), "same" (⌈n/s⌉ windows), a width, or one (or a pair) for each axis, of −∞, so that
              every window has an entry of `x`.
    dilation: how far apart the entries of a window stand.
    ceil:     whether a last window that reaches beyond the end counts, as long as it begins inside.

    >>> maxpool([1.0, 4, 2, 2]).evaluate().tolist()
    [4.0, 2.0]
    >>> maxpool([1.0, 4, 2, 2], 3, stride=2, padding=1).evaluate().tolist()
    [4.0, 4.0]
    """
    x = constant(x)
    p = _pool("maxpool", x, size, stride, axis, padding, dilation, ceil)
    if set(p.dilations) == {1}:
        return make(MAXPOOL, (x,), (p.axis, p.sizes, p.strides, () if p.plain else p.all_ends))
    # The entries of each window side by side are an axis of their own, of which the largest is taken.
    k = len(p.sizes)
    wide = x if p.plain else pad(x, p.all_ends, p.axis, value=-math.inf)
    windows = window(wide, p.sizes, p.axis, p.strides, p.dilations)
    order = [*range(p.axis + k), *range(p.axis + 2 * k, windows.ndim), *range(p.axis + k, p.axis + 2 * k)]
    turned = transpose(windows, order)
    count = _count(p.sizes)
    flat = reshape(turned, *turned.shape[: turned.ndim - k], count)
    if count.value is None:
        raise ShapeError("windows of with dilation need known", sizes=p.sizes)
    return getitem(make(MAXPOOL, (flat,), (flat.ndim - 1, (count,), (count.value,), ())), (Ellipsis, 0))


def avgpool(
    x: Any,
    size: Any = 2,
    stride: Any = None,
    axis: int | None = None,
    padding: Any = "valid",
    ceil: bool = False,
    count_padding: bool = True,
    divisor: float | None = None,
) -> Expr:
    """Return the mean of each window; size, stride, axis and ceil are those of `maxpool`, padding is of zeros.

    count_padding: whether the zeros of the padding count in the mean.
    divisor:       what the sum of a window is divided by instead of the number of its entries.

    >>> avgpool([1.0, 4, 2, 2]).evaluate().tolist()
    [2.5, 2.0]
    """
    x = constant(x)
    p = _pool("avgpool", x, size, stride, axis, padding, 1, ceil)
    params = (p.axis, p.sizes, p.strides)

    def padded_by(y: Expr, ends: Sequence[tuple[Dim, Dim]]) -> Expr:
        return padded(y, p.axis, tuple((a, b, 0) for a, b in ends))

    means = make(AVGPOOL, (padded_by(x, p.all_ends),), params)
    if divisor is not None:
        if isinstance(divisor, bool) or not isinstance(divisor, (int, float)) or not divisor:
            raise ShapeError("divisor of avgpool is number other", divisor=divisor)
        return multiply(size_of(_count(p.sizes)), constant(1) / divisor, means)
    if p.plain or (count_padding and all(m == 0 for m in p.more)):
        return means
    # The share of each window that counts: the padding too, or the entries of x only, never what `ceil` adds.
    lengths = x.shape[p.axis : p.axis + len(p.sizes)]
    counted = (
        tuple(n + a + b for n, (a, b) in zip(lengths, p.ends, strict=True)) if count_padding else lengths
    )
    around = [(Dim.of(0), m) for m in p.more] if count_padding else p.all_ends
    share = make(
        AVGPOOL, (padded(filled(1, counted), 0, tuple((a, b, 0) for a, b in around)),), (0, *params[1:])
    )
    labels = tuple(range(means.ndim))
    inside = labels[p.axis : p.axis + len(p.sizes)]
    return contract([(means, labels), (power(share, -1), inside)], labels)


def _count(sizes: tuple[Dim, ...]) -> Dim:
    count = Dim.of(1)
    for d in sizes:
        count = count * d
    return count


def _pool(
    name: str, x: Expr, size_: Any, stride: Any, axis: int | None, padding: Any, dilation: Any, ceil: bool
) -> _Pool:
    if not x.ndim:
        raise ShapeError("needs at least one axis", name=name)
    count = len(size_) if isinstance(size_, (tuple, list)) else (1 if x.ndim == 1 else 2)
    given = tuple(size_) if isinstance(size_, (tuple, list)) else (size_,) * count
    sizes = tuple(Dim.of(d) for d in given)
    if axis is None:
        axis = 0 if x.ndim <= count + 1 else 1
    (axis,) = axes_of(x, axis)
    if axis + count > x.ndim:
        raise ShapeError("windows outside", sizes=sizes, shape=x.shape, axis=axis)
    if stride is None and any(d.value is None for d in sizes):
        raise ShapeError("windows of unknown size", sizes=sizes)
    strides = per_axis(tuple(d.value for d in sizes) if stride is None else stride, count, "stride")
    dilations = per_axis(dilation, count, "dilation")
    lengths = x.shape[axis : axis + count]
    ends = tuple(paddings("valid" if padding is None else padding, lengths, sizes, strides, dilations))
    spans = tuple(span(k, d) for k, d in zip(sizes, dilations, strict=True))
    if any(d != 0 for pair in ends for d in pair):
        for k, pair in zip(spans, ends, strict=True):
            if k.value is None or any(d.value is None or d.value >= k.value for d in pair):
                raise ShapeError("padding is smaller than its window", sizes=sizes, ends=_ends(ends))
    lengths = tuple(n + a + b for n, (a, b) in zip(lengths, ends, strict=True))
    _check_lengths(x, axis, sizes, spans, lengths)
    none = (Dim.of(0),) * count
    more = (
        tuple(map(_beyond, lengths, spans, strides, (a for a, _ in ends), (b for _, b in ends)))
        if ceil
        else none
    )
    return _Pool(axis, sizes, strides, dilations, ends, more)


def _check_lengths(
    x: Expr, axis: int, sizes: tuple[Dim, ...], spans: tuple[Dim, ...], lengths: tuple[Dim, ...]
) -> None:
    for n, k, reach in zip(lengths, sizes, spans, strict=True):
        if k.value is not None and k.value < 1:
            raise ShapeError("window has at least size 1", k=k)
        if n.value is not None and reach.value is not None and reach.value > n.value:
            raise ShapeError(
                "window is larger than its input", sizes=sizes, shape=x.shape[axis : axis + len(sizes)]
            )


def _beyond(length: Dim, reach: Dim, stride: int, before: Dim, after: Dim) -> Dim:
    # How much goes after the padding for one more window that begins in the input or the padding before it.
    if length.value is None or reach.value is None or after.value is None:
        raise ShapeError("ceil needs known sizes", length=length, reach=reach)
    windows = -(-(length.value - reach.value) // stride) + 1
    if (windows - 1) * stride >= length.value - after.value:
        windows -= 1
    return Dim.of(max((windows - 1) * stride + reach.value - length.value, 0))


def _inner(x: Expr) -> tuple[int, ...]:
    # All axes but the first (the batch) and the last (the channels).
    if x.ndim < 3:
        raise ShapeError("global pooling needs batch places", shape=x.shape)
    return tuple(range(1, x.ndim - 1))


def global_maxpool(x: Any) -> Expr:
    """Return the largest entry over all places: N×h×w×c → N×c. Ties share the derivative equally, as `max` does."""
    x = constant(x)
    return max_(x, _inner(x))


def global_avgpool(x: Any) -> Expr:
    """Return the mean over all places: N×h×w×c → N×c."""
    x = constant(x)
    return mean(x, _inner(x))


__all__ = [
    "AVGPOOL",
    "MAXPOOL",
    "REPOOL",
    "UNPOOL",
    "WINDOW",
    "avgpool",
    "global_avgpool",
    "global_maxpool",
    "maxpool",
]
