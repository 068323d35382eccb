"""What a full-batch run computes once: parts of the step without parameters, and quadratic losses altogether.

Two rewrites, both proved from the formula and chosen by cost.

1. *Loop-invariant parts.* A subexpression without parameters is a constant of the run. In a product, the factors
   without parameters are multiplied beforehand where that sums an axis away: in XᵀXv the XᵀX, d×d.

2. *Quadratic losses.* A term of the loss that is quadratic in a small quantity z(θ) equals its own Taylor expansion

       f(z) = c + gᵀδ + ½ δᵀHδ,    δ = z − a,    ∇f = g + Hδ,

   with value c and gradient g at an anchor a, computed from the data, and the constant curvature H. For least
   squares H = 2/n XᵀX, and a step costs d² in place of nd. Writing ∇f as XᵀXb − Xᵀy instead would cancel near the
   minimum, and lose cond(X)² of the digits; about an anchor δ goes to 0 there, and g comes from the residuals
   themselves. The anchor moves to the current parameters at set steps (`loop_hoisted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import (
    LEAVES,
    Expr,
    definition,
    depends,
    plain,
    rebuild,
    symbol,
    walk,
)
from gradwork.learn.descent.cost import compile_seconds, product_cost, volume, work
from gradwork.learn.descent.loops import Setup
from gradwork.learn.descent.quadratic import Quadratic, expanded, fresh
from gradwork.learn.descent.step import Step, training_step
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.rewrite import STABILISE, Engine, normalise
from gradwork.rewrite.likeness import unified
from gradwork.words.say import say

DERIVING = 0.03  # seconds that rewriting a loss about an anchor takes
FIRST_ANCHOR, ANCHOR_GROWTH = 1024, 4


@dataclass(frozen=True)
class Hoisted:
    """A changed setup (None: nothing is worth it), what is computed once for it, and the lines that say so.

    once: symbols and the expressions over the data that give their values.
    """

    setup: Setup | None
    original: Setup
    once: tuple[tuple[Expr, Expr], ...] = ()
    quadratic: Quadratic | None = None
    lines: list[str] = field(default_factory=list)


def anchor_units(units: int) -> list[int]:
    """Return the steps at which the anchor moves: 0, 1024, 4096, 16384, …

    >>> anchor_units(5000)
    [0, 1024, 4096]
    """
    found, at = [0], FIRST_ANCHOR
    while at < units:
        found.append(at)
        at *= ANCHOR_GROWTH
    return found


def hoisted(setup: Setup, units: int, wanted: Any = "auto") -> Hoisted:
    """Return the best setup without passes over the data in each step; `wanted` True skips the question of cost."""
    sizes, step = setup.sizes, setup.step
    best: Hoisted | None = None
    best_cost = float("inf") if wanted is True else _seconds(step, sizes, units)
    options = [_quadratic_setup(setup), (setup, None)]
    for option in options:
        if option is None:
            continue
        changed, quadratic = option
        final, once = _invariants(changed.step, setup, sizes)
        if not once and quadratic is None:
            continue
        cost = _seconds(final, sizes, units) + work([e for _, e in once], sizes).seconds("numpy")
        if quadratic is not None:
            cost += (len(anchor_units(units)) + 1) * work(quadratic.exact, sizes).seconds("numpy") + DERIVING
        if cost < best_cost:
            best_cost = cost
            lines = [_quadratic_line(quadratic)] if quadratic else []
            lines += [say("once", what=f"{s.params[0]} = {e}") for s, e in once if e.ndim or not quadratic]
            best = Hoisted(replace(changed, step=final), setup, tuple(once), quadratic, lines)
    if best is None:
        why = "not quadratic" if len([o for o in options if o]) < 2 else "hoist does not pay"
        return Hoisted(None, setup, lines=[say(why, steps=units)])
    return best


def _seconds(step: Step, sizes: Mapping[str, int], units: int) -> float:
    # On the target that would be chosen for it.
    found = work([*step.after, step.loss, step.squares], sizes)
    compiled = units * found.seconds("xla") + compile_seconds(found.calls)
    return min(units * found.seconds("numpy"), compiled)


def _quadratic_line(quadratic: Quadratic) -> str:
    return say("quadratic", what=", ".join(str(z) for z in quadratic.inner))


def _quadratic_setup(setup: Setup) -> tuple[Setup, Quadratic] | None:
    data = tuple(s for name, s in setup.loss.symbols.items() if name in setup.data)
    found = expanded(plain(setup.loss), setup.step.symbols, data)
    if found is None:
        return None
    quadratic, loss, gradients = found
    new = [s.params[0] for s in (*quadratic.anchors, quadratic.value, *quadratic.slopes)]
    names = sorted({*setup.sizes, *setup.loss.symbols, *new})
    step = training_step(loss, setup.step.symbols, setup.step.optimizer, 1, gradients, names)
    return replace(setup, step=step), quadratic


# --- loop-invariant parts ---------------------------------------------------------------------------------


def _invariants(step: Step, setup: Setup, sizes: Mapping[str, int]) -> tuple[Step, list[tuple[Expr, Expr]]]:
    """Return the step with its parts that never change as symbols, and those parts."""
    given = (*step.after, step.loss, *step.gradients, step.squares, step.moved)
    changed, once = _searched(given, step.inner, frozenset(setup.data), tuple(sorted(sizes.items())))
    width, learned = len(step.after), len(step.gradients)
    final = replace(
        step,
        after=tuple(changed[:width]),
        loss=changed[width],
        gradients=tuple(changed[width + 1 : width + 1 + learned]),
        squares=changed[-2],
        moved=changed[-1],
    )
    return final, list(once)


@lru_cache(maxsize=64)
def _searched(
    given: tuple[Expr, ...], inner: tuple[Expr, ...], data: frozenset[str], known: tuple[tuple[str, int], ...]
) -> tuple[list[Expr], list[tuple[Expr, Expr]]]:
    changing, sizes = set(inner), dict(known)
    roots = unified(given)
    normal = Engine(STABILISE, through_names=True)
    roots = [normal.normalise(r) for r in roots]
    taken = (
        {s for r in roots for s in r.symbols}
        | set(sizes)
        | {n for r in roots for x in walk(r) for d in x.shape for n in d.names}
    )
    made: dict[Expr, Expr] = {}
    arrays = {s for r in roots for s in r.symbols.values() if s.params[0] in data and s.ndim}
    moving = {n for r in roots for n in depends(r, changing)}
    heavy = {n for r in roots for n in depends(r, arrays)}

    def once(x: Expr) -> Expr:
        if x not in made:
            facts = {"symmetric": True} if is_symmetric(x) else {}
            made[x] = symbol(fresh(f"K_{len(made) + 1}", taken), x.shape, **facts)
        return made[x]

    done: dict[Expr, Expr] = {}
    for node in walk(*roots):
        if node not in moving:
            # Replaced where it is used by something that moves, so that the largest such part is taken.
            done[node] = node
            continue
        if node.op is CONTRACT:
            done[node] = _product(node, done, moving, heavy, once, sizes)
            continue
        args = tuple(
            once(a)
            if a not in moving and a in heavy and a.op not in LEAVES and definition(a).op not in LEAVES
            else done[a]
            for a in node.args
        )
        done[node] = rebuild(node, args)
    changed = [done[r] for r in roots]
    live = {s for r in changed for s in r.symbols.values()}
    return changed, [(s, x) for x, s in made.items() if s in live]


def _product(
    node: Expr,
    done: dict[Expr, Expr],
    moving: set[Expr],
    heavy: set[Expr],
    once: Any,
    sizes: Mapping[str, int],
) -> Expr:
    operands, out = split(node), node.params[1]
    fixed = [(a, own) for a, own in operands if a not in moving]
    mobile = [(done[a], own) for a, own in operands if a in moving]
    outside = set(out) | {label for _, own in mobile for label in own}
    # Fixed factors that share a label which nothing outside needs belong together.
    groups: list[list] = []
    for operand in fixed:
        own = set(operand[1]) - outside
        near = [g for g in groups if any(own & (set(o[1]) - outside) for o in g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(o for g in near for o in g), operand])
    # Numbers in front (the 2/n) go into what is computed once.
    front = [o for g in groups for o in g if not o[0].ndim and len(g) == 1]
    absorbed: list = []
    kept: list = []
    changed = False
    for group in sorted(groups, key=lambda g: len(g) == 1 and not g[0][0].ndim):
        labels = [label for _, own in group for label in own]
        private = set(labels) - outside
        weighty = [a for a, _ in group if a in heavy]
        single = len(group) == 1 and (group[0][0].op in LEAVES or definition(group[0][0]).op in LEAVES)
        if not weighty or (single and not private):
            kept += [o for o in group if o not in absorbed]
            continue
        open_ = tuple(dict.fromkeys(label for label in labels if label in outside))
        if private:
            value = normalise(contract([*front, *group], open_))
            others = [o for g in groups if g is not group for o in g if o not in front]
            trial = [(value, open_), *others, *mobile]
            cheaper = product_cost(trial, out, sizes) < product_cost(operands, out, sizes)
            small = volume(value.shape, sizes) < sum(volume(a.shape, sizes) for a in weighty)
            if cheaper and small:
                kept.append((once(value), open_))
                absorbed, front = [*absorbed, *front], []
                changed = True
                continue
        for a, own in group:
            leaf = a.op in LEAVES or definition(a).op in LEAVES
            kept.append((once(a), own) if a in heavy and not leaf else (a, own))
            changed = changed or (a in heavy and not leaf)
    if not changed and all(done[a] is a for a in node.args):
        return node
    return contract([*kept, *mobile], out)
