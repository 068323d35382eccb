"""Descent: an objective, an optimizer and data become a run, in whole loops on NumPy or compiled."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradwork.data import check_batch_size
from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn import run_state
from gradwork.learn.callbacks import Callback, Progress, as_callbacks
from gradwork.learn.fit import Fit
from gradwork.learn.history import History
from gradwork.learn.loops import Batching, Record, Setup, State
from gradwork.learn.optimizers import Optimizer, as_optimizer
from gradwork.learn.plans import Plan, choose
from gradwork.learn.rows import RowSum, row_sum
from gradwork.learn.schedules import Schedule
from gradwork.learn.step import training_step
from gradwork.learn.stopping import Stop, Stopping, Watch

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective

TARGETS = ("auto", "numpy", "xla")
CHUNK_SECONDS = 0.25


def descend(
    objective: Objective,
    optimizer: Optimizer | str = "sgd",
    *,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    stopping: Stopping | None = None,
    validation: Mapping[Any, Any] | None = None,
    schedule: Schedule | None = None,
    callbacks: Any = None,
    target: str = "auto",
    progress: Any = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 10.0,
    resume: bool = False,
    record: str = "epoch",
    hoist: bool | str = "auto",
) -> Fit:
    """Return the fit that gradient descent reaches.

        θ ← θ − η · direction(∇f(θ), earlier gradients)

    optimizer:   an optimizer or its name.
    epochs:      passes over the data, 1000 by default; without batches an epoch is one step (`steps` says the same).
    batch_size:  rows of a batch; the formula must be a sum or mean over rows, else NotRows is raised. None takes
                 all rows in each step.
    shuffle:     draw the batches without replacement, in an order by seed and epoch; else in the data's order.
    stopping:    when to end earlier (see Stopping).
    validation:  the data symbols over rows that are held out; their loss is recorded each epoch.
    schedule:    a learning-rate schedule in place of the optimizer's rate.
    callbacks:   callbacks or functions of the Progress; `progress` is one more.
    target:      "numpy", "xla", or "auto": the cheaper by an estimate, which `fit.plan` shows.
    checkpoint:  a file that is written every `checkpoint_seconds` and at the end; with `resume` a run that was
                 cut off goes on from it, to the same parameters bit for bit on the same target.
    record:      "epoch", or "step" for a row of history for each batch.
    hoist:       whether parts without parameters are computed once; "auto" where it is cheaper.
    """
    run = _Run(objective, optimizer, epochs, steps, batch_size, shuffle, seed, stopping, validation, schedule, record)
    callbacks = [*as_callbacks(callbacks), *as_callbacks(progress)]
    return run.go(callbacks, target, checkpoint, checkpoint_seconds, resume, hoist)


class _Run:
    def __init__(
        self, objective, optimizer, epochs, steps, batch_size, shuffle, seed, stopping, validation, schedule, record
    ):
        self.objective: Objective = objective
        made = as_optimizer(optimizer)
        self.optimizer: Optimizer = made if schedule is None else made.with_rate(schedule)
        self.stopping: Stopping = Stopping() if stopping is None else stopping
        self.seed: int = objective.seed if seed is None else int(seed)
        self.sign = -1.0 if objective.maximize else 1.0
        if record not in ("epoch", "step"):
            raise GradworkError(f'record is "epoch" or "step", not {record!r}')
        self.by_step = record == "step" and batch_size is not None
        self.units = self._count(epochs, steps, batch_size)
        self.proof: RowSum | None = None
        self.batching: Batching | None = None
        data: dict[str, Any] = dict(objective.data)
        loss: Expr = objective.loss
        if batch_size is not None:
            self.proof = row_sum(loss, list(objective.data_symbols.values()), objective.symbols)
            rows = objective.sizes[self.proof.rows]
            check_batch_size(rows, batch_size)
            self.batching = Batching(int(batch_size), rows, self.proof.axes, bool(shuffle), self.seed)
            loss = self.proof.batch
            if self.proof.whole is not None:
                data[self.proof.whole.params[0]] = np.asarray(rows, objective.dtype)
        per_epoch = self.batching.steps if self.batching else 1
        self.step = training_step(
            loss,
            objective.symbols,
            self.optimizer,
            per_epoch,
            gradients=objective.gradients if self.batching is None else None,
            taken=[*objective.sizes, *objective.formula.symbols],
        )
        held = _held_out(objective, validation)
        self.setup = Setup(
            self.step, objective.loss, tuple(objective.gradients), data, objective.sizes, objective.dtype,
            self.optimizer.learning_rate.initial, self.batching, held,
            self.stopping.step is not None and self.batching is None, self.by_step,
        )  # fmt: skip

    def _count(self, epochs: Any, steps: Any, batch_size: Any) -> int:
        if steps is not None and (epochs is not None or batch_size is not None):
            raise GradworkError("steps counts steps over all rows; with batches, or beside epochs, say epochs alone")
        value = steps if steps is not None else 1000 if epochs is None else epochs
        what = "steps" if steps is not None else "epochs"
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise GradworkError(f"{what} is a whole number, 0 or more; got {value!r}")
        self.counted = what
        return int(value)

    # --- the run ----------------------------------------------------------------------------------------

    def go(
        self, callbacks: list[Callback], target: str, checkpoint: Any, checkpoint_seconds: float, resume: bool, hoist: Any
    ) -> Fit:
        if target not in TARGETS:
            raise GradworkError(f"a target is {', '.join(TARGETS)}; not {target!r}")
        began = time.perf_counter()
        saved = run_state.load(checkpoint, self._fingerprint()) if resume else None
        plan = choose(self.setup, self.units, saved.target if saved and target == "auto" else target, hoist)
        loop = plan.loop
        self.watch = Watch(
            self.stopping, self.optimizer.memory or self.batching is not None, self.batching is not None, self.sign
        )
        self.history = History()
        self.kept: list[tuple[int, State]] = []
        self.last_moved = np.nan
        unit, elapsed = 0, 0.0
        if saved is None:
            state = loop.start(self._first())
        else:
            unit, elapsed = saved.unit, saved.seconds
            state = replace(loop.start(saved.states[unit][0]), extra=saved.states[unit][1])
            self.watch.load(saved.watch)
            self.history = History.from_dict(saved.history)
            self.last_moved = saved.moved
            self.kept = [
                (u, replace(loop.start(arrays), extra=extra)) for u, (arrays, extra) in saved.states.items() if u != unit
            ]
        self.loop, self.clock = loop, began - elapsed
        stop = self._start(state) if saved is None else None
        for callback in callbacks:
            callback.begin(self._progress(unit, state))
        next_save = time.perf_counter() + checkpoint_seconds
        pace = _Pace(callbacks)
        try:
            while stop is None and unit < self.units:
                count = pace.count(unit, self.units, self.stopping.seconds, time.perf_counter() - self.clock)
                self.kept = [*self._needed(unit), (unit, state)]
                before = time.perf_counter()
                after, found = loop.advance(state, unit, count)
                now = time.perf_counter()
                pace.took(count, now - before)
                stop = self._read(unit, found, before, now)
                if stop is not None:
                    stop, state, unit = self._verify(stop, after, unit, count)
                    continue
                state, unit = after, unit + count
                stop = self._between(callbacks, unit, state)
                if checkpoint is not None and now >= next_save:
                    self._save(checkpoint, unit, state)
                    next_save = time.perf_counter() + checkpoint_seconds
        except KeyboardInterrupt:
            stop = self._interrupted(unit)
        return self._finish(stop, unit, state, plan, callbacks, checkpoint)

    def _first(self) -> list[np.ndarray]:
        start = self.objective.start
        parameters = [start[s.params[0]] for s in self.step.symbols]
        return [*parameters, *(np.full(start[k.parameter].shape, k.start, self.setup.dtype) for k in self.step.kept)]

    def _start(self, state: State) -> Stop | None:
        # A run of epochs begins with a record of its own; full batches record the start by themselves.
        if self.batching is None:
            return None
        loss, norm, validation = self.loop.measure(state)
        self._write(np.array([0]), np.array([loss]), np.array([norm]), np.array([validation]), np.array([0.0]))
        return self.watch.read(0, np.array([loss]), np.array([norm]), None, self._watched(np.array([validation])))

    def _watched(self, validation: Any) -> Any:
        return None if self.setup.validation is None else validation

    def _read(self, unit: int, found: Record, before: float, now: float) -> Stop | None:
        count = len(found.loss)
        seconds = np.linspace(before, now, count + 1) - self.clock
        if self.batching is not None:
            self._write(np.arange(unit + 1, unit + count + 1), found.loss, found.norm, found.validation, seconds[1:], found)
            return self.watch.read(unit + 1, found.loss, None, None, found.validation)
        self._write(np.arange(unit, unit + count), found.loss, found.norm, found.validation, seconds[:-1])
        moved = None
        if found.moved is not None:
            moved = np.concatenate([[self.last_moved], found.moved[:-1]])
            self.last_moved = float(found.moved[-1])
        return self.watch.read(unit, found.loss, found.norm, moved, found.validation)

    def _write(self, units: Any, loss: Any, norm: Any, validation: Any, seconds: Any, found: Record | None = None) -> None:
        per_epoch = self.batching.steps if self.batching else 1
        taken = units * per_epoch
        columns = {"epoch": units, "step": taken, "loss": self.sign * loss, "gradient_norm": norm, "seconds": seconds}
        if validation is not None:
            columns["validation_loss"] = self.sign * validation
        if found is not None and found.step_loss is not None and found.step_norm is not None:
            # Each batch by itself, its loss before its update; the epoch's validation stands at its last batch.
            steps = (units[0] - 1) * per_epoch + np.arange(1, len(units) * per_epoch + 1)
            held = np.full((len(units), per_epoch), np.nan)
            if validation is not None:
                held[:, -1] = self.sign * validation
            first = seconds[0] - (seconds[-1] - seconds[0]) / max(len(units) - 1, 1)
            columns = {
                "epoch": np.repeat(units, per_epoch),
                "step": steps,
                "loss": self.sign * found.step_loss.ravel(),
                "gradient_norm": found.step_norm.ravel(),
                "validation_loss": held.ravel(),
                "seconds": np.linspace(max(first, 0.0), seconds[-1], len(steps)),
            }
            taken = steps
        rates = self.optimizer.learning_rate.values(taken, per_epoch)
        self.history.extend(**columns, learning_rate=rates)

    def _needed(self, unit: int) -> list[tuple[int, State]]:
        # The states from which the best units so far can be reached again.
        wanted = {self.watch.best_at, self.watch.watched_at if self.stopping.patience else self.watch.best_at}
        found = {}
        for target in wanted:
            below = [(u, s) for u, s in self.kept if u <= target]
            if below:
                u, s = max(below, key=lambda pair: pair[0])
                found[u] = s
        return [(u, s) for u, s in sorted(found.items()) if u != unit]

    def _state_at(self, unit: int, current: tuple[int, State]) -> State:
        u, state = max((pair for pair in [*self.kept, current] if pair[0] <= unit), key=lambda pair: pair[0])
        return state if u == unit else self.loop.advance(state, u, unit - u)[0]

    def _verify(self, stop: Stop, after: State, unit: int, count: int) -> tuple[Stop | None, State, int]:
        # Where the plan replaced passes over the data, convergence is believed only from the data themselves.
        self._truncate(stop)
        confirm = getattr(self.loop, "confirm", None)
        if confirm is None or stop.kind not in ("gradient", "loss", "step"):
            return stop, after, unit + count
        state = self._state_at(stop.index, (unit + count, after))
        norm, anew = confirm(state)
        limit = self.stopping.gradient_norm if stop.kind == "gradient" else None
        if limit is None or norm <= limit or anew is None:
            return stop, after, unit + count
        self.history.truncate(len(self.history) - 1)
        self.watch.last = None
        return None, anew, stop.index

    def _truncate(self, stop: Stop) -> None:
        keep = int(np.searchsorted(self.history.epoch, stop.index, side="right"))
        self.history.truncate(keep)

    def _progress(self, unit: int, state: State) -> Progress:
        last, now = self.history.last, time.perf_counter() - self.clock
        per_epoch = self.batching.steps if self.batching else 1
        names = [s.params[0] for s in self.step.symbols]
        values = [last.get(k, np.nan) for k in ("loss", "validation_loss", "gradient_norm", "learning_rate")]
        left = now / unit * (self.units - unit) if unit else np.nan
        if self.stopping.seconds is not None:
            left = min(left, self.stopping.seconds - now) if unit else self.stopping.seconds
        return Progress(
            unit, self.units, unit * per_epoch, *values, now, left, self.history,
            lambda: self.objective.external(dict(zip(names, self.loop.read(state)))),
        )  # fmt: skip

    def _between(self, callbacks: Sequence[Callback], unit: int, state: State) -> Stop | None:
        for callback in callbacks:
            if callback.every is None or unit % callback.every == 0 or unit == self.units:
                why = callback.after(self._progress(unit, state))
                if isinstance(why, str):
                    return Stop("callback", unit, unit, facts={"step": self._steps(unit), "why": why})
        limit = self.stopping.seconds
        if limit is not None and time.perf_counter() - self.clock >= limit and unit < self.units:
            return Stop("seconds", unit, unit, facts={"step": self._steps(unit), "limit": limit})
        return None

    def _steps(self, unit: int) -> int:
        return unit * (self.batching.steps if self.batching else 1)

    def _interrupted(self, unit: int) -> Stop:
        best = self.watch.best_at if np.isfinite(self.watch.best) else unit
        words = "interrupted, epochs" if self.batching else "interrupted"
        facts = {"words": words, "step": unit, "best": best, "value": self.sign * self.watch.best}
        return Stop("interrupted", unit, min(best, unit), facts=facts)

    def _finish(
        self, stop: Stop | None, unit: int, state: State, plan: Plan, callbacks: Sequence[Callback], checkpoint: Any
    ) -> Fit:
        if stop is None:
            one = "one " if self.units == 1 else ""
            key = f"one {self.counted[:-1]}" if one else self.counted
            stop = Stop(key, unit, unit, facts={self.counted: self.units})
        final = self._state_at(stop.keep, (unit, state))
        loss, norm, validation = self.loop.measure(final)
        now = time.perf_counter() - self.clock
        if self.batching is None and stop.index == stop.keep and (
            not len(self.history) or self.history.epoch[-1] < stop.index
        ):
            # The parameters after the last step have not been recorded by the loop.
            found = [np.array([v]) for v in (stop.index, loss, norm, validation, now)]
            self._write(*found)
            late = self.watch.read(stop.index, found[1], found[2], None, self._watched(found[3]))
            if late is not None and not stop.converged and late.kind in ("non-finite", "growth", "gradient"):
                stop = late
                if stop.keep != stop.index:
                    final = self._state_at(stop.keep, (unit, state))
                    loss, norm, validation = self.loop.measure(final)
        if checkpoint is not None:
            self._save(checkpoint, unit, state)
        arrays = self.loop.read(final)
        free = {s.params[0]: a for s, a in zip(self.step.symbols, arrays)}
        steps = self._steps(stop.keep)
        fit = Fit(
            parameters=self.objective.external(free),
            loss=self.sign * loss,
            reason=stop.text(),
            converged=stop.converged,
            steps=steps,
            epochs=stop.keep,
            history=self.history,
            solver=self.optimizer.name,
            target=self.loop.target,
            plan=plan.text(self.loop),
            seconds=time.perf_counter() - self.clock,
            objective=self.objective,
            stop=stop,
            free=free,
            gradient_norm=norm,
            validation_loss=self.sign * validation,
            details={"setup": self.setup, "optimizer": self.optimizer, "proof": self.proof, "batching": self.batching},
        )
        for callback in callbacks:
            callback.end(fit)
        return fit

    # --- checkpoints ------------------------------------------------------------------------------------

    def _fingerprint(self) -> dict[str, Any]:
        shapes = {n: list(np.shape(a)) for n, a in self.objective.data.items()}
        batching = self.batching
        return {
            "loss": self.objective.loss.text(),
            "optimizer": [repr(p) for p in self.optimizer.parts],
            "numbers": self.optimizer.numbers,
            "rate": repr(self.optimizer.learning_rate),
            "shapes": shapes,
            "dtype": self.setup.dtype.name,
            "batches": None if batching is None else [batching.size, batching.shuffle, batching.seed],
        }

    def _save(self, path: Any, unit: int, state: State) -> None:
        states = {u: (self.loop.read(s), s.extra) for u, s in [*self._needed(unit), (unit, state)]}
        run_state.save(
            path, self._fingerprint(), self.loop.target, unit, states, self.watch.state(), self.history.to_dict(),
            time.perf_counter() - self.clock, self.last_moved,
        )  # fmt: skip


def _held_out(objective: Objective, validation: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    if validation is None:
        return None
    return dict(objective.with_data(validation).data)


class _Pace:
    """How many units go into the next call: a fraction of a second, and up to the next callback."""

    def __init__(self, callbacks: Sequence[Callback]):
        self.every = [c.every for c in callbacks if c.every]
        self.unit_seconds: float | None = None
        self.last = 16

    def took(self, count: int, seconds: float) -> None:
        per = seconds / count
        # The first call may hold a compilation; a slow one is forgotten as soon as a faster one is seen.
        self.unit_seconds = per if self.unit_seconds is None else min(self.unit_seconds, per)
        self.last = count

    def count(self, unit: int, units: int, limit: float | None, elapsed: float) -> int:
        count = 16
        if self.unit_seconds is not None:
            wanted = CHUNK_SECONDS
            if limit is not None:
                wanted = min(wanted, max(limit - elapsed, 0.0) / 2 + 1e-3)
            count = max(1, min(int(wanted / max(self.unit_seconds, 1e-9)), self.last * 64))
        for every in self.every:
            count = min(count, every - unit % every)
        return max(1, min(count, units - unit))


__all__ = ["descend"]
