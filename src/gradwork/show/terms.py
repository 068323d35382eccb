"""Terms: a number, scalars above and below the fraction bar, and one array."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.node import CONSTANT, Expr
from gradwork.expr.notation import (
    BigSum,
    Call,
    Fence,
    Hadamard,
    Letter,
    Math,
    MatMul,
    Number,
    Power,
    Quotient,
    Raw,
    Root,
    Sum,
    Times,
)
from gradwork.ops.contraction import CONTRACT
from gradwork.show.pieces import Piece, fraction_sides, is_fraction, write


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar factor: something to a positive power. `key` tells equal ones apart from others."""

    math: Math
    power: Fraction | float = Fraction(1)
    key: object = None


@dataclass(slots=True)
class Term:
    """A product: the number, the scalars over and under the bar, the array (none for a scalar)."""

    number: Fraction | float = Fraction(1)
    over: list[Scalar] = field(default_factory=list)
    under: list[Scalar] = field(default_factory=list)
    body: Piece | None = None

    def times(self, other: Term) -> None:
        """Multiply by the scalars of another term."""
        self.number = self.number * other.number
        for scalar in other.over:
            gather(self.over, scalar)
        for scalar in other.under:
            gather(self.under, scalar)


def gather(scalars: list[Scalar], new: Scalar) -> None:
    """Add a scalar factor; equal ones that stand side by side become a power."""
    for k, old in enumerate(scalars):
        if new.key is not None and old.key is new.key:
            scalars[k] = Scalar(old.math, old.power + new.power, old.key)
            return
    scalars.append(new)


def size_term(dim: Dim, power: Fraction) -> Term:
    """Return a size to a whole power as a term: the product of its names, or the whole in brackets.

    >>> from gradwork.show.unicode import UNICODE
    >>> UNICODE.spell(write_term(size_term(Dim.of("n") * 2, Fraction(-1)))[1])
    '1/(2n)'
    """
    term = Term()
    side = term.over if power > 0 else term.under
    if len(dim.terms) != 1 or power.denominator != 1:
        side.append(Scalar(size_math(dim), abs(power), ("size", dim)))
        return term
    ((monomial, coefficient),) = dim.terms
    term.number = Fraction(coefficient) ** int(power)
    side += [Scalar(_atom(a), abs(power) * k) for a, k in monomial]
    return term


def _atom(atom: object) -> Math:
    if isinstance(atom, str):
        return Letter(atom, "size")
    kind, top, bottom = atom  # type: ignore[misc]
    text = Dim(((((atom, 1),), 1),)).render(times="*")
    if kind == "min":
        return Raw(text, text, rf"\min({top}, {bottom})")
    return Raw(text, f"⌊{top}/{bottom}⌋", rf"\left\lfloor {top}/{bottom} \right\rfloor")


def size_math(dim: Dim) -> Math:
    """Return a size as mathematics."""
    parts: list[tuple[bool, Math]] = []
    for monomial, coefficient in dim.terms:
        factors: list[Math] = (
            [Number(Fraction(abs(coefficient)))] if abs(coefficient) != 1 or not monomial else []
        )
        factors += [_raised(Scalar(_atom(a), Fraction(k))) for a, k in monomial]
        parts.append((coefficient < 0, _beside(factors)))
    return parts[0][1] if len(parts) == 1 and not parts[0][0] else Sum(tuple(parts))


