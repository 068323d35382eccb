"""Identities of polynomials and quotients of them, proved modulo a prime.

A number is a pair a + a′ε of residues modulo p = 2⁶¹ − 1 with ε² = 0, so that f(x + u ε) = f(x) + (∂f/∂x u) ε without
any rounding. Two different polynomials of degree m agree at a random point with a chance of at most m/p (Schwartz
and Zippel): below one in 10¹⁶ for any formula that a person writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradwork.check.numbers import Evaluator, Field, Untold
from gradwork.expr.node import Expr, facts, walk

PRIME = 2**61 - 1
POINTS = 2
WORK = 4_000  # components of an expression, beyond which nothing is proved


class Residue:
    """A residue and its derivative."""

    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int = 0):
        self.a, self.b = a % PRIME, b % PRIME

    def __add__(self, other: Residue) -> Residue:
        if not isinstance(other, Residue):
            return NotImplemented  # an array: NumPy takes each of its entries
        return Residue(self.a + other.a, self.b + other.b)

    def __sub__(self, other: Residue) -> Residue:
        if not isinstance(other, Residue):
            return NotImplemented  # an array: NumPy takes each of its entries
        return Residue(self.a - other.a, self.b - other.b)

    def __neg__(self) -> Residue:
        return Residue(-self.a, -self.b)

    def __mul__(self, other: Residue) -> Residue:
        if not isinstance(other, Residue):
            return NotImplemented  # an array: NumPy takes each of its entries
        return Residue(self.a * other.a, self.a * other.b + self.b * other.a)

    def __abs__(self) -> int:
        return self.a

    def __eq__(self, other: object) -> bool:
        return self.a == (other.a if isinstance(other, Residue) else other)

    __hash__ = None  # type: ignore[assignment]

    def __int__(self) -> int:
        return self.a if self.a <= PRIME // 2 else self.a - PRIME


class Residues(Field):
    """Residues modulo a prime."""

    def number(self, value: Any) -> Any:
        """Return a fraction as a residue; a rounded number has none."""
        if isinstance(value, Residue):
            return value
        if isinstance(value, (int, np.integer)):
            return Residue(int(value))
        if isinstance(value, Fraction):
            return Residue(value.numerator * pow(value.denominator, -1, PRIME))
        raise Untold("a rounded number")

    def power(self, x: Any, p: Any) -> Any:
        """Return xᵖ for a whole p that does not vary."""
        k = int(p)
        if p.b or abs(k) > 1000:
            raise Untold("power")
        if k < 0 and x.a == 0:
            raise Untold("a division by 0")
        # (a + a′ε)ᵏ = aᵏ + k aᵏ⁻¹a′ε
        first = pow(x.a, k, PRIME) if k else 1
        return Residue(first, k * pow(x.a, k - 1, PRIME) * x.b if k and x.b else 0)

    def order(self, x: Any) -> Any:
        """Residues have no order."""
        raise Untold("a comparison")


def proved(
    claims: Sequence[tuple[Expr, Expr, Expr]], sizes: Mapping[str, int], rng: np.random.Generator
) -> bool:
    """Tell whether every claim (f, x, ∂f/∂x) was found to be an identity of polynomials or quotients of them."""
    nodes = list(walk(*(e for f, _, g in claims for e in (f, g))))
    if any(n.op.name not in _RATIONAL for n in nodes) or not _small(nodes, sizes):
        return False
    field = Residues()
    symbols = {n.params[0]: n for n in nodes if n.op.name == "symbol"}
    if any(facts(s) & {"orthogonal", "onehot"} for s in symbols.values()):
        return False
    try:
        return all(
            _identity(f, x, g, symbols, sizes, field, rng) for _ in range(POINTS) for f, x, g in claims
        )
    except (Untold, ValueError, ZeroDivisionError):
        return False


def _identity(
    f: Expr,
    x: Expr,
    g: Expr,
    symbols: Mapping[str, Expr],
    sizes: Mapping[str, int],
    field: Residues,
    rng: Any,
) -> bool:
    values = {label: _drawn(s, sizes, rng) for label, s in symbols.items()}
    label = x.params[0]
    direction: Any = _drawn(x, sizes, rng)
    here: Any = values.get(label, direction)
    moved = np.empty(here.shape, dtype=object)
    for i in np.ndindex(here.shape):
        moved[i] = Residue(here[i].a, direction[i].a)
    (found,) = Evaluator(field, {**values, label: moved}, sizes)(f)
    (claimed,) = Evaluator(field, values, sizes)(g)
    axes = tuple(range(claimed.ndim - x.ndim, claimed.ndim))
    along = np.sum(claimed * direction, axis=axes) if axes else claimed * direction[()]
    along = np.broadcast_to(np.asarray(along, dtype=object), found.shape)
    sides: Any = along
    return all(found[i].b == sides[i].a for i in np.ndindex(found.shape))


def _drawn(symbol: Expr, sizes: Mapping[str, int], rng: Any) -> Any:
    shape = tuple(d.evaluate(dict(sizes)) for d in symbol.shape)
    known, out = facts(symbol), np.empty(shape, dtype=object)
    if "integer" in known:
        raise Untold("whole numbers")
    for i in np.ndindex(shape):
        j = tuple(sorted(i)) if "symmetric" in known else i
        zero = ("diagonal" in known and i[0] != i[1]) or ("lower" in known and i[0] < i[1])
        if j != i:
            out[i] = out[j]
        else:
            out[i] = Residue(0 if zero else int(rng.integers(1, PRIME)))
    return out


def _small(nodes: Sequence[Expr], sizes: Mapping[str, int]) -> bool:
    known = dict(sizes)
    try:
        work = sum(int(np.prod([d.evaluate(known) for d in n.shape], dtype=float)) for n in nodes)
    except KeyError:
        return False
    return work <= WORK


_RATIONAL = frozenset({
    "symbol", "constant", "array", "size", "ones", "zeros", "eye", "tril", "name", "contract", "add", "power", "index",
    "place", "gather", "scatter", "reshape", "concatenate", "window", "fold", "pad", "flip", "cumsum", "batchmean",
    "avgpool", "prod", "inv", "det", "cofactor",
})  # fmt: skip
