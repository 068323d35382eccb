"""Changes of form: named rules in groups, and the engine that applies and records them."""

from __future__ import annotations

from collections.abc import Iterable

from gradwork.expr.node import METHODS, NAME, Expr, consumers, make, name, plain, rebuild, substitute, walk
from gradwork.ops.contraction import CONTRACT
from gradwork.rewrite import canonical, expand, simplify, stabilise
from gradwork.rewrite.engine import Engine, Rule, Step

CANONICAL: tuple[Rule, ...] = tuple(canonical.RULES)
SIMPLIFY: tuple[Rule, ...] = (*simplify.RULES, *canonical.RULES)
STABILISE: tuple[Rule, ...] = (*stabilise.RULES, *canonical.RULES)
EVERY_RULE: tuple[Rule, ...] = (*canonical.RULES, *simplify.RULES, *stabilise.RULES)


def normalise(x: Expr) -> Expr:
    """Return the normal form of `x`: canonical and simplified, names left alone."""
    return Engine(SIMPLIFY).normalise(x)


def prepare(roots: Iterable[Expr]) -> list[Expr]:
    """Return expressions in the form that programs are made from.

    Stabilised and canonical, through names; a product that is used more than once is not merged into what
    uses it, so that it is computed once.
    """
    chosen = [plain(r) for r in roots]
    counts = consumers(*chosen)
    guarded: dict[Expr, Expr] = {}
    for node in walk(*chosen):
        new = rebuild(node, tuple(guarded[a] for a in node.args))
        if node.op is CONTRACT and counts.get(node, 0) > 1:
            new = name("", new, "shared")
        guarded[node] = new
    engine = Engine(STABILISE, through_names=True)
    normal = [engine.normalise(guarded[r]) for r in chosen]
    shared = {n: n.args[0] for r in normal for n in walk(r) if n.op is NAME and n.params[1] == "shared"}
    done: dict[Expr, Expr] = {}
    for r in normal:
        for node in walk(r):
            new = rebuild(node, tuple(done[a] for a in node.args))
            done[node] = new.args[0] if node in shared else new
    return [done[r] for r in normal]


METHODS.update(simplify=normalise, expand=expand.expand)

__all__ = [
    "CANONICAL",
    "EVERY_RULE",
    "SIMPLIFY",
    "STABILISE",
    "Engine",
    "Rule",
    "Step",
    "make",
    "normalise",
    "prepare",
    "substitute",
]
