"""Values given as text: x=[.05, .1], k=27, X=[1 2; 3 4]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import FormulaError, GradworkError
from gradwork.formula.equations import levels
from gradwork.formula.lexer import Token, fail, tokenize
from gradwork.formula.reading import read


def parse_values(text: str) -> dict[str, NDArray[np.float64]]:
    """Return the values that a text gives, by name: numbers, vectors and matrices, or formulas of numbers.

    FormulaError for what gives no value, with its place. Nothing in the text is executed.

    >>> {name: value.tolist() for name, value in parse_values("x=[.05, .1], k=27, A=[1 2; 3 4]").items()}
    {'x': [0.05, 0.1], 'k': 27.0, 'A': [[1.0, 2.0], [3.0, 4.0]]}
    """
    tokens = tokenize(text, "text of values")
    depth = levels(tokens)
    signs = [i for i, t in enumerate(tokens) if t.kind == "=" and depth[i] == 0]
    if not signs or signs[0] != 1:
        raise fail(text, "values are given as name=value: x=[1, 2], k=27", _mark(tokens[0]))
    found: dict[str, NDArray[np.float64]] = {}
    for k, sign in enumerate(signs):
        name = tokens[sign - 1]
        if name.kind != "name":
            raise fail(text, "left of '=' stands a name", _mark(name))
        if name.text in found:
            raise fail(text, f"{name.text} is given twice", _mark(name))
        end = signs[k + 1] - 1 if k + 1 < len(signs) else len(tokens) - 1
        while end > sign + 1 and tokens[end - 1].kind in (",", ";"):
            end -= 1
        if end == sign + 1:
            raise fail(text, f"the value of {name.text} is missing", _mark(tokens[sign]))
        found[name.text] = _value(text, name, tokens[sign + 1].start, tokens[end - 1].end)
    return found


def _value(text: str, name: Token, start: int, end: int) -> NDArray[np.float64]:
    try:
        reading = read(text[start:end])
    except FormulaError as error:
        raise fail(text, error.message, (start, end, "^")) from None
    if reading.symbols or reading.sizes:
        message = (
            f"the value of {name.text} is made of numbers; {min([*reading.symbols, *reading.sizes])} has none"
        )
        raise fail(text, message, (start, end, "^"))
    try:
        return np.asarray(reading.expr.evaluate(), dtype=float)
    except GradworkError as error:
        raise fail(text, str(error).splitlines()[0], (start, end, "^")) from None


def _mark(token: Token) -> tuple[int, int, str]:
    return (token.start, token.end, "^")
