"""The certificate of a derivative: a numerical check of its components at random points.

Complex step where the function is analytic (Squire and Trapp, SIAM Review 1998), four-point central
differences elsewhere. One bound for every component of a derivative:

    |error| <= rtol · (|reference| + max |reference|) + floor · max |f|
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradwork.check.sampling import Sampler
from gradwork.diff.derivation import inline_all
from gradwork.errors import DerivativeError
from gradwork.expr.node import Derived, Expr, depends, walk
from gradwork.rewrite import STABILISE
from gradwork.rewrite.engine import Engine

COMPLEX_STEP = 1e-30
STEPS = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5)  # of central differences, relative to the size of x
BOUND = {"complex step": (1e-9, 1e-12), "central differences": (1e-6, 1e-9)}  # rtol, floor
WORK = 2e7  # numbers that a check may compute: large arrays are checked in fewer components
COMPONENTS = 64

Claim = tuple[Expr, Expr, Expr]  # (f, x, ∂f/∂x): the axes of f, then those of x


@dataclass(frozen=True)
class Certificate:
    """What the check of a derivative found.

    holds:  whether every component met the bound.
    points: at how many random points it was checked.
    method: "complex step" or "central differences".
    worst:  the largest |error| / max |reference| over all components.
    where:  the component of the largest error, or why no check was made.
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
        count = "1 random point" if self.points == 1 else f"{self.points} random points"
        text = f"check {mark} {count}, {self.method}, worst component {self.worst:.0e}"
        return text if self.holds else f"{text} at {self.where}"

    def __bool__(self) -> bool:
        return self.holds


def certify(derived: Any, points: int = 20, seed: int = 0, rtol: float | None = None) -> Certificate:
    """Check a derivative (what `grad`, `jacobian`, `hessian` or `vjp` returned) numerically.

    Of several derivatives (a tuple) every one is checked, and of a Hessian the gradient below it too.

    >>> import gradwork as gw
    >>> x = gw.scalar("x")
    >>> gw.certify(gw.grad(gw.exp(x) * x, x)).holds
    True
    """
    claims: dict[Claim, None] = {}
    for one in _each(derived):
        if not isinstance(one, Derived):
            raise DerivativeError("certify takes what gw.grad, gw.jacobian, gw.hessian or gw.vjp returned")
        claims.update(dict.fromkeys(one.derivation.checks))
    return check(list(claims), points, seed, rtol)


def _each(derived: Any) -> Iterator[Any]:
    if isinstance(derived, (tuple, list)) and derived:
        for part in derived:
            yield from _each(part)
    else:
        yield derived


def check(claims: list[Claim], points: int = 20, seed: int = 0, rtol: float | None = None) -> Certificate:
    """Check claims (f, x, ∂f/∂x) at random points."""
    from gradwork.run import function

    everything = [e for claim in claims for e in (claim[0], claim[2])]
    rng = np.random.default_rng(seed)
    draw = Sampler(everything, rng)
    tests = [_Test(f, x, g, function, draw) for f, x, g in claims]
    method = "complex step" if all(t.analytic for t in tests) else "central differences"
    worst, where, holds, done = 0.0, "", True, 0
    size = sum(t.cost for t in tests)
    for _ in range(int(min(points, max(2, WORK / max(size, 1))))):
        values = draw.point(lambda v: all(t.defined(v) for t in tests))
        if values is None:
            break
        found = [t.errors(values, rng, rtol) for t in tests]
        if any(f is None for f in found):
            continue  # the differences themselves could not be trusted here
        done += 1
        for relative, ok, spot in (f for f in found if f is not None):
            holds = holds and ok
            if not relative <= worst:
                worst, where = relative, spot
    if not done:
        reason = "no random point was found where everything is finite and well conditioned"
        return Certificate(False, 0, method, float("nan"), reason)
    return Certificate(holds, done, method, worst, where)


