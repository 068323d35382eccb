"""The reasons of a line, folded to what a teacher says: which rules made it, of what, in the order applied.

A line says what each use of a quantity passes back to it. Its steps tell their reasons as data; here they are
only put together: steps that belong to one use, the squares of a sum, the two sides of a product. What a
sentence claims beyond its step ("r is linear in b, with matrix −X") is proved before it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gradwork.diff.calculus import PULL, PUSH, RULES
from gradwork.diff.degree import degree
from gradwork.diff.derivation import Derivation, Line, Phase
from gradwork.diff.forward import forward, unit
from gradwork.diff.sweep import segment_adjoints
from gradwork.expr.dims import Dim
from gradwork.expr.node import (
    CONSTANT,
    NAME,
    ONES,
    SIZE,
    SYMBOL,
    Expr,
    constant,
    depends,
    is_constant,
    is_zero,
    surface,
    walk,
)
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, split
from gradwork.rewrite import normalise
from gradwork.rewrite.engine import Engine
from gradwork.show.correlation import sliding_reason

# What a teacher does not say on the board: that a sum is derived term by term and that factors stay.
_SILENT = (
    "sum rule",
    "factors stay",
    "sum passes on",
    "linear operation",
    "constant operation",
    "times zero",
)


@dataclass(frozen=True)
class Use:
    """One use of a quantity, and what it passes back.

    source:  the named quantity that uses it; a term of the function; None for the function as a whole.
    parts:   the derivatives still to be taken, whose sum this use passes back.
    reasons: why, as the board says it.
    """

    source: Expr | None
    parts: tuple[Expr, ...]
    reasons: tuple[Reason, ...]

    @property
    def start(self) -> Expr:
        """What this use passes back, as derivatives still to be taken."""
        return total(list(self.parts), self.parts[0].shape)

    @cached_property
    def phase(self) -> Phase:
        """What this use passes back, taken and simplified."""
        engine = Engine(RULES)
        return Phase("derive", self.start, engine.normalise(self.start), engine.steps)


class Reasons:
    """Finds the reasons of the lines of one derivation."""

    def __init__(self, derivation: Derivation):
        self.derivation = derivation
        found = [l for l in derivation.lines if l.kind == "forward" and l.left.op is not NAME]
        self.body = found[-1].left if found else derivation.function
        self.folded = {line.left: line for line in derivation.lines if line.folded}
        self.scalar = all(not n.ndim for n in depends(self.body, derivation.variables))

    def of(self, line: Line) -> list[Use]:
        """Return the uses of a line's quantity, with the reasons of each."""
        start = line.phases[0].before
        parts = start.args if start.op is ADD and any(map(_open, start.args)) else (start,)
        groups: dict[Expr | None, list[Expr]] = {}
        for part in parts:
            groups.setdefault(self._source(part), []).append(part)
        if None in groups and self.terms and line.kind == "backward":
            groups = {
                source: own for source, own in groups.items() if source is not None and source.op is NAME
            }
            groups |= self._by_term(line.target)
        return [
            Use(source, tuple(own), tuple(self._reasons(line, source, own, len(groups) > 1)))
            for source, own in groups.items()
        ]

    @cached_property
    def terms(self) -> tuple[Expr, ...]:
        """The terms of the function, where it is a sum of numbers."""
        return _addends(self.body) if self.body.op is ADD and not self.body.ndim else ()

    def _by_term(self, x: Expr) -> dict[Expr | None, list[Expr]]:
        # Where two terms share what x goes into, what each passes back is taken apart again.
        names = {n for n in walk(self.body) if n.op is NAME}
        stop = names | set(self.derivation.variables)
        moving = depends(self.body, self.derivation.variables)
        found: dict[Expr | None, list[Expr]] = {}
        for term in self.terms:
            if term in moving:
                parts = segment_adjoints(term, constant(1), term, moving, stop)
                own = [part for target, part in parts if target is x]
                if own:
                    found[term] = own
        return found

    def before(self, line: Line) -> list[Reason]:
        """Return the reasons of adjoints that the line holds filled in, never written on their own."""
        first = line.phases[0].after
        found: list[Reason] = []
        for n in surface(first):
            if n in self.folded:
                inner = self.folded[n]
                found += self.before(inner)
                found += [r for use in self.of(inner) for r in use.reasons]
        return found

    def simplified(self, phase: Phase) -> list[Reason]:
        """Return the simplifications of a phase that a teacher writes."""
        return list(dict.fromkeys(s.reason for s in phase.board if s.rule.group == "simplify"))

    # --- one use ---

    def _source(self, part: Expr) -> Expr | None:
        """Return what uses the quantity: a name, a term of the function, or None where it is several terms."""
        pulls = _taken(part)
        if not pulls:
            return None
        first = [p for p in pulls if not _open(p.args[0])]
        named = {p.params[1] for p in first}
        if len(named) != 1:
            return None
        y = next(iter(named))
        if y.op is NAME:
            return y
        if len(first) > 1:
            return None
        # The function itself: down to the first term that is no sum.
        node, i = first[0].params[0], first[0].params[2]
        while node.op is ADD:
            node = node.args[i]
            own = [p for p in pulls if p.params[0] is node]
            if len(own) != 1:
                return node if not own or node.op is not ADD else None
            i = own[0].params[2]
        return node if node is not self.body else None

    def _reasons(self, line: Line, source: Expr | None, parts: list[Expr], several: bool) -> list[Reason]:
        x = line.target
        pulls = list(dict.fromkeys(p for part in parts for p in _taken(part)))
        if not pulls:
            return []
        phase = Use(source, tuple(parts), ()).phase
        slid = sliding_reason(line, phase) if _slides(pulls) else ""
        sides = _sides(pulls)
        curved = [p for p in pulls if _why(p).key not in _SILENT]
        if not curved and not slid and not any(len(s) > 1 for s in sides.values()):
            return self._linear(x, source, several)
        found = [Reason.of(slid)] if slid else []
        squares = self._squares(x, pulls, curved, phase.after)
        if squares is not None:
            return [*found, squares]
        if _is_cross_entropy(x, pulls, curved, sides):
            return [*found, Reason.of("cross-entropy", node=curved[0].params[0])]
        if not curved and not slid:
            y = source if source is not None else self.body
            d = degree(y.args[0] if y.op is NAME else y, x)
            if d == 1:
                return self._linear(x, source, several)
        if not curved and not slid and len(parts) > 1:
            return [_used(x, len(parts))]
        return [*found, *self._rules(x, pulls, sides)]

    def _rules(self, x: Expr, pulls: list[Expr], sides: dict[Expr, set[int]]) -> list[Reason]:
        found: list[Reason] = []
        quotients = {n for n, own in sides.items() if len(own) > 1 and any(_below(n.args[i]) for i in own)}
        denominators = {n.args[i] for n in quotients for i in sides[n] if _below(n.args[i])}
        for p in pulls:
            node, _, i = p.params
            why = _why(p)
            if len(sides.get(node, ())) > 1:
                found.append(_product(x, node, sides[node], node in quotients))
            elif why.key not in _SILENT and node not in denominators:
                if self.scalar and node.args[i].op not in (NAME, SYMBOL):
                    found.append(Reason.of("chain rule", node=node))
                found.append(why)
        return _distinct(found)

    def _squares(self, x: Expr, pulls: list[Expr], curved: list[Expr], after: Expr) -> Reason | None:
        if len(curved) != 1 or not x.ndim:
            return None
        node = curved[0].params[0]
        if node.op is not POWER or node.args[0] is not x or not is_constant(node.args[1], 2):
            return None
        if not _is_multiple(after, x):
            return None
        counts = [a for p in pulls for a in p.params[0].args if p.params[0].op is CONTRACT]
        key = "mean of squares" if any(_is_over(a, x) for a in counts) else "sum of squares"
        return Reason.of(key, x=x, node=node)

    def _linear(self, x: Expr, source: Expr | None, several: bool) -> list[Reason]:
        y = source if source is not None else self.body
        inner = y.args[0] if y.op is NAME else y
        d = degree(inner, x)
        if d != 1:
            held = [
                n
                for n in surface(inner)
                if n.op is NAME and n is not x and x in depends(n, [x]) and _moves(n, x)
            ]
            if held and degree(inner, x, held) == 1:
                return [Reason.of("linear beside", y=y, x=x, held=tuple(held))]
            return []
        if source is None and not several:
            return [Reason.of("f is linear", x=x, y=inner)]
        if x.ndim == 1 and y.ndim == 1 and y.op is NAME:
            matrix = normalise(forward(inner, {x: unit(x.shape)}))
            if matrix.ndim == 2 and x not in set(walk(matrix)):
                return [Reason.of("linear with matrix", y=y, x=x, matrix=matrix)]
        if self.scalar and y.op is not NAME:
            return [Reason.of("variable rule", x=x) if y is x else Reason.of("constant factor", x=x, y=y)]
        return [Reason.of("linear", y=y, x=x)]

    # --- differentials ---

    def of_tangent(self, line: Line, phase: Phase) -> list[Reason]:
        """Return the reasons of a differential."""
        pushes = [p for p in surface(phase.before) if p.op is PUSH and not is_zero(p.args[0])]
        if not pushes:
            return []
        sides = _sides(pushes)
        curved = [p for p in pushes if _why(p).key not in _SILENT]
        if len(curved) == 1 and not any(len(s) > 1 for s in sides.values()):
            node = curved[0].params[0]
            x = node.args[0]
            if (
                node.op is POWER
                and x.ndim
                and is_constant(node.args[1], 2)
                and not line.target.ndim
                and _uniform(pushes, node)
            ):
                counts = [a for p in pushes for a in p.params[0].args if p.params[0].op is CONTRACT]
                mean = any(_is_over(a, x) for a in counts)
                return [Reason.of("mean of squares" if mean else "sum of squares", x=x, node=node)]
        found = self._rules(line.target, pushes[::-1], sides)
        return found or self._constants(line)

    def _constants(self, line: Line) -> list[Reason]:
        top = line.target.args[0] if line.target.op is NAME else line.target
        moving = set(self.derivation.variables)
        held = [s for s in surface(top) if s.op is SYMBOL and s not in moving]
        held.sort(key=lambda s: s.params[0])
        return (
            [Reason.of("held constant", constants=tuple(held))]
            if held
            else [Reason.of("differential of a sum")]
        )


