"""Recurrences over a time axis: `scan`, and `stop`, which lets no adjoint through.

    stateₜ = body(stateₜ₋₁, xₜ; θ),   t = 1 … T

One node stands for one thing that a recurrence gives: its last state, all values of an expression of its step, or
their sum. Nodes of the same recurrence and arguments are computed by one loop, so what a derivative needs of the
forward pass is asked for by making another node. The derivative of a scan is a scan that runs the other way; the
gradient of a parameter is a sum over time, which programs turn into one product (see `rewrite.loops`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, DimLike
from gradwork.expr.node import (
    METHODS,
    NAME,
    SYMBOL,
    Expr,
    constant,
    make,
    name,
    rebuild,
    size,
    substitute,
    walk,
)
from gradwork.expr.notation import BigSum, Fence, Letter, Math
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import add
from gradwork.ops.contraction import matmul, multiply
from gradwork.ops.elementwise import equal, tanh, where
from gradwork.ops.indexing import ones, stack
from gradwork.ops.rounding import mod
from gradwork.ops.running import cumsum


@dataclass(frozen=True)
class Recurrence:
    """A step of a recurrence: bound symbols, and the state that follows from them.

    carries:    the state before the step, as symbols such as `h[t-1]`.
    after:      the state after it, as expressions of all the bound symbols.
    steps:      what the step takes from the sequences, such as `x[t]`.
    parameters: what is the same at every step.
    length:     the number of steps.
    reverse:    whether the step of T comes first.
    letters:    what the states are called, without time.
    """

    carries: tuple[Expr, ...]
    after: tuple[Expr, ...]
    steps: tuple[Expr, ...]
    parameters: tuple[Expr, ...]
    length: Dim
    reverse: bool = False
    letters: tuple[str, ...] = ()

    @property
    def time(self) -> str:
        """The letter of time in the labels of the bound symbols."""
        return self.carries[0].params[0].rpartition("[")[2].rstrip("]").partition("-")[0]

    @property
    def bound(self) -> tuple[Expr, ...]:
        """The bound symbols, in the order of a scan's arguments."""
        return (*self.carries, *self.steps, *self.parameters)


LAST, ALL, SUM = "last", "all", "sum"


def _shape(args: tuple[Expr, ...], params: tuple) -> tuple[Dim, ...]:
    recurrence, kind, what = params
    k, p = len(recurrence.carries), len(recurrence.steps)
    for symbol, arg, timed in zip(
        recurrence.bound, args, [False] * k + [True] * p + [False] * (len(args) - k - p)
    ):
        wanted = (recurrence.length, *symbol.shape) if timed else symbol.shape
        if arg.shape != wanted:
            raise ShapeError("scan takes with shape", params=symbol.params[0], wanted=wanted, shape=arg.shape)
    if kind == LAST:
        return recurrence.carries[what].shape
    return (recurrence.length, *what.shape) if kind == ALL else what.shape


def _written(node: Expr, args: list[Math]) -> Math:
    recurrence, kind, what = node.params
    inner: Callable[[Expr], Math] = METHODS["math"]
    if kind == LAST:
        end = "1" if recurrence.reverse else str(recurrence.length)
        return Letter(f"{recurrence.letters[what]}[{end}]")
    time = recurrence.time
    if kind == SUM:
        return BigSum((time,), inner(what))
    if what in recurrence.after:
        return Fence("entries", Letter(f"{recurrence.letters[recurrence.after.index(what)]}[{time}]"), time)
    return Fence("entries", inner(what), time)


def _example() -> tuple:
    h, x, W = (
        make(SYMBOL, (), (label, frozenset()), shape)
        for label, shape in (("h[t-1]", (Dim.of(2),)), ("x[t]", (Dim.of(2),)), ("W", (Dim.of(2), Dim.of(2))))
    )
    step = Recurrence((h,), (tanh(add(matmul(W, h), x)),), (x,), (W,), Dim.of(4), False, ("h",))
    return ((2,), (4, 2), (2, 2)), (step, ALL, step.after[0])


