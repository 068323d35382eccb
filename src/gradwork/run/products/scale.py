"""The scalars of a product, gathered in front: −2/n.

A coefficient costs a pass over whatever it multiplies, so it goes onto the result, or onto a factor that is
clearly smaller than the result.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gradwork.expr.dims import Dim
from gradwork.run.products.order import Labels, volume
from gradwork.run.targets.value import STAR, Value, star

if TYPE_CHECKING:
    from gradwork.run.targets.numpy import Writer


def literal(value: Fraction | float) -> Value:
    """Return a number as Python text: whole numbers and short decimals as such, other fractions as p / q."""
    negative = value < 0
    size = abs(value)
    if isinstance(size, float):
        text = repr(float(size))
        if text in ("inf", "nan"):
            return Value(f'float("{text}")', python=True, negative=negative)
        return Value(text, python=True, negative=negative)
    if size.denominator == 1:
        return Value(str(size.numerator), python=True, negative=negative)
    decimal = repr(float(size))
    if len(decimal) <= 5 and Fraction(decimal) == size:
        return Value(decimal, python=True, negative=negative)
    return Value(f"{size.numerator} / {size.denominator}", STAR, python=True, negative=negative)


# Python's compiler descends into a * b * c * … one factor at a time, so a longer product is cut.
MANY = 200


@dataclass
class Scale:
    """A product of scalars: a number, and scalars above and below the line."""

    w: Writer
    value: Fraction = Fraction(1)
    top: list[Value] = field(default_factory=list)
    bottom: list[Value] = field(default_factory=list)
    divisors: list[tuple[Dim, Value]] = field(default_factory=list)  # those below the line that are sizes

    @property
    def empty(self) -> bool:
        """Whether there is nothing to multiply by."""
        return self.value == 1 and not (self.top or self.bottom or self.divisors)

    def number(self, value: Fraction | float) -> None:
        """Multiply by a number."""
        if isinstance(value, Fraction):
            self.value *= value
        else:
            self.times(literal(value))

    def size(self, dim: Dim) -> None:
        """Multiply by a size."""
        if dim.value is not None:
            self.value *= dim.value
        else:
            self.top.append(self.w.size(dim))

    def divide_by_size(self, dim: Dim) -> None:
        """Divide by a symbolic size."""
        self.divisors.append((dim, self.w.size(dim)))

    def times(self, value: Value) -> None:
        """Multiply by a scalar written as text."""
        if value.negative:
            self.value = -self.value
            value = replace(value, negative=False)
        if value.divisor is not None:
            self.bottom.append(value.divisor)
        else:
            self.top.append(self.w.number(value))
        joined = _chain(self.top) if len(self.top) >= MANY else None
        if joined is not None:
            self.top = [self.w.variable(joined, ())]

    def take_divisor(self, count: Dim) -> bool:
        """Take the division by `count` out of the scale, if it is there (a sum of so many terms is a mean)."""
        for k, (dim, _) in enumerate(self.divisors):
            if dim == count:
                del self.divisors[k]
                return True
        if count.value is not None and count.value > 1 and self.value.denominator % count.value == 0:
            self.value *= count.value
            return True
        return False

    def best_place(
        self,
        factors: Sequence[Labels],
        out: Labels,
        size: Mapping[Hashable, float],
        allowed: Sequence[bool],
    ) -> int | None:
        """Return the factor to multiply the scalars onto, or None for the result."""
        if self.empty or (abs(self.value) == 1 and not (self.top or self.bottom or self.divisors)):
            return None
        choices = [(volume(f, size), i) for i, f in enumerate(factors) if allowed[i]]
        if not choices or min(choices)[0] * 2 > volume(out, size):
            return None
        return min(choices)[1]

    def _parts(self) -> tuple[Value | None, Value | None]:
        # What stands above and below the line, without the sign.
        top, bottom = list(self.top), [*self.bottom, *(text for _, text in self.divisors)]
        size = abs(self.value)
        short = literal(size)
        if short.level != STAR and size.numerator != 1:
            top.insert(0, short)
        else:
            if size.numerator != 1:
                top.insert(0, Value(str(size.numerator), python=True))
            if size.denominator != 1:
                bottom.insert(0, Value(str(size.denominator), python=True))
        return _chain(top), _chain(bottom)

    def alone(self) -> Value:
        """Return the scalars as a value of their own."""
        top, bottom = self._parts()
        negative = self.value < 0
        if bottom is None:
            return replace(top or Value("1", python=True), negative=negative, divisor=None)
        if top is None:
            plain = literal(abs(self.value))
            if plain.level != STAR and not (self.bottom or self.divisors):
                return replace(plain, negative=negative)
            one = star(Value("1", python=True), bottom, sign="/")
            return replace(one, negative=negative, divisor=bottom)
        return replace(star(top, bottom, sign="/"), negative=negative)

    def on(self, body: Value) -> Value:
        """Return the scalars times `body`."""
        if self.empty:
            return body
        negative = (self.value < 0) != body.negative
        body = replace(body, negative=False)
        top, bottom = self._parts()
        if top is None:
            result = body if bottom is None else replace(star(body, bottom, sign="/"), divisor=None)
            return replace(result, axes=body.axes, negative=negative)
        lead = top if bottom is None else star(top, bottom, sign="/")
        if body.divisor is not None:
            return replace(star(lead, body.divisor, body.axes, "/"), negative=negative)
        if body.level == STAR and "/" not in body.text:
            # 2 * A * B computes as much as 2 * (A * B), and reads better.
            return replace(body, text=f"{lead.beside('*', True)} * {body.text}", negative=negative)
        return replace(star(lead, body, body.axes), negative=negative)


def _chain(values: list[Value]) -> Value | None:
    result: Value | None = None
    for value in values:
        result = value if result is None else star(result, value)
    return result
