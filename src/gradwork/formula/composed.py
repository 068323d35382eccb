"""Functions that a formula knows and that are made of others: k!, binom(n, k), log₂, φ, vec."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gradwork.expr.node import Expr
from gradwork.ops import CONSTANTS, FUNCTIONS

F = FUNCTIONS


def _gamma(x: Expr) -> Expr:
    """Γ(x) for x > 0: exp(log Γ(x))."""
    return F["exp"](F["lgamma"](x))


def _factorial(x: Expr) -> Expr:
    """k! = Γ(k + 1)."""
    return _gamma(x + 1)


def _binom(n: Expr, k: Expr) -> Expr:
    """n!/(k! (n − k)!)."""
    return F["exp"](F["lgamma"](n + 1) - F["lgamma"](k + 1) - F["lgamma"](n - k + 1))


def _normal_pdf(x: Expr) -> Expr:
    """φ(x) = exp(−x²/2)/√(2π)."""
    return F["exp"](-(x**2) / 2) / F["sqrt"](2 * CONSTANTS["pi"])


def _vec(x: Expr) -> Expr:
    """The columns of a matrix, one below the other."""
    return F["reshape"](x.T, -1) if x.ndim == 2 else x


COMPOSED: dict[str, Callable[..., Any]] = {
    "gamma": _gamma,
    "factorial": _factorial,
    "binom": _binom,
    "normal_pdf": _normal_pdf,
    "log2": lambda x: F["log"](x) / F["log"](2),
    "log10": lambda x: F["log"](x) / F["log"](10),
    "erfc": lambda x: 1 - F["erf"](x),
    "sec": lambda x: 1 / F["cos"](x),
    "csc": lambda x: 1 / F["sin"](x),
    "cot": lambda x: F["cos"](x) / F["sin"](x),
    "logit": lambda p: F["log"](p / (1 - p)),
    "square": lambda x: x**2,
    "ceil": lambda x: -F["floor"](-x),
}


@lru_cache(maxsize=1)
def functions() -> dict[str, Callable[..., Any]]:
    """Return all functions that a formula may call, by name: the operations, and what is made of them."""
    return {**COMPOSED, "vec": _vec, **FUNCTIONS}
