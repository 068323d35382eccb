"""The gamma and beta functions and their relatives, and the complementary error function."""

from __future__ import annotations

from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, constant
from gradwork.ops.arithmetic import add, multiply, power, subtract
from gradwork.ops.elementwise import digamma, exp, lgamma, log, pi, unary

gamma_function = unary(
    "gamma_function",
    lambda x, y: multiply(y, digamma(x)),
    "the gamma function",
    law=r"\Gamma' = \Gamma\,\psi",
    code="special.gamma({0})",
    targets={"torch": lambda w, node, args: w.helper("gamma_function", args)},
    latex=r"\Gamma",
    unicode="Γ",
    domain=((0.4, 4.0),),
)

erfc = unary(
    "erfc",
    lambda x, y: multiply(-2, power(pi, constant(-1) / 2), exp(multiply(-1, power(x, 2)))),
    "1 - erf(x), exact far to the right",
    law=r"\operatorname{erfc}'(x) = -\tfrac{2}{\sqrt\pi}\, e^{-x^2}",
    code="special.erfc({0})",
)

erfinv = unary(
    "erfinv",
    lambda x, y: multiply(constant(1) / 2, power(pi, constant(1) / 2), exp(power(y, 2))),
    "the inverse of the error function",
    law=r"(\operatorname{erf}^{-1})'(x) = \tfrac{\sqrt\pi}{2}\, e^{(\operatorname{erf}^{-1} x)^2}",
    code="special.erfinv({0})",
    latex=r"\operatorname{erf}^{-1}",
    analytic=False,
    domain=((-0.8, 0.8),),
)


def factorial(n: Any) -> Expr:
    """Return n! = Γ(n + 1), elementwise, for numbers that are not whole too.

    >>> factorial(4.0).evaluate()
    24.0
    """
    return gamma_function(add(n, 1))


def betaln(a: Any, b: Any) -> Expr:
    """Return log B(a, b) = log Γ(a) + log Γ(b) − log Γ(a + b), elementwise, for positive a and b."""
    return subtract(add(lgamma(a), lgamma(b)), lgamma(add(a, b)))


def beta_function(a: Any, b: Any) -> Expr:
    """Return the beta function B(a, b) = Γ(a) Γ(b)/Γ(a + b), elementwise, for positive a and b."""
    return exp(betaln(a, b))


def binom(n: Any, k: Any) -> Expr:
    """Return the binomial coefficient n!/(k! (n − k)!), elementwise, for numbers that are not whole too.

    >>> round(binom(5.0, 2.0).evaluate(), 12)
    10.0
    """
    top = lgamma(add(n, 1))
    return exp(subtract(top, add(lgamma(add(k, 1)), lgamma(add(subtract(n, k), 1)))))


def multigammaln(a: Any, d: int) -> Expr:
    """Return the logarithm of the multivariate gamma function: d(d − 1)/4 log π + Σⱼ log Γ(a − j/2), j = 0 … d − 1."""
    if isinstance(d, bool) or not hasattr(d, "__index__") or d < 1:
        raise GradworkError("dimension of multigammaln is whole number", d=d)
    terms = [lgamma(subtract(a, constant(j) / 2)) for j in range(d)]
    front = [multiply(constant(d * (d - 1)) / 4, log(pi))] if d > 1 else []
    return add(*front, *terms)
