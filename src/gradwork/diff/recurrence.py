"""Derivatives of a recurrence: its step is differentiated like any function, and the result is a recurrence again.

    backward   ν_t = ∂f/∂h_t, t = T … 1:  ν_{t-1} = (∂h_t/∂h_{t-1})ᵀ ν_t       ∂f/∂θ = Σₜ (∂h_t/∂θ)ᵀ ν_t
    forward    ḣ_t = ∂h_t/∂h_{t-1} ḣ_{t-1} + ∂h_t/∂θ θ̇

What a derivative needs of the forward pass, such as h_t, it asks of the forward recurrence by further nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from gradwork.diff.calculus import FIRST, RULES
from gradwork.diff.derivation import Line, Phase, inline_all
from gradwork.diff.forward import forward
from gradwork.diff.names import name_step
from gradwork.diff.sweep import segment_adjoints, sweep
from gradwork.expr.dims import Dim
from gradwork.expr.node import METHODS, NAME, SYMBOL, Expr, depends, is_zero, make, substitute, walk, zeros
from gradwork.ops.sequence import ALL, LAST, SCAN, SUM, Recurrence

Shape = tuple[Dim, ...]


@dataclass(frozen=True)
class Backward:
    """The reverse recurrence of a step for the adjoint of one thing that it gives.

    recurrence: the reverse recurrence.
    seeded:     whether it takes the adjoint of each step's value (as first sequence), or of the sum (as last
                parameter), or nothing but its start.
    sequences:  what the other sequences are in terms of the forward recurrence: a step's own symbol, or an
                expression of which the forward recurrence gives all values.
    parameters: the places of the forward arguments that are its parameters.
    adjoints:   the adjoint of each bound symbol of the forward step, as the reverse step gives it.
    lines:      how it was derived.
    """

    recurrence: Recurrence
    seeded: str
    sequences: tuple[Expr, ...]
    parameters: tuple[int, ...]
    adjoints: tuple[Expr, ...]
    lines: tuple[Line, ...]


def _label(base: str, time: str, taken: set[str]) -> str:
    while f"{base}[{time}]" in taken:
        base += "_"
    taken.add(f"{base}[{time}]")
    return f"{base}[{time}]"


def _free(label: str, shape: Iterable[Dim]) -> Expr:
    return make(SYMBOL, (), (label, frozenset()), tuple(shape))


@lru_cache(maxsize=512)
def backward(recurrence: Recurrence, kind: str, what: int | Expr, extra: Shape) -> Backward:
    """Return the reverse recurrence for the adjoint of what a node of `recurrence` stands for."""
    bound = recurrence.bound
    after, asked = name_step(recurrence.after, () if isinstance(what, int) else (what,), recurrence)
    names = [n for n in walk(*after, *asked) if n.op is NAME and n in depends(n, bound)]
    moving = set().union(*(depends(x, bound) for x in (*after, *asked)))
    stop = {*names, *bound}
    taken = {s.params[0] for s in (*bound, *names)}
    t = recurrence.time
    letters = [adjoint_letter(recurrence, k, kind) for k in range(len(after))]
    seeds = [_free(_label(letter, t, taken), (*c.shape, *extra)) for letter, c in zip(letters, after)]
    given = [_free(_label("g", t, taken), (*a.shape, *extra)) for a in asked]
    contributions: dict[Expr, list[Expr]] = {n: [] for n in (*names, *bound)}
    for top, seed in [*zip(asked, given), *zip(after, seeds)]:
        if top in moving:
            for target, part in segment_adjoints(top, seed, top, moving, stop):
                contributions[target].append(part)
    lines, results = sweep(names, bound, contributions, moving, stop, taken, extra, (FIRST, RULES))
    plain = {n: _free(n.params[0], n.shape) for n in names}
    adjoints = [substitute(results[b], plain) for b in bound]
    forward_names = {s: n for n, s in plain.items()}
    held = {s for a in adjoints for s in a.symbols.values()}
    timed = [*recurrence.steps, *recurrence.carries, *forward_names]
    used = [s for s in timed if s in held]
    first = len(recurrence.carries) + len(recurrence.steps)
    places = tuple(first + i for i, s in enumerate(recurrence.parameters) if s in held)
    parameters = tuple(bound[i] for i in places)
    made = Recurrence(
        tuple(seeds),
        tuple(adjoints[: len(seeds)]),
        (*(given if kind == ALL else ()), *used),
        (*parameters, *(given if kind == SUM else ())),
        recurrence.length,
        not recurrence.reverse,
        tuple(s.params[0].partition("[")[0] for s in seeds),
    )
    shown = [Line("forward", n, n, (Phase("name", n.args[0], n.args[0]),)) for n in names]
    return Backward(
        made,
        kind,
        tuple(_emitted(forward_names.get(s, s), recurrence) for s in used),
        places,
        tuple(adjoints),
        (*shown, *lines),
    )


def adjoint_letter(recurrence: Recurrence, k: int, kind: str) -> str:
    """Return what the adjoint of a state is called as it comes in from the later steps.

    It is the whole adjoint where only the last state is in f and nothing else in the step uses this one; otherwise
    it is what the later steps add, which has a letter of its own.
    """
    state = recurrence.after[k]
    within = any(state in walk(x) for j, x in enumerate(recurrence.after) if j != k)
    if kind == LAST and not within:
        return f"df/d{recurrence.letters[k]}"
    return "lambda" if kind == LAST or len(recurrence.carries) == 1 else f"lambda_{k + 1}"


def _emitted(x: Expr, recurrence: Recurrence) -> Expr:
    # A quantity without inner names, so that it is the same node whoever asks for it.
    if x.op is not NAME:
        return x
    bare = inline_all(x)
    if bare in recurrence.after:
        return bare
    return make(NAME, (bare,), x.params)


def _stacked(args: tuple[Expr, ...], recurrence: Recurrence, x: Expr) -> Expr:
    """Return all values of a quantity of a step."""
    if x in recurrence.steps:
        return args[len(recurrence.carries) + recurrence.steps.index(x)]
    return make(SCAN, args, (recurrence, ALL, x))


def reversed_args(g: Expr, node: Expr, back: Backward) -> tuple[Expr, ...]:
    """Return the arguments of the reverse recurrence of a scan, given the adjoint `g` of the node."""
    recurrence, kind, what = node.params
    starts = [zeros((*c.shape, *g.shape[node.ndim :])) for c in recurrence.carries]
    if kind == LAST:
        starts[what] = g
    return (
        *starts,
        *([g] if kind == ALL else []),
        *(_stacked(node.args, recurrence, x) for x in back.sequences),
        *(node.args[k] for k in back.parameters),
        *([g] if kind == SUM else []),
    )


def scan_pullback(g: Expr, node: Expr, i: int) -> Expr:
    """Return the adjoint of argument i of a scan, given the adjoint `g` of the node."""
    recurrence, kind, what = node.params
    extra = g.shape[node.ndim :]
    back = backward(recurrence, kind, what, extra)
    args = reversed_args(g, node, back)
    adjoint = back.adjoints[i]
    carries, steps = len(recurrence.carries), len(recurrence.steps)
    if i < carries:
        return make(SCAN, args, (back.recurrence, LAST, i))
    if is_zero(adjoint):
        return zeros((*node.args[i].shape, *extra))
    return make(SCAN, args, (back.recurrence, ALL if i < carries + steps else SUM, adjoint))


# --- forward ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Forward:
    """The recurrence of tangents for the tangent of one argument (see `Backward` for the fields)."""

    recurrence: Recurrence
    sequences: tuple[Expr, ...]
    parameters: tuple[int, ...]
    asked: Expr | None


@lru_cache(maxsize=512)
def tangent(recurrence: Recurrence, kind: str, what: int | Expr, i: int, extra: Shape) -> Forward:
    """Return the recurrence of the tangents of the states, given the tangent of argument i."""
    bound = recurrence.bound
    after, asked = name_step(recurrence.after, () if isinstance(what, int) else (what,), recurrence)
    names = [n for n in walk(*after, *asked) if n.op is NAME and n in depends(n, bound)]
    taken = {s.params[0] for s in (*bound, *names)}
    carries, steps = len(recurrence.carries), len(recurrence.steps)
    moved = {
        c: _free(
            _label(f"d{c.params[0].partition('[')[0]}", f"{recurrence.time}-1", taken), (*c.shape, *extra)
        )
        for c in recurrence.carries
    }
    tangents = dict(moved)
    if i >= carries:
        x = bound[i]
        base, bracket, time = x.params[0].partition("[")
        label = _label(f"d{base}", time[:-1] if bracket else recurrence.time, taken)
        tangents[x] = _free(label, (*x.shape, *extra))
    plain = {n: _free(n.params[0], n.shape) for n in names}
    found = [substitute(forward(x, tangents), plain) for x in (*after, *asked)]
    forward_names = {s: n for n, s in plain.items()}
    held = {s for x in found for s in x.symbols.values()}
    used = [s for s in (*recurrence.steps, *recurrence.carries, *forward_names) if s in held]
    places = tuple(carries + steps + k for k, s in enumerate(recurrence.parameters) if s in held)
    own = [tangents[bound[i]]] if i >= carries else []
    made = Recurrence(
        tuple(moved.values()),
        tuple(found[:carries]),
        (*(own if i < carries + steps else []), *used),
        (*(own if i >= carries + steps else []), *(bound[k] for k in places)),
        recurrence.length,
        recurrence.reverse,
        tuple(c.params[0].partition("[")[0] for c in moved.values()),
    )
    sequences = tuple(_emitted(forward_names.get(s, s), recurrence) for s in used)
    return Forward(made, sequences, places, found[carries] if asked else None)


def scan_pushforward(t: Expr, node: Expr, i: int) -> Expr:
    """Return the tangent of a scan, given the tangent `t` of argument i."""
    recurrence, kind, what = node.params
    extra = t.shape[node.args[i].ndim :]
    ahead = tangent(recurrence, kind, what, i, extra)
    carries, steps = len(recurrence.carries), len(recurrence.steps)
    starts = [zeros((*c.shape, *extra)) for c in recurrence.carries]
    if i < carries:
        starts[i] = t
    args = (
        *starts,
        *([t] if carries <= i < carries + steps else []),
        *(_stacked(node.args, recurrence, x) for x in ahead.sequences),
        *([t] if i >= carries + steps else []),
        *(node.args[k] for k in ahead.parameters),
    )
    return make(SCAN, args, (ahead.recurrence, kind, what if ahead.asked is None else ahead.asked))


METHODS["scan pullback"] = scan_pullback
METHODS["scan pushforward"] = scan_pushforward


# --- the derivation ---------------------------------------------------------------------------------------


def through_time(lines: list[Line]) -> list[Line]:
    """Return the lines of a derivation with those of the steps of its recurrences in their places.

    The step's own quantities come before the scan's name; the backward lines of the step before the adjoints of
    what went into the scan.
    """
    named = [line.left for line in lines if line.kind == "forward" and line.left.op is NAME]
    scans = [n for n in named if n.args[0].op is SCAN]
    if not scans:
        return lines
    out: list[Line] = []
    shown: set[Expr | Recurrence] = set()
    for line in lines:
        if line.kind == "forward" and line.left in scans:
            recurrence, kind, what = line.left.args[0].params
            if recurrence not in shown:
                shown.add(recurrence)
                back = backward(recurrence, kind, what, ())
                out += [replace(x, kind="step") for x in back.lines if x.kind == "forward"]
        out.append(line)
        if line.kind == "backward" and line.target in scans:
            recurrence, kind, what = line.target.args[0].params
            extra = line.result.shape[line.target.ndim :]
            held = set(recurrence.carries)
            back = backward(recurrence, kind, what, extra)
            out += [
                replace(x, kind="step_back")
                for x in back.lines
                if x.kind == "backward" and (x.target.op is NAME or x.target in held)
            ]
    return out
