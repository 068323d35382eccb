"""Cancellations that a textbook makes: brackets that shrink when multiplied out, quotients, transposes, parts.

    (1 − y)σ(z) − yσ(−z) = σ(z) − y        a/(a/b) = b        2s(u/(2s⁴) − v/(2s²)) = u/s³ − v/s

Each rule makes what it touches shorter, or leaves it alone.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product as choices

from gradwork.expr.dims import Dim
from gradwork.expr.facts import is_symmetric
from gradwork.expr.node import CONSTANT, EYE, NAME, ONES, SIZE, Expr, constant, definition, make, zeros
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.indexing import CONCATENATE, INDEX, PLACE
from gradwork.rewrite.canonical import scaled, spread_scalar
from gradwork.rewrite.engine import Rule
from gradwork.rewrite.likeness import canonical, coefficient
from gradwork.rewrite.numbers import plus, product
from gradwork.rewrite.stabilise import negated

RULES: list[Rule] = []
_SIGMOID = REGISTRY["sigmoid"]


def rule(name: str, *ops, board: bool = True):
    """Register the decorated function as a rule for simplifying."""

    def register(function):
        RULES.append(Rule(name, "simplify", ops, function, board))
        return function

    return register


# --- brackets ---------------------------------------------------------------------------------------------

MANY = 16  # products that multiplying out may make
Factors = list[tuple[Expr, tuple]]


@rule("terms cancel", ADD)
def terms_cancel(node: Expr) -> Expr | None:
    """(1 − y)p − y(1 − p) = p − y: brackets are multiplied out where terms then cancel and fewer letters are left."""
    if len(node.args) > MANY:
        return None
    terms = [_factors(t, node) for t in node.args]
    sides = {a.args[0] for _, factors in terms for a, _ in factors if a.op is _SIGMOID}
    terms = [(v, [_opened(f, sides) for f in factors]) for v, factors in terms]
    if not any(a.op is ADD and own for _, factors in terms for a, own in factors):
        return None
    before = sum(_letters(factors) for _, factors in terms)
    found: dict[Expr, list] = {}
    count = 0
    for value, factors in terms:
        pieces = _multiplied(value, factors, node)
        count += len(pieces)
        if count > MANY:
            return None
        for v, rest in pieces:
            whole = contract(rest, tuple(range(node.ndim))) if rest else constant(1)
            entry = found.setdefault(canonical(whole), [whole, Fraction(0), _letters(rest)])
            entry[1] = plus(entry[1], v)
    kept = [(whole, v, n) for whole, v, n in found.values() if v != 0]
    if len(kept) == count or sum(n for _, _, n in kept) >= before:
        return None
    if not kept:
        return zeros(node.shape)
    made = [scaled(v, whole) if v != 1 else whole for whole, v, _ in kept]
    if all(t.shape != node.shape for t in made):
        made[0] = spread_scalar(made[0], node.shape)
    return total(made, node.shape) if len(made) > 1 else made[0]


def _factors(term: Expr, node: Expr) -> tuple:
    """Return a term as its number and its factors, with the axes of the sum as labels."""
    value, rest = coefficient(term)
    axes = tuple(range(node.ndim))
    if rest.op is CONSTANT:
        return value, []
    if rest.op is not CONTRACT or len(set(rest.params[1])) != len(rest.params[1]):
        return value, [(rest, axes if rest.ndim else ())]
    place = dict(zip(rest.params[1], axes, strict=False))
    return value, [(a, tuple(place.get(label, ("summed", label)) for label in own)) for a, own in split(rest)]


def _opened(factor: tuple, sides: set[Expr]) -> tuple:
    # σ(−z) beside σ(z) is 1 − σ(z).
    a, own = factor
    z = negated(a.args[0]) if a.op is _SIGMOID else None
    if z is None or z not in sides:
        return factor
    axes = tuple(range(a.ndim))
    minus = contract([(constant(-1), ()), (make(_SIGMOID, (z,)), axes)], axes)
    return make(ADD, (constant(1), minus)) if a.ndim else total([constant(1), minus], ()), own


def _multiplied(value, factors: Factors, node: Expr) -> list[tuple]:
    """Return the products of one term of each bracket, as numbers and factors."""
    brackets = [(a, own) for a, own in factors if a.op is ADD and all(isinstance(x, int) for x in own)]
    rest = [f for f in factors if f not in brackets]
    sizes = dict(enumerate(node.shape))
    found = []
    many = 1
    for a, _ in brackets:
        many *= len(a.args)
    if many > MANY:
        return [(value, factors)]
    for chosen in choices(*(a.args for a, _ in brackets)):
        v, made = value, list(rest)
        for term, (_, own) in zip(chosen, brackets, strict=True):
            number, inner = coefficient(term)
            v = product(v, number)
            if inner.op is CONSTANT or inner.op is ONES:
                continue
            if inner.op is CONTRACT and len(set(inner.params[1])) == len(inner.params[1]):
                place = dict(zip(inner.params[1], own, strict=False))
                made += [
                    (a, tuple(place.get(label, ("inside", id(inner), label)) for label in ls))
                    for a, ls in split(inner)
                    if a.op is not ONES or ls[0] not in place
                ]
            else:
                made.append((inner, own if inner.ndim else ()))
        covered = {label for _, ls in made for label in ls}
        made += [
            (make(ONES, (), (sizes[x],)), (x,))
            for x in dict.fromkeys(label for _, own in brackets for label in own)
            if x not in covered and made
        ]
        if not made and node.ndim:
            made = [(make(ONES, (), (dim,)), (axis,)) for axis, dim in sizes.items()]
        found.append((v, made))
    return found


def _letters(factors: Factors) -> int:
    count = 0
    for a, _ in factors:
        if a.op is ADD:
            count += sum(_letters(_factors(t, a)[1]) for t in a.args)
        elif a.op not in (CONSTANT, ONES):
            count += 1
    return count


@rule("multiply into the bracket", CONTRACT)
def into_bracket(node: Expr) -> Expr | None:
    """2s(u/(2s⁴) − v/(2s²)) = u/s³ − v/s: a scalar that every term of the bracket is divided by meets its like."""
    operands, out = split(node), node.params[1]
    for i, (bracket, labels) in enumerate(operands):
        if bracket.op is not ADD:
            continue
        for j, (a, own) in enumerate(operands):
            base, k = _power(a)
            if j == i or own or base.op in (CONSTANT, ONES, EYE, SIZE):
                continue
            terms = [_met(t, base, k) for t in bracket.args]
            if any(t is None for t in terms):
                continue
            rest = [o for m, o in enumerate(operands) if m not in (i, j)]
            whole = total([t for t in terms if t is not None], bracket.shape)
            numbers = [coefficient(t)[0] for t in whole.args] if whole.op is ADD else []
            front = next((m for m, (c, _) in enumerate(rest) if c.op is CONSTANT), None)
            if front is not None and numbers and all(isinstance(v, Fraction) for v in numbers):
                v = rest[front][0].params[0]
                inside = [product(v, w) for w in numbers]
                if all(isinstance(w, Fraction) and w.denominator == 1 for w in inside):
                    whole = total([scaled(v, t) for t in whole.args], whole.shape)
                    del rest[front]
            return contract([*rest, (whole, labels)], out)
    return None


def _met(term: Expr, base: Expr, k: Fraction) -> Expr | None:
    # The term times baseᵏ, if it holds a power of the base of the other sign that the product shortens.
    factors = split(term) if term.op is CONTRACT else [(term, tuple(range(term.ndim)))]
    for m, (a, own) in enumerate(factors):
        other, q = _power(a)
        if own or other is not base or q * k >= 0 or abs(q + k) >= abs(q):
            continue
        rest = factors[:m] + factors[m + 1 :]
        if q + k != 0:
            rest.insert(m, (base if q + k == 1 else make(POWER, (base, constant(q + k))), ()))
        out = term.params[1] if term.op is CONTRACT else tuple(range(term.ndim))
        return contract(rest, out) if rest else constant(1)
    return None


def _power(x: Expr) -> tuple[Expr, Fraction]:
    if x.op is POWER and x.args[1].op is CONSTANT and isinstance(x.args[1].params[0], Fraction):
        return x.args[0], x.args[1].params[0]
    return x, Fraction(1)


# --- quotients and powers ---------------------------------------------------------------------------------


@rule("cancel quotients", CONTRACT)
def cancel_quotients(node: Expr) -> Expr | None:
    """a² ∘ b/(a ∘ b²) = a/b: a power of a product opens where one of its factors meets its like outside."""
    operands = split(node)
    bases = [(_power(a)[0], own) for a, own in operands]
    for i, (a, own) in enumerate(operands):
        factors = _under(a, own)
        if factors is None:
            continue
        outside = {b for m, b in enumerate(bases) if m != i}
        if any((_power(f)[0], ls) in outside for f, ls, _ in factors):
            pieces = [(f if k == 1 else make(POWER, (f, constant(k))), ls) for f, ls, k in factors]
            return contract([*operands[:i], *pieces, *operands[i + 1 :]], node.params[1])
    return None


def _under(x: Expr, labels: tuple) -> list[tuple[Expr, tuple, Fraction]] | None:
    base, k = _power(x)
    if k == 1 or k.denominator != 1 or base.op is not CONTRACT or base.shape != x.shape:
        return None
    own, out = base.params
    if len(set(out)) != len(out) or any(label not in out for ls in own for label in ls):
        return None
    outside = dict(zip(out, labels, strict=True))
    return [
        (_power(a)[0], tuple(outside[label] for label in ls), _power(a)[1] * k)
        for a, ls in zip(base.args, own, strict=True)
    ]


@rule("powers with letters", CONTRACT)
def letter_powers(node: Expr) -> Expr | None:
    """x x^(k − 1) = xᵏ: exponents add, where one of them is a letter."""
    operands = split(node)
    for i, (a, own) in enumerate(operands):
        if a.op is not POWER or a.args[1].op is CONSTANT or a.args[1].ndim or a.args[0].shape != a.shape:
            continue
        for j, (b, theirs) in enumerate(operands):
            power = b.op is POWER and b.args[0] is a.args[0] and not b.args[1].ndim
            if j == i or theirs != own or not (power or b is a.args[0]):
                continue
            exponent = total([a.args[1], b.args[1] if power else constant(1)], ())
            merged = make(POWER, (a.args[0], exponent))
            rest = [o for m, o in enumerate(operands) if m not in (i, j)]
            return contract([*rest[: min(i, j)], (merged, own), *rest[min(i, j) :]], node.params[1])
    return None


@rule("determinant times inverse", CONTRACT)
def det_times_inverse(node: Expr) -> Expr | None:
    """det(A)ᵏ⁻¹ cof(A) = det(A)ᵏ A⁻ᵀ, for an exponent that is a letter: A is invertible wherever that is defined."""
    operands = split(node)
    for i, (c, labels) in enumerate(operands):
        if c.op is not REGISTRY["cofactor"]:
            continue
        for j, (p, _) in enumerate(operands):
            if p.op is POWER and p.args[0].op is REGISTRY["det"] and p.args[0].args == c.args:
                if p.args[1].op is CONSTANT or p.args[1].ndim:
                    continue
                power = make(POWER, (p.args[0], total([p.args[1], constant(1)], ())))
                rest = [o for m, o in enumerate(operands) if m not in (i, j)]
                inverse = make(REGISTRY["inv"], c.args)
                return contract([*rest, (power, ()), (inverse, labels[::-1])], node.params[1])
    return None


@rule("tangent from sine and cosine", CONTRACT)
def sinh_over_cosh(node: Expr) -> Expr | None:
    """sinh(x)/cosh(x) = tanh(x)."""
    operands = split(node)
    for i, (a, own) in enumerate(operands):
        if a.op is not REGISTRY["sinh"]:
            continue
        for j, (b, theirs) in enumerate(operands):
            base, k = _power(b)
            if k == -1 and base.op is REGISTRY["cosh"] and base.args == a.args and own == theirs:
                rest = [o for m, o in enumerate(operands) if m not in (i, j)]
                return contract([*rest, (make(REGISTRY["tanh"], a.args), own)], node.params[1])
    return None


# --- matrices ---------------------------------------------------------------------------------------------


@rule("a matrix and its transpose", ADD)
def with_transpose(node: Expr) -> Expr | None:
    """Ax + Aᵀx = (A + Aᵀ)x."""
    for i, term in enumerate(node.args):
        value, first = coefficient(term)
        if first.op is not CONTRACT or first.shape != node.shape:
            continue
        for k, turned in _turned(first):
            for j in range(i + 1, len(node.args)):
                other, second = coefficient(node.args[j])
                if other != value or second.op is not CONTRACT or canonical(second) is not canonical(turned):
                    continue
                operands = split(first)
                matrix, own = operands[k]
                both = total([matrix, contract([(matrix, (0, 1))], (1, 0))], matrix.shape)
                whole = contract([*operands[:k], (both, own), *operands[k + 1 :]], first.params[1])
                made = whole if value == 1 else scaled(value, whole)
                rest = [t for m, t in enumerate(node.args) if m not in (i, j)]
                return total([*rest[:i], made, *rest[i:]], node.shape) if rest else made
    return None


def _turned(x: Expr) -> list[tuple[int, Expr]]:
    # The product with one of its matrices transposed, for each square matrix that is a letter or a name.
    operands, out = split(x), x.params[1]
    found = []
    for k, (a, own) in enumerate(operands):
        if a.ndim != 2 or a.shape[0] != a.shape[1] or own[0] == own[1] or is_symmetric(definition(a)):
            continue
        if (a.op is NAME or not a.args) and len(operands) > 1:
            found.append((k, contract([*operands[:k], (a, own[::-1]), *operands[k + 1 :]], out)))
    return found


# --- parts ------------------------------------------------------------------------------------------------


@rule("part of parts", INDEX)
def part_of_parts(node: Expr) -> Expr | None:
    """[x, y] up to the length of x is x; what was placed there is what is taken from there."""
    (x,), (spec,) = node.args, node.params
    if x.op is PLACE and x.params[0] == spec and x.args[0].shape == node.shape:
        return x.args[0]
    if x.op is CONTRACT:
        return _scaled_part(x, node)
    if x.op is not CONCATENATE or any(s[0] != "from" or s[3] != 1 for s in spec):
        return None
    axis = x.params[0]
    if len(spec) <= axis or any(s[4] != d for k, (s, d) in enumerate(zip(spec, x.shape)) if k != axis):
        return None
    start, length = spec[axis][1], spec[axis][4]
    at, chosen, reached = Dim.of(0), [], None
    for part in x.args:
        if reached is None and at == start:
            reached = Dim.of(0)
        if reached is not None:
            chosen.append(part)
            reached = reached + part.shape[axis]
            if reached == length:
                return chosen[0] if len(chosen) == 1 else make(CONCATENATE, tuple(chosen), (axis,))
        at = at + part.shape[axis]
    return None


@rule("sum of what was scattered", CONTRACT)
def scattered_sum(node: Expr) -> Expr | None:
    """Σ of zeros with x added at some places is Σ x."""
    operands, out = split(node), node.params[1]
    for i, (a, own) in enumerate(operands):
        if a.op is not REGISTRY["scatter"] or len(set(own)) != len(own):
            continue
        axis = a.params[0]
        rest = [o for m, o in enumerate(operands) if m != i]
        if own[axis] in out or any(own[axis] in ls for _, ls in rest):
            continue
        x, positions = a.args
        summed = tuple(("placed", k) for k in range(positions.ndim))
        return contract([*rest, (x, (*own[:axis], *summed, *own[axis + 1 :]))], out)
    return None


def _scaled_part(x: Expr, node: Expr) -> Expr | None:
    # A number times what was put together: the part of it, times the number.
    operands, out = split(x), x.params[1]
    arrays = [(a, own) for a, own in operands if own]
    if len(arrays) != 1 or arrays[0][1] != out or arrays[0][0].op not in (PLACE, CONCATENATE):
        return None
    if len(set(out)) != len(out):
        return None
    part = part_of_parts(make(INDEX, (arrays[0][0],), node.params))
    if part is None:
        return None
    axes = tuple(range(part.ndim))
    return contract([*((a, own) for a, own in operands if not own), (part, axes)], axes)


__all__ = ["RULES"]
