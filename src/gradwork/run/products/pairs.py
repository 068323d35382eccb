"""One pair of factors at a time: a matrix product, a solve, a scaling of rows or columns, a sum of products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradwork.expr.dims import Dim
from gradwork.run.products.order import Tree
from gradwork.run.targets.value import Value, matmul, star

if TYPE_CHECKING:
    from gradwork.run.targets.numpy import Writer

Label = Hashable


@dataclass(frozen=True)
class Factor:
    """One operand: its text and the label of each of its axes.

    inverse: the matrix A, if this factor is A⁻¹ and may be applied by solving instead of inverting.
    whole:   the matrix whose diagonal this vector is.
    eye:     whether it is an identity matrix.
    """

    value: Value
    labels: tuple[Label, ...]
    inverse: Value | None = None
    whole: Value | None = None
    eye: bool = False


def write(
    w: Writer, factors: list[Factor], tree: Tree, order: list[Label], dims: Mapping[Label, Dim]
) -> Value:
    """Return the product of the factors, multiplied as `tree` says, with its axes in the given order."""
    return _Pairs(w, factors, frozenset(order), dims).write(tree, tuple(order))


def members(tree: Tree) -> set[int]:
    """Return the factors of a product."""
    return {tree} if isinstance(tree, int) else members(tree[0]) | members(tree[1])


def kept_labels(factors: list[Factor], out: Iterable[Label], tree: Tree) -> frozenset:
    """Return the labels that the product `tree` has, because something outside of it still needs them."""
    inside = members(tree)
    outside = set(out).union(*(f.labels for i, f in enumerate(factors) if i not in inside))
    return frozenset(label for i in inside for label in factors[i].labels) & outside


class _Pairs:
    def __init__(self, w: Writer, factors: list[Factor], out: frozenset, dims: Mapping[Label, Dim]):
        self.w, self.factors, self.out, self.dims = w, factors, out, dims
        self._having = Counter(label for f in factors for label in set(f.labels))
        # By the identity of a tree (all of them are parts of one): a tree's own hash takes as long as the tree.
        self._inside: dict[int, dict[Label, int]] = {}

    def kept(self, tree: Tree) -> frozenset:
        return frozenset(self._open(tree))

    def _open(self, tree: Tree) -> dict[Label, int]:
        # The labels that something outside of `tree` still needs, each with how many factors inside have it.
        if isinstance(tree, int):
            return self._needed(dict.fromkeys(self.factors[tree].labels, 1))
        found = self._inside.get(id(tree))
        if found is None:
            left, right = (self._open(part) for part in tree)
            both = left | {label: left.get(label, 0) + k for label, k in right.items()}
            found = self._inside[id(tree)] = self._needed(both)
        return found

    def _needed(self, inside: dict[Label, int]) -> dict[Label, int]:
        return {x: k for x, k in inside.items() if x in self.out or self._having[x] > k}

    def natural(self, tree: Tree) -> tuple[Label, ...]:
        """The order of axes that costs no transpose."""
        if isinstance(tree, int):
            return self.factors[tree].labels
        kept = self.kept(tree)
        left, right = self.natural(tree[0]), self.natural(tree[1])
        return tuple(dict.fromkeys(label for label in (*left, *right) if label in kept))

    def write(self, tree: Tree, want: tuple[Label, ...]) -> Value:
        """Return the text of `tree` with its axes in the order `want`."""
        if isinstance(tree, int):
            factor = self.factors[tree]
            if factor.labels == want:
                return factor.value
            return self.w.transposed(factor.value, tuple(factor.labels.index(label) for label in want))
        if self.w.products is None or not self._sums(tree):
            return self._write_pair(tree, want)
        key, numbers = self._key(tree)
        made = self.w.products.made.get(key)
        if made is None:
            with self.w.products.inside(key):
                if key not in self.w.products.repeated:
                    return self._write_pair(tree, want)
                order = self.natural(tree)
                value = self._array(tree, order, known=True)
            name = "".join(f.value.text for f in (self.factors[i] for i in sorted(members(tree))))
            made = self.w.products.keep(
                key, value, tuple(numbers[x] for x in order), tuple(self.dims[x] for x in order), name
            )
        value, stored = made
        order = tuple(numbers[x] for x in want)
        return self.w.transposed(value, tuple(stored.index(x) for x in order))

    def _sums(self, tree: Tree) -> bool:
        return not isinstance(tree, int) and bool((self.kept(tree[0]) & self.kept(tree[1])) - self.kept(tree))

    def _key(self, tree: Tree) -> tuple[Hashable, dict[Label, int]]:
        # The same factors joined in the same way are the same product, wherever they stand.
        assert self.w.products is not None
        numbers: dict[Label, int] = {}
        parts = []
        named = [
            (self.w.products.identity(f.value.text), f) for f in (self.factors[i] for i in members(tree))
        ]
        for text, f in sorted(named, key=lambda pair: pair[0]):
            own = tuple(numbers.setdefault(x, len(numbers)) for x in f.labels)
            parts.append((text, f.value.negative, own))
        return (tuple(parts), frozenset(numbers[x] for x in self.kept(tree))), numbers

    def _write_pair(self, tree: Tree, want: tuple[Label, ...]) -> Value:
        assert not isinstance(tree, int)
        a, b = tree
        left, right, kept = self.kept(a), self.kept(b), frozenset(want)
        summed = (left & right) - kept
        stacked = left & right & kept
        if not summed:
            return self._scaling(a, b, want)
        if left == right and not stacked:
            return self._inner(a, b)
        rows, columns = left - right, right - left
        if not stacked and len(summed) == 1 and len(rows) <= 1 and len(columns) <= 1:
            return self._matmul(a, b, want)
        if stacked and len(summed) == 1 and len(rows) == 1 and len(columns) == 1:
            return self._stacked(a, b, want, summed)
        if not stacked:
            return self._tensordot(a, b, want, summed)
        return self._einsum(a, b, want)

    # --- products of components -------------------------------------------------------------------------

    def _scaling(self, a: Tree, b: Tree, want: tuple[Label, ...]) -> Value:
        left, right = self.kept(a), self.kept(b)
        for vector, matrix in ((a, b), (b, a)):
            if (
                isinstance(matrix, int)
                and self.factors[matrix].eye
                and len(want) == 2
                and len(self.kept(vector)) == 1
            ):
                return self.w.diag(self.w.number(self.write(vector, tuple(self.kept(vector)))))
        if len(want) == 2 and len(left) == len(right) == 1:
            if want[0] in right:
                a, b = b, a
            return self.w.outer(self._array(a, (want[0],)), self._array(b, (want[1],)))
        if len(left) > len(right):
            a, b = b, a  # w[:, None] * X
        one, other = self._aligned(a, want), self._aligned(b, want)
        if one.divisor is not None and other.divisor is None:
            one, other = other, one
        if one.boolean and other.boolean:
            one = self.w.number(one)
        elif one.boolean:
            one, other = other, one  # a minus in front meets the number: NumPy has no −True
        negative = one.negative != other.negative
        one, other = replace(one, negative=False), replace(other, negative=False)
        if other.divisor is not None:
            return replace(star(one, other.divisor, sign="/"), negative=negative)
        return replace(star(one, other), negative=negative)

    def _aligned(self, tree: Tree, want: tuple[Label, ...]) -> Value:
        kept = self.kept(tree)
        own = tuple(label for label in want if label in kept)
        positions = tuple(want.index(label) for label in own)
        value = self.write(tree, own)
        if value.divisor is not None:
            inner = self.w.stretched(replace(value.divisor, axes=positions), tuple(range(len(want))))
            return replace(
                self.w.stretched(replace(value, axes=positions), tuple(range(len(want)))), divisor=inner
            )
        return self.w.stretched(replace(value, axes=positions), tuple(range(len(want))))

    def _array(self, tree: Tree, want: tuple[Label, ...], known: bool = False) -> Value:
        return self.w.number(self._write_pair(tree, want) if known else self.write(tree, want))

    # --- sums of products -------------------------------------------------------------------------------

    def _inner(self, a: Tree, b: Tree) -> Value:
        order = self.natural(a)
        if len(order) == 1:
            return matmul(self._array(a, order), self._array(b, order))
        if len(order) == 2:
            # Σ (A⁻¹)ᵢⱼ Bᵢⱼ is the trace of a solve: the inverse is not formed.
            for inverse, other in ((a, b), (b, a)):
                if isinstance(inverse, int) and self.factors[inverse].inverse is not None:
                    i, j = self.factors[inverse].labels
                    return self.w.trace(self._solve(inverse, other, (i, j), (j, i)))
        return self.w.total("sum", self._times(a, b, order), tuple(range(len(order))), len(order))

    def _times(self, a: Tree, b: Tree, order: tuple[Label, ...]) -> Value:
        one, other = self._array(a, order), self._array(b, order)
        return star(one.signed(), other.signed())

    def _matmul(self, a: Tree, b: Tree, want: tuple[Label, ...]) -> Value:
        left, right = self.kept(a), self.kept(b)
        (inner,) = (left & right) - frozenset(want)
        if len(want) == 2:
            if want[0] in right:
                a, b = b, a
            return self._rows_by_columns(a, b, (want[0], inner), (inner, want[1]))
        if not want:
            return matmul(self._array(a, (inner,)), self._array(b, (inner,)))
        matrix, vector = (a, b) if len(left) == 2 else (b, a)
        if self.w.vector_first and self._transposed(matrix, (want[0], inner)):
            return self._vector_by_columns(vector, matrix, (inner,), (inner, want[0]))
        return self._rows_by_columns(matrix, vector, (want[0], inner), (inner,))

    def _transposed(self, matrix: Tree, want: tuple[Label, ...]) -> bool:
        if isinstance(matrix, int) and self.factors[matrix].inverse is not None:
            return False
        return self.natural(matrix) != want

    def _vector_by_columns(
        self, vector: Tree, matrix: Tree, own: tuple[Label, ...], columns: tuple[Label, ...]
    ) -> Value:
        one, other = self._array(vector, own), self._array(matrix, columns)
        negative = one.negative != other.negative
        text = matmul(replace(one, negative=False), replace(other, negative=False))
        return replace(text, negative=negative)

    def _rows_by_columns(
        self, a: Tree, b: Tree, rows: tuple[Label, ...], columns: tuple[Label, ...]
    ) -> Value:
        if isinstance(a, int) and self.factors[a].inverse is not None:
            return self._solve(a, b, rows, columns)
        if isinstance(b, int) and self.factors[b].inverse is not None:
            # B A⁻¹ = (A⁻ᵀ Bᵀ)ᵀ
            flipped = self._solve(b, a, columns[::-1], rows[::-1])
            return self.w.transposed(flipped, (1, 0))
        one, other = self._array(a, rows), self._array(b, columns)
        negative = one.negative != other.negative
        text = matmul(replace(one, negative=False), replace(other, negative=False))
        return replace(text, negative=negative)

    def _solve(self, inverse: int, other: Tree, rows: tuple[Label, ...], columns: tuple[Label, ...]) -> Value:
        factor = self.factors[inverse]
        assert factor.inverse is not None
        matrix = factor.inverse if factor.labels == rows else self.w.transposed(factor.inverse, (1, 0))
        return self.w.solve(matrix, self._array(other, columns))

    def _stacked(self, a: Tree, b: Tree, want: tuple[Label, ...], summed: frozenset) -> Value:
        left, right = self.kept(a), self.kept(b)
        stack = tuple(label for label in want if label in left & right)
        (inner,) = summed
        rest = [label for label in want if label not in stack]
        if rest[0] in right:
            a, b = b, a
        one = self._array(a, (*stack, rest[0], inner))
        other = self._array(b, (*stack, inner, rest[1]))
        order = (*stack, *rest)
        result = matmul(one, other)
        return result if order == want else self.w.transposed(result, tuple(order.index(x) for x in want))

    def _tensordot(self, a: Tree, b: Tree, want: tuple[Label, ...], summed: frozenset) -> Value:
        if want and want[0] in self.kept(b):
            a, b = b, a
        one, other = (self._free_order(tree, want) for tree in (a, b))
        pairs = [label for label in one if label in summed]
        order = (*(x for x in one if x not in summed), *(x for x in other if x not in summed))
        left, right = self._array(a, one), self._array(b, other)
        if pairs == [one[-1]] == [other[0]] and len(other) <= 2:
            result = matmul(left, right)  # X @ W for a stack X of matrices
        else:
            result = self.w.tensordot(
                left, right, [one.index(x) for x in pairs], [other.index(x) for x in pairs]
            )
        return result if order == want else self.w.transposed(result, tuple(order.index(x) for x in want))

    def _free_order(self, tree: Tree, want: tuple[Label, ...]) -> tuple[Label, ...]:
        # A factor has its axes as they are; a product can be written with any, so with those that are wanted.
        own = self.natural(tree)
        if isinstance(tree, int):
            return own
        return (*(x for x in own if x not in want), *(x for x in want if x in own))

    def _einsum(self, a: Tree, b: Tree, want: tuple[Label, ...]) -> Value:
        one, other = self.natural(a), self.natural(b)
        if frozenset(one) == frozenset(other):
            # Sums of products along some axes: row sums of A * B.
            return self.w.sums_of_products(self._array(a, one), self._array(b, other), one, other, want)
        return self.w.einsum([(self._array(a, one), one), (self._array(b, other), other)], want)
