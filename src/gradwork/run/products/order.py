"""The order in which the factors of a product are multiplied: an exact search, by the time it will take.

Factors are sets of labels. Multiplying two of them sums every label that neither the result nor another factor
still needs, so a product of m factors is m − 1 pairs; which pairs decides between milliseconds and minutes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
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
    pool: list[tuple[Tree, Labels]] = list(enumerate(factors))
    total = 0.0
    while len(pool) > 1:
        found = None
        for i, j in combinations(range(len(pool)), 2):
            a, b = pool[i][1], pool[j][1]
            others: set = set(out).union(*(labels for k, (_, labels) in enumerate(pool) if k not in (i, j)))
            result = frozenset((a | b) & others)
            cost = pair_cost(a, b, result, size)
            # Prefer pairs that shrink what is left: cost first pays for itself later.
            key = cost + volume(result, size) - volume(a, size) - volume(b, size)
            if found is None or key < found[0]:
                found = (key, cost, i, j, result)
        assert found is not None
        _, cost, i, j, result = found
        total += cost
        pool[i] = ((pool[i][0], pool[j][0]), result)
        del pool[j]
    return total, pool[0][0]


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
