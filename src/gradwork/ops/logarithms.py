"""Logarithms to other bases and of sums, and the inverse hyperbolic functions, which are logarithms too."""

from __future__ import annotations

from typing import Any

from gradwork.expr.node import Expr, constant
from gradwork.expr.notation import Call
from gradwork.ops.arithmetic import add, divide, multiply, power, subtract
from gradwork.ops.elementwise import binary, log, log1p, reciprocal0, sigmoid, unary


def _natural(base: int) -> Expr:
    return log(constant(base))


def _based(name: str, below: str, base: int) -> Any:
    return lambda node, args: Call(name, tuple(args), latex=rf"\log_{{{base}}}", unicode=f"log{below}")


log2 = unary(
    "log2",
    lambda x, y: power(multiply(x, _natural(2)), -1),
    "the logarithm to base 2",
    law=r"\log_2'(x) = 1/(x \log 2)",
    notation=_based("log2", "₂", 2),
    domain=((0.2, 3),),
)

log10 = unary(
    "log10",
    lambda x, y: power(multiply(x, _natural(10)), -1),
    "the logarithm to base 10",
    law=r"\log_{10}'(x) = 1/(x \log 10)",
    notation=_based("log10", "₁₀", 10),
    domain=((0.2, 3),),
)


def exp2(x: Any) -> Expr:
    """Return 2ˣ, elementwise."""
    return power(constant(2), x)


logaddexp = binary(
    "logaddexp",
    (lambda y, a, b: sigmoid(subtract(a, b)), lambda y, a, b: sigmoid(subtract(b, a))),
    "log(e^a + e^b) without overflow",
    code="np.logaddexp({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.logaddexp", node, args)},
    law=r"\partial\log(e^a + e^b)/\partial a = \sigma(a - b)",
    domain=((-2, 2), (-2, 2)),
)


def logaddexp2(a: Any, b: Any) -> Expr:
    """Return log₂(2ᵃ + 2ᵇ) without overflow, elementwise."""
    two = _natural(2)
    return divide(logaddexp(multiply(a, two), multiply(b, two)), two)


xlog1py = binary(
    "xlog1py",
    (lambda y, a, b: log1p(b), lambda y, a, b: multiply(a, reciprocal0(add(1, b)))),
    "x log(1 + y), and 0 at x = 0",
    code="special.xlog1py({0}, {1})",
    targets={"torch": lambda w, node, args: w.both_tensors("torch.special.xlog1py", node, args)},
    law=r"\partial(x \log(1 + y))/\partial x = \log(1 + y), \quad \partial/\partial y = x/(1 + y)",
    domain=((0.2, 3), (-0.5, 3)),
)


def logit(p: Any) -> Expr:
    """Return log(p/(1 − p)), the inverse of the logistic function, elementwise."""
    p = constant(p)
    return subtract(log(p), log1p(multiply(-1, p)))


# --- inverse hyperbolic functions -------------------------------------------------------------------------

asinh = unary(
    "asinh",
    lambda x, y: power(add(1, power(x, 2)), constant(-1) / 2),
    "the inverse of the hyperbolic sine",
    law=r"\operatorname{arsinh}'(x) = 1/\sqrt{x^2 + 1}",
    code="np.arcsinh({0})",
    latex=r"\operatorname{arsinh}",
    unicode="arsinh",
    domain=((-0.9, 0.9),),
)

acosh = unary(
    "acosh",
    lambda x, y: power(subtract(power(x, 2), 1), constant(-1) / 2),
    "the inverse of the hyperbolic cosine, for x ≥ 1",
    law=r"\operatorname{arcosh}'(x) = 1/\sqrt{x^2 - 1}",
    code="np.arccosh({0})",
    latex=r"\operatorname{arcosh}",
    unicode="arcosh",
    domain=((1.3, 3),),
)

atanh = unary(
    "atanh",
    lambda x, y: power(subtract(1, power(x, 2)), -1),
    "the inverse of the hyperbolic tangent",
    law=r"\operatorname{artanh}'(x) = 1/(1 - x^2)",
    code="np.arctanh({0})",
    latex=r"\operatorname{artanh}",
    unicode="artanh",
    domain=((-0.7, 0.7),),
)
