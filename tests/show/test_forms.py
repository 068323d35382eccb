"""The look of what is printed: the forms that a textbook has, one line each."""

from __future__ import annotations

from fractions import Fraction

import pytest

import gradwork as gw
from gradwork.expr import Expr, constant, eye, matrix, scalar, size, tensor, vector
from gradwork.expr.node import TRIL, make, name, ones_vector
from gradwork.ops import FUNCTIONS as F
from gradwork.ops.contraction import contract, ein
from gradwork.show import pretty

X, Y, A, B = matrix("X", "n", "d"), matrix("Y", "n", "k"), matrix("A", "m", "n"), matrix("B", "d", "p")
Q, P, S = matrix("Q", "d", "d"), matrix("P", "d", "d"), matrix("S", "d", "d", symmetric=True)
W, H = matrix("W", "d", "k"), matrix("H", "n", "k")
y, w, b, c, bias = vector("y", "n"), vector("w", "n"), vector("b", "d"), vector("c", "d"), vector("v", "k")
lam, x, theta, k = scalar("lambda"), scalar("x"), scalar("theta"), scalar("k")
n = size("n")
r = y - X @ b
over_n = n**-1

PRODUCTS = {
    "−2/n Xᵀ(y − Xb)": ein(",,ij,i->j", constant(-2), over_n, X, r),
    "2/n XᵀX": ein(",,ki,kj->ij", constant(2), over_n, X, X),
    "Xᵀ diag(w) X": ein("ki,k,kj->ij", X, w, X),
    "Xᵀ(w ∘ Xb)": ein("ki,k,kj,j->i", X, w, X, b),
    "bᵀQb": ein("i,ij,j->", b, Q, b),
    "2(bᵀQc) bcᵀ": ein(",i,ij,j,k,l->kl", constant(2), b, Q, c, b, c),
    "tr(AXBCᵀ)": F["trace"](A @ X @ B @ matrix("C", "m", "p").T),
    "Σ Y ∘ H": ein("ij,ij->", Y, H),
    "tr(QP)": ein("ij,ji->", Q, P),
    "tr(QPS)": ein("ij,jk,ki->", Q, P, S),
    "diag(b) Q diag(c)": ein("i,ij,j->ij", b, Q, c),
    "diag(b)": ein("i,ij->ij", b, eye("d")),
    "diag(Q)": ein("ii->i", Q),
    "diag(Q) ∘ b": ein("ii,i->i", Q, b),
    "(Q ∘ P)b": ein("ij,ij,j->i", Q, P, b),
    "X𝟏": F["sum"](X, axis=1),
    "Xᵀ𝟏": F["sum"](X, axis=0),
    "Σ X": F["sum"](X),
    "Σ Xb": F["sum"](X @ b),
    "𝟏bᵀ": F["broadcast_to"](b, "n", "d"),
    "y𝟏ᵀ": ein("i,j->ij", y, ones_vector("k")),
    "QᵀPᵀ": F["transpose"](P @ Q),
    "SQᵀ": F["transpose"](Q @ S),
    "(Q + P)ᵀ": F["transpose"](Q + P),
    "Q + Qᵀ": Q.T + Q,
    "Q⁻ᵀ": F["inv"](Q.T),
    "S⁻¹Qᵀ": F["transpose"](Q @ F["inv"](S)),
    "tanh(Q)ᵀ": F["tanh"](Q).T,
    "2X(XᵀX)⁻¹": 2 * X @ F["inv"](X.T @ X),
    "−Q⁻ᵀPᵀQ⁻ᵀ": ein(",ji,kj,lk->il", constant(-1), F["inv"](Q), P, F["inv"](Q)),
    "XᵀX diag(c)": ein("ki,kj,j->ij", X, X, c),
    "Q³": Q @ Q @ Q,
    "[Σₗ XₗᵢXₗⱼXₗₖ]ᵢⱼₖ": ein("la,lb,lc->abc", X, X, X),
    "kron(Q, S)": F["kron"](Q, S),
}
COEFFICIENTS = {
    "2λb": 2 * lam * b,
    "−b": -b,
    "x/2": x / 2,
    "3b/c": 3 * b / c,
    "1/(2n)": 1 / (2 * n),
    "λ/2 b": lam / 2 * b,
    "−Xᵀr/‖r‖": ein(",ij,i->j", -1 / F["norm"](name("r", r)), X, name("r", r)),
    "I/(bᵀb) − 2bbᵀ/(bᵀb)²": eye("d") / (b @ b) - 2 * F["outer"](b, b) / (b @ b) ** 2,
    "2 tr(Q) I": 2 * F["trace"](Q) * eye("d"),
    "det(Q) Q⁻ᵀ": F["det"](Q) * F["inv"](Q).T,
    "Xᵀ(y/w)": X.T @ (y / w),
    "1/√x": x ** constant(Fraction(-1, 2)),
    "√(x + 1)": F["sqrt"](x + 1),
    "1/√(2x)": (2 * x) ** constant(Fraction(-1, 2)),
    "n/(n − k)": n / (n - k),
    "k log θ + (n − k) log(1 − θ)": k * F["log"](theta) + (n - k) * F["log"](1 - theta),
    "2 exp(2x)": 2 * F["exp"](2 * x),
    "θ(1 − θ)": theta * (1 - theta),
    "σ (1 − σ)": scalar("sigma") * (1 - scalar("sigma")),
    "x^(3/2)": x ** constant(Fraction(3, 2)),
    "x^k": x**k,
    "2^x": 2**x,
    "2·3^x": 2 * 3**x,
    "−3 (Σ y)/(x + 1)": -3 * F["sum"](y) / (x + 1),
    "0.3x": 0.3 * x,
    "2·10⁻⁵ x": 2e-5 * x,
}
SUMS = {
    "2x + 2": 2 + 2 * x,
    "3x² + 2x + 1": 2 * x + 3 * x**2 + 1,
    "1 − x²": 1 - x**2,
    "P − Q": -Q + P,
    "y − Xb": y - X @ b,
    "y − (xw + k)": y - (x * w + k),
    "XW + v": X @ W + bias,
    "I − 𝟏cᵀ": eye("d") - c,
    "Q − 𝟏cᵀ": Q - c,
    "1 − H²": 1 - H**2,
    "1 − Q^∘2": 1 - Q**2,
    "1 − tanh(Q)²": 1 - F["tanh"](Q) ** 2,
    "I − 1/d 𝟏𝟏ᵀ": eye("d") - F["broadcast_to"](size("d") ** -1, "d", "d"),
    "−(y − Xb)": -r,
    "A − y𝟏ᵀ": matrix("A", "n", "k") - ein("i,j->ij", y, ones_vector("k")),
}
FUNCTIONS = {
    "where(x > 0, √x, 0)": F["where"](x > 0, F["sqrt"](x), 0),
    "‖AXB‖_F²": F["norm"](A @ X @ B) ** 2,
    "|x|": abs(x),
    "log det(S)": F["logdet"](S),
    "(log det(S))²": F["logdet"](S) ** 2,
    "(log θ)²": F["log"](theta) ** 2,
    "Y ∘ log H": Y * F["log"](H),
    "log(H) ∘ Y": F["log"](H) * Y,
    "k [x > 0]": F["step"](x) * k,
    "mean(X, axis=0)": F["mean"](X, axis=0),
    "max(X, axis=1)": F["max"](X, axis=1),
    "max(x, 0)": F["maximum"](x, 0),
    "X[0]": X[0],
    "X[1:3]": X[1:3],
    "x log θ": F["xlogy"](x, theta),
    "sum(T, axis=(0, 2))": F["sum"](tensor("T", "n", "d", "k"), axis=(0, 2)),
    "transpose(T, axes=(1, 0, 2))": F["transpose"](tensor("T", "n", "d", "k"), (1, 0, 2)),
}
CASES = [case for table in (PRODUCTS, COEFFICIENTS, SUMS, FUNCTIONS) for case in table.items()]


