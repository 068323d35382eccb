"""How numbers are written for people: true minus signs, sensible digits, short powers of ten."""

from __future__ import annotations

import math

MINUS = "\u2212"


def minus(text: str) -> str:
    """Return the text of a number with its hyphens as true minus signs.

    >>> minus("-1.5")
    '−1.5'
    """
    return text.replace("-", MINUS)


def short(value: float, digits: int = 4) -> str:
    """Return a number with that many significant digits, as short as they allow.

    >>> short(2619.24, 2), short(0.99981, 4), short(1.0), short(-0.000012345), short(15750.25, 7)
    ('2619', '0.9998', '1', '−1.234e−5', '15750.25')
    """
    if math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    text = f"{value:.{digits}g}"
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return power(value, digits)
    if "e" in text:  # more digits before the point than were asked for: all of them, for 54322 reads well
        text = f"{value:.0f}"
    return minus(text)


def power(value: float, digits: int = 2) -> str:
    """Return a number as a coefficient and a power of ten, without padding; from 1 to 999 there is no power.

    >>> power(2619.24), power(1.2e-15, 4), power(1e6), power(232.4), power(1.2)
    ('2.6e3', '1.2e−15', '1e6', '230', '1.2')
    """
    if not math.isfinite(value):
        return short(value)
    if value == 0:
        return "0"
    coefficient, exponent = f"{value:.{digits - 1}e}".split("e")
    if 0 <= int(exponent) <= 2:
        return minus(f"{float(f'{coefficient}e{exponent}'):.15g}")
    if "." in coefficient:
        coefficient = coefficient.rstrip("0").rstrip(".")
    return minus(f"{coefficient}e{int(exponent)}")


def fixed(value: float, decimals: int) -> str:
    """Return a number with that many decimals; what is not a number is a dash.

    >>> fixed(-0.0004, 3), fixed(1.23456, 3), fixed(float("nan"), 3)
    ('0.000', '1.235', '—')
    """
    if not math.isfinite(value):
        return short(value)
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return minus(text)


def percent(value: float, decimals: int = 1) -> str:
    """Return a share as a percentage, never rounded up to 100.

    >>> percent(0.93321), percent(0.9999), percent(1.0)
    ('93.3 %', '99.9 %', '100.0 %')
    """
    unit = 10**decimals
    return f"{math.floor(100 * unit * value + (0.5 if value < 0.999 else 1e-9)) / unit:.{decimals}f} %"


def p_value(value: float, decimals: int = 3) -> str:
    """Return a p-value; one below the last decimal is said to be below it.

    >>> p_value(0.0004), p_value(0.58), p_value(0.001)
    ('<0.001', '0.580', '0.001')
    """
    if math.isnan(value):
        return "—"
    least = 10.0**-decimals
    return f"<{least:.{decimals}f}" if value < least else f"{value:.{decimals}f}"


def nines(value: float) -> str:
    """Return a factor just below one with as many nines as it has, and one digit more.

    >>> nines(0.99999971), nines(0.75), nines(0.9985)
    ('0.9999997', '0.75', '0.998')
    """
    if not 0.9 < value < 1:
        return short(value, 3)
    digits = math.floor(-math.log10(1 - value)) + 1
    return f"{math.floor(value * 10**digits) / 10**digits:.{digits}f}"


def rate(value: float) -> str:
    """Return a learning rate as one types it.

    >>> rate(1e-4), rate(0.05), rate(4e-05)
    ('1e-4', '0.05', '4e-5')
    """
    text = f"{value:.4g}" if value >= 1e-3 else f"{value:.3e}"
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return mantissa + (f"e{int(exponent)}" if exponent else "")


def linear_combination(coefficients, names, digits: int = 4) -> str:
    """Return Σ cⱼ nameⱼ as text, a coefficient of one unwritten; the name "intercept" stands for 1.

    >>> linear_combination([3, -2.5, 1], ["intercept", "b", "c"])
    '3 − 2.5 b + c'
    """
    text = ""
    for c, name in zip(coefficients, names, strict=True):
        if name == "intercept":
            size, name = short(abs(c), digits), ""
        else:
            size = "" if abs(abs(c) - 1) < 1e-9 else short(abs(c), digits) + " "
        sign = MINUS if c < 0 else "+"
        lead = (sign if c < 0 else "") if not text else f" {sign} "
        text += f"{lead}{size}{name}"
    return text or "0"
