"""Results as a textbook has them. Few and short; each was read by eye."""

from __future__ import annotations

import pytest

import gradwork as gw
from gradwork.formula import parse

GRADIENTS = [
    ("x^2 + 2x + 3", "", "x", "2x + 2"),
    ("mean((y - X@b)^2)", "", "b", "−2/n Xᵀ(y − Xb)"),
    ("mean((y - X b)^2) + λ b'b", "", "b", "2λb − 2/n Xᵀ(y − Xb)"),
    ("mean((y - (w x + b))^2)", "x: n, y: n", "w", "−2/n xᵀ(y − (wx + b))"),
    ("mean((y - (w x + b))^2)", "x: n, y: n", "b", "−2/n Σ (y − (wx + b))"),
    ("norm(y - X b)", "", "b", "−Xᵀ(y − Xb)/‖y − Xb‖"),
    ("mean(|y - X b|)", "", "b", "−1/n Xᵀ sign(y − Xb)"),
    ("sqrt(mean((y - X b)^2))", "", "b", "−Xᵀ(y − Xb)/(√n ‖y − Xb‖)"),
    ("mean(softplus(X b) - y*(X b))", "", "b", "1/n Xᵀ(σ(Xb) − y)"),
    ("-mean(sum(Y*log(softmax(X W)), axis=1))", "", "W", "1/n Xᵀ(diag(Y𝟏) softmax(XW) − Y)"),
    ("-mean(sum(Y*log(softmax(X W)), axis=1))", "Y: n k onehot", "W", "1/n Xᵀ(softmax(XW) − Y)"),
    ("k log θ + (n-k) log(1-θ)", "", "θ", "k/θ − (n − k)/(1 − θ)"),
    ("-n log σ - sum((y - μ)^2)/(2 σ^2)", "y: n", "μ", "1/σ² Σ (y − μ)"),
    ("-n log σ - sum((y - μ)^2)/(2 σ^2)", "y: n", "σ", "1/σ³ Σ (y − μ)² − n/σ"),
    ("x'A x", "", "x", "(A + Aᵀ)x"),
    ("x'A x", "A: n n symmetric", "x", "2Ax"),
    ("tr(A X B)", "", "X", "AᵀBᵀ"),
    ("logdet(S)", "", "S", "S⁻ᵀ"),
    ("logdet(S)", "S: d d symmetric", "S", "S⁻¹"),
    ("tr(inv(A))", "", "A", "−A⁻ᵀA⁻ᵀ"),
    ("‖A X B + C‖_F^2", "", "X", "2Aᵀ(AXB + C)Bᵀ"),
    ("log(det(X' X))", "", "X", "2X(XᵀX)⁻¹"),
    ("det(X)", "", "X", "det(X) X⁻ᵀ"),
    (
        "-1/2 logdet(S) - 1/2 (x-m)'inv(S)(x-m)",
        "S: d d symmetric, x: d, m: d",
        "S",
        "1/2 S⁻¹(x − m)(x − m)ᵀS⁻¹ − 1/2 S⁻¹",
    ),
    ("sum(exp(X w) - y*(X w))", "", "w", "Xᵀ(exp(Xw) − y)"),
    ("log(sum(exp(x)))", "x: n", "x", "softmax(x)"),
    ("sum(q*log(q))", "q: n", "q", "1 + log q"),
    ("2^x", "", "x", "2^x log(2)"),
    ("(y - X b)'(y - X b)", "", "b", "−2Xᵀ(y − Xb)"),
    ("var(x)", "x: n", "x", "2/n (x − 1/n (Σ x) 𝟏)"),
    ("std(x)", "x: n", "x", "(x − 1/n (Σ x) 𝟏)/(√n ‖x − 1/n (Σ x) 𝟏‖)"),
    ("sum((x - mean(x))^2)", "x: n", "x", "2(x − 1/n (Σ x) 𝟏)"),
    ("sum(var(X, axis=0))", "X: n d", "X", "2/n (X − 1/n 𝟏𝟏ᵀX)"),
    ("sum(q*log(q/p))", "q: n, p: n", "q", "1 + log(q/p)"),
    ("sum(log(x)/(x*y)*x)", "x: n, y: n", "x", "1/(x ∘ y)"),
    ("-x*log(x) - (1-x)*log(1-x)", "", "x", "log1p(−x) − log x"),
    ("tr(matrix_power(A, 10))", "A: n n", "A", "10(Aᵀ)⁹"),
    ("0.1x^3", "", "x", "0.3x²"),
]


@pytest.mark.parametrize(("formula", "shapes", "by", "expected"), GRADIENTS)
def test_gradient(formula, shapes, by, expected):
    assert str(gw.grad(parse(formula, shapes), by)) == expected


HESSIANS = [
    ("mean((y - X@b)^2)", "b", "2/n XᵀX"),
    ("mean(softplus(X b) - y*(X b))", "b", "1/n Xᵀ diag(σ(Xb) ∘ (1 − σ(Xb))) X"),
    ("x^2 + 2x + 3", "x", "2"),
    ("sum(log(1 + exp(-y*(X b))))", "b", "Xᵀ diag(y² ∘ σ(−y ∘ Xb) ∘ (1 − σ(−y ∘ Xb))) X"),
    ("sum(relu(X b)^2)", "b", "2Xᵀ diag([Xb > 0]) X"),
]


