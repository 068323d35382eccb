"""Bounds and positivity: a bounded parameter is a smooth function of a free one, which is what is learned.

    p > 0            p = exp(u)                         u = log p
    p > lo           p = lo + exp(u)
    p < hi           p = hi − exp(u)
    lo < p < hi      p = lo + (hi − lo) sigmoid(u)
    P symmetric      P = (U + Uᵀ)/2
    P diagonal       P = diag(u)

The formula is rewritten in the free symbol before it is derived, so that solvers know of no bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, facts, symbol
from gradwork.ops.contraction import transpose
from gradwork.ops.elementwise import exp, sigmoid
from gradwork.ops.matrix import diag

Array = NDArray[Any]


@dataclass(frozen=True)
class Transform:
    """How a parameter is made from a free symbol.

    `expression` is the parameter in terms of `free`; `forward` and `backward` are the same for numbers. The
    identity has `free` is `parameter`. `said` is what a report says of it; `low` and `high` are the bounds.
    """

    parameter: Expr
    free: Expr
    expression: Expr
    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]
    said: str = ""
    low: float = -math.inf
    high: float = math.inf

    @property
    def identity(self) -> bool:
        """Whether the parameter itself is free."""
        return self.free is self.parameter


def _same(x: Array) -> Array:
    return x


def _sigmoid(u: Array) -> Array:
    # exp of a negative number only, so that nothing overflows
    e = np.exp(-np.abs(u))
    return np.where(u >= 0, 1 / (1 + e), e / (1 + e))


def transform(parameter: Expr, bounds: Any, taken: set[str]) -> Transform:
    """Return the transform of a parameter: by its bounds (lo, hi), else by the facts declared of it.

    None, or ±∞, in a bound means that there is none. Raises GradworkError for bounds that are not lo < hi,
    and for a parameter that is declared integer, onehot or orthogonal.

    >>> from gradwork.expr import scalar
    >>> t = transform(scalar("s", positive=True), None, set())
    >>> t.free.params[0], float(t.forward(np.array(0.0)))
    ('log_s', 1.0)
    """
    name, declared = parameter.params[0], facts(parameter)
    for fact in ("integer", "onehot", "orthogonal"):
        if fact in declared:
            raise GradworkError("declared fact cannot be learned", name=name, fact=fact)
    low, high = _bounds(name, bounds, "positive" in declared)
    if "diagonal" in declared or "symmetric" in declared:
        if bounds is not None or "positive" in declared:
            raise GradworkError("matrix takes no bounds", name=name, declared=sorted(declared)[0])
        return _structured(parameter, declared, taken)
    if low == -math.inf and high == math.inf:
        return Transform(parameter, parameter, parameter, _same, _same)
    prefix = "log" if math.inf in (-low, high) else "logit"
    free = symbol(_free_name(f"{prefix}_{name}", taken), parameter.shape)
    if high == math.inf:
        text = f"{name} > {low:g}" if low else f"{name} > 0"
        return Transform(
            parameter, free, exp(free) + low if low else exp(free),
            lambda u: low + np.exp(u), lambda p: np.log(_inside(name, p, low, high) - low), text, low, high,
        )  # fmt: skip
    if low == -math.inf:
        return Transform(
            parameter, free, high - exp(free),
            lambda u: high - np.exp(u), lambda p: np.log(high - _inside(name, p, low, high)), f"{name} < {high:g}",
            low, high,
        )  # fmt: skip
    width = high - low

    def backward(p: Array) -> Array:
        p = _inside(name, p, low, high)
        return np.log(p - low) - np.log(high - p)

    expression = width * sigmoid(free) + low if low else width * sigmoid(free)
    if width == 1 and not low:
        expression = sigmoid(free)
    said = f"{low:g} < {name} < {high:g}"
    return Transform(
        parameter, free, expression, lambda u: low + width * _sigmoid(u), backward, said, low, high
    )


def _bounds(name: str, bounds: Any, positive: bool) -> tuple[float, float]:
    if bounds is None:
        return (0.0, math.inf) if positive else (-math.inf, math.inf)
    try:
        low, high = bounds
        low = -math.inf if low is None else float(low)
        high = math.inf if high is None else float(high)
    except (TypeError, ValueError) as error:
        raise GradworkError("bounds not a pair", name=name, bounds=bounds) from error
    if positive:
        low = max(low, 0.0)
    if not low < high:
        raise GradworkError("bounds leave nothing", name=name, low=low, high=high)
    return low, high


def _inside(name: str, p: Array, low: float, high: float) -> Array:
    if not ((p > low) & (p < high)).all():
        wrong = float(np.asarray(p)[~((p > low) & (p < high))].ravel()[0])
        raise GradworkError("start outside its bounds", name=name, wrong=wrong, low=low, high=high)
    return p


def _structured(parameter: Expr, declared: frozenset[str], taken: set[str]) -> Transform:
    name = parameter.params[0]
    if "diagonal" in declared:
        free = symbol(_free_name(f"diag_{name}", taken), parameter.shape[:1])
        return Transform(parameter, free, diag(free), np.diag, np.diag, f"{name} is diagonal")
    free = symbol(_free_name(f"free_{name}", taken), parameter.shape)
    half = lambda U: (U + U.T) / 2
    return Transform(parameter, free, (free + transpose(free)) / 2, half, half, f"{name} is symmetric")


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
