"""Sentences in other alphabets; what the printers leave to a browser, to TeX and to a terminal without Unicode."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import gradwork as gw
from gradwork.expr.dims import Dim, shape_text
from gradwork.show.prose import latex_text, transliterate
from gradwork.words.en.derivation import SENTENCES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(xᵖ)′ = p xᵖ⁻¹", "(x^p)' = p x^(p-1)"),
        ("d(A⁻¹) = −A⁻¹ dA A⁻¹", "d(A^-1) = -A^-1 dA A^-1"),
        ("‖x‖² = Σ x²", "||x||^2 = sum x^2"),
        ("w ← w − ηg", "w <- w - eta g"),
        ("∂f/∂b = −2/n Xᵀ(y − Xb)", "df/db = -2/n X'(y - Xb)"),
        ("∇²f(b)", "grad^2 f(b)"),
        ("δ 𝟏ᵀ, hₜ₋₁², Z₁", "delta ones', h_(t-1)^2, Z1"),
    ],
)
def test_ascii_is_true_mathematics(text, expected):
    assert transliterate(text) == expected


def test_text_in_latex_holds_no_mathematics():
    import re

    for sentence in SENTENCES.values():
        for inside in re.findall(
            r"\\text\{([^{}]*)\}", latex_text(sentence.replace("{", "").replace("}", ""))
        ):
            assert all(c.isascii() or c.isalpha() for c in inside), sentence


def test_mathml_holds_what_a_browser_knows():
    X, y, b = gw.matrix("X", "n", "d"), gw.vector("y", "n"), gw.vector("b", "d")
    for x in (gw.sum(X) * X, X @ X.T, gw.mean((y - X @ b) ** 2), gw.where(y > 0, y, 2), gw.sqrt(y) / (1 + y)):
        text = x.mathml()
        assert "mathvariant" not in text and ElementTree.fromstring(text).tag == "math"
    text = gw.grad(gw.sum(X @ b), X).mathml()
    assert "<mn>𝟏</mn>" in text and "⊤" in text


def test_sizes_stand_in_brackets():
    n, d, k = Dim.of("n"), Dim.of("d"), Dim.of("k")
    assert shape_text((n - k + 1, d - k + 1)) == "(n − k + 1) × (d − k + 1)"
    assert shape_text((n, d)) == "n×d" and shape_text((n - k + 1,)) == "n − k + 1"
