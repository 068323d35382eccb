"""What is printed is never wrong: formulas that are read back have the value of what was printed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gradwork.expr import Expr
from gradwork.expr.node import walk
from gradwork.formula import parse
from gradwork.ops.contraction import contract
from gradwork.show import pretty
from tests.show.interpreter import SHAPES, Maker, evaluate, symbols, values

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
        # The vector of ones, I and elementwise powers of square matrices are signs for people only.
        if (
            "^∘" in shown
            or any(n.op.name in ("ones", "eye") for n in walk(expr))
            or "ones" in pretty(expr, "text")
        ):
            continue
        read += 1
        assert agree(shown, expr, k), f"number {k}: {shown}"
    assert read > 100


STARS = [
    # what matrices cannot say: three matrices on one summed label, a cycle through every pair, three free axes
    ([("C", "ka"), ("D", "kb"), ("D", "kc"), ("G", "ab"), ("G", "bc"), ("G", "ca")], ""),
    ([("C", "ki"), ("D", "kj"), ("C", "kl"), ("G", "jl"), ("G", "il")], "ij"),
    ([("a", "i"), ("u", "j"), ("b", "k")], "ijk"),
    ([("C", "ia"), ("D", "ib"), ("x", ""), ("a", "i")], "iba"),
]


@pytest.mark.parametrize(("operands", "out"), STARS, ids=str)
def test_what_needs_indices_is_an_einsum_of_the_same_value(operands, out):
    expr = contract([(symbols()[name], labels) for name, labels in operands], out)
    point = values(np.random.default_rng(0))
    scalars, pattern, names = re.fullmatch(
        r'(?:(\w)\*)?einsum\("(.*)", (.*)\)', pretty(expr, "text")
    ).groups()
    found = np.einsum(pattern, *(point[name] for name in names.split(", "))) * point.get(scalars, 1.0)
    np.testing.assert_allclose(found, evaluate(expr, point), rtol=1e-12)
    shown = pretty(expr)
    assert shown.endswith("]" + "ᵢⱼₖ"[: len(out)]) if out else shown.startswith("Σᵢⱼₖₗ ")
