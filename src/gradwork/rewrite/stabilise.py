"""Stabilising rules: the same function, in a form that neither overflows nor cancels."""

from __future__ import annotations

from fractions import Fraction

from gradwork.expr.facts import is_positive
from gradwork.expr.node import CONSTANT, ONES, Expr, constant, is_constant, make
from gradwork.expr.op import REGISTRY, Op
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, split
from gradwork.rewrite.engine import Rule

RULES: list[Rule] = []
_OP = REGISTRY


def rule(name: str, *ops: Op):
    """Register the decorated function as a stabilising rule."""

    def register(function):
        RULES.append(Rule(name, "stabilise", ops, function, board=True))
        return function

    return register


def one_plus(x: Expr) -> Expr | None:
    """Return u where x is 1 + u."""
    if x.op is ADD:
        ones = [a for a in x.args if _is_one(a)]
        if len(ones) == 1 and len(x.args) > 1:
            return total([a for a in x.args if a is not ones[0]], x.shape)
    return None


def _is_one(a: Expr) -> bool:
    if a.op is CONTRACT:
        return (
            bool(a.args)
            and set(a.params[1]) == {label for own in a.params[0] for label in own}
            and all(map(_is_one, a.args))
        )
    return is_constant(a, 1) or a.op is ONES


def negated(x: Expr) -> Expr | None:
    """Return u where x is −u."""
    if x.op is CONTRACT and x.args and x.args[0].op is CONSTANT and x.args[0].params[0] < 0:
        value, rest = x.args[0].params[0], split(x)[1:]
        if value != -1:
            rest = [(constant(-value), ()), *rest]
        if len(rest) == 1 and rest[0][1] == x.params[1]:
            return rest[0][0]
        return contract(rest, x.params[1]) if rest else None
    return None


@rule("log of a softmax", _OP["log"])
def log_softmax(node: Expr) -> Expr | None:
    """log softmax(z) in one step: no logarithm of an underflowed 0."""
    (x,) = node.args
    return make(_OP["log_softmax"], x.args, x.params) if x.op is _OP["softmax"] else None


@rule("log of a sigmoid", _OP["log"])
def log_sigmoid(node: Expr) -> Expr | None:
    """log σ(z) in one step, and log(1 − σ(z)) = log σ(−z)."""
    (x,) = node.args
    if x.op is _OP["sigmoid"]:
        return make(_OP["log_sigmoid"], x.args)
    inner = one_plus(x)
    if inner is not None:
        u = negated(inner)
        if u is not None and u.op is _OP["sigmoid"]:
            z = u.args[0]
            axes = tuple(range(z.ndim))
            return make(_OP["log_sigmoid"], (contract([(constant(-1), ()), (z, axes)], axes),))
    return None


@rule("softplus", _OP["log"], _OP["log1p"])
def softplus(node: Expr) -> Expr | None:
    """log(1 + eᶻ) without overflow."""
    inner = one_plus(node.args[0]) if node.op is _OP["log"] else node.args[0]
    return make(_OP["softplus"], inner.args) if inner is not None and inner.op is _OP["exp"] else None


@rule("log-sum-exp", _OP["log"])
def logsumexp(node: Expr) -> Expr | None:
    """log Σ eᶻ without overflow."""
    (x,) = node.args
    if x.op is CONTRACT and len(x.args) == 1 and x.args[0].op is _OP["exp"]:
        labels, out = x.params[0][0], x.params[1]
        summed = tuple(a for a, label in enumerate(labels) if label not in out)
        if (
            summed
            and tuple(label for label in labels if label in out) == out
            and len(set(labels)) == len(labels)
        ):
            return make(_OP["logsumexp"], x.args[0].args, (summed,))
    return None


@rule("log of a determinant", _OP["log"])
def logdet(node: Expr) -> Expr | None:
    """log det(A) without overflow."""
    (x,) = node.args
    return make(_OP["logdet"], x.args) if x.op is _OP["det"] else None


