"""Distribution functions and quantiles of the normal and of Student's t distribution.

    φ(x) = e^(−x²/2)/√(2π)        t_ν(x) = Γ((ν + 1)/2)/(Γ(ν/2) √(νπ)) (1 + x²/ν)^(−(ν + 1)/2)

A distribution function has its density as derivative, a quantile function the reciprocal of the density there.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gradwork.errors import DerivativeError
from gradwork.expr.node import Expr, constant
from gradwork.ops.arithmetic import add, divide, multiply, power, subtract
from gradwork.ops.elementwise import binary, exp, lgamma, log, log1p, pi, unary
from gradwork.ops.elementwise import log_normal_cdf as normal_logcdf

# --- normal -----------------------------------------------------------------------------------------------


def normal_logpdf(x: Any) -> Expr:
    """Return log φ(x) = −x²/2 − ½ log 2π, elementwise."""
    return subtract(multiply(constant(-1) / 2, power(x, 2)), multiply(constant(1) / 2, log(multiply(2, pi))))


def normal_pdf(x: Any) -> Expr:
    """Return the standard normal density φ(x) = e^(−x²/2)/√(2π), elementwise."""
    return multiply(power(multiply(2, pi), constant(-1) / 2), exp(multiply(constant(-1) / 2, power(x, 2))))


normal_ppf = unary(
    "normal_ppf",
    lambda p, y: multiply(
        power(multiply(2, pi), constant(1) / 2), exp(multiply(constant(1) / 2, power(y, 2)))
    ),
    "the quantile function of the standard normal distribution",
    law=r"(\Phi^{-1})'(p) = 1/\varphi(\Phi^{-1}(p))",
    code="special.ndtri({0})",
    latex=r"\Phi^{-1}",
    unicode="Φ⁻¹",
    analytic=False,
    domain=((0.05, 0.95),),
)

# --- Student's t ------------------------------------------------------------------------------------------


def t_logpdf(x: Any, df: Any) -> Expr:
    """Return the logarithm of the density of Student's t distribution with df degrees of freedom, elementwise."""
    half = constant(1) / 2
    front = subtract(lgamma(multiply(half, add(df, 1))), lgamma(multiply(half, df)))
    tail = multiply(half, add(df, 1), log1p(divide(power(x, 2), df)))
    return subtract(front, add(multiply(half, log(multiply(df, pi))), tail))


def t_pdf(x: Any, df: Any) -> Expr:
    """Return the density of Student's t distribution with df degrees of freedom, elementwise."""
    return exp(t_logpdf(x, df))


def _by_freedom(name: str) -> Any:
    def refuse(*_: Any) -> NoReturn:
        raise DerivativeError("has no derivative by its degrees", name=name)

    return refuse


t_cdf = binary(
    "t_cdf",
    (lambda y, x, df: t_pdf(x, df), _by_freedom("t_cdf")),
    "the distribution function of Student's t at x, with df degrees of freedom",
    code="special.stdtr({1}, {0})",
    targets={
        "jax": lambda w, node, args: w.helper("t_cdf", args),
        "torch": lambda w, node, args: w.helper("t_cdf", args),
    },
    law=(
        r"\partial F_\nu(x)/\partial x ="
        r" \tfrac{\Gamma((\nu+1)/2)}{\Gamma(\nu/2)\sqrt{\nu\pi}}\,(1 + x^2/\nu)^{-(\nu+1)/2}"
    ),
    analytic=False,
    domain=((-2, 2), (2, 9)),
    example=(((3,), (3,)), (), "first"),
)

t_ppf = binary(
    "t_ppf",
    (lambda y, p, df: exp(multiply(-1, t_logpdf(y, df))), _by_freedom("t_ppf")),
    "the quantile function of Student's t at p, with df degrees of freedom",
    code="special.stdtrit({1}, {0})",
    targets={
        "jax": lambda w, node, args: w.helper("t_ppf", args),
        "torch": lambda w, node, args: w.helper("t_ppf", args),
    },
    law=r"\partial F_\nu^{-1}(p)/\partial p = 1/t_\nu(F_\nu^{-1}(p))",
    analytic=False,
    domain=((0.05, 0.95), (2, 9)),
    example=(((3,), (3,)), (), "first"),
)


def t_logcdf(x: Any, df: Any) -> Expr:
    """Return the logarithm of the distribution function of Student's t, elementwise."""
    return log(t_cdf(x, df))


__all__ = [
    "normal_logcdf",
    "normal_logpdf",
    "normal_pdf",
    "normal_ppf",
    "t_cdf",
    "t_logcdf",
    "t_logpdf",
    "t_pdf",
    "t_ppf",
]
