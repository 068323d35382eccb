"""Formulas as text: from `mean((y - X@b)^2)` to the expression, with every assumption that was made.

Text is data. It is read by a grammar of its own (`grammar`), never by `eval`; its shapes are found by
unification (`infer`); only then are expressions built. So an error is one line, with a mark below its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradwork.expr.node import Expr
from gradwork.formula.declare import Declared, parse_shapes
from gradwork.formula.reading import Reading, read

__all__ = ["Declared", "Reading", "parse", "parse_shapes", "read"]


def parse(
    text: str,
    shapes: str | Mapping[str, Any] | None = None,
    facts: Mapping[str, tuple[str, ...]] | None = None,
    symbols: Mapping[str, Expr] | None = None,
    scalar: bool = False,
) -> Expr:
    """Return the expression that a formula stands for; `read` also says what was assumed.

    text: the formula. shapes: what is declared, as in "X: n d, y: n, S: d d symmetric". facts: words such as
    "positive" by name. symbols: expressions that stand for names. scalar: a number is wanted, so that of two
    readings the one that gives a number is taken. FormulaError (a ValueError) for what cannot be read, with the
    place.

    >>> parse("mean((y - X@b)^2)", shapes="X: n d").ndim
    0
    >>> [str(size) for size in parse("x'A x").symbols["A"].shape]
    ['n', 'n']
    """
    return read(text, shapes, facts, symbols, scalar).expr