@rule("log of the normal distribution function", _OP["log"])
def log_normal_cdf(node: Expr) -> Expr | None:
    """log Φ(z) without underflow."""
    (x,) = node.args
    return make(_OP["log_normal_cdf"], x.args) if x.op is _OP["normal_cdf"] else None


@rule("log of an exponential", _OP["log"])
def log_exp(node: Expr) -> Expr | None:
    """log eᶻ = z."""
    (x,) = node.args
    return x.args[0] if x.op is _OP["exp"] else None


@rule("log1p", _OP["log"])
def log1p(node: Expr) -> Expr | None:
    """log(1 + u) keeps the digits of a small u."""
    inner = one_plus(node.args[0])
    return make(_OP["log1p"], (inner,)) if inner is not None and inner.shape == node.shape else None


@rule("expm1", ADD)
def expm1(node: Expr) -> Expr | None:
    """eᶻ − 1 keeps the digits of a small z."""
    if len(node.args) != 2:
        return None
    a, b = node.args
    for x, other in ((a, b), (b, a)):
        minus = negated(other) if other.op is CONTRACT else None
        less_one = is_constant(other, -1) or (minus is not None and _is_one(minus))
        if x.op is _OP["exp"] and less_one and x.shape == node.shape:
            return make(_OP["expm1"], x.args)
    return None


@rule("logistic function", POWER)
def sigmoid(node: Expr) -> Expr | None:
    """1/(1 + e⁻ᶻ) = σ(z) without overflow."""
    base, k = node.args
    if not is_constant(k, -1):
        return None
    inner = one_plus(base)
    if inner is None or inner.op is not _OP["exp"]:
        return None
    (x,) = inner.args
    z = negated(x)
    if z is not None:
        return make(_OP["sigmoid"], (z,))
    axes = tuple(range(x.ndim))
    return make(_OP["sigmoid"], (contract([(constant(-1), ()), (x, axes)], axes),))


@rule("squared norm", POWER)
def squared_norm(node: Expr) -> Expr | None:
    """‖x‖² = Σ x²."""
    base, k = node.args
    if base.op is not _OP["norm"] or not is_constant(k, 2):
        return None
    x, axes = base.args[0], base.params[0]
    labels = tuple(range(x.ndim))
    return contract([(make(POWER, (x, constant(2))), labels)], tuple(a for a in labels if a not in axes))


@rule("root of a sum of squares", _OP["sqrt"])
def norm(node: Expr) -> Expr | None:
    """√(c Σ x²) = √c ‖x‖, whose derivative at 0 is 0."""
    (x,) = node.args
    if x.op is not CONTRACT or x.ndim:
        return None
    front, squares = [], []
    for operand, labels in split(x):
        if labels:
            squares.append((operand, labels))
        elif is_positive(operand):
            front.append(operand)
        else:
            return None
    if len(squares) == 1 and squares[0][0].op is POWER and is_constant(squares[0][0].args[1], 2):
        inner, labels = squares[0][0].args[0], squares[0][1]
    elif len(squares) == 2 and squares[0] == squares[1]:
        inner, labels = squares[0]
    else:
        return None
    if len(set(labels)) != len(labels):
        return None
    half = constant(Fraction(1, 2))
    root = make(_OP["norm"], (inner,), (tuple(range(inner.ndim)),))
    return contract([*((make(POWER, (a, half)), ()) for a in front), (root, ())], ())


@rule("root of a rectifier", _OP["sqrt"])
def rectified_root(node: Expr) -> Expr | None:
    """√relu(x) = where(x > 0, √x, 0): the infinite slope of the root never meets the 0 of the other branch."""
    (x,) = node.args
    if x.op is not _OP["relu"]:
        return None
    (inner,) = x.args
    zero = constant(0)
    return make(_OP["where"], (make(_OP["greater"], (inner, zero)), make(_OP["sqrt"], (inner,)), zero))
