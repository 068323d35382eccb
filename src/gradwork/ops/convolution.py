"""Correlation of an array with a kernel, which the field calls convolution: a contraction of its windows.

    o[i, …] = Σₐ x[s i + d a, …] w[a, …]

It is no primitive: `contraction(window(x), w)`. So its derivatives are contractions and folds of windows, and
they are recognised (`matches`) where they are shown as x ⋆ w and where they are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant
from gradwork.ops.contraction import contract
from gradwork.ops.indexing import reshape
from gradwork.ops.windows import WINDOW, flip, pad, padded, per_axis, positions, span, window

_FORMS = {
    1: "x: n and w: k, or x: N×n×c (or n×c) and w: k×c×o",
    2: "x: h×w and w: kh×kw, or x: N×h×w×c (or h×w×c) and w: kh×kw×c×o",
    3: "x: h×w×d and w: kh×kw×kd, or x: N×h×w×d×c (or h×w×d×c) and w: kh×kw×kd×c×o",
}


def conv1d(
    x: Any,
    w: Any,
    stride: int = 1,
    padding: Any = "valid",
    dilation: int = 1,
    groups: int = 1,
    mode: str = "constant",
) -> Expr:
    """Return the correlation of signals with a kernel: o[i] = Σₐ x[s i + d a] w[a].

    x: n and w: k, or x: N×n×c (or n×c) and w: k×c×o, summed over the channels c.
    padding: "valid" (none), "same" (n/s outputs), "full", a width, or (before, after).
    groups:  of channels, each with its own part of the outputs; w has c/groups channels. As many groups as channels
             is called depthwise.
    mode:    what the padding holds: zeros, or "reflect", "edge", "wrap" as in `pad`.

    >>> conv1d([1.0, 2, 3, 4], [1.0, -1]).evaluate().tolist()
    [-1.0, -1.0, -1.0]
    """
    return _convolution(1, x, w, stride, padding, dilation, groups, mode)


def conv2d(
    x: Any,
    w: Any,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    mode: str = "constant",
) -> Expr:
    """Return the correlation of images with a kernel: o[i, j] = Σ x[s i + d a, s j + d b] w[a, b].

    x: h×w and w: kh×kw, or x: N×h×w×c (or h×w×c) and w: kh×kw×c×o, summed over the channels c.
    padding: "valid" (none), "same" (h/s × w/s outputs), "full", a width, or one (or a pair) for each axis.
    groups, mode: as for `conv1d`.

    >>> from gradwork.expr import tensor
    >>> conv2d(tensor("x", "n", 28, 28, 1), tensor("w", 5, 5, 1, 8)).shape
    (Dim(n), Dim(24), Dim(24), Dim(8))
    """
    return _convolution(2, x, w, stride, padding, dilation, groups, mode)


def conv3d(
    x: Any,
    w: Any,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    mode: str = "constant",
) -> Expr:
    """Return the correlation of volumes with a kernel, as `conv2d` does with three axes."""
    return _convolution(3, x, w, stride, padding, dilation, groups, mode)


_PARTS = ("full", "same", "valid")


def convolve(a: Any, v: Any, mode: str = "full") -> Expr:
    """Return the convolution of two vectors, (a ∗ v)[k] = Σᵢ a[i] v[k − i]: a correlation with v reversed.

    mode: "full" for all n + m − 1 places, "same" for the middle max(n, m), "valid" for where they overlap wholly.

    >>> convolve([1.0, 2, 3], [0.0, 1, 0.5]).evaluate().tolist()
    [0.0, 1.0, 2.5, 4.0, 1.5]
    """
    a, v = constant(a), constant(v)
    if a.ndim != 1 or v.ndim != 1:
        raise ShapeError("convolve takes two vectors", shape=a.shape, v_shape=v.shape)
    if mode not in _PARTS:
        raise ShapeError("mode of convolve", _parts=_PARTS, mode=mode)
    longer = (v.shape[0] - a.shape[0]).value
    if longer is not None and longer > 0:
        a, v = v, a
    if mode == "same":
        reach = v.shape[0] - 1
        return conv1d(a, flip(v), padding=((reach + 1) // 2, reach // 2))
    return conv1d(a, flip(v), padding=mode)


def _convolution(
    rank: int, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: Any, mode: str
) -> Expr:
    x, w = constant(x), constant(w)
    plain = x.ndim == w.ndim == rank
    (parts,) = per_axis(groups, 1, "groups")
    if not plain and (w.ndim != rank + 2 or x.ndim not in (rank + 1, rank + 2)):
        raise ShapeError(
            "shapes of a convolution", rank=rank, _forms=_FORMS[rank], shape=x.shape, w_shape=w.shape
        )
    if plain and parts != 1:
        raise ShapeError("groups divide channels")
    if not plain and x.shape[-1] != w.shape[-2] * parts:
        grouped = f" in each of {parts} groups" if parts > 1 else ""
        raise ShapeError(
            "kernel takes channels input has of convolution",
            shape=w.shape,
            w_shape=w.shape[-2],
            grouped=grouped,
            x_shape=x.shape,
            x_shape2=x.shape[-1],
        )
    if w.shape[-1].value is not None and w.shape[-1].value % parts:
        raise ShapeError("outputs do not divide into groups", shape=w.shape[-1], parts=parts)
    axis = x.ndim - rank - 1 if not plain else 0
    sizes = w.shape[:rank]
    strides, dilations = per_axis(stride, rank, "stride"), per_axis(dilation, rank, "dilation")
    ends = paddings(padding, x.shape[axis : axis + rank], sizes, strides, dilations)
    wide = (
        padded(x, axis, tuple((a, b, 0) for a, b in ends))
        if mode == "constant"
        else pad(x, ends, axis, mode=mode)
    )
    for n, k, d in zip(wide.shape[axis:], sizes, dilations, strict=False):
        reach = span(k, d)
        if n.value is not None and reach.value is not None and reach.value > n.value:
            raise ShapeError(
                "kernel is larger than its input",
                sizes=sizes,
                what=f" with dilation {d}" if d > 1 else "",
                shape=wide.shape[axis : axis + rank],
            )
    places = tuple(("at", a) for a in range(rank))
    inside = tuple(("in", a) for a in range(rank))
    windows = window(wide, sizes, axis, strides, dilations)
    if plain:
        return contract([(windows, (*places, *inside)), (w, inside)], places)
    batch = ("batch",) * axis
    if parts > 1:
        # Channels and outputs as (group, one of the group's); the sum runs over the channels of the output's group.
        own = reshape(windows, *windows.shape[:-1], parts, w.shape[-2])
        kernel = reshape(w, *w.shape[:-1], parts, w.shape[-1] // parts)
        joined = contract(
            [
                (own, (*batch, *places, *inside, "group", "channel")),
                (kernel, (*inside, "channel", "group", "out")),
            ],
            (*batch, *places, "group", "out"),
        )
        return reshape(joined, *joined.shape[:-2], w.shape[-1])
    return contract(
        [(windows, (*batch, *places, *inside, "channel")), (w, (*inside, "channel", "out"))],
        (*batch, *places, "out"),
    )


def paddings(
    padding: Any,
    lengths: Sequence[Dim],
    sizes: Sequence[Dim],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[tuple[Dim, Dim]]:
    """Return how many zeros go before and after each axis.

    "same" gives ⌈n/s⌉ outputs, with the odd zero after, as TensorFlow and Keras do.

    >>> paddings("same", [Dim.of("n")], [Dim.of(4)], [1], [1])
    [(Dim(1), Dim(2))]
    """
    reach = [span(k, d) for k, d in zip(sizes, dilations, strict=True)]
    if padding == "valid":
        return [(Dim.of(0), Dim.of(0))] * len(reach)
    if padding == "full":
        return [(r - 1, r - 1) for r in reach]
    if padding == "same":
        found = []
        for n, r, s in zip(lengths, reach, strides, strict=True):
            total = r - 1
            if s > 1:
                if n.value is None or r.value is None:
                    raise ShapeError("padding same with stride needs known", n=n, r=r)
                total = Dim.of(max((-(-n.value // s) - 1) * s + r.value - n.value, 0))
            found.append((total // 2, total - total // 2))
        return found
    given = padding if isinstance(padding, (tuple, list)) else (padding,) * len(reach)
    if len(reach) == 1 and len(given) == 2 and not isinstance(given[0], (tuple, list)):
        given = (tuple(given),)
    if len(given) != len(reach) or isinstance(padding, str):
        raise ShapeError("padding is valid same full width", padding=padding)
    ends = [tuple(p) if isinstance(p, (tuple, list)) else (p, p) for p in given]
    if any(
        len(e) != 2 or any(not (isinstance(w, Dim) or hasattr(w, "__index__") and w >= 0) for w in e)
        for e in ends
    ):
        raise ShapeError("padding is whole number from 0", padding=padding)
    return [(Dim.of(a), Dim.of(b)) for a, b in ends]


# --- recognising it in a product --------------------------------------------------------------------------


@dataclass(frozen=True)
class Correlation:
    """A window in a product, summed against other operands over its own axes or over its places.

    window:  which operand the window is.     others: the operands that it is summed against.
    inside:  whether the sum runs over the window (x ⋆ w) or over its places (x ⋆ δ, the gradient of w).
    along:   the labels that it slides along.      labels: those of the correlation, in its natural order.
    stride, dilation: of the correlation as it is written.
    """

    window: int
    others: tuple[int, ...]
    inside: bool
    along: tuple[int, ...]
    labels: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]


def match(operands: Sequence[tuple[Expr, Sequence[int]]], out: Sequence[int]) -> Correlation | None:
    """Return the first correlation in a product, or None; sums over windows come before sums over places."""
    for within in (True, False):
        for i, (operand, own) in enumerate(operands):
            if operand.op is not WINDOW or len(set(own)) != len(own):
                continue
            axis, sizes, strides, dilations = operand.params
            k = len(sizes)
            places, inside = tuple(own[axis : axis + k]), tuple(own[axis + k : axis + 2 * k])
            summed, kept = (inside, places) if within else (places, inside)
            others = tuple(
                j for j, (_, labels) in enumerate(operands) if j != i and set(labels) & set(summed)
            )
            held = {label for j in others for label in operands[j][1]}
            if not others or set(summed) & set(out) or not set(summed) <= held or held & set(kept):
                continue
            outside = set(out)
            for j, (_, labels) in enumerate(operands):
                if j != i and j not in others:
                    outside.update(labels)
            labels = [label for label in own if label in outside]
            for j in others:
                labels += [label for label in operands[j][1] if label in outside and label not in labels]
            stride, dilation = (strides, dilations) if within else (dilations, strides)
            return Correlation(i, others, within, summed, tuple(labels), stride, dilation)
    return None


__all__ = ["Correlation", "conv1d", "conv2d", "conv3d", "convolve", "match", "paddings", "positions"]
