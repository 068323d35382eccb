"""Like terms have one twin, however they are written; numbers in front stay short."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest

import gradwork as gw
from gradwork.ops.contraction import contract
from gradwork.rewrite import normalise
from gradwork.rewrite.likeness import canonical
from gradwork.rewrite.numbers import plus, product, raised

n = gw.dims("n")[0]
A, S = gw.matrix("A", n, n), gw.matrix("S", n, n, symmetric=True)
v = gw.vector("v", n)

PRODUCTS = {
    "chain": ([(A, (i, i + 1)) for i in range(9)], (0, 9)),
    "cycle": ([(A, (i, (i + 1) % 7)) for i in range(7)], ()),
    "two cycles": ([(A, (0, 1)), (A, (1, 0)), (A, (2, 3)), (A, (3, 4)), (A, (4, 2))], ()),
    "form": ([(v, (0,)), *((A, (i, i + 1)) for i in range(5)), (v, (5,))], ()),
    "symmetric": ([(S, (0, 1)), (A, (1, 2)), (S, (2, 3)), (S, (3, 4)), (A, (5, 4))], (0, 5)),
    "squares": ([(v, (i,)) for i in range(3) for _ in range(2)], ()),
    "open and closed": ([(A, (0, 1)), (A, (1, 2)), (A, (3, 4)), (A, (4, 3))], (0, 2)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_order_and_letters_do_not_matter(name):
    operands, out = PRODUCTS[name]
    rng = random.Random(3)
    twins = set()
    for _ in range(25):
        letters = list(range(10))
        rng.shuffle(letters)
        written = [(a, tuple(letters[label] for label in own)) for a, own in operands]
        written = [(a, own[::-1] if a is S and rng.random() < 0.5 else own) for a, own in written]
        rng.shuffle(written)
        twins.add(canonical(contract(written, tuple(letters[label] for label in out))))
    assert len(twins) == 1


def test_different_products_stay_apart():
    twins = {canonical(contract(*PRODUCTS[name])) for name in PRODUCTS}
    assert len(twins) == len(PRODUCTS)
    turned = [A @ A.T @ A, A.T @ A @ A, A @ A @ A.T, A @ A @ A, (A @ A @ A).T]
    assert all(
        canonical(normalise(p)) is not canonical(normalise(q)) for p, q in itertools.combinations(turned, 2)
    )


def test_many_equal_factors_end():
    many = contract([(v, (i,)) for i in range(40) for _ in range(2)], ())
    assert canonical(many).shape == ()


def test_deep_expressions_do_not_recurse():
    x = e = gw.scalar("x")
    for _ in range(3000):
        e = gw.sin(e)
    assert normalise(e + e) is normalise(2 * e)
    assert canonical(x) is x


def test_decimals_stay_short():
    assert product(Fraction(3), 0.1) == 0.3 and plus(0.1, 0.2) == 0.1 + 0.2 and raised(0.1, 2) == 0.01
    assert product(0.1, 1 / 3) == 0.1 * (1 / 3)
    assert product(Fraction(10) ** 400, 0.1) == Fraction(10) ** 399
    x = gw.scalar("x")
    assert normalise(gw.constant(0.1) ** 2 * x) is normalise(0.01 * x)


def test_powers_of_numbers_stay_small():
    x = gw.scalar("x")
    for k in (10**7, -(10**7)):
        assert len(str(normalise(gw.constant(10) ** k * x))) < 450
    with pytest.raises(gw.errors.GradworkError, match="beyond the largest float64"):
        gw.constant(10) ** 10**400
    assert raised(Fraction(-1), 10**400 + 1) == -1 and raised(0.5, 10**5) is None


def test_only_deviations_from_the_mean_vanish():
    x, m = gw.vector("x", n), gw.matrix("m", n, gw.dims("d")[0])
    for zero in (
        x * x - gw.mean(x * x),
        m - gw.mean(m),
        m - gw.mean(m, axis=0, keepdims=True),
        gw.vector("z", 5) - gw.mean(gw.vector("z", 5)),
        x - v - gw.mean(x - v),
    ):
        assert str(normalise(gw.sum(zero))) == "0"
    for other in (x - 2 * gw.mean(x), x - gw.mean(v), x - 1, m - gw.mean(m) / 2, x - gw.sum(x)):
        assert str(normalise(gw.sum(other))) != "0"