@pytest.mark.parametrize(("formula", "by", "expected"), HESSIANS)
def test_hessian(formula, by, expected):
    assert str(gw.hessian(parse(formula), by)) == expected


BOARD = """\
forward       r = y − Xb                          n
              f = 1/n Σ r²                        scalar

backward      ∂f/∂r = 2/n r                       mean of squares
              ∂f/∂b = −Xᵀ ∂f/∂r                   r is linear in b, with matrix −X
                    = −2/n Xᵀr                    substitute

∇f(b) = −2/n Xᵀ(y − Xb)                           d"""

DIFFERENTIAL = """\
forward       r = y − Xb                          n
              f = 1/n Σ r²                        scalar

differentials df = 2/n rᵀ dr                      mean of squares
              dr = −X db                          X, y constant
              df = −2/n rᵀX db                    substitute
                 = (−2/n Xᵀ(y − Xb))ᵀ db          what stands before db is the gradient, transposed

∇f(b) = −2/n Xᵀ(y − Xb)                           d"""

NETWORK = """\
forward       Z₁ = XW₁ + b₁                       n×h
              H = tanh(Z₁)                        n×h
              Z₂ = HW₂ + b₂                       n×k
              P = softmax(Z₂)                     n×k
              f = −1/n Σ Y ∘ log P                scalar      log softmax in one step: no log of an underflowed 0

backward      δ₂ = ∂f/∂Z₂ = 1/n (diag(Y𝟏) P − Y)  cross-entropy of softmax
                     = 1/n (P − Y)                rows of Y sum to 1 (Y is one-hot)
              δ₁ = ∂f/∂Z₁ = δ₂W₂ᵀ ∘ (1 − H²)      Z₂ is linear in H; tanh′ = 1 − tanh²
              ∂f/∂W₁ = Xᵀδ₁                       Z₁ is linear in W₁
              ∂f/∂b₁ = δ₁ᵀ𝟏                       Z₁ is linear in b₁
              ∂f/∂W₂ = Hᵀδ₂                       Z₂ is linear in W₂
              ∂f/∂b₂ = δ₂ᵀ𝟏                       Z₂ is linear in b₂"""


def test_blackboard():
    f = parse("mean((y - X@b)^2)")
    assert gw.grad(f, "b").explain() == BOARD


def test_differentials():
    f = parse("mean((y - X@b)^2)")
    assert gw.grad(f, "b").derivation.text(manner="differential") == DIFFERENTIAL


def test_network():
    shapes = "X: n d, W1: d h, b1: h, W2: h k, b2: k, Y: n k onehot"
    f = parse("-mean(sum(Y*log(softmax(tanh(X W1 + b1) W2 + b2)), axis=1))", shapes)
    assert gw.grad(f, ["W1", "b1", "W2", "b2"])[0].explain() == NETWORK


def test_korean():
    text = gw.grad(parse("mean((y - X@b)^2)"), "b").derivation.text(language="ko")
    assert "제곱의 평균" in text and "−2/n Xᵀ(y − Xb)" in text


def test_every_sentence_exists_in_every_language():
    from gradwork.words.en.derivation import SENTENCES as ENGLISH
    from gradwork.words.ko.derivation import SENTENCES as KOREAN

    assert ENGLISH.keys() == KOREAN.keys()


def test_engine_detail_shows_every_change_and_nothing_else():
    g = gw.grad(parse("mean((y - X@b)^2)"), "b")
    for full in (g.explain(detail="engine"), g.explain(detail="full")):
        for step in g.derivation.steps:
            if step.rule.group == "calculus":
                assert f"· {step.rule.name}:" in full
        changes = [line.partition(": ")[2].split(" → ") for line in full.splitlines() if "· " in line]
        assert changes and all(before != after for before, after in changes)


@pytest.mark.parametrize("formula", ["mean((y - X b)^2)", "x^2 + 2x + 3", "logdet(A' A)"])
def test_no_step_of_the_data_leaves_all_as_it_was(formula):
    import json

    f = parse(formula)
    by = next(s for s in ("b", "x", "A") if s in f.symbols)
    data = json.loads(gw.grad(f, by).derivation.json())
    steps = [s for line in data["lines"] for phase in line["phases"] for s in phase["steps"]]
    assert steps and all(s["before"]["unicode"] != s["after"]["unicode"] for s in steps)
    assert all(s["reason"]["key"] for s in steps)


@pytest.mark.parametrize("style", ["text", "latex", "mathml", "html", "json"])
def test_other_styles(style):
    derivation = gw.grad(parse("mean((y - X@b)^2)"), "b").derivation
    shown = derivation.render(style)
    assert shown
    if style == "latex":
        assert shown.startswith("\\begin{aligned}") and shown.count("{") == shown.count("}")
        assert r"-\frac{2}{n} X^{\mathsf T}" in shown
    if style in ("mathml", "html"):
        assert shown.count("<math") == shown.count("</math>") > 8
    if style == "text":
        assert shown.isascii()
        assert "-2/n * X.T@(y - X@b)" in shown.replace("2/n*X", "2/n * X")
