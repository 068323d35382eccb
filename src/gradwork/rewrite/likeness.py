"""When two terms are the same but for order: one canonical twin for each expression."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import CONSTANT, Expr, constant, make, rebuild
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT, contract, split


@lru_cache(maxsize=50_000)
def canonical(node: Expr) -> Expr:
    """Return the twin of `node` whose sums and products stand in one fixed order."""
    if not node.args:
        return node
    args = tuple(canonical(a) for a in node.args)
    if node.op is ADD:
        return make(ADD, tuple(sorted(args, key=lambda a: a.serial)))
    if node.op is CONTRACT:
        return _ordered(list(zip(args, node.params[0], strict=True)), node.params[1])
    return rebuild(node, args)


def _ordered(operands: list, out: tuple) -> Expr:
    # Order operands by identity. Only where the same operand stands twice do the labels decide: then every
    # arrangement of the twins is tried and the least one is taken.
    operands.sort(key=lambda o: o[0].serial)
    groups = [list(g) for _, g in itertools.groupby(operands, key=lambda o: o[0].serial)]
    choices = [list(itertools.permutations(g)) if 1 < len(g) <= 4 else [tuple(g)] for g in groups]
    best = None
    for arrangement in itertools.islice(itertools.product(*choices), 600):
        key = _labels([o for group in arrangement for o in group], out)
        if best is None or key < best:
            best = key
    assert best is not None
    return contract(zip([o[0] for o in operands], best[0], strict=True), best[1])


def _labels(operands: list, out: tuple) -> tuple:
    numbers = {label: i for i, label in enumerate(out)}
    labels = []
    for operand, own in operands:
        if len(own) == 2 and is_symmetric(operand):
            own = sorted(own, key=lambda label: numbers.get(label, 10_000))
        labels.append(tuple(numbers.setdefault(label, len(numbers)) for label in own))
    return tuple(labels), tuple(numbers[label] for label in out)


def coefficient(term: Expr) -> tuple[Any, Expr]:
    """Split a term into its number and the rest."""
    if term.op is CONSTANT:
        return term.params[0], constant(1)
    if term.op is not CONTRACT:
        return 1, term
    value, rest = 1, []
    for operand, labels in split(term):
        if operand.op is CONSTANT:
            value = value * operand.params[0]
        else:
            rest.append((operand, labels))
    if value == 1 and len(rest) == len(term.args):
        return 1, term
    if len(rest) == 1 and rest[0][1] == term.params[1] and len(set(rest[0][1])) == len(rest[0][1]):
        return value, rest[0][0]
    return value, contract(rest, term.params[1]) if rest else constant(1)
