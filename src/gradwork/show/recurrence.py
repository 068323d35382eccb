"""The rows of a recurrence in a derivation: its step forward, its step backward, and why gradients fade."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradwork.diff.derivation import Line, inline
from gradwork.diff.forward import forward, unit
from gradwork.diff.recurrence import adjoint_letter
from gradwork.expr.node import NAME, SYMBOL, Expr, make, substitute, surface, walk
from gradwork.expr.notation import BigSum, Letter
from gradwork.ops.sequence import LAST, SCAN, Recurrence
from gradwork.rewrite import normalise
from gradwork.show.build import Builder

if TYPE_CHECKING:
    from gradwork.show.rows import Row, Rows

WEIGHT = 12  # letters and functions of a step's Jacobian, beyond which it explains nothing


def is_last(x: Expr) -> bool:
    """Tell whether `x` is the last state of a recurrence."""
    return x.op is SCAN and x.params[1] == LAST


def is_seed(x: Expr) -> bool:
    """Tell whether an adjoint is just what comes in at the step."""
    return x.op is SYMBOL and "[" in x.params[0]


def step(rows: Rows, line: Line) -> tuple[str, str, str]:
    """Return the left and right of a quantity of the step, and its note."""
    note = rows._shape(line.target.shape)
    recurrence = _of(rows, line)
    if recurrence is not None and line is _steps(rows, recurrence, "step")[-1]:
        note += "      " + _range(rows, recurrence, False)
    return rows.write(line.left), rows.write(line.result, mean=False), note


def backward_rows(rows: Rows, line: Line, found: list[Row]) -> list[Row]:
    """Return the rows of a backward line of the step, with the direction of time, and after the last the reason
    why gradients fade."""
    recurrence = _of(rows, line)
    if recurrence is None:
        return found
    mine = _steps(rows, recurrence, "step_back")
    spoken = [x for x in mine if not is_seed(x.result) and not x.folded]
    if found and spoken and line is spoken[0]:
        first = found[0]
        note = "      ".join(x for x in (first.note, _range(rows, recurrence, True)) if x)
        found = [replace(first, note=note), *found[1:]]
    scan = next(x for x in rows.derivation.lines if x.kind == "forward" and _is_scan(x, recurrence))
    letter = ""
    if found and line.target in recurrence.carries:
        letter = adjoint_letter(recurrence, recurrence.carries.index(line.target), scan.result.params[1])
    if letter.startswith("lambda"):
        label = f"{letter}[{line.target.params[0].partition('[')[2]}"
        left = rows.write(make(SYMBOL, (), (label, frozenset()), ()))
        found = [
            replace(found[0], left=left, note=rows._say("later steps", x=rows._math(line.target))),
            *found[1:],
        ]
    return [*found, *_fading(rows, recurrence)] if line is mine[-1] else found


def _is_scan(line: Line, recurrence: Recurrence) -> bool:
    return line.result.op is SCAN and line.result.params[0] == recurrence


def _of(rows: Rows, line: Line) -> Recurrence | None:
    # The recurrence whose lines stand around this one: that of the next (or last) named scan.
    lines = rows.derivation.lines
    at = next(i for i, x in enumerate(lines) if x is line)
    order = lines[at:] if line.kind == "step" else lines[at::-1]
    return next(
        (x.target.args[0].params[0] for x in order if x.target.op is NAME and x.target.args[0].op is SCAN),
        None,
    )


def _steps(rows: Rows, recurrence: Recurrence, kind: str) -> list[Line]:
    return [x for x in rows.derivation.lines if x.kind == kind and _of(rows, x) == recurrence]


def _range(rows: Rows, recurrence: Recurrence, backward: bool) -> str:
    letter = recurrence.time
    ends = ["1", str(recurrence.length)]
    if backward != recurrence.reverse:
        ends.reverse()
    text = f"{letter} = {ends[0]} … {ends[1]}"
    return rows.alphabet.aside(rows.alphabet.plain(text))


def _fading(rows: Rows, recurrence: Recurrence) -> list[Row]:
    """Return why the adjoint fades or grows: the product of the steps' Jacobians."""
    from gradwork.show.rows import Row

    lines = _steps(rows, recurrence, "step")
    state = [x.left for x in lines if x.left.params[0].partition("[")[0] in recurrence.letters]
    if len(recurrence.carries) != 1 or len(state) != 1 or recurrence.reverse:
        return []
    carry, after = recurrence.carries[0], state[0]
    if carry.ndim > 1:
        return _fading_rows(rows, recurrence, carry)
    jacobian = normalise(forward(after, {carry: unit(carry.shape)}))
    jacobian = substitute(jacobian, {x.left.args[0]: x.left for x in lines})
    s = substitute_time(jacobian, recurrence.time, "s")
    if sum(1 for n in walk(s) if n.op in (SYMBOL, NAME) or n.op.elementwise) > WEIGHT:
        return []
    letter, last = recurrence.letters[0], str(recurrence.length)
    # Adjacent factors: the product of matrices from t + 1 to T.
    write = rows.alphabet.spell
    ends = [write(Letter(f"{letter}[{end}]")) for end in (last, recurrence.time)]
    left = rows.alphabet.partial(ends[1], of=ends[0])
    right = write(BigSum(("s",), Builder().math(s), "prod"))
    count = rows.alphabet.aside(rows.alphabet.plain(f"{last} − {recurrence.time}"))
    order = rows.alphabet.aside(rows.alphabet.plain(f"s = {last} … {recurrence.time} + 1"))
    return [Row("why it fades", left, right, rows._say("factors", count=count, order=order))]


def _fading_rows(rows: Rows, recurrence: Recurrence, carry: Expr) -> list[Row]:
    # For a batch, one state a row: the adjoint itself, with δ filled in.
    from gradwork.show.rows import Row

    line = next((x for x in _steps(rows, recurrence, "step_back") if x.target is carry), None)
    if line is None:
        return []
    deltas = tuple(n for n in surface(line.result) if n.op is NAME and n.params[1] == "delta")
    whole = normalise(inline(line.result, deltas))
    if (
        whole is line.result
        or sum(1 for n in surface(whole) if n.op in (SYMBOL, NAME) or n.op.elementwise) > WEIGHT
    ):
        return []
    return [Row("why it fades", rows.partial(carry), rows.write(whole), rows._say("once a step"))]


def substitute_time(x: Expr, old: str, new: str) -> Expr:
    """Return an expression of one step with another letter for time."""
    moved = {
        n: make(SYMBOL, (), (n.params[0].replace(f"[{old}", f"[{new}"), frozenset()), n.shape)
        for n in surface(x)
        if n.op in (SYMBOL, NAME) and f"[{old}" in n.params[0]
    }
    return substitute(x, moved)
