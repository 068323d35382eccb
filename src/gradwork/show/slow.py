"""The slow derivation, for a pupil: every rule is a row, every adjoint stands before it is added to others.

A function of numbers is derived with primes, as in a school book; any other by the adjoint of each of its parts.
"""

from __future__ import annotations

from dataclasses import replace

from gradwork.diff.calculus import PULL, RULES
from gradwork.diff.derivation import Line
from gradwork.diff.school import is_scalar, school
from gradwork.expr.node import Expr, is_zero, surface
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import ADD
from gradwork.ops.contraction import CONTRACT
from gradwork.rewrite.engine import Engine
from gradwork.rewrite.likeness import canonical
from gradwork.show.rows import Row, Rows


def slow_rows(writer: Rows) -> list[Row]:
    """Return the rows of a derivation, a rule a row."""
    derivation = writer.derivation
    if not derivation.function.ndim and is_scalar(derivation.function, derivation.variables):
        return [row for line in school(derivation) for row in _school(writer, line)]
    found: list[Row] = []
    for line in derivation.lines:
        found += _line(writer, line) if line.kind == "backward" else writer.of(line)
    return found


# --- with primes ------------------------------------------------------------------------------------------


def _school(writer: Rows, line: Line) -> list[Row]:
    found = []
    for i, phase in enumerate(line.phases):
        taken = [s for s in phase.steps.values() if s.rule.name == "school rule"]
        why = list(dict.fromkeys(s.reason for s in taken))
        if not why:
            why = [Reason.of("tidied"), *writer.why.simplified(phase)]
        steps = tuple(phase.steps.values())
        found.append(writer.row("school", "" if i else _prime(writer, line.target), phase.after, why, steps))
    result = writer.derivation.results[writer.derivation.variables.index(line.target)]
    if not found or canonical(result) is not canonical(line.phases[-1].after):
        stable = [r for l in writer.derivation.lines if l.kind == "forward" for r in writer.stabilised(l)]
        stable = [Reason.of("logistic slowly", x=line.target) if _is_logistic(r) else r for r in stable]
        left = "" if found else _prime(writer, line.target)
        found.append(writer.row("school", left, result, stable or [Reason.of("same in another form")]))
    return [row for i, row in enumerate(found) if not i or row.right != found[i - 1].right]


def _is_logistic(r: Reason) -> bool:
    return r.key == "logistic function"


def _prime(writer: Rows, x: Expr) -> str:
    if not writer.single:
        return writer.partial(x)
    f = writer.alphabet.loss
    marked = {"latex": f"{f}'", "text": f"{f}'", "mathml": f"<msup><mi>{f}</mi><mo>′</mo></msup>"}
    return writer.alphabet.applied(marked.get(writer.style, f"{f}′"), writer.write(x))


# --- by adjoints ------------------------------------------------------------------------------------------


def _line(writer: Rows, line: Line) -> list[Row]:
    start = line.phases[0].before
    pulls = [p for p in surface(start) if p.op is PULL]
    engine = Engine(RULES)
    found: list[Row] = []
    counts: dict[Expr, int] = {}
    for p in pulls:
        arg = _argument(p)
        counts[arg] = counts.get(arg, 0) + 1
    done: dict[Expr, list[Expr]] = {}
    for p in pulls:
        if is_zero(engine.normalise(p.args[0])):
            continue
        arg = _argument(p)
        done.setdefault(arg, []).append(p)
        many = counts[arg] > 1
        left = writer.partial_of_part(arg) + (writer.through(len(done[arg])) if many else "")
        value = engine.normalise(p)
        found.append(writer.row("backward", left, value, [_why(p, line.target)]))
        if many and len(done[arg]) == counts[arg]:
            whole = engine.normalise(_sum_of(start, done[arg]))
            used = "used twice" if counts[arg] == 2 else "uses"
            why = Reason.of(used, x=arg) if counts[arg] == 2 else Reason.of(used, x=arg, count=counts[arg])
            found.append(writer.row("backward", writer.partial_of_part(arg), whole, [why]))
    return _joined(writer, line, found)


def _argument(p: Expr) -> Expr:
    node, _, i = p.params
    return node.args[i]


def _sum_of(start: Expr, parts: list[Expr]) -> Expr:
    wanted = set(parts)
    for n in surface(start):
        if n.op is ADD and wanted <= set(n.args):
            return n
    return start


def _why(p: Expr, target: Expr) -> Reason:
    node, y, i = p.params
    why = node.op.why(node, i)
    if why.key == "factors stay" and _is_matrix_product(node, i):
        return Reason.of("matrix factor", y=node, x=node.args[i])
    spoken = {
        "sum rule": "sum rule slowly",
        "factors stay": "factors stay slowly",
        "sum passes on": "sum passes on slowly",
        "linear operation": "linear operation slowly",
        "power rule": "power rule by name",
    }
    return Reason(spoken.get(why.key, why.key), why.pairs)


def _is_matrix_product(node: Expr, i: int) -> bool:
    if node.op is not CONTRACT:
        return False
    labels, out = node.params
    return any(
        label not in out and any(label in own for j, own in enumerate(labels) if j != i)
        for label in labels[i]
    )


def _joined(writer: Rows, line: Line, found: list[Row]) -> list[Row]:
    # The rows of the line itself follow, without repeating the last of those.
    own = writer.plain_backward(line)
    if not own:
        return found
    if found and found[-1].right == own[0].right:
        last = replace(found[-1], left=own[0].left, steps=own[0].steps)
        return [*found[:-1], last, *own[1:]]
    if found:
        own = [replace(own[0], note="", reasons=()), *own[1:]]
    return [*found, *own]


__all__ = ["slow_rows"]
