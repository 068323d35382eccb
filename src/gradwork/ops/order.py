"""Entries in order of size: sort, median and quantiles. Equal entries keep their order.

Sorting picks each entry once, so its derivative by x puts each adjoint back where its entry came from; where entries
are equal, that is one of several choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant, make, size
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import add, divide, multiply, subtract
from gradwork.ops.contraction import axes_of, transpose
from gradwork.ops.indexing import getitem, reshape, stack
from gradwork.ops.reduction import keep


def _axis_option(node: Expr) -> tuple:
    return () if node.params[0] == node.args[-1].ndim - 1 else (("axis", str(node.params[0])),)


# params of all three: (axis,). The last two are linear in their first argument, which may have further axes.
SORT = Op(
    "sort",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(UNSORT, (g, node.args[0]), node.params),
    pushforward=lambda t, y, node, i: make(RESORT, (t, node.args[0]), node.params),
    code=lambda w, node, args: w.call("np.sort", args[0], axis=node.params[0]),
    targets={
        "torch": lambda w, node, args: (
            f"{w.call('torch.sort', args[0], axis=node.params[0], stable=True)}.values"
        )
    },
    notation=lambda node, args: Call("sort", tuple(args), _axis_option(node)),
    law=r"\partial x_{(i)}/\partial x_j = [x_{(i)} \text{ is } x_j]",
    analytic=False,
    kink=True,
    summary="the entries along an axis, the smallest first",
    example=(((4, 5),), (1,)),
)

UNSORT = Op(
    "unsort",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(RESORT, (g, node.args[1]), node.params) if i == 0 else None,
    pushforward=lambda t, y, node, i: make(UNSORT, (t, node.args[1]), node.params) if i == 0 else None,
    code=lambda w, node, args: w.helper("unsort", args, node.params[0]),
    notation=lambda node, args: Call("unsort", tuple(args), _axis_option(node)),
    law=r"\partial\,\mathrm{unsort}(g)/\partial g = \text{the entries in the order of } x",
    analytic=False,
    linear=True,
    summary="each entry put where sorting the second argument takes its entry from",
    example=(((4, 5, 2), (4, 5)), (1,), "first"),
)

RESORT = Op(
    "resort",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(UNSORT, (g, node.args[1]), node.params) if i == 0 else None,
    pushforward=lambda t, y, node, i: make(RESORT, (t, node.args[1]), node.params) if i == 0 else None,
    code=lambda w, node, args: w.helper("resort", args, node.params[0]),
    notation=lambda node, args: Call("resort", tuple(args), _axis_option(node)),
    law=r"\partial\,\mathrm{resort}(t)/\partial t = \mathrm{unsort}(g)",
    analytic=False,
    linear=True,
    summary="the entries in the order that sorts the second argument",
    example=(((4, 5, 2), (4, 5)), (1,), "first"),
)


def sort(x: Any, axis: int = -1) -> Expr:
    """Return the entries along an axis (the last by default), the smallest first.

    >>> sort([3.0, 1.0, 2.0]).evaluate().tolist()
    [1.0, 2.0, 3.0]
    """
    x = constant(x)
    if not x.ndim:
        axes_of(x, axis)
        return x
    return make(SORT, (x,), axes_of(x, axis))


# --- quantiles --------------------------------------------------------------------------------------------

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _flattened(x: Expr, axis: Any) -> tuple[Expr, tuple[int, ...]]:
    # The axes that are reduced as one, the last.
    axes = axes_of(x, axis)
    kept = [a for a in range(x.ndim) if a not in axes]
    turned = x if kept + list(axes) == list(range(x.ndim)) else transpose(x, (*kept, *axes))
    count = Dim.of(1)
    for a in axes:
        count = count * x.shape[a]
    return (turned if len(axes) == 1 else reshape(turned, *(x.shape[a] for a in kept), count)), axes


def _share(q: Any) -> Fraction:
    if isinstance(q, Expr) and q.op.name == "constant":
        q = q.params[0]
    if isinstance(q, bool) or not isinstance(q, (int, float, Fraction)) and not hasattr(q, "item"):
        raise GradworkError("quantile is number from 0", q=q)
    share = q if isinstance(q, Fraction) else Fraction(Decimal(repr(float(q))))  # type: ignore[arg-type]
    if not 0 <= share <= 1:
        raise GradworkError("quantile is number from 0 to 1", q=q)
    return share


def _at(ordered: Expr, share: Fraction, method: str) -> Expr:
    # The place of the quantile among n entries is q (n − 1); q is a fraction, so the whole part is exact.
    top, bottom = share.numerator, share.denominator
    last = ordered.shape[-1] - 1
    low, high = (last * top) // bottom, (last * top + (bottom - 1)) // bottom
    pick = lambda place: getitem(ordered, (Ellipsis, place))
    if method == "lower" or low == high:
        return pick(low)
    if method == "higher":
        return pick(high)
    if method == "nearest":  # half goes to even, as rounding does
        if last.value is None:
            raise GradworkError("method nearest needs known number")
        return pick(round(Fraction(last.value) * share))
    below, above = pick(low), pick(high)
    if method == "midpoint":
        return multiply(constant(1) / 2, add(below, above))
    weight = divide(size(last * top - low * bottom), bottom)
    return add(below, multiply(weight, subtract(above, below)))


def quantile(x: Any, q: Any, axis: Any = None, keepdims: bool = False, method: str = "linear") -> Expr:
    """Return the q-quantile over the given axes (all by default): the entry at place q (n − 1) of the sorted ones.

    q:      a number from 0 to 1, or a list of them, whose quantiles are the first axis of the result.
    method: between two entries "linear", "lower", "higher", "midpoint" or "nearest".

    >>> quantile([1.0, 2.0, 4.0, 8.0], [0.5, 0.25]).evaluate().tolist()
    [3.0, 1.75]
    """
    if method not in METHODS:
        raise GradworkError("method of quantile is one", methods=METHODS, method=method)
    x = constant(x)
    shares = _shares(q)
    flat, axes = _flattened(x, axis) if x.ndim else (getitem(x, None), ())
    if flat.shape[-1] == 0:
        raise GradworkError("there is no quantile of no")
    ordered = make(SORT, (flat,), (flat.ndim - 1,))
    several = isinstance(shares, list)
    found = [keep(_at(ordered, s, method), axes, keepdims, x.ndim) for s in (shares if several else [shares])]
    return stack(found, axis=0) if several else found[0]


def _shares(q: Any) -> Fraction | list[Fraction]:
    if isinstance(q, Expr) and q.op.name == "array":
        q = q.params[0].array
    if hasattr(q, "ndim") and not isinstance(q, Expr):
        q = q.tolist()
    if isinstance(q, Sequence):
        if not q:
            raise GradworkError("quantile is number from 0 to 1 or list")
        return [_share(k) for k in q]
    return _share(q)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the median over the given axes (all by default): of an even number of entries the mean of the middle two.

    >>> median([5.0, 1.0, 2.0]).evaluate(), median([5.0, 1.0, 2.0, 4.0]).evaluate()
    (2.0, 3.0)
    """
    return quantile(x, Fraction(1, 2), axis, keepdims, "midpoint")


__all__ = ["RESORT", "SORT", "UNSORT", "median", "quantile", "sort"]
