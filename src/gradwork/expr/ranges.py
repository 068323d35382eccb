"""The numbers that constants hold: exact where they are rational, and within what floats can hold."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from gradwork.errors import GradworkError


def number(value: Any) -> Fraction | float:
    """Return a number in the form in which constants hold it: exact when it is rational and whole."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (bool, np.bool_)):
        return Fraction(int(value))
    if isinstance(value, (int, np.integer)):
        return Fraction(int(value))
    real = float(value)
    return Fraction(int(real)) if math.isfinite(real) and real == int(real) and abs(real) < 2**53 else real


def check_range(exact: Fraction) -> None:
    """Raise where an exact number lies beyond the floats: no program could compute with it."""
    try:
        lost = exact != 0 and float(exact) == 0
    except OverflowError:
        raise GradworkError("number too large", number=_digits(exact)) from None
    if lost:
        raise GradworkError("number too small", number=_digits(exact))


def _digits(exact: Fraction) -> str:
    # About 10^k, without writing the digits out.
    power = (exact.numerator.bit_length() - exact.denominator.bit_length()) * math.log10(2)
    return f"{'-' if exact < 0 else ''}10^{round(power)}"
