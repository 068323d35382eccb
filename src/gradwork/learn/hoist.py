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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gradwork.diff.api import grad, hessian, vjp
from gradwork.errors import DerivativeError
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import (
    LEAVES,
    Expr,
    constant,
    definition,
    depends,
    is_zero,
    plain,
    rebuild,
    substitute,
    symbol,
    walk,
)
from gradwork.learn.cost import compile_seconds, product_cost, volume, work
from gradwork.learn.descent_words import say
from gradwork.learn.loops import Setup
from gradwork.learn.rows import terms_of
from gradwork.learn.training import Step, training_step, unified
from gradwork.ops.arithmetic import add, subtract
from gradwork.ops.contraction import CONTRACT, contract, multiply, split
from gradwork.rewrite import STABILISE, Engine, normalise

DERIVING = 0.03  # seconds that rewriting a loss about an anchor takes
FIRST_ANCHOR, ANCHOR_GROWTH = 256, 4


@dataclass(frozen=True)
class Quadratic:
    """The quadratic part of a loss.

    part:    the terms of the loss, over the parameters and the data.
    inner:   the small quantities z as expressions in the parameters.
    anchors: a symbol for each of them: where the expansion is made.
    value, slopes: symbols for c and g; `exact` are their expressions at the anchors, from the data.
    """

    part: Expr
    inner: tuple[Expr, ...]
    anchors: tuple[Expr, ...]
    value: Expr
    slopes: tuple[Expr, ...]
    exact: tuple[Expr, ...]


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
    """Return the steps at which the anchor moves: 0, 256, 1024, 4096, …

    >>> anchor_units(5000)
    [0, 256, 1024, 4096]
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


# --- quadratic losses -------------------------------------------------------------------------------------


def quadratic_part(
    loss: Expr, symbols: Sequence[Expr], data: Sequence[Expr]
) -> tuple[Quadratic, Expr] | None:
    """Return the terms of a loss that are quadratic in small quantities, and the sum of the others; or None.

    >>> import gradwork as gw
    >>> n, d = gw.dims("n", "d")
    >>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    >>> found, rest = quadratic_part(gw.mean((y - X @ b) ** 2) + gw.sum(abs(b)), [b], [X, y])
    >>> print(found.part, "|", rest)
    1/n ‖y − Xb‖² | Σ |b|
    """
    normal = normalise(Engine(STABILISE).normalise(loss))
    arrays = {s for s in data if s.ndim}
    heavy, rest = [], []
    for term in terms_of(normal):
        (heavy if depends(term, arrays) - arrays or term in arrays else rest).append(term)
    used: dict[Expr, Expr] = {}
    taken = set(loss.symbols) | {n for x in walk(loss) for dim in x.shape for n in dim.names}
    accepted: list[Expr] = []
    for term in heavy:
        trial = dict(used)
        opened = _open(term, symbols, arrays, trial, taken)
        if opened is not None and _is_quadratic(opened, list(trial.values())):
            used = trial
            accepted.append(opened)
        else:
            rest.append(term)
    if not accepted:
        return None
    inner, anchors = tuple(used), tuple(used.values())
    whole = add(*accepted) if len(accepted) > 1 else accepted[0]
    part = substitute(whole, {a: z for z, a in used.items()})
    value = symbol(_fresh("c", taken))
    slopes = tuple(symbol(_fresh(f"g_{i + 1}", taken), a.shape) for i, a in enumerate(anchors))
    exact = (whole, *(plain(g) for g in grad(whole, list(anchors))))
    remaining = add(*rest) if len(rest) > 1 else rest[0] if rest else constant(0)
    return Quadratic(part, inner, anchors, value, slopes, exact), remaining


def _fresh(label: str, taken: set[str]) -> str:
    while label in taken:
        label += "_"
    taken.add(label)
    return label


def _open(
    term: Expr, symbols: Sequence[Expr], arrays: set[Expr], known: dict[Expr, Expr], taken: set[str]
) -> Expr | None:
    """Return the term with its largest quantities that move and hold no array of data as symbols."""
    moving = depends(term, symbols)
    small = {name for s in symbols for dim in s.shape for name in dim.names}
    held = depends(term, arrays)
    replaced: dict[Expr, Expr] = {}
    stack, seen = [term], set()
    while stack:
        node = stack.pop()
        if node in seen or node not in moving:
            continue
        seen.add(node)
        if node in symbols or (node not in held and all(dim.names <= small for dim in node.shape)):
            anchor = known.get(node)
            if anchor is None:
                label = f"{node.params[0]}_0" if node in symbols else f"z_{len(known) + 1}"
                anchor = known[node] = symbol(_fresh(label, taken), node.shape)
            replaced[node] = anchor
        else:
            stack.extend(node.args)
    return substitute(term, replaced) if term not in replaced else None


def _is_quadratic(f: Expr, variables: list[Expr]) -> bool:
    present = [v for v in variables if v in set(f.symbols.values())]
    chosen = set(present)
    try:
        blocks = [b for row in hessian(f, present) for b in row]
    except DerivativeError:
        return False
    held = {n for b in blocks for n in walk(plain(b)) if n in chosen}
    return not held and not all(is_zero(b) for b in blocks)


def _quadratic_setup(setup: Setup) -> tuple[Setup, Quadratic] | None:
    data = [s for name, s in setup.loss.symbols.items() if name in setup.data]
    symbols = list(setup.step.symbols)
    found = quadratic_part(setup.loss, symbols, data)
    if found is None:
        return None
    quadratic, rest = found
    # δ = z − a, and H δ block by block; the gradient by z is g + Hδ, and f = c + ½ δᵀ(g + (g + Hδ)).
    deltas = [subtract(z, a) for z, a in zip(quadratic.inner, quadratic.anchors, strict=True)]
    blocks = hessian(quadratic.exact[0], list(quadratic.anchors))
    slopes, terms = [], [quadratic.value]
    for i, (g, delta) in enumerate(zip(quadratic.slopes, deltas, strict=True)):
        parts = [_applied(plain(blocks[i][j]), deltas[j], i, quadratic) for j in range(len(deltas))]
        slope = add(g, *(p for p in parts if p is not None))
        axes = tuple(range(g.ndim))
        terms.append(multiply(0.5, contract([(delta, axes), (add(g, slope), axes)], ())))
        slopes.append(normalise(slope))
    loss = normalise(add(*terms, rest))
    gradients = []
    remaining = _grads(rest, symbols)
    for s, other in zip(symbols, remaining, strict=True):
        pieces = [] if other is None else [other]
        for z, slope in zip(quadratic.inner, slopes, strict=True):
            if z is s:
                pieces.append(slope)
            elif s in set(z.symbols.values()):
                pieces.append(plain(vjp(z, s, slope)))
        gradients.append(normalise(add(*pieces) if len(pieces) > 1 else pieces[0]) if pieces else constant(0))
    names = {*setup.sizes, *setup.loss.symbols, *(s.params[0] for s in _fresh_symbols(quadratic))}
    step = training_step(loss, symbols, setup.step.optimizer, 1, gradients, sorted(names))
    return replace(setup, step=step), quadratic


def _fresh_symbols(quadratic: Quadratic) -> list[Expr]:
    return [*quadratic.anchors, quadratic.value, *quadratic.slopes]


def _applied(block: Expr, delta: Expr, i: int, quadratic: Quadratic) -> Expr | None:
    if is_zero(block):
        return None
    rank = quadratic.anchors[i].ndim
    labels = tuple(range(block.ndim))
    return normalise(contract([(block, labels), (delta, labels[rank:])], labels[:rank]))


def _grads(rest: Expr, symbols: Sequence[Expr]) -> list[Expr | None]:
    held = set(rest.symbols.values())
    present = [s for s in symbols if s in held]
    found = dict(zip(present, grad(rest, present), strict=True)) if present else {}
    return [plain(found[s]) if s in found else None for s in symbols]


# --- loop-invariant parts ---------------------------------------------------------------------------------


def _invariants(step: Step, setup: Setup, sizes: Mapping[str, int]) -> tuple[Step, list[tuple[Expr, Expr]]]:
    """Return the step with its parts that never change as symbols, and those parts."""
    changing = {*step.inner}
    roots = unified([*step.after, step.loss, *step.gradients, step.squares, step.moved])
    normal = Engine(STABILISE, through_names=True)
    roots = [normal.normalise(r) for r in roots]
    taken = (
        {s for r in roots for s in r.symbols}
        | set(sizes)
        | {n for r in roots for x in walk(r) for d in x.shape for n in d.names}
    )
    made: dict[Expr, Expr] = {}
    arrays = {s for r in roots for s in r.symbols.values() if s.params[0] in setup.data and s.ndim}
    moving = {n for r in roots for n in depends(r, changing)}
    heavy = {n for r in roots for n in depends(r, arrays)}

    def once(x: Expr) -> Expr:
        if x not in made:
            facts = {"symmetric": True} if is_symmetric(x) else {}
            made[x] = symbol(_fresh(f"K_{len(made) + 1}", taken), x.shape, **facts)
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
    width, learned = len(step.after), len(step.gradients)
    final = replace(
        step,
        after=tuple(changed[:width]),
        loss=changed[width],
        gradients=tuple(changed[width + 1 : width + 1 + learned]),
        squares=changed[-2],
        moved=changed[-1],
    )
    live = {s for r in changed for s in r.symbols.values()}
    return final, [(s, x) for x, s in made.items() if s in live]


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
    kept: list = []
    changed = False
    for group in groups:
        labels = [label for _, own in group for label in own]
        private = set(labels) - outside
        weighty = [a for a, _ in group if a in heavy]
        single = len(group) == 1 and (group[0][0].op in LEAVES or definition(group[0][0]).op in LEAVES)
        if not weighty or (single and not private):
            kept += group
            continue
        open_ = tuple(dict.fromkeys(label for label in labels if label in outside))
        if private:
            value = normalise(contract(group, open_))
            trial = [(value, open_), *(o for g in groups if g is not group for o in g), *mobile]
            cheaper = product_cost(trial, out, sizes) < product_cost(operands, out, sizes)
            small = volume(value.shape, sizes) < sum(volume(a.shape, sizes) for a in weighty)
            if cheaper and small:
                kept.append((once(value), open_))
                changed = True
                continue
        for a, own in group:
            leaf = a.op in LEAVES or definition(a).op in LEAVES
            kept.append((once(a), own) if a in heavy and not leaf else (a, own))
            changed = changed or (a in heavy and not leaf)
    if not changed and all(done[a] is a for a in node.args):
        return node
    return contract([*kept, *mobile], out)
