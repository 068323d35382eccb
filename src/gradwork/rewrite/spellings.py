"""Functions that people spell out by hand, recognised before differentiation: softmax, σ, tanh, log cosh.

    eᶻ/Σeᶻ = softmax(z),   eᶻ/(1 + eᶻ) = σ(z),   (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ) = tanh(z)

Spelled out they overflow where the functions do not, and their derivatives hide what a textbook shows.
"""

from __future__ import annotations

from fractions import Fraction

from gradwork.expr.node import CONSTANT, ONES, Expr, constant, is_constant, make
from gradwork.expr.op import REGISTRY
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.ops.indexing import INDEX
from gradwork.rewrite.stabilise import RULES, negated, one_plus, rule

_EXP, _SIGMOID, _TANH, _EXPM1 = (REGISTRY[name] for name in ("exp", "sigmoid", "tanh", "expm1"))
_SOFTMAX, _GATHER, _COSH = (REGISTRY[name] for name in ("softmax", "gather", "cosh"))
_SELECTIONS = (INDEX, _GATHER)
_LOGS = (_SOFTMAX, _SIGMOID, _EXP)


@rule("log of an entry", REGISTRY["log"])
def log_of_entry(node: Expr) -> Expr | None:
    """log(softmax(z)[k]) = (log softmax(z))[k]: the logarithm of an entry is the entry of the logarithm."""
    (x,) = node.args
    if x.op not in _SELECTIONS or x.args[0].op not in _LOGS:
        return None
    return make(x.op, (make(REGISTRY["log"], (x.args[0],)), *x.args[1:]), x.params)


def _exp_sum(s: Expr) -> tuple[Expr, tuple[int | None, ...]] | None:
    """Return z, and for each axis of s = Σ eᶻ the axis of z that it is (None: of size 1)."""
    if s.op is not CONTRACT:
        return None
    operands, out = split(s), s.params[1]
    exps = [(a, own) for a, own in operands if a.op is _EXP]
    rest = [(a, own) for a, own in operands if a.op is not _EXP]
    if len(exps) != 1 or any(a.op is not ONES or a.shape[0].value != 1 for a, _ in rest):
        return None
    (e, own), ones = exps[0], {label for _, ls in rest for label in ls}
    if len(set(own)) != len(own) or any(label not in own and label not in ones for label in out):
        return None
    return e.args[0], tuple(own.index(label) if label in own else None for label in out)


@rule("softmax spelled out", CONTRACT)
def softmax(node: Expr) -> Expr | None:
    """eᶻ/Σ eᶻ = softmax(z), along one axis; and eᶻ at k over Σ eᶻ is its entry k."""
    operands, out = split(node), node.params[1]
    for i, (p, sums) in enumerate(operands):
        found = _exp_sum(p.args[0]) if p.op is POWER and is_constant(p.args[1], -1) else None
        if found is None:
            continue
        z, axes = found
        for j, (e, own) in enumerate(operands):
            rest = [o for m, o in enumerate(operands) if m not in (i, j)]
            made = _over_sum(e, own, z, axes, sums, {label for _, ls in rest for label in ls} | set(out))
            if made is not None:
                return made if not rest and own == out else contract([*rest, (made, own)], out)
    return None


def _over_sum(
    e: Expr, own: tuple, z: Expr, axes: tuple[int | None, ...], sums: tuple, elsewhere: set
) -> Expr | None:
    if e.op is not _EXP:
        return None
    (x,) = e.args
    if x.op in _SELECTIONS and x.args[0] is z and z.ndim == 1 and not sums:
        return make(x.op, (make(_SOFTMAX, (z,), ((0,),)), *x.args[1:]), x.params)
    summed = tuple(k for k in range(z.ndim) if k not in axes)
    if x is not z or len(summed) != 1:
        return None
    for label, axis in zip(sums, axes, strict=True):
        # An axis of size one that the sum kept meets nothing else; any other is the axis of z.
        if (axis is None and label in elsewhere | set(own)) or (axis is not None and own[axis] != label):
            return None
    return make(_SOFTMAX, (z,), (summed,))


