"""Sums as people write them: what is broadcast, which term comes first, what follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.node import ONES, Expr
from gradwork.expr.notation import (
    Call,
    Fence,
    Letter,
    Math,
    Number,
    Power,
    Sum,
    Times,
    Transpose,
)
from gradwork.show.pieces import Piece, is_elementwise, is_plain_diagonal

# Measuring a term looks at this many of its parts at most, so that printing stays linear.
_LOOK = 60


@dataclass(frozen=True, slots=True)
class Addend:
    """A term of a sum: its sign, and how it is written."""

    negative: bool
    math: Math


def broadcast_from(node: Expr) -> tuple[list[Expr], Expr | None] | None:
    """Return (scalars, thing) where `node` is a thing of fewer axes repeated along leading axes, else None.

    By NumPy's rule (and only by it) such a term can be written without its ones beside a full one: XW + b.
    """
    if node.op.name != "contract":
        return None
    labels, out = node.params
    scalars = [a for a in node.args if not a.ndim]
    arrays = [(a, own) for a, own in zip(node.args, labels) if a.ndim and a.op is not ONES]
    repeated = [own[0] for a, own in zip(node.args, labels) if a.op is ONES]
    if not repeated or len(arrays) > 1 or len(set(out)) != len(out):
        return None
    own = arrays[0][1] if arrays else ()
    if own != out[len(out) - len(own) :] or sorted(repeated) != sorted(out[: len(out) - len(own)]):
        return None
    return scalars, arrays[0][0] if arrays else None


def may_shorten(node: Expr, terms: list[tuple[Expr, Piece | None]]) -> bool:
    """Tell whether repeated terms of the sum `node` may lose their ones beside the other terms.

    Not beside I or diag(v), where a scalar or a row would be read as a multiple of the identity; nor, for the
    same reason, in a sum of square matrices unless a term is plainly elementwise.
    """
    full = [
        (x, p)
        for x, p in terms
        if x.ndim == node.ndim and broadcast_from(x) is None and not (p is not None and is_plain_diagonal(p))
    ]
    if not full:
        return False
    square = node.ndim == 2 and node.shape[0] == node.shape[1] and node.shape[0] != Dim.of(1)
    return not square or any(is_elementwise(p) for _, p in full)


def arranged(addends: list[Addend]) -> tuple[Addend, ...]:
    """Return the terms in the order in which they read best.

    Descending powers in polynomials, A before Aᵀ, and a positive term first where there is one.
    """
    degrees = [_degree(a.math) for a in addends]
    if all(d is not None for d in degrees):
        # x² + 2x + 3 by degree; with several letters only the numbers go last, for order has its reasons there.
        alone = len({letter for a in addends for letter in _letters(a.math)[0]}) <= 1
        rank = [-d if alone else d == 0 for d in degrees]  # type: ignore[operator]
        addends = [addends[k] for k in sorted(range(len(addends)), key=lambda k: rank[k])]
    else:
        addends = _twins_by_transposes(addends)
    if addends and addends[0].negative:
        first = next((k for k, a in enumerate(addends) if not a.negative), None)
        if first is not None:
            addends = [addends[first], *addends[:first], *addends[first + 1 :]]
    return tuple(addends)


def write_sum(addends: tuple[Addend, ...]) -> Math:
    """Return the sum as mathematics."""
    if len(addends) == 1 and not addends[0].negative:
        return addends[0].math
    return Sum(tuple((a.negative, a.math) for a in addends))


def _degree(math: Math) -> Fraction | None:
    """Return the degree of a monomial in letters, None for anything else."""
    if isinstance(math, Number):
        return Fraction(0)
    if isinstance(math, Letter):
        return Fraction(1)
    if isinstance(math, Power) and isinstance(math.exponent, Number):
        base, exponent = _degree(math.base), math.exponent.value
        whole = isinstance(exponent, Fraction) and exponent.denominator == 1
        return base * exponent if base == 1 and whole else None  # type: ignore[operator]
    if isinstance(math, Times) and len(math.factors) <= _LOOK:
        degrees = [_degree(f) if not isinstance(f, Times) else None for f in math.factors]
        return None if None in degrees else sum(degrees, Fraction(0))  # type: ignore[arg-type]
    return None


def _twins_by_transposes(addends: list[Addend]) -> list[Addend]:
    # Terms of the same letters (A and Aᵀ, BX and BᵀX) keep their places among the others and are sorted by
    # the number of transposes, since the order that identity needs says nothing to a reader.
    measured = [(_letters(a.math), a.negative) for a in addends]
    places: dict[tuple, list[int]] = {}
    for k, ((letters, _), negative) in enumerate(measured):
        places.setdefault((frozenset(letters.items()), negative), []).append(k)
    result = list(addends)
    for own in places.values():
        for k, chosen in zip(own, sorted(own, key=lambda j: measured[j][0][1])):
            result[k] = addends[chosen]
    return result


def _letters(math: Math) -> tuple[dict[tuple[str, str], int], int]:
    """Return the letters of a term with their counts, and its number of transposes."""
    letters: Counter[tuple[str, str]] = Counter()
    transposes, seen = 0, 0
    stack: list = [math]
    while stack and seen < _LOOK:
        part = stack.pop()
        seen += 1
        if isinstance(part, (tuple, list)):
            stack.extend(part)
        elif isinstance(part, Letter):
            letters[part.label, part.kind] += 1
        elif isinstance(part, (Call, Fence)):
            letters[part.name if isinstance(part, Call) else part.kind, "function"] += 1
            stack.extend(part.args if isinstance(part, Call) else (part.body,))
        elif isinstance(part, Math):
            transposes += isinstance(part, Transpose) and not part.vector
            transposes += bool(getattr(part, "transposed", False))
            stack.extend(getattr(part, f.name) for f in fields(part))  # type: ignore[arg-type]
    return letters, transposes