def folded(uses: list[Use], x: Expr) -> list[Reason]:
    """Return the reasons of all uses for one line: used twice where each use is linear, else one after the other."""
    reasons = [r for use in uses for r in use.reasons]
    linear = [r for r in reasons if r.key in ("linear", "linear with matrix")]
    if len(uses) > 1 and len(linear) == len(reasons) == len(uses):
        return [Reason.of("used in", x=x, ys=tuple(r["y"] for r in linear))]
    found = []
    for use in uses:
        for r in use.reasons:
            # Beside other uses a law of a term of the function says of which term.
            named = use.source is None or use.source.op is NAME or len(uses) == 1 or r.key in _TELLING
            found.append(r if named else Reason.of("of term", term=use.source, reason=r))
    return _distinct(found)


_TELLING = ("linear", "f is linear", "linear beside", "sum rule")


def _addends(x: Expr) -> tuple[Expr, ...]:
    return tuple(t for a in x.args for t in _addends(a)) if x.op is ADD else (x,)


def _open(x: Expr) -> bool:
    return x.op is PULL or (x.op is ADD and any(map(_open, x.args)))


def _taken(part: Expr) -> list[Expr]:
    """Return the derivatives taken on the way, from the function inward."""
    return [p for p in surface(part) if p.op is PULL]


