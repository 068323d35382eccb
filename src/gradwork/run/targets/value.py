"""A piece of source text: what it computes, how tightly it binds, and which axes of the result it carries."""

from __future__ import annotations

from dataclasses import dataclass, replace

# How tightly a piece of Python binds. `*` and `@` bind equally in Python, so they get levels of their own: each
# mix of the two is bracketed, because a reader should not have to remember which of them comes first.
COMPARE, SUM, STAR, AT, UNARY, POWER, ATOM = range(7)


@dataclass(frozen=True, slots=True)
class Value:
    """A piece of source text.

    text:     the text itself.
    level:    how tightly its outermost operator binds.
    axes:     the axes of the expression that the array of `text` carries, in order. The other axes are
              broadcast: the text `b` with axes (1,) stands for the matrix whose rows are all b.
    python:   whether it is a Python number, not an array (sizes, constants).
    boolean:  whether its components are truth values rather than numbers.
    negative: the value is minus the text, so that a sum can write it as a subtraction.
    divisor:  if the value is 1/divisor: so that a product can write it as a division.
    """

    text: str
    level: int = ATOM
    axes: tuple[int, ...] = ()
    python: bool = False
    boolean: bool = False
    negative: bool = False
    divisor: Value | None = None

    def __str__(self) -> str:
        return self.signed().text

    def __format__(self, spec: str) -> str:
        return str(self)

    def signed(self) -> Value:
        """Return the same value with its minus sign in the text."""
        if not self.negative:
            return self
        # -x * y is (-x) * y, the same number as -(x * y); but -A @ B would negate all of A.
        inner = self.bracket() if self.level in (COMPARE, SUM, AT) else self.text
        level = STAR if self.level == STAR else UNARY
        return replace(self, text=f"-{inner}", level=level, negative=False, divisor=None)

    def bracket(self) -> str:
        """Return the text in brackets, unless it is a single thing already (sign left out)."""
        return self.text if self.level == ATOM else f"({self.text})"

    @property
    def atom(self) -> str:
        """The text (with its sign) in brackets unless it is a single thing: for `.T`, indexing, methods."""
        return self.signed().bracket()

    def beside(self, sign: str, left: bool) -> str:
        """Return the text as the left or right operand of `*`, `/`, `@` or `**`, bracketed where needed."""
        value = self.signed()
        if sign == "**":
            fits = value.level == ATOM
        elif sign == "@":
            fits = value.level in (POWER, ATOM) or (left and value.level == AT)
        elif left:
            fits = value.level in (STAR, UNARY, POWER, ATOM)
        else:
            fits = value.level in (POWER, ATOM)
        return value.text if fits else f"({value.text})"


def star(left: Value, right: Value, axes: tuple[int, ...] = (), sign: str = "*") -> Value:
    """Return `left * right` (or `left / right`)."""
    text = f"{left.beside(sign, True)} {sign} {right.beside(sign, False)}"
    return Value(text, STAR, axes, python=left.python and right.python)


def matmul(left: Value, right: Value) -> Value:
    """Return `left @ right`."""
    return Value(f"{left.beside('@', True)} @ {right.beside('@', False)}", AT)
