"""The gradient of a loss is checked once before anything is learned with it, at the very start and data.

Along a random direction u the slope of the loss must be what the gradient says:

    (f(θ + h u) − f(θ − h u)) / 2h  =  ⟨∇f(θ), u⟩

Two evaluations of the loss and one of the gradient, on NumPy in float64, over at most some hundred rows. What does not
agree at once is looked at with many steps and directions, at points beside the start (where no kink or tie stands), and
only what differs there too is refused, with the line of the derivation that is wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from gradwork.errors import DerivativeError
from gradwork.expr.node import Expr, walk
from gradwork.ops.sequence import SCAN, STOP
from gradwork.words.say import say

ROWS = 512  # rows that the check takes of a larger table
NUMBERS = 200_000  # of data, below which all rows are taken
STEP = 1e-5
NEAR = 1e-4  # relative to Σ|gᵢuᵢ|: what differences of one step may be off
FAR = 2e-2  # relative: what no step and no rounding explains
LADDER = (1.0, 1e-1, 1e-2, 10.0, 100.0, 1e-3)
TROUBLE = (np.linalg.LinAlgError, ArithmeticError)


def check_start(objective: Any) -> str:
    """Check the gradient of an objective at its start, and return what was done as a sentence.

    Raises DerivativeError where gradient and loss contradict each other. An objective that shares its programs with
    one that was checked is not checked again: the sentence is "".
    """
    if "start checked" in objective._programs:
        return ""
    objective._programs["start checked"] = True
    if _stops(objective.loss):
        return say("start unchecked", why=say("derivative stopped"))
    looked = _Looked(objective)
    try:
        verdict = looked.agrees()
    except TROUBLE as trouble:
        return say("start unchecked", why=str(trouble) or type(trouble).__name__)
    if verdict is None:
        return say("start unchecked", why=say("start not finite"))
    if not verdict:
        looked.refuse_if_wrong()
    return say("start checked", evaluations=looked.evaluations)


def _stops(loss: Expr) -> bool:
    """Tell whether a part of the loss lets no derivative through on purpose, such as a truncated recurrence."""
    waiting, seen = [loss], set()
    while waiting:
        for node in walk(waiting.pop()):
            if node.op is STOP:
                return True
            if node.op is SCAN and node.params[0] not in seen:
                seen.add(node.params[0])
                waiting += node.params[0].after
    return False


class _Looked:
    """An objective in float64 over some of its rows."""

    def __init__(self, objective: Any):
        gradients = objective.gradients  # derived once, for the copy too
        self.derivation = gradients[0].derivation
        self.objective = _smaller(objective)
        self.start = np.asarray(objective.start_vector, dtype=float)
        self.rng = np.random.default_rng(0)
        self.evaluations = 0

    def value(self, vector: np.ndarray) -> float:
        """Return the loss."""
        self.evaluations += 1
        return self.objective.value(vector)

    def agrees(self) -> bool | None:
        """Tell whether one difference at the start says what the gradient says; None where nothing is finite."""
        gradient = np.asarray(self.objective.gradient(self.start), dtype=float)
        if not np.isfinite(gradient).all():
            return None
        u = self._direction(self.start)
        claimed, size = float(gradient @ u), float(np.abs(gradient) @ np.abs(u))
        for h in (STEP, STEP * 1e-3):
            ahead, behind = (self.value(self.start + k * h * u) for k in (1, -1))
            if np.isfinite(ahead) and np.isfinite(behind):
                measured = (ahead - behind) / (2 * h)
                noise = 1e-14 * max(abs(ahead), abs(behind)) / h
                return bool(abs(measured - claimed) <= NEAR * size + noise)
        return None

    def _direction(self, at: np.ndarray) -> np.ndarray:
        scale = np.where(at == 0, 1.0, np.minimum(np.maximum(np.abs(at), 1e-3), 1e3))
        return self.rng.choice((-1.0, 1.0), at.shape) * self.rng.uniform(0.5, 1.5, at.shape) * scale

    def refuse_if_wrong(self) -> None:
        """Raise where differences contradict the gradient at points beside the start, too."""
        wrong: list[tuple[float, float, np.ndarray]] = []
        told = 0
        for k in range(8):
            at = self.start + 0.05 * (1 + k % 3) * self._direction(self.start)
            found = self._slope(at)
            if found is None:
                continue
            told += 1
            measured, claimed, size = found
            if abs(measured - claimed) > FAR * (size + abs(measured)):
                wrong.append((measured, claimed, at))
            if told == 4:
                break
        if told >= 2 and len(wrong) == told:
            self._refuse(*wrong[0])

    def _slope(self, at: np.ndarray) -> tuple[float, float, float] | None:
        # The slope on which two neighbouring steps agree, what the gradient says, and Σ|gᵢuᵢ|.
        try:
            gradient = np.asarray(self.objective.gradient(at), dtype=float)
            u = self._direction(at)
            claimed, size = float(gradient @ u), float(np.abs(gradient) @ np.abs(u))
            slopes = [
                (self.value(at + h * u) - self.value(at - h * u)) / (2 * h)
                for h in (STEP * k for k in LADDER)
            ]
        except TROUBLE:
            return None
        for a, b in zip(slopes, slopes[1:]):
            if np.isfinite([a, b, claimed]).all() and abs(a - b) <= 1e-3 * (abs(a) + abs(b)) + 1e-3 * size:
                best = min(slopes, key=lambda s: abs(s - claimed) if np.isfinite(s) else np.inf)
                return best, claimed, size  # the step that speaks for the gradient most
        return None

    def _refuse(self, measured: float, claimed: float, at: np.ndarray) -> None:
        from gradwork.check.lines import wrong_line

        values = {**self.objective.data, **self.objective.unpack(at)}
        values |= {k: v for k, v in self.objective.sizes.items() if k not in values}
        line = ""
        for claim in self.derivation.checks:
            line = line or wrong_line(self.derivation, claim, values)
        facts: dict[str, Any] = {"measured": measured, "claimed": claimed}
        if line:
            raise DerivativeError("gradient wrong line", line=line, **facts)
        raise DerivativeError("gradient wrong", **facts)


def _smaller(objective: Any) -> Any:
    """Return the objective in float64 over its first rows, with its derivatives; the programs are its own."""
    wide = np.dtype("float64")
    other = copy.copy(objective)
    if objective.dtype != wide:
        other.dtype, other._programs = wide, {}
    data = _first_rows(objective)
    floats = {k: v.astype(wide) if v.dtype.kind == "f" and v.dtype != wide else v for k, v in data.items()}
    return other.restricted(floats)


def _first_rows(objective: Any) -> dict[str, np.ndarray]:
    data: dict[str, np.ndarray] = objective.data
    if sum(v.size for v in data.values()) <= NUMBERS:
        return data
    largest = max(data, key=lambda k: data[k].size)
    symbols = objective.data_symbols
    dims = symbols[largest].shape
    if not dims or dims[0].value is not None or str(dims[0]) not in dims[0].names:
        return data
    rows = dims[0]
    (name,) = rows.names
    parameters = [d for s in objective.symbols for d in s.shape]
    others = [d for s in symbols.values() for d in s.shape]
    if any(name in d.names for d in parameters) or any(name in d.names and d != rows for d in others):
        return data  # rows that the parameters or other sizes count cannot be left out
    cut: Callable[[str], tuple] = lambda k: tuple(
        slice(ROWS) if d == rows else slice(None) for d in symbols[k].shape
    )
    return {k: v[cut(k)] for k, v in data.items()}
