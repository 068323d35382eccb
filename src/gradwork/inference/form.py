"""What a formula over a table is: an increasing function of a (weighted, penalised) sum of squares, or something else.

    f = g(c Σᵢ wᵢ rᵢ² + P)    with g increasing, P without data

Nothing is measured here; every answer is read from the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from gradwork.diff.api import grad
from gradwork.errors import GradworkError
from gradwork.expr.node import (
    CONSTANT,
    NAME,
    SIZE,
    Expr,
    constant,
    depends,
    is_zero,
    substitute,
    symbol,
    walk,
)
from gradwork.learn.recognise import Squares, squares
from gradwork.ops.arithmetic import ADD, POWER, total
from gradwork.ops.contraction import CONTRACT, contract, multiply, split
from gradwork.rewrite import normalise
from gradwork.rows.proof import terms_of


@dataclass(frozen=True)
class Form:
    """A formula without the increasing function around it, and its parts where it is a sum of squares.

    core:    what is left when roots, logarithms, positive factors and constants around it are taken away; it has
             its minimum where the formula has it.
    curved:  whether a function that is not linear was taken away, such as a root.
    found:   the sum of squares over rows, or None.
    factor:  c, a number; weight: wᵢ, of the size of the residuals (None where all are one).
    penalty: P, or None.
    residual: r where the formula is another loss Σ ρ(r) of residuals, such as Huber's.
    target, prediction: where r is ±(y − ŷ), perhaps times data (whose square then is in `weight`): y and ŷ.
    """

    core: Expr
    curved: bool
    found: Squares | None = None
    factor: Expr = constant(1)
    weight: Expr | None = None
    penalty: Expr | None = None
    target: str = ""
    prediction: Expr | None = None
    residual: Expr | None = None


def form_of(expression: Expr, names: Iterable[str]) -> Form:
    """Return what a formula is in the parameters `names`; every other symbol is data.

    >>> from gradwork.models.formulas.columns import parse_columns
    >>> read = lambda text: form_of(parse_columns(text, ("y", "x", "w"), ("a",)), ["a"])
    >>> form = read("sqrt(mean(w*(y - a*x)^2)) + 1")
    >>> print(form.core, "|", form.weight, "|", form.target, "=", form.prediction)
    1/n wᵀ(y − ax)² | w | y = ax
    >>> form = read("sum((y - a*x)^2) + 0.1*a^2")
    >>> print(form.penalty, "|", form.found.blocks[0].r)
    0.1a² | y − ax
    """
    symbols = [expression.symbols[name] for name in names]
    core, curved = _core(normalise(expression), symbols)
    rows: list[Expr] = []
    free: list[Expr] = []
    for term in terms_of(core):
        if term in depends(term, symbols):
            (rows if set(term.symbols.values()) - set(symbols) else free).append(term)
    found = squares(total(rows, ()), symbols) if rows else None
    if found is None:
        return _measured(core, curved, symbols)
    # A term under one sum with the rows, as in Σ (r² + 0.1 a²), is a penalty all the same.
    apart = [b for b in found.blocks if set(b.r.symbols.values()) <= set(symbols)]
    free += [normalise((b.weight * b.r**2).sum()) for b in apart]
    found = replace(found, blocks=tuple(b for b in found.blocks if b not in apart))
    if not found.blocks or any(not b.r.ndim for b in found.blocks):  # the square of a mean has no rows
        return Form(core, curved)
    factor, weight = _weight(found.blocks[0].weight)
    target, prediction, squared = "", None, None
    if len(found.blocks) == 1:
        target, prediction, squared = _predicts(found.blocks[0].r, symbols)
    if squared is not None:
        weight = squared if weight is None else normalise(weight * squared)
    penalty = normalise(total(free, ())) if free else None
    return Form(core, curved, found, factor, weight, penalty, target, prediction)


def _measured(core: Expr, curved: bool, symbols: Sequence[Expr]) -> Form:
    # Σ w ρ(y − ŷ), a loss that knows the data and the parameters by residuals alone, but for weights.
    moving, inside = depends(core, symbols), core
    while inside.op is CONTRACT and sum(a in moving for a in inside.args) == 1:
        inside = next(a for a in inside.args if a in moving)
    for r in walk(inside):
        if r not in moving or r.op is not ADD or r.ndim != 1:
            continue
        target, prediction, _ = _predicts(r, symbols)
        stands = symbol("residual_", r.shape)
        if prediction is not None and set(substitute(inside, {r: stands}).symbols.values()) <= {stands}:
            return Form(core, curved, target=target, prediction=prediction, residual=r)
    return Form(core, curved)


def _core(x: Expr, symbols: Sequence[Expr]) -> tuple[Expr, bool]:
    curved = False
    while True:
        moving = depends(x, symbols)
        if x.op is NAME:
            x = x.args[0]
        elif x.op is ADD and sum(a in moving for a in x.args) == 1:
            x = next(a for a in x.args if a in moving)
        elif x.op is CONTRACT and (inner := _scaled(x, moving)) is not None:
            x = inner
        elif x.op.name in ("sqrt", "log", "exp") or (
            x.op is POWER and x.args[1].op is CONSTANT and float(x.args[1].params[0]) > 0 and _even(x)
        ):
            x, curved = normalise(x.args[0]), True
        else:
            return x, curved


def _even(power: Expr) -> bool:
    # (Σ r²)² and √(Σ r²) rise with Σ r²; (a − 1)² does not rise with a − 1: only sums of squares are nested so.
    return float(power.args[1].params[0]) < 1 or power.args[0].op is CONTRACT


def _scaled(x: Expr, moving: set[Expr]) -> Expr | None:
    # The u of c u, where c is a positive number and u such that something is to be taken away.
    operands = split(x)
    mobile = [(a, own) for a, own in operands if a in moving]
    fixed = [a for a, _ in operands if a not in moving]
    if len(mobile) != 1 or mobile[0][1] or not all(_positive(a) for a in fixed):
        return None
    u = mobile[0][0]
    return u if u.op is not ADD else None


def _positive(x: Expr) -> bool:
    if x.op is POWER:
        return _positive(x.args[0])
    return x.op is SIZE or (x.op is CONSTANT and float(x.params[0]) > 0)


def _weight(weight: Expr) -> tuple[Expr, Expr | None]:
    """Return a weight as a number and what differs from row to row."""
    if not weight.ndim:
        return weight, None
    if weight.op is not CONTRACT:
        return constant(1), weight
    operands = split(weight)
    numbers = [a for a, own in operands if not own]
    rest = [(a, own) for a, own in operands if own]
    factor = normalise(multiply(*numbers)) if numbers else constant(1)
    return factor, normalise(contract(rest, weight.params[1]))


def _predicts(r: Expr, symbols: Sequence[Expr]) -> tuple[str, Expr | None, Expr | None]:
    squared = None
    if r.op is CONTRACT and r.ndim == 1:  # u ∘ (y − ŷ), as in (y − ŷ)/s
        moving = depends(r, symbols)
        operands = split(r)
        mobile = [(a, own) for a, own in operands if a in moving]
        fixed = [(a, own) for a, own in operands if a not in moving]
        if len(mobile) == 1 and mobile[0][0].op is ADD and mobile[0][1] == r.params[1]:
            (inner, labels) = mobile[0]
            if fixed and all(own in ((), labels) for _, own in fixed):
                outer = labels if any(own for _, own in fixed) else ()
                squared = normalise(contract(fixed, outer) ** 2)
            r = inner
    terms = r.args if r.op is ADD else ()
    for sign in (1, -1):
        for term in terms:
            y = normalise(sign * term)
            if y.op.name != "symbol" or y.ndim != 1:
                continue
            # r = ±(y − ŷ): what is left, turned round, is ŷ.
            rest = [normalise(-sign * other) for other in terms if other is not term]
            if rest and not any(y.params[0] in other.symbols for other in rest):
                mean = normalise(total(rest, r.shape))
                # What holds no data is one number for all rows.
                return (
                    y.params[0],
                    mean if set(mean.symbols.values()) - set(symbols) else normalise(mean.mean()),
                    squared,
                )
    return "", None, None


def nests_constant(prediction: Expr, names: Sequence[str]) -> bool:
    """Tell whether some values of the parameters make a prediction the same free number in every row.

    All parameters but one are set to 0, 1 or ∞; what is left must hold no data and be proportional to the one.

    >>> from gradwork.models.formulas.columns import parse_columns
    >>> def read(text): return parse_columns(text, ("x",), ("a", "b"))
    >>> nests_constant(read("a + b*x"), ["a", "b"]), nests_constant(read("a*x + b*x^2"), ["a", "b"])
    (True, False)
    >>> nests_constant(read("a*exp(-b*x)"), ["a", "b"]), nests_constant(read("a*exp(-x/b)"), ["a", "b"])
    (True, True)
    """
    symbols = [prediction.symbols[name] for name in names if name in prediction.symbols]
    choices = (0, 1, None) if len(symbols) <= 5 else (0,)
    # At infinity the reciprocal of a parameter is zero.
    for free in symbols:
        others = [s for s in symbols if s is not free]
        for values in product(choices, repeat=len(others)):
            infinite = {s: s**-1 for s, v in zip(others, values, strict=True) if v is None}
            at = {s: constant(v or 0) for s, v in zip(others, values, strict=True)}
            try:
                left = normalise(substitute(normalise(substitute(prediction, infinite)), at))
                if set(left.symbols) != {free.params[0]}:
                    continue
                (slope,) = grad(left.sum(), [free])
            except (GradworkError, ArithmeticError):  # no derivative, or 1/0
                continue
            slope = normalise(slope)
            if not slope.symbols and not is_zero(slope):
                return True
    return False
