"""Pooling: the largest entry, or the mean, of each window. Ties give the derivative to the first, as PyTorch does."""

from __future__ import annotations

from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import Expr, constant, make, size
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import power
from gradwork.ops.contraction import axes_of, contract, mean
from gradwork.ops.convolution import paddings
from gradwork.ops.reduction import max_
from gradwork.ops.windows import FOLD, WINDOW, per_axis, positions, sizes_of, span, steps


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
    count = Dim.of(1)
    for d in sizes:
        count = count * d
    return power(size(count), -1)


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


def maxpool(
    x: Any, size: Any = 2, stride: Any = None, axis: int | None = None, padding: Any = "valid"
) -> Expr:
    """Return the largest entry of each window. Of equal entries the first (row by row) has the derivative.

    size:    of the windows, one for all axes or one for each; stride: the size by default, so that they tile.
    axis:    the first axis that they slide over. By default images N×h×w×c, h×w×c or h×w, signals n; or as many
             axes as `size` names.
    padding: "valid" (none), "same" (⌈n/s⌉ windows), a width, or one (or a pair) for each axis, of −∞, so that
             every window has an entry of `x`.

    >>> maxpool([1.0, 4, 2, 2]).evaluate().tolist()
    [4.0, 2.0]
    >>> maxpool([1.0, 4, 2, 2], 3, stride=2, padding=1).evaluate().tolist()
    [4.0, 4.0]
    """
    return _pool(MAXPOOL, x, size, stride, axis, padding)


def avgpool(x: Any, size: Any = 2, stride: Any = None, axis: int | None = None) -> Expr:
    """Return the mean of each window; the options are those of `maxpool`.

    >>> avgpool([1.0, 4, 2, 2]).evaluate().tolist()
    [2.5, 2.0]
    """
    return _pool(AVGPOOL, x, size, stride, axis)


def _pool(op: Op, x: Any, size_: Any, stride: Any, axis: int | None, padding: Any = None) -> Expr:
    x = constant(x)
    if not x.ndim:
        raise ShapeError(f"{op.name} needs at least one axis; its argument is a scalar")
    count = len(size_) if isinstance(size_, (tuple, list)) else (1 if x.ndim == 1 else 2)
    given = tuple(size_) if isinstance(size_, (tuple, list)) else (size_,) * count
    sizes = tuple(Dim.of(d) for d in given)
    if axis is None:
        axis = 0 if x.ndim <= count + 1 else 1
    (axis,) = axes_of(x, axis)
    if axis + count > x.ndim:
        raise ShapeError(
            f"windows of {shape_text(sizes)} do not lie in {shape_text(x.shape)} from axis {axis} on"
        )
    if stride is None and any(d.value is None for d in sizes):
        raise ShapeError(f"windows of {shape_text(sizes)}, which is not known, need a stride")
    strides = per_axis(tuple(d.value for d in sizes) if stride is None else stride, count, "stride")
    lengths = x.shape[axis : axis + count]
    ends: list[tuple[Dim, Dim]] = []
    if padding not in (None, "valid"):
        ends = paddings(padding, lengths, sizes, strides, (1,) * count)
        for k, pair in zip(sizes, ends, strict=True):
            if k.value is None or any(d.value is None or d.value >= k.value for d in pair):
                raise ShapeError(
                    f"a padding is smaller than its window, {shape_text(sizes)}; got {_ends(tuple(ends))}"
                )
        lengths = tuple(n + a + b for n, (a, b) in zip(lengths, ends, strict=True))
    for n, k in zip(lengths, sizes, strict=True):
        if k.value is not None and k.value < 1:
            raise ShapeError(f"a window has at least size 1, not {k}")
        if n.value is not None and span(k, 1).value is not None and k.value > n.value:  # type: ignore[operator]
            raise ShapeError(
                f"the window {shape_text(sizes)} is larger than its input {shape_text(x.shape[axis : axis + count])}"
            )
    every = all(d == 0 for pair in ends for d in pair)
    return make(
        op, (x,), (axis, sizes, strides, *(() if op is AVGPOOL else ((() if every else tuple(ends)),)))
    )


def _inner(x: Expr) -> tuple[int, ...]:
    # All axes but the first (the batch) and the last (the channels).
    if x.ndim < 3:
        raise ShapeError(f"global pooling needs a batch, places and channels, not {shape_text(x.shape)}")
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
