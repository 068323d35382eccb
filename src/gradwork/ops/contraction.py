"""The universal product: a generalised einsum. Sums, products, transposes, broadcasting are all this one node.

    out[o] = Σ  Πᵢ operandᵢ[labelsᵢ]        over every label that is not in o

Labels are integers numbered by first appearance. Coefficients, `ones(n)` and `eye(n)` are ordinary operands.
The derivative by an operand puts the adjoint in the operand's place, with `ones` for a label that only the
operand had and `eye` for one that it repeats (Laue, Mitterreiter, Giesen, AAAI 2020).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from gradwork.errors import ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import EYE, ONES, Expr, constant, make, plain, size
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason

Operand = tuple[Expr, Sequence[Hashable]]


def _shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    labels, out = params
    sizes = label_sizes(args, labels)
    return tuple(sizes[label] for label in out)


def label_sizes(args: Sequence[Expr], labels: Sequence[Sequence[int]]) -> dict:
    """Return the size of each label; raise ShapeError where operands disagree."""
    sizes: dict = {}
    for arg, own in zip(args, labels, strict=True):
        if len(own) != arg.ndim:
            raise ShapeError("labels and axes differ", count=len(own), shape=arg.shape)
        for label, dim in zip(own, arg.shape, strict=True):
            if sizes.setdefault(label, dim) != dim:
                raise ShapeError("sizes and do not meet", sizes=sizes[label], dim=dim)
    return sizes


def _extra(count: int, start: int = 1000) -> tuple[int, ...]:
    return tuple(range(start, start + count))


def _pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr:
    labels, out = node.params
    extra = _extra(g.ndim - len(out))
    own, sizes = labels[i], dict(zip(labels[i], node.args[i].shape, strict=True))
    operands: list[Operand] = [(a, own_) for a, own_ in zip(node.args, labels, strict=True)]
    operands[i] = (g, (*out, *extra))
    present = {label for _, ls in operands for label in ls}
    result: list[int] = []
    for label in own:
        if label in result:
            fresh = 2000 + len(result)
            operands.append((make(EYE, (), (sizes[label],)), (label, fresh)))
            result.append(fresh)
        else:
            if label not in present:
                operands.append((make(ONES, (), (sizes[label],)), (label,)))
            result.append(label)
    return contract(operands, (*result, *extra))


def _pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr:
    labels, out = node.params
    extra = _extra(t.ndim - len(labels[i]))
    operands: list[Operand] = list(zip(node.args, labels, strict=True))
    operands[i] = (t, (*labels[i], *extra))
    return contract(operands, (*out, *extra))


def _reason(node: Expr, i: int) -> Reason:
    # A sum alone passes its adjoint on; beside an operand the other factors stay.
    others = [a for j, a in enumerate(node.args) if j != i and a.op is not ONES]
    return Reason.of("factors stay" if others else "sum passes on", op="contract", node=node, i=i)


CONTRACT = Op(
    "contract",
    shape=_shape,
    pullback=_pullback,
    pushforward=_pushforward,
    law=r"\partial\Big(\sum \prod_i x_i\Big)/\partial x_j = \sum \prod_{i \ne j} x_i",
    reason=_reason,
    linear=True,
    summary="product and sum over any axes",
)


def contract(operands: Iterable[Operand], out: Sequence[Hashable]) -> Expr:
    """Return the contraction of the operands, each with its labels, to the axes `out`.

    >>> from gradwork.expr import matrix, vector
    >>> contract([(matrix("A", "n", "d"), "ij"), (vector("x", "d"), "j")], "i").shape
    (Dim(n),)
    """
    numbers: dict[Hashable, int] = {}
    args, labels = [], []
    for operand, own in operands:
        args.append(plain(operand))
        labels.append(tuple(numbers.setdefault(label, len(numbers)) for label in own))
    return make(CONTRACT, tuple(args), (tuple(labels), tuple(numbers[label] for label in out)))


def ein(pattern: str, *operands: Expr, stack: int = 0) -> Expr:
    """Return a contraction written as `ij,jk*->ik*`; a star stands for any further axes.

    stack: how many leading axes the points stand for, as in `.ij,.jk->.ik`, which multiplies stacks of matrices.
    """
    left, right = pattern.split("->")
    pairs: list[Operand] = []
    extra: tuple = ()
    front = tuple(("stack", i) for i in range(stack))

    def labels(text: str) -> tuple:
        return (*(front if text.startswith(".") else ()), *text.strip(".*"))

    for text, operand in zip(left.split(","), operands, strict=True):
        own = labels(text)
        if text.endswith("*"):
            extra = _extra(operand.ndim - len(own))
            own = (*own, *extra)
        pairs.append((operand, own))
    return contract(pairs, (*labels(right), *extra) if right.endswith("*") else labels(right))


def times(d: Expr, g: Expr) -> Expr:
    """Return `d ∘ g` where `d` has the leading axes of `g` (or none)."""
    axes = tuple(range(g.ndim))
    return contract([(g, axes), (d, axes[: d.ndim])], axes)


def spread(x: Expr, shape: Sequence[Dim]) -> Expr:
    """Return `x` repeated along further trailing axes up to `shape`."""
    if x.ndim == len(shape):
        return x
    axes = tuple(range(len(shape)))
    new = [(make(ONES, (), (shape[a],)), (a,)) for a in axes[x.ndim :]]
    return contract([(x, axes[: x.ndim]), *new], axes)


def filled(value: Any, shape: Sequence[Dim]) -> Expr:
    """Return an array of the given shape filled with one number."""
    return spread(constant(value), tuple(shape))


def split(node: Expr) -> list[tuple[Expr, tuple[int, ...]]]:
    """Return the operands of a contraction with their labels."""
    return list(zip(node.args, node.params[0], strict=True))


# --- what NumPy calls broadcasting ------------------------------------------------------------------------


def common_shape(*shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the shape that the given shapes broadcast to, by NumPy's rule."""
    rank = max(map(len, shapes))
    result = []
    for axis in range(-rank, 0):
        met = [s[axis] for s in shapes if len(s) >= -axis]
        wide = [d for d in met if d != 1]
        if any(d != wide[0] for d in wide):
            raise ShapeError("these shapes do not meet", shape_text=[shape_text(s) for s in shapes])
        result.append(wide[0] if wide else Dim.of(1))
    return tuple(result)


