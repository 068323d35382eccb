"""The manner of differentials: dL = …, rewritten until the gradient stands before dx."""

from __future__ import annotations

from gradwork.diff.calculus import FIRST, RULES, push
from gradwork.diff.derivation import Derivation, Line, Phase, run
from gradwork.expr.node import NAME, Expr, depends, is_zero, make, name, walk, zeros
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import total
from gradwork.rewrite.engine import Engine

# A differential: a symbol of the shape of what it is the differential of. params: (expression,)
DIFFERENTIAL = Op("d", shape=lambda a, p: p[0].shape, summary="the differential of a quantity")


def d(x: Expr) -> Expr:
    """Return the differential dx of a named quantity or a variable, as a letter."""
    return name(x.params[0], make(DIFFERENTIAL, (), (x,)), "differential")


def differential(body: Expr, f: Expr, variables: tuple[Expr, ...]) -> Derivation:
    """Return the derivation of df = ⟨∇f, dx⟩ for a function whose intermediate quantities are named."""
    moving = depends(body, variables)
    names = [n for n in walk(body) if n.op is NAME and n in moving]
    letters = {n: d(n) for n in (*names, *variables)}
    lines = [Line("forward", n, n, (Phase("name", n.args[0], n.args[0]),)) for n in names]
    lines.append(Line("forward", body, body, (Phase("name", body, body),)))
    values: dict[Expr, Expr] = {}
    for target in (*names, body):
        phase = run("derive", _tangent(target, letters, moving), FIRST)
        simpler = run("simplify", phase.after, RULES)
        phases = (phase,) if simpler.after is simpler.before else (phase, simpler)
        values[target] = phases[-1].after
        left = letters[target] if target is not body else target
        lines.append(Line("tangent", target, left, phases))
    # df comes first on the board; then the differentials that it is made of, last quantity first.
    tangents = [line for line in lines if line.kind == "tangent"]
    lines = [line for line in lines if line.kind != "tangent"] + tangents[::-1]
    whole = values[body]
    for n in reversed(names):
        letter = letters[n]
        if letter not in set(walk(whole)):
            continue
        whole = _replace(whole, letter, values[n])
    engine = Engine(RULES)
    whole = engine.normalise(whole)
    if whole is not values[body]:
        lines.append(
            Line(
                "tangent",
                body,
                body,
                (Phase("substitute", values[body], values[body]), Phase("collect", whole, whole)),
            )
        )
    from gradwork.diff.reverse import reverse

    results = reverse(f, variables).results
    for v, r in zip(variables, results, strict=True):
        lines.append(Line("result", v, v, (Phase("result", r, r),)))
    derivation = Derivation(f, variables, lines, results, manner="differential", title="gradient")
    derivation.checks = [(f, v, r) for v, r in zip(variables, results, strict=True)]
    return derivation


def _tangent(target: Expr, letters: dict[Expr, Expr], moving: set[Expr]) -> Expr:
    top = target.args[0] if target.op is NAME else target
    tangent: dict[Expr, Expr] = {}
    stop = set(letters)
    engine = Engine(FIRST)
    for node in _inside(top, stop):
        if node in stop and node is not top:
            tangent[node] = letters[node]
            continue
        if node not in moving:
            continue
        y = target if node is top else node
        parts = [
            push(tangent[a], node, y, i)
            for i, a in enumerate(node.args)
            if a in moving and not is_zero(tangent[a])
        ]
        whole = total(parts, node.shape)
        tangent[node] = whole if node is top else engine.normalise(whole)
    return tangent.get(top, zeros(top.shape))


def _inside(top: Expr, stop: set[Expr]) -> list[Expr]:
    from gradwork.diff.reverse import _segment

    return _segment(top, stop)


def _replace(x: Expr, letter: Expr, value: Expr) -> Expr:
    from gradwork.expr.node import substitute

    return substitute(x, {letter: value})
