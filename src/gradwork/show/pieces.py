"""The pieces of matrix notation: things that can be transposed, and products of them.

An atom knows how it and its transpose are written. A product is a tuple of factors (atom, turned); a vector
that is turned is a row. So transposing a product reverses it and turns each factor, and a transpose is never
pushed into what has no shorter form for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.notation import (
    Call,
    Either,
    Hadamard,
    Inverse,
    Letter,
    Math,
    MatMul,
    Number,
    Outer,
    Power,
    Quotient,
    Raw,
    Transpose,
)


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """A thing of one, two or more axes, and how it and its transpose are written.

    cost and turned_cost count the transposes in each; kind: leaf, ones, eye, diag, function (of each component),
    product (elementwise). The `parts` of an
    elementwise product are its factors above and below the fraction bar.
    """

    rank: int
    math: Math
    turned: Math
    cost: int = 0
    turned_cost: int = 1
    symmetric: bool = False
    kind: str = "leaf"
    parts: tuple[tuple[Factors, ...], tuple[Factors, ...]] = ((), ())


Factor = tuple[Atom, bool]
Factors = tuple[Factor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A product of factors with its number of axes; one of one axis stands as a column."""

    factors: Factors
    rank: int

    @property
    def atom(self) -> Atom | None:
        """The only factor, when there is one and it is not turned."""
        return self.factors[0][0] if len(self.factors) == 1 and not self.factors[0][1] else None


def leaf(math: Math, rank: int, symmetric: bool = False, kind: str = "leaf") -> Piece:
    """Return a piece that is written as it stands."""
    if isinstance(math, Inverse):
        turned: Math = Inverse(math.base, not math.transposed)
        costs = (int(math.transposed), int(not math.transposed))
    elif isinstance(math, Transpose):
        turned, costs = math.base, (1, 0)
    else:
        turned, costs = Transpose(math, vector=rank == 1), (0, 1)
    return Piece(((Atom(rank, math, turned, *costs, symmetric and rank == 2, kind), False),), rank)


def ones(dim: Dim) -> Piece:
    """Return the vector of ones."""
    return leaf(Raw(f"ones({dim_text(dim)})", "𝟏", r"\mathbf{1}"), 1, kind="ones")


def dim_text(dim: Dim) -> str:
    """Return a size in the text of formulas."""
    return dim.render(times="*")


def turn(factors: Factors) -> Factors:
    """Return the transposed product."""
    return tuple((a, not t and not a.symmetric) for a, t in reversed(factors))


def cost(factors: Factors) -> int:
    """Return the number of transposes of matrices that the product is written with."""
    return sum(a.turned_cost if t and a.rank > 1 else a.cost for a, t in factors)


def cheaper(factors: Factors) -> Factors:
    """Return a scalar product as it stands or transposed, whichever has fewer transposes."""
    other = turn(factors)
    return other if cost(other) < cost(factors) else factors


def write(factors: Factors) -> Math:
    """Return the product as mathematics, with each column beside a row as an outer product."""
    parts, sides = map(list, zip(*_with_powers(factors)))
    groups: list[Math] = []
    start = 0
    for i in range(len(parts) - 1):
        if sides[i] != "column" or sides[i + 1] != "row":
            continue
        left = i
        while left > start and sides[left - 1] == "matrix":
            left -= 1
        right = i + 2
        while right < len(parts) and sides[right] == "matrix":
            right += 1
        groups += parts[start:left]
        groups.append(Outer(_product(parts[left : i + 1]), _product(parts[i + 1 : right])))
        start = right
    return _product(groups + parts[start:])


def _product(parts: list[Math]) -> Math:
    return parts[0] if len(parts) == 1 else MatMul(tuple(parts))


