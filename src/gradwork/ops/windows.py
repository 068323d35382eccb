"""Sliding windows and what undoes them, padding, and reversal. All of these are linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim, DimLike, shape_text
from gradwork.expr.node import Expr, constant, is_constant, make
from gradwork.expr.notation import Call, Either, Math, Raw
from gradwork.expr.op import Op
from gradwork.ops.contraction import axes_of, filled
from gradwork.ops.elementwise import where
from gradwork.ops.indexing import INDEX, concatenate, gather, getitem

# The windows slide over neighbouring axes from `axis` on; their own axes follow right after those, so that
# further axes at the end of an array pass through.
Steps = tuple[int, ...]


def span(size: Dim, dilation: int) -> Dim:
    """Return how many entries a window reaches over: d (k − 1) + 1."""
    return (size - 1) * dilation + 1


def positions(length: Dim, size: Dim, stride: int = 1, dilation: int = 1) -> Dim:
    """Return how many windows fit: (n − d (k − 1) − 1) // s + 1.

    >>> from gradwork.expr import dims
    >>> n, k = dims("n", "k")
    >>> print(positions(n, k), "|", positions(n, k, stride=2))
    n - k + 1 | (n - k)//2 + 1
    """
    return (length - span(size, dilation)) // stride + 1


def _window_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    axis, sizes, strides, dilations = params
    shape, k = args[0].shape, len(sizes)
    places = map(positions, shape[axis : axis + k], sizes, strides, dilations)
    return (*shape[:axis], *places, *sizes, *shape[axis + k :])


def _window_notation(node: Expr, args: list) -> Math:
    _, sizes, strides, dilations = node.params
    options = [("stride", strides, 1), ("dilation", dilations, 1)]
    return Call(
        "window",
        (args[0], sizes_of(sizes)),
        tuple((k, steps(v)) for k, v, usual in options if set(v) != {usual}),
    )


def sizes_of(sizes: Sequence[Dim]) -> Math:
    """Return sizes as mathematics: 3×3, which as text is (3, 3)."""
    shown = shape_text(tuple(sizes))
    text = ", ".join(d.render(times="*") for d in sizes)
    return Raw(
        f"({text})" if len(sizes) > 1 else text, shown.replace("-", "−"), shown.replace("×", r" \times ")
    )


def steps(values: Steps) -> str:
    """Return strides or dilations as text: one number where they are equal."""
    return str(values[0]) if len(set(values)) == 1 else str(values)


# params: (axis, sizes of the windows, strides, dilations)
WINDOW = Op(
    "window",
    shape=_window_shape,
    pullback=lambda g, y, node, i: make(FOLD, (g,), _folding(node)),
    pushforward=lambda t, y, node, i: make(WINDOW, (t,), node.params),
    code=lambda w, node, args: w.helper(
        "window", args, node.params[0], w.shape(node.params[1]), *node.params[2:]
    ),
    notation=_window_notation,
    law=r"\partial\,\mathrm{window}(x)/\partial x = \mathrm{fold}(g)",
    linear=True,
    summary="every window of the given sizes, each with axes of its own",
    example=(((2, 6, 5, 2),), (1, (Dim.of(2), Dim.of(3)), (2, 1), (2, 1))),
)


def _folding(node: Expr) -> tuple:
    axis, sizes, strides, dilations = node.params
    return (axis, node.args[0].shape[axis : axis + len(sizes)], strides, dilations)


# Windows added back at their places, overlaps summed. params: (axis, lengths of the result, strides, dilations)
FOLD = Op(
    "fold",
    shape=lambda a, p: (*a[0].shape[: p[0]], *p[1], *a[0].shape[p[0] + 2 * len(p[1]) :]),
    pullback=lambda g, y, node, i: make(WINDOW, (g,), _sliding(node)),
    pushforward=lambda t, y, node, i: make(FOLD, (t,), node.params),
    code=lambda w, node, args: w.helper(
        "fold", args, node.params[0], w.shape(node.params[1]), *node.params[2:]
    ),
    notation=lambda node, args: Call("fold", (args[0], sizes_of(node.params[1]))),
    law=r"\partial\,\mathrm{fold}(x)/\partial x = \mathrm{window}(g)",
    linear=True,
    summary="windows added back at their places",
    example=(((2, 2, 3, 2, 3, 2),), (1, (Dim.of(6), Dim.of(5)), (2, 1), (2, 1))),
)


def _sliding(node: Expr) -> tuple:
    axis, lengths, strides, dilations = node.params
    k = len(lengths)
    return (axis, node.args[0].shape[axis + k : axis + 2 * k], strides, dilations)


# --- padding ----------------------------------------------------------------------------------------------


def _padded(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    axis, widths = params
    shape = args[0].shape
    inside = (
        low + (n - 1) * (gap + 1) + 1 + high
        for n, (low, high, gap) in zip(shape[axis:], widths, strict=False)
    )
    return (*shape[:axis], *inside, *shape[axis + len(widths) :])


def _unpadding(node: Expr) -> tuple:
    # The index of what was padded, in the padded array.
    axis, widths = node.params
    x = node.args[0]
    spec = [("from", Dim.of(0), None, 1, d) for d in x.shape[:axis]]
    for n, (low, high, gap) in zip(x.shape[axis:], widths, strict=False):
        last = low + (n - 1) * (gap + 1) + 1
        spec.append(("from", low, None if high == 0 else last, gap + 1, n))
    return tuple(spec)


def _pad_notation(node: Expr, args: list) -> Math:
    _, widths = node.params
    ends = [w[:2] for w in widths]
    gaps = tuple(gap for _, _, gap in widths)
    inner = args[0]
    shown: Math = inner
    if any(gaps):
        between = steps(tuple(g + 1 for g in gaps))
        shown = Call("dilate", (inner, Raw(between, between, between)))
    if any(d != 0 for pair in ends for d in pair):
        shown = Call("pad", (shown, _widths(ends)))
    text: Math = Call("pad", (inner, _widths(ends)), (("gaps", steps(gaps)),) if any(gaps) else ())
    return Either(text, shown)


def _widths(ends: Sequence[tuple[Dim, Dim]]) -> Raw:
    def one(pair: tuple[Dim, Dim], **marks: str) -> str:
        a, b = (d.render(**marks) for d in pair)
        return a if a == b else f"({a}, {b})"

    def whole(**marks: str) -> str:
        parts = [one(p, **marks) for p in ends]
        return parts[0] if len(set(parts)) == 1 else f"({', '.join(parts)})"

    text = whole(times="*")
    shown = whole(minus="−").replace(" − ", "−").replace(" + ", "+")
    return Raw(text, shown, whole())


# Zeros around, and `gap` zeros between the entries. params: (axis, ((before, after, gap) for each axis))
PAD = Op(
    "pad",
    shape=_padded,
    pullback=lambda g, y, node, i: make(INDEX, (g,), (_unpadding(node),)),
    pushforward=lambda t, y, node, i: make(PAD, (t,), node.params),
    code=lambda w, node, args: w.helper(
        "pad",
        args,
        node.params[0],
        f"({', '.join(f'({w.size(a)}, {w.size(b)}, {gap})' for a, b, gap in node.params[1])},)",
    ),
    notation=_pad_notation,
    law=r"\partial\,\mathrm{pad}(x)/\partial x = \text{the part of } g \text{ inside the padding}",
    linear=True,
    summary="zeros around an array, and between its entries",
    example=(((2, 3, 2),), (1, ((Dim.of(1), Dim.of(2), 1),))),
)

FLIP = Op(
    "flip",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(FLIP, (g,), node.params),
    pushforward=lambda t, y, node, i: make(FLIP, (t,), node.params),
    code=lambda w, node, args: w.flip(args[0], node.params[0]),
    notation=lambda node, args: Call("flip", tuple(args), _flip_options(node)),
    law=r"\partial\,\mathrm{flip}(x)/\partial x = \mathrm{flip}(g)",
    linear=True,
    summary="the entries in reverse order along axes",
    example=(((4, 3),), ((0,),)),
)


def _flip_options(node: Expr) -> tuple:
    axes = node.params[0]
    # A kernel is flipped along its window, which are the axes in front: that needs no word.
    if axes == tuple(range(len(axes))) and (len(axes) == node.ndim or node.ndim == len(axes) + 2):
        return ()
    return (("axis", str(axes[0]) if len(axes) == 1 else str(axes)),)


# --- what people call -------------------------------------------------------------------------------------


def per_axis(value: Any, count: int, what: str, least: int = 1) -> Steps:
    """Return a whole number for each axis from one for all or one for each."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(values) != count:
        raise ShapeError("numbers for each axis", what=what, count=count, value=value)
    for v in values:
        if isinstance(v, bool) or not hasattr(v, "__index__") or v.__index__() < least:
            raise ShapeError("whole number too small", what=what, least=least, value=value)
    return tuple(v.__index__() for v in values)


