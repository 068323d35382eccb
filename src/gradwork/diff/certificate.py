"""The certificate of a derivative: a numerical check of every component at random points.

Complex step where the function is analytic (Squire and Trapp, SIAM Review 1998), four-point central
differences elsewhere. One bound for every component: |error| <= atol + rtol · |reference|.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradwork.diff.derivation import inline_all
from gradwork.errors import DerivativeError, GradworkError
from gradwork.expr.node import SYMBOL, Derived, Expr, facts, walk
from gradwork.expr.op import REGISTRY
from gradwork.rewrite import STABILISE
from gradwork.rewrite.engine import Engine

COMPLEX_STEP = 1e-30
TOLERANCE = {"complex step": (1e-9, 1e-9), "central differences": (1e-6, 1e-6)}  # atol, rtol


@dataclass(frozen=True)
class Certificate:
    """What the check of a derivative found.

    holds:  whether every component met the bound.
    points: at how many random points it was checked.
    method: "complex step" or "central differences".
    worst:  the largest |error| / max(1, |reference|) over all components.
    """

    holds: bool
    points: int
    method: str
    worst: float
    where: str = ""

    def __str__(self) -> str:
        if not self.points:
            return f"check — not made: {self.where}"
        mark = "✓" if self.holds else "✗"
        text = f"check {mark} {self.points} random points, {self.method}, worst component {self.worst:.0e}"
        return text if self.holds else f"{text} at {self.where}"

    def __bool__(self) -> bool:
        return self.holds


def certify(
    derived: Any, points: int = 20, seed: int = 0, atol: float | None = None, rtol: float | None = None
) -> Certificate:
    """Check a derivative (what `grad`, `jacobian`, `hessian` or `vjp` returned) numerically.

    >>> import gradwork as gw
    >>> x = gw.scalar("x")
    >>> gw.certify(gw.grad(gw.exp(x) * x, x)).holds
    True
    """
    while isinstance(derived, tuple) and derived:
        derived = derived[0]
    if not isinstance(derived, Derived):
        raise DerivativeError("certify takes what gw.grad, gw.jacobian, gw.hessian or gw.vjp returned")
    return check(derived.derivation.checks, points, seed, atol, rtol)


def check(
    claims: list[tuple[Expr, Expr, Expr]],
    points: int = 20,
    seed: int = 0,
    atol: float | None = None,
    rtol: float | None = None,
) -> Certificate:
    """Check claims (f, x, ∂f/∂x): the derivative's axes are those of f, then those of x."""
    from gradwork.run import function

    everything = [e for claim in claims for e in (claim[0], claim[2])]
    stable = [Engine(STABILISE, through_names=True).normalise(inline_all(f)) for f, _, _ in claims]
    analytic = all(
        n.op.analytic or n not in _moving(f, x) for f, (_, x, _) in zip(stable, claims) for n in walk(f)
    )
    method = "complex step" if analytic else "central differences"
    atol = TOLERANCE[method][0] if atol is None else atol
    rtol = TOLERANCE[method][1] if rtol is None else rtol
    rng = np.random.default_rng(seed)
    symbols = {s.params[0]: s for e in everything for s in e.symbols.values()}
    functions = [function(f) for f, _, _ in claims]
    derivatives = [function(g) for _, _, g in claims]
    draw = Sampler(everything, symbols, rng)
    worst, where, done = 0.0, "", 0
    holds = True
    for _ in range(points):
        values = draw.point(lambda v: all(_finite(p, v, analytic) for p in (*functions, *derivatives)))
        if values is None:
            continue
        done += 1
        for (_, x, _), f, g in zip(claims, functions, derivatives):
            label = x.params[0]
            claimed = _call(g, values, analytic)
            measured = _numeric(f, values, label, analytic, claimed)
            error = np.abs(claimed - measured)
            relative = error / np.maximum(1.0, np.abs(measured))
            bad = ~(error <= atol + rtol * np.abs(measured))
            if relative.size and not relative.max() <= worst:
                worst = float(relative.max())
                spot = np.unravel_index(int(np.argmax(relative)), relative.shape)
                where = (
                    f"component {tuple(int(s) for s in spot)} of the derivative by {label}"
                    if spot
                    else f"d/d{label}"
                )
            holds = holds and not bad.any()
    if not done:
        return Certificate(
            False, 0, method, float("nan"), "no random point was found where everything is finite"
        )
    return Certificate(holds, done, method, worst, where)


def _moving(f: Expr, x: Expr) -> set[Expr]:
    from gradwork.expr.node import depends

    return depends(f, [x])


def _call(program: Any, values: Mapping[str, Any], analytic: bool) -> np.ndarray:
    known = _known(program, values)
    if not analytic:
        return np.asarray(program(**known), dtype=float)
    # An analytic program is run on complex numbers throughout: the same text, one set of functions. A real
    # point with a complex value (the root of a negative number) is outside the domain.
    value = np.asarray(program.complex(**known))
    return np.where(np.imag(value) == 0, np.real(value), np.nan)


def _known(program: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k in program.arguments or k in program.sizes}


