"""Changes of form: named rules in groups, and the engine that applies and records them."""

from __future__ import annotations

from collections.abc import Iterable

from gradwork.expr.node import METHODS, NAME, Expr, consumers, make, name, plain, rebuild, substitute, walk
from gradwork.ops.contraction import CONTRACT
from gradwork.rewrite import cancel, canonical, convolution, expand, powers, simplify, spellings
from gradwork.rewrite.engine import Engine, Rule, Step
from gradwork.rewrite.loops import lower_loops

CANONICAL: tuple[Rule, ...] = (*canonical.RULES, *powers.RULES, *convolution.RULES)
SIMPLIFY: tuple[Rule, ...] = (*simplify.RULES, *cancel.RULES, *CANONICAL)
# Only the stabilising rules: products that are used more than once stay as they are, so that they can be named.
STABLE_FORM: tuple[Rule, ...] = tuple(spellings.RULES)
STABILISE: tuple[Rule, ...] = (*spellings.RULES, *CANONICAL)
EVERY_RULE: tuple[Rule, ...] = (*CANONICAL, *simplify.RULES, *cancel.RULES, *spellings.RULES)


def normalise(x: Expr) -> Expr:
    """Return the normal form of `x`: canonical and simplified, names left alone."""
    return Engine(SIMPLIFY).normalise(x)


def prepare(roots: Iterable[Expr], whole: bool = False) -> list[Expr]:
    """Return expressions in the form that programs are made from.

    Stabilised and canonical, through names; a product that is used more than once is not merged into what
    uses it, so that it is computed once. With `whole`, that a root is wanted itself counts as a use.
    """
    chosen = lower_loops([plain(r) for r in roots], lambda step: prepare(step, whole=True))
    counts = consumers(*chosen)
    for r in chosen if whole else ():
        counts[r] = counts.get(r, 0) + 1
    guarded: dict[Expr, Expr] = {}
    for node in walk(*chosen):
        new = rebuild(node, tuple(guarded[a] for a in node.args))
        if node.op is CONTRACT and counts.get(node, 0) > 1:
            new = name("", new, "shared")
        guarded[node] = new
    engine = Engine(STABILISE, through_names=True)
    normal = [engine.normalise(guarded[r]) for r in chosen]
    done: dict[Expr, Expr] = {}
    for node in walk(*normal):
        new = rebuild(node, tuple(done[a] for a in node.args))
        done[node] = new.args[0] if node.op is NAME and node.params[1] == "shared" else new
    return [done[r] for r in normal]


METHODS.update(simplify=normalise, expand=expand.expand)

__all__ = [
    "CANONICAL",
    "EVERY_RULE",
    "SIMPLIFY",
    "STABILISE",
    "STABLE_FORM",
    "Engine",
    "Rule",
    "Step",
    "make",
    "normalise",
    "prepare",
    "substitute",
]