def window(x: Any, size: Any, axis: int = 0, stride: Any = 1, dilation: Any = 1) -> Expr:
    """Return every window of the given size (or sizes, for neighbouring axes from `axis` on).

    out[…, i, a, …] = x[…, s i + d a, …] with i = 0 … (n − d (k − 1) − 1) // s: the axes of the windows follow
    those that they slide over.

    >>> from gradwork.expr import vector
    >>> window(vector("x", "n"), 3).shape
    (Dim(n - 2), Dim(3))
    """
    x = constant(x)
    sizes = tuple(Dim.of(d) for d in (size if isinstance(size, (tuple, list)) else (size,)))
    (axis,) = axes_of(x, axis)
    if axis + len(sizes) > x.ndim:
        raise ShapeError("windows need axes", sizes=sizes, count=len(sizes), shape=x.shape, axis=axis)
    strides, dilations = per_axis(stride, len(sizes), "stride"), per_axis(dilation, len(sizes), "dilation")
    for length, k, d in zip(x.shape[axis:], sizes, dilations, strict=False):
        reach = span(k, d)
        if k.value is not None and k.value < 1:
            raise ShapeError("window has at least size 1", k=k)
        if length.value is not None and reach.value is not None and reach.value > length.value:
            more = f" (spread by dilation {d})" if d > 1 else ""
            raise ShapeError("window too large", k=k, more=more, length=length)
    return make(WINDOW, (x,), (axis, sizes, strides, dilations))


