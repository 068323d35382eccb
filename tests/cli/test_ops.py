"""`gradwork ops`: every operation that a formula may use is listed, with its law where it has one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import gradwork
from gradwork.cli.ops import SYNONYMS, law_of, signature, summary
from gradwork.expr import REGISTRY
from gradwork.ops import FUNCTIONS
from gradwork.show.laws import unicode_law
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


def test_every_operation_is_listed_once(run: Run):
    out = run("ops").out
    listed = re.findall(r"^  (\w+)\(", out, re.M)
    assert sorted(listed) == sorted(set(FUNCTIONS) - set(SYNONYMS))
    assert "tanh′ = 1 − tanh²" in out and "∇det(A) = adj(A)ᵀ = det(A) A⁻ᵀ" in out and "σ′ = σ" in out


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_one_operation_in_full(run: Run, name: str):
    ran = run("ops", name)
    assert ran.code == 0 and ran.out.startswith(f"{name}(") and len(ran.out.splitlines()) >= 3


def test_an_unknown_operation(run: Run):
    ran = run("ops", "sofmax")
    assert ran.code == 2 and "there is no operation 'sofmax'; did you mean 'softmax'?" in ran.err


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_law_keeps_its_latex(name: str):
    law = unicode_law(REGISTRY[name].law)
    assert not re.search(r"[\\{}¶¬÷]|text|operatorname|mathrm|frac|partial", law), law
    assert law.count("(") == law.count(")") and law.count("[") == law.count("]")


def test_signatures_and_summaries():
    assert signature("softmax", FUNCTIONS["softmax"]) == "softmax(x, axis=-1)"
    assert signature("sum", FUNCTIONS["sum"]) == "sum(x, axis)"
    assert law_of("gelu") == "" and law_of("tanh") == "tanh′ = 1 − tanh²"
    assert all(summary(name) for name in FUNCTIONS)
    assert gradwork.tanh is FUNCTIONS["tanh"]