def _why(p: Expr) -> Reason:
    node, _, i = p.params
    return node.op.why(node, i)


def _sides(pulls: list[Expr]) -> dict[Expr, set[int]]:
    # Through which operands of each product the quantity is reached.
    sides: dict[Expr, set[int]] = {}
    for p in pulls:
        node, _, i = p.params
        if node.op is CONTRACT or node.op.name.startswith("correlate"):
            sides.setdefault(node, set()).add(i)
    return sides


def _product(x: Expr, node: Expr, own: set[int], quotient: bool) -> Reason:
    if all(_turned(node.args[i]) is x for i in own):
        return _used(x, len(own))
    return Reason.of("quotient rule" if quotient else "product rule", node=node, sides=tuple(sorted(own)))


def _used(x: Expr, count: int) -> Reason:
    return Reason.of("used twice", x=x) if count == 2 else Reason.of("uses", x=x, count=count)


def _turned(a: Expr) -> Expr:
    # What a transpose is of.
    if a.op is CONTRACT and len(a.args) == 1 and sorted(a.params[1]) == sorted(a.params[0][0]):
        return a.args[0]
    return a


def _below(a: Expr) -> bool:
    return a.op is POWER and a.args[1].op is CONSTANT and a.args[1].params[0] < 0


def _slides(pulls: list[Expr]) -> bool:
    return any(
        a.op.name in ("window", "pad", "flip") or p.params[0].op.name in ("window", "pad")
        for p in pulls
        for a in p.params[0].args
    )


