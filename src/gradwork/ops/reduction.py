"""Functions of a whole axis: maxima, products, norms, softmax and its relatives."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr, constant, make, size
from gradwork.expr.notation import (
    BigSum,
    Call,
    Either,
    Fence,
    Indexed,
    Letter,
    Math,
    Quotient,
    Relation,
    Times,
)
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import add, multiply, power, subtract
from gradwork.ops.contraction import axes_of, contract, mean, spread, sum_, transpose
from gradwork.ops.elementwise import exp, sqrt


def reduced(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    return tuple(d for a, d in enumerate(args[0].shape) if a not in params[0])


def _same(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    return args[0].shape


def keep(x: Expr, axes: tuple[int, ...], keepdims: bool, full_rank: int) -> Expr:
    """Put axes of size 1 back where a reduction took them."""
    if not keepdims:
        return x
    kept = [a for a in range(full_rank) if a not in axes]
    fresh = [(spread(constant(1), (Dim.of(1),)), (a,)) for a in axes]
    return contract([(x, kept), *fresh], tuple(range(full_rank)))


def weighted_pullback(weights):
    """Return the pullback of a reduction whose derivative by x is weights(y, x) of the shape of x."""

    def pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
        x, axes = node.args[0], node.params[0]
        labels = tuple(range(x.ndim))
        kept = tuple(a for a in labels if a not in axes)
        extra = tuple(range(100, 100 + g.ndim - len(kept)))
        return contract([(g, (*kept, *extra)), (weights(y, node), labels)], (*labels, *extra))

    return pullback


def weighted_pushforward(weights):
    def pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
        x, axes = node.args[0], node.params[0]
        labels = tuple(range(x.ndim))
        kept = tuple(a for a in labels if a not in axes)
        extra = tuple(range(100, 100 + t.ndim - x.ndim))
        return contract([(weights(y, node), labels), (t, (*labels, *extra))], (*kept, *extra))

    return pushforward


def options(node: Expr) -> tuple:
    x, axes = node.args[0], node.params[0]
    if len(axes) == x.ndim:
        return ()
    return (("axis", str(axes[0]) if len(axes) == 1 else str(axes)),)


def _reduction_code(name: str):
    return lambda w, node, args: w.reduce(name, node, args[0])


# --- max and min ------------------------------------------------------------------------------------------

# Shares of an extremum: [x = max x] divided by the number of ties. params: (axes, "max" or "min")
SHARES = Op(
    "shares",
    shape=_same,
    constant=True,
    pullback=lambda g, y, node, i: None,
    pushforward=lambda t, y, node, i: None,
    code=lambda w, node, args: w.helper("shares", args, node.params[0], w.reducer(node.params[1])),
    notation=lambda node, args: Either(
        Call("shares", tuple(args), (("of", node.params[1]), *options(node))),
        _shares_notation(node, args),
    ),
    law=r"\partial = 0",
    analytic=False,
    summary="1 where x is the extremum, shared equally between ties, else 0",
    example=(((4, 3),), ((1,), "max")),
)


def _shares_notation(node: Expr, args: list) -> Math:
    # [x = max(x)]/Σ [x = max(x)]: the number of ties is below the bar.
    hit = Fence("bracket", Relation("==", args[0], _extremum_notation(node, args, node.params[1])))
    over_axes = options(node)
    return Quotient(hit, Call("sum", (hit,), over_axes) if over_axes else BigSum((), hit))


def _extremum_notation(node: Expr, args: list, name: str) -> Call:
    return Call(name, tuple(args), options(node), latex=rf"\{name}")


def _extremum(name: str, summary: str) -> Op:
    def weights(y: Expr, node: Expr) -> Expr:
        return make(SHARES, node.args, (node.params[0], name))

    return Op(
        name,
        shape=reduced,
        pullback=weighted_pullback(weights),
        pushforward=weighted_pushforward(weights),
        code=_reduction_code(name),
        notation=lambda node, args: _extremum_notation(node, args, name),
        law=rf"\partial\{name} x/\partial x_i = [x_i = \{name} x] / \text{{number of ties}}",
        analytic=False,
        kink=True,
        summary=summary,
        example=(((4, 3),), ((1,),)),
    )


MAX = _extremum("max", "the largest component; ties share the derivative equally")
MIN = _extremum("min", "the smallest component; ties share the derivative equally")


def max_(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the largest component over the given axes; ties share the derivative equally."""
    return over(MAX, x, axis, keepdims)