def _finite(program: Any, values: Mapping[str, Any], analytic: bool) -> bool:
    try:
        return bool(np.all(np.isfinite(_call(program, values, analytic))))
    except (np.linalg.LinAlgError, FloatingPointError):
        return False


def _numeric(f: Any, values: dict[str, Any], label: str, analytic: bool, claimed: np.ndarray) -> np.ndarray:
    if label not in f.arguments:
        return np.zeros_like(claimed)
    x = np.asarray(values[label], dtype=float)
    given = _known(f, values)

    def along(direction: np.ndarray) -> np.ndarray:
        if analytic:
            out = f.complex(**{**given, label: x + 1j * COMPLEX_STEP * direction})
            return np.imag(out) / COMPLEX_STEP
        best = None
        # A kink within the stencil spoils a point: then the smaller step, beyond it, decides.
        for h in (1e-3, 1e-5):

            def at(k: int, h: float = h) -> np.ndarray:
                return np.asarray(f(**{**given, label: x + k * h * direction}), dtype=float)

            estimate = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
            best = (
                estimate
                if best is None
                else np.where(np.abs(best - estimate) > 1e-4 * (1 + np.abs(estimate)), estimate, best)
            )
        assert best is not None
        return best

    columns = []
    for i in range(x.size):
        direction = np.zeros(x.size)
        direction[i] = 1.0
        columns.append(np.asarray(along(direction.reshape(x.shape))))
    if not columns:
        return np.zeros_like(claimed)
    return np.moveaxis(np.stack(columns), 0, -1).reshape(claimed.shape)


class Sampler:
    """Draws values for symbols: sizes that fit, facts that hold, and numbers in the functions' domains."""

    STYLES: tuple[str, ...] = ("normal", "positive", "unit", "definite")

    def __init__(self, expressions: list[Expr], symbols: dict[str, Expr], rng: np.random.Generator):
        self.rng, self.symbols = rng, symbols
        self.sizes = self._sizes(expressions)
        self.bounds = self._positions(expressions)
        self.styles: dict[str, str] = {}

    def _sizes(self, expressions: list[Expr]) -> dict[str, int]:
        names = sorted({n for e in expressions for node in walk(e) for d in node.shape for n in d.names})
        names += sorted(
            {
                n
                for e in expressions
                for node in walk(e)
                if node.op.name == "size"
                for n in node.params[0].names
            }
            - set(names)
        )
        for attempt in range(200):
            pool = [5, 3, 4, 2, 6, 7, 8] if attempt == 0 else list(self.rng.permutation(range(2, 10)))
            # Distinct sizes, so that no transpose goes unseen.
            sizes = {n: int(pool[i % len(pool)]) for i, n in enumerate(names)}
            if all(d.evaluate(sizes) > 0 for e in expressions for node in walk(e) for d in node.shape):
                return sizes
        raise GradworkError("no sizes were found for which every shape in this formula is positive")

    def _positions(self, expressions: list[Expr]) -> dict[str, int]:
        bounds = {}
        for e in expressions:
            for node in walk(e):
                if node.op is REGISTRY["gather"] and node.args[1].op is SYMBOL:
                    bounds[node.args[1].params[0]] = node.args[0].shape[node.params[0]].evaluate(self.sizes)
                if node.op is REGISTRY["scatter"] and node.args[1].op is SYMBOL:
                    bounds[node.args[1].params[0]] = node.params[1].evaluate(self.sizes)
        return bounds

    def point(self, suits: Callable[[dict[str, Any]], bool], attempts: int = 400) -> dict[str, Any] | None:
        """Return values at which `suits` holds, or None when none were found."""
        for attempt in range(attempts):
            styles = self.styles or {
                s: self.STYLES[0] if attempt == 0 else str(self.rng.choice(self.STYLES)) for s in self.symbols
            }
            values = {s: self._draw(symbol, styles[s]) for s, symbol in self.symbols.items()}
            values.update({n: v for n, v in self.sizes.items() if n not in values})
            if suits(values):
                self.styles = styles
                return values
            if attempt % 20 == 19:
                self.styles = {}
        return None

    def _draw(self, symbol: Expr, style: str) -> Any:
        shape = tuple(d.evaluate(self.sizes) for d in symbol.shape)
        rng, known, label = self.rng, facts(symbol), symbol.params[0]
        if label in self.bounds or "integer" in known:
            return rng.integers(0, self.bounds.get(label, 4), shape)
        if "onehot" in known:
            return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
        if "orthogonal" in known:
            return np.linalg.qr(rng.normal(size=shape))[0]
        if "diagonal" in known:
            return np.diag(rng.uniform(0.5, 2.0, shape[0]))
        if "symmetric" in known or (style == "definite" and len(shape) == 2 and shape[0] == shape[1]):
            a = rng.normal(size=shape)
            return a @ a.T / shape[0] + np.eye(shape[0])
        if "positive" in known or style in ("positive", "definite"):
            return rng.uniform(0.3, 2.0, shape)
        if style == "unit":
            return rng.uniform(0.1, 0.9, shape)
        return rng.normal(size=shape)