def _is_multiple(value: Expr, x: Expr) -> bool:
    """Tell whether `value` is a number (or scalar quantity) times `x`."""
    if value is x:
        return True
    if value.op is not CONTRACT:
        return False
    wide = [(a, own) for a, own in split(value) if a.ndim]
    return len(wide) == 1 and wide[0][0] is x and wide[0][1] == value.params[1]


def _is_over(a: Expr, x: Expr) -> bool:
    """Tell whether `a` is one over the number of entries of `x`."""
    count = Dim.of(1)
    for d in x.shape:
        count = count * d
    if a.op is POWER and is_constant(a.args[1], -1):
        a = a.args[0]
        return a.op is SIZE and a.params[0] == count or is_constant(a, count.value)
    return a.op is CONSTANT and count.value is not None and a.params[0] * count.value == 1


def _uniform(pushes: list[Expr], square: Expr) -> bool:
    # Whether the squares are summed with one scalar factor for all of them.
    for p in pushes:
        node, _, i = p.params
        if node.op is CONTRACT and any(
            a.ndim and a.op is not ONES for j, a in enumerate(node.args) if j != i
        ):
            return False
        if node is not square and node.op not in (CONTRACT, ADD):
            return False
    return True


def _is_cross_entropy(x: Expr, pulls: list[Expr], curved: list[Expr], sides: dict[Expr, set[int]]) -> bool:
    """Tell whether the use is c Σ Y ∘ log softmax(x) with a Y that does not move."""
    if (
        len(curved) != 1
        or curved[0].params[0].op.name != "log_softmax"
        or curved[0].params[0].args[0] is not x
    ):
        return False
    if any(len(own) > 1 for own in sides.values()):
        return False
    if any(p.params[0].op not in (ADD, CONTRACT) for p in pulls if p is not curved[0]):
        return False
    node = curved[0].params[0]
    return any(
        p.params[0].op is CONTRACT
        and p.params[0].args[p.params[2]] is node
        and any(a.ndim and a.op is not ONES for j, a in enumerate(p.params[0].args) if j != p.params[2])
        for p in pulls
    )


def _moves(n: Expr, x: Expr) -> bool:
    return x in set(walk(n))


def _distinct(reasons: list[Reason]) -> list[Reason]:
    # One reason is said once, whatever node it is told of again.
    def spoken(r: Reason) -> tuple:
        return (r.key, *(v for k, v in r.pairs if k not in ("node", "i", "op", "sides")))

    found = {}
    for r in reasons:
        found.setdefault(spoken(r), r)
    return list(found.values())


__all__ = ["Reasons", "Use", "folded"]
