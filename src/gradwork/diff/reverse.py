"""Reverse mode: name the quantities forward, then their adjoints backward."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.diff.calculus import FIRST, RULES
from gradwork.diff.derivation import Derivation, Line, Phase, inline, run
from gradwork.diff.differential import differential
from gradwork.diff.names import name_intermediates
from gradwork.diff.recurrence import through_time
from gradwork.diff.sweep import segment_adjoints, sweep, weight
from gradwork.expr.node import (
    NAME,
    Expr,
    constant,
    depends,
    make,
    name,
    substitute,
    surface,
    walk,
)
from gradwork.ops.elementwise import log
from gradwork.ops.reduction import LOG_SOFTMAX, SOFTMAX
from gradwork.rewrite import STABLE_FORM
from gradwork.rewrite.engine import Rule


def reverse(
    f: Expr, variables: Sequence[Expr], seed: Expr | None = None, named: bool = True, stabilise: bool = True
) -> Derivation:
    """Return the derivation of the adjoints of `variables`, for the adjoint `seed` of `f` (1 by default)."""
    phase = run("stabilise", f, STABLE_FORM) if stabilise else None
    stable = phase.after if phase else f
    body = name_intermediates(stable, variables) if named else stable
    moving = depends(body, variables)
    names = [n for n in walk(body) if n.op is NAME and n in moving]
    stop = set(names) | set(variables)
    lines = [Line("forward", n, n, (Phase("name", n.args[0], n.args[0]),)) for n in names]
    softmaxes = _softmaxes(body, moving, f) if named else {}
    lines += [Line("forward", p, p, (Phase("name", p.args[0], p.args[0]),)) for p in softmaxes.values()]
    shown = substitute(body, {logs: log(p) for logs, p in softmaxes.items()})
    first = (phase,) if phase is not None and stable is not f else ()
    lines.append(Line("forward", body, body, (*first, Phase("name", shown, shown))))
    naming = tuple(_naming(p) for p in softmaxes.values())
    begin, further = (*FIRST, *naming), (*RULES, *naming)

    contributions: dict[Expr, list[Expr]] = {n: [] for n in (*names, *variables)}
    one = seed if seed is not None else constant(1)
    if body in moving:
        for target, adjoint in segment_adjoints(body, one, body, moving, stop):
            contributions[target].append(adjoint)

    taken = set(f.symbols) | {line.left.params[0] for line in lines if line.left.op is NAME}
    extra = () if seed is None else tuple(seed.shape[f.ndim :])
    swept, results = sweep(names, variables, contributions, moving, stop, taken, extra, (begin, further))
    lines += swept
    found = tuple(_final(results[v]) for v in variables)
    for v, value, final in zip(variables, (results[v] for v in variables), found, strict=True):
        start = Phase("result", value, value)
        phases = (start,) if final is value else (start, _inlining(value))
        lines.append(Line("result", v, v, phases))
    derivation = Derivation(f, tuple(variables), through_time(lines), found)
    simplified = tuple(p for line in swept for p in line.phases if p.kind == "simplify")

    def by_differentials() -> Derivation:
        made = differential(body, f, tuple(variables), found)
        made.simplified = simplified
        return made

    derivation.differential = by_differentials
    return derivation


def _softmaxes(body: Expr, moving: set[Expr], f: Expr) -> dict[Expr, Expr]:
    # log softmax(Z) is differentiated in one step, but its derivative holds P = softmax(Z): P gets its name,
    # and the function is shown as a textbook has it, with log P.
    logs = [n for n in walk(body) if n.op is LOG_SOFTMAX and n in moving and n.args[0].op is NAME]
    taken = set(f.symbols) | {n.params[0] for n in walk(body) if n.op is NAME}
    found = {}
    for i, node in enumerate(logs):
        label = ("P" if node.ndim > 1 else "p") + (f"_{i + 1}" if len(logs) > 1 else "")
        while label in taken:
            label += "_"
        found[node] = name(label, make(SOFTMAX, node.args, node.params))
    return found


def _naming(p: Expr) -> Rule:
    definition = p.args[0]
    return Rule("use the name", "canonical", (definition.op,), lambda node: p if node is definition else None)


BUDGET = 14  # letters in a result, and
NAMES = 3  # names in it, beyond which names read better than the whole


def _final(value: Expr) -> Expr:
    names = _all_names(value, NAMES)
    if len(names) > NAMES or weight(inline(value, names)) > BUDGET:
        return value
    return _inlining(value).after


def _all_names(value: Expr, limit: int | None = None) -> tuple[Expr, ...]:
    # The names in a value and in their definitions; the search ends once there are more than `limit`.
    found = [n for n in surface(value) if n.op is NAME]
    for n in found:
        if limit is not None and len(found) > limit:
            break
        found.extend(m for m in surface(n.args[0]) if m.op is NAME and m not in found)
    return tuple(found)


def _inlining(value: Expr) -> Phase:
    return run("substitute", value, RULES, _all_names(value))
