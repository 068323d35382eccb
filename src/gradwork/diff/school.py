"""Derivatives as a school book takes them: one rule a line, of the formula as it was typed.

    (u + v)′ = u′ + v′,   (c u)′ = c u′,   (u v)′ = u′v + u v′,   (u/v)′ = (u′v − u v′)/v²,   φ(u)′ = φ′(u) u′

A derivative that is still to be taken is a node, written with a prime; a rule replaces it. This is how a function
of numbers is derived for a pupil. Its last line equals what the sweep found: both are simplified to one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradwork.diff.derivation import Derivation, Line, Phase
from gradwork.expr.node import CONSTANT, METHODS, NAME, Expr, constant, depends, is_constant, make, walk
from gradwork.expr.notation import Fence
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason
from gradwork.ops.arithmetic import ADD, POWER, power, total
from gradwork.ops.contraction import CONTRACT, multiply
from gradwork.ops.elementwise import WHERE, log
from gradwork.rewrite import SIMPLIFY
from gradwork.rewrite.engine import Engine, Rule, Step

# params: (expression, variable, whether it is the only one)
PRIME = Op(
    "prime",
    shape=lambda a, p: (),
    notation=lambda node, args: Fence(
        "prime", METHODS["math"](node.params[0]), "" if node.params[2] else node.params[1].params[0]
    ),
    summary="the derivative of an expression, still to be taken",
)

MANY = 30  # lines, beyond which every derivative of a line is taken at once


def _prime(e: Expr, like: Expr) -> Expr:
    return make(PRIME, (), (e, *like.params[1:]))


def _moves(e: Expr, x: Expr) -> bool:
    return x in set(walk(e))


def _factors(e: Expr) -> Iterator[Expr]:
    # The factors of a product of numbers, products within it opened.
    if e.op is CONTRACT and all(not a.ndim for a in e.args):
        for a in e.args:
            yield from _factors(a)
    else:
        yield e


def _product(factors: list[Expr]) -> Expr:
    return factors[0] if len(factors) == 1 else multiply(*factors) if factors else constant(1)


# Each rule takes (e, x, node) and returns what (e)′ becomes with its reason, or None where it does not apply.
Taken = tuple[Expr, Reason] | None


def _constant(e: Expr, x: Expr, node: Expr) -> Taken:
    return None if _moves(e, x) else (constant(0), Reason.of("constant rule", term=e))


def _variable(e: Expr, x: Expr, node: Expr) -> Taken:
    return (constant(1), Reason.of("variable rule", x=x)) if e is x else None


def _sum(e: Expr, x: Expr, node: Expr) -> Taken:
    if e.op is not ADD:
        return None
    terms = list(_addends(e))
    return total([_prime(t, node) for t in terms], ()), Reason.of("sum rule", node=e)


def _addends(e: Expr) -> Iterator[Expr]:
    if e.op is ADD:
        for a in e.args:
            yield from _addends(a)
    else:
        yield e


def _constant_factor(e: Expr, x: Expr, node: Expr) -> Taken:
    factors = list(_factors(e))
    held = [a for a in factors if not _moves(a, x)]
    moving = [a for a in factors if _moves(a, x)]
    if not held:
        return None
    if moving == [x]:
        return _product(held), Reason.of("constant times x", law=r"(c\,x)' = c", node=e)
    return multiply(*held, _prime(_product(moving), node)), Reason.of("constant factor", x=x, y=e)


def _quotient(e: Expr, x: Expr, node: Expr) -> Taken:
    factors = list(_factors(e))
    below = [a for a in factors if _is_below(a)]
    above = [a for a in factors if not _is_below(a)]
    if not below or (not above and len(below) == 1 and below[0].args[0] is x):
        return None
    v = _product([_inverted(a) for a in below])
    if not above:
        if len(below) == 1 and not is_constant(below[0].args[1], -1):
            return None  # u⁻³ by the power rule
        return (
            multiply(-1, _prime(v, node), power(v, -2)),
            Reason.of("reciprocal of a function", law=r"(1/v)' = -v'/v^2", node=e),
        )
    u = _product(above)
    top = total([multiply(_prime(u, node), v), multiply(-1, u, _prime(v, node))], ())
    return multiply(top, power(v, -2)), Reason.of(
        "quotient rule with law", law=r"(u/v)' = (u'v - uv')/v^2", node=e
    )


def _is_below(a: Expr) -> bool:
    return a.op is POWER and a.args[1].op is CONSTANT and a.args[1].params[0] < 0


def _inverted(a: Expr) -> Expr:
    k = -a.args[1].params[0]
    return a.args[0] if k == 1 else power(a.args[0], constant(k))


def _product_rule(e: Expr, x: Expr, node: Expr) -> Taken:
    factors = list(_factors(e))
    if len(factors) < 2:
        return None
    u, v = factors[0], _product(factors[1:])
    parts = [multiply(_prime(u, node), v), multiply(u, _prime(v, node))]
    return total(parts, ()), Reason.of("product rule with law", law=r"(uv)' = u'v + uv'", node=e)


def _power(e: Expr, x: Expr, node: Expr) -> Taken:
    if e.op is not POWER:
        return None
    base, p = e.args
    if not _moves(p, x):
        outer = multiply(p, power(base, total([p, constant(-1)], ()) if p.op is not CONSTANT else _less(p)))
        return _chained(outer, base, x, node, "power rule by name", POWER.laws[0], e)
    if not _moves(base, x):
        return _chained(multiply(e, log(base)), p, x, node, "law of a function", POWER.laws[1], e)
    law = r"(u^v)' = u^v\,(v \log u)'"
    return multiply(e, _prime(multiply(p, log(base)), node)), Reason.of(
        "logarithmic derivative", law=law, node=e
    )


def _less(p: Expr) -> Expr:
    return constant(p.params[0] - 1)


def _function(e: Expr, x: Expr, node: Expr) -> Taken:
    if e.op is WHERE:
        condition, *branches = e.args
        return make(WHERE, (condition, *(_prime(b, node) for b in branches))), Reason.of("branches", node=e)
    if not e.op.elementwise or e.op.pullback is None:
        return None
    moving = [i for i, a in enumerate(e.args) if _moves(a, x)]
    partials = [e.op.pullback(constant(1), e, e, i) for i in moving]
    if len(moving) == 1:
        i, partial = moving[0], partials[0]
        law = e.op.why(e, i).facts.get("law", "")
        return _chained(
            constant(0) if partial is None else partial, e.args[i], x, node, "law of a function", law, e
        )
    pieces = [
        multiply(p, _prime(e.args[i], node)) for i, p in zip(moving, partials, strict=True) if p is not None
    ]
    return total(pieces, ()), Reason.of("law of a function", law=e.op.law, node=e)


def _chained(outer: Expr, u: Expr, x: Expr, node: Expr, key: str, law: str, e: Expr) -> Taken:
    if u is x:
        return outer, Reason.of(key, law=law, node=e)
    return multiply(outer, _prime(u, node)), Reason.of(
        "chain rule with", why=Reason.of(key, law=law, node=e), node=e
    )


_WAYS: tuple[Callable[[Expr, Expr, Expr], Taken], ...] = (
    _constant, _variable, _sum, _constant_factor, _quotient, _product_rule, _power, _function,
)  # fmt: skip


def _take(node: Expr) -> Taken:
    e, x, _ = node.params
    return next((found for way in _WAYS if (found := way(e, x, node)) is not None), None)


def _apply(node: Expr) -> Expr | None:
    found = _take(node)
    return None if found is None else found[0]


def _why(node: Expr) -> Reason:
    found = _take(node)
    assert found is not None
    return found[1]


RULE = Rule("school rule", "calculus", (PRIME,), _apply, board=True, reason=_why)
# Bookkeeping that a pupil does in the head: 1 · u, u + 0, numbers in front.
_TIDY = {
    "times zero",
    "flatten products",
    "drop ones",
    "multiply numbers",
    "product of one",
    "flatten sums",
    "simple powers",
}
_LIGHT = tuple(r for r in SIMPLIFY if r.name in _TIDY)


def is_scalar(f: Expr, variables: tuple[Expr, ...]) -> bool:
    """Tell whether `f` is a function of numbers alone, which the rules of a school book derive."""
    moving = depends(f, variables)
    return all(
        not n.ndim and (n.op.elementwise or n.op in (ADD, CONTRACT, POWER, WHERE) or not n.args)
        for n in moving
        if n.op is not NAME
    )


def school(derivation: Derivation) -> list[Line]:
    """Return the lines of the school's derivation, one for each variable, with a phase for each rule."""
    f, alone = derivation.function, len(derivation.variables) == 1
    return [
        Line("school", v, v, tuple(_phases(make(PRIME, (), (f, v, alone))))) for v in derivation.variables
    ]


def _phases(start: Expr) -> list[Phase]:
    phases, now = _run(start, False)
    if len(phases) > MANY:
        phases, now = _run(start, True)
    simple = Engine(SIMPLIFY)
    after = simple.normalise(now)
    return phases if after is now else [*phases, Phase("simplify", now, after, simple.steps)]


def _run(now: Expr, at_once: bool) -> tuple[list[Phase], Expr]:
    phases: list[Phase] = []
    while waiting := [n for n in walk(now) if n.op is PRIME]:
        chosen = set(waiting if at_once else waiting[:1])
        engine = Engine((RULE, *_LIGHT))

        def once(node: Expr, early: bool, engine: Engine = engine, chosen: set[Expr] = chosen) -> Step | None:
            return None if node.op is PRIME and node not in chosen else engine.once(node, early)

        after = engine.normalise(now, once)
        if after is now:
            break
        phases.append(Phase("derive", now, after, engine.steps))
        if len(phases) > MANY and not at_once:
            break
        now = after
    return phases, now


__all__ = ["PRIME", "is_scalar", "school"]
