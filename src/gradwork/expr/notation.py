"""Written mathematics as data: what an expression becomes before a printer spells it in its own alphabet.

Operations describe how they are written with these records; the printers in `show` know nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


class Math:
    """A piece of written mathematics."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Letter(Math):
    """A symbol's name; `kind` "adjoint" is written ∂f/∂name, "differential" dname; "size" is a symbolic size."""

    label: str
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Number(Math):
    """A number."""

    value: Fraction | float


@dataclass(frozen=True, slots=True)
class Raw(Math):
    """Text that is spelled differently in each alphabet; `atom` says that it needs no brackets."""

    text: str
    unicode: str
    latex: str
    atom: bool = True


@dataclass(frozen=True, slots=True)
class Either(Math):
    """What the formula language reads, and what a person reads, where the two differ."""

    text: Math
    shown: Math


@dataclass(frozen=True, slots=True)
class Call(Math):
    """A function of arguments: `tanh(Z)`; options are written as keywords."""

    name: str
    args: tuple[Math, ...]
    options: tuple[tuple[str, str], ...] = ()
    latex: str = ""
    unicode: str = ""


@dataclass(frozen=True, slots=True)
class Sum(Math):
    """Terms with their signs."""

    terms: tuple[tuple[bool, Math], ...]  # (negative, term)


@dataclass(frozen=True, slots=True)
class Times(Math):
    """Scalars, or a scalar and one other thing, side by side."""

    factors: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class MatMul(Math):
    """Matrices and vectors side by side."""

    factors: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class Outer(Math):
    """A column beside a row, abᵀ: the text of formulas needs a word for it, outer(a, b)."""

    left: Math
    right: Math  # already turned: bᵀ


@dataclass(frozen=True, slots=True)
class Hadamard(Math):
    """The elementwise product."""

    factors: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class Correlate(Math):
    """A kernel slid over an array, x ⋆ w, in steps of `stride` (empty: of one)."""

    left: Math
    right: Math
    stride: str = ""


@dataclass(frozen=True, slots=True)
class Quotient(Math):
    """A fraction; in front of something it is a coefficient: 2/n X."""

    top: Math
    bottom: Math


@dataclass(frozen=True, slots=True)
class Power(Math):
    """A power; `elementwise` powers of a matrix must not look like matrix powers."""

    base: Math
    exponent: Math
    elementwise: bool = False


@dataclass(frozen=True, slots=True)
class Transpose(Math):
    """A transposed matrix or vector. NumPy has no rows: the text of a transposed vector is the vector."""

    base: Math
    vector: bool = False


@dataclass(frozen=True, slots=True)
class Inverse(Math):
    """The inverse matrix, transposed if `transposed`."""

    base: Math
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Fence(Math):
    """Something between marks: |x|, ‖x‖, [x > 0], [Σₖ aᵢₖ]ᵢ, (x²)′. `kind`: abs, norm, det, bracket, entries, prime.

    sub: what stands below; of a prime the variable, where there are several.
    """

    kind: str
    body: Math
    sub: str = ""


@dataclass(frozen=True, slots=True)
class BigSum(Math):
    """A sum over everything (no indices) or over named indices."""

    indices: tuple[str, ...]
    body: Math
    operator: str = "sum"


@dataclass(frozen=True, slots=True)
class Indexed(Math):
    """Components: x with indices below (x_ij), or in brackets as in code (x[1:3])."""

    base: Math
    indices: tuple[str | Math, ...]
    brackets: bool = False


@dataclass(frozen=True, slots=True)
class Relation(Math):
    """A comparison."""

    sign: str
    left: Math
    right: Math


@dataclass(frozen=True, slots=True)
class Root(Math):
    """The square root."""

    body: Math


@dataclass(frozen=True, slots=True)
class Cases(Math):
    """One thing where a condition holds, another elsewhere."""

    condition: Math
    then: Math
    otherwise: Math


def function(name: str, latex: str = "", unicode: str = ""):
    """Return the notation of an ordinary function of its arguments."""
    return lambda node, args: Call(name, tuple(args), latex=latex, unicode=unicode)
