"""What every solver shares: the record, the reasons to stop, interruption, and the Fit at the end.

A solver is a generator of `State`s: the start, then one for each step. The driver reads them and stops when it
must; a solver that has nothing more to do says why with `Done`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.learn.callbacks import Callback, Progress, as_callbacks
from gradwork.learn.diagnosis.unbounded import facts as facts_of
from gradwork.learn.diagnosis.unbounded import falls_without_end
from gradwork.learn.history import History
from gradwork.learn.interrupt import interruptible
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stop, Stopping, Watch
from gradwork.words.notes import Line, Reason

Array = NDArray[Any]

FLAT = 1e-8  # a gradient's norm, beside that at the start, with nothing left to gain


@dataclass(frozen=True)
class State:
    """Where a solver stands: the vector, the loss and the gradient's norm there, how far the last step went.

    `hold` says that a vanishing gradient is no reason to stop here (a saddle that the solver will leave).
    """

    vector: Array
    loss: float
    gradient_norm: float
    rate: float = float("nan")
    hold: bool = False


@dataclass(frozen=True)
class Done:
    """Why a solver has nothing more to do: a key of the sentences, whether that is convergence, and facts."""

    key: str
    converged: bool
    facts: dict[str, Any] = field(default_factory=dict)


Solver = Generator[State, None, Done]


@dataclass
class Run:
    """What a solver reached: the vector, the reason, the record."""

    vector: Array
    loss: float
    reason: Reason
    stop: Stop
    steps: int
    seconds: float
    history: History

    @property
    def converged(self) -> bool:
        """Whether a tolerance was met."""
        return self.stop.converged


def drive(
    objective: Objective,
    solver: Solver,
    *,
    stopping: Stopping,
    steps: int,
    asked: bool = True,
    callbacks: Any = None,
) -> Run:
    """Run a solver to its end or to the first reason to stop, and return what it reached.

    `asked` tells whether the number of steps was asked for, or is a default that should not have been needed.
    Ctrl-C keeps the best so far and says so. Callbacks are those of descent: `after` is called with the
    progress after each step, and a text that it returns ends the run.
    """
    sign = -1.0 if objective.maximize else 1.0
    history, watch = History(), Watch(stopping, sign=sign)
    began, best, before, last, step, best_step = time.perf_counter(), None, None, None, -1, -1
    called = as_callbacks(callbacks)
    first: State | None = None
    flat: State | None = None
    stop: Stop | None = None
    done: Done | None = None
    with interruptible() as interrupt, closing(solver):
        while True:
            try:
                with np.errstate(all="ignore"):  # trial points may overflow: they count as infinitely high
                    state = next(solver)
            except StopIteration as end:
                done = end.value
                break
            step += 1
            before, last = last, state
            if best is None or state.loss <= best.loss or not np.isfinite(best.loss):
                best, best_step = state, step
            now = time.perf_counter() - began
            history.add(
                epoch=step, step=step, loss=sign * state.loss, gradient_norm=state.gradient_norm,
                learning_rate=state.rate, seconds=now,
            )  # fmt: skip
            if first is None:
                first = state
            if flat is None and state.gradient_norm <= FLAT * min(1.0, first.gradient_norm):
                flat = state  # from where a run that goes far is on its way to a minimum at infinity
            norm = None if state.hold else np.array([state.gradient_norm])
            moved = None if before is None else np.array([_moved(before.vector, state.vector)])
            stop = watch.read(step, np.array([state.loss]), gradient_norm=norm, moved=moved)
            if stop is None and falls_without_end(
                objective, first.vector, first.loss, state.vector, state.loss
            ):
                stop = Stop("unbounded", step, step)
            if stop is None and stopping.seconds is not None and now >= stopping.seconds:
                stop = Stop("seconds", step, step, facts={"step": step, "limit": stopping.seconds})
            if stop is None and step >= steps:
                words = "steps allowed" if not asked else "one step" if steps == 1 else "steps"
                stop = Stop("steps", step, step, facts={"words": words, "steps": steps})
            if stop is None:
                stop = _called(called, objective, state, step, steps, sign, now, history)
            if stop is not None or interrupt.asked:
                break
        interrupted = interrupt.asked and stop is None and not (done is not None and done.converged)
    assert first is not None and last is not None and best is not None, "a solver yields its start"
    if (stop.converged if stop is not None else done is not None and done.converged) and falls_without_end(
        objective, first.vector, first.loss, last.vector, last.loss, converged=True
    ):
        stop, done = Stop("unbounded", step, step), None
    if interrupted:
        facts = {"step": step, "best": best_step, "value": sign * best.loss}
        stop, done = Stop("interrupted", step, best_step, facts=facts), None
    if stop is not None and stop.kind == "steps" and flat is not None:
        if np.linalg.norm(last.vector) > 1.1 * max(1.0, float(np.linalg.norm(flat.vector))):
            words = "endless above" if objective.maximize else "endless"
            told = {**facts_of(objective, last.vector, last.loss), "words": words, "steps": step}
            stop = replace(stop, kind="endless", facts=told)
    if stop is not None and stop.kind == "unbounded":
        stop = replace(stop, keep=best_step, facts=facts_of(objective, best.vector, best.loss))
    chosen, kept = (best, best_step) if stop is not None and stop.kind != "gradient" else (last, step)
    seconds = time.perf_counter() - began
    if done is not None:
        facts = {"step": step, "norm": chosen.gradient_norm, "dtype": objective.dtype.name, **done.facts}
        stop = Stop(done.key, step, kept, done.converged, facts)
        reason = stop.reason.plus(Line("stuck kink") if done.key == "stuck" else None)
    else:
        assert stop is not None
        reason = stop.reason
    return Run(chosen.vector, chosen.loss, reason, stop, step, seconds, history)


def _moved(before: Array, after: Array) -> float:
    return float(np.linalg.norm(after - before)) / max(1.0, float(np.linalg.norm(after)))


def _called(
    callbacks: Sequence[Callback], objective: Objective, state: State, step: int, steps: int, sign: float,
    seconds: float, history: History,
) -> Stop | None:  # fmt: skip
    for callback in callbacks:
        if callback.every is not None and step % callback.every:
            continue
        nan = float("nan")
        progress = Progress(
            step, steps, step, sign * state.loss, nan, state.gradient_norm, state.rate, seconds, nan, history,
            lambda: objective.external(state.vector),
        )  # fmt: skip
        why = callback.begin(progress) if step == 0 else callback.after(progress)
        if isinstance(why, (str, Line)):
            return Stop("callback", step, step, facts={"step": step, "why": why})
    return None