MODES = ("constant", "reflect", "edge", "wrap")


def pad(x: Any, width: Any = 0, axis: int = 0, gaps: Any = 0, mode: str = "constant", value: Any = 0) -> Expr:
    """Return `x` with something around it: a width, (before, after), or one of these for each axis from `axis` on.

    gaps:  zeros between neighbouring entries.
    mode:  "constant" puts `value` there (0), "reflect" the entries mirrored at the last one, "edge" the last one,
           "wrap" those from the other end.

    >>> pad([1.0, 2.0], (1, 2)).evaluate().tolist()
    [0.0, 1.0, 2.0, 0.0, 0.0]
    >>> pad([1.0, 2.0, 3.0], 2, mode="reflect").evaluate().tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]
    """
    x = constant(x)
    axes = x.ndim - (axis % x.ndim if x.ndim else 0)
    ends: list
    if not isinstance(width, (tuple, list)):
        ends = [(width, width)] * axes
    elif not any(isinstance(w, (tuple, list)) for w in width):
        ends = [tuple(width)] * axes
    else:
        ends = [tuple(w) if isinstance(w, (tuple, list)) else (w, w) for w in width]
    if any(len(e) != 2 for e in ends) or len(ends) > axes:
        raise ShapeError("padding is width before after", width=width)
    if mode not in MODES:
        raise ShapeError("mode of pad", modes=MODES, mode=mode)
    between = per_axis(gaps, len(ends), "gaps", least=0)
    first = axis % max(x.ndim, 1)
    widths = tuple((_width(a), _width(b), g) for (a, b), g in zip(ends, between, strict=True))
    if mode != "constant":
        return _extended(x, first, widths, mode)
    result = padded(x, first, widths)
    fill = constant(value)
    if is_constant(fill, 0) or result is x:
        return result
    if fill.ndim:
        raise ShapeError("value of pad is one number", shape=fill.shape)
    return where(padded(filled(1, x.shape), first, widths), result, fill)


def _extended(x: Expr, first: int, widths: tuple[tuple[Dim, Dim, int], ...], mode: str) -> Expr:
    # Each axis is taken at positions that run on beyond its ends.
    for axis, (low, high, gap) in enumerate(widths, first):
        if gap:
            raise ShapeError("gaps are zeros", mode=mode)
        if low == 0 and high == 0:
            continue
        n, before, after = x.shape[axis].value, low.value, high.value
        if n is None or before is None or after is None:
            x = _extended_by_parts(x, axis, low, high, mode)
            continue
        if n == 0:
            raise ShapeError("axis of size has no entries", axis=axis, n=n)
        at = np.arange(-before, n + after)
        if mode == "edge":
            at = np.clip(at, 0, n - 1)
        elif mode == "wrap":
            at = at % n
        else:
            period = max(2 * (n - 1), 1)
            at = (n - 1) - np.abs((n - 1) - at % period)
        x = gather(x, at, axis=axis)
    return x


def _extended_by_parts(x: Expr, axis: int, low: Dim, high: Dim, mode: str) -> Expr:
    # The same where the size is a name: the parts are as long as the padding, which must not exceed the axis.
    n = x.shape[axis]
    front = (slice(None),) * axis
    part = lambda start, stop: getitem(x, (*front, slice(start, stop)))
    parts = [x]
    if mode == "edge":
        one = lambda place, count: [getitem(x, (*front, slice(place, place + 1)))] * count
        if low.value is None or high.value is None:
            raise ShapeError("mode edge needs known width", low=low, high=high)
        parts = [*one(Dim.of(0), low.value), x, *one(n - 1, high.value)]
    else:
        ends = (n - low, n, Dim.of(0), high) if mode == "wrap" else (Dim.of(1), low + 1, n - 1 - high, n - 1)
        before, after = part(ends[0], ends[1]), part(ends[2], ends[3])
        if mode == "reflect":
            before, after = flip(before, axis), flip(after, axis)
        parts = [*([before] if low != 0 else []), x, *([after] if high != 0 else [])]
    return concatenate(parts, axis=axis)


def _width(value: DimLike) -> Dim:
    width = Dim.of(value)
    if width.value is not None and width.value < 0:
        raise ShapeError("padding is not negative", width=width)
    return width


def padded(x: Expr, axis: int, widths: tuple) -> Expr:
    """Return `x` padded by (before, after, gap) for each axis from `axis` on; `x` itself where all are 0."""
    if all(a == 0 and b == 0 and gap == 0 for a, b, gap in widths):
        return x
    return make(PAD, (x,), (axis, widths))


def flip(x: Any, axis: Any = None) -> Expr:
    """Return the entries in reverse order along the given axes (all by default)."""
    x = constant(x)
    axes = axes_of(x, axis)
    return make(FLIP, (x,), (axes,)) if axes else x