def min_(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the smallest component over the given axes; ties share the derivative equally."""
    return over(MIN, x, axis, keepdims)


def over(op: Op, x: Any, axis: Any, keepdims: bool) -> Expr:
    x = constant(x)
    axes = axes_of(x, axis)
    return keep(make(op, (x,), (axes,)), axes, keepdims, x.ndim) if axes else x


# --- product ----------------------------------------------------------------------------------------------

# The product over the last axis of all components but those at k distinct places; 0 where places repeat.
# params: (k,). With k = 0 it is the product itself, and the derivative of one k is the next.
PROD = Op(
    "prod",
    shape=lambda a, p: (*a[0].shape[:-1], *(a[0].shape[-1],) * p[0]),
    pullback=lambda g, y, node, i: _prod_pullback(g, node),
    pushforward=lambda t, y, node, i: _prod_pushforward(t, node),
    code=lambda w, node, args: (
        w.call("np.prod", args[0], axis="-1")
        if node.params[0] == 0
        else w.helper("product_without", args, node.params[0])
    ),
    notation=lambda node, args: _prod_notation(node, args),
    law=r"\partial\prod_i x_i/\partial x_j = \prod_{i \ne j} x_i",
    domain=((0.3, 2.0),),
    summary="the product of the components",
    example=(((3, 4),), (0,)),
)


def _prod_notation(node: Expr, args: list) -> Math:
    x, k = node.args[0], node.params[0]
    rows = () if x.ndim == 1 else (("axis", "-1"),)
    if not k:
        return Call("prod", tuple(args), rows, latex=r"\prod")
    as_text = Call("product_without", tuple(args), (*rows, ("places", str(k))))
    if x.ndim + k > len(_INDICES):
        return as_text
    # [Π_{j≠i} xⱼ]ᵢ: all but one; [[i ≠ j] Π_{k≠i,j} xₖ]ᵢⱼ: all but two different ones.
    outer, places, running = (
        _INDICES[: x.ndim - 1],
        _INDICES[x.ndim - 1 : x.ndim - 1 + k],
        _INDICES[x.ndim - 1 + k],
    )
    others = "".join(f"≠{p}" if i == 0 else f",{p}" for i, p in enumerate(places))
    body: Math = BigSum((running + others,), Indexed(args[0], (*outer, running)), "prod")
    if k > 1:
        pairs = [(a, b) for i, a in enumerate(places) for b in places[i + 1 :]]
        signs = [Fence("bracket", Relation("!=", Letter(a), Letter(b))) for a, b in pairs]
        body = Times((*signs, body))
    return Either(as_text, Fence("entries", body, ",".join((*outer, *places))))


_INDICES = ("i", "j", "k", "l", "m", "p", "q")


def _prod_pullback(g: Expr, node: Expr) -> Expr:
    x, k = node.args[0], node.params[0]
    more = make(PROD, (x,), (k + 1,))
    rows = tuple(range(x.ndim - 1))
    places = tuple(range(50, 50 + k))
    extra = tuple(range(100, 100 + g.ndim - len(rows) - k))
    return contract([(g, (*rows, *places, *extra)), (more, (*rows, *places, 99))], (*rows, 99, *extra))


def _prod_pushforward(t: Expr, node: Expr) -> Expr:
    x, k = node.args[0], node.params[0]
    more = make(PROD, (x,), (k + 1,))
    rows = tuple(range(x.ndim - 1))
    places = tuple(range(50, 50 + k))
    extra = tuple(range(100, 100 + t.ndim - x.ndim))
    return contract([(more, (*rows, *places, 99)), (t, (*rows, 99, *extra))], (*rows, *places, *extra))


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the product over the given axes; its derivative is right where components are zero."""
    x = constant(x)
    axes = axes_of(x, axis)
    kept = [a for a in range(x.ndim) if a not in axes]
    moved = x
    for a in axes[::-1]:  # one axis at a time: a product of products
        labels = tuple(range(moved.ndim))
        if a != moved.ndim - 1:
            moved = transpose(moved, [b for b in labels if b != a] + [a])
        moved = make(PROD, (moved,), (0,))
    return keep(moved, axes, keepdims, x.ndim) if kept or keepdims else moved


# --- softmax and its relatives ----------------------------------------------------------------------------


def _axis_labels(node: Expr, g: Expr) -> tuple[tuple, tuple, tuple]:
    labels = tuple(range(node.args[0].ndim))
    extra = tuple(range(100, 100 + g.ndim - len(labels)))
    others = tuple("s" if a in node.params[0] else a for a in labels)
    return labels, extra, others


def _softmax_derivative(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # P ∘ (g − Σ g ∘ P): symmetric, so the same forward and backward.
    labels, extra, others = _axis_labels(node, g)
    direct = contract([(y, labels), (g, (*labels, *extra))], (*labels, *extra))
    through = contract(
        [(constant(-1), ()), (y, labels), (y, others), (g, (*others, *extra))], (*labels, *extra)
    )
    return add(direct, through)


SOFTMAX = Op(
    "softmax",
    shape=_same,
    pullback=_softmax_derivative,
    pushforward=_softmax_derivative,
    code=lambda w, node, args: w.axis_call("special.softmax", node, args[0]),
    targets={
        "jax": lambda w, node, args: w.axis_call("jax.nn.softmax", node, args[0]),
        "torch": lambda w, node, args: w.axis_call("torch.softmax", node, args[0]),
    },
    notation=lambda node, args: Call(
        "softmax", tuple(args), _last_axis(node), latex=r"\operatorname{softmax}"
    ),
    law=r"\partial p_i/\partial z_j = p_i(\delta_{ij} - p_j)",
    positive=True,
    summary="exponentials divided by their sum",
    example=(((4, 3),), ((1,),)),
)


def _last_axis(node: Expr) -> tuple:
    axis = node.params[0][0]
    return () if axis == node.args[0].ndim - 1 else (("axis", str(axis)),)


def _log_softmax_pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # g − P (Σ g)
    labels, extra, others = _axis_labels(node, g)
    p = make(SOFTMAX, node.args, node.params)
    return add(g, contract([(constant(-1), ()), (p, labels), (g, (*others, *extra))], (*labels, *extra)))


def _log_softmax_pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    # t − 1 Σ p∘t
    labels, extra, others = _axis_labels(node, t)
    p = make(SOFTMAX, node.args, node.params)
    ones = [(spread(constant(1), (node.shape[a],)), (a,)) for a in node.params[0]]
    kept = tuple(a for a in labels)
    return add(t, contract([(constant(-1), ()), (p, others), (t, (*others, *extra)), *ones], (*kept, *extra)))


LOG_SOFTMAX = Op(
    "log_softmax",
    shape=_same,
    pullback=_log_softmax_pullback,
    pushforward=_log_softmax_pushforward,
    code=lambda w, node, args: w.axis_call("special.log_softmax", node, args[0]),
    targets={
        "jax": lambda w, node, args: w.axis_call("jax.nn.log_softmax", node, args[0]),
        "torch": lambda w, node, args: w.axis_call("torch.log_softmax", node, args[0]),
    },
    notation=lambda node, args: Call(
        "log_softmax",
        tuple(args),
        _last_axis(node),
        latex=r"\log\operatorname{softmax}",
        unicode="log softmax",
    ),
    law=r"\partial \log p_i/\partial z_j = \delta_{ij} - p_j",
    summary="log softmax without underflow",
    example=(((4, 3),), ((1,),)),
)


def _lse_weights(y: Expr, node: Expr) -> Expr:
    x, axes = node.args[0], node.params[0]
    if len(axes) == 1:
        return make(SOFTMAX, (x,), (axes,))
    labels = tuple(range(x.ndim))
    kept = tuple(a for a in labels if a not in axes)
    wide = contract([(y, kept), *((spread(constant(1), (x.shape[a],)), (a,)) for a in axes)], labels)
    return exp(subtract(x, wide))


LOGSUMEXP = Op(
    "logsumexp",
    shape=reduced,
    pullback=weighted_pullback(_lse_weights),
    pushforward=weighted_pushforward(_lse_weights),
    code=lambda w, node, args: w.axis_call("special.logsumexp", node, args[0]),
    targets={"torch": lambda w, node, args: w.axis_call("torch.logsumexp", node, args[0])},
    notation=lambda node, args: Call("logsumexp", tuple(args), options(node)),
    law=r"\nabla\operatorname{logsumexp} = \operatorname{softmax}",
    summary="log of the sum of exponentials, without overflow",
    example=(((4, 3),), ((1,),)),
)


def softmax(x: Any, axis: int = -1) -> Expr:
    """Return the softmax along one axis (the last by default): pᵢ = e^xᵢ / Σ e^xⱼ."""
    return _over_one(SOFTMAX, x, axis)


def log_softmax(x: Any, axis: int = -1) -> Expr:
    """Return the logarithm of the softmax along one axis, without underflow."""
    return _over_one(LOG_SOFTMAX, x, axis)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return log Σ e^x over the given axes (all by default), without overflow."""
    return over(LOGSUMEXP, x, axis, keepdims)


def _over_one(op: Op, x: Any, axis: Any) -> Expr:
    x = constant(x)
    if not x.ndim:  # a number is an axis of one entry
        from gradwork.ops.indexing import getitem

        axes_of(x, axis)
        return getitem(_over_one(op, getitem(x, None), 0), 0)
    axes = axes_of(x, axis)
    if len(axes) != 1:
        raise ShapeError("takes one axis", name=op.name, axis=axis)
    if any(d == 0 for d in x.shape):
        return x  # nothing, of the same shape
    return make(op, (x,), (axes,))


# --- variance ---------------------------------------------------------------------------------------------


def var(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Expr:
    """Return the variance over the given axes: 1/n Σ (x − x̄)², or 1/(n − ddof)."""
    x = constant(x)
    if (
        isinstance(ddof, bool)
        or not isinstance(ddof, (int, float, Fraction))
        and not hasattr(ddof, "__index__")
    ):
        raise ShapeError("ddof is number taken from number", ddof=ddof)
    squares = power(subtract(x, mean(x, axis, keepdims=True)), 2)
    if not ddof:
        return mean(squares, axis, keepdims)
    count = Dim.of(1)
    for a in axes_of(x, axis):
        count = count * x.shape[a]
    if float(ddof) == int(ddof):
        left: Any = count - int(ddof)
        if left == 0:
            return multiply(math.nan, sum_(squares, axis, keepdims))  # NumPy's 0/0
        rest = size(left)
    else:
        rest = subtract(size(count), ddof)
    return multiply(power(rest, -1), sum_(squares, axis, keepdims))


def std(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Expr:
    """Return the standard deviation over the given axes; where it is 0 its derivative is 0."""
    return sqrt(var(x, axis, ddof, keepdims))
