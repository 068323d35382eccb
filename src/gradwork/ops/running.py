"""Running sums and products along an axis, and what their derivatives are: linear recurrences.

    s₁ = b₁,  sᵢ = aᵢ sᵢ₋₁ + bᵢ

The derivative of a running product is such a recurrence, right where factors are 0, and the derivatives of the
recurrence are recurrences again: one the other way for the adjoint.
"""

from __future__ import annotations

from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant, make
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.ops.contraction import axes_of, contract, filled, times
from gradwork.ops.indexing import CONCATENATE, getitem


def _same(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    return args[0].shape


def _axis_option(node: Expr) -> tuple:
    return () if node.args[0].ndim == 1 else (("axis", str(node.params[0])),)


# params: (axis, reverse)
CUMSUM = Op(
    "cumsum",
    shape=_same,
    pullback=lambda g, y, node, i: make(CUMSUM, (g,), (node.params[0], not node.params[1])),
    pushforward=lambda t, y, node, i: make(CUMSUM, (t,), node.params),
    code=lambda w, node, args: w.cumsum(node, args[0]),
    notation=lambda node, args: Call(
        "cumsum", tuple(args), (*_axis_option(node), *((("reverse", "1"),) if node.params[1] else ()))
    ),
    law=r"\partial y_i/\partial x_j = [j \le i]",
    linear=True,
    summary="running sums along an axis",
    example=(((4, 3),), (0, False)),
)


def _moved(x: Expr, axis: int, fill: int, forward: bool) -> Expr:
    # Every entry one place on along an axis (or back), with a number in the place that is left.
    edge = filled(fill, tuple(Dim.of(1) if a == axis else d for a, d in enumerate(x.shape)))
    before = (slice(None),) * axis
    if forward:
        return make(CONCATENATE, (edge, getitem(x, (*before, slice(None, -1)))), (axis,))
    return make(CONCATENATE, (getitem(x, (*before, slice(1, None))), edge), (axis,))


def _recurrence(a: Expr, b: Expr, axis: int, reverse: bool) -> Expr:
    return make(RECURRENCE, (a, b), (axis, reverse))


def _recurrence_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    (a, b), (axis, reverse) = node.args, node.params
    back = _recurrence(_moved(a, axis, 0, reverse), g, axis, not reverse)
    if i == 1:
        return back
    labels = tuple(range(g.ndim))
    before = _moved(y, axis, 0, not reverse)
    return contract([(before, labels[: b.ndim]), (back, labels)], (*labels[: a.ndim], *labels[b.ndim :]))


def _recurrence_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    (a, b), (axis, reverse) = node.args, node.params
    if i == 0:
        own = tuple(range(b.ndim))
        more = tuple(range(1000, 1000 + t.ndim - a.ndim))
        before = _moved(y, axis, 0, not reverse)
        t = contract([(before, own), (t, (*own[: a.ndim], *more))], (*own, *more))
    return _recurrence(a, t, axis, reverse)


# params: (axis, reverse). The second argument may have further axes at its end.
RECURRENCE = Op(
    "recurrence",
    shape=lambda a, p: a[1].shape,
    pullback=_recurrence_pullback,
    pushforward=_recurrence_pushforward,
    code=lambda w, node, args: w.helper("recurrence", args, *node.params),
    notation=lambda node, args: Call(
        "recurrence", tuple(args), (*_axis_option(node), *((("reverse", "1"),) if node.params[1] else ()))
    ),
    law=(
        r"s_i = a_i s_{i-1} + b_i:"
        r" \quad \bar b_i = \bar s_i + a_{i+1} \bar b_{i+1}, \quad \bar a_i = s_{i-1}\, \bar b_i"
    ),
    domain=((-1.2, 1.2), (-2, 2)),
    summary="the linear recurrence s_i = a_i s_(i-1) + b_i along an axis",
    example=(((4, 3), (4, 3, 2)), (0, False)),
)

# params: (axis,)
CUMPROD = Op(
    "cumprod",
    shape=_same,
    pullback=lambda g, y, node, i: times(
        _moved(y, node.params[0], 1, True),
        _recurrence(_moved(node.args[0], node.params[0], 0, False), g, node.params[0], True),
    ),
    pushforward=lambda t, y, node, i: _recurrence(
        node.args[0], times(_moved(y, node.params[0], 1, True), t), node.params[0], False
    ),
    code=lambda w, node, args: w.call("np.cumprod", args[0], axis=node.params[0]),
    notation=lambda node, args: Call("cumprod", tuple(args), _axis_option(node)),
    law=r"\partial y_i/\partial x_j = [j \le i] \prod_{k \le i,\, k \ne j} x_k",
    domain=((-1.5, 1.5),),
    summary="running products along an axis",
    example=(((4, 3),), (0,)),
)


def _along(op: Op, x: Any, axis: int | None, name: str, *more: Any) -> Expr:
    x = constant(x)
    if not x.ndim:
        if axis is None:
            raise ShapeError("of shape needs axis", name=name, shape=x.shape)
        axes_of(x, axis)
        return getitem(_along(op, getitem(x, None), 0, name, *more), 0)
    if axis is None:
        if x.ndim != 1:
            raise ShapeError("of shape needs axis", name=name, shape=x.shape)
        axis = 0
    (axis,) = axes_of(x, axis)
    return x if x.shape[axis] == 0 else make(op, (x,), (axis, *more))


def cumsum(x: Any, axis: int | None = None, reverse: bool = False) -> Expr:
    """Return the running sums along an axis (of the last end first, with `reverse`)."""
    return _along(CUMSUM, x, axis, "cumsum", bool(reverse))


def cumprod(x: Any, axis: int | None = None) -> Expr:
    """Return the running products along an axis; the derivative is right where factors are 0.

    >>> cumprod([1.0, 2, 3]).evaluate().tolist()
    [1.0, 2.0, 6.0]
    """
    return _along(CUMPROD, x, axis, "cumprod")


def recurrence(a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Expr:
    """Return sᵢ = aᵢ sᵢ₋₁ + bᵢ along an axis, with s₁ = b₁ (from the other end with `reverse`).

    >>> recurrence([0.5, 0.5, 0.5], [1.0, 1.0, 1.0]).evaluate().tolist()
    [1.0, 1.5, 1.75]
    """
    from gradwork.ops.contraction import broadcast, common_shape

    a, b = constant(a), constant(b)
    shape = common_shape(a.shape, b.shape)
    if not shape:
        raise ShapeError("recurrence runs along axis")
    a, b = broadcast(a, shape), broadcast(b, shape)
    (axis,) = axes_of(b, axis)
    return _recurrence(a, b, axis, bool(reverse))


__all__ = ["CUMPROD", "CUMSUM", "RECURRENCE", "cumprod", "cumsum", "recurrence"]