def _without_constants(x: Expr, axis: int) -> tuple[Expr, list[Expr]] | None:
    """Return x without its terms that do not change along the axis, and those, without the axis."""
    if x.op is not ADD:
        return None
    flat = {t: r for t in x.args if (r := _reduced(t, axis, x.ndim)) is not None}
    rest = [t for t in x.args if t not in flat]
    if not flat or not rest or all(t.shape != x.shape for t in rest):
        return None
    return total(rest, x.shape), list(flat.values())


def _reduced(t: Expr, axis: int, ndim: int) -> Expr | None:
    if not t.ndim:
        return t if ndim == 1 else None
    if t.op is not CONTRACT:
        return None
    operands, out = split(t), t.params[1]
    if len(set(out)) != len(out):
        return None
    kept = [(a, own) for a, own in operands if out[axis] not in own]
    if any(a.op is not ONES for a, own in operands if out[axis] in own):
        return None
    return contract(kept, tuple(label for k, label in enumerate(out) if k != axis))


@rule("softmax does not change with a shift", _SOFTMAX, REGISTRY["log_softmax"])
def shifted_softmax(node: Expr) -> Expr | None:
    """softmax(z − c) = softmax(z): a number taken from every entry cancels."""
    found = _without_constants(node.args[0], node.params[0][0]) if len(node.params[0]) == 1 else None
    return make(node.op, (found[0],), node.params) if found else None


@rule("log-sum-exp of a shift", REGISTRY["logsumexp"])
def shifted_logsumexp(node: Expr) -> Expr | None:
    """log Σ e^(z − c) = log Σ eᶻ − c."""
    found = _without_constants(node.args[0], node.params[0][0]) if len(node.params[0]) == 1 else None
    if found is None or any(c.shape != node.shape for c in found[1]):
        return None
    return total([make(node.op, (found[0],), node.params), *found[1]], node.shape)


def elementwise_factors(node: Expr) -> list[Expr] | None:
    """Return the factors of a product without sums, each a number or of the product's shape; nested ones too."""
    if node.op is not CONTRACT:
        return [node]
    labels, out = node.params
    if len(set(out)) != len(out) or any(own not in ((), out) for own in labels):
        return None
    found: list[Expr] = []
    for a in node.args:
        inner = elementwise_factors(a)
        found += inner if inner is not None else [a]
    return found


def _remade(factors: list[Expr], node: Expr) -> Expr:
    axes = tuple(range(node.ndim))
    return contract([(a, axes if a.ndim else ()) for a in factors], axes)


def _is_opposite(a: Expr, b: Expr) -> bool:
    return negated(a) is b or negated(b) is a


def _exponentials(x: Expr) -> tuple[Expr, int] | None:
    """Return u and the sign where x is eᵘ + e⁻ᵘ or eᵘ − e⁻ᵘ."""
    if x.op is not ADD or len(x.args) != 2:
        return None
    a, b = x.args
    minus = negated(b)
    other, sign = (b, 1) if minus is None else (minus, -1)
    if a.op is not _EXP or other.op is not _EXP or not _is_opposite(a.args[0], other.args[0]):
        return None
    return a.args[0], sign


@rule("hyperbolic tangent spelled out", CONTRACT)
def tanh(node: Expr) -> Expr | None:
    """(eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ) = (e²ᶻ − 1)/(e²ᶻ + 1) = tanh(z)."""
    factors = elementwise_factors(node)
    for i, a in enumerate(factors or ()):
        for j, b in enumerate(factors or ()):
            if i != j and a.shape == b.shape == node.shape and (z := _tanh_argument(a, b)) is not None:
                rest = [f for m, f in enumerate(factors or ()) if m not in (i, j)]
                return _remade([*rest, make(_TANH, (z,))], node)
    return None


