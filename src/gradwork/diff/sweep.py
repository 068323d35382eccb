"""The backward sweep: from the last quantity to the first, each adjoint from those of what it goes into."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.diff.calculus import pull
from gradwork.diff.derivation import Line, run
from gradwork.expr.dims import Dim
from gradwork.expr.node import NAME, SYMBOL, Expr, is_zero, name, segment, surface, walk
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT
from gradwork.ops.sequence import SCAN
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
    tops = {top}
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
            if arg not in moving:
                continue
            if node.op is ADD and arg.op is ADD and arg.shape == node.shape and arg not in stop:
                adjoint.setdefault(arg, []).append(whole)  # a sum of sums is one sum, by the same name
                if node in tops:
                    tops.add(arg)
            else:
                adjoint.setdefault(arg, []).append(pull(whole, node, y if node in tops else node, i))
    return found


def sweep(
    names: Sequence[Expr],
    variables: Sequence[Expr],
    contributions: dict[Expr, list[Expr]],
    moving: set[Expr],
    stop: set[Expr],
    taken: set[str],
    extra: tuple[Dim, ...],
    rules: tuple[tuple[Rule, ...], tuple[Rule, ...]],
) -> tuple[list[Line], dict[Expr, Expr]]:
    """Return the backward lines, last quantity first, and the adjoint of each variable.

    `contributions` holds what each quantity's adjoint is the sum of, as far as it is known at the start; `extra`
    are the axes that adjoints carry after those of their quantity; `rules` are those of a first writing and of
    the simplification after it.
    """
    begin, further = rules
    lines: list[Line] = []
    inlined: set[Expr] = set()
    number = many = sum(1 for n in names if _uses(n, stop, moving) > 1 and n.args[0].op is not SCAN)
    results: dict[Expr, Expr] = {}
    for target in (*reversed(names), *variables):
        start = total(contributions[target][::-1], (*target.shape, *extra))
        line_phases = [run("derive", start, begin)]
        simpler = run("simplify", line_phases[-1].after, further)
        if simpler.after is not simpler.before:
            line_phases.append(simpler)
        here = _worth_inlining(line_phases[-1].after, inlined)
        if here:
            line_phases.append(run("substitute", line_phases[-1].after, further, here))
        value = line_phases[-1].after
        if target.op is not NAME:
            lines.append(Line("backward", target, target, tuple(line_phases)))
            results[target] = value
            continue
        keep = _uses(target, stop, moving) > 1 and not _small(value)
        label = target.params[0]
        if target.args[0].op is SCAN:
            adjoint = name(label, value, "adjoint")  # ∂f/∂h_T: δₜ is what runs through time
        elif keep:
            text = _delta(label, many, number)
            number -= 1
            while text in taken:
                text = _longer(text)
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
    return lines, results


def _delta(label: str, many: int, number: int) -> str:
    # δ₂ for Z₂; δ where it is the only one. In a step of a recurrence the time stays: δ[t] for a[t].
    base, bracket, time = label.partition("[")
    suffix = base.partition("_")[2] if base.partition("_")[2].isdigit() else ""
    text = f"delta_{suffix}" if suffix else ("delta" if many == 1 else f"delta_{number}")
    return text + bracket + time


def _longer(label: str) -> str:
    base, bracket, time = label.partition("[")
    return f"{base}_{bracket}{time}"


# Letters and functions of an adjoint that stands twice in a line, beyond which it keeps its name there: written out
# at each place, a recurrence typed by hand doubles with every step.
TWICE = 3


def _worth_inlining(value: Expr, inlined: set[Expr]) -> tuple[Expr, ...]:
    order = surface(value)
    if not any(n in inlined for n in order):
        return ()
    places = dict.fromkeys(order, 0)
    places[value] = 1
    for node in reversed(order):
        if node.op is not NAME:
            for a in node.args:
                places[a] = min(places[a] + places[node], 2)
    return tuple(
        n for n in order if n in inlined and (places[n] < 2 or weight(n.args[0], enter=False) <= TWICE)
    )


def _uses(n: Expr, stop: set[Expr], moving: set[Expr]) -> int:
    # How many adjoints the adjoint of this name goes into.
    return sum(1 for node in segment(n.args[0], stop) if node in stop and node in moving)


def _small(value: Expr) -> bool:
    return not value.args or value.op is NAME


def _is_activation(n: Expr) -> bool:
    inner = n.args[0]
    return inner.op.elementwise and inner.op.name not in ("add", "power")


def weight(x: Expr, enter: bool = True) -> int:
    """Return how many letters and functions writing it out takes; a shared part is written each time.

    enter: whether names are written out, too.
    """
    found: dict[Expr, int] = {}
    for node in walk(x) if enter else surface(x):
        own = 1 if node.op is SYMBOL or (node.args and node.op not in (ADD, CONTRACT, POWER)) else 0
        found[node] = own + sum(found.get(a, 0) for a in node.args)
    return found[x]
