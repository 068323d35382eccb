"""Reverse mode: name the quantities forward, then their adjoints backward."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.diff.calculus import FIRST, RULES, pull
from gradwork.diff.derivation import Derivation, Line, Phase, inline, run
from gradwork.diff.differential import differential
from gradwork.diff.names import name_intermediates
from gradwork.expr.node import (
    NAME,
    SYMBOL,
    Expr,
    constant,
    depends,
    is_zero,
    make,
    name,
    segment,
    substitute,
    surface,
    walk,
)
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT
from gradwork.ops.elementwise import log
from gradwork.ops.reduction import LOG_SOFTMAX, SOFTMAX
from gradwork.rewrite import STABILISE
from gradwork.rewrite.engine import Rule


def segment_adjoints(
    top: Expr, g: Expr, y: Expr, moving: set[Expr], stop: set[Expr]
) -> list[tuple[Expr, Expr]]:
    """Return for each quantity that `top` is made of (a name or variable) its adjoint, still to be taken.

    `top` is a definition: the walk ends at names and variables. `y` is `top` under its own name.
    """
    if top in stop:
        return [(top, g)]
    order = [n for n in segment(top, stop) if n in moving]
    adjoint: dict[Expr, list[Expr]] = {top: [g]}
    found: list[tuple[Expr, Expr]] = []
    for node in reversed(order):
        parts = adjoint.get(node)
        if not parts:
            continue
        # Contributions arrive last use first; a sum reads better in the order of the formula.
        whole = total(parts[::-1], parts[0].shape)
        if node in stop and node is not top:
            found.append((node, whole))
            continue
        for i, arg in enumerate(node.args):
            if arg in moving:
                adjoint.setdefault(arg, []).append(pull(whole, node, y if node is top else node, i))
    return found


def reverse(
    f: Expr, variables: Sequence[Expr], seed: Expr | None = None, named: bool = True, stabilise: bool = True
) -> Derivation:
    """Return the derivation of the adjoints of `variables`, for the adjoint `seed` of `f` (1 by default)."""
    phase = run("stabilise", f, STABILISE) if stabilise else None
    stable = _keep_form(f, phase) if phase else f
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

    inlined: set[Expr] = set()
    taken = set(f.symbols) | {line.left.params[0] for line in lines if line.left.op is NAME}
    deltas = 0
    many = sum(1 for n in names if _uses(n, stop, moving) > 1)
    number = many
    results: dict[Expr, Expr] = {}
    for target in (*reversed(names), *variables):
        start = total(contributions[target][::-1], target.shape if seed is None else _shape(target, f, seed))
        line_phases = [run("derive", start, begin)]
        simpler = run("simplify", line_phases[-1].after, further)
        if simpler.after is not simpler.before:
            line_phases.append(simpler)
        here = tuple(n for n in surface(line_phases[-1].after) if n in inlined)
        if here:
            line_phases.append(run("substitute", line_phases[-1].after, further, _with_inner(here, inlined)))
        value = line_phases[-1].after
        if target.op is not NAME:
            lines.append(Line("backward", target, target, tuple(line_phases)))
            results[target] = value
            continue
        keep = _uses(target, stop, moving) > 1 and not _small(value)
        label = target.params[0]
        if keep:
            deltas += 1
            suffix = label.partition("_")[2] if "_" in label and label.partition("_")[2].isdigit() else ""
            text = f"delta_{suffix}" if suffix else ("delta" if many == 1 else f"delta_{number}")
            number -= 1
            while text in taken:
                text += "_"
            taken.add(text)
            adjoint = name(text, value, "delta")
        else:
            adjoint = name(label, value, "adjoint")
            inlined.add(adjoint)
        folded = not keep and _is_activation(target)
        lines.append(Line("backward", target, adjoint, tuple(line_phases), folded))
        if not is_zero(value):
            for below, part in segment_adjoints(target.args[0], adjoint, target, moving, stop):
                contributions[below].append(part)
    found = tuple(_final(results[v]) for v in variables)
    for v, value, final in zip(variables, (results[v] for v in variables), found, strict=True):
        start = Phase("result", value, value)
        phases = (start,) if final is value else (start, _inlining(value))
        lines.append(Line("result", v, v, phases))
    derivation = Derivation(f, tuple(variables), lines, found)
    derivation.differential = lambda: differential(body, f, tuple(variables), found)
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


def _shape(target: Expr, f: Expr, seed: Expr) -> tuple:
    return (*target.shape, *seed.shape[f.ndim :])


def _keep_form(f: Expr, phase: Phase) -> Expr:
    # The function is shown as it was written unless a stabilising rule changed it for a reason.
    return phase.after if any(s.rule.group == "stabilise" for s in phase.steps.values()) else f


def _with_inner(here: tuple[Expr, ...], inlined: set[Expr]) -> tuple[Expr, ...]:
    found = list(here)
    for n in found:  # grows while it is read: names inside names
        found.extend(m for m in surface(n.args[0]) if m in inlined and m not in found)
    return tuple(found)


def _uses(n: Expr, stop: set[Expr], moving: set[Expr]) -> int:
    # How many adjoints the adjoint of this name goes into.
    return sum(1 for node in segment(n.args[0], stop) if node in stop and node in moving)


def _small(value: Expr) -> bool:
    return not value.args or value.op is NAME


def _is_activation(n: Expr) -> bool:
    inner = n.args[0]
    return inner.op.elementwise and inner.op.name not in ("add", "power") or inner.op.name == "softmax"


BUDGET = 14  # letters in a result, and
NAMES = 2  # names in it, beyond which names read better than the whole


def _final(value: Expr) -> Expr:
    names = _all_names(value, NAMES)
    if len(names) > NAMES or _weight(inline(value, names)) > BUDGET:
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


def _weight(x: Expr) -> int:
    # The number of letters and functions that writing it out takes; a shared part is written each time.
    weight: dict[Expr, int] = {}
    for node in walk(x):
        own = 1 if node.op is SYMBOL or (node.args and node.op not in (ADD, CONTRACT, POWER)) else 0
        weight[node] = own + sum(weight[a] for a in node.args)
    return weight[x]
