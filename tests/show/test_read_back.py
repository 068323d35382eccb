"""What is printed, in each style, is read again with the same value: goldens, the corpus, random expressions."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr import Expr
from gradwork.expr.node import walk
from gradwork.formula import parse, read
from gradwork.show import pretty
from tests.formula.corpus import CORPUS
from tests.golden.test_readable import GRADIENTS, HESSIANS
from tests.show.test_faithful import random_expressions
from tests.show.test_forms import CASES

# Signs that no formula holds: parts put in places, products that leave a factor out, entries of many axes.
SIGNS = (
    "place",
    "product_without",
    "shares",
    "einsum",
    "∂f",
    "partial",
    "df/d",
    "scatter",
    "≠",
    r"\ne ",
    "]ᵢⱼ",
    r"\right]_",
)
SIZES = {"n": 4, "d": 3, "k": 2, "m": 5, "p": 6}


def goldens() -> list[Expr]:
    found = [gw.grad(parse(formula, shapes), by) for formula, shapes, by, _ in GRADIENTS]
    return (
        found + [gw.hessian(parse(formula), by) for formula, by, _ in HESSIANS] + [case[1] for case in CASES]
    )


def corpus() -> list[Expr]:
    found = []
    for formula, _, _ in CORPUS:
        expr = parse(formula)
        found.append(expr)
        if not expr.ndim and expr.symbols:
            found.append(gw.grad(expr, list(expr.symbols)[-1]))
    return found


def nested() -> list[Expr]:
    return list(random_expressions(11, 150, 1))


def sizes_of(expr: Expr) -> set[str]:
    named = {name for node in walk(expr) for dim in node.shape for name in dim.names}
    return named | {name for node in walk(expr) if node.op.name == "size" for name in node.params[0].names}


def value(expr: Expr, numbers: dict[str, int]) -> np.ndarray:
    rng = np.random.default_rng(1)
    given = {}
    for name, symbol in sorted(expr.symbols.items()):
        shape = [dim.evaluate({size: numbers.get(size, 3) for size in dim.names}) for dim in symbol.shape]
        drawn = rng.uniform(0.3, 0.9, shape)
        given[name] = (
            drawn @ drawn.T + np.eye(shape[0]) if len(shape) == 2 and shape[0] == shape[1] else drawn
        )
    with np.errstate(all="ignore"):
        return np.asarray(expr.evaluate(**given))


def same(expr: Expr, found: Expr) -> bool:
    """Tell whether two expressions have one value, where n > d or, if an inverse does not exist there, where n < d."""
    for numbers in (SIZES, {**SIZES, "n": 3, "d": 4}):
        try:
            a, b = value(expr, numbers), value(found, numbers)
        except (gw.GradworkError, np.linalg.LinAlgError):
            continue
        if a.shape == b.shape and np.allclose(a, b, rtol=1e-8, equal_nan=True):
            return True
    return False


def readable(expr: Expr, text: str) -> bool:
    """Tell whether a text is one that a formula can be: no sign of the above, all sizes given by its symbols.

    A vector of ones and I are as large as something beside them says, or nothing does: they are read, not compared.
    """
    from_symbols = {name for s in expr.symbols.values() for dim in s.shape for name in dim.names}
    free = any(word in pretty(expr, "text") for word in ("ones(", "eye("))
    signs = any(sign in text for sign in SIGNS) or re.search(r"\w1/", text)
    return not free and not signs and len(text) < 500 and sizes_of(expr) <= from_symbols | set(expr.symbols)


@pytest.mark.parametrize("style", ["unicode", "latex", "text"])
@pytest.mark.parametrize("source", [goldens, corpus, nested])
def test_what_is_printed_is_read_again(source, style):
    compared, wrong = 0, []
    for printed in source():
        expr = getattr(printed, "twin", printed)
        text = str(expr) if style == "unicode" else pretty(expr, style)
        if not readable(expr, text):
            continue
        try:
            found = read(text, {name: tuple(s.shape) for name, s in expr.symbols.items()}).expr
        except gw.GradworkError as error:
            wrong.append(f"{text}: {str(error).splitlines()[0]}")
            continue
        if set(found.symbols) - set(expr.symbols):
            if style == "unicode":  # names of parts, which the other styles do not define
                wrong.append(f"{text}: {sorted(set(found.symbols) - set(expr.symbols))}")
            continue
        compared += 1
        if set(found.symbols) == set(expr.symbols):
            if not same(expr, found):
                wrong.append(text)
    assert not wrong, "\n".join(wrong)
    assert compared >= 50
