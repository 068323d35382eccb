"""Doubled precision from float64, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from gradwork.stats.compensated import residual, transposed_product, two_product, two_sum

RNG = np.random.default_rng(1)


def test_sums_and_products_are_exact() -> None:
    a = RNG.normal(size=200) * 10.0 ** RNG.integers(-20, 20, 200)
    b = RNG.normal(size=200) * 10.0 ** RNG.integers(-20, 20, 200)
    s, e = two_sum(a, b)
    p, f = two_product(a, b)
    for i in range(200):
        assert Fraction(s[i]) + Fraction(e[i]) == Fraction(a[i]) + Fraction(b[i])
        assert Fraction(p[i]) + Fraction(f[i]) == Fraction(a[i]) * Fraction(b[i])


def test_a_residual_that_cancels_to_its_last_digits() -> None:
    X = RNG.normal(size=(37, 4))
    b, b_low = RNG.normal(size=4), 1e-17 * RNG.normal(size=4)
    y = X @ b
    r = np.zeros(37)
    got = residual(y, X, b, b_low, r, r)
    for i in range(37):
        exact = Fraction(y[i]) - sum(
            Fraction(X[i, j]) * (Fraction(b[j]) + Fraction(b_low[j])) for j in range(4)
        )
        assert abs(Fraction(got[i]) - exact) <= abs(exact) * Fraction(1, 10**12)


def test_a_transposed_product_that_cancels() -> None:
    X = RNG.normal(size=(1001, 3))
    r = RNG.normal(size=1001)
    r -= X @ np.linalg.lstsq(X, r)[0]
    got = transposed_product(X, r, np.zeros(1001))
    for j in range(3):
        exact = sum(Fraction(X[i, j]) * Fraction(r[i]) for i in range(1001))
        assert abs(Fraction(got[j]) - exact) <= abs(exact) * Fraction(1, 10**12)


def test_blocks_of_rows_make_no_difference() -> None:
    X = RNG.normal(size=(70_000, 8))
    r = RNG.normal(size=70_000)
    zero = np.zeros(70_000)
    assert np.allclose(transposed_product(X, r, zero), X.T @ r, rtol=1e-9)
    assert np.allclose(residual(r, X, np.ones(8), np.zeros(8), zero, zero), r - X.sum(axis=1))