def _tanh_argument(a: Expr, b: Expr) -> Expr | None:
    if b.op is POWER and is_constant(b.args[1], -1):
        above, below = _exponentials(a), _exponentials(b.args[0])
        if above and below and above[1] == -1 and below[1] == 1:
            if above[0] is below[0]:
                return above[0]
            return None
    # e²ᶻ − 1 and 1/(e²ᶻ + 1) have been recognised by themselves.
    if a.op is _EXPM1 and b.op is _SIGMOID and _is_opposite(a.args[0], b.args[0]):
        return _half(a.args[0])
    return None


def _half(u: Expr) -> Expr:
    if u.op is CONTRACT and u.args[0].op is CONSTANT and isinstance(u.args[0].params[0], Fraction):
        front = u.args[0].params[0] / 2
        rest = split(u)[1:]
        if front == 1 and len(rest) == 1 and rest[0][1] == u.params[1]:
            return rest[0][0]
        return contract([*([(constant(front), ())] if front != 1 else []), *rest], u.params[1])
    axes = tuple(range(u.ndim))
    return contract([(constant(Fraction(1, 2)), ()), (u, axes)], axes)


@rule("one less an exponential", ADD)
def one_less_exp(node: Expr) -> Expr | None:
    """1 − eᶻ = −(eᶻ − 1) keeps the digits of a small z."""
    inner = one_plus(node)
    e = negated(inner) if inner is not None else None
    if e is None or e.op is not _EXP or e.shape != node.shape:
        return None
    axes = tuple(range(node.ndim))
    return contract([(constant(-1), ()), (make(_EXPM1, e.args), axes)], axes)


@rule("logistic function spelled out", CONTRACT)
def sigmoid(node: Expr) -> Expr | None:
    """eᶻ/(1 + eᶻ) = eᶻ σ(−z) = σ(z)."""
    factors = elementwise_factors(node)
    for i, a in enumerate(factors or ()):
        for j, b in enumerate(factors or ()):
            if a.op is _EXP and b.op is _SIGMOID and _is_opposite(a.args[0], b.args[0]):
                rest = [f for m, f in enumerate(factors or ()) if m not in (i, j)]
                return _remade([*rest, make(_SIGMOID, a.args)], node)
    return None


@rule("log of a hyperbolic cosine", REGISTRY["log"])
def log_cosh(node: Expr) -> Expr | None:
    """log cosh(z) and log(eᶻ + e⁻ᶻ) = log 2 + log cosh(z) without overflow."""
    (x,) = node.args
    if x.op is _COSH:
        return make(REGISTRY["log_cosh"], x.args)
    halves, inner = False, x
    factors = elementwise_factors(x) if x.op is CONTRACT else None
    if factors and len(factors) == 2 and is_constant(factors[0], Fraction(1, 2)):
        halves, inner = True, factors[1]
    found = _exponentials(inner)
    if found is None or found[1] != 1 or inner.shape != node.shape:
        return None
    whole = make(REGISTRY["log_cosh"], (found[0],))
    return whole if halves else total([make(REGISTRY["log"], (constant(2),)), whole], node.shape)


@rule("log determinant from a Cholesky factor", CONTRACT)
def logdet(node: Expr) -> Expr | None:
    """Σ log diag(L) = ½ log det S, where S = LLᵀ."""
    operands, out = split(node), node.params[1]
    for i, (a, own) in enumerate(operands):
        if a.op is not REGISTRY["log"] or len(own) != 1 or own[0] in out:
            continue
        (d,) = a.args
        if d.op is not CONTRACT or len(d.args) != 1 or d.args[0].op is not REGISTRY["cholesky"]:
            continue
        labels = d.params[0][0]
        rest = [o for m, o in enumerate(operands) if m != i]
        if labels[0] != labels[1] or d.params[1] != labels[:1] or any(own[0] in ls for _, ls in rest):
            continue
        whole = make(REGISTRY["logdet"], d.args[0].args)
        return contract([*rest, (constant(Fraction(1, 2)), ()), (whole, ())], out)
    return None


__all__ = ["RULES", "elementwise_factors"]
