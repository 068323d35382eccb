"""When two terms are the same but for order: one canonical twin for each expression."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from gradwork.expr.facts import is_symmetric
from gradwork.expr.naming import renamed, unnamed
from gradwork.expr.node import CONSTANT, Expr, constant, make, rebuild
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.rewrite.numbers import product

_MAX_TWINS = 50_000  # expressions whose twin is remembered
_MAX_LEAVES = 64  # arrangements of equal operands that are tried

_twins: dict[Expr, Expr] = {}


def canonical(node: Expr) -> Expr:
    """Return the twin of `node` whose sums and products stand in one fixed order."""
    found = _twins.get(node)
    if found is not None:
        return found
    if len(_twins) > _MAX_TWINS:
        _twins.clear()
    stack = [node]
    while stack:  # arguments first, without recursion
        x = stack[-1]
        waiting = [] if x in _twins else [a for a in x.args if a not in _twins]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if x not in _twins:
            _twins[x] = _twin(x)
    return _twins[node]


def _twin(node: Expr) -> Expr:
    if not node.args:
        return node
    args = tuple(_twins[a] for a in node.args)
    if node.op is ADD:
        return make(ADD, tuple(sorted(args, key=lambda a: a.serial)))
    if node.op is CONTRACT:
        operands: list = []
        for a, own in zip(args, node.params[0], strict=True):
            opened = _powers(a, own)
            operands += opened if opened is not None else [(a, own)]
        return _ordered(operands, node.params[1])
    return rebuild(node, args)


def _powers(x: Expr, labels: tuple) -> list | None:
    # 1/(a ∘ b) is 1/a ∘ 1/b: a whole power of a product without sums, as the powers of its factors.
    if x.op is not POWER or x.args[0].op is not CONTRACT or x.args[1].op is not CONSTANT:
        return None
    base, k = x.args[0], x.args[1].params[0]
    own, out = base.params
    if (
        not isinstance(k, Fraction)
        or k.denominator != 1
        or base.shape != x.shape
        or len(set(out)) != len(out)
    ):
        return None
    if any(label not in out for ls in own for label in ls):
        return None
    place = dict(zip(out, labels, strict=True))
    return [
        (_raised(a, k), tuple(place[label] for label in ls)) for a, ls in zip(base.args, own, strict=True)
    ]


def _raised(a: Expr, k: Fraction) -> Expr:
    if a.op is POWER and a.args[1].op is CONSTANT and isinstance(a.args[1].params[0], Fraction):
        a, k = a.args[0], a.args[1].params[0] * k
    return a if k == 1 else make(POWER, (a, constant(k)))


def _ordered(operands: list, out: tuple) -> Expr:
    # Order operands by identity. Where the same operand stands twice, or may be transposed, the labels decide.
    operands.sort(key=lambda o: o[0].serial)
    turns = [len(own) == 2 and is_symmetric(a) for a, own in operands]
    if not any(turns) and all(a[0] is not b[0] for a, b in itertools.pairwise(operands)):
        return contract(operands, out)
    pieces = [(a.serial, tuple(own), turn) for (a, own), turn in zip(operands, turns, strict=True)]
    labels, ends = min(_labellings(pieces, tuple(out)))
    return contract(zip([o[0] for o in operands], labels, strict=True), ends)


def _labellings(pieces: list, out: tuple) -> Iterator[tuple]:
    # Colour the labels by what carries them until nothing changes. While some labels look alike, tell each of
    # them apart in turn (or only the first, when many have been tried).
    names = list(dict.fromkeys([*out, *(label for _, own, _ in pieces for label in own)]))
    start = _ranks({n: tuple(i for i, label in enumerate(out) if label == n) for n in names})
    stack, leaves = [start], 0
    while stack:
        colours = _refined(stack.pop(), pieces)
        alike: dict[int, list] = {}
        for n in names:
            alike.setdefault(colours[n], []).append(n)
        same = min((c for c, members in alike.items() if len(members) > 1), default=None)
        if same is None:
            leaves += 1
            yield _arranged(colours, pieces), tuple(colours[label] for label in out)
            continue
        tried = alike[same] if leaves + len(stack) < _MAX_LEAVES else alike[same][:1]
        stack += [_ranks({n: (colours[n], n != chosen) for n in names}) for chosen in tried]


def _arranged(colours: dict, pieces: list) -> tuple:
    rows = []
    for serial, own, turn in pieces:
        row = [colours[label] for label in own]
        rows.append((serial, tuple(sorted(row) if turn else row)))
    return tuple(row for _, row in sorted(rows))


def _refined(colours: dict, pieces: list) -> dict:
    while True:
        seen: dict = {n: [] for n in colours}
        for serial, own, turn in pieces:
            row = [colours[label] for label in own]
            for i, label in enumerate(own):
                seen[label].append((serial, 0 if turn else i, tuple(sorted(row) if turn else row)))
        finer = _ranks({n: (c, tuple(sorted(seen[n]))) for n, c in colours.items()})
        if finer == colours:
            return colours
        colours = finer


def _ranks(keys: dict) -> dict:
    order = {key: i for i, key in enumerate(sorted(set(keys.values())))}
    return {n: order[key] for n, key in keys.items()}


def coefficient(term: Expr) -> tuple[Any, Expr]:
    """Split a term into its number and the rest."""
    if term.op is CONSTANT:
        return term.params[0], constant(1)
    if term.op is not CONTRACT or not any(a.op is CONSTANT for a in term.args):
        return 1, term
    value, rest = 1, []
    for operand, labels in split(term):
        if operand.op is CONSTANT:
            value = product(value, operand.params[0])
        else:
            rest.append((operand, labels))
    if len(rest) == 1 and rest[0][1] == term.params[1] and len(set(rest[0][1])) == len(rest[0][1]):
        return value, rest[0][0]
    return value, contract(rest, term.params[1]) if rest else constant(1)


def unified(exprs: Sequence[Expr]) -> list[Expr]:
    """Return expressions in which equal quantities stand under equal names, so that they are computed once.

    A quantity that is named in one place and spelled out in another is two different nodes until then.
    """
    return renamed(*unnamed(exprs))
