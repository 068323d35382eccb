"""Norms of vectors and of matrices, by NumPy's names for them.

    ‖x‖_p = (Σ |xᵢ|^p)^(1/p)        ‖A‖_F = √Σ aᵢⱼ²        ‖A‖₂ = σ₁        ‖A‖_* = Σ σᵢ
    ‖A‖₁ = the largest sum of a column's absolute values, ‖A‖_∞ = that of a row's

Where a norm has no derivative, a subgradient stands: 0 at 0, and shared equally between ties.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.node import Expr, constant, make, number
from gradwork.expr.notation import Call, Fence
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import multiply, power
from gradwork.ops.contraction import axes_of, contract, sum_, transpose
from gradwork.ops.elementwise import absolute, not_equal, reciprocal0, sign, where
from gradwork.ops.reduction import (
    keep,
    max_,
    min_,
    options,
    over,
    reduced,
    weighted_pullback,
    weighted_pushforward,
)
from gradwork.ops.spectra import svdvals


def _norm_weights(y: Expr, node: Expr) -> Expr:
    x, axes = node.args[0], node.params[0]
    labels = tuple(range(x.ndim))
    kept = tuple(a for a in labels if a not in axes)
    return contract([(x, labels), (reciprocal0(y), kept)], labels)


NORM = Op(
    "norm",
    shape=reduced,
    pullback=weighted_pullback(_norm_weights),
    pushforward=weighted_pushforward(_norm_weights),
    code=lambda w, node, args: w.norm(node, args[0]),
    notation=lambda node, args: (
        Call("norm", tuple(args), options(node))
        if options(node)
        else Fence("norm", args[0], "F" if node.args[0].ndim > 1 else "")
    ),
    law=r"\nabla\lVert x \rVert = x / \lVert x \rVert, \quad 0 \text{ at } 0",
    summary="the Euclidean (Frobenius) norm; its derivative at 0 is 0",
    example=(((4, 3),), ((1,),)),
)


def _wide(x: Expr, node: Expr) -> tuple[Expr, tuple[int, ...], tuple[int, ...]]:
    labels = tuple(range(node.args[0].ndim))
    return x, labels, tuple(a for a in labels if a not in node.params[0])


def _power_weights(y: Expr, node: Expr) -> Expr:
    # sign(x) |x|^(p−1)/‖x‖^(p−1)
    x, p = node.args[0], node.params[1]
    size = power(absolute(x), constant(p - 1))
    if p < 1:  # infinitely steep at 0, which is left out
        size = where(not_equal(x, 0), size, 0)
    _, labels, kept = _wide(x, node)
    below = power(reciprocal0(y), constant(p - 1)) if p > 1 else power(y, constant(1 - p))
    return contract([(multiply(sign(x), size), labels), (below, kept)], labels)


# params: (axes, p)
POWER_NORM = Op(
    "power_norm",
    shape=reduced,
    pullback=weighted_pullback(_power_weights),
    pushforward=weighted_pushforward(_power_weights),
    code=lambda w, node, args: w.helper("power_norm", args, _plain(node.params[1]), node.params[0]),
    notation=lambda node, args: (
        Call("vector_norm", tuple(args), (("ord", _plain(node.params[1])), *options(node)))
        if options(node)
        else Fence("norm", args[0], _plain(node.params[1]))
    ),
    law=r"\partial\lVert x \rVert_p/\partial x_i = \operatorname{sign}(x_i)\,|x_i|^{p-1}/\lVert x \rVert_p^{p-1}",
    analytic=False,
    domain=((0.3, 2),),
    summary="the p-norm (sum |x|^p)^(1/p)",
    example=(((4, 3),), ((1,), Fraction(3))),
)


def _plain(p: Fraction | float) -> str:
    return str(p.numerator) if isinstance(p, Fraction) else repr(p)


def _order(ord: Any) -> Any:
    # inf and -inf may be written as words.
    if isinstance(ord, str) and ord.lstrip("+-") in ("inf", "oo"):
        return -math.inf if ord.startswith("-") else math.inf
    return ord


def vector_norm(x: Any, ord: Any = 2, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the norm of the components over the given axes (all by default), whatever their arrangement.

    ord: 2 for √Σx², 1 for Σ|x|, any p for (Σ|x|^p)^(1/p), inf and -inf for the largest and smallest |x|, 0 for the
    number of components that are not 0.

    >>> vector_norm([3.0, -4.0]).evaluate(), vector_norm([3.0, -4.0], 1).evaluate()
    (5.0, 7.0)
    """
    x, ord = constant(x), _order(ord)
    if (
        isinstance(ord, (bool, str))
        or not isinstance(ord, (int, float, Fraction))
        and not hasattr(ord, "__index__")
    ):
        raise ShapeError("order of vector's norm is number", ord=ord)
    if math.isnan(ord):
        raise ShapeError("order of vector's norm is number inf")
    axes = axes_of(x, axis)
    if not axes:
        return absolute(x) if ord else not_equal(x, 0)
    if ord == 2:
        return over(NORM, x, axis, keepdims)
    if ord in (math.inf, -math.inf):
        return (max_ if ord > 0 else min_)(absolute(x), axis, keepdims)
    if ord in (0, 1):
        return sum_(absolute(x) if ord else not_equal(x, 0), axis, keepdims)
    return keep(make(POWER_NORM, (x,), (axes, number(ord))), axes, keepdims, x.ndim)