def _with_powers(factors: Factors) -> list[tuple[Math, str]]:
    """Return the parts of a product with their sides; three equal matrices in a row and more are a power."""
    parts: list[tuple[Math, str]] = []
    start = 0
    while start < len(factors):
        atom, turned = factors[start]
        stop = start + 1
        while stop < len(factors) and factors[stop][0] is atom and factors[stop][1] == turned:
            stop += 1
        math = atom.turned if turned else atom.math
        side = "matrix" if atom.rank > 1 else "row" if turned else "column"
        if stop - start > 2 and isinstance(atom.math, Letter):
            whole = Either(MatMul((math,) * (stop - start)), Power(math, Number(Fraction(stop - start))))
            parts.append((whole, side))
        else:
            parts += [(math, side)] * (stop - start)
        start = stop
    return parts


def elementwise(above: list[Piece], below: list[Piece]) -> Piece:
    """Return the elementwise product (or fraction) of pieces of one shape."""
    rank = (above or below)[0].rank
    top: list[Factors] = []
    bottom: list[Factors] = []
    for pieces, own, other in ((above, top, bottom), (below, bottom, top)):
        for piece in pieces:
            tops, bottoms = _opened(piece)
            own += tops
            other += bottoms
    if len(top) == 1 and not bottom:
        return Piece(top[0], rank)
    turned_top, turned_bottom = ([turn(f) for f in side] for side in (top, bottom))
    costs = (sum(map(cost, top + bottom)), sum(map(cost, turned_top + turned_bottom)))
    math, inside = _fraction(top, bottom), _fraction(turned_top, turned_bottom)
    # The transpose goes inside where that takes fewer transposes than one outside.
    keep = costs[1] >= 1 + costs[0]
    symmetric = rank == 2 and all(_same(a, b) for a, b in zip(top + bottom, turned_top + turned_bottom))
    atom = Atom(
        rank,
        math,
        Transpose(math, vector=rank == 1) if keep or rank == 1 else inside,
        costs[0],
        1 + costs[0] if keep else costs[1],
        symmetric,
        "product",
        (tuple(top), tuple(bottom)),
    )
    return Piece(((atom, False),), rank)


def _opened(piece: Piece) -> tuple[list[Factors], list[Factors]]:
    if len(piece.factors) == 1 and piece.factors[0][0].kind == "product":
        atom, turned = piece.factors[0]
        return tuple([turn(f) if turned else f for f in side] for side in atom.parts)  # type: ignore[return-value]
    return [piece.factors], []


def _fraction(top: list[Factors], bottom: list[Factors]) -> Math:
    over = _side([write(f) for f in top])
    return Quotient(over, _side([write(f) for f in bottom])) if bottom else over


def _side(parts: list[Math]) -> Math:
    if not parts:
        return Number(Fraction(1))
    return parts[0] if len(parts) == 1 else Hadamard(tuple(parts))


def is_fraction(piece: Piece | None) -> bool:
    """Tell whether a piece is an elementwise fraction."""
    return piece is not None and piece.atom is not None and bool(piece.atom.parts[1])


def fraction_sides(piece: Piece) -> tuple[Math, Math]:
    """Return what stands above and below the bar of an elementwise fraction."""
    assert piece.atom is not None
    top, bottom = piece.atom.parts
    return _side([write(f) for f in top]), _side([write(f) for f in bottom])


def _same(left: Factors, right: Factors) -> bool:
    return len(left) == len(right) and all(a is b and s == t for (a, s), (b, t) in zip(left, right))


def diagonal(vector: Piece) -> Piece:
    """Return the diagonal matrix of a vector."""
    math = Call("diag", (write(vector.factors),), latex=r"\operatorname{diag}")
    return leaf(math, 2, symmetric=True, kind="diag")


def diagonal_of(matrix: Piece) -> Piece:
    """Return the diagonal of a square matrix as a vector."""
    return leaf(Call("diag", (write(cheaper(matrix.factors)),), latex=r"\operatorname{diag}"), 1)


def is_elementwise(piece: Piece | None) -> bool:
    """Tell whether a piece is plainly made component by component: A ∘ B, exp(A)."""
    return piece is not None and piece.atom is not None and piece.atom.kind in ("product", "function")


def is_plain_diagonal(piece: Piece) -> bool:
    """Tell whether a piece is I, diag(v) or 𝟏𝟏ᵀ: beside one of these a row alone would be misread."""
    return all(a.kind in ("eye", "diag", "ones") for a, _ in piece.factors)