# params: (recurrence, "last", which carry) or (recurrence, "all" | "sum", an expression of the bound symbols)
SCAN = Op(
    "scan",
    shape=_shape,
    pullback=lambda g, y, node, i: METHODS["scan pullback"](g, node, i),
    pushforward=lambda t, y, node, i: METHODS["scan pushforward"](t, node, i),
    code=lambda w, node, args: (_ for _ in ()).throw(GradworkError("scan is written as loop")),
    notation=_written,
    law=r"\partial f/\partial h_{t-1} = (\partial h_t/\partial h_{t-1})^{\mathsf T}\, \partial f/\partial h_t",
    reason=lambda node, i: Reason.of("through time", op=node.op.name, node=node, i=i),
    analytic=False,  # a step may hold what has no complex continuation
    summary="a recurrence over a time axis",
    example=_example(),
)

# The first argument; its derivative is let through where the second is 1, and not where it is 0.
STOP = Op(
    "stop",
    shape=lambda args, params: args[0].shape,
    pullback=lambda g, y, node, i: multiply(node.args[1], g) if i == 0 else None,
    pushforward=lambda t, y, node, i: multiply(node.args[1], t) if i == 0 else None,
    code=lambda w, node, args: args[0],
    notation=lambda node, args: args[0],
    law=r"\partial\,\mathrm{stop}(x, k)/\partial x = k\,g",
    domain=((-2.0, 2.0), (1.0, 1.0)),
    summary="x itself; its derivative is multiplied by k",
    example=(((3,), ()), ()),
)


def stop(x: Any, keep: Any = 0) -> Expr:
    """Return `x`; a derivative passes only where the scalar `keep` is 1. By default none does.

    >>> import gradwork as gw
    >>> x = gw.scalar("x")
    >>> print(gw.grad(x * stop(x), x))
    x
    """
    x, keep = constant(x), constant(keep)
    if keep.ndim:
        raise ShapeError("what stop lets through is one", shape=keep.shape)
    return make(STOP, (x, keep))


@dataclass(frozen=True)
class Scanned:
    """What a scan gives: all states (the time axis first) and the last one; tuples for several states."""

    states: Any
    last: Any


_LETTERS = "tsuvwpq"
_open: list[int] = []  # how many scans are being built around this one


