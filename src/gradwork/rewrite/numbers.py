"""Arithmetic of the numbers in front: exact for fractions, and decimal for numbers written as decimals."""

from __future__ import annotations

import math
from fractions import Fraction

Number = Fraction | float

_MAX_BITS = 1000  # a power of a number is written out up to this size, which every float can hold
_MAX_DIGITS = 12  # a float of no more digits was written by a person, who meant the decimal


def _meaning(v: Number) -> Fraction | None:
    # The decimal that a short float stands for: 0.1 is 1/10.
    if isinstance(v, (Fraction, int)):
        return Fraction(v)
    if not math.isfinite(v):
        return None
    digits = repr(v).lower().split("e")[0].strip("-").replace(".", "").strip("0")
    return Fraction(repr(v)) if len(digits) <= _MAX_DIGITS else None


def _combine(a: Number, b: Number, operation) -> Number:
    if isinstance(a, (Fraction, int)) and isinstance(b, (Fraction, int)):
        return operation(Fraction(a), Fraction(b))
    p, q = _meaning(a), _meaning(b)
    if p is not None and q is not None:
        exact = operation(p, q)
        try:
            return float(exact)
        except OverflowError:
            return exact
    try:
        return operation(float(a), float(b))
    except OverflowError:
        return math.nan


def product(a: Number, b: Number) -> Number:
    """Return a·b.

    >>> product(Fraction(3), 0.1)
    0.3
    """
    return _combine(a, b, lambda p, q: p * q)


def plus(a: Number, b: Number) -> Number:
    """Return a + b: exact for fractions, and as floats add otherwise.

    A program that computes 1 − ρ must compute what every other one computes.

    >>> plus(Fraction(1), -0.9)
    0.09999999999999998
    """
    if isinstance(a, (Fraction, int)) and isinstance(b, (Fraction, int)):
        return Fraction(a) + Fraction(b)
    return float(a) + float(b)


def raised(v: Number, k: int) -> Number | None:
    """Return vᵏ for a whole k, or None where it would be too large to write out or leave the floats.

    >>> raised(Fraction(2), 10), raised(Fraction(10), 10**7), raised(0.1, 2)
    (Fraction(1024, 1), None, 0.01)
    """
    exact = _meaning(v)
    if exact is not None:
        if exact in (1, -1):
            return exact if k % 2 else Fraction(1)
        bits = max(exact.numerator.bit_length(), exact.denominator.bit_length())
        if abs(k) * bits > _MAX_BITS or exact == 0:
            return None
        power = exact**k
        if isinstance(v, (Fraction, int)):
            return power
    try:
        result = float(v) ** k if exact is None else float(power)
    except OverflowError:
        return None
    return result if math.isfinite(result) and result != 0 else None
