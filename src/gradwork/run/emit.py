"""What a loop gives, chosen by what is asked of it.

The reverse pass of an LSTM takes products such as m ∘ i ∘ (1 − i) of what the forward pass computed, for all steps.
Where a loop's values serve only in such functions of one step at a time, the loop computes those functions itself and
gives them instead: as much memory is written, and it is not read again to write as much once more. For the LSTM that
is a tenth of a training step.

    g, c = scan(…)          all steps            m·i·(1 − i), c·f·(1 − f), … = scan(…)
    m·i·(1 − i), …          of the arrays   →    the reverse loop takes them as they are
    the reverse loop takes them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradwork.expr.node import CONSTANT, NAME, ONES, SIZE, Expr, make, name, rebuild, walk
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.indexing import INDEX
from gradwork.ops.sequence import ALL, SCAN, Recurrence
from gradwork.run.sizes import estimate

_Loop = tuple[tuple[Expr, ...], Recurrence]


def give_what_is_used(roots: Sequence[Expr], hint: Mapping[str, int] | None = None) -> list[Expr]:
    """Return the expressions with each loop giving functions of its steps, where that is no more to store."""
    chosen, seen = list(roots), set[_Loop]()
    while True:
        loops = [(n.args, n.params[0]) for n in walk(*chosen) if n.op is SCAN and n.params[1] == ALL]
        loop = next((x for x in loops if x not in seen), None)
        if loop is None:
            return chosen
        seen.add(loop)  # a change to it changes only what comes after it
        chosen = _given_by(loop, chosen, hint)


def _given_by(loop: _Loop, roots: list[Expr], hint: Mapping[str, int] | None) -> list[Expr]:
    steps = _Steps(loop)
    nodes = list(walk(*roots))
    for node in nodes:
        steps.look(node)
    outside = {a for n in nodes if n not in steps.held for a in n.args} | set(roots)
    used = steps.held & outside
    before = {n.params[2] for n in nodes if steps.gives(n)}
    after = {steps.of[n] for n in used}
    if before == after or _volume(after, hint) > _volume(before, hint):
        return roots
    args, recurrence = loop
    done: dict[Expr, Expr] = {}
    for node in nodes:
        if node in used:
            value = make(SCAN, args, (recurrence, ALL, steps.of[node]))
            label = node.params[0] if node.op is NAME else "" if steps.gives(node) else "factor"
            done[node] = name(label, value) if label else value
        else:
            done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
    return [done[r] for r in roots]


def _volume(values: set[Expr], hint: Mapping[str, int] | None) -> float:
    total = 0.0
    for x in values:
        count = 1.0
        for dim in x.shape:
            count *= estimate(dim, hint)
        total += count
    return total


class _Steps:
    """What arrays over all steps of a loop are at one step.

    of:    the value at a step, as an expression of the loop's bound symbols, by array.
    still: the same for what has no time axis.
    held:  the arrays that depend on what the loop gives.
    """

    def __init__(self, loop: _Loop):
        self.args, self.recurrence = loop
        r = self.recurrence
        bound = dict(zip(self.args[len(r.carries) :], (*r.steps, *r.parameters)))
        self.of = {a: s for a, s in bound.items() if s in r.steps}
        self.still = {a: s for a, s in bound.items() if s in r.parameters}
        self.held: set[Expr] = set()

    def gives(self, node: Expr) -> bool:
        """Tell whether a node is what the loop gives at all steps."""
        return node.op is SCAN and node.params[:2] == (self.recurrence, ALL) and node.args == self.args

    def look(self, node: Expr) -> None:
        """Note what a node is at one step, if it can be computed there; its arguments were looked at before."""
        if node in self.of or node in self.still:
            return
        if self.gives(node):
            self.of[node] = node.params[2]
            self.held.add(node)
        elif node.op in (CONSTANT, SIZE, ONES):
            self.still[node] = node
        elif node.args and all(a in self.of or a in self.still for a in node.args):
            if not any(a in self.of for a in node.args):
                if _cheap(node):
                    self.still[node] = rebuild(node, tuple(self.still[a] for a in node.args))
                return
            at = self._at_a_step(node)
            if at is not None:
                self.of[node] = at
                if not self.held.isdisjoint(node.args):
                    self.held.add(node)

    def _at_a_step(self, node: Expr) -> Expr | None:
        if node.op is NAME:
            return self.of[node.args[0]]
        if node.op is INDEX:
            every = ("from", self.recurrence.length * 0, None, 1, self.recurrence.length)
            (x,), (spec,) = node.args, node.params
            return make(INDEX, (self.of[x],), (spec[1:],)) if spec[0] == every else None
        if node.op is CONTRACT:
            return self._product(split(node), node.params[1])
        if not node.op.elementwise:
            return None
        args = tuple(at for at in map(self._of_any, node.args) if at is not None)
        return make(node.op, args, node.params) if len(args) == len(node.args) else None

    def _of_any(self, x: Expr) -> Expr | None:
        # A number, or what is repeated along the time axis, is the same at every step.
        if x in self.of:
            return self.of[x]
        if not x.ndim:
            return self.still[x]
        return self._product(split(x), x.params[1]) if x.op is CONTRACT else None

    def _product(self, operands: list, out: tuple) -> Expr | None:
        # A product without sums, whose first axis is time.
        if not out or _sums(operands, out):
            return None
        time, parts = out[0], []
        for x, own in operands:
            if x in self.of:
                if own[0] != time or time in own[1:]:
                    return None
                parts.append((self.of[x], own[1:]))
            elif x not in self.still:
                return None  # a part of what is known only as a whole: of a parameter
            elif time not in own:
                parts.append((self.still[x], own))
            elif x.op is not ONES or own != (time,):
                return None
        return contract(parts, out[1:])


def _sums(operands: list, out: tuple) -> bool:
    return any(label not in out for _, own in operands for label in own)


def _cheap(node: Expr) -> bool:
    """Tell whether what is the same at every step may be computed at every step: a number, or a repetition."""
    if node.op is CONTRACT:
        return (
            not _sums(split(node), node.params[1])
            and sum(a.op is not ONES and a.ndim > 0 for a in node.args) < 2
        )
    return node.op.elementwise and not node.ndim
