"""Expressions as people write them: Unicode, LaTeX, MathML, and text that the formula language reads.

Renderers only read: nothing here computes or simplifies.
"""

from __future__ import annotations

from gradwork.expr.node import METHODS, Expr
from gradwork.expr.notation import Math
from gradwork.show.build import Builder
from gradwork.show.latex import LATEX, Latex
from gradwork.show.mathml import MATHML, MathML, math_element
from gradwork.show.printer import Printer
from gradwork.show.text import TEXT, Text
from gradwork.show.unicode import UNICODE, Unicode
from gradwork.show.whole import text, whole

STYLES = {"unicode": UNICODE, "latex": LATEX, "text": TEXT, "mathml": MATHML}
_ALPHABETS: dict[str, type[Printer]] = {"unicode": Unicode, "latex": Latex, "text": Text, "mathml": MathML}


def alphabet(style: str, loss: str = "f") -> Printer:
    """Return the alphabet of a style, in which a scalar function is called `loss`."""
    return STYLES[style] if loss == "f" else _ALPHABETS[style](loss)


def math(expr: Expr, mean: bool = True) -> Math:
    """Return an expression as written mathematics, in no alphabet yet.

    mean: write 1/n Σ x as mean(x) where that is exactly what stands there.
    """
    return Builder(mean).math(expr)


def pretty(expr: Expr, style: str = "unicode", mean: bool = True) -> str:
    """Return an expression as text in a style: "unicode", "latex", "text" or "mathml".

    >>> from gradwork.expr import matrix, vector
    >>> from gradwork.ops import contraction, arithmetic
    >>> X, y, b = matrix("X", "n", "d"), vector("y", "n"), vector("b", "d")
    >>> f = contraction.mean((y - X @ b) ** 2)
    >>> print(pretty(f), pretty(f, mean=False), pretty(f, "text"), sep="   ")
    mean((y − Xb)²)   1/n Σ (y − Xb)²   mean((y - X@b)^2)
    """
    spelled = STYLES[style].spell(math(expr, mean))
    return math_element(spelled) if style == "mathml" else spelled


def mathml(expr: Expr, mean: bool = True) -> str:
    """Return an expression as MathML."""
    return pretty(expr, "mathml", mean)


METHODS.update(
    math=math,
    unicode=lambda expr, **options: pretty(expr, "unicode", **options),
    latex=lambda expr, **options: pretty(expr, "latex", **options),
    text=text,
    mathml=mathml,
    whole=whole,
)

__all__ = ["STYLES", "Builder", "alphabet", "math", "mathml", "pretty", "whole"]
