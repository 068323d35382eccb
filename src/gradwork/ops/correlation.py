"""A correlation of images with a kernel as one operation, and its two adjoints: what programs are lowered to.

People write `conv2d`, a contraction of windows, and derivations show it; these three take its place where a target
has a fast way for it. Each is linear in both arguments, and they are each other's derivatives.

    correlate(x, w)            o[n,i,j,f] = Σ x[n,i+a,j+b,c] w[a,b,c,f]
    correlate_kernel(x, δ)     Σ over n, i, j of x[n,i+a,j+b,c] δ[n,i,j,f]        the adjoint of w
    correlate_input(δ, w)      Σ over a, b, f of δ[n,i−a,j−b,f] w[a,b,c,f]        the adjoint of x
"""

from __future__ import annotations

from typing import Any

from gradwork.expr.node import Expr, make
from gradwork.expr.notation import Call, Correlate, Either
from gradwork.expr.op import Op
from gradwork.ops.contraction import contract
from gradwork.ops.windows import FOLD, WINDOW

_ONE = (1, 1)


def _spelled(node: Expr) -> tuple[Expr, tuple[Expr, ...]]:
    """Return the same as a contraction of windows, and the nodes on the way from it to the window's argument."""
    first, second = node.args
    if node.op is INPUT:
        product = contract([(first, "nijf"), (second, "abcf")], "nijabc")
        folded = make(FOLD, (product,), (1, node.shape[1:3], _ONE, _ONE))
        return product, (folded,)
    inside = second.shape[:2] if node.op is CORRELATE else node.shape[:2]
    windows = make(WINDOW, (first,), (1, inside, _ONE, _ONE))
    if node.op is CORRELATE:
        return contract([(windows, "nijabc"), (second, "abcf")], "nijf"), (windows,)
    return contract([(windows, "nijabc"), (second, "nijf")], "abcf"), (windows,)


def _pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    product, (moved,) = _spelled(node)
    if node.op is INPUT:
        g = moved.op.pullback(g, moved, moved, 0)  # type: ignore[misc, assignment]
        return product.op.pullback(g, product, product, i)  # type: ignore[misc, return-value]
    g = product.op.pullback(g, product, product, i)  # type: ignore[misc, assignment]
    return g if i else moved.op.pullback(g, moved, moved, 0)  # type: ignore[misc, return-value]


def _pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    product, (moved,) = _spelled(node)
    if node.op is INPUT:
        t = product.op.pushforward(t, product, product, i)  # type: ignore[misc, assignment]
        return moved.op.pushforward(t, moved, moved, 0)  # type: ignore[misc, return-value]
    if not i:
        t = moved.op.pushforward(t, moved, moved, 0)  # type: ignore[misc, assignment]
    return product.op.pushforward(t, product, product, i)  # type: ignore[misc, return-value]


def tile(kh, kw, c, f):
    """The side of the tiles: the least estimated time of an output place, multiplications and copies together."""

    def cost(t):
        patch = (kh + 2 * t - 2) // t * ((kw + 2 * t - 2) // t) * t * t * c
        return patch * f / 75 + patch / (t * t) * 0.6 + f * (0, 0.3, 0.6)[t // 2]

    return min((1, 2, 4), key=cost)


def _code(w: Any, node: Expr, args: list) -> Any:
    # The plan says how it is computed, and how many multiplications it takes.
    value = w.helper(node.op.name, args)
    kernel = node.shape if node.op is KERNEL else node.args[1].shape
    places = node.args[0] if node.op is INPUT else node.args[1] if node.op is KERNEL else node
    sizes = [d.value for d in (*kernel, *places.shape[1:3])]
    known = [s for s in sizes if s is not None]
    if len(known) == len(sizes):
        kh, kw, c, f, oh, ow = known
        t = tile(kh, kw, c, f) if w.target == "jax" else 1
        how = f"tiles of {t}×{t} places" if t > 1 else "windows side by side"
        rows = places.shape[0].evaluate({n: w.hint.get(n, 1) for n in places.shape[0].names})
        work = (
            rows
            * -(-oh // t)
            * -(-ow // t)
            * ((kh + 2 * t - 2) // t)
            * ((kw + 2 * t - 2) // t)
            * t**4
            * c
            * f
        )
        w.planned(f"{value.text}  by {how}", float(work))
    return value


def _star(name: str):
    return lambda node, args: Either(Call(name, tuple(args)), Correlate(args[0], args[1]))


CORRELATE = Op(
    "correlate",
    shape=lambda a, p: (
        a[0].shape[0], a[0].shape[1] - a[1].shape[0] + 1, a[0].shape[2] - a[1].shape[1] + 1, a[1].shape[3]
    ),
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=_star("correlate"),
    law=r"\partial(x \star w)/\partial w = x \star g",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="images correlated with a kernel",
    example=(((2, 7, 6, 2), (3, 2, 2, 3)), ()),
)  # fmt: skip

KERNEL = Op(
    "correlate_kernel",
    shape=lambda a, p: (
        a[0].shape[1] - a[1].shape[1] + 1, a[0].shape[2] - a[1].shape[2] + 1, a[0].shape[3], a[1].shape[3]
    ),
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=_star("correlate_kernel"),
    law=r"\partial(x \star \delta)/\partial \delta = x \star g",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="images correlated with an adjoint: the adjoint of the kernel",
    example=(((2, 7, 6, 2), (2, 5, 5, 3)), ()),
)  # fmt: skip

INPUT = Op(
    "correlate_input",
    shape=lambda a, p: (
        a[0].shape[0], a[0].shape[1] + a[1].shape[0] - 1, a[0].shape[2] + a[1].shape[1] - 1, a[1].shape[2]
    ),
    pullback=_pullback,
    pushforward=_pushforward,
    code=lambda w, node, args: _code(w, node, args),
    notation=lambda node, args: Call("correlate_input", tuple(args)),
    law=r"\partial(\mathrm{pad}(\delta) \star \mathrm{flip}(w))/\partial\delta = g \star w",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="an adjoint spread by the kernel: the adjoint of the images",
    example=(((2, 5, 5, 3), (3, 2, 2, 3)), ()),
)  # fmt: skip

__all__ = ["CORRELATE", "INPUT", "KERNEL"]
