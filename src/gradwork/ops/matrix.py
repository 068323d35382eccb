"""Matrices by their entries: diagonals, triangles, traces, Kronecker and cross products, powers, index notation.

Everything here works on the last two axes, so that a stack of matrices (… × n × m) is as good as one.
"""

from __future__ import annotations

import re
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim, smaller
from gradwork.expr.node import EYE, Expr, constant, make
from gradwork.expr.notation import Call
from gradwork.expr.op import Op
from gradwork.ops.contraction import axes_of, broadcast, common_shape, contract, filled, matmul, spread

# --- diagonals --------------------------------------------------------------------------------------------


def whole(value: Any, what: str) -> int:
    """Return a whole number, or raise ShapeError."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ShapeError("is whole number", what=what, value=value)
    return value.__index__()


def _rows_and_columns(x: Expr, offset: int, axis1: int, axis2: int, what: str) -> tuple[Expr, int, int]:
    # The part of x whose two axes are equally long and whose main diagonal is the one wanted.
    from gradwork.ops.indexing import getitem

    if x.ndim < 2:
        raise ShapeError("needs matrix", what=what, shape=x.shape)
    (a,), (b,) = axes_of(x, axis1), axes_of(x, axis2)
    if a == b:
        raise ShapeError("needs two different axes", what=what, axis1=axis1, axis2=axis2)
    rows, columns = x.shape[a] - max(-offset, 0), x.shape[b] - max(offset, 0)
    count = smaller(rows, columns)
    if count.value is not None and count.value < 0:
        count = Dim.of(0)
    index: list = [slice(None)] * x.ndim
    for axis, first in ((a, max(-offset, 0)), (b, max(offset, 0))):
        if first or count != x.shape[axis]:
            size = x.shape[axis].value
            first = first if size is None else min(first, size)
            index[axis] = slice(first, count + first)
    return (getitem(x, tuple(index)) if index.count(slice(None)) < x.ndim else x), a, b


def diagonal(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Expr:
    """Return the diagonal of two axes (the last two by default) as the last axis: xᵢ,ᵢ₊ₖ for offset k.

    >>> diagonal([[1.0, 2, 3], [4, 5, 6]], 1).evaluate().tolist()
    [2.0, 6.0]
    """
    x = constant(x)
    part, a, b = _rows_and_columns(x, whole(offset, "the offset"), axis1, axis2, "diagonal")
    labels = ["d" if axis in (a, b) else axis for axis in range(x.ndim)]
    return contract([(part, labels)], (*(c for c in labels if c != "d"), "d"))


def trace(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Expr:
    """Return the sum of the diagonal, tr(A) = Σ aᵢᵢ, of the last two axes (or of the two given)."""
    x = constant(x)
    part, a, b = _rows_and_columns(x, whole(offset, "the offset"), axis1, axis2, "trace")
    labels = ["d" if axis in (a, b) else axis for axis in range(x.ndim)]
    return contract([(part, labels)], [c for c in labels if c != "d"])


def diag(x: Any, k: int = 0) -> Expr:
    """Return the matrix whose k-th diagonal is a vector, or the k-th diagonal of a matrix.

    k: above the main diagonal where positive, below it where negative.

    >>> diag([1.0, 2.0], k=1).evaluate().tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """
    from gradwork.ops.windows import padded

    x, k = constant(x), whole(k, "k")
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError("diag takes vector or matrix", shape=x.shape)
    square = contract([(x, (0,)), (make(EYE, (), (x.shape[0],)), (0, 1))], (0, 1))
    none, some = Dim.of(0), Dim.of(abs(k))
    return padded(
        square, 0, ((none, some, 0), (some, none, 0)) if k > 0 else ((some, none, 0), (none, some, 0))
    )


# --- triangles --------------------------------------------------------------------------------------------


def _turned(x: Expr, node: Expr) -> Expr:
    return make(TRIANGLE, (x,), node.params)


# What lies on and below (or above) a diagonal of two axes, zeros elsewhere: a projection, and so its own derivative.
# params: (the first of the two axes, k, "lower" or "upper")
TRIANGLE = Op(
    "triangle",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: _turned(g, node),
    pushforward=lambda t, y, node, i: _turned(t, node),
    code=lambda w, node, args: _triangle_code(w, node, args[0]),
    notation=lambda node, args: Call(
        "tril" if node.params[2] == "lower" else "triu",
        tuple(args),
        (("k", str(node.params[1])),) if node.params[1] else (),
    ),
    law=r"\partial\operatorname{tril}(A)/\partial A = \operatorname{tril}(g)",
    linear=True,
    summary="the part of a matrix on one side of a diagonal",
    example=(((2, 4, 3),), (1, -1, "lower")),
)


def _triangle_code(w: Any, node: Expr, value: Any) -> Any:
    axis, k, side = node.params
    name = "np.tril" if side == "lower" else "np.triu"
    if axis == node.ndim - 2:
        return w.call(name, value, **({"k": k} if k else {}))
    order = (*range(axis), *range(axis + 2, node.ndim), axis, axis + 1)
    back = tuple(order.index(a) for a in range(node.ndim))
    turned = w.call(name, w.transposed(value, order), **({"k": k} if k else {}))
    return w.transposed(turned, back)


def _triangle(x: Any, k: int, side: str, name: str) -> Expr:
    x = constant(x)
    if x.ndim < 2:
        raise ShapeError("needs matrix not of matrix", name=name, shape=x.shape)
    return make(TRIANGLE, (x,), (x.ndim - 2, whole(k, "k"), side))


def tril(x: Any, k: int = 0) -> Expr:
    """Return the entries on and below the k-th diagonal, zeros elsewhere.

    ∂tril(A)/∂A = tril(g)
    """
    return _triangle(x, k, "lower", "tril")


def triu(x: Any, k: int = 0) -> Expr:
    """Return the entries on and above the k-th diagonal, zeros elsewhere.

    ∂triu(A)/∂A = triu(g)
    """
    return _triangle(x, k, "upper", "triu")


# --- products ---------------------------------------------------------------------------------------------


def kron(a: Any, b: Any) -> Expr:
    """Return the Kronecker product of two matrices."""
    a, b = constant(a), constant(b)
    if a.ndim != 2 or b.ndim != 2:
        raise ShapeError("kron takes two matrices", shape=a.shape, b_shape=b.shape)
    from gradwork.ops.indexing import reshape

    product = contract([(a, (0, 2)), (b, (1, 3))], (0, 1, 2, 3))
    return reshape(product, a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])


# The derivative of u·(a × b) by a is b × u: it turns round, and is a cross product again. params: (axis,)
CROSS = Op(
    "cross",
    shape=lambda a, p: a[0].shape,
    pullback=lambda g, y, node, i: make(
        CROSS,
        (spread(node.args[1], g.shape), g) if i == 0 else (g, spread(node.args[0], g.shape)),
        node.params,
    ),
    pushforward=lambda t, y, node, i: make(
        CROSS,
        (t, spread(node.args[1], t.shape)) if i == 0 else (spread(node.args[0], t.shape), t),
        node.params,
    ),
    code=lambda w, node, args: w.call("np.cross", *args, axis=node.params[0]),
    notation=lambda node, args: Call(
        "cross", tuple(args), () if node.params[0] == node.ndim - 1 else (("axis", str(node.params[0])),)
    ),
    law=r"\partial\,(u \cdot (a \times b))/\partial a = b \times u, \quad \partial/\partial b = u \times a",
    linear=True,
    domain=((-2, 2), (-2, 2)),
    summary="the cross product of vectors of three components",
    example=(((4, 3), (4, 3)), (1,)),
)


def cross(a: Any, b: Any, axis: int = -1) -> Expr:
    """Return the cross product a × b along an axis of size 3 (the last by default).

    ∂(u·(a × b))/∂a = b × u,  ∂(u·(a × b))/∂b = u × a

    >>> cross([1.0, 0, 0], [0.0, 1, 0]).evaluate().tolist()
    [0.0, 0.0, 1.0]
    """
    a, b = constant(a), constant(b)
    if not a.ndim or not b.ndim:
        raise ShapeError("cross takes vectors of three components")
    shape = common_shape(a.shape, b.shape)
    a, b = broadcast(a, shape), broadcast(b, shape)
    (axis,) = axes_of(a, axis)
    if a.shape[axis] != 3:
        raise ShapeError(
            "cross takes vectors of three components axis", axis=axis, shape=shape, a_shape_axis=a.shape[axis]
        )
    return make(CROSS, (a, b), (axis,))


def matrix_power(a: Any, k: int) -> Expr:
    """Return the matrix power Aᵏ for a whole k (negative k: of the inverse), of each matrix of a stack."""
    a, k = constant(a), whole(k, "the power of a matrix")
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError("matrix power needs square matrix", shape=a.shape)
    if k < 0:
        from gradwork.ops.linalg import inv

        return matrix_power(inv(a), -k)
    if k == 0:
        return broadcast(make(EYE, (), (a.shape[-1],)), a.shape)
    result = a
    for _ in range(k - 1):
        result = matmul(result, a)
    return result


# --- index notation ---------------------------------------------------------------------------------------

_PATTERN = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


def einsum(pattern: str, *operands: Any) -> Expr:
    """Return a sum of products in NumPy's index notation: Σ over every letter that is not after the arrow.

    Without an arrow the letters that occur once remain, in the order of the alphabet; `...` stands for further axes,
    which are broadcast.

    >>> einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]]).evaluate().tolist()
    [[11.0]]
    """
    if not isinstance(pattern, str):
        raise ShapeError("einsum takes its indices first", pattern=pattern)
    xs = [constant(x) for x in operands]
    left, arrow, right = pattern.replace(" ", "").partition("->")
    parts = left.split(",")
    for part in (*parts, right):
        if not _PATTERN.fullmatch(part):
            raise ShapeError("indices of einsum are letters", part=part)
    if len(parts) != len(xs):
        raise ShapeError("einsum is of arrays", pattern=pattern, count=len(parts), xs=len(xs))
    labels = [_labels(part, x, pattern) for part, x in zip(parts, xs, strict=True)]
    wide = max((sum(not isinstance(c, str) for c in own) for own in labels), default=0)
    dots = tuple(range(wide))
    if not arrow:
        flat = [c for own in labels for c in own if isinstance(c, str)]
        right = "..." + "".join(sorted(c for c in set(flat) if flat.count(c) == 1))
    before, _, after = right.partition("...")
    out = (*before, *(dots if "..." in right else ()), *after)
    return _summed(xs, [_shifted(own, wide) for own in labels], out, pattern)


def _labels(part: str, x: Expr, pattern: str) -> tuple:
    before, dots, after = part.partition("...")
    rest = x.ndim - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise ShapeError("einsum names axes", pattern=pattern, count=len(before + after), shape=x.shape)
    return (*before, *range(rest), *after)


def _shifted(own: tuple, wide: int) -> tuple:
    # The axes under ... are aligned from the right, as NumPy broadcasts.
    shift = wide - sum(not isinstance(c, str) for c in own)
    return tuple(c if isinstance(c, str) else c + shift for c in own)


def _summed(xs: list[Expr], labels: list[tuple], out: tuple, pattern: str) -> Expr:
    sizes: dict = {}
    for x, own in zip(xs, labels, strict=True):
        for label, dim in zip(own, x.shape, strict=True):
            if sizes.get(label, 1) != 1 and dim not in (1, sizes[label]):
                raise ShapeError(
                    "sizes and of do not meet", sizes=sizes[label], dim=dim, label=label, pattern=pattern
                )
            sizes[label] = dim if sizes.get(label, 1) == 1 else sizes[label]
    missing = [c for c in out if c not in sizes]
    if missing or len(set(out)) != len(out):
        raise ShapeError("einsum every letter of result stands", pattern=pattern)
    # An axis of size 1 beside a longer one is stretched.
    pairs: list = []
    for n, (x, own) in enumerate(zip(xs, labels, strict=True)):
        pairs.append(
            (x, [c if d == sizes[c] else ("stretched", n, k) for k, (c, d) in enumerate(zip(own, x.shape))])
        )
    held = {c for _, own in pairs for c in own}
    pairs += [(filled(1, (sizes[c],)), (c,)) for c in sizes if c not in held]
    return contract(pairs, out)
