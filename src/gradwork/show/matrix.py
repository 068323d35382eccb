"""A contraction as matrix notation, by reducing its label graph one move at a time.

Every move replaces one or two pieces by one that is equal to them, so whatever is left at the end is what the
contraction is. The order of the moves decides how it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradwork.expr.dims import Dim
from gradwork.expr.notation import BigSum, Call, Letter, Math
from gradwork.show.pieces import (
    Factors,
    Piece,
    cheaper,
    cost,
    diagonal,
    diagonal_of,
    elementwise,
    leaf,
    ones,
    turn,
    write,
)

Labels = tuple[int, ...]

# Products of more factors than this are written with indices: matching them costs more than it gives.
MAX_FACTORS = 40


@dataclass(slots=True)
class Item:
    """A piece with the labels of its axes."""

    piece: Piece
    labels: Labels

    @property
    def rank(self) -> int:
        return len(self.labels)


class Graph:
    """A contraction in the course of being reduced: its items, and the scalars that fell out."""

    def __init__(self, items: list[Item], out: Labels, dims: Mapping[int, Dim]):
        self.out, self.dims = out, dims
        self.scalars: list[Math] = []
        self.counts: list[Dim] = []  # sums of ones: the sizes themselves
        self.items: list[Item] = []
        for item in items:
            self._add(item)
        self._drop_ones()

    def reduce(self) -> Piece | None:
        """Return the piece that is left (None for a scalar), or raise NoMatrixForm."""
        if len(self.items) > MAX_FACTORS or len(set(self.out)) != len(self.out):
            raise NoMatrixForm
        moves = (
            self._repeated,
            self._total,
            lambda: self._column(free=True),
            self._alike,
            self._chain,
            lambda: self._column(free=False),
            self._diagonal,
            self._partial_sum,
        )
        while any(move() for move in moves):
            pass
        return self._result()

    # --- the parts of a move ---

    def _add(self, item: Item) -> None:
        # abᵀ with labels i, j is aᵢ and bⱼ: taken apart, each side finds its own place.
        factors = item.piece.factors
        cut = next((i + 1 for i in range(len(factors) - 1) if _is_junction(factors, i)), None)
        if cut is None or item.rank != 2:
            self.items.append(item)
            return
        if any(_is_junction(factors, i) for i in range(cut, len(factors) - 1)):
            self.items.append(item)
            return
        i, j = item.labels
        self.items.append(Item(Piece(factors[:cut], 1), (i,)))
        self.items.append(Item(Piece(turn(factors[cut:]), 1), (j,)))

    def _drop_ones(self) -> None:
        for item in [i for i in self.items if _is_ones(i.piece)]:
            (label,) = item.labels
            if self.degree(label) > 1 + (label in self.out):
                self.items.remove(item)
            elif label not in self.out:
                self.items.remove(item)
                self.counts.append(self.dims[label])

    def degree(self, label: int) -> int:
        """Return the number of places where a label stands, the result included."""
        return sum(i.labels.count(label) for i in self.items) + (label in self.out)

    def _replace(self, old: list[Item], *new: Item) -> bool:
        at = min(self.items.index(i) for i in old)
        self.items = [i for i in self.items if all(i is not o for o in old)]
        self.items[at:at] = new
        return True

    def _scalar(self, math: Math, *used: Item) -> bool:
        self.scalars.append(math)
        return self._replace(list(used))

    # --- the moves ---

    def _repeated(self) -> bool:
        """Aᵢᵢ: a trace, or a diagonal where i is used elsewhere."""
        for item in self.items:
            if item.rank == 2 and item.labels[0] == item.labels[1]:
                label = item.labels[0]
                if self.degree(label) == 2:
                    return self._scalar(trace(item.piece.factors), item)
                return self._replace([item], Item(diagonal_of(item.piece), (label,)))
        return False

    def _total(self) -> bool:
        """Σ over everything in a piece that nothing else is joined to."""
        for item in self.items:
            if all(self.degree(label) == 1 and label not in self.out for label in item.labels):
                return self._scalar(total(item.piece), item)
        return False

    def _column(self, free: bool) -> bool:
        """A vector (or ones) into a matrix; `free` where that needs no transpose."""
        best: tuple | None = None
        for matrix in self.items:
            if matrix.rank != 2:
                continue
            a, b = matrix.labels
            straight, turned = matrix.piece.factors, turn(matrix.piece.factors)
            for label, other, factors, reverse in ((b, a, straight, turned), (a, b, turned, straight)):
                if label in self.out:
                    continue
                degree = self.degree(label)
                vector = next((i for i in self.items if i.labels == (label,)), None) if degree == 2 else None
                if vector is None and degree != 1:
                    continue
                price = cost(factors) - cost(reverse)
                rank = (price, vector is None)
                if (price <= 0) == free and (best is None or rank < best[0]):
                    best = (rank, matrix, vector, factors, label, other)
        if best is None:
            return False
        _, matrix, vector, factors, label, other = best
        column = vector.piece if vector else ones(self.dims[label])
        used = [matrix, vector] if vector else [matrix]
        return self._replace(used, Item(Piece(factors + column.factors, 1), (other,)))

    def _alike(self) -> bool:
        """The same labels: an inner product, a trace, or ∘."""
        for x, y in self._pairs():
            if set(x.labels) != set(y.labels) or len(set(x.labels)) != x.rank:
                continue
            if x.rank > 2 and x.labels != y.labels:
                continue
            if all(label not in self.out and self.degree(label) == 2 for label in x.labels):
                return self._scalar(inner(x, y), x, y)
            aligned = y.piece if x.labels == y.labels else Piece(turn(y.piece.factors), 2)
            labels, first = x.labels, x.piece
            if x.rank == 2:
                turned = [Piece(turn(p.factors), 2) for p in (first, aligned)]
                if cost(turned[0].factors) + cost(turned[1].factors) < cost(first.factors) + cost(
                    aligned.factors
                ):
                    labels, (first, aligned) = labels[::-1], turned
            return self._replace([x, y], Item(elementwise([first, aligned], []), labels))
        return False

    def _chain(self) -> bool:
        """Matrix times matrix, through a label that only these two have."""
        for x, y in self._pairs():
            if x.rank != 2 or y.rank != 2:
                continue
            for label in x.labels:
                if label in y.labels and label not in self.out and self.degree(label) == 2:
                    left, a = _ending_in(x, label)
                    right, b = _ending_in(y, label)
                    return self._replace([x, y], Item(Piece(left + turn(right), 2), (a, b)))
        return False

    def _diagonal(self) -> bool:
        """δᵢⱼvᵢ is diag(v); a vector on a label that others use too is diag(v)M."""
        for vector in self.items:
            if vector.rank != 1:
                continue
            (label,) = vector.labels
            held = [i for i in self.items if i.rank == 2 and label in i.labels]
            identity = next(
                (i for i in held if i.piece.atom is not None and i.piece.atom.kind == "eye"), None
            )
            if identity is not None:
                return self._replace([vector, identity], Item(diagonal(vector.piece), identity.labels))
            if held:
                matrix = held[0]
                factors, other = _ending_in(matrix, label)
                scaled = Piece(diagonal(vector.piece).factors + turn(factors), 2)
                return self._replace([vector, matrix], Item(scaled, (label, other)))
        return False

    def _partial_sum(self) -> bool:
        """Sums over some axes of a thing of rank three or more."""
        for item in self.items:
            if item.rank < 3 or len(set(item.labels)) != item.rank:
                continue
            axes = [k for k, l in enumerate(item.labels) if l not in self.out and self.degree(l) == 1]
            if axes:
                kept = tuple(l for k, l in enumerate(item.labels) if k not in axes)
                where = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
                math = Call("sum", (write(item.piece.factors),), (("axis", where),))
                return self._replace([item], Item(leaf(math, len(kept)), kept))
        return False

    def _pairs(self) -> list[tuple[Item, Item]]:
        return [(x, y) for k, x in enumerate(self.items) for y in self.items[k + 1 :]]

    # --- the result ---

    def _result(self) -> Piece | None:
        out, items = self.out, self.items
        if not items and not out:
            return None
        if len(items) == 1:
            (item,) = items
            if item.labels == out:
                return item.piece
            if item.rank == 2 and item.labels == out[::-1]:
                return Piece(turn(item.piece.factors), 2)
            if item.rank > 2 and sorted(item.labels) == sorted(out):
                axes = ", ".join(str(item.labels.index(label)) for label in out)
                return leaf(
                    Call("transpose", (write(item.piece.factors),), (("axes", f"({axes})"),)), item.rank
                )
        if len(items) == 2 and len(out) == 2 and all(i.rank == 1 for i in items):
            column, row = sorted(items, key=lambda i: out.index(i.labels[0]))
            return Piece(column.piece.factors + turn(row.piece.factors), 2)
        raise NoMatrixForm


class NoMatrixForm(Exception):
    """A contraction that matrices cannot say; it is written with indices."""


def _is_junction(factors: Factors, i: int) -> bool:
    (left, left_turned), (right, right_turned) = factors[i], factors[i + 1]
    return left.rank == 1 and not left_turned and right.rank == 1 and right_turned


def _is_ones(piece: Piece) -> bool:
    return piece.atom is not None and piece.atom.kind == "ones"


def _ending_in(item: Item, label: int) -> tuple[Factors, int]:
    """Return a matrix's factors with `label` as the column, and its other label."""
    a, b = item.labels
    return (item.piece.factors, a) if b == label else (turn(item.piece.factors), b)


