"""Activations that are written with other functions; the primitive ones are among the elementwise functions."""

from __future__ import annotations

from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, constant
from gradwork.ops.arithmetic import add, divide, multiply, power
from gradwork.ops.elementwise import (
    absolute,
    clip,
    expm1,
    greater,
    normal_cdf,
    pi,
    sigmoid,
    softplus,
    tanh,
    where,
)


def leaky_relu(x: Any, alpha: Any = 0.01) -> Expr:
    """Return x where x > 0, else alpha x, elementwise."""
    x = constant(x)
    return where(greater(x, 0), x, multiply(alpha, x))


def elu(x: Any, alpha: Any = 1) -> Expr:
    """Return x where x > 0, else alpha (e^x - 1), elementwise."""
    x = constant(x)
    return where(greater(x, 0), x, multiply(alpha, expm1(x)))


def swish(x: Any) -> Expr:
    """Return x σ(x), elementwise (PyTorch calls it SiLU)."""
    x = constant(x)
    return multiply(x, sigmoid(x))


def mish(x: Any) -> Expr:
    """Return x tanh(log(1 + eˣ)), elementwise."""
    x = constant(x)
    return multiply(x, tanh(softplus(x)))


def gelu(x: Any, approximate: str = "none") -> Expr:
    """Return x Φ(x), elementwise, or with approximate="tanh" x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    x = constant(x)
    if approximate == "none":
        return multiply(x, normal_cdf(x))
    if approximate != "tanh":
        raise GradworkError("gelu is exact none or approximate", approximate=approximate)
    inner = multiply(power(divide(2, pi), constant(1) / 2), add(x, multiply(0.044715, power(x, 3))))
    return multiply(constant(1) / 2, x, add(1, tanh(inner)))


def hardtanh(x: Any, low: Any = -1, high: Any = 1) -> Expr:
    """Return x held between low and high, elementwise."""
    return clip(x, low, high)


def relu6(x: Any) -> Expr:
    """Return x held between 0 and 6, elementwise."""
    return clip(x, 0, 6)


def hardsigmoid(x: Any) -> Expr:
    """Return x/6 + 1/2 held between 0 and 1, elementwise."""
    return divide(relu6(add(x, 3)), 6)


def hardswish(x: Any) -> Expr:
    """Return x (x/6 + 1/2), the last held between 0 and 1, elementwise."""
    x = constant(x)
    return multiply(x, hardsigmoid(x))


def softsign(x: Any) -> Expr:
    """Return x/(1 + |x|), elementwise."""
    x = constant(x)
    return divide(x, add(1, absolute(x)))


def selu(x: Any) -> Expr:
    """Return 1.0507… times x where x > 0, else times 1.6732… (eˣ − 1), elementwise: it keeps mean 0 and variance 1."""
    return multiply(1.0507009873554805, elu(x, 1.6732632423543772))


__all__ = [
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "mish",
    "relu6",
    "selu",
    "softsign",
    "swish",
]
