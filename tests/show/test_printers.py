"""Printing is total: every operation, every size, every depth; and its LaTeX is whole."""

from __future__ import annotations

import doctest
import importlib
import time
from xml.etree import ElementTree

import pytest

from gradwork.expr import Expr, constant, matrix, scalar
from gradwork.expr.notation import Math
from gradwork.expr.op import REGISTRY
from gradwork.ops import FUNCTIONS as F
from gradwork.ops.arithmetic import total
from gradwork.show import STYLES, math, pretty
from gradwork.show.printer import _SPELLERS, children
from tests.conformance.examples import OPERATIONS, example
from tests.show.test_faithful import random_expressions
from tests.show.test_forms import CASES

MODULES = [
    "letters",
    "terms",
    "text",
    "unicode",
    "latex",
    "matrix",
    "pieces",
    "build",
    "sums",
    "mathml",
    "prose",
    "width",
]


@pytest.mark.parametrize("op", OPERATIONS, ids=[op.name for op in OPERATIONS])
def test_every_operation_in_every_style(op):
    y, _, _ = example(op)
    assert_whole(y)


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.law], ids=lambda op: op.name)
def test_laws_are_latex(op):
    assert balanced(op.law)


def test_forms_are_latex():
    for _, expr in CASES:
        assert_whole(expr)


def test_random_expressions_are_latex():
    for expr in random_expressions(3, 60, 2):
        assert_whole(expr)


def assert_whole(expr: Expr) -> None:
    latex = pretty(expr, "latex")
    assert balanced(latex), latex
    assert ElementTree.fromstring(pretty(expr, "mathml")).tag == "math"
    assert balanced(pretty(expr)) and balanced(pretty(expr, "text"))


def balanced(text: str) -> bool:
    """Tell whether brackets and fences close in the order in which they open."""
    if text.count(r"\left") - text.count(r"\left\lfloor") != text.count(r"\right") - text.count(
        r"\right\rfloor"
    ):
        return False
    stack = []
    for char in text:
        if char in "({[":
            stack.append(char)
        elif char in ")}]" and (not stack or stack.pop() + char not in ("()", "{}", "[]")):
            return False
    return not stack


def test_every_piece_of_notation_has_a_speller():
    leaves = {"Math", "Letter", "Either"}
    kinds = {c.__name__ for c in Math.__subclasses__()}
    assert kinds - leaves == {c.__name__ for c in _SPELLERS}
    for printer in STYLES.values():
        assert all(hasattr(printer, method) for method in _SPELLERS.values())


@pytest.mark.parametrize("style", STYLES)
def test_depth(style):
    x = scalar("x")
    deep = x
    for _ in range(2000):
        deep = F["exp"](deep) + 1
    assert "exp" in pretty(deep, style)


def test_a_shared_part_is_spelled_once():
    x = scalar("x")
    doubled = x
    for _ in range(60):  # a tree of 2⁶⁰ leaves
        doubled = F["exp"](doubled * doubled)
    start = time.perf_counter()
    for style in STYLES:
        text = pretty(doubled, style)
        assert len(text) <= STYLES[style].limit + 80
    assert time.perf_counter() - start < 2


def test_long_sums_lose_their_middle():
    many = total([scalar(f"x{i}") for i in range(9000)], ())
    text = pretty(many)
    assert text.startswith("x₀ + x₁ + x₂") and text.endswith("x₈₉₉₉") and "…" in text
    assert balanced(pretty(many, "latex"))


def test_time_grows_with_the_number_of_nodes():
    def seconds(size: int) -> float:
        a = matrix("A", "n", "n")
        e = a
        for k in range(size):
            e = F["tanh"](a @ e) + constant(k + 2) * a
        start = time.perf_counter()
        pretty(e)
        return time.perf_counter() - start

    seconds(20)
    assert min(seconds(400) for _ in range(3)) < 40 * max(min(seconds(40) for _ in range(3)), 1e-3)


def test_children_come_in_the_order_of_the_printers():
    part = math(F["where"](scalar("x") > 0, scalar("y"), scalar("z")))
    assert [type(c).__name__ for c in children(part)] == ["Relation", "Letter", "Letter"]


@pytest.mark.parametrize("name", ["", *(f".{m}" for m in MODULES)])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(f"gradwork.show{name}")).failed == 0