def scan(
    body: Callable[..., Any],
    start: Any,
    sequences: Any = (),
    *,
    length: DimLike | None = None,
    mask: Any = None,
    truncate: int | None = None,
    reverse: bool = False,
    names: Sequence[str] = (),
) -> Scanned:
    """Return the states of the recurrence  stateₜ = body(stateₜ₋₁, xₜ),  t = 1 … T.

    body:      a function of the state's parts and then the entries of the sequences at t; it returns the new
               state (a tuple for several parts). Whatever else it uses is a parameter.
    start:     the state before the first step, or a tuple of parts.
    sequences: one array, or a tuple of arrays, with time as first axis.
    length:    the number of steps, where there is no sequence.
    mask:      an array of T×… : where it is 0 the state stays as it was (sequences of unequal lengths).
    truncate:  let the adjoint pass only within blocks of that many steps (truncated backpropagation).
    reverse:   begin with the last entry.
    names:     what parts and entries are called; by default what the body calls them.

    >>> import gradwork as gw
    >>> x, a = gw.vector("x", "T"), gw.scalar("a")
    >>> s = scan(lambda s, x: a * s + x, 0, x)
    >>> s.states.evaluate(x=[1, 1, 1], a=2), s.last.evaluate(x=[1, 1, 1], a=2)
    (array([1., 3., 7.]), 7.0)
    """
    several = isinstance(start, (tuple, list))
    starts = [constant(s) for s in (start if several else (start,))]
    given = [constant(s) for s in (sequences if isinstance(sequences, (tuple, list)) else (sequences,))]
    masks = [] if mask is None else [constant(mask)]
    steps = _length([*given, *masks], length)
    if truncate is not None:
        if not isinstance(truncate, int) or truncate < 1:
            raise GradworkError("truncate is whole number of steps", truncate=truncate)
        before = cumsum(ones(steps)) - 1  # 0, 1, …: how many steps were taken before each
        before = size(steps) - 1 - before if reverse else before
        # The first step of each block but the first takes its state without a derivative.
        masks.append(1 - equal(mod(before, truncate), 0) + equal(before, 0))
    letter = _LETTERS[len(_open) % len(_LETTERS)]
    called = _called(body, names, len(starts), len(given))
    carries = [_bound(f"{n}[{letter}-1]", s.shape) for n, s in zip(called, starts)]
    entries = [_bound(f"{n}[{letter}]", s.shape[1:], s) for n, s in zip(called[len(starts) :], given)]
    extra = [_bound(f"{n}[{letter}]", m.shape[1:]) for n, m in zip(_marks(mask, truncate), masks)]
    held = [make(STOP, (c, extra[-1])) for c in carries] if truncate is not None else carries
    _open.append(1)
    try:
        result = body(*held, *entries)
    finally:
        _open.pop()
    after = [constant(r) for r in (result if isinstance(result, (tuple, list)) else (result,))]
    after = _timed(after, letter, {s.params[0] for s in (*carries, *entries, *extra)})
    _check(after, carries, called)
    if mask is not None:
        after = [where(_wide(extra[0], c), new, old) for new, old, c in zip(after, held, carries)]
    bound = {*carries, *entries, *extra}
    free = [s for s in dict.fromkeys(n for n in walk(*after) if n.op is SYMBOL) if s not in bound]
    made = Recurrence(
        tuple(carries),
        tuple(after),
        (*entries, *extra),
        tuple(free),
        steps,
        reverse,
        tuple(called[: len(starts)]),
    )
    args = (*starts, *given, *masks, *free)
    last = tuple(make(SCAN, args, (made, LAST, k)) for k in range(len(starts)))
    states = tuple(make(SCAN, args, (made, ALL, a)) for a in after)
    return Scanned(states, last) if several else Scanned(states[0], last[0])


def _length(given: Sequence[Expr], length: DimLike | None) -> Dim:
    if any(not s.ndim for s in given):
        raise ShapeError("sequence has time as its first")
    found = list(
        dict.fromkeys([s.shape[0] for s in given] + ([Dim.of(length)] if length is not None else []))
    )
    if not found:
        raise GradworkError("scan without sequences needs its length")
    if len(found) > 1:
        raise ShapeError("sequences of scan have different lengths", found=found)
    if found[0].value == 0:
        raise ShapeError("scan needs at least one step")
    return found[0]


def _called(body: Callable[..., Any], names: Sequence[str], states: int, entries: int) -> list[str]:
    known = list(names)
    if not known:
        try:
            known = [
                p.name
                for p in inspect.signature(body).parameters.values()
                if p.kind <= p.POSITIONAL_OR_KEYWORD
            ]
        except (TypeError, ValueError):
            known = []
    if len(known) != states + entries or len(set(known)) != len(known):
        if names:
            raise GradworkError("names must name states and sequences", states=states, entries=entries)
        known = [f"h_{k + 1}" for k in range(states)] + [f"x_{k + 1}" for k in range(entries)]
    return known


def _timed(after: list[Expr], letter: str, taken: set[str]) -> list[Expr]:
    # What the body named has a value at each step.
    named: dict[Expr, str] = {}
    for n in walk(*after):
        if n.op is NAME and not n.params[0].endswith("]"):
            label = n.params[0]
            while f"{label}[{letter}]" in taken:
                label += "_"
            named[n] = f"{label}[{letter}]"
            taken.add(named[n])
    return _renamed(after, named)