def _aligned(x: Expr, shape: tuple[Dim, ...]) -> tuple[tuple, list[int]]:
    # The labels of x within `shape`, with private labels (summed) for axes of size 1 that are stretched.
    offset = len(shape) - x.ndim
    own: list = []
    covered = []
    for axis, dim in enumerate(x.shape):
        if dim == shape[offset + axis]:
            own.append(offset + axis)
            covered.append(offset + axis)
        else:
            own.append(("stretched", id(x), axis))
    return tuple(own), covered


def broadcast(x: Expr, shape: tuple[Dim, ...]) -> Expr:
    """Return `x` broadcast to `shape` by NumPy's rule."""
    if x.shape == shape:
        return x
    if common_shape(x.shape, shape) != shape:
        raise ShapeError("shape does not broadcast", shape=x.shape, shape2=shape)
    own, covered = _aligned(x, shape)
    missing = [axis for axis in range(len(shape)) if axis not in covered]
    return contract(
        [(x, own), *((make(ONES, (), (shape[a],)), (a,)) for a in missing)], tuple(range(len(shape)))
    )


def multiply(*factors: Any) -> Expr:
    """Return the elementwise product, broadcast by NumPy's rule.

    ∂(x ∘ y)/∂x = g ∘ y
    """
    xs = [constant(f) for f in factors]
    shape = common_shape(*(x.shape for x in xs))
    operands, covered = [], set()
    for x in xs:
        own, seen = _aligned(x, shape)
        operands.append((x, own))
        covered |= set(seen)
    operands += [(make(ONES, (), (shape[a],)), (a,)) for a in range(len(shape)) if a not in covered]
    return contract(operands, tuple(range(len(shape))))


def negative(x: Any) -> Expr:
    """Return −x."""
    return multiply(-1, x)


