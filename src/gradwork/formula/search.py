"""The cheapest reading of a formula, and the readings that come close.

Choices of axes are tried in the order of what they cost by convention alone, so that the search may stop when no
choice that is left can be cheaper than the best one found. A choice that failed below some part of the formula
rules out every choice that gives the names of that part the same axes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from gradwork.errors import FormulaError
from gradwork.formula.infer import Inference, Trial
from gradwork.formula.static import within
from gradwork.formula.tree import Name, Node
from gradwork.formula.types import Mismatch

_TRIALS = 400
_WORK = 80_000  # nodes visited over all trials
NEAR = 0.8  # a reading this much dearer than the best is named beside it


@dataclass
class Found:
    """The best trial, and for each name the other trials that come near with only that name read otherwise."""

    best: Trial
    others: dict[str, Trial] = field(default_factory=dict)
    together: Trial | None = None


def search(inference: Inference) -> Found:
    """Return the best reading and those beside it; raise the first one's error if none fits."""
    names = list(inference.assumed)
    limit = max(8, min(_TRIALS, _WORK // max(len(inference.prepared.nodes), 1)))
    best, first = _best(inference, names, limit, prune=True)
    if best is None and first is not None and not first.final:
        best, first = _best(inference, names, limit, prune=False)
    if best is None:
        assert first is not None
        raise inference.explain(first)
    return Found(best, _others(inference, best), _together(inference, best))


def _best(
    inference: Inference, names: list[str], limit: int, prune: bool
) -> tuple[Trial | None, Mismatch | None]:
    first: Mismatch | None = None
    best: Trial | None = None
    barred: list[dict[str, int]] = []
    tried = 0.0
    for cost, ranks in _choices(inference, names):
        if best is not None and cost >= best.cost:
            break
        if any(all(ranks[name] == rank for name, rank in bar.items()) for bar in barred):
            tried += 0.02
            if tried >= limit:
                break
            continue
        if tried >= limit:
            break
        tried += 1
        try:
            trial = inference.trial(ranks, cost)
        except Mismatch as error:
            first = first or error
            if first.final:
                break
            if prune and error.node is not None:
                below = _names(inference, error.node) & set(ranks)
                barred.append({name: ranks[name] for name in below})
            continue
        if best is None or trial.cost < best.cost:
            best = trial
    return best, first


def _choices(inference: Inference, names: list[str]) -> Iterator[tuple[float, dict[str, int]]]:
    """Yield the choices of axes by what they cost, each once: a name moves on only behind those that moved."""
    options = [inference.assumed[name].ranks for name in names]
    costs = [
        [inference.assumed[name].cost(rank) for rank in ranks]
        for name, ranks in zip(names, options, strict=True)
    ]
    heap: list[tuple[float, tuple[int, ...], int]] = [(0.0, (0,) * len(names), 0)]
    while heap:
        cost, picks, last = heapq.heappop(heap)
        yield cost, {name: options[i][pick] for i, (name, pick) in enumerate(zip(names, picks, strict=True))}
        for i in range(last, len(names)):
            if picks[i] + 1 < len(options[i]):
                more = costs[i][picks[i] + 1] - costs[i][picks[i]]
                heapq.heappush(heap, (cost + more, (*picks[:i], picks[i] + 1, *picks[i + 1 :]), i))


def _cost(inference: Inference, ranks: dict[str, int]) -> float:
    return sum(inference.assumed[name].cost(rank) for name, rank in ranks.items())


def _try(inference: Inference, ranks: dict[str, int], below: float) -> Trial | None:
    cost = _cost(inference, ranks)
    if cost >= below:
        return None
    try:
        trial = inference.trial(ranks, cost)
    except (Mismatch, FormulaError):
        return None
    return trial if trial.cost < below else None


def _others(inference: Inference, best: Trial) -> dict[str, Trial]:
    """Return the readings that differ in one name and cost little more."""
    found = {}
    if len(inference.prepared.nodes) * len(best.ranks) > _WORK:
        return found
    for name, assumption in inference.assumed.items():
        for rank in assumption.ranks:
            if rank != best.ranks[name] and name not in found:
                other = _try(inference, {**best.ranks, name: rank}, best.cost + NEAR)
                if other is not None:
                    found[name] = other
    return found


def _together(inference: Inference, best: Trial) -> Trial | None:
    """Return the reading with every matrix a number, where a formula of matrices may be one of numbers."""
    matrices = [
        n for n, rank in best.ranks.items() if rank == 2 and inference.assumed[n].costs[0] is not None
    ]
    if (
        inference.roles.evidence
        or len(matrices) < 2
        or len(matrices) != sum(r > 0 for r in best.ranks.values())
    ):
        return None
    return _try(inference, {**best.ranks, **dict.fromkeys(matrices, 0)}, best.cost + 1.0 * len(matrices))


def _names(inference: Inference, node: Node) -> set[str]:
    """Return the names below a node, those in the definitions of its names too."""
    found: set[str] = set()
    stack = [node]
    while stack:
        for part in within(stack.pop()):
            if isinstance(part, Name) and part.name not in found:
                found.add(part.name)
                if part.name in inference.formula.definitions:
                    stack.append(inference.formula.definitions[part.name])
    return found
