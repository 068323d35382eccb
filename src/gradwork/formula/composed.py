"""Functions that a formula knows beside the operations: Γ by its letter, sec, csc, cot, vec."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gradwork.expr.node import Expr
from gradwork.ops import FUNCTIONS

F = FUNCTIONS


def _vec(x: Expr) -> Expr:
    """The columns of a matrix, one below the other."""
    return F["reshape"](x.T, -1) if x.ndim == 2 else x


COMPOSED: dict[str, Callable[..., Any]] = {
    "gamma": F["gamma_function"],
    "sec": lambda x: 1 / F["cos"](x),
    "csc": lambda x: 1 / F["sin"](x),
    "cot": lambda x: F["cos"](x) / F["sin"](x),
    "square": lambda x: x**2,
}


# As it is printed in the derivatives of maxima: 1/2 where both are equal.
COMPOSED["heaviside"] = lambda x: F["where"](F["equal"](x, 0), 0.5, x > 0)


@lru_cache(maxsize=1)
def functions() -> dict[str, Callable[..., Any]]:
    """Return all functions that a formula may call, by name: the operations, and what is made of them."""
    return {**COMPOSED, "vec": _vec, **FUNCTIONS}