def write_term(term: Term) -> tuple[bool, Math]:
    """Return a term as (negative, mathematics).

    Sizes, letters and numbers stand in front as a coefficient (2/n Xᵀr); anything else in a denominator takes
    the whole term above its bar (Xᵀr/‖r‖).
    """
    term = _roots_below(term)
    number = term.number
    negative = number < 0
    over_number, under_number = _sides(abs(number))
    over = sorted(term.over, key=_order)
    heads = [_raised(s) for s in over if _order(s) == 0]
    rest = [_raised(s) for s in over if _order(s) > 0]
    under = [_raised(s) for s in sorted(term.under, key=_order)]
    lead = [Number(over_number)] if over_number != 1 else []
    below = ([Number(under_number)] if under_number != 1 else []) + under
    body = None if term.body is None else write(term.body.factors)
    if not below and not is_fraction(term.body):
        return negative, _beside([*lead, *heads, *rest, *([] if body is None else [body])])
    simple = all(_order(s) == 0 for s in term.under)
    in_front = simple and (body is not None or any(isinstance(r, (BigSum, MatMul)) for r in rest))
    if below and in_front:
        coefficient = Quotient(_beside([*lead, *heads]), _beside(below))
        return negative, Times((coefficient, *rest, *([] if body is None else [body])))
    if is_fraction(term.body):
        assert term.body is not None
        top, bottom = fraction_sides(term.body)
        if lead or heads or rest:
            top = _beside([*lead, *heads, *rest, *([] if _is_one(top) else [top])])
        return negative, Quotient(top, _beside([*below, bottom]) if below else bottom)
    return negative, Quotient(
        _beside([*lead, *heads, *rest, *([] if body is None else [body])]), _beside(below)
    )


def _roots_below(term: Term) -> Term:
    """Return a term with √(2π)/(2π) as 1/√(2π): a root above what it is the root of goes below the bar."""
    for root in term.over:
        base = root.key
        if not isinstance(base, Expr) or root.power not in (0.5, 1):
            continue
        if root.power == 1:
            if base.op.name != "sqrt":
                continue
            base = base.args[0]
        if base.op is not CONTRACT or base.ndim or any(x.ndim for x in base.args):
            continue
        number, below = Fraction(1), list(term.under)
        for part in base.args:
            at = next((k for k, s in enumerate(below) if s.key is part and s.power >= 1), None)
            if part.op is CONSTANT and isinstance(part.params[0], Fraction):
                number *= part.params[0]
            elif at is None:
                break
            else:
                found = below.pop(at)
                if found.power > 1:
                    below.insert(at, Scalar(found.math, found.power - 1, found.key))
        else:
            if isinstance(term.number, Fraction) and term.number.denominator % number == 0:
                over = [s for s in term.over if s is not root]
                return Term(term.number * number, over, [*below, root], term.body)
    return term


def math_of(term: Term) -> Math:
    """Return a term as mathematics with its sign."""
    negative, math = write_term(term)
    return Sum(((True, math),)) if negative else math


def _sides(number: Fraction | float) -> tuple[Fraction | float, Fraction]:
    if isinstance(number, Fraction):
        return Fraction(number.numerator), Fraction(number.denominator)
    return number, Fraction(1)


def _is_one(math: Math) -> bool:
    return isinstance(math, Number) and math.value == 1


def _raised(scalar: Scalar) -> Math:
    return raised(scalar.math, scalar.power)


def raised(base: Math, power: Fraction | float) -> Math:
    """Return a positive power, with the square root as a root."""
    if power == 1:
        return base
    return Root(base) if power == 0.5 else Power(base, Number(power))


def _beside(factors: list[Math]) -> Math:
    if not factors:
        return Number(Fraction(1))
    return factors[0] if len(factors) == 1 else Times(tuple(factors))


def _order(scalar: Scalar) -> int:
    """Return where a scalar stands among others: letters, brackets and norms, functions, products, sums."""
    math = scalar.math
    if isinstance(math, (Letter, Raw)):
        return 0 if scalar.power != 0.5 and not (isinstance(math, Letter) and math.kind == "adjoint") else 2
    if isinstance(math, Number):
        return 0 if scalar.power != 0.5 else 2
    if scalar.power != 1 or isinstance(math, (Fence, Quotient, Power)):
        return 2
    if isinstance(math, Sum):
        return 1 if len(math.terms) > 1 else 2
    if isinstance(math, (MatMul, Hadamard, Times)):
        return 4
    if isinstance(math, BigSum):
        return 5
    return 3 if isinstance(math, (Call, Root)) else 2
