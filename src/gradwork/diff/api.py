"""What people call: grad, jacobian, hessian, hvp, jvp, vjp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, overload

from gradwork.diff.calculus import RULES
from gradwork.diff.derivation import Derivation, Line, run
from gradwork.diff.differential import differential
from gradwork.diff.forward import forward, unit
from gradwork.diff.names import name_intermediates
from gradwork.diff.reverse import reverse
from gradwork.diff.structure import RULE, check_way, projected, structure_of
from gradwork.errors import DerivativeError, ShapeError
from gradwork.expr.facts import check_names
from gradwork.expr.node import (
    CONSTANT,
    EYE,
    METHODS,
    SYMBOL,
    Derived,
    Expr,
    constant,
    facts,
    is_zero,
    make,
    plain,
    walk,
)
from gradwork.ops.arithmetic import ADD, POWER, add
from gradwork.ops.contraction import CONTRACT, ein, multiply, sum_
from gradwork.rewrite import SIMPLIFY, STABLE_FORM, normalise
from gradwork.rewrite.engine import Engine


def _variables(f: Expr, wrt: Any) -> list[Expr]:
    _check_denominators(f)
    chosen = [plain(v) for v in (wrt if isinstance(wrt, (list, tuple)) else [wrt])]
    by_name = f.symbols
    for i, v in enumerate(chosen):
        if isinstance(v, str):
            if v not in by_name:
                raise DerivativeError("not a symbol of the function", v=v, by_name=by_name)
            chosen[i] = by_name[v]
        elif not isinstance(v, Expr) or v.op is not SYMBOL:
            raise DerivativeError("derivative is taken by symbol")
    if not chosen:
        raise DerivativeError("name at least one variable")
    if len(set(chosen)) != len(chosen):
        raise DerivativeError("variable is named twice")
    check_names(f, *(v for v in chosen if by_name.get(v.params[0]) is not v))
    return chosen


MOST_ORDER = 100


def check_order(order: Any) -> None:
    """Raise for an order of a derivative that is not a whole number from 1, or beyond what is ever finished."""
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise DerivativeError("order whole", order=repr(order))
    if order > MOST_ORDER:
        raise DerivativeError("order too high", order=order, most=MOST_ORDER)


def _check_denominators(f: Expr) -> None:
    # What is 1/0 at every point has no derivative, and would cancel unseen: 0 · (1/0) is not 0.
    engine = Engine(SIMPLIFY)
    for node in walk(f):
        if node.op is not POWER or node.args[1].op is not CONSTANT or node.args[1].params[0] >= 0:
            continue
        base = node.args[0]
        if base.op in (ADD, CONTRACT, CONSTANT) and not base.ndim and is_zero(engine.normalise(base)):
            raise DerivativeError("divides by zero", what=METHODS["unicode"](base))


def _check_scalar(f: Expr, what: str) -> None:
    if f.ndim:
        raise DerivativeError("scalar function needed", what=what, shape=f.shape)


@overload
def grad(f: Any, wrt: Expr | str, *, structure: str = ..., check: bool = ...) -> Derived: ...
@overload
def grad(
    f: Any, wrt: Sequence[Expr | str], *, structure: str = ..., check: bool = ...
) -> tuple[Derived, ...]: ...
def grad(f: Any, wrt: Any, *, structure: str = "within", check: bool = False) -> Any:
    """Return the gradient of a scalar function by one symbol, or by several (a tuple).

    ∇f has the shape of the symbol. The result is an expression that carries its `derivation`, and its `certificate`
    when asked. With `check` that check is made at once, and DerivativeError is raised where it fails.

    By a symbol that was declared symmetric, diagonal, lower, orthogonal or onehot it is the gradient within that
    structure (see `diff.structure`); structure="free" takes all entries as free, and "entries" takes Xᵢⱼ and Xⱼᵢ
    of a symmetric matrix as one variable.

    >>> import gradwork as gw
    >>> x = gw.scalar("x")
    >>> print(gw.grad(x**2 + 2 * x + 3, x))
    2x + 2
    """
    f = constant(f)
    _check_scalar(f, "a gradient")
    check_way(structure)
    variables = _variables(f, wrt)
    derivation = reverse(f, variables)
    if structure != "free" and any(map(structure_of, variables)):
        _take_within(derivation, structure)
    derivation.title = "gradient"
    if structure != "entries" or not any("symmetric" in facts(v) for v in variables):
        derivation.checks = [(f, v, r) for v, r in zip(variables, derivation.results, strict=True)]
    else:
        # The derivative by entries is half of it, off the diagonal, along the directions that a check takes.
        derivation.checks = [
            (f, v, _within(r, v)) for v, r in zip(variables, derivation.results, strict=True)
        ]
    results = tuple(Derived.of(r, derivation) for r in derivation.results)
    if check and (found := results[0].certificate).points and not found.holds:
        raise DerivativeError("derivative wrong", certificate=str(found))
    return results if isinstance(wrt, (list, tuple)) else results[0]


def _take_within(derivation: Derivation, way: str) -> None:
    # The result's line ends with the part of it that lies within the structure of its symbol.
    found = dict(zip(derivation.variables, derivation.results, strict=True))
    lines = list(derivation.lines)
    for i, line in enumerate(lines):
        if line.kind != "result":
            continue
        start = projected(line.result, line.target, way)
        phase = run("structure", start, (RULE, *RULES)) if start is not line.result else None
        if phase is not None and phase.after is not line.result:
            lines[i] = replace(line, phases=(*line.phases, phase))
            found[line.target] = phase.after
    results = tuple(found[v] for v in derivation.variables)
    before = derivation.differential
    derivation.lines, derivation.results = lines, results
    if before is not None:
        derivation.differential = lambda: _differential_within(before(), way)


def _differential_within(derivation: Derivation, way: str) -> Derivation:
    free = derivation.results
    _take_within(derivation, way)
    if derivation.results != free:
        derivation.checks = [
            (derivation.function, v, r) for v, r in zip(derivation.variables, derivation.results, strict=True)
        ]
    return derivation


def _within(entries: Expr, x: Expr) -> Expr:
    # From the derivative by entries to the gradient within: half of what is off the diagonal.
    if structure_of(x) != "symmetric":
        return entries
    half = constant(1) / 2
    eye = make(EYE, (), (x.shape[0],))
    return normalise(add(ein(",ij->ij", half, entries), ein(",ij,ij->ij", half, eye, entries)))


def vjp(f: Any, wrt: Any, weights: Any) -> Any:
    """Return the vector-Jacobian product wᵀ ∂f/∂x, with `weights` of the shape of `f`."""
    f, weights = constant(f), constant(weights)
    if weights.shape != f.shape:
        raise ShapeError("weights have shape f", shape=weights.shape, f_shape=f.shape)
    variables = _variables(f, wrt)
    derivation = reverse(f, variables, seed=weights)
    derivation.title = "vector-Jacobian product"
    whole = sum_(multiply(weights, f))
    derivation.checks = [(whole, v, r) for v, r in zip(variables, derivation.results, strict=True)]
    results = tuple(Derived.of(r, derivation) for r in derivation.results)
    return results if isinstance(wrt, (list, tuple)) else results[0]


def _stable(f: Expr) -> Expr:
    return Engine(STABLE_FORM).normalise(f)


def jvp(f: Any, wrt: Any, tangents: Any) -> Expr:
    """Return the Jacobian-vector product ∂f/∂x t, with a tangent of the shape of each variable."""
    f = constant(f)
    variables = _variables(f, wrt)
    chosen = [constant(t) for t in (tangents if isinstance(tangents, (list, tuple)) else [tangents])]
    if len(chosen) != len(variables):
        raise ShapeError("variables need tangents", count=len(variables), chosen=len(chosen))
    for v, t in zip(variables, chosen, strict=True):
        if v.shape != t.shape:
            raise ShapeError("tangent of another shape", params=v.params[0], shape=t.shape, v_shape=v.shape)
    return normalise(forward(_stable(f), dict(zip(variables, chosen, strict=True)), named=True))


def jacobian(f: Any, wrt: Any) -> Any:
    """Return ∂f/∂x: the axes of `f`, then the axes of `x` (a tuple for several variables)."""
    f = constant(f)
    variables = _variables(f, wrt)
    stable = _stable(f)
    results = tuple(_derived_jacobian(stable, f, v) for v in variables)
    return results if isinstance(wrt, (list, tuple)) else results[0]


class _Deferred(Sequence[Line]):
    """Lines that are written when they are first read."""

    def __init__(self, write: Callable[[], list[Line]]):
        self._write = write

    @cached_property
    def _lines(self) -> list[Line]:
        return self._write()

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, i: Any) -> Any:
        return self._lines[i]


def _jacobian_lines(f: Expr, v: Expr, result: Expr) -> list[Line]:
    # df = (∂f/∂x) dx: the lines of differentials.
    return list(differential(name_intermediates(f, [v]), f, (v,), (result,)).lines)


def _second_lines(before: Derivation, g: Expr, v: Expr, result: Expr) -> list[Line]:
    # d∇f = (∇²f) dx, after the lines of the gradient.
    found = [line for line in differential(g, g, (v,), (result,)).lines if line.kind != "forward"]
    return [*before.lines, *found]


def _derived_jacobian(
    stable: Expr, f: Expr, v: Expr, before: Derivation | None = None, row: Expr | None = None
) -> Derived:
    engine = Engine(SIMPLIFY)
    result = engine.normalise(forward(stable, {v: unit(v.shape)}))
    lines = _Deferred(
        lambda: _second_lines(before, stable, v, result) if before else _jacobian_lines(stable, v, result)
    )
    title = "Jacobian" if before is None else "Hessian"
    derivation = Derivation(
        f, (v,), lines, (result,), order=2 if before else 1, title=title, row=row, before=before
    )
    derivation.checks = [*(before.checks if before else ()), (stable, v, result)]
    return Derived.of(result, derivation)


def hessian(f: Any, wrt: Any) -> Any:
    """Return the matrix of second derivatives by one symbol, or the blocks for several (a tuple of tuples).

    Forward over reverse: the Hessian of a logistic loss is 1/n Xᵀ diag(σ(1 − σ)) X, with nothing n×n formed.
    """
    f = constant(f)
    _check_scalar(f, "a Hessian")
    variables = _variables(f, wrt)
    derivation = reverse(f, variables)
    derivation.checks = [(f, v, r) for v, r in zip(variables, derivation.results, strict=True)]
    blocks = tuple(
        tuple(_derived_jacobian(g, f, v, derivation, u) for v in variables)
        for u, g in zip(variables, derivation.results, strict=True)
    )
    return blocks if isinstance(wrt, (list, tuple)) else blocks[0][0]


def hvp(f: Any, wrt: Any, v: Any) -> Any:
    """Return the Hessian-vector product ∇²f v without forming the Hessian."""
    f = constant(f)
    _check_scalar(f, "a Hessian-vector product")
    variables = _variables(f, wrt)
    tangents = [constant(t) for t in (v if isinstance(v, (list, tuple)) else [v])]
    if [t.shape for t in tangents] != [x.shape for x in variables]:
        raise ShapeError("vectors of Hessian vector product have")
    derivation = reverse(f, variables)
    seeds = dict(zip(variables, tangents, strict=True))
    results = tuple(normalise(forward(g, seeds, named=True)) for g in derivation.results)
    return results if isinstance(wrt, (list, tuple)) else results[0]


def derivative(f: Any, wrt: Expr | str, order: int = 1) -> Expr:
    """Return the derivative of the given order: the gradient, the Hessian, and so on, as one array."""
    f = constant(f)
    check_order(order)
    result: Expr = grad(f, wrt) if not f.ndim else jacobian(f, wrt)
    if order == 2 and not f.ndim:
        return hessian(f, wrt)
    for _ in range(order - 1):
        result = jacobian(result, wrt)
    return result
