"""Derivatives within a declared structure: the part of a gradient that lies along what a symbol may be.

A function of symmetric matrices changes along symmetric directions only, so its gradient is the symmetric matrix S with
df = ⟨S, dX⟩ for every symmetric dX. With G the derivative in which all entries are free:

    symmetric     ½ (G + Gᵀ)                 diagonal      I ∘ G
    lower         the lower triangle of G    orthogonal    ½ (G − X Gᵀ X), tangent to the orthogonal matrices
    onehot        G − (1/k) G 1 1ᵀ, so that the rows still sum to 1

"free" is G itself. "entries" is, for symmetric matrices, the derivative by each entry where Xᵢⱼ and Xⱼᵢ are one
variable: G + Gᵀ − I ∘ G, which some books print; it is no gradient, for ⟨·, dX⟩ counts what is off the diagonal twice.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gradwork.errors import DerivativeError
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import EYE, ONES, TRIL, Expr, constant, facts, make, size
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import ADD, add, power, total
from gradwork.ops.contraction import contract, ein
from gradwork.rewrite.canonical import scaled
from gradwork.rewrite.engine import Rule
from gradwork.rewrite.likeness import coefficient

WAYS = ("within", "free", "entries")
_ORDER = ("diagonal", "symmetric", "lower", "orthogonal", "onehot")

# The part of a derivative within a structure, still to be taken. args: (G, x), params: (structure, way)
PROJECT = Op(
    "project",
    shape=lambda a, p: a[0].shape,
    summary="the part of a derivative within a declared structure, still to be taken",
)


def structure_of(x: Expr) -> str:
    """Return the declared structure that restricts the directions of a symbol; "" for none."""
    known = facts(x)
    return next((s for s in _ORDER if s in known), "")


def check_way(way: Any) -> None:
    """Raise for a structure option that there is not."""
    if way not in WAYS:
        raise DerivativeError("structure option", ways=list(WAYS), given=repr(way))


def projected(g: Expr, x: Expr, way: str) -> Expr:
    """Return the derivative that is still to be taken within the structure of x; `g` itself where there is none."""
    structure = structure_of(x)
    if not structure or way == "free":
        return g
    if way == "entries" and structure in ("orthogonal", "onehot"):
        raise DerivativeError("no entries", name=x.params[0], structure=structure)
    return make(PROJECT, (g, x), (structure, way))


def _apply(node: Expr) -> Expr:
    (g, x), (structure, way) = node.args, node.params
    if structure == "diagonal":
        return contract([(make(EYE, (), (x.shape[0],)), (0, 1)), (g, (0, 1))], (0, 1))
    if structure == "lower":
        # TRIL has one half on the diagonal.
        low = add(make(TRIL, (), (x.shape[0],)), ein(",ij->ij", _half(), make(EYE, (), (x.shape[0],))))
        return contract([(low, (0, 1)), (g, (0, 1))], (0, 1))
    if structure == "orthogonal":
        return add(ein(",ij->ij", _half(), g), ein(",ij,kj,kl->il", constant(-1) / 2, x, g, x))
    if structure == "onehot":
        return _rows_kept(g)
    if way == "entries":
        eye = make(EYE, (), (x.shape[0],))
        both = [scaled(2, g)] if is_symmetric(g) else [g, _flipped(g)]
        return total([*both, ein(",ij,ij->ij", constant(-1), eye, g)], g.shape)
    return _symmetric_part(g)


def _symmetric_part(g: Expr) -> Expr:
    # Term by term: what is symmetric stays, and only the rest is halved and flipped.
    number, rest = coefficient(g)
    terms = [scaled(number, t) for t in rest.args] if rest.op is ADD else [g]
    parts: list[Expr] = []
    for t in terms:
        half = scaled(Fraction(1, 2), t)
        parts += [t] if is_symmetric(coefficient(t)[1]) else [half, _flipped(half)]
    return g if parts == terms else total(parts, g.shape)


def _flipped(g: Expr) -> Expr:
    return contract([(g, (1, 0))], (0, 1))


def _half() -> Expr:
    return constant(1) / 2


def _rows_kept(g: Expr) -> Expr:
    axes, last = tuple(range(g.ndim)), g.ndim - 1
    summed = tuple("summed" if a == last else a for a in axes)
    ones = make(ONES, (), (g.shape[last],))
    mean = contract(
        [(constant(-1), ()), (power(size(g.shape[last]), -1), ()), (g, summed), (ones, (last,))], axes
    )
    return add(g, mean)


RULE = Rule(
    "within structure",
    "calculus",
    (PROJECT,),
    _apply,
    board=True,
    reason=lambda node: Reason.of(f"{node.params[1]} {node.params[0]}"),
)
