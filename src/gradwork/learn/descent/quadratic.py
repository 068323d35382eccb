"""Losses with a quadratic part, expanded about an anchor.

    f(z) = c + gᵀδ + ½ δᵀHδ,    δ = z − a,    ∂f/∂z = g + Hδ

with value c and gradient g at the anchor a and the constant curvature H: an identity, not an approximation, for a
loss that is quadratic in small quantities z(θ).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gradwork.diff.api import grad, hessian, vjp
from gradwork.expr.node import (
    CONSTANT,
    NAME,
    Expr,
    constant,
    depends,
    is_zero,
    name,
    plain,
    substitute,
    symbol,
    walk,
)
from gradwork.ops.arithmetic import ADD, POWER, add, subtract
from gradwork.ops.contraction import CONTRACT, contract, multiply
from gradwork.ops.elementwise import WHERE
from gradwork.rewrite import STABILISE, Engine, normalise
from gradwork.rows.proof import terms_of


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


def quadratic_part(
    loss: Expr, symbols: Sequence[Expr], data: Sequence[Expr]
) -> tuple[Quadratic, Expr] | None:
    """Return the terms of a loss that are quadratic in small quantities, and the sum of the others; or None.

    >>> import gradwork as gw
    >>> n, d = gw.dims("n", "d")
    >>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    >>> found, rest = quadratic_part(gw.mean((y - X @ b) ** 2) + gw.sum(abs(b)), [b], [X, y])
    >>> print(found.part, "|", rest)
    mean((y − Xb)²) | Σ |b|
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
        if opened is not None and degree(opened, list(trial.values())) == 2:
            used = trial
            accepted.append(opened)
        else:
            rest.append(term)
    if not accepted:
        return None
    inner, anchors = tuple(used), tuple(used.values())
    whole = add(*accepted) if len(accepted) > 1 else accepted[0]
    part = substitute(whole, {a: z for z, a in used.items()})
    value = symbol(fresh("c", taken))
    slopes = tuple(symbol(fresh(f"g_{i + 1}", taken), a.shape) for i, a in enumerate(anchors))
    exact = (whole, *(plain(g) for g in grad(whole, list(anchors))))
    remaining = add(*rest) if len(rest) > 1 else rest[0] if rest else constant(0)
    return Quadratic(part, inner, anchors, value, slopes, exact), remaining


def fresh(label: str, taken: set[str]) -> str:
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
                anchor = known[node] = symbol(fresh(label, taken), node.shape)
            replaced[node] = anchor
        else:
            stack.extend(node.args)
    return substitute(term, replaced) if term not in replaced else None


def degree(x: Expr, variables: Sequence[Expr]) -> float:
    """Return the degree of `x` as a polynomial in the variables, read from its form; infinity if it shows none.

    >>> import gradwork as gw
    >>> a, b = gw.vector("a", "d"), gw.scalar("b")
    >>> degree(gw.sum((2 * a - b) ** 2) + b, [a, b]), degree(gw.sum(a) * b**2, [a, b]), degree(gw.exp(b), [b])
    (2.0, 3.0, inf)
    """
    found: dict[Expr, float] = dict.fromkeys(variables, 1.0)
    for node in walk(x):
        if node in found:
            continue
        own = [found[a] for a in node.args]
        if not any(own):
            found[node] = 0.0
        elif node.op is CONTRACT:
            found[node] = sum(own)
        elif node.op in (ADD, NAME):
            found[node] = max(own)
        elif node.op is POWER and own[1] == 0 and node.args[1].op is CONSTANT:
            k = node.args[1].params[0]
            found[node] = float(k) * own[0] if k == int(k) and k >= 0 else math.inf
        elif node.op is WHERE and own[0] == 0:
            found[node] = max(own)
        elif node.op.linear and not any(own[1:]):
            found[node] = own[0]
        else:
            found[node] = math.inf
    return found[x]


def _label(z: Expr) -> str:
    return z.params[0] if z.op.name == "symbol" else "z"


@lru_cache(maxsize=64)
def expanded(
    loss: Expr, symbols: tuple[Expr, ...], data: tuple[Expr, ...]
) -> tuple[Quadratic, Expr, tuple[Expr, ...]] | None:
    """Return a loss with its quadratic part expanded about an anchor, and its gradients by `symbols`; or None.

    The gradient by z is g + Hδ, and the part itself c + ½ δᵀ(g + (g + Hδ)): one product with H for both.
    """
    found = quadratic_part(loss, symbols, data)
    if found is None:
        return None
    quadratic, rest = found
    deltas = [subtract(z, a) for z, a in zip(quadratic.inner, quadratic.anchors, strict=True)]
    blocks = hessian(quadratic.exact[0], list(quadratic.anchors))
    slopes, terms = [], [quadratic.value]
    for i, (g, delta) in enumerate(zip(quadratic.slopes, deltas, strict=True)):
        parts = [_applied(plain(blocks[i][j]), deltas[j], i, quadratic) for j in range(len(deltas))]
        # Under a name, so that g + (g + Hδ) is not opened to 2g + Hδ: the sum is there already.
        slope = name(
            _label(quadratic.inner[i]), normalise(add(g, *(p for p in parts if p is not None))), "adjoint"
        )
        axes = tuple(range(g.ndim))
        terms.append(multiply(0.5, contract([(delta, axes), (add(g, slope), axes)], ())))
        slopes.append(slope)
    gradients = []
    for s, other in zip(symbols, _grads(rest, symbols), strict=True):
        pieces = [] if other is None else [other]
        for z, slope in zip(quadratic.inner, slopes, strict=True):
            if z is s:
                pieces.append(slope)
            elif s in set(z.symbols.values()):
                pieces.append(plain(vjp(z, s, slope)))
        gradients.append(normalise(add(*pieces) if len(pieces) > 1 else pieces[0]) if pieces else constant(0))
    return quadratic, normalise(add(*terms, rest)), tuple(gradients)


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
