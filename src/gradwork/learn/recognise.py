"""What the formula proves about a loss: a sum of squares, linear in the parameters, quadratic, smooth.

Nothing is measured here; every answer is read from the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gradwork.diff.api import hessian, jacobian
from gradwork.errors import DerivativeError
from gradwork.expr.node import CONSTANT, Expr, constant, definition, depends, is_zero, walk, zeros
from gradwork.ops.arithmetic import ADD, POWER, add
from gradwork.ops.contraction import CONTRACT, contract, multiply, split
from gradwork.rewrite import normalise


@dataclass(frozen=True)
class Residual:
    """One sum Σ w r²: the residual r, and its weight w (a scalar, or of the leading axes of r)."""

    r: Expr
    weight: Expr


@dataclass(frozen=True)
class Squares:
    """A loss that is Σₖ Σ wₖ rₖ² + constant, or an increasing function of that (`outer`, such as a root)."""

    loss: Expr
    blocks: tuple[Residual, ...]
    constant: Expr
    symbols: tuple[Expr, ...]
    outer: str = ""

    @cached_property
    def jacobians(self) -> tuple[tuple[Expr, ...], ...]:
        """For each residual, its Jacobian by each symbol."""
        return tuple(
            tuple(
                jacobian(b.r, s) if s in _held(b.r) else zeros((*b.r.shape, *s.shape)) for s in self.symbols
            )
            for b in self.blocks
        )

    @cached_property
    def linear(self) -> bool:
        """Whether every residual is linear (affine) in the parameters: no Jacobian holds one."""
        chosen = set(self.symbols)
        return not any(chosen & _held(j) for row in self.jacobians for j in row)


class _NotSquares(Exception):
    pass


def _held(x: Expr) -> set[Expr]:
    return {n for n in walk(x) if n.op.name == "symbol"}


def squares(loss: Expr, symbols: Sequence[Expr]) -> Squares | None:
    """Return a loss as a sum of squares in the parameters, or None if its form does not show one.

    >>> import gradwork as gw
    >>> n, d = gw.dims("n", "d")
    >>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    >>> found = squares(gw.mean((y - X @ b) ** 2) + 0.1 * gw.sum(b**2), [b])
    >>> [str(block.r) for block in found.blocks], found.linear
    (['y − Xb', 'b'], True)
    """
    normal, outer = normalise(loss), ""
    # √ and a positive number in front keep the place of the minimum.
    while True:
        inner = _inside_root(normal)
        if inner is None:
            break
        normal, outer = inner, "root"
    moving = depends(normal, symbols)
    blocks: list[Residual] = []
    rest: list[Expr] = []
    try:
        _collect(normal, constant(1), moving, symbols, blocks, rest)
    except _NotSquares:
        return None
    if not blocks or (outer and rest):
        return None
    left = normalise(add(*rest)) if rest else constant(0)
    return Squares(loss, tuple(blocks), left, tuple(symbols), outer)


def _inside_root(x: Expr) -> Expr | None:
    if x.op.name == "sqrt":
        return x.args[0]
    if x.op is POWER and x.args[1].op is CONSTANT and 0 < float(x.args[1].params[0]) < 1:
        return x.args[0]
    if x.op.name == "norm" and not x.ndim:
        return contract([(make_square(x.args[0]), tuple(range(x.args[0].ndim)))], ())
    return None


def make_square(x: Expr) -> Expr:
    """Return x² elementwise."""
    return x**2


def _collect(
    node: Expr,
    factor: Expr,
    moving: set[Expr],
    symbols: Sequence[Expr],
    blocks: list[Residual],
    rest: list[Expr],
) -> None:
    if node not in moving:
        rest.append(multiply(factor, node))
    elif node.op is ADD and not node.ndim:
        for term in node.args:
            _collect(term, factor, moving, symbols, blocks, rest)
    elif node.op is CONTRACT:
        _product(node, factor, moving, symbols, blocks, rest)
    elif (r := _square(node)) is not None:
        blocks.append(Residual(r, factor))
    else:
        raise _NotSquares


def _square(node: Expr) -> Expr | None:
    # The r of r², and of ‖r‖².
    if node.op is not POWER or node.args[1].op is not CONSTANT or node.args[1].params[0] != 2:
        return None
    base = definition(node.args[0])
    if base.op.name == "norm" and not base.ndim:
        return base.args[0]
    return base if base.op.name != "abs" else base.args[0]


def _product(
    node: Expr,
    factor: Expr,
    moving: set[Expr],
    symbols: Sequence[Expr],
    blocks: list[Residual],
    rest: list[Expr],
) -> None:
    operands = split(node)
    mobile = [(a, own) for a, own in operands if a in moving]
    fixed = [(a, own) for a, own in operands if a not in moving]
    if len(mobile) == 2 and mobile[0] == mobile[1]:
        r, labels = mobile[0]
    elif len(mobile) == 1:
        u, labels = mobile[0]
        if u.op is ADD:
            for term in u.args:
                whole = normalise(contract([*fixed, (term, labels)], ()))
                _collect(whole, factor, depends(whole, symbols), symbols, blocks, rest)
            return
        found = _square(u)
        if found is None:
            raise _NotSquares
        if found.ndim != u.ndim:  # ‖r‖² in a product
            scale = contract(fixed, ()) if fixed else constant(1)
            blocks.append(Residual(found, normalise(multiply(factor, scale))))
            return
        r = found
    else:
        raise _NotSquares
    if len(set(labels)) != len(labels):
        raise _NotSquares
    shared = tuple(label for label in labels if any(label in own for _, own in fixed))
    if shared not in ((), tuple(labels)):
        # A weight by row of a matrix of residuals is spread over its columns.
        fixed = [*fixed, *(_ones(r, labels, label) for label in labels if label not in shared)]
        shared = tuple(labels)
    weight = contract(fixed, shared) if fixed else constant(1)
    blocks.append(Residual(r, normalise(multiply(factor, weight))))


def _ones(r: Expr, labels: tuple, label: int) -> tuple[Expr, tuple]:
    from gradwork.expr.node import ones_vector

    return ones_vector(r.shape[labels.index(label)]), (label,)


def is_quadratic(loss: Expr, symbols: Sequence[Expr]) -> bool:
    """Tell whether the second derivatives hold no parameter, so that the loss is a quadratic form.

    >>> import gradwork as gw
    >>> A, b = gw.matrix("A", "d", "d"), gw.vector("b", "d")
    >>> is_quadratic(b @ A @ b + gw.sum(b), [b]), is_quadratic(gw.sum(gw.exp(b)), [b])
    (True, False)
    """
    try:
        blocks = hessian(loss, list(symbols))
    except DerivativeError:
        return False
    return hold_none([block for row in blocks for block in row], symbols)


def hold_none(blocks: Iterable[Expr], symbols: Sequence[Expr]) -> bool:
    """Tell whether second derivatives hold no parameter, and are not all zero."""
    flat, chosen = list(blocks), set(symbols)
    return not all(is_zero(block) for block in flat) and not any(chosen & _held(block) for block in flat)


def kinks(loss: Expr, symbols: Sequence[Expr]) -> tuple[str, ...]:
    """Return the operations of parameters that have no derivative somewhere, such as abs.

    >>> import gradwork as gw
    >>> b = gw.vector("b", "d")
    >>> kinks(gw.sum(abs(b)), [b])
    ('abs',)
    """
    moving = depends(loss, symbols)
    return tuple(dict.fromkeys(n.op.name for n in walk(loss) if n in moving and n.op.kink))