def _renamed(parts: Sequence[Expr], labels: Mapping[Expr, str]) -> list[Expr]:
    done: dict[Expr, Expr] = {}
    for node in walk(*parts):
        new = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
        done[node] = make(NAME, new.args, (labels[node], node.params[1])) if node in labels else new
    return [done[x] for x in parts]


def _marks(mask: Any, truncate: int | None) -> list[str]:
    return ["mask"] * (mask is not None) + ["keep"] * (truncate is not None)


def _bound(label: str, shape: Sequence[Dim], like: Expr | None = None) -> Expr:
    # A label with brackets is no name that a person can give, so bound symbols meet no others.
    whole = like is not None and (
        (like.op is SYMBOL and "integer" in like.params[1])
        or (like.op.name == "array" and like.params[0].array.dtype.kind in "iu")
    )
    return make(SYMBOL, (), (label, frozenset({"integer"} if whole else ())), tuple(shape))


def _check(after: Sequence[Expr], carries: Sequence[Expr], called: Sequence[str]) -> None:
    if len(after) != len(carries):
        raise GradworkError("body returns states but scan starts", count=len(after), carries=len(carries))
    for new, old, label in zip(after, carries, called):
        if new.shape != old.shape:
            raise ShapeError(
                "state starts with shape but body", label=label, shape=old.shape, new_shape=new.shape
            )


def _wide(mask: Expr, state: Expr) -> Expr:
    # The axes of a mask are the first axes of the state: one number for each sequence of a batch.
    if mask.shape != state.shape[: mask.ndim]:
        raise ShapeError("mask of T does not fit", shape=mask.shape, state_shape=state.shape)
    return mask[(..., *[None] * (state.ndim - mask.ndim))] if mask.ndim < state.ndim and mask.ndim else mask


def written_out(f: Expr) -> Expr:
    """Return `f` with its recurrences, of known lengths, written out step by step: h₁, h₂, …

    >>> import gradwork as gw
    >>> x, w = gw.vector("x", 2), gw.scalar("w")
    >>> f = written_out(scan(lambda h, x: gw.tanh(w * h + x), 0, x).last)
    >>> print(f.unicode(), "=", f.args[0].unicode())
    h₂ = tanh(wh₁ + x[1])
    """
    done: dict[Expr, Expr] = {}
    steps: dict[tuple, list[tuple[dict[Expr, Expr], list[Expr]]]] = {}
    for node in walk(f):
        if node.op is not SCAN:
            done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
            continue
        recurrence, kind, what = node.params
        args = tuple(done[a] for a in node.args)
        if (args, recurrence) not in steps:
            steps[args, recurrence] = _steps(recurrence, args)
        taken = steps[args, recurrence]
        if kind == LAST:
            done[node] = taken[0 if recurrence.reverse else -1][1][what]
            continue
        k = recurrence.after.index(what) if what in recurrence.after else None
        values = [after[k] if k is not None else substitute(what, held) for held, after in taken]
        done[node] = add(*values) if kind == SUM else stack(values)
    return done[constant(f)]


def _steps(recurrence: Recurrence, args: tuple[Expr, ...]) -> list[tuple[dict[Expr, Expr], list[Expr]]]:
    count, k, p = recurrence.length.value, len(recurrence.carries), len(recurrence.steps)
    if count is None:
        raise GradworkError("recurrence of steps cannot be written", length=recurrence.length)
    mark = f"[{recurrence.time}]"
    inner = {n for n in walk(*recurrence.after) if n.op is NAME and n.params[0].endswith(mark)}
    state, found = list(args[:k]), []
    for t in reversed(range(count)) if recurrence.reverse else range(count):
        held = dict(zip(recurrence.bound, (*state, *(s[t] for s in args[k : k + p]), *args[k + p :])))
        after = _renamed(recurrence.after, {n: f"{n.params[0].removesuffix(mark)}_{t + 1}" for n in inner})
        state = [name(f"{x}_{t + 1}", substitute(a, held)) for x, a in zip(recurrence.letters, after)]
        found.append((held, state))
    return found[::-1] if recurrence.reverse else found
