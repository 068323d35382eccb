"""The manner of differentials: dL = …, rewritten until the gradient stands before dx."""

from __future__ import annotations

from gradwork.diff.calculus import FIRST, RULES, push
from gradwork.diff.derivation import Derivation, Line, Phase, run
from gradwork.expr.node import NAME, Expr, depends, make, name, segment, walk, zeros
from gradwork.expr.op import Op
from gradwork.ops.arithmetic import total

# A differential: a symbol of the shape of what it is the differential of. params: (expression,)
DIFFERENTIAL = Op("d", shape=lambda a, p: p[0].shape, summary="the differential of a quantity")


def differential(body: Expr, f: Expr, variables: tuple[Expr, ...], results: tuple[Expr, ...]) -> Derivation:
    """Return the derivation of df = ⟨∇f, dx⟩ for a function whose intermediate quantities are named.

    `results` are the gradients, which the last line reads off.
    """
    moving = depends(body, variables)
    names = [n for n in walk(body) if n.op is NAME and n in moving]
    letters = {v: name(v.params[0], make(DIFFERENTIAL, (), (v,)), "differential") for v in variables}
    lines = [Line("forward", n, n, (Phase("name", n.args[0], n.args[0]),)) for n in names]
    lines.append(Line("forward", body, body, (Phase("name", body, body),)))
    tangents = []
    for target in (*names, body):
        phases = [run("derive", _tangent(target, letters, moving), FIRST)]
        simpler = run("simplify", phases[-1].after, RULES)
        if simpler.after is not simpler.before:
            phases.append(simpler)
        whole = phases[-1].after
        if target is not body:
            letters[target] = name(target.params[0], whole, "differential")
        left = target if target is body else letters[target]
        tangents.append(Line("tangent", target, left, tuple(phases)))
    # df comes first on the board; then the differentials that it is made of, last quantity first.
    lines += tangents[::-1]
    filled = run("substitute", whole, RULES, tuple(letters[n] for n in names))
    if filled.after is not whole:
        lines.append(Line("tangent", body, body, (filled,)))
    lines += [Line("result", v, v, (Phase("result", r, r),)) for v, r in zip(variables, results, strict=True)]
    derivation = Derivation(f, variables, lines, results, manner="differential", title="gradient")
    derivation.checks = [(f, v, r) for v, r in zip(variables, results, strict=True)]
    return derivation


def _tangent(target: Expr, letters: dict[Expr, Expr], moving: set[Expr]) -> Expr:
    # The tangent of one definition, still to be taken, in terms of the differentials of what it is made of.
    top = target.args[0] if target.op is NAME else target
    if top in letters:
        return letters[top]
    tangent: dict[Expr, Expr] = {}
    stop = set(letters)
    for node in segment(top, stop):
        if node in stop and node is not top:
            tangent[node] = letters[node]
        elif node in moving:
            y = target if node is top else node
            parts = [push(tangent[a], node, y, i) for i, a in enumerate(node.args) if a in moving]
            tangent[node] = total(parts, node.shape)
    return tangent.get(top, zeros(top.shape))
