"""Whole numbers near a number. All of these are piecewise constant, so their derivative is 0."""

from __future__ import annotations

from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, constant
from gradwork.ops.arithmetic import divide, multiply, power, subtract
from gradwork.ops.elementwise import floor, round_, unary

ceil = unary(
    "ceil",
    None,
    "the smallest whole number not below x",
    law=r"\lceil x \rceil' = 0",
    analytic=False,
    kink=True,
)

trunc = unary(
    "trunc",
    None,
    "the whole part, rounded towards 0",
    law=r"\operatorname{trunc}' = 0",
    analytic=False,
    kink=True,
)


def around(x: Any, decimals: int = 0) -> Expr:
    """Return the nearest number of so many decimals (of whole tens, hundreds … where negative); half goes to even.

    >>> around(2.345, 1).evaluate(), around(1250.0, -2).evaluate()
    (2.3, 1200.0)
    """
    if isinstance(decimals, bool) or not hasattr(decimals, "__index__"):
        raise GradworkError("decimals of round are whole number", decimals=decimals)
    k = decimals.__index__()
    if not k:
        return round_(x)
    scale = power(constant(10), abs(k)) if abs(k) > 22 else constant(10 ** abs(k))
    if k > 0:
        return multiply(round_(multiply(x, scale)), power(scale, -1))
    return multiply(round_(divide(x, scale)), scale)


def mod(x: Any, k: Any) -> Expr:
    """Return x − k ⌊x/k⌋, elementwise."""
    return subtract(x, multiply(k, floor(divide(x, k))))


__all__ = ["around", "ceil", "mod", "trunc"]
