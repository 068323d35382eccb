"""Symbolic sizes: integer polynomials in named sizes, in one canonical form.

`n − k + 1` built in any order is the same `Dim`, so shapes can be compared by equality.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Union

from gradwork.errors import ShapeError

DimLike = Union["Dim", int, str]

# An atom is a size's name, a quotient `("//", numerator, denominator)` that does not divide exactly, or the smaller
# of two, `("min", a, b)`.
# A monomial is a sorted tuple of (atom, power); a Dim is a sorted tuple of (monomial, coefficient).


class Dim:
    """A size: an integer, a name such as `n`, or arithmetic of them.

    >>> n, k = dims("n", "k")
    >>> n - k + 1 == 1 + n - k
    True
    >>> print((n - k + 1) * 2)
    2n - 2k + 2
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: tuple):
        self.terms = terms
        self._hash = hash(terms)

    @staticmethod
    def of(value: DimLike) -> Dim:
        """Return the size that `value` (an integer, a name or a Dim) stands for."""
        if isinstance(value, Dim):
            return value
        return _of(value)

    @property
    def value(self) -> int | None:
        """The integer that this size is, or None while it holds a name."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    @property
    def names(self) -> frozenset[str]:
        """The names in this size."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom, _ in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found |= atom[1].names | atom[2].names
        return frozenset(found)

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Return this size as an integer, given the integers of its names."""
        total = 0
        for monomial, coefficient in self.terms:
            for atom, power in monomial:
                if isinstance(atom, str):
                    base = sizes[atom]
                else:
                    first, second = atom[1].evaluate(sizes), atom[2].evaluate(sizes)
                    base = min(first, second) if atom[0] == "min" else first // second
                coefficient *= base**power
            total += coefficient
        return total

    def __add__(self, other: DimLike) -> Dim:
        if not _is_size(other):
            return NotImplemented
        total = dict(self.terms)
        for monomial, coefficient in Dim.of(other).terms:
            total[monomial] = total.get(monomial, 0) + coefficient
        return _canonical(total)

    def __mul__(self, other: DimLike) -> Dim:
        if not _is_size(other):
            return NotImplemented
        total: dict = {}
        for left, a in self.terms:
            for right, b in Dim.of(other).terms:
                powers = dict(left)
                for atom, power in right:
                    powers[atom] = powers.get(atom, 0) + power
                monomial = tuple(sorted(powers.items(), key=repr))
                total[monomial] = total.get(monomial, 0) + a * b
        return _canonical(total)

    def __floordiv__(self, other: DimLike) -> Dim:
        other = Dim.of(other)
        if other.value == 0:
            raise ShapeError("size cannot be divided by 0", it=self)
        if other.value == 1:
            return self
        if self.value is not None and other.value is not None:
            return Dim.of(self.value // other.value)
        if other.value is not None and all(c % other.value == 0 for _, c in self.terms):
            return _canonical({m: c // other.value for m, c in self.terms})
        if self == other:
            return Dim.of(1)
        quotient = _divide_by_monomial(self, other)
        return quotient if quotient is not None else Dim((((((("//", self, other)), 1),), 1),))

    def __radd__(self, other: DimLike) -> Dim:
        return self + other

    def __rmul__(self, other: DimLike) -> Dim:
        return self * other

    def __sub__(self, other: DimLike) -> Dim:
        if not _is_size(other):
            return NotImplemented
        return self + Dim.of(other) * -1

    def __rsub__(self, other: DimLike) -> Dim:
        return Dim.of(other) - self

    def __neg__(self) -> Dim:
        return self * -1

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, str)):
            other = Dim.of(other)
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple:
        return Dim, (self.terms,)  # its hash differs from process to process

    def __str__(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        return f"Dim({self})"

    def render(self, times: str = "", power: str = "^", minus: str = "-", quotient: str = "//") -> str:
        """Return the size as text, with the given marks for products, powers, minus and quotients.

        The code printers pass `times="*", power="**"`.
        """
        if not self.terms:
            return "0"
        out = ""
        for monomial, coefficient in self.terms:
            parts = []
            for atom, exponent in monomial:
                if isinstance(atom, str):
                    base = atom
                else:
                    top, bottom = (atom[i].render(times, power, minus, quotient) for i in (1, 2))
                    if atom[0] == "min":
                        base = f"min({top}, {bottom})"
                        parts.append(base if exponent == 1 else f"{base}{power}{exponent}")
                        continue
                    base = f"({top}){quotient}{f'({bottom})' if len(atom[2].terms) > 1 else bottom}"
                    if len(monomial) > 1 or abs(coefficient) != 1 or exponent != 1:
                        base = f"({base})"
                parts.append(base if exponent == 1 else f"{base}{power}{exponent}")
            size = abs(coefficient)
            if size != 1 or not parts:
                parts.insert(0, str(size))
            joined = (times or ("" if size != 1 and len(parts) == 2 else " ")).join(parts)
            sign = minus if coefficient < 0 else "+"
            out = (minus if coefficient < 0 else "") + joined if not out else f"{out} {sign} {joined}"
        return out


def _is_size(x: object) -> bool:
    # Anything else (an expression, 0.5) meets a size as a number: see `gradwork.expr.node.constant`.
    return isinstance(x, (Dim, str)) or hasattr(x, "__index__")


@lru_cache(maxsize=4096)
def _of(value: int | str) -> Dim:
    if isinstance(value, str):
        if value.isdigit():
            return _of(int(value))
        if not value.isidentifier():
            raise ShapeError("not the name of a size", value=value)
        return Dim(((((value, 1),), 1),))
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ShapeError("size is whole number or name", value=value)
    number = value.__index__()
    return Dim((((), number),) if number else ())


def _order(item: tuple) -> tuple:
    # Higher degree first, then by name; constants last: n - k + 1.
    monomial, coefficient = item
    degree = sum(power for _, power in monomial)
    return (-degree, coefficient < 0, repr(monomial))


def _canonical(total: dict) -> Dim:
    return Dim(tuple(sorted(((m, c) for m, c in total.items() if c), key=_order)))


def _divide_by_monomial(top: Dim, bottom: Dim) -> Dim | None:
    # (n d) // d is n: exact when every monomial of `top` holds the whole of a one-term `bottom`.
    if len(bottom.terms) != 1:
        return None
    (divisor, number) = bottom.terms[0]
    total = {}
    for monomial, coefficient in top.terms:
        powers = dict(monomial)
        for atom, power in divisor:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % number or any(p < 0 for p in powers.values()):
            return None
        total[tuple(sorted(((a, p) for a, p in powers.items() if p), key=repr))] = coefficient // number
    return _canonical(total)


def smaller(a: DimLike, b: DimLike) -> Dim:
    """Return the smaller of two sizes; while it is not known which that is, it is written min(n, d).

    >>> print(smaller(3, 5), smaller("n", "n"), smaller("n", "d"))
    3 n min(d, n)
    """
    a, b = sorted((Dim.of(a), Dim.of(b)), key=str)
    difference = (a - b).value
    if difference is not None:
        return a if difference <= 0 else b
    atom = ("min", a, b)
    return Dim(((((atom, 1),), 1),))


def dims(*names: str) -> tuple[Dim, ...]:
    """Return one size for each name.

    >>> n, d = dims("n", "d")
    >>> print(n * d)
    d n
    """
    return tuple(Dim.of(name) for name in names)


def shape_text(shape: tuple[Dim, ...]) -> str:
    """Return a shape as people write it: `n×d`, `n`, or `scalar`; sums in brackets where there are several sizes.

    >>> n, k = Dim.of("n"), Dim.of("k")
    >>> shape_text((n, k)), shape_text((n - k + 1,)), shape_text((n - k + 1, n))
    ('n×k', 'n − k + 1', '(n − k + 1) × n')
    """
    if not shape:
        return "scalar"
    texts = [d.render(minus="−") for d in shape]
    if len(shape) == 1:
        return texts[0]
    compound = [" " in t or "//" in t for t in texts]
    sign = " × " if any(compound) else "×"
    return sign.join(f"({t})" if c else t for t, c in zip(texts, compound))
