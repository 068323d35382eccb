"""When a run ends: tolerances, patience, time, divergence; and the watch that reads these off the record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.words.notes import Line, Reason, near

Array = NDArray[np.float64]

FALL = 1e30  # beside the loss at the start: no loss of data falls so far
ROUNDING = 1e-5  # a loss that has settled trembles in its last digits, also in float32; that is no growth


@dataclass(frozen=True)
class Stopping:
    """When a run ends before its epochs are over. None switches a test off.

    gradient_norm: ‖∇f‖ ≤ this, the Euclidean norm over all parameters.
    step:          ‖Δw‖ ≤ this · max(1, ‖w‖).
    loss:          |Δf| ≤ this · max(1, |f|), from one record to the next.
    patience:      this many epochs without a better validation loss (or training loss, without validation);
                   better is lower by more than `min_delta`. With `restore_best` the best parameters return.
    seconds:       wall-clock time.
    growth:        the loss grew this many times in a row. For optimizers with memory and for minibatches,
                   whose loss may rise for a while, it must also be far above where it started.

    A loss that is not finite always ends a run, and so does one that falls without end.

    >>> Stopping(gradient_norm=1e-6, patience=10).patience
    10
    """

    gradient_norm: float | None = 1e-10
    step: float | None = None
    loss: float | None = None
    patience: int | None = None
    min_delta: float = 0.0
    restore_best: bool = True
    seconds: float | None = None
    growth: int | None = 5

    def __post_init__(self) -> None:
        for name in ("gradient_norm", "step", "loss", "min_delta", "seconds"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value >= 0:
                raise GradworkError("stopping is number from 0", name=name, value=value)
        for name in ("patience", "growth"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise GradworkError("stopping count below 1", name=name, value=value)


def read_stopping(text: Any) -> Stopping:
    """Return a `Stopping` for its text: numbers by name.

    >>> read_stopping("seconds=60, loss=1e-9").seconds
    60.0
    """
    if isinstance(text, Stopping):
        return text
    known = {f.name: f for f in fields(Stopping)}
    found: dict[str, Any] = {}
    for part in str(text).split(","):
        name, _, value = (p.strip() for p in part.partition("="))
        if name not in known:
            raise GradworkError("no stopping", given=name, known=list(known), nearest=near(name, known))
        try:
            given = float(value)
        except ValueError as error:
            raise GradworkError("stopping number", name=name, given=value) from error
        counted = name in ("patience", "growth") and given == int(given)
        found[name] = int(given) if counted else bool(given) if name == "restore_best" else given
    return Stopping(**found)


@dataclass(frozen=True)
class Stop:
    """Why a run ended, and at which record.

    kind:      gradient, step, loss, epochs, steps, patience, growth, non-finite, unbounded, endless, seconds,
               interrupted, callback, or a solver's own.
    index:     how many units (steps of full batches, epochs of minibatches) had been taken.
    keep:      the unit whose parameters the run returns.
    converged: whether a tolerance was met.
    """

    kind: str
    index: int
    keep: int
    converged: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> Reason:
        """The reason as a record: which sentence (`words` where it is not that of the kind), and its facts."""
        facts = dict(self.facts)
        return Reason(facts.pop("words", self.kind), **facts)


class Watch:
    """Reads records in order and says at which of them a run ends.

    `memory` tells that the loss may rise for a while without harm (momentum, minibatches); `epochs` that a
    record is an epoch of minibatches.
    """

    def __init__(self, stopping: Stopping, memory: bool = False, epochs: bool = False, sign: float = 1.0):
        self.stopping, self.memory, self.epochs, self.sign = stopping, memory, epochs, sign
        self.first: float | None = None
        self.best = math.inf  # the lowest loss so far, and its unit
        self.best_at = 0
        self.watched = math.inf  # the lowest validation loss so far, and its unit
        self.watched_at = 0
        self.grown = 0
        self.grown_from = math.nan
        self.last: float | None = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        names = ("first", "best", "best_at", "watched", "watched_at", "grown", "grown_from", "last")
        return {name: getattr(self, name) for name in names}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name, value in state.items():
            setattr(self, name, value)

    def read(
        self,
        start: int,
        loss: Array,
        gradient_norm: Array | None = None,
        moved: Array | None = None,
        validation: Array | None = None,
    ) -> Stop | None:
        """Take the records of units start, start + 1, …; return the first reason to stop, if there is one.

        `moved` is ‖Δw‖ / max(1, ‖w‖) of the step that led to a record (NaN where there was none).
        """
        tests = (
            self._fallen(start, loss),
            self._finite(start, loss),
            self._gradient(start, gradient_norm),
            self._moved(start, moved),
            self._settled(start, loss),
            self._growth(start, loss),
        )
        found = min((t for t in tests if t), key=lambda t: t.index, default=None)
        end = len(loss) if found is None else found.index - start + 1
        what = Line("training loss" if validation is None else "validation loss")
        late = self._patience(start, (loss if validation is None else validation)[:end], what)
        if late is not None:
            found, end = late, late.index - start + 1
        self._remember(start, loss[:end])
        return found

    def _finite(self, start: int, loss: Array) -> Stop | None:
        bad = np.flatnonzero(~np.isfinite(loss))
        if not bad.size:
            return None
        i = int(bad[0])
        value = Line("is nan" if np.isnan(loss[i]) else "is infinite")
        at = start + i
        if at == 0:
            return Stop("non-finite", 0, 0, facts={"words": "non-finite start", "value": value})
        words = "non-finite, epochs" if self.epochs else "non-finite"
        return Stop(
            "non-finite", at, at - 1, facts={"words": words, "step": at, "value": value, "best": at - 1}
        )

    def _fallen(self, start: int, loss: Array) -> Stop | None:
        if not len(loss):
            return None
        first = float(loss[0]) if self.first is None else self.first
        low = np.flatnonzero(loss < first - FALL * max(1.0, abs(first)))
        if not low.size:
            return None
        at = start + int(low[0])
        return Stop("unbounded", at, at if np.isfinite(loss[low[0]]) else at - 1)

    def _gradient(self, start: int, norm: Array | None) -> Stop | None:
        limit = self.stopping.gradient_norm
        if limit is None or norm is None:
            return None
        small = np.flatnonzero(norm <= limit)
        if not small.size:
            return None
        at = start + int(small[0])
        return Stop("gradient", at, at, True, {"step": at, "norm": float(norm[small[0]]), "limit": limit})

    def _moved(self, start: int, moved: Array | None) -> Stop | None:
        limit = self.stopping.step
        if limit is None or moved is None:
            return None
        small = np.flatnonzero(moved <= limit)
        if not small.size:
            return None
        at = start + int(small[0])
        return Stop("step", at, at, True, {"step": at, "norm": float(moved[small[0]]), "limit": limit})

    def _settled(self, start: int, loss: Array) -> Stop | None:
        limit = self.stopping.loss
        if limit is None:
            return None
        before = np.concatenate([[np.nan if self.last is None else self.last], loss[:-1]])
        with np.errstate(invalid="ignore"):
            change = np.abs(loss - before)
            small = np.flatnonzero(change <= limit * np.maximum(1.0, np.abs(loss)))
        if not small.size:
            return None
        at = start + int(small[0])
        return Stop("loss", at, at, True, {"step": at, "change": float(change[small[0]]), "limit": limit})

    def _growth(self, start: int, loss: Array) -> Stop | None:
        count = self.stopping.growth
        if count is None or not len(loss):
            return None
        known = self.last is not None
        values = loss if self.last is None else np.concatenate([[self.last], loss])
        with np.errstate(invalid="ignore"):
            rises = values[1:] > values[:-1]
        # The length of the run of rises that ends at each record, the run before this chunk included.
        positions = np.arange(1, len(rises) + 1)
        broken = np.maximum.accumulate(np.where(rises, 0, positions))
        lengths = positions - broken + np.where(broken == 0, self.grown, 0)
        candidates = np.flatnonzero(lengths >= count)
        for i in candidates:
            j = int(i) + 1 - int(min(lengths[i], i + 1))
            origin = float(values[j]) if lengths[i] <= i + 1 else self.grown_from
            last = float(values[i + 1])
            if last - origin <= ROUNDING * abs(origin) or (
                self.memory and not self._far(loss[: i + 1], last)
            ):
                continue
            at = start + int(i) + (0 if known else 1)
            facts = {
                "words": "growth, epochs" if self.epochs else "growth",
                "step": at,
                "count": int(lengths[i]),
            }
            facts |= {"first": self.sign * origin, "last": self.sign * last}
            return Stop("growth", at, at, facts=facts)
        return None

    def _far(self, seen: Array, loss: float) -> bool:
        # Ten times farther above the best than all that was gained, and than the best itself is large.
        first = self.first if self.first is not None else float(seen[0])
        best = min(self.best, first, float(np.nanmin(seen)))
        return loss - best > 10 * max(first - best, abs(best), 1e-300)

    def _patience(self, start: int, watched: Array, what: Line) -> Stop | None:
        patience = self.stopping.patience
        if patience is None:
            return None
        for i, value in enumerate(watched.tolist()):
            if value < self.watched - (self.stopping.min_delta if math.isfinite(self.watched) else 0.0):
                self.watched, self.watched_at = value, start + i
            elif start + i - self.watched_at >= patience:
                restore = self.stopping.restore_best
                words = "patience" if restore else "patience, last kept"
                facts = {"words": words, "epoch": start + i, "patience": patience, "what": what}
                facts |= {"best": self.watched_at, "value": self.sign * self.watched}
                return Stop("patience", start + i, self.watched_at if restore else start + i, facts=facts)
        return None

    def _remember(self, start: int, loss: Array) -> None:
        if not len(loss):
            return
        if self.first is None:
            self.first = float(loss[0])
        with np.errstate(invalid="ignore"):
            masked = np.where(np.isfinite(loss), loss, np.inf)
        i = int(np.argmin(masked))
        if masked[i] < self.best:
            self.best, self.best_at = float(masked[i]), start + i
        values = loss if self.last is None else np.concatenate([[self.last], loss])
        with np.errstate(invalid="ignore"):
            rises = values[1:] > values[:-1]
        falls = np.flatnonzero(~rises)
        if falls.size:
            self.grown = len(rises) - 1 - int(falls[-1])
            self.grown_from = float(values[falls[-1] + 1])
        else:
            if self.grown == 0 and len(values):
                self.grown_from = float(values[0])
            self.grown += len(rises)
        self.last = float(loss[-1])
