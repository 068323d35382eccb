"""Canonical rules for powers, and for operations whose value is plain from their argument."""

from __future__ import annotations

from fractions import Fraction

from gradwork.expr.facts import is_positive
from gradwork.expr.node import CONSTANT, EYE, NAME, SIZE, ZEROS, Expr, constant, is_zero, make, zeros
from gradwork.expr.op import REGISTRY, Op
from gradwork.ops.arithmetic import ADD, POWER
from gradwork.ops.contraction import CONTRACT, contract, split, spread
from gradwork.ops.elementwise import WHERE
from gradwork.rewrite.canonical import spread_scalar
from gradwork.rewrite.engine import Rule
from gradwork.rewrite.numbers import product, raised

RULES: list[Rule] = []


def rule(name: str, *ops: Op):
    """Register the decorated function (node -> node or None) as a rule of that name."""

    def register(function):
        RULES.append(Rule(name, "canonical", ops, function))
        return function

    return register


@rule("simple powers", POWER)
def simple_power(node: Expr) -> Expr | None:
    """x¹ = x, x⁰ = 1, (xᵖ)^q = x^(pq) for a whole q, and powers of numbers."""
    base, exponent = node.args
    if exponent.op is not CONSTANT or base.shape != node.shape:
        return None
    k = exponent.params[0]
    if k == 1:
        return base
    if k == 0:
        return spread(constant(1), node.shape)
    whole = isinstance(k, Fraction) and k.denominator == 1
    if base.op is CONSTANT and base.params[0] != 0 and whole:
        power = raised(base.params[0], int(k))
        return None if power is None else constant(power)
    if base.op is POWER and base.args[1].op is CONSTANT and base.args[0].shape == node.shape:
        if whole or is_positive(base.args[0]):
            return make(POWER, (base.args[0], constant(product(base.args[1].params[0], k))))
    if base.op is REGISTRY["sqrt"] and whole and k % 2 == 0:
        return make(POWER, (base.args[0], constant(k / 2)))
    return None


@rule("indicator", POWER)
def indicator_power(node: Expr) -> Expr | None:
    """[x > 0]ᵖ = [x > 0] for p > 0: 0ᵖ = 0 and 1ᵖ = 1."""
    base, p = node.args
    holds = base.op in _INDICATORS and base.shape == node.shape
    return base if holds and p.op is CONSTANT and p.params[0] > 0 else None


_INDICATORS = [
    REGISTRY[name]
    for name in ("step", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
]


@rule("power of a product", POWER)
def power_of_product(node: Expr) -> Expr | None:
    """(a b)ᵏ = aᵏ bᵏ for numbers and sizes in front."""
    base, exponent = node.args
    if base.op is not CONTRACT or exponent.op is not CONSTANT:
        return None
    k = exponent.params[0]
    whole = isinstance(k, Fraction) and k.denominator == 1
    operands = split(base)
    if any(label not in base.params[1] for _, own in operands for label in own):
        return None
    front = [
        (a, own)
        for a, own in operands
        if not own
        and ((whole and (not base.ndim or a.op in (CONSTANT, SIZE))) or (is_positive(a) and a.op is not NAME))
    ]
    if not front:
        return None
    rest = [o for o in operands if o not in front]
    axes = tuple(range(base.ndim))
    pieces: list = [(make(POWER, (a, exponent)), ()) for a, _ in front]
    if rest:
        inner = contract(rest, base.params[1])
        pieces.append((make(POWER, (inner, exponent)), axes))
    return contract(pieces, axes)


@rule(
    "zero argument", *(op for op in REGISTRY.values() if op.linear and op is not ADD and op is not CONTRACT)
)
def linear_zero(node: Expr) -> Expr | None:
    """A linear operation of zero is zero."""
    return (
        zeros(node.shape)
        if node.args and node.op is not NAME and is_zero(node.args[0]) and len(node.args) == 1
        else None
    )


@rule("equal branches", WHERE)
def equal_branches(node: Expr) -> Expr | None:
    """where(c, x, x) = x, and a guard inside the same guard goes."""
    condition, then, otherwise = node.args
    if then is otherwise or (is_zero(then) and is_zero(otherwise)):
        return then if then.shape == node.shape else spread_scalar(then, node.shape)
    simpler = (condition, *(_taken(x, condition, i) for i, x in ((1, then), (2, otherwise))))
    if simpler == node.args:
        return None
    new = make(WHERE, simpler)
    # A branch may be what gives the choice its shape: zeros(d) is not 0 then.
    return new if new.shape == node.shape else None


def _taken(x: Expr, condition: Expr, i: int) -> Expr:
    if x.op is WHERE and x.args[0] is condition:
        return x.args[i]
    return constant(0) if x.op is ZEROS else x


@rule(
    "exact values", REGISTRY["exp"], REGISTRY["log"], REGISTRY["sqrt"], REGISTRY["log1p"], REGISTRY["expm1"]
)
def exact_value(node: Expr) -> Expr | None:
    """e⁰ = 1, log 1 = 0, √1 = 1."""
    (x,) = node.args
    if is_zero(x):
        return {"exp": spread(constant(1), node.shape), "log": None}.get(node.op.name, zeros(node.shape))
    if x.op is CONSTANT and x.params[0] == 1 and node.op.name in ("log", "sqrt"):
        return constant(0 if node.op.name == "log" else 1)
    return None


@rule("inverse of an inverse", REGISTRY["inv"])
def double_inverse(node: Expr) -> Expr | None:
    """(A⁻¹)⁻¹ = A, I⁻¹ = I."""
    (a,) = node.args
    if a.op is EYE:
        return a
    return a.args[0] if a.op is REGISTRY["inv"] else None
