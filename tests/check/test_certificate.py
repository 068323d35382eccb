"""The certificate: silent on right derivatives of every kind, loud on wrong ones."""

from __future__ import annotations

import pytest

import gradwork as gw
from gradwork.check.certificate import check
from gradwork.errors import DerivativeError

n, d = gw.dims("n", "d")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)

RIGHT = [
    ("-1/2 n logdet(S) - 1/2 tr(inv(S) A)", "S: d d symmetric, A: d d", "S"),
    ("-1/2 logdet(S) - 1/2 (x-m)' inv(S) (x-m)", "S: d d, x: d, m: d", "S"),
    ("logdet(X'X)", "X: n d", "X"),
    ("logdet(X X')", "X: n d", "X"),
    ("lgamma(a)+lgamma(b)-lgamma(a+b)", "a: , b: ", "a"),
    ("lgamma(a)*lgamma(b)", "a: , b: ", "a"),
    ("(a-1) log(x) - b x + a log(b) - lgamma(a)", "a: , b: , x: ", "a"),
    ("polygamma(2, x)", "x: ", "x"),
    ("digamma(x)", "x: ", "x"),
    ("logdet(S)^-2", "S: d d", "S"),
    ("arcsin(x)*log(x)", "x: ", "x"),
    ("sum(sqrt(cholesky(S)[0,0]) * S)", "S: 3 3 symmetric", "S"),
    ("sum(max(X, axis=1)) + sum(relu(X) * abs(X))", "X: n d", "X"),
    ("x[7]^2 + sum(x[2:5])", "x: n", "x"),
    ("1e-12 * exp(x)", "x: ", "x"),
    ("1e12 * exp(x) + x", "x: ", "x"),
    ("sin(x)^2 + cos(x)^2", "x: ", "x"),
    ("sum(gather(x, p)^2)", "x: n, p: m", "x"),
    ("det(A)", "A: 3 3", "A"),
]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("formula", "shapes", "by"), RIGHT)
def test_right_derivatives_pass(formula, shapes, by, seed):
    f = gw.parse(formula, shapes)
    certificate = gw.certify(gw.grad(f, by), points=5, seed=seed)
    assert certificate.holds, certificate


@pytest.mark.parametrize(
    ("formula", "shapes", "by", "wrong"),
    [
        ("mean((y - X b)^2)", "X: n d, y: n, b: d", "b", lambda g: g * 2),
        ("mean((y - X b)^2)", "X: n d, y: n, b: d", "b", lambda g: -g),
        ("sum(relu(x)*x)", "x: n", "x", lambda g: g + 1e-3),
        ("1e-12 * exp(x)", "x: ", "x", lambda g: 0 * g),
        ("sum(exp(x))", "x: n", "x", lambda g: g * (1 + 1e-6)),
        ("logdet(S)", "S: d d", "S", lambda g: g.T),
    ],
)
def test_wrong_derivatives_are_caught(formula, shapes, by, wrong):
    f = gw.parse(formula, shapes)
    g = gw.grad(f, by)
    assert not check([(f, f.symbols[by], wrong(g).simplify())], points=5).holds


def test_every_block_of_a_hessian_is_checked_and_the_gradient_below_it():
    f = gw.sum(gw.exp(X @ b)) + gw.sum(y**3)
    blocks = gw.hessian(f, [b, y])
    assert gw.certify(blocks, points=3).holds
    claims = blocks[1][1].derivation.checks
    assert len(claims) == 3  # both gradients, and the block
    (_, _, right) = claims[-1]
    claims[-1] = (claims[-1][0], claims[-1][1], 2 * right)
    assert not gw.certify(blocks, points=3).holds


def test_large_arrays_are_checked_in_part_and_in_time():
    x = gw.vector("x", 300_000)
    certificate = gw.certify(gw.grad(x @ x, x))
    assert certificate.holds and certificate.points >= 2


def test_what_cannot_be_certified():
    with pytest.raises(DerivativeError, match="certify takes"):
        gw.certify(X @ b)
    certificate = gw.certify(gw.grad(gw.log(-gw.exp(gw.scalar("x"))), "x"))
    assert not certificate.holds and certificate.points == 0 and "not made" in str(certificate)
