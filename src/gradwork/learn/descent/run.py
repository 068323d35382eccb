"""Descent: an objective, an optimizer and data become a run, in whole loops on NumPy or compiled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from gradwork.errors import GradworkError
from gradwork.learn.callbacks import Callback, Progress, as_callbacks
from gradwork.learn.checked import check_start
from gradwork.learn.descent import checkpoint as save_file
from gradwork.learn.descent import run_state
from gradwork.learn.descent.loops import Record, State
from gradwork.learn.descent.pace import Pace
from gradwork.learn.descent.plans import Plan, choose
from gradwork.learn.descent.recorder import Recorder
from gradwork.learn.descent.request import Request
from gradwork.learn.diagnosis.unbounded import facts as unbounded_facts
from gradwork.learn.diagnosis.unbounded import falls_without_end
from gradwork.learn.fit import Fit
from gradwork.learn.history import History
from gradwork.learn.interrupt import interruptible
from gradwork.learn.optimizers.named import Optimizer
from gradwork.learn.settings import DESCEND, Descending, opens
from gradwork.learn.stopping import Stop, Watch
from gradwork.words.notes import Line

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective


@opens(DESCEND)
def descend(objective: Objective, optimizer: Optimizer | str = "sgd", **options: Unpack[Descending]) -> Fit:
    """Return the fit that gradient descent reaches.

        θ ← θ − η · direction(∇f(θ), earlier gradients)

    optimizer:   an optimizer or its name.
    epochs:      passes over the data: 1000 by default, 100 with batches. Without batches an epoch is one step
                 (`steps` says the same).
    batch_size:  rows of a batch; the formula must be a sum or mean over rows, else NotRows is raised. None takes
                 all rows in each step.
    shuffle:     draw the batches without replacement, in an order by seed and epoch; else in the data's order.
    stopping:    when to end earlier (see Stopping); its seconds count from the call, deriving and compiling included.
    validation:  the data symbols over rows that are held out; their loss is recorded each epoch.
    schedule:    a learning-rate schedule in place of the optimizer's rate.
    callbacks:   callbacks or functions of the Progress; `progress` is one more.
    target:      "numpy", "xla", or "auto": the cheaper by an estimate, which `fit.plan` shows.
    checkpoint:  a file that is written every `checkpoint_seconds` and at the end; with `resume` a run that was
                 cut off goes on from it, to the same parameters bit for bit on the same target.
    record:      "epoch", or "step" for a row of history for each batch.
    hoist:       whether parts without parameters are computed once; "auto" where it is cheaper.
    """
    began = time.perf_counter()
    return _Run(objective, optimizer, DESCEND.takes(options)).go(began)


class _Run(Request):
    checked = ""  # what was said of the gradient at the start

    # --- the run ----------------------------------------------------------------------------------------

    def go(self, began: float) -> Fit:
        asked, checkpoint = self.settings, self.settings.checkpoint
        callbacks = [*as_callbacks(asked.callbacks), *as_callbacks(asked.progress)]
        saved = self._saved(checkpoint)
        self.checked = check_start(self.objective) if saved is None else ""
        elapsed = saved.seconds if saved else 0.0
        limit = self.stopping.seconds
        left = None if limit is None else max(limit - elapsed - (time.perf_counter() - began), 0.0)
        chosen = saved.target if saved and asked.run_on == "auto" else asked.run_on
        plan = choose(self.setup, self.units, chosen, asked.hoist, left)
        self.loop, self.clock = plan.loop, began - elapsed
        self.watch = Watch(
            self.stopping,
            self.optimizer.memory or self.batching is not None,
            self.batching is not None,
            self.sign,
        )
        self.record = Recorder(self.batching, self.sign, self.optimizer)
        self.kept: list[tuple[int, State]] = []
        self.unsaved = None
        self.last_moved = np.nan
        unit, state = (0, self.loop.start(self._first())) if saved is None else self._resumed(saved)
        stop = self._start(state) if saved is None else None
        stop, unit, state = self._loop(stop, unit, state, callbacks, Pace(callbacks, plan.unit_seconds))
        return self._finish(stop, unit, state, plan, callbacks, checkpoint, saved.unit if saved else 0)

    def _saved(self, checkpoint: Any) -> Any:
        if checkpoint is not None:
            save_file.check(checkpoint)
        saved = run_state.load(checkpoint, self.fingerprint) if self.settings.resume else None
        if saved is not None and saved.unit > self.units:
            raise GradworkError(
                "checkpoint holds more than asked",
                checkpoint=checkpoint,
                unit=saved.unit,
                counted=self.counted,
                units=self.units,
            )
        return saved

    def _resumed(self, saved: Any) -> tuple[int, State]:
        loop, unit = self.loop, saved.unit
        self.watch.load(saved.watch)
        self.record.history = History.from_dict(saved.history)
        self.last_moved = saved.moved
        self.kept = [
            (u, replace(loop.start(arrays), extra=extra))
            for u, (arrays, extra) in saved.states.items()
            if u != unit
        ]
        return unit, replace(loop.start(saved.states[unit][0]), extra=saved.states[unit][1])

    def _loop(
        self, stop: Stop | None, unit: int, state: State, callbacks: list[Callback], pace: Pace
    ) -> tuple[Stop | None, int, State]:
        checkpoint, every = self.settings.checkpoint, self.settings.checkpoint_seconds
        next_save = time.perf_counter() + every
        self._mark(unit, state)
        with interruptible() as interrupt:
            for callback in callbacks:
                callback.begin(self._progress(unit, state))
            while stop is None and unit < self.units:
                count = pace.count(unit, self.units, self.stopping.seconds, time.perf_counter() - self.clock)
                self.kept = [*self._needed(unit), (unit, state)]
                before = time.perf_counter()
                after, found = self.loop.advance(state, unit, count)
                now = time.perf_counter()
                if len(found.loss) < count:  # Ctrl-C
                    count = len(found.loss)
                else:
                    pace.took(count, now - before)
                stop = self._read(unit, found, before, now) if count else None
                if stop is not None:
                    stop, state, unit = self._verify(stop, after, unit, count)
                    continue
                state, unit = after, unit + count
                self._mark(unit, state)
                stop = self._between(callbacks, unit, state)
                if stop is None and interrupt.asked:
                    stop = self._interrupted(unit, state)
                if checkpoint is not None and now >= next_save:
                    self._save(checkpoint)
                    next_save = time.perf_counter() + every
        return stop, unit, state

    @property
    def history(self) -> History:
        """What has been recorded so far."""
        return self.record.history

    def _first(self) -> list[np.ndarray]:
        start = self.objective.start
        parameters = [start[s.params[0]] for s in self.step.symbols]
        return [
            *parameters,
            *(np.full(start[k.parameter].shape, k.start, self.setup.dtype) for k in self.step.kept),
        ]

    def _start(self, state: State) -> Stop | None:
        # A run of epochs begins with a record of its own; full batches record the start by themselves.
        if self.batching is None:
            return None
        loss, norm, validation = self.loop.measure(state)
        self.record.write(
            np.array([0]), np.array([loss]), np.array([norm]), np.array([validation]), np.array([0.0])
        )
        return self.watch.read(
            0, np.array([loss]), np.array([norm]), None, self._watched(np.array([validation]))
        )

    def _watched(self, validation: Any) -> Any:
        return None if self.setup.validation is None else validation

    def _read(self, unit: int, found: Record, before: float, now: float) -> Stop | None:
        count = len(found.loss)
        seconds = np.linspace(before, now, count + 1) - self.clock
        if self.batching is not None:
            self.record.write(
                np.arange(unit + 1, unit + count + 1),
                found.loss,
                found.norm,
                found.validation,
                seconds[1:],
                found,
            )
            return self.watch.read(unit + 1, found.loss, None, None, found.validation)
        self.record.write(
            np.arange(unit, unit + count), found.loss, found.norm, found.validation, seconds[:-1]
        )
        moved = None
        if found.moved is not None:
            moved = np.concatenate([[self.last_moved], found.moved[:-1]])
            self.last_moved = float(found.moved[-1])
        return self.watch.read(unit, found.loss, found.norm, moved, found.validation)

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
        self.record.cut(stop.index)
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

    def _progress(self, unit: int, state: State) -> Progress:
        last, now = self.history.last, time.perf_counter() - self.clock
        per_epoch = self.batching.steps if self.batching else 1
        names = [s.params[0] for s in self.step.symbols]
        values = {
            k: last.get(k, np.nan) for k in ("loss", "validation_loss", "gradient_norm", "learning_rate")
        }
        left = now / unit * (self.units - unit) if unit else np.nan
        if self.stopping.seconds is not None:
            left = min(left, self.stopping.seconds - now) if unit else self.stopping.seconds
        return Progress(
            unit=unit,
            units=self.units,
            step=unit * per_epoch,
            seconds=now,
            left=left,
            history=self.history,
            parameters=lambda: self.objective.external(dict(zip(names, self.loop.read(state)))),
            **values,
        )

    def _between(self, callbacks: Sequence[Callback], unit: int, state: State) -> Stop | None:
        for callback in callbacks:
            if callback.every is None or unit % callback.every == 0 or unit == self.units:
                why = callback.after(self._progress(unit, state))
                if isinstance(why, (str, Line)):
                    return Stop("callback", unit, unit, facts={"step": self._steps(unit), "why": why})
        limit = self.stopping.seconds
        if limit is not None and time.perf_counter() - self.clock >= limit and unit < self.units:
            return Stop("seconds", unit, unit, facts={"step": self._steps(unit), "limit": limit})
        return None

    def _steps(self, unit: int) -> int:
        return unit * (self.batching.steps if self.batching else 1)

    def _interrupted(self, unit: int, state: State) -> Stop:
        best, value = self.watch.best_at, self.watch.best
        if not np.isfinite(value):  # nothing has been recorded yet
            best, value = unit, self.loop.measure(state)[0]
        words = "interrupted, epochs" if self.batching else "interrupted"
        if self._restores():
            best, value, words = self.watch.watched_at, self.watch.watched, "interrupted, validation"
        facts = {"words": words, "step": unit, "best": best, "value": self.sign * value}
        return Stop("interrupted", unit, best, facts=facts)

    def _finish(
        self,
        stop: Stop | None,
        unit: int,
        state: State,
        plan: Plan,
        callbacks: Sequence[Callback],
        checkpoint: Any,
        begun: int,
    ) -> Fit:
        if stop is None:
            key = self.counted if self.units != 1 else f"one {self.counted[:-1]}"
            facts = {"words": key if self.asked else "epochs allowed", self.counted: self.units}
            stop = Stop(self.counted, unit, unit, facts=facts)
            if begun == unit > 0:
                stop = replace(stop, facts={"words": f"nothing left, {self.counted}", "unit": unit})
        if checkpoint is not None:
            self._save(checkpoint)
        final = self._state_at(stop.keep, (unit, state))
        loss, norm, validation = self.loop.measure(final)
        now = time.perf_counter() - self.clock
        if (
            self.batching is None
            and stop.index == stop.keep
            and (not len(self.history) or self.history.epoch[-1] < stop.index)
        ):
            # The parameters after the last step have not been recorded by the loop.
            at, one, slope, held, when = (np.array([v]) for v in (stop.index, loss, norm, validation, now))
            self.record.write(at, one, slope, held, when)
            late = self.watch.read(stop.index, one, slope, None, self._watched(held))
            if late is not None and not stop.converged and late.kind in (
                "non-finite", "growth", "gradient", "unbounded"
            ):  # fmt: skip
                stop = late
                if stop.keep != stop.index:
                    final = self._state_at(stop.keep, (unit, state))
                    loss, norm, validation = self.loop.measure(final)
        best = self.watch.watched_at
        if stop.kind in ("epochs", "steps", "seconds") and self._restores() and best < stop.keep:
            # Patience had not run out yet; who asked for it wants the best parameters all the same.
            facts = {
                "what": Line("validation loss"),
                "reason": stop.reason,
                "best": best,
                "value": self.sign * self.watch.watched,
            }
            stop = replace(stop, keep=best, facts=facts | {"words": "best kept"})
            final = self._state_at(best, (unit, state))
            loss, norm, validation = self.loop.measure(final)
        arrays = self.loop.read(final)
        vector = self.objective.pack({s.params[0]: a for s, a in zip(self.step.symbols, arrays)})
        if stop.kind == "unbounded" or (stop.converged and self._falls(vector, loss)):
            told = unbounded_facts(self.objective, vector, loss)
            stop = replace(stop, kind="unbounded", converged=False, facts=told)
        reason, blame = stop.reason, None
        if stop.kind == "non-finite":
            blame = self._blame(stop, (unit, state), arrays)
            reason = reason.plus(None if blame is None else blame.sentence)
        if self.unsaved is not None:
            reason = reason.plus(Line("unsaved", error=self.unsaved))
        free = {s.params[0]: a for s, a in zip(self.step.symbols, arrays)}
        steps = self._steps(stop.keep)
        fit = Fit(
            parameters=self.objective.external(free),
            loss=self.sign * loss,
            reason=reason,
            converged=stop.converged,
            steps=steps,
            epochs=stop.keep,
            history=self.history,
            solver=self.optimizer.name,
            target=self.loop.target,
            plan="\n".join(filter(None, [plan.text(self.loop), self.checked])),
            seconds=time.perf_counter() - self.clock,
            objective=self.objective,
            stop=stop,
            free=free,
            gradient_norm=norm,
            validation_loss=self.sign * validation,
            details={
                "setup": self.setup,
                "optimizer": self.optimizer,
                "proof": self.proof,
                "batching": self.batching,
                "nonfinite": blame,
            },
        )
        for callback in callbacks:
            callback.end(fit)
        return fit

    def _restores(self) -> bool:
        # Who waits for the validation loss to fall wants the parameters at which it was lowest.
        asked = self.stopping.patience is not None and self.stopping.restore_best
        return asked and self.setup.validation is not None and bool(np.isfinite(self.watch.watched))

    def _falls(self, vector: np.ndarray, loss: float) -> bool:
        first = self.watch.first
        start = self.objective.start_vector
        return first is not None and falls_without_end(self.objective, start, first, vector, loss, True)

    def _blame(self, stop: Stop, current: tuple[int, State], good: list[np.ndarray]) -> Any:
        from gradwork.learn.diagnosis.failure import blamed

        bad = self.loop.read(self._state_at(stop.index, current)) if stop.index <= current[0] else good
        return blamed(self.objective, self.setup, good, bad, stop.keep)

    # --- checkpoints ------------------------------------------------------------------------------------

    def _mark(self, unit: int, state: State) -> None:
        # A place to go back to: between two calls of the loop everything belongs to one moment.
        self.marked = (unit, state, self.watch.state(), self.last_moved)

    def _save(self, path: Any) -> None:
        unit, state, watch, moved = self.marked
        states = {
            u: (self.loop.read(s), s.extra) for u, s in [*self._needed(unit), (unit, state)] if u <= unit
        }
        rows = self.record.rows_before(unit)
        history = {name: column[:rows] for name, column in self.history.to_dict().items()}
        elapsed = time.perf_counter() - self.clock
        try:
            run_state.save(
                path, self.fingerprint, self.loop.target, unit, states, watch, history, elapsed, moved
            )
            self.unsaved = None
        except GradworkError as problem:  # a full disk is no reason to lose the run itself
            self.unsaved = problem


__all__ = ["descend"]
