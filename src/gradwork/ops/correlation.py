"""A correlation of images (or signals) with a kernel as one operation, and its two adjoints: what programs run.

People write `conv2d`, a contraction of windows, and derivations show it; these three take its place where a target
has a fast way for it. Each is linear in both arguments, and they are each other's derivatives. With stride s and
dilation d:

    correlate(x, w)            o[n,i,j,f] = Σ x[n,si+da,sj+db,c] w[a,b,c,f]
    correlate_kernel(x, δ)     Σ over n, i, j of x[n,si+da,sj+db,c] δ[n,i,j,f]                the adjoint of w
    correlate_input(δ, w)      Σ over si+da = u, sj+db = v and f of δ[n,i,j,f] w[a,b,c,f]     the adjoint of x[n,u,v,c]
"""

from __future__ import annotations

import math
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, make
from gradwork.expr.notation import Call, Correlate, Either
from gradwork.expr.op import Op
from gradwork.ops.contraction import contract
from gradwork.ops.indexing import INDEX
from gradwork.ops.windows import FOLD, WINDOW, positions, span


def _spelled(node: Expr) -> tuple[list[Expr], Expr, list[Expr]]:
    """Return the same in other operations: those of its first argument, a product, and those of the product."""
    first, second = node.args
    strides, dilations = node.params[-2:]
    k = first.ndim - 2
    places, inside = (tuple((kind, a) for a in range(k)) for kind in ("at", "in"))
    result, kernel = ("n", *places, "f"), (*inside, "c", "f")
    if node.op is INPUT:
        product = contract([(first, result), (second, kernel)], ("n", *places, *inside, "c"))
        at, lengths = node.params[:2]
        least = (
            s * (n - 1) + span(m, d)
            for n, m, s, d in zip(first.shape[1:], second.shape, strides, dilations, strict=False)
        )
        whole = tuple(
            w if _rest(a + m, w) <= 0 else a + m for a, m, w in zip(at, lengths, least, strict=True)
        )
        folded = make(FOLD, (product,), (1, whole, strides, dilations))
        spec = tuple(
            ("from", a, None if a + m == w else a + m, 1, m)
            for a, m, w in zip(at, lengths, whole, strict=True)
        )
        every = [("from", Dim.of(0), None, 1, d) for d in (folded.shape[0], folded.shape[-1])]
        return [], product, [folded, make(INDEX, (folded,), ((every[0], *spec, every[1]),))]
    sizes = second.shape[:k] if node.op is CORRELATE else node.params[0]
    windows = make(WINDOW, (first,), (1, sizes, strides, dilations))
    operands = [(windows, ("n", *places, *inside, "c"))]
    if node.op is CORRELATE:
        return [windows], contract([*operands, (second, kernel)], result), []
    return [windows], contract([*operands, (second, result)], kernel), []


def _rest(a: Dim, b: Dim) -> int:
    # a − b, which must be known.
    value = (a - b).value
    if value is None:
        raise ShapeError("sizes and cannot be compared", a=a, b=b)
    return value


def _pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    before, product, after = _spelled(node)
    for moved in after[::-1]:
        g = moved.op.pullback(g, moved, moved, 0)  # type: ignore[misc, assignment]
    g = product.op.pullback(g, product, product, i)  # type: ignore[misc, assignment]
    for moved in before[: 1 - i]:
        g = moved.op.pullback(g, moved, moved, 0)  # type: ignore[misc, assignment]
    return g


def _pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    before, product, after = _spelled(node)
    for moved in before[: 1 - i]:
        t = moved.op.pushforward(t, moved, moved, 0)  # type: ignore[misc, assignment]
    t = product.op.pushforward(t, product, product, i)  # type: ignore[misc, assignment]
    for moved in after:
        t = moved.op.pushforward(t, moved, moved, 0)  # type: ignore[misc, assignment]
    return t


