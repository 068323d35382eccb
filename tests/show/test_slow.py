"""The slow derivation: a rule a row, with primes for functions of numbers, adjoint by adjoint for others."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.diff.school import PRIME, school
from gradwork.expr.node import Expr, make, substitute, walk
from gradwork.formula import parse
from gradwork.run import evaluate

POLYNOMIAL = """\
f′(x) = (x²)′ + (2x)′ + (3)′                      sum rule
      = 2x + (2x)′ + (3)′                         power rule, (xᵖ)′ = p xᵖ⁻¹
      = 2x + 2 + (3)′                             a constant factor stays, (c x)′ = c
      = 2x + 2                                    a constant does not change"""

LOGISTIC = """\
f′(x) = −(1 + exp(−x))′/(1 + exp(−x))²            quotient rule, (1/v)′ = −v′/v²
      = −((1)′ + (exp(−x))′)/(1 + exp(−x))²       sum rule
      = −(exp(−x))′/(1 + exp(−x))²                a constant does not change
      = −(−x)′ exp(−x)/(1 + exp(−x))²             chain rule: exp′ = exp, times the derivative of the inside
      = exp(−x)/(1 + exp(−x))²                    a constant factor stays, (c x)′ = c
      = (1 − σ(x)) σ(x)                           with σ(z) = 1/(1 + e⁻ᶻ), and so 1 − σ(z) = e⁻ᶻ/(1 + e⁻ᶻ)"""

PRODUCT = """\
f′(x) = (sin(x))′ cos(x) + (cos(x))′ sin(x)       product rule, (uv)′ = u′v + uv′
      = cos(x)² + (cos(x))′ sin(x)                sin′ = cos
      = cos(x)² − sin(x)²                         cos′ = −sin"""

LEAST_SQUARES = """\
forward       r = y − Xb                          n
              f = 1/n Σ r²                        scalar

backward      ∂f/∂(r²) = 1/n 𝟏                    the other factors stay
              ∂f/∂r = 2/n r                       power rule, (xᵖ)′ = p xᵖ⁻¹
              ∂f/∂(−Xb) = ∂f/∂r                   sum rule: each term gets the whole adjoint
              ∂f/∂(Xb) = −∂f/∂r                   the other factors stay
              ∂f/∂b = −Xᵀ ∂f/∂r                   the other factors of Xb stay, transposed
                    = −2/n Xᵀr                    substitute

∇f(b) = −2/n Xᵀ(y − Xb)                           d"""


@pytest.mark.parametrize(
    ("formula", "by", "expected"),
    [
        ("x^2 + 2x + 3", "x", POLYNOMIAL),
        ("1/(1+exp(-x))", "x", LOGISTIC),
        ("sin(x) cos(x)", "x", PRODUCT),
        ("mean((y - X b)^2)", "b", LEAST_SQUARES),
    ],
)
def test_slow(formula, by, expected):
    assert gw.grad(parse(formula), by).explain(detail="slow") == expected


@pytest.mark.parametrize("style", ["text", "latex", "html", "mathml", "json"])
@pytest.mark.parametrize("formula", ["x^2 exp(x)/(1+x)", "sum(exp(X b)) + b'b"])
def test_slow_in_every_style(formula, style):
    f = parse(formula)
    shown = gw.grad(f, "b" if "b" in f.symbols else "x").derivation.render(style, "slow")
    assert shown and shown.count("{") == shown.count("}")


SCALARS = [
    "x^3 - 4x^2 + x/7 - 2", "(x^2+1)/(x-3)", "1/x", "x^-3", "(x+1)^-2 (x+2)", "sqrt(1 + x^2)", "x^x", "2^x x", "x^a a^x",
    "exp(-x^2/2) sin(3x)", "log(1 + x^2)", "tanh(x) + tan(x)", "sigmoid(2x)^2", "arctan(x)/x", "log(log(x + 3))",
    "cosh(x) - sinh(x)", "x log(x) - x", "abs(x - 1) + max(x, 2)", "where(x > 1, x^2, 2x - 1)", "sin(cos(sin(x)))",
    "softplus(x) relu(x)", "erf(x)", "x^2 y + y^3 x", "exp(x y)/(x + y)", "a x^2 + b x + c", "5", "x", "-x", "x/(1+abs(x))",
    "1/(1+exp(-(a x + b)))", "(exp(x)-exp(-x))/(exp(x)+exp(-x))", "x^2^1.5", "arctan2(x, 2)", "hypot(x, 3)",
]  # fmt: skip


def _filled(line: Expr, at: dict[str, float]) -> float:
    """The value of a line in which derivatives still to be taken are found by differences."""
    found: dict[Expr, Expr] = {}
    for n in walk(line):
        if n.op is PRIME:
            e, x, _ = n.params
            h, k = 1e-6, x.params[0]
            up, down = ({**at, k: at[k] + s * h} for s in (1, -1))
            found[n] = gw.constant((_value(e, up) - _value(e, down)) / (2 * h))
    return _value(substitute(line, found), at)


def _value(e: Expr, at: dict[str, float]) -> float:
    return float(evaluate(e, **{k: v for k, v in at.items() if k in e.symbols}))


@pytest.mark.parametrize("formula", SCALARS)
def test_every_line_of_a_school_derivation_has_the_value_of_the_derivative(formula):
    f = parse(
        formula, ", ".join(f"{s}:" for s in "xyabc" if s in formula.replace("exp", "").replace("abs", ""))
    )
    x = f.symbols.get("x")
    if x is None:
        return
    derivation = gw.grad(f, x).derivation
    at = {"x": 1.37, "y": 0.83, "a": 0.61, "b": -0.4, "c": 2.0}
    expected = _filled(make(PRIME, (), (f, x, True)), at)
    (line,) = school(derivation)
    for phase in line.phases:
        assert phase.replay() is phase.after
        for e in (phase.before, phase.after):
            np.testing.assert_allclose(_filled(e, at), expected, rtol=2e-6, atol=1e-8)
    assert not any(n.op is PRIME for n in walk(line.phases[-1].after))


@pytest.mark.parametrize("seed", range(6))
def test_the_school_derives_whatever_is_made_of_numbers(seed):
    import random

    draw = random.Random(seed)
    x = gw.scalar("x")

    def made(depth: int) -> Expr:
        if depth == 0:
            return draw.choice([x, x, gw.constant(draw.randint(1, 4)), x + draw.randint(1, 3)])
        a, b = made(depth - 1), made(depth - 1)
        return draw.choice(
            [
                a + b,
                a - b,
                a * b,
                a / (2 + b**2),
                gw.sin(a),
                gw.exp(-(b**2)),
                gw.tanh(a),
                a**2,
                gw.log(1 + a**2),
            ]
        )

    for _ in range(8):
        f = gw.constant(made(3))
        if x not in set(walk(f)):
            continue
        expected = _filled(make(PRIME, (), (f, x, True)), {"x": 0.77})
        (line,) = school(gw.grad(f, x).derivation)
        for phase in line.phases:
            np.testing.assert_allclose(_filled(phase.after, {"x": 0.77}), expected, rtol=1e-5, atol=1e-7)
