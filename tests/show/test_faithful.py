"""What is printed is never wrong: formulas that are read back have the value of what was printed."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import FormulaError
from gradwork.expr import Expr
from gradwork.formula import parse
from gradwork.show import pretty
from tests.show.interpreter import SHAPES, Maker, evaluate, values

SHAPES_OF_RESULTS = [(), ("n",), ("m",), ("n", "n"), ("n", "m"), ("m", "n"), ("m", "m")]


def random_expressions(seed: int, count: int, depth: int):
    maker = Maker(seed)
    for k in range(count):
        shape = SHAPES_OF_RESULTS[k % len(SHAPES_OF_RESULTS)]
        yield maker.contraction(shape, depth) if k % 3 else maker.array(shape, depth + 1)


def agree(printed: str, expr: Expr, seed: int) -> bool:
    point = values(np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        expected, found = evaluate(expr, point), evaluate(parse(printed, SHAPES), point)
    if expected.shape != found.shape:
        return False
    both = np.isfinite(expected) & np.isfinite(found)
    if np.isfinite(expected).sum() != both.sum():
        return False
    scale = np.abs(expected[both]).max(initial=1e-12)
    return bool(np.all(np.abs(expected - found)[both] <= 1e-9 * scale))


def check(seed: int, count: int, depth: int) -> None:
    read = 0
    for k, expr in enumerate(random_expressions(seed, count, depth)):
        text = pretty(expr, "text", mean=bool(k % 2))
        if "einsum" in text or len(text) > 3000:
            continue
        read += 1
        assert agree(text, expr, k), f"seed {seed}, number {k}: {text}\n{pretty(expr)}"
    assert read > count * 0.7, f"only {read} of {count} could be read back"


@pytest.mark.parametrize("seed", range(4))
def test_text_of_products_reads_back(seed):
    check(seed, 150, depth=0)


@pytest.mark.parametrize("seed", range(4))
def test_text_of_nested_expressions_reads_back(seed):
    check(100 + seed, 100, depth=2)


def test_unicode_reads_back_where_the_formula_language_has_its_signs():
    read = 0
    for k, expr in enumerate(random_expressions(7, 400, 1)):
        shown = pretty(expr)
        if any(sign in shown for sign in ("1ᵀ", "Σᵢ", "]ᵢ", "Σ₍", "^∘", "ones")) or _holds_ones(expr):
            continue
        try:
            same = agree(shown, expr, k)
        except FormulaError as error:
            raise AssertionError(f"{shown}: {error}") from error
        read += 1
        assert same, f"number {k}: {shown}"
    assert read > 100


def _holds_ones(expr: Expr) -> bool:
    from gradwork.expr.node import walk

    return "I" in pretty(expr) or "ones" in pretty(expr, "text") or any(n.op.name == "ones" for n in walk(expr))