_MATRIX = 'None, "fro", "nuc", 1, -1, 2, -2, inf and -inf'


def matrix_norm(x: Any, ord: Any = "fro", axis: Any = (-2, -1), keepdims: bool = False) -> Expr:
    """Return the norm of a matrix, or of each of a stack: "fro" √Σa², "nuc" Σσ, 2 the largest and -2 the smallest σ.

    ord: 1 and -1 are the largest and smallest sum of |a| down a column, inf and -inf along a row. σ are singular
    values.

    >>> matrix_norm([[1.0, 2.0], [3.0, 4.0]], 1).evaluate()
    6.0
    """
    x, ord = constant(x), _order(ord)
    chosen = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if x.ndim < 2 or len(chosen) != 2:
        raise ShapeError("norm of matrix needs two axes", shape=x.shape, axis=axis)
    (row,), (column,) = axes_of(x, chosen[0]), axes_of(x, chosen[1])
    if row == column:
        raise ShapeError("norm of matrix needs two different", axis=axis)
    if ord in ("fro", "F", None):
        return over(NORM, x, (row, column), keepdims)
    kept = [a for a in range(x.ndim) if a not in (row, column)]
    turned = x if [*kept, row, column] == list(range(x.ndim)) else transpose(x, (*kept, row, column))
    if ord in ("nuc", "*"):
        result = sum_(svdvals(turned), -1)
    elif isinstance(ord, (bool, str)) or ord not in (1, -1, 2, -2, math.inf, -math.inf):
        raise ShapeError("matrix has norms", _matrix=_MATRIX, ord=ord)
    else:
        extreme = max_ if ord > 0 else min_
        if abs(ord) == 2:
            result = extreme(svdvals(turned), -1)
        else:
            result = extreme(sum_(absolute(turned), -2 if abs(ord) == 1 else -1), -1)
    return keep(result, tuple(sorted((row, column))), keepdims, x.ndim)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return a norm by NumPy's rule: over one axis (or of a vector) `vector_norm`, over two `matrix_norm`.

    ord: None is √Σx² over all the axes. So norm(A, 2) of a matrix is its largest singular value, norm(A, 1) its
    largest column sum; `vector_norm(A, 1)` is Σ|a|.

    >>> norm([[3.0, 0.0], [0.0, 4.0]]).evaluate(), norm([[3.0, 0.0], [0.0, 4.0]], 2).evaluate()
    (5.0, 4.0)
    """
    x, ord = constant(x), _order(ord)
    if ord is None or (ord in ("fro", "F") and axis is None):
        return vector_norm(x, 2, axis, keepdims)
    if axis is None and x.ndim > 2:
        raise ShapeError("norm of order of needs one", ord=ord, shape=x.shape)
    count = x.ndim if axis is None else len(axis) if isinstance(axis, (tuple, list)) else 1
    if count == 2:
        return matrix_norm(x, ord, (0, 1) if axis is None else axis, keepdims)
    if count > 2:
        raise ShapeError("norm takes one axis or two", axis=axis)
    if ord in ("fro", "F"):
        ord = 2
    return vector_norm(x, ord, axis, keepdims)


__all__ = ["NORM", "POWER_NORM", "matrix_norm", "norm", "vector_norm"]
