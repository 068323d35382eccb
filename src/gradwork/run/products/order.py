"""The order in which the factors of a product are multiplied: an exact search, by the time it will take.

Factors are sets of labels. Multiplying two of them sums every label that neither the result nor another factor
still needs, so a product of m factors is m − 1 pairs; which pairs decides between milliseconds and minutes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from heapq import heappop, heappush
from itertools import combinations
from typing import TypeAlias, Union

Tree: TypeAlias = Union[int, tuple["Tree", "Tree"]]  # noqa: UP007 (a quoted name takes no |)
Labels = frozenset[Hashable]

EXACT = 8  # 3⁸ = 6561 splits; beyond that, greedily

# Time in units of one array component read or written: a multiply-add inside a matrix product takes about a
# twentieth of that, outside one (batched, or many axes at once) about as long.
PRODUCT, PLAIN = 0.05, 1.0


def volume(labels: Labels, size: Mapping[Hashable, float]) -> float:
    """Return the number of components of an array with these labels."""
    total = 1.0
    for label in labels:
        total *= size[label]
    return total


def pair_cost(a: Labels, b: Labels, result: Labels, size: Mapping[Hashable, float]) -> float:
    """Return the estimated time to multiply two factors."""
    summed = (a & b) - result
    traffic = volume(a, size) + volume(b, size) + 2 * volume(result, size)
    if not summed:
        return traffic
    stacked = a & b & result
    if stacked and (a - b or b - a):
        return PLAIN * volume(a | b, size) + traffic
    rows, columns = volume(a - b, size), volume(b - a, size)
    # Narrow products are slower than square ones: each component read is used in fewer products.
    narrow = 1 + 16 / min(rows, columns) if rows > 1 and columns > 1 else 1
    return PRODUCT * narrow * volume(a | b, size) + traffic


@lru_cache(maxsize=4096)
def _search(
    factors: tuple[Labels, ...], out: Labels, sizes: tuple, avoid: frozenset[tuple[int, Hashable]]
) -> tuple[float, Tree]:
    size = dict(sizes)
    count = len(factors)
    everything = (1 << count) - 1

    @cache
    def kept(chosen: int) -> Labels:
        inside: set = set()
        outside: set = set(out)
        for i, labels in enumerate(factors):
            (inside if chosen >> i & 1 else outside).update(labels)
        return frozenset(inside & outside)

    best: dict[int, tuple[tuple[float, float], Tree, str]] = {
        1 << i: ((0.0, 0.0), i, "factor") for i in range(count)
    }
    for width in range(2, count + 1):
        for members in combinations(range(count), width):
            chosen = sum(1 << i for i in members)
            found = None
            part = chosen
            while part := (part - 1) & chosen:
                rest = chosen ^ part
                if not part & -part & chosen & -chosen:  # the first member is always on the left
                    continue
                (left_cost, left_rank), left, left_kind = best[part]
                (right_cost, right_rank), right, right_kind = best[rest]
                cost = pair_cost(kept(part), kept(rest), kept(chosen), size) + left_cost + right_cost
                kind = "sum" if (kept(part) & kept(rest)) - kept(chosen) else "scaling"
                rank = left_rank + right_rank + _awkwardness(left_kind, kind, right_kind)
                summed = (kept(part) & kept(rest)) - kept(chosen)
                rank += sum(
                    0.3 for i in (left, right) for x in summed if isinstance(i, int) and (i, x) in avoid
                )
                key = (float(f"{cost:.9g}"), rank)
                if found is None or key < found[0]:
                    found = (key, (left, right), kind)
            assert found is not None
            best[chosen] = found
    (cost, _), tree, _ = best[everything]
    return cost, tree


# Among orders of equal cost, the one that reads best: X.T @ (w[:, None] * X) over (X.T * w) @ X, and
# A @ B @ C over A @ (B @ C).
def _awkwardness(left: str, kind: str, right: str) -> float:
    if kind == "sum":
        return 0.6 * (left == "scaling") + 0.5 * (right == "scaling") + 0.1 * (right == "sum")
    return 1.0 * (right == "scaling") + 0.1 * (left == "sum")


def _greedy(factors: tuple[Labels, ...], out: Labels, size: Mapping[Hashable, float]) -> tuple[float, Tree]:
    """Return the cost and the order that joins, at each step, the pair that shrinks most of what is left.

    A pair's worth changes only where a neighbour of the joined pair is concerned, so the pairs wait in a heap;
    factors with equal labels are worth the same, and the first of them stands for all.
    """
    pool = _Pool(factors, out, size)
    total = 0.0
    while len(pool.trees) > 1:
        cost, i, j = pool.best()
        total += cost
        pool.join(i, j)
    (tree,) = pool.trees.values()
    return total, tree


class _Pool:
    # The factors that are left: their trees and labels by number, and the pairs of them by worth.

    def __init__(self, factors: tuple[Labels, ...], out: Labels, size: Mapping[Hashable, float]):
        self.size, self.out = size, out
        self.trees: dict[int, Tree] = {i: i for i in range(len(factors))}
        self.labels: dict[int, Labels] = dict(enumerate(factors))
        self.having: dict[Hashable, set[int]] = {}  # the factors that have a label
        self.alike: dict[Labels, list[int]] = {}  # the factors that have the same labels
        self.heap: list[tuple[float, int, int, float, Labels]] = []
        for i, own in self.labels.items():
            self._enter(i, own)
        for own in list(self.alike):
            self._weigh(own)

    def _enter(self, i: int, own: Labels) -> None:
        for label in own:
            self.having.setdefault(label, set()).add(i)
        insort(self.alike.setdefault(own, []), i)

    def _leave(self, i: int) -> None:
        own = self.labels.pop(i)
        del self.trees[i]
        for label in own:
            self.having[label].discard(i)
        self.alike[own].remove(i)
        if not self.alike[own]:
            del self.alike[own]

    def _result(self, i: int, j: int) -> Labels:
        a, b = self.labels[i], self.labels[j]
        both = a & b
        return frozenset(
            label
            for label in a | b
            if label in self.out or len(self.having[label]) > (2 if label in both else 1)
        )

    def _neighbours(self, own: Labels) -> set[Labels]:
        return {self.labels[i] for label in own for i in self.having[label]}

    def _weigh(self, own: Labels) -> None:
        # Enter the pairs of the first factor with these labels, and of the first two.
        members = self.alike.get(own)
        if members is None:
            return
        for other in self._neighbours(own):
            theirs = self.alike[other]
            if other != own:
                self._pair(members[0], theirs[0])
            elif len(members) > 1:
                self._pair(members[0], members[1])

    def _pair(self, i: int, j: int) -> None:
        i, j = min(i, j), max(i, j)
        a, b, result = self.labels[i], self.labels[j], self._result(i, j)
        cost = pair_cost(a, b, result, self.size)
        # Prefer pairs that shrink what is left: cost first pays for itself later.
        worth = cost + volume(result, self.size) - volume(a, self.size) - volume(b, self.size)
        heappush(self.heap, (worth, i, j, cost, result))

    def best(self) -> tuple[float, int, int]:
        """Return the cost and the numbers of the pair to join next."""
        while self.heap:
            _, i, j, cost, result = heappop(self.heap)
            if i in self.labels and j in self.labels and self._result(i, j) == result:
                return cost, i, j
        # Nothing shares a label any more: an outer product of the two smallest.
        i, j = sorted(self.labels, key=lambda i: (volume(self.labels[i], self.size), i))[:2]
        i, j = min(i, j), max(i, j)
        return pair_cost(self.labels[i], self.labels[j], self._result(i, j), self.size), i, j

    def join(self, i: int, j: int) -> None:
        """Put the product of two factors in the place of the first."""
        result, tree = self._result(i, j), (self.trees[i], self.trees[j])
        changed = {self.labels[i], self.labels[j], result}
        around = self._neighbours(self.labels[i] & self.labels[j])
        self._leave(i)
        self._leave(j)
        self.trees[i], self.labels[i] = tree, result
        self._enter(i, result)
        for own in changed | around:
            self._weigh(own)


def best_order(
    factors: Sequence[Labels],
    out: Labels,
    size: Mapping[Hashable, float],
    avoid: Iterable[tuple[int, Hashable]] = (),
) -> tuple[float, Tree]:
    """Return the estimated cost of multiplying the factors, and the best order as nested pairs.

    avoid: (factor, label) where summing the factor over that label first would be awkward; it decides between
    orders of equal cost.

    >>> i, j, k = "ijk"
    >>> best_order([frozenset("ij"), frozenset("jk"), frozenset("k")], frozenset("i"), dict(i=9, j=9, k=9))[1]
    (0, (1, 2))
    """
    known = tuple(frozenset(f) for f in factors)
    if len(known) > EXACT:
        return _greedy(known, frozenset(out), size)
    return _search(
        known, frozenset(out), tuple(sorted(size.items(), key=lambda item: str(item[0]))), frozenset(avoid)
    )
