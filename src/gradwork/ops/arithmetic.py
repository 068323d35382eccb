"""Sums, differences, quotients and powers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import ARRAY, CONSTANT, SIZE, Expr, constant, facts, make, zeros
from gradwork.expr.notation import Power
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.contraction import broadcast, common_shape, contract, filled, multiply, times


def same_shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    """Return the shape of an elementwise operation: scalars go with anything, others must be equal."""
    wide = [a.shape for a in args if a.shape]
    if any(s != wide[0] for s in wide):
        raise ShapeError("these shapes do not meet", shape_text=[shape_text(s) for s in wide])
    return wide[0] if wide else ()


def elementwise_pullback(partials: tuple):
    """Return the pullback of an elementwise operation from its partial derivatives (y, *args) -> Expr.

    A guarded adjoint stays guarded: with g = where(c, u, 0) the result is where(c, u ∘ d, 0), so that the
    branch that was not taken never meets an infinite derivative.
    """

    def pullback(g: Expr, y: Expr, node: Expr, i: int) -> Expr | None:
        partial = partials[i](y, *node.args) if partials[i] is not None else None
        if partial is None:
            return None
        return reduce_to(times(constant(partial), g), node, i, g)

    return pullback


def reduce_to(whole: Expr, node: Expr, i: int, g: Expr) -> Expr:
    """Sum an adjoint of the result's shape to the shape of argument i, which may be a scalar."""
    if node.args[i].ndim == node.ndim:
        return whole
    extra = tuple(range(node.ndim, g.ndim))
    return contract([(whole, tuple(range(g.ndim)))], extra)


def elementwise_pushforward(partials: tuple):
    """Return the pushforward of an elementwise operation from its partial derivatives."""

    def pushforward(t: Expr, y: Expr, node: Expr, i: int) -> Expr | None:
        partial = partials[i](y, *node.args) if partials[i] is not None else None
        if partial is None:
            return None
        partial = constant(partial)
        if node.args[i].ndim == node.ndim:
            axes = tuple(range(t.ndim))
            return contract([(partial, axes[: partial.ndim]), (t, axes)], axes)
        # A scalar argument of an array: its tangent (further axes only) meets every component.
        rank = node.ndim
        partial = partial if partial.ndim == rank else filled_like(partial, node)
        extra = tuple(range(rank, rank + t.ndim))
        return contract([(partial, tuple(range(rank))), (t, extra)], (*range(rank), *extra))

    return pushforward


def filled_like(x: Expr, node: Expr) -> Expr:
    """Return a scalar broadcast to the shape of `node`."""
    return broadcast(x, node.shape)


# --- + ----------------------------------------------------------------------------------------------------

ADD = Op(
    "add",
    shape=same_shape,
    pullback=lambda g, y, node, i: reduce_to(g, node, i, g),
    pushforward=lambda t, y, node, i: t,
    law=r"\partial(x + y)/\partial x = 1",
    reason=lambda node, i: Reason.of("sum rule", op="add", node=node, i=i),
    linear=True,
    elementwise=True,
    domain=((-2, 2), (-2, 2)),
    summary="sum",
)


def add(*terms: Any) -> Expr:
    """Return the sum, broadcast by NumPy's rule."""
    xs = [constant(t) for t in terms]
    shape = common_shape(*(x.shape for x in xs))
    return make(ADD, tuple(broadcast(x, shape) for x in xs))


def subtract(a: Any, b: Any) -> Expr:
    """Return a − b, broadcast by NumPy's rule."""
    return add(a, multiply(-1, b))


def total(terms: list[Expr], shape: tuple[Dim, ...]) -> Expr:
    """Return the sum of any number of terms of one shape (zeros for none)."""
    if not terms:
        return zeros(shape)
    return terms[0] if len(terms) == 1 else make(ADD, tuple(terms))


# --- powers -----------------------------------------------------------------------------------------------


def _power_by_base(y: Expr, x: Expr, p: Expr) -> Expr | None:
    if p.op is CONSTANT:
        k = p.params[0]
        if k == 0:
            return None  # x⁰ = 1 everywhere, 0⁰ included
        if k == 1:
            return filled(1, x.shape)
        if k == 2:
            return multiply(2, x)
        return multiply(p, power(x, constant(k - 1)))
    if p.op is ARRAY:
        # Where the exponent is 0 the factor 0 meets x⁰ = 1, never 1/0.
        exponents = p.params[0].array
        return multiply(p, power(x, constant(np.where(exponents == 0, 0, exponents - 1))))
    return multiply(p, power(x, add(p, -1)))


def _power_by_exponent(y: Expr, x: Expr, p: Expr) -> Expr:
    from gradwork.ops.elementwise import log, not_equal, where

    if "positive" in facts(x) or x.op is SIZE or (x.op is CONSTANT and x.params[0] > 0):
        return multiply(y, log(x))
    return where(not_equal(x, 0), multiply(y, log(x)), 0)  # 0ᵖ is taken as flat in p


def _power_reason(node: Expr, i: int) -> Reason:
    p = node.args[1]
    key, law = "power rule", POWER.laws[i]
    if i == 1:
        key = "exponential rule"
    elif p.op is CONSTANT and p.params[0] == -1:
        key, law = "reciprocal rule", r"(1/x)' = -1/x^2"
    return Reason.of(key, law=law, op="power", node=node, i=i)


POWER = Op(
    "power",
    shape=same_shape,
    pullback=elementwise_pullback((_power_by_base, _power_by_exponent)),
    pushforward=elementwise_pushforward((_power_by_base, _power_by_exponent)),
    law=r"(x^p)' = p\,x^{p-1}, \quad \partial x^p/\partial p = x^p \log x",
    laws=(r"(x^p)' = p\,x^{p-1}", r"(a^x)' = a^x \log a"),
    reason=_power_reason,
    code=lambda w, node, args: w.power(node, args),
    notation=lambda node, args: Power(args[0], args[1], elementwise=node.args[0].ndim == 2),
    domain=((0.3, 2.5), (-2, 3)),
    elementwise=True,
    summary="power x^p",
)


def power(x: Any, p: Any) -> Expr:
    """Return xᵖ elementwise. 0⁰ = 1, and x⁰ has the derivative 0 everywhere."""
    x, p = constant(x), constant(p)
    if p.ndim:
        shape = common_shape(x.shape, p.shape)
        x, p = (a if not a.ndim else broadcast(a, shape) for a in (x, p))
    return make(POWER, (x, p))


def divide(a: Any, b: Any) -> Expr:
    """Return a / b, broadcast by NumPy's rule.

    ∂(x/y)/∂x = g/y,  ∂(x/y)/∂y = −g x/y²
    """
    a, b = constant(a), constant(b)
    if b.op is CONSTANT and b.params[0] == 0:
        raise GradworkError("divides by zero", what="0")
    if a.op is CONSTANT and b.op is CONSTANT:
        # 1/2 is a number, not an operation on numbers.
        top, bottom = a.params[0], b.params[0]
        exact = isinstance(top, Fraction) and isinstance(bottom, Fraction)
        return constant(top / bottom if exact else float(top) / float(bottom))
    if b.op is CONSTANT:
        k = b.params[0]
        return multiply(constant(1 / k), a)
    if a.op is CONSTANT and a.params[0] == 1:
        return power(b, -1)
    return multiply(a, power(b, -1))