def matmul(a: Any, b: Any) -> Expr:
    """Return the matrix product by NumPy's rule (vectors and stacks of matrices included)."""
    a, b = constant(a), constant(b)
    if not a.ndim or not b.ndim:
        raise ShapeError("scalar cannot be multiplied")
    inner_a, inner_b = a.shape[-1], b.shape[-2 if b.ndim > 1 else 0]
    if inner_a != inner_b:
        raise ShapeError(
            "these cannot be multiplied", shape=a.shape, b_shape=b.shape, inner_a=inner_a, inner_b=inner_b
        )
    stack_a, stack_b = a.shape[:-2], b.shape[:-2]
    stack = common_shape(stack_a, stack_b)

    def front(own: tuple[Dim, ...], side: str) -> tuple:
        # An axis of size 1 beside a longer one is stretched: it has a label of its own, which is summed.
        first = len(stack) - len(own)
        return tuple(("batch" if d == stack[first + i] else side, first + i) for i, d in enumerate(own))

    row, column = (("row",) if a.ndim > 1 else ()), (("column",) if b.ndim > 1 else ())
    own_a = (*front(stack_a, "left"), *row, "inner")
    own_b = (*front(stack_b, "right"), "inner", *column)
    batch = tuple(("batch", i) for i in range(len(stack)))
    return contract([(a, own_a), (b, own_b)], (*batch, *row, *column))


def axes_of(x: Expr, axis: Any) -> tuple[int, ...]:
    """Return the axes meant by `axis` (None for all) as sorted, non-negative integers."""
    if axis is None:
        return tuple(range(x.ndim))
    chosen = []
    for a in axis if isinstance(axis, (tuple, list)) else (axis,):
        if not hasattr(a, "__index__"):
            raise ShapeError("unknown axis", a=a)
        if not x.ndim and a in (0, -1):
            continue  # NumPy lets the only axis of a number be named
        if not -x.ndim <= a < x.ndim:
            raise ShapeError("axis does not exist in shape", a=a, shape=x.shape)
        chosen.append(a.__index__() % x.ndim)
    if len(set(chosen)) != len(chosen):
        raise ShapeError("axis names axis twice", axis=axis)
    return tuple(sorted(chosen))


def sum_(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the sum over the given axes (all by default).

    ∂Σx/∂x = g 1
    """
    return _sum([], constant(x), axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
    """Return the mean over the given axes (all by default): 1/n Σ x."""
    x = constant(x)
    count = Dim.of(1)
    for a in axes_of(x, axis):
        count = count * x.shape[a]
    from gradwork.ops.arithmetic import power

    # The mean of nothing is not a number, as in NumPy.
    share = constant(math.nan) if count == 0 else power(size(count), -1)
    return _sum([(share, ())], x, axis, keepdims)


def _sum(front: list[Operand], x: Expr, axis: Any, keepdims: bool) -> Expr:
    summed = axes_of(x, axis)
    kept = [a for a in range(x.ndim) if a not in summed]
    operands = [*front, (x, tuple(range(x.ndim)))]
    if not keepdims:
        return contract(operands, kept)
    out: list[Hashable] = []
    for a in range(x.ndim):
        if a in summed:
            operands.append((make(ONES, (), (Dim.of(1),)), (("kept", a),)))
            out.append(("kept", a))
        else:
            out.append(a)
    return contract(operands, out)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Expr:
    """Return `x` with its axes in another order (reversed by default)."""
    x = constant(x)
    if x.ndim < 2 and axes is None:
        return x
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(a % max(x.ndim, 1) for a in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ShapeError("axes are not order of axes", axes=axes, ndim=x.ndim)
    return contract([(x, tuple(range(x.ndim)))], order)


def dot(a: Any, b: Any) -> Expr:
    """Return the inner product aᵀb of two vectors (for matrices the same as `a @ b`)."""
    return matmul(a, b)


def outer(a: Any, b: Any) -> Expr:
    """Return the outer product abᵀ of two vectors."""
    a, b = constant(a), constant(b)
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError("outer takes two vectors", shape=a.shape, b_shape=b.shape)
    return contract([(a, (0,)), (b, (1,))], (0, 1))