class _Test:
    """One claim with its programs: how f is differentiated numerically, and how the claim is evaluated."""

    def __init__(self, f: Expr, x: Expr, g: Expr, function: Any, draw: Sampler):
        moving = depends(f, [x])
        stable = Engine(STABILISE, through_names=True).normalise(inline_all(f))
        smooth = depends(stable, [x]) if x in set(walk(stable)) else set()
        # Positions that are not declared integers would meet a program for complex numbers as complex.
        plain_positions = all("integer" in draw.symbols[p].params[1] for p in draw.bounds)
        self.analytic = plain_positions and all(n.op.analytic or n not in smooth for n in walk(stable))
        self.label, self.constant = x.params[0], f not in moving
        self.f, self.g = function(f), function(g)
        # A derivative can hold operations without a continuation (polygamma): then it is run on reals.
        self.complex_claim = self.analytic and all(n.op.analytic for n in walk(inline_all(g)))
        self.components = min(COMPONENTS, draw.count(x))
        self.cost = (draw.count(x) + draw.count(f)) * self.components * (1 if self.analytic else 20)

    def value(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return f, nan outside its domain: a real point with a complex value lies outside."""
        return _evaluate(self.f, values, self.analytic)

    def claim(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return the claimed derivative."""
        return _evaluate(self.g, values, self.complex_claim)

    def defined(self, values: dict[str, Any]) -> bool:
        """Tell whether the point is in the domain and well conditioned."""
        try:
            value, claimed = self.value(values), self.claim(values)
            if not (np.all(np.isfinite(value)) and np.all(np.isfinite(claimed))):
                return False
            # Where a change in the tenth digit of x changes the fourth of the derivative, nothing is learned.
            nudged = {k: v * (1 + 1e-10) if np.asarray(v).dtype.kind == "f" else v for k, v in values.items()}
            change = np.max(np.abs(self.claim(nudged) - claimed), initial=0.0)
            return bool(change <= 1e-4 * np.max(np.abs(claimed), initial=0.0) + 1e-12)
        except (np.linalg.LinAlgError, FloatingPointError):
            return False

    def errors(self, values: dict[str, Any], rng: np.random.Generator, rtol: float | None):
        """Return the worst relative error, whether all meet the bound, and where; None if not to be trusted."""
        claimed = self.claim(values)
        if self.constant or self.label not in self.f.arguments:
            return float(np.max(np.abs(claimed), initial=0.0)), not np.any(claimed), f"d/d{self.label}"
        x = np.asarray(values[self.label], dtype=float)
        flat = claimed.reshape((-1, x.size)) if x.size else claimed.reshape((1, 0))
        chosen = np.arange(x.size)
        if x.size > self.components:
            chosen = np.sort(rng.choice(x.size, self.components, replace=False))
        limit, floor = BOUND["complex step" if self.analytic else "central differences"]
        limit = limit if rtol is None else rtol
        scale = float(np.max(np.abs(self.value(values)), initial=0.0))
        columns = []
        for i in chosen:
            direction = np.zeros(x.size)
            direction[i] = 1.0
            column = self._along(values, x, direction.reshape(x.shape), limit, floor * scale)
            if column is None:
                return None
            columns.append(column.reshape(-1))
        if not columns:
            return 0.0, True, ""
        measured = np.stack(columns, axis=1)
        error = np.abs(flat[:, chosen] - measured)
        top = float(np.max(np.abs(measured), initial=0.0))
        ok = bool(np.all(error <= limit * (np.abs(measured) + top) + floor * scale + 1e-300))
        relative = error / max(top, scale, 1e-300)
        at = np.unravel_index(int(np.argmax(relative)), relative.shape)
        place = tuple(int(k) for k in np.unravel_index(int(chosen[at[1]]), x.shape)) if x.ndim else ()
        where = f"component {place} of {self.label}" if place else f"d/d{self.label}"
        return float(relative.max()), ok, where

    def _along(self, values, x, direction, limit: float, floor: float) -> np.ndarray | None:
        given = _known(self.f, values)
        if self.analytic:
            out = self.f.complex(**{**given, self.label: x + 1j * COMPLEX_STEP * direction})
            return np.asarray(np.imag(out) / COMPLEX_STEP)
        size = max(1.0, float(np.max(np.abs(x * direction), initial=0.0)))

        def at(k: float) -> np.ndarray:
            return np.asarray(self.f(**{**given, self.label: x + k * size * direction}), dtype=float)

        estimates = [(8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h * size) for h in STEPS]
        # The two neighbouring steps that agree best are believed as far as they agree: a kink within the
        # stencil, or a pole nearby, spoils the wide ones, and rounding the narrow ones.
        gaps = [np.max(np.abs(a - b), initial=0.0) for a, b in zip(estimates, estimates[1:])]
        best = int(np.nanargmin(gaps)) if not np.all(np.isnan(gaps)) else 0
        top = float(np.max(np.abs(estimates[best]), initial=0.0))
        return estimates[best + 1] if gaps[best] <= 0.3 * (limit * top + floor) + 1e-300 else None


def _evaluate(program: Any, values: Mapping[str, Any], continued: bool) -> np.ndarray:
    known = _known(program, values)
    if not continued:
        return np.asarray(program(**known), dtype=float)
    # The same text, with one set of functions for complex numbers.
    value = np.asarray(program.complex(**known))
    return np.where(np.imag(value) == 0, np.real(value), np.nan)


def _known(program: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k in program.arguments}
