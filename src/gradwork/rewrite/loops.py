"""Lowering of recurrences: what need not wait for the state leaves the loop, and is computed for all steps at once.

    Σₜ xₜᵀδₜ        one product of the stacked arrays, after the loop
    aₜ = xₜWₓ + …   XWₓ in one product before the loop
    δₜWₓᵀ           one product after it

All nodes of one recurrence with the same arguments become one loop over the part of the step that holds the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from gradwork.expr.dims import Dim
from gradwork.expr.node import (
    ARRAY,
    LEAVES,
    NAME,
    ONES,
    SYMBOL,
    Expr,
    depends,
    make,
    name,
    rebuild,
    size,
    substitute,
    walk,
)
from gradwork.ops.arithmetic import ADD, POWER, add, total
from gradwork.ops.contraction import CONTRACT, contract, filled, multiply, split, spread
from gradwork.ops.elementwise import tanh
from gradwork.ops.indexing import CONCATENATE, INDEX, PLACE, RESHAPE, concatenate
from gradwork.ops.sequence import ALL, LAST, SCAN, Recurrence

Prepare = Callable[[list[Expr]], list[Expr]]


def lower_loops(roots: Sequence[Expr], prepare: Prepare) -> list[Expr]:
    """Return the roots with each recurrence reduced to what has to be done step by step.

    `prepare` brings the expressions of a step into the form that programs are made from.
    """
    nodes = [n for n in walk(*roots) if n.op is SCAN]
    if not nodes:
        return list(roots)
    groups: dict[tuple, list[Expr]] = {}
    for node in nodes:
        groups.setdefault((node.args, node.params[0]), []).append(node)
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        if node in done:
            continue
        if node.op is not SCAN:
            done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
            continue
        args = tuple(done[a] for a in node.args)
        together = groups[node.args, node.params[0]]
        done.update(
            zip(together, _Loop(node.params[0], args).lowered([n.params[1:] for n in together], prepare))
        )
    return [done[r] for r in roots]


def without_names(*roots: Expr) -> list[Expr]:
    """Return expressions with every name replaced by what it stands for."""
    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        if node.op is NAME:
            done[node] = done[node.args[0]]
        else:
            done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
    return [done[r] for r in roots]


def one_function_for_gates(roots: Sequence[Expr]) -> dict[Expr, Expr]:
    """Return what stands for the gates of a cell once a single tanh gives all of them.

        σ(z) = ½ tanh(z/2) + ½, so [σ(A₁), σ(A₂), tanh(A₃)] = s ∘ tanh(s ∘ A) + o

    with ½ or 1 in s and ½ or 0 in o. One call over the whole of A is faster than one for each part (XLA's logistic
    is slower than its tanh); the absolute error is that of tanh.
    """
    parts: dict[tuple[Expr, int], dict[Dim, tuple[Expr, Dim]]] = {}
    for node in walk(*roots):
        if node.op.name not in ("sigmoid", "tanh") or node.args[0].op is not INDEX:
            continue
        (whole,), (spec,) = node.args[0].args, node.args[0].params
        axis = whole.ndim - 1
        plain = all(s == ("from", Dim.of(0), None, 1, d) for s, d in zip(spec[:axis], whole.shape))
        if plain and len(spec) == whole.ndim and spec[axis][0] == "from" and spec[axis][3] == 1:
            parts.setdefault((whole, axis), {})[spec[axis][1]] = (node, spec[axis][4])
    found: dict[Expr, Expr] = {}
    for (whole, axis), pieces in parts.items():
        at, halves = Dim.of(0), []
        while at in pieces:
            node, length = pieces[at]
            halves.append((Fraction(1, 2) if node.op.name == "sigmoid" else Fraction(1), length))
            at = at + length
        if at != whole.shape[axis] or len(halves) != len(pieces) or len({h for h, _ in halves}) < 2:
            continue
        s = concatenate([filled(h, (length,)) for h, length in halves])
        gates = add(multiply(s, tanh(multiply(s, whole))), 1 - s)
        found |= {node: make(INDEX, (gates,), node.args[0].params) for node, _ in pieces.values()}
    return found


class _Loop:
    """One recurrence with its arguments, and what has been moved out of it."""

    def __init__(self, recurrence: Recurrence, args: tuple[Expr, ...]):
        self.recurrence, self.args = recurrence, args
        self.given = dict(zip(recurrence.bound, args))
        self.gates: dict[Expr, Expr] = {}
        self.after = self._bare(*recurrence.after)
        self.needed = set(walk(*self.after))  # what the loop computes anyway
        self.emitted: dict[Expr, Expr] = {}  # expression of a step -> placeholder of all its values
        self.labels = {c: f"{letter}_before" for c, letter in zip(recurrence.carries, recurrence.letters)}
        self.labels |= zip(self.after, recurrence.letters)
        self.memo: dict[Expr, tuple[Expr, bool]] = {}
        self.carried: set[Expr] = set(recurrence.carries)
        self.stepped: set[Expr] = set(recurrence.steps)

    def _bare(self, *roots: Expr) -> list[Expr]:
        bare = without_names(*roots)
        self.gates |= one_function_for_gates(bare)
        return [substitute(x, self.gates) for x in bare] if self.gates else bare

    def lowered(self, wanted: Sequence[tuple], prepare: Prepare) -> list[Expr]:
        """Return what stands for each wanted (kind, what)."""
        r = self.recurrence
        whats = [w for kind, w in wanted if kind != LAST]
        self._look([*self.after, *whats, *self._bare(*whats)])
        found: list[Expr | int] = []
        for kind, what in wanted:
            if kind == LAST:
                found.append(what)
            elif kind == ALL:
                found.append(self.all_of(what))
            else:
                found.append(self.sum_of(what))
        both = [(c, x) for c, x in zip(r.carries, self.after) if c in self.emitted and x in self.emitted]
        shifted = {c: x for c, x in both if x not in r.carries}
        emitted = [e for e in self.emitted if e not in shifted]
        body = prepare([*self.after, *emitted])
        self._look(body)
        body, extra = self._moved_out(body)
        held = {s for x in body for s in x.symbols.values()}
        steps = [(s, self.given[s]) for s in r.steps if s in held] + [p for p in extra if p[2]]
        fixed = [(s, self.given[s]) for s in r.parameters if s in held] + [p for p in extra if not p[2]]
        states = len(r.carries)
        smaller = Recurrence(
            r.carries,
            tuple(body[:states]),
            tuple(p[0] for p in steps),
            tuple(p[0] for p in fixed),
            r.length,
            r.reverse,
            r.letters,
        )
        args = (*self.args[:states], *(p[1] for p in steps), *(p[1] for p in fixed))
        values = {}
        for e, new in zip(emitted, body[states:], strict=True):
            value = make(SCAN, args, (smaller, ALL, new))
            values[self.emitted[e]] = name(self.labels[e], value) if e in self.labels else value
        for k, carry in enumerate(r.carries):
            if carry in shifted:
                values[self.emitted[carry]] = self._shift(values[self.emitted[shifted[carry]]], self.args[k])
        return [
            make(SCAN, args, (smaller, LAST, x)) if isinstance(x, int) else substitute(x, values)
            for x in found
        ]

    def _look(self, roots: Sequence[Expr]) -> None:
        for x in roots:
            self.carried |= depends(x, self.recurrence.carries)
            self.stepped |= depends(x, self.recurrence.steps)

    # --- after the loop ---------------------------------------------------------------------------------

    def emit(self, x: Expr) -> Expr:
        """Return all values of an expression of the step, which the loop gives."""
        (bare,) = self._bare(x)
        if bare.op is INDEX:
            return self.value(bare)[0]
        if x.op is NAME:
            self.labels.setdefault(bare, x.params[0].partition("[")[0])
        if bare not in self.emitted:
            shape = (self.recurrence.length, *bare.shape)
            self.emitted[bare] = make(SYMBOL, (), (f"all[{len(self.emitted)}]", frozenset()), shape)
        return self.emitted[bare]

    def all_of(self, what: Expr) -> Expr:
        """Return all values of an expression, time first."""
        value, timed = self.value(what, top=True)
        return value if timed else self._in_front(value)

    def sum_of(self, what: Expr) -> Expr:
        """Return the sum over time: a product of stacked arrays where the expression is one."""
        if what.op is ADD:
            terms = [self.sum_of(t) for t in what.args]
            return total(terms, what.shape)
        if what.op is CONTRACT:
            operands, timed = self._operands(what)
            if timed:
                return contract(operands, what.params[1])
        value, timed = self.value(what)
        axes = tuple(range(what.ndim))
        if not timed:
            return contract([(size(self.recurrence.length), ()), (value, axes)], axes)
        return contract([(value, ("time", *axes))], axes)

    def value(self, x: Expr, top: bool = False) -> tuple[Expr, bool]:
        """Return the value of an expression of the step outside the loop, and whether it has the time axis."""
        if x not in self.memo:
            self.memo[x] = self._value(x, top)
        return self.memo[x]

    def _value(self, x: Expr, top: bool) -> tuple[Expr, bool]:
        if x in self.given and x not in self.recurrence.carries:
            return self.given[x], x in self.stepped
        if x in self.recurrence.carries:
            return self.emit(x), True
        if not x.args:
            return x, False
        if x.op is INDEX or (x.op is NAME and x.args[0].op is INDEX):
            return self._shifted(x if x.op is INDEX else x.args[0])
        if x in self.carried:
            (bare,) = self._bare(x)
            apart = top and x.op in (CONTRACT, ADD) and bare not in self.needed
            if not apart:
                return self.emit(x), True
        if x.op is NAME:
            return self.value(x.args[0])
        if x.op is CONTRACT:
            operands, timed = self._operands(x)
            out = x.params[1]
            return contract(operands, ("time", *out) if timed else out), timed
        if x.op.elementwise:
            return self._elementwise(x, top)
        if x.op in (PLACE, CONCATENATE, RESHAPE):
            return self._shifted(x)
        if x not in self.stepped:
            return rebuild(x, tuple(self.value(a)[0] for a in x.args)), False
        return self.emit(x), True

    def _shift(self, states: Expr, start: Expr) -> Expr:
        # The loop can give the state before each step as well as the one after it. Where both are wanted, one array
        # of states is stored, and the other is the start and the states after all steps but the last.
        parts = [states[1:], start[None]] if self.recurrence.reverse else [start[None], states[:-1]]
        return concatenate(parts)

    def _operands(self, x: Expr) -> tuple[list, bool]:
        operands: list = []
        for a, own in split(x):
            value, timed = self.value(a)
            operands.append((value, ("time", *own) if timed else own))
        return operands, any("time" in own for _, own in operands)

    def _elementwise(self, x: Expr, top: bool = False) -> tuple[Expr, bool]:
        found = [self.value(a, top) for a in x.args]
        if not any(timed for _, timed in found):
            return rebuild(x, tuple(v for v, _ in found)), False
        shape, args = (self.recurrence.length, *x.shape), []
        for a, (value, timed) in zip(x.args, found):
            if timed:
                args.append(spread(value, shape))
            else:
                args.append(value if not a.ndim else self._in_front(value))
        made = total(args, shape) if x.op is ADD else make(x.op, tuple(args), x.params)
        return made, True

    def _in_front(self, x: Expr) -> Expr:
        axes = tuple(range(x.ndim))
        return contract([(make(ONES, (), (self.recurrence.length,)), ("time",)), (x, axes)], ("time", *axes))

    def _shifted(self, x: Expr) -> tuple[Expr, bool]:
        # Operations on axes, with one axis more in front.
        found = [self.value(a) for a in x.args]
        if not any(timed for _, timed in found):
            return rebuild(x, tuple(v for v, _ in found)), False
        args = tuple(v if timed else self._in_front(v) for v, timed in found)
        length = self.recurrence.length
        whole = ("from", length * 0, None, 1, length)
        if x.op is INDEX:
            return make(INDEX, args, ((whole, *x.params[0]),)), True
        if x.op is PLACE:
            return make(PLACE, args, ((whole, *x.params[0]), (length, *x.params[1]))), True
        if x.op is CONCATENATE:
            return make(CONCATENATE, args, (x.params[0] + 1,)), True
        return make(RESHAPE, args, ((length, *x.params[0]),)), True

    # --- before the loop --------------------------------------------------------------------------------

    def _moved_out(self, body: list[Expr]) -> tuple[list[Expr], list[tuple[Expr, Expr, bool]]]:
        """Return the step with what holds no state as new entries and parameters: (symbol, argument, timed)."""
        moved: dict[Expr, tuple[Expr, Expr, bool]] = {}

        def out(x: Expr) -> Expr:
            if x in moved:
                return moved[x][0]
            value, timed = self.value(x)
            label = f"{'u' if timed else 'c'}_{len(moved) + 1}"
            symbol = make(SYMBOL, (), (f"{label}[t]" if timed else f"{label}[]", frozenset()), x.shape)
            moved[x] = (symbol, value, timed)
            return symbol

        def take(x: Expr) -> Expr:
            if x.op is INDEX or _repeated(
                x
            ):  # a part or a repetition of what is moved costs nothing in the loop
                return rebuild(x, tuple(take(a) for a in x.args))
            if x.op is ARRAY or (x.args and self._movable(x) and _worth(x, x in self.stepped)):
                return out(x)
            return x

        done: dict[Expr, Expr] = {}
        for node in walk(*body):
            if node not in self.carried:
                done[node] = node
                continue
            if node.op is ADD:
                done[node] = self._sum(node, done, out, take)
            elif node.op is CONTRACT:
                done[node] = self._product(node, done, out, take)
            else:
                done[node] = rebuild(
                    node, tuple(done[a] if a in self.carried else take(a) for a in node.args)
                )
        return [done[x] for x in body], list(moved.values())

    def _movable(self, x: Expr) -> bool:
        return x not in self.carried and all(
            n.op in LEAVES or n.op in _PLAIN or n.op.elementwise for n in walk(x)
        )

    def _sum(self, node: Expr, done: dict, out: Callable, take: Callable) -> Expr:
        # xₜWₓ + hₜ₋₁Wₕ + b: the terms without the state are one array. Where the sum is wider than a state, as for all
        # gates at once, b stays: XWₓ is too large for the cache, and in the loop b goes with the other sums (LSTM: 3 %
        # faster; it would make a simple network, whose XWₓ fits, as much slower).
        whole = any(node.shape == c.shape for c in self.recurrence.carries)
        free = [a for a in node.args if a in self.stepped or (whole and (a.args or a.op is SYMBOL))]
        free = [a for a in free if self._movable(a)]
        if len(free) < 2 or not any(a in self.stepped and a.shape == node.shape for a in free):
            return rebuild(node, tuple(done[a] if a in self.carried else take(a) for a in node.args))
        together = total(free, node.shape)
        self.stepped.add(together)
        rest = [done[a] if a in self.carried else take(a) for a in node.args if a not in free]
        return total([out(together), *rest], node.shape)

    def _product(self, node: Expr, done: dict, out: Callable, take: Callable) -> Expr:
        # ν ∘ o ∘ (1 − s²): the factors without the state are one array.
        operands, kept = split(node), []
        groups: dict[tuple, list[Expr]] = {}
        for a, own in operands:
            if a.ndim and a in self.stepped and self._movable(a) and len(set(own)) == len(own):
                groups.setdefault(own, []).append(a)
            else:
                kept.append((done[a] if a in self.carried else take(a), own))
        for own, factors in groups.items():
            axes = tuple(range(len(own)))
            whole = contract([(a, axes) for a in factors], axes) if len(factors) > 1 else factors[0]
            self.stepped.add(whole)
            kept.append((out(whole) if len(factors) > 1 else take(whole), own))
        order = [own for _, own in operands]
        kept.sort(key=lambda pair: order.index(pair[1]))
        return contract(kept, node.params[1])


def _repeated(x: Expr) -> bool:
    """Tell whether it is an array repeated along further axes."""
    return x.op is CONTRACT and len([a for a in x.args if a.op is not ONES]) == 1 and not _sums(x)


_PLAIN = {CONTRACT, INDEX, PLACE, CONCATENATE, RESHAPE}


def _worth(x: Expr, timed: bool) -> bool:
    """Tell whether computing it for all steps at once pays for storing it."""
    if not timed:
        return any((n.op is CONTRACT and _sums(n)) or n.op in (SCAN, CONCATENATE) for n in walk(x))
    return any(
        (n.op is CONTRACT and _sums(n)) or (n.op.elementwise and n.op not in (ADD, POWER)) for n in walk(x)
    )


def _sums(x: Expr) -> bool:
    return any(label not in x.params[1] for own in x.params[0] for label in own)