def _is_letter(piece: Piece) -> bool:
    return piece.atom is not None and isinstance(piece.atom.math, Letter)


def trace(factors: Factors) -> Math:
    """Return tr(A)."""
    return Call("trace", (write(cheaper(factors)),), latex=r"\operatorname{tr}", unicode="tr")


def total(piece: Piece) -> Math:
    """Return the sum over everything. Row sums are part of it: Σ (M1) is Σ M."""
    factors, rank = piece.factors, piece.rank
    if rank == 1 and len(factors) > 1 and factors[-1][0].kind == "ones" and factors[-2][0].rank == 2:
        factors, rank = factors[:-1], 2
    return BigSum((), write(cheaper(factors) if rank == 2 else factors))


def inner(x: Item, y: Item) -> Math:
    """Return the sum over everything of x ∘ y: aᵀb, tr(AB), or Σ where an elementwise product says it best."""
    a, b = x.piece, y.piece
    if x.rank == 2 and (x.labels != y.labels or len(a.factors) + len(b.factors) > 2):
        return trace(a.factors + (b.factors if x.labels != y.labels else turn(b.factors)))
    if x.rank == 1 and not any(p.atom is not None and p.atom.kind == "product" for p in (a, b)):
        if cost(a.factors) == cost(b.factors) and _is_letter(b) and not _is_letter(a):
            a, b = b, a  # xᵀ(y − wx), not (y − wx)ᵀx
        return write(cheaper(turn(a.factors) + b.factors))
    return BigSum((), write(elementwise([a, b], []).factors))