@pytest.mark.parametrize(("expected", "expr"), CASES, ids=[t for t, _ in CASES])
def test_unicode(expected: str, expr: Expr) -> None:
    assert pretty(expr) == expected


def test_a_mean_is_named_where_it_is_one():
    f = F["mean"](r**2)
    assert pretty(f) == "mean((y − Xb)²)"
    assert pretty(f, mean=False) == "1/n Σ (y − Xb)²"
    assert pretty(2 * f) == "2 mean((y − Xb)²)"
    rows = F["mean"](F["sum"](Y * F["log"](H), axis=1))
    assert pretty(rows) == "mean(sum(Y ∘ log H, axis=1))"
    assert pretty(rows, mean=False) == "1/n Σ Y ∘ log H"
    half = contract([(constant(Fraction(1, 2)), ()), (over_n, ()), (r, (0,))], ())
    assert pretty(half) == "1/(2n) Σ (y − Xb)"
    known = F["mean"](vector("y", 5))
    assert pretty(known) == "mean(y)" and pretty(known, mean=False) == "1/5 Σ y"


@pytest.mark.parametrize(
    ("kind", "label", "unicode", "latex"),
    [
        ("value", "Z_1", "Z₁", "Z_{1}"),
        ("adjoint", "r", "∂f/∂r", r"\frac{\partial f}{\partial r}"),
        ("delta", "delta_2", "δ₂", r"\delta_{2}"),
        ("delta", "δ₂", "δ₂", r"\delta_{2}"),
        ("differential", "r", "dr", "dr"),
    ],
)
def test_names_print_their_label_only(kind, label, unicode, latex):
    named = name(label, F["exp"](X @ b), kind)
    assert (pretty(named), pretty(named, "latex")) == (unicode, latex)


