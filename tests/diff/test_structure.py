"""Gradients within a declared structure: projections, certified along the directions that a symbol may take."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.errors import DerivativeError

RNG = np.random.default_rng(0)
A, a, b = RNG.normal(size=(3, 3)), RNG.normal(size=3), RNG.normal(size=3)
S = A @ A.T + np.eye(3)
Q = np.linalg.qr(A)[0]


def symmetric(G):
    return (G + G.T) / 2


CASES = [
    ("a'X b", "X: n n symmetric, a: n, b: n", "X", S, symmetric(np.outer(a, b))),
    ("tr(A X)", "X: n n diagonal, A: n n", "X", np.diag(a), np.diag(np.diag(A))),
    ("tr(A X) + sum(X^2)", "X: n n lower, A: n n", "X", np.tril(S), np.tril(A.T + 2 * np.tril(S))),
    ("tr(A X)", "X: n n orthogonal, A: n n", "X", Q, (A.T - Q @ A @ Q) / 2),
    ("-1/2 n logdet(X) - 1/2 tr(inv(X) A)", "X: n n symmetric, A: n n", "X", S,
     symmetric(np.linalg.inv(S) @ A.T @ np.linalg.inv(S) / 2 - 1.5 * np.linalg.inv(S))),
    ("sum(X*A)", "X: n n onehot, A: n n", "X", np.eye(3), A - A.mean(axis=1, keepdims=True)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "shapes", "by", "at", "expected"), CASES)
def test_the_gradient_lies_within_the_structure(formula, shapes, by, at, expected):
    f = gw.parse(formula, shapes)
    g = gw.grad(f, by)
    values = {k: v for k, v in {"X": at, "A": A, "a": a, "b": b}.items() if k in f.symbols}
    assert np.allclose(g.evaluate(**values), expected)
    assert g.certificate.holds and g.derivation.replay()
    assert gw.certify(gw.grad(f, by, structure="free")).holds


def test_what_is_symmetric_stays_as_it_is():
    f = gw.parse("x'X y + y'X x + logdet(X)", "X: n n symmetric, x: n, y: n")
    assert str(gw.grad(f, "X")) == "xyᵀ + yxᵀ + X⁻¹"


def test_the_form_by_entries_counts_what_is_off_the_diagonal_twice():
    f = gw.parse("a'X b", "X: n n symmetric, a: n, b: n")
    g = gw.grad(f, "X", structure="entries")
    G = np.outer(a, b)
    assert np.allclose(g.evaluate(a=a, b=b, X=S), G + G.T - np.diag(np.diag(G)))
    assert g.certificate.holds
    h = gw.grad(gw.parse("logdet(X)", "X: n n symmetric"), "X", structure="entries")
    assert str(h) == "2X⁻¹ − I ∘ X⁻¹"


def test_the_line_says_why():
    text = gw.grad(gw.parse("a'X b", "X: n n symmetric, a: n, b: n"), "X").explain()
    assert "∂f/∂X = abᵀ" in text and "∇f(X) = 1/2 abᵀ + 1/2 baᵀ" in text
    assert "within the symmetric matrices" in text


def test_a_wrong_part_is_caught():
    f = gw.parse("a'X b", "X: n n symmetric, a: n, b: n")
    g = gw.grad(f, "X")
    claim = g.derivation.checks[0]
    g.derivation.checks[0] = (*claim[:2], (2 * claim[2]).simplify())
    assert not gw.certify(g).holds


def test_unknown_ways_are_refused():
    f = gw.parse("tr(A Q)", "Q: n n orthogonal, A: n n")
    with pytest.raises(DerivativeError, match="structure is one of"):
        gw.grad(f, "Q", structure="all")
    with pytest.raises(DerivativeError, match="no variables of their own"):
        gw.grad(f, "Q", structure="entries")
