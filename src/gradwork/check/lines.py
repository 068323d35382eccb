"""Where a derivation goes wrong: the first line whose adjoint differences contradict, and the rule that made it so.

Every backward line claims ∂f/∂q for a named quantity q. Taken as a symbol of its own, q is moved along a random
direction, and f follows it through what comes after q in the formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradwork.diff.calculus import PULL, PUSH
from gradwork.errors import GradworkError
from gradwork.expr.node import NAME, SYMBOL, Expr, make, substitute, walk
from gradwork.words.say import say

FAR = 1e-3  # relative: lines are told apart by errors that nobody could call rounding
TROUBLE = (np.linalg.LinAlgError, ArithmeticError, GradworkError, KeyError, ValueError)


def wrong_line(derivation: Any, claim: tuple[Expr, Expr, Expr], values: Mapping[str, Any]) -> str:
    """Return the first wrong line of a derivation at a point, as text with the rule at fault; "" if none is found."""
    before = derivation.before
    if before is not None and claim in before.checks:
        return wrong_line(before, claim, values)
    if before is not None:
        return say("line of second", letter=_letter(claim[1]), value=_short(claim[2]))
    rng = np.random.default_rng(0)
    forward = [line.left for line in derivation.lines if line.kind == "forward" and line.left is line.target]
    body = next((left for left in forward if left.op is not NAME), None)
    if body is None or body.ndim:
        return ""
    within = set(walk(body))
    for line in derivation.lines:
        if line.kind != "backward" or (line.target not in within and line.target.op is not SYMBOL):
            continue
        if _parts(body, line.target, line.result, values, rng):
            return _told(line, _rule(line, values))
    for line in derivation.lines:
        if line.kind == "result":
            at_fault = _rule(line, values)
            if at_fault:
                return _told(line, at_fault)
    return ""


def _told(line: Any, rule: str) -> str:
    facts = {"letter": _letter(line.target), "value": _short(line.result)}
    return say("line by rule", rule=rule, **facts) if rule else say("line of", **facts)


def _letter(target: Expr) -> str:
    from gradwork.show import pretty

    return pretty(target, "unicode")


def _short(x: Expr, most: int = 200) -> str:
    from gradwork.show import pretty

    text = pretty(x, "unicode")
    return text if len(text) <= most else text[: most - 1] + "…"


def _parts(
    body: Expr, target: Expr, adjoint: Expr, values: Mapping[str, Any], rng: np.random.Generator
) -> bool:
    # Whether <adjoint, u> is not the slope of f along a random direction u of the quantity.
    from gradwork.run import function

    stand = target
    if target.op is NAME:
        stand = make(SYMBOL, (), ("quantity", frozenset()), target.shape)
        body = substitute(body, {target: stand})
    try:
        f, here, claimed = function(body), _evaluated(target, values), _evaluated(adjoint, values)
        label = stand.params[0]
        if label not in f.arguments:
            return bool(np.max(np.abs(claimed), initial=0.0) > FAR)
        given = {k: v for k, v in values.items() if k in f.arguments}
        slopes = []
        u = rng.normal(size=here.shape)
        size = max(1.0, float(np.max(np.abs(here), initial=0.0)))
        for h in (1e-4, 1e-5, 1e-6):
            ahead, behind = (f(**{**given, label: here + k * h * size * u}) for k in (1, -1))
            slopes.append((ahead - behind) / (2 * h * size))
    except TROUBLE:
        return False
    told = float(np.sum(claimed * u))
    best = min(slopes, key=lambda s: abs(s - told))
    size = float(np.sum(np.abs(claimed * u))) + abs(best)
    return bool(np.isfinite(best)) and abs(best - told) > FAR * size


def _evaluated(x: Expr, values: Mapping[str, Any]) -> np.ndarray:
    from gradwork.run import function

    program = function(x)
    return np.asarray(program(**{k: v for k, v in values.items() if k in program.arguments}), dtype=float)


def _rule(line: Any, values: Mapping[str, Any]) -> str:
    # The first rewriting of the line that changes the value of what it rewrites.
    for phase in line.phases:
        for step in phase.steps.values():
            nodes = list(walk(step.before, step.after))
            if any(n.op in (PULL, PUSH) for n in nodes) or any(n.op.name == "project" for n in nodes):
                continue
            try:
                before, after = _evaluated(step.before, values), _evaluated(step.after, values)
            except TROUBLE:
                continue
            top = float(np.max(np.abs(before), initial=0.0)) + float(np.max(np.abs(after), initial=0.0))
            if np.isfinite(before).all() and not np.allclose(before, after, rtol=0, atol=1e-6 * top):
                return step.rule.name
    return ""
