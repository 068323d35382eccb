"""The certificate judges rightly: no right derivative is accused, no fault escapes, no wrong one passes."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.check.certificate import check
from gradwork.check.exact import proved
from gradwork.check.precise import Opinion
from gradwork.check.sampling import Sampler
from gradwork.errors import GradworkError
from gradwork.expr.node import make
from gradwork.expr.op import REGISTRY
from tests.check.formulas import formulas

RIGHT = [
    # imaginary parts of two logarithms, or of two roots, that cancel
    ("log(x-1) - log(y-1)", "x: , y: ", "x"),
    ("lgamma(x-3) - lgamma(y-3)", "x: , y: ", "x"),
    ("sqrt(a'x) sqrt(b'y)", "a: n, x: n, b: d, y: d", "a"),
    ("sum(lgamma(y + r) - lgamma(r)) + n*r*log(r) - sum((y+r)*log(r+m))", "y: n, m: n, r: ", "r"),
    # determinants of what is singular at some sizes
    ("det(A B)", "A: n d, B: d n", "A"),
    ("det(X X')", "X: n d", "X"),
    ("logdet(X X')", "X: n d", "X"),
    # declared structure
    ("a'X b", "X: n n symmetric, a: n, b: n", "X"),
    ("x'X y + y'X x", "X: n n symmetric, x: n, y: n", "X"),
    ("tr(A D)", "D: n n diagonal, A: n n", "D"),
    ("logdet(Q) + tr(A Q)", "Q: n n orthogonal, A: n n", "Q"),
    # operations without a continuation, by another symbol
    ("y floor(x)", "x: , y: ", "y"),
    ("y arctan2(a,b)", "y: , a: , b: ", "y"),
    ("y polygamma(1,x)", "x: , y: ", "y"),
    ("x + (-1)^1.5 y", "x: , y: ", "x"),
]


def test_what_is_held_fast_counts_as_constant():
    x = gw.vector("x", "n")
    assert gw.certify(gw.grad(gw.sum(x * gw.stop(gw.exp(x))), x)).holds


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("formula", "shapes", "by"), RIGHT)
def test_right_derivatives_are_not_accused(formula, shapes, by, seed):
    f = gw.parse(formula, shapes)
    certificate = gw.certify(gw.grad(f, by), points=5, seed=seed)
    assert certificate.holds or not certificate.points, certificate


@pytest.mark.parametrize(("formula", "shapes", "by"), RIGHT[:11])
def test_and_twice_of_them_is_wrong(formula, shapes, by):
    f = gw.parse(formula, shapes)
    assert not check([(f, f.symbols[by], (2 * gw.grad(f, by)).simplify())], points=5).holds


def judged(seed, f, x):
    try:
        certificate = gw.certify(gw.grad(f, x), points=3, seed=seed)
    except GradworkError:
        return
    assert certificate.holds or not certificate.points, (seed, str(f), str(x), str(certificate))


@pytest.mark.parametrize("block", range(3))
def test_random_formulas(block):
    for seed, f, x in formulas(block * 60, 60):
        judged(seed, f, x)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_random_formulas(block):
    for seed, f, x in formulas(20_000 + block * 100, 100):
        judged(seed, f, x)


def test_random_wrong_derivatives_are_caught():
    tried = missed = 0
    for seed, f, x in formulas(300, 60):
        try:
            g = gw.grad(f, x)
            if str(g) == "0":
                continue
            certificate = check([(f, x, (1.001 * g).simplify())], points=3, seed=seed)
        except GradworkError:
            continue
        tried += bool(certificate.points)
        missed += bool(certificate.points) and certificate.holds and bool(certificate.worst)
    assert tried > 30 and missed <= 2, (tried, missed)  # a gradient may vanish within a declared structure


@pytest.mark.parametrize(
    "formula",
    ["x/0", "0/0*x", "x/(1-1)", "mean(a)/(n-n) + x", "where(x>0,x,1/0)", "x*1e300*1e300", "1e-400*x"],
)
def test_what_is_no_number_anywhere_is_refused(formula):
    with pytest.raises(GradworkError, match="divides by|beyond|too small|below"):
        gw.certify(gw.grad(gw.parse(formula, "x: , a: n"), "x"))


@pytest.mark.parametrize("formula", ["log(x-x)", "sqrt(-1-x^2)"])
def test_what_is_defined_nowhere_gets_no_mark(formula):
    certificate = gw.certify(gw.grad(gw.parse(formula, "x: "), "x"))
    assert not certificate.points and not certificate.holds


def test_second_orders_and_high_ones():
    x = gw.scalar("x")
    with pytest.raises(GradworkError, match="always 0|by a number that is 0"):
        gw.certify(gw.derivative(gw.parse("x/(1-1)", "x: "), "x", 2))
    with pytest.raises(GradworkError, match="the highest is 100"):
        gw.derivative(x**2, x, 10**9)


def test_arrays_of_a_literal_size_are_not_drawn():
    certificate = gw.certify(gw.grad(gw.parse("sum(x^2)", "x: 1000000000"), "x"))
    assert not certificate.points and "1,000,000,000" in str(certificate)


def test_high_precision_confirms_what_is_wrong_and_tells_the_line():
    x = gw.vector("x", "n")
    f = gw.sum(gw.exp(gw.sin(x) * x))
    g = gw.grad(f, x)
    claim = g.derivation.checks[0]
    g.derivation.checks[0] = (claim[0], claim[1], (2 * claim[2]).simplify())
    certificate = gw.certify(g)
    assert not certificate.holds and "check ✗" in str(certificate)


def test_the_wrong_rule_is_named(monkeypatch):
    from gradwork.diff import calculus
    from gradwork.diff import reverse as module
    from gradwork.expr.node import constant
    from gradwork.ops.contraction import CONTRACT, contract, split
    from gradwork.rewrite.engine import Rule

    def spoil(node):
        if any(a.op.name == "tanh" for a in node.args) and node.args[0] is not constant(3):
            return contract([(constant(3), ()), *split(node)], node.params[1])
        return None

    wrong = Rule("a rule that is wrong", "canonical", (CONTRACT,), spoil)
    monkeypatch.setattr(module, "FIRST", (*calculus.FIRST, wrong))
    monkeypatch.setattr(module, "RULES", (*calculus.RULES, wrong))
    x = gw.vector("x", "n")
    g = gw.grad(gw.sum(gw.exp(x) * gw.tanh(x)), x)
    certificate = gw.certify(g)
    assert not certificate.holds
    assert "a rule that is wrong" in certificate.line and certificate.line in str(certificate)


def test_polynomials_are_proved():
    f = gw.parse("mean((y - X b)^2) + det(X' X)", "X: n d, y: n, b: d")
    for by in "Xb":
        assert gw.certify(gw.grad(f, by), points=2).exact
    assert "proof ✓" in str(gw.certify(gw.grad(f, "b"), points=2))
    x = gw.scalar("x")
    assert not gw.certify(gw.grad(gw.exp(x), x)).exact
    rng = np.random.default_rng(0)
    cube = x**3 / (1 + x**2)
    g = gw.grad(cube, x)
    assert proved([(cube, x, g.twin)], {}, rng) and not proved([(cube, x, (2 * g).simplify())], {}, rng)


def looked_at(op):
    """Return what high precision says of an operation at a point of its domain; None where it cannot tell."""
    shapes, params, *_ = (*op.example, ())
    symbols = tuple(gw.symbol(f"v{i}", s) for i, s in enumerate(shapes))
    f = gw.sum(make(op, symbols, params) ** 2)
    draw = Sampler([f], np.random.default_rng(0))

    def defined(values):
        try:
            return np.isfinite(f.evaluate(**{k: w for k, w in values.items() if k in f.symbols}))
        except np.linalg.LinAlgError:
            return False

    values = draw.point(defined)
    u = np.random.default_rng(1).normal(size=np.shape(values["v0"]))
    return Opinion(f, symbols[0], gw.grad(f, symbols[0]), values, draw.sizes).along(u)


ASKED = [
    name
    for name, op in REGISTRY.items()
    if op.pullback and op.example and not any("positions" in map(str, s) for s in op.example[0])
    and name not in ("scan", "stop", "maxpool", "unpool", "repool", "correlate", "correlate_kernel", "correlate_input")
]  # fmt: skip


# Judged by several points in real arithmetic instead: no 60-digit form of these is written.
WITHOUT = {
    "along", "cross", "cumprod", "eigenvectors", "eigvalsh", "expm", "gaps", "pinv", "power_norm", "recurrence", "resort",
    "singular_vectors", "sort", "sqrtm", "svdvals", "t_cdf", "t_ppf", "triangle", "unsort",
}  # fmt: skip


def test_high_precision_knows_the_operations():
    unknown = []
    for name in ASKED:
        try:
            found = looked_at(REGISTRY[name])
        except GradworkError:
            continue
        if found is None:
            unknown.append(name)
        else:
            assert np.allclose(found[0], found[1], rtol=1e-12, atol=1e-12), name
    assert set(unknown) == WITHOUT