def test_an_adjoint_stands_apart_in_products():
    g = name("r", r, "adjoint")
    assert pretty(ein(",ij,i->j", constant(-1), X, g)) == "−Xᵀ ∂f/∂r"
    assert pretty(F["outer"](g, b)) == "(∂f/∂r)bᵀ"
    d = name("W_2", W, "adjoint")
    assert pretty(H @ d.T) == "H(∂f/∂W₂)ᵀ"


def test_words_stand_apart():
    price, area = scalar("price"), scalar("area")
    assert pretty(2 * price * area) == "2 price area"
    assert pretty(price * x) == "price x"
    assert pretty(2 * price * area, "latex") == r"2 \, \mathrm{price} \, \mathrm{area}"
    assert pretty(matrix("data", "n", "d") @ vector("weights", "d")) == "data weights"


def test_two_names_never_look_the_same():
    assert pretty(scalar("lam") + scalar("lambda")) == "λ + lambda"
    assert pretty(scalar("x1") * scalar("x_1")) == "x₁ x_1"


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (PRODUCTS["−2/n Xᵀ(y − Xb)"], "-2/n * X.T@(y - X@b)"),
        (PRODUCTS["diag(b) Q diag(c)"], "diag(b)@Q@diag(c)"),
        (PRODUCTS["Xᵀ𝟏"], "X.T@ones(n)"),
        (ein("ij,kj->ik", Y, matrix("V", "d", "k")) * X, "(Y@V.T) * X"),
        (COEFFICIENTS["I/(bᵀb) − 2bbᵀ/(bᵀb)²"], "eye(d)/(b@b) - 2*outer(b, b)/(b@b)^2"),
        (COEFFICIENTS["2·3^x"], "2*3^x"),
        (FUNCTIONS["where(x > 0, √x, 0)"], "where(x > 0, sqrt(x), 0)"),
        (F["reshape"](X, -1), "reshape(X, d*n)"),
        (PRODUCTS["[Σₗ XₗᵢXₗⱼXₗₖ]ᵢⱼₖ"], 'einsum("ab,ac,ad->bcd", X, X, X)'),
    ],
)
def test_text(expr, text):
    assert pretty(expr, "text") == text


NOTATIONS = [
    (gw.grad(F["maximum"](x, k), x), "heaviside(x − k)", r"\operatorname{heaviside}\left( x - k \right)"),
    (gw.grad(F["maximum"](x, 0), x), "heaviside(x)", r"\operatorname{heaviside}\left( x \right)"),
    (
        gw.grad(F["max"](b), b),
        "[b = max(b)]/(Σ [b = max(b)])",
        r"\frac{\left[ b = \max\left( b \right) \right]}{\sum \left[ b = \max\left( b \right) \right]}",
    ),
    (gw.grad(F["prod"](b), b), "[Π_{j≠i} bⱼ]ᵢ", r"\left[ \prod_{j \ne i} b_{j} \right]_{i}"),
    (gw.hessian(F["prod"](b), b), "[[i ≠ j] Π_{k≠i,j} bₖ]ᵢⱼ", None),
    (gw.hessian(F["norm"](b), b), "I/‖b‖ − bbᵀ/‖b‖³", None),
    (gw.grad(F["det"](Q) ** 2, Q), "2 det(Q)² Q⁻ᵀ", None),
    (gw.grad(F["hypot"](x, k), x), "x/hypot(x, k)", None),
    (make(TRIL, (), (b.shape[0],)) @ b, "tril(𝟏𝟏ᵀ − I/2) b", None),
    (gw.grad(k / (x * F["sqrt"](2 * gw.pi)), x), "−k/(x²√(2π))", None),
]


@pytest.mark.parametrize(("expr", "unicode", "latex"), NOTATIONS, ids=[t for _, t, _ in NOTATIONS])
def test_derivatives_are_written_as_mathematics(expr, unicode, latex):
    assert pretty(expr) == unicode
    if latex is not None:
        assert pretty(expr, "latex") == latex