def tile(kh, kw, c, f, back=0.0):
    """The side of the tiles that give an output place in the least estimated time, or 1: runs instead of tiles.

    back: for the adjoint of the images, how many places it has for each of δ; 0 in the other two operations.
    """
    one, other = (f, c) if back else (c, f)
    # In nanoseconds on two cores, fitted to measured times: products, copies of runs or patches, the result.
    copies = 0.3 * (kw * one + kh * other) if kh > 1 and kw * one >= 48 else 0.45 * kh * kw * one

    def time(t):
        if t == 1:
            return (back or 1) * (kh * kw * c * f / 150 + copies + 0.2 * (c + f if back else f))
        if back:
            blocks = (kh + 2 * t - 2) // t * ((kw + 2 * t - 2) // t)
            return blocks * t * t * c * f / 150 + 0.09 * blocks * blocks * c + (0.3, 2.0)[t // 4] * f
        patch = (kh + t - 1) * (kw + t - 1) * c
        return patch * f / 100 + 0.6 * patch / (t * t) + (0.3, 2.0)[t // 4] * f

    return min((1, 2, 4), key=time)


def winograd(kh, kw, c, f, rows, stride, dilation):
    """Whether runs of kw·c numbers go by half the products, by blocks of four rows of the result (or of δ)."""
    return kh == 3 and stride == dilation == 1 and kw * c >= 48 and f >= 32 and -rows % 4 <= 0.1 * rows


def _halved(node: Expr, kh: int, kw: int, c: int, f: int, oh: int) -> bool:
    strides, dilations = node.params[-2:]
    if node.op is not INPUT:
        return winograd(kh, kw, c, f, oh, strides[0], dilations[0])
    # With strides the adjoint of the images falls apart into correlations with parts of the kernel: the largest.
    s, across = (strides[0], strides[-1]) if max(dilations) == 1 else (1, 1)
    first, length = (sizes[0].value or 0 for sizes in node.params[:2])
    rows = -(-(first + length) // s) - first // s
    return winograd(-(-kh // s), -(-kw // across), f, c, rows, 1, dilations[0])


def _code(w: Any, node: Expr, args: list) -> Any:
    # The plan says how it is computed, and how many multiplications it takes.
    sizes, (strides, dilations) = node.params[:-2], node.params[-2:]
    plain = max(*strides, *dilations) == 1
    value = w.helper(node.op.name, args, *map(w.shape, sizes), *(() if plain else (strides, dilations)))
    kernel = node.shape if node.op is KERNEL else node.args[1].shape
    places = node.args[0] if node.op is INPUT else node.args[1] if node.op is KERNEL else node
    known = [d.value or 0 for d in (*kernel, *places.shape[1:-1])]
    if all(known):
        k = len(strides)
        kh, kw, c, f = ([1] * (2 - k) + known)[:4]
        oh, ow = [1] * (2 - k) + known[k + 2 :]
        back = math.prod(d.value or 1 for d in sizes[1]) / (oh * ow) if node.op is INPUT else 0.0
        t = tile(kh, kw, c, f, back) if w.target == "jax" and plain else 1
        how = f"tiles of {t}×{t} places" if t > 1 else "windows side by side"
        if w.target == "jax" and t == 1:
            how = f"runs of {kw * (f if node.op is INPUT else c)} numbers"
            if w.dtype == "float32" and _halved(node, kh, kw, c, f, oh):
                how += ", half the products (Winograd, 5 times the rounding error)"
                oh = -(-oh // 4) * 2
        work = places.shape[0].evaluate({n: w.hint.get(n, 1) for n in places.shape[0].names}) * c * f
        for n, m in ((oh, kh), (ow, kw)):
            work *= -(-n // t) * t * ((m + 2 * t - 2) // t * t if node.op is INPUT else m + t - 1)
        w.planned(f"{value.text}  by {how}", float(work))
    return value


def _slid(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    x, w = args
    k = w.ndim - 2
    return (x.shape[0], *map(positions, x.shape[1 : k + 1], w.shape, *params), w.shape[-1])


def _star(name: str):
    return lambda node, args: Either(Call(name, tuple(args)), Correlate(args[0], args[1]))


CORRELATE = Op(
    "correlate",
    shape=_slid,
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=_star("correlate"),
    law=r"\partial(x \star w)/\partial w = x \star g",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="images or signals correlated with a kernel",
    example=(((2, 7, 6, 2), (3, 2, 2, 3)), ((2, 1), (1, 3))),
)  # fmt: skip

KERNEL = Op(
    "correlate_kernel",
    shape=lambda a, p: (*p[0], a[0].shape[-1], a[1].shape[-1]),
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=_star("correlate_kernel"),
    law=r"\partial(x \star \delta)/\partial \delta = x \star g",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="images or signals correlated with an adjoint: the adjoint of the kernel",
    example=(((2, 7, 6, 2), (2, 3, 3, 3)), ((Dim.of(3), Dim.of(2)), (2, 1), (1, 3))),
)  # fmt: skip

INPUT = Op(
    "correlate_input",
    shape=lambda a, p: (a[0].shape[0], *p[1], a[1].shape[-2]),
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=lambda node, args: Call("correlate_input", tuple(args)),
    law=r"\partial(\mathrm{pad}(\delta) \star \mathrm{flip}(w))/\partial\delta = g \star w",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="an adjoint spread by the kernel: the adjoint of the images",
    example=(((2, 3, 3, 3), (3, 2, 2, 3)), ((Dim.of(1), Dim.of(0)), (Dim.of(5), Dim.of(6)), (2, 1), (1, 3))),
)  # fmt: skip

__all__ = ["CORRELATE", "INPUT", "KERNEL"]
