"""One claim, ∂f/∂x = g, held against differences of f at a point.

First by the complex step (Squire and Trapp, SIAM Review 1998) where every operation of the program extends to complex
numbers and the point lies on its real sheet, else by four-point central differences. What fails is looked at again by
real differences and in high precision (`precise`), for a derivative is never called wrong because a measurement was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradwork.check.directions import count, directions
from gradwork.check.precise import LIMIT, WORK, Opinion
from gradwork.check.sampling import Sampler
from gradwork.diff.derivation import inline_all
from gradwork.errors import GradworkError
from gradwork.expr.node import SYMBOL, Expr, depends, make, substitute, walk
from gradwork.rewrite import STABILISE
from gradwork.rewrite.engine import Engine

COMPLEX_STEP = 1e-30
STEPS = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5)  # of central differences, relative to the size of x
BOUND = {"complex step": (1e-9, 1e-12), "central differences": (1e-6, 1e-9)}  # rtol, floor
ROUNDING = 1e-13  # of an inner product, relative to its largest terms
COMPONENTS = 64
OPINIONS = 3  # components of one claim and point that are looked at in high precision

# What a program may raise at a point outside its domain.
TROUBLE = (np.linalg.LinAlgError, ArithmeticError, GradworkError)


@dataclass
class Finding:
    """What was found of one claim at one point.

    worst:  the largest error, relative to the largest component.
    where:  the component that has it.
    holds:  whether all met the bound.
    sure:   whether a failure was confirmed in high precision.
    """

    worst: float = 0.0
    where: str = ""
    holds: bool = True
    sure: bool = False


class Claim:
    """One claim with its programs: how f is differentiated numerically, and how the claim is evaluated."""

    def __init__(self, f: Expr, x: Expr, g: Expr, function: Any, draw: Sampler):
        f, held = held_fast(f)
        self.held = {label: function(inner) for label, inner in held.items()}
        stable = Engine(STABILISE, through_names=True).normalise(inline_all(f))
        # Positions that are not declared integers would meet a program for complex numbers as complex.
        plain_positions = all("integer" in draw.symbols[p].params[1] for p in draw.bounds)
        # The whole program runs on complex numbers, also what does not depend on x.
        self.analytic = plain_positions and all(n.op.analytic for n in walk(stable))
        self.x, self.label, self.constant = x, x.params[0], f not in depends(f, [x])
        self.expressions, self.draw = (f, g), draw
        self.f, self.g = function(f), function(g)
        self.components = min(COMPONENTS, count(x, tuple(d.evaluate(draw.sizes) for d in x.shape)))
        self.cost = (draw.count(x) + draw.count(f)) * self.components * (1 if self.analytic else 20)

    def value(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return f, nan outside its domain."""
        return np.asarray(self.f(**known(self.f, values)), dtype=float)

    def claimed(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return the claimed derivative."""
        return np.asarray(self.g(**known(self.g, values)), dtype=float)

    def defined(self, values: dict[str, Any]) -> bool:
        """Tell whether the point is in the domain and well conditioned."""
        try:
            values = self._with_held(values)
            value, claimed = self.value(values), self.claimed(values)
            if not (np.all(np.isfinite(value)) and np.all(np.isfinite(claimed))):
                return False
            # Where a change in the tenth digit of x changes the fourth of the derivative, nothing is learned.
            nudged = {k: v * (1 + 1e-10) if np.asarray(v).dtype.kind == "f" else v for k, v in values.items()}
            change = np.max(np.abs(self.claimed(nudged) - claimed), initial=0.0)
            return bool(change <= 1e-4 * np.max(np.abs(claimed), initial=0.0) + 1e-12)
        except TROUBLE:
            return False

    def _with_held(self, values: dict[str, Any]) -> dict[str, Any]:
        return values | {label: program(**known(program, values)) for label, program in self.held.items()}

    def judge(self, values: dict[str, Any], rng: np.random.Generator, rtol: float | None) -> Finding | None:
        """Return what was found at a point; None where the differences cannot be trusted."""
        try:
            return self._judge(self._with_held(values), rng, rtol)
        except TROUBLE:
            return None

    def _judge(self, values: dict[str, Any], rng: np.random.Generator, rtol: float | None) -> Finding | None:
        claimed = self.claimed(values)
        if self.constant or self.label not in self.f.arguments:
            size = float(np.max(np.abs(claimed), initial=0.0))
            return Finding(size, f"d/d{self.label}", size == 0, size != 0)
        x = np.asarray(values[self.label], dtype=float)
        scale = float(np.max(np.abs(self.value(values)), initial=0.0))
        complex_too = self.analytic and self._real_sheet(values)
        limit, floor = BOUND["complex step" if complex_too else "central differences"]
        limit = limit if rtol is None else rtol
        places, columns, said, lost = [], [], [], []
        for at, direction in directions(self.x, x, rng, self.components):
            column = (
                self._complex_step(values, x, direction)
                if complex_too
                else self._central(values, x, direction, limit, floor * scale)
            )
            if column is None:
                return None
            places.append((at, direction))
            columns.append(column.reshape(-1))
            parts = claimed.reshape((-1, x.size)) * direction.reshape(-1)
            said.append(np.sum(parts, axis=1))
            # What the inner product itself may lose by rounding: all of it, where it is 0.
            lost.append(ROUNDING * np.sum(np.abs(parts), axis=1))
        if not columns:
            return Finding()
        measured, along, slack = (np.stack(each, axis=1) for each in (columns, said, lost))
        return self._compared(values, x, places, measured, along, limit, floor * scale + slack)

    def _compared(
        self, values: dict, x: np.ndarray, places: list, measured: np.ndarray, along: np.ndarray, limit: float,
        floor: np.ndarray,
    ) -> Finding:  # fmt: skip
        error = np.abs(along - measured)
        top = float(np.max(np.abs(measured), initial=0.0))
        bad = ~(error <= limit * (np.abs(measured) + top) + floor + 1e-300)
        sure = False
        failing = np.flatnonzero(bad.any(axis=0))
        opinions = 0
        for k in failing[np.argsort(-error[:, failing].max(axis=0))]:
            if opinions == OPINIONS and not sure:
                break
            opinions += 1
            verdict = self._second(values, x, places[k][1], along[:, k], limit, float(floor[:, k].max()))
            if verdict is None:
                continue
            right, confirmed = verdict
            if right:
                error[:, k], bad[:, k] = 0.0, False
            sure = sure or confirmed
        if not sure and opinions == OPINIONS and not bad[:, failing[:opinions]].any():
            bad[:], error = (
                False,
                np.zeros_like(error),
            )  # the measurement was wrong, not what it was held against
        relative = error / max(top, float(floor.max()) / 1e-9, 1e-300)
        at = places[int(np.unravel_index(int(np.argmax(relative)), relative.shape)[1])][0]
        where = f"component {at} of {self.label}" if at else f"d/d{self.label}"
        return Finding(float(relative.max()), where, not bad.any(), sure)

    def _second(
        self,
        values: dict,
        x: np.ndarray,
        direction: np.ndarray,
        along: np.ndarray,
        limit: float,
        floor: float,
    ) -> tuple[bool, bool] | None:
        """Return (whether it is right, whether high precision says that it is wrong); None if it cannot be told."""
        rough = max(limit, BOUND["central differences"][0])
        column = self._central(values, x, direction, rough, 1e3 * floor)
        if column is not None:
            real = column.reshape(-1)
            if np.all(np.abs(along - real) <= rough * (np.abs(real) + np.max(np.abs(real))) + 1e3 * floor):
                return True, False
        f, g = self.expressions
        nodes = sum(self.draw.count(n) for n in walk(f, g))
        found = None
        if nodes <= WORK:
            found = Opinion(f, self.x, g, values, self.draw.sizes).along(direction)
        if found is None:
            return None
        measured, claimed = found
        top = float(np.max(np.abs(measured), initial=0.0))
        right = bool(
            np.all(np.abs(claimed - measured) <= LIMIT * (np.abs(measured) + top) + max(1e-25, floor))
        )
        return right, not right

    def _real_sheet(self, values: dict[str, Any]) -> bool:
        # log(x − 1) − log(y − 1) with both below 0: imaginary parts that cancel hide a step of 1e-30.
        whole = np.asarray(self.f.complex(**known(self.f, values)))
        if np.any(np.imag(whole) != 0):
            return False
        real = self.value(values)
        return bool(
            np.allclose(np.real(whole), real, rtol=1e-8, atol=1e-10 * float(np.max(np.abs(real), initial=0)))
        )

    def _complex_step(self, values: dict, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        given = known(self.f, values)
        out = self.f.complex(**{**given, self.label: x + 1j * COMPLEX_STEP * direction})
        return np.asarray(np.imag(out) / COMPLEX_STEP)

    def _central(
        self, values: dict, x: np.ndarray, direction: np.ndarray, limit: float, floor: float
    ) -> np.ndarray | None:
        given = known(self.f, values)
        size = max(1.0, float(np.max(np.abs(x * direction), initial=0.0)))

        def at(k: float) -> np.ndarray:
            return np.asarray(self.f(**{**given, self.label: x + k * size * direction}), dtype=float)

        estimates = [(8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h * size) for h in STEPS]
        # The two neighbouring steps that agree best are believed as far as they agree: a kink within the
        # stencil, or a pole nearby, spoils the wide ones, and rounding the narrow ones.
        gaps = [np.max(np.abs(a - b), initial=0.0) for a, b in zip(estimates, estimates[1:])]
        if np.all(np.isnan(gaps)):
            return None
        best = int(np.nanargmin(gaps))
        top = float(np.max(np.abs(estimates[best]), initial=0.0))
        return estimates[best + 1] if gaps[best] <= 0.3 * (limit * top + floor) + 1e-300 else None


def held_fast(f: Expr) -> tuple[Expr, dict[str, Expr]]:
    """Return f with what `stop` holds fast as symbols, and what each of them stands for."""
    held: dict[Expr, Expr] = {}
    for node in walk(f):
        if node.op.name == "stop":
            held[node] = make(SYMBOL, (), (f"held{len(held)}", frozenset()), node.shape)
    if not held:
        return f, {}
    stands = {s.params[0]: node.args[0] for node, s in held.items()}
    return substitute(f, dict(held.items())), stands


def known(program: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the values those that a program takes."""
    return {k: v for k, v in values.items() if k in program.arguments}
