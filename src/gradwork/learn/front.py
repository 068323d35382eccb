"""The front door: minimise or maximise a formula."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.callbacks import as_callbacks
from gradwork.learn.descent.run import descend
from gradwork.learn.diagnosis.bounds import at_bounds
from gradwork.learn.fit import Fit
from gradwork.learn.objective import Objective
from gradwork.learn.optimizers.named import Optimizer
from gradwork.learn.optimizers.schedules import Schedule
from gradwork.learn.solvers import SOLVERS, Solved, solve
from gradwork.learn.stopping import Stopping
from gradwork.words.notes import Line, Reason

FLAT = 1e-8  # a gradient's norm that says that a parameter at its bound goes no further


def minimize(
    loss: Expr | str,
    parameters: Any,
    data: Mapping[Any, Any] | None = None,
    *,
    solver: str | None = None,
    optimizer: Optimizer | str | None = None,
    learning_rate: Any = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    bounds: Mapping[Any, Any] | None = None,
    sizes: Mapping[Any, int] | None = None,
    dtype: DTypeLike = "float64",
    seed: int = 0,
    stopping: Stopping | None = None,
    validation: Mapping[Any, Any] | None = None,
    schedule: Schedule | None = None,
    callbacks: Any = None,
    target: str = "auto",
    progress: Any = None,
    checkpoint: Any = None,
    resume: bool = False,
    record: str = "epoch",
    **unknown: Any,
) -> Fit:
    """Return the parameters at which a formula is smallest, and how they were found.

        θ* = argmin f(θ; data)

    loss:       a scalar expression, or a formula as text.
    parameters: {symbol or name: start}; a start is None, a number, an array, or a rule such as "glorot".
    data:       {symbol or name: array} for every other symbol of the formula.
    solver:     "auto" (the default: by the form of the loss, with the reason in `fit.plan`), "closed", "gd",
                "lbfgs", "newton" or "lm".
    optimizer:  descend by an optimizer in place of a solver ("sgd", "adam", gw.Adam(0.01), …). So does
                "gd" with a `learning_rate`, and any of `epochs`, `batch_size`, `schedule`, `validation`,
                `checkpoint`.
    bounds:     {symbol: (low, high)}, kept by a transformation; a symbol declared positive stays so by itself.
    stopping:   a `Stopping`: the gradient's norm, steps, time, patience.

    Raises GradworkError in one line for symbols that are neither learned nor given, arrays that do not fit,
    values that are not finite (naming row and column), and a loss that is not finite at the start.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> fit = minimize((p - 3) ** 2 + gw.exp(p), {p: 0})
    >>> round(float(fit[p]), 6), fit.converged
    (1.251758, True)
    """
    _check_options("minimize", unknown)
    formula = _formula(loss, parameters, data)
    return learned(
        Objective(formula, parameters, data, dtype, False, seed, bounds=bounds, sizes=sizes), solver=solver,
        optimizer=optimizer, learning_rate=learning_rate, epochs=epochs, steps=steps, batch_size=batch_size,
        shuffle=shuffle, stopping=stopping, validation=validation, schedule=schedule, callbacks=callbacks,
        target=target, progress=progress, checkpoint=checkpoint, resume=resume, record=record,
    )  # fmt: skip


def maximize(
    objective: Expr | str, parameters: Any, data: Mapping[Any, Any] | None = None, **options: Any
) -> Fit:
    """Return the parameters at which a formula is largest: `minimize` of its negative, reported with its sign.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> fit = maximize(27 * gw.log(p) + 73 * gw.log(1 - p), {p: 0.5})
    >>> round(float(fit[p]), 12), round(fit.loss, 6)
    (0.27, -58.325884)
    """
    allowed = minimize.__kwdefaults__ or {}
    _check_options("maximize", [name for name in options if name not in allowed])
    setup = {name: options.pop(name) for name in ("bounds", "sizes", "dtype", "seed") if name in options}
    made = Objective(_formula(objective, parameters, data), parameters, data, maximize=True, **setup)
    return learned(made, **options)


def _check_options(function: str, unknown: Iterable[str]) -> None:
    allowed = sorted(minimize.__kwdefaults__ or ())
    for name in unknown:
        near = ["learning_rate"] if name == "lr" else get_close_matches(name, allowed, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(allowed)}"
        raise GradworkError(f"{function} has no option {name!r}; {hint}")


def _formula(loss: Expr | str, parameters: Any, data: Mapping[Any, Any] | None) -> Expr:
    if not isinstance(loss, str):
        return loss
    from gradwork.formula import parse

    given = [*(parameters if isinstance(parameters, (Mapping, list, tuple)) else [parameters]), *(data or {})]
    symbols = {e.params[0]: e for e in given if isinstance(e, Expr)}
    # A number stands for a number wherever the formula lets it be one; elsewhere it fills an array.
    scalars: dict[str, tuple[()]] = {}
    for name, value in {**(parameters if isinstance(parameters, Mapping) else {}), **(data or {})}.items():
        if isinstance(name, str) and value is not None and not isinstance(value, str) and np.ndim(value) == 0:
            try:
                parse(loss, {**scalars, name: ()}, symbols=symbols, scalar=True)
            except GradworkError:
                continue
            scalars[name] = ()
    return parse(loss, scalars, symbols=symbols, scalar=True)


def learned(
    objective: Objective,
    *,
    solver: str | None = None,
    optimizer: Any = None,
    learning_rate: Any = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    stopping: Stopping | None = None,
    validation: Mapping[Any, Any] | None = None,
    schedule: Schedule | None = None,
    callbacks: Any = None,
    target: str = "auto",
    progress: Any = None,
    checkpoint: Any = None,
    resume: bool = False,
    record: str = "epoch",
) -> Fit:
    """Return the fit of an objective by descent where the options ask for it, else by a solver (see `minimize`)."""
    asked = {
        "learning_rate": learning_rate, "epochs": epochs, "batch_size": batch_size, "schedule": schedule,
        "validation": validation, "checkpoint": checkpoint,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    if stopping is not None and not isinstance(stopping, Stopping):
        raise GradworkError(f"stopping is a gw.Stopping, such as gw.Stopping(patience=10); not {stopping!r}")
    if solver not in (None, "auto", "gd"):
        if optimizer is not None:
            raise GradworkError(f"solver={solver!r} and an optimizer exclude each other: name one of them")
        if asked and solver in SOLVERS:
            first = next(iter(asked))
            raise GradworkError(
                f"solver {solver!r} has no {first}; it belongs to descent (solver='gd' or an optimizer)"
            )
    if optimizer is None and not asked:
        every = [*as_callbacks(callbacks), *as_callbacks(progress)]
        return solved(objective, solver or "auto", stopping=stopping, steps=steps, callbacks=every)
    return descend(
        objective, _optimizer(optimizer, solver, learning_rate), epochs=epochs, steps=steps, batch_size=batch_size,
        shuffle=shuffle, stopping=stopping, validation=validation, schedule=schedule, callbacks=callbacks,
        target=target, progress=progress, checkpoint=checkpoint, resume=resume, record=record,
    )  # fmt: skip


def _optimizer(optimizer: Any, solver: Any, learning_rate: Any) -> Any:
    from gradwork.learn.optimizers import named as optimizers

    if optimizer is None:
        # A rate without an optimizer is the rate of plain descent; without a rate Adam needs the least care.
        optimizer = "sgd" if learning_rate is not None or solver == "gd" else "adam"
    made = optimizers.as_optimizer(optimizer)
    return made if learning_rate is None else made.with_rate(learning_rate)


def solved(
    objective: Objective,
    solver: str = "auto",
    *,
    stopping: Any = None,
    steps: Any = None,
    callbacks: Any = None,
) -> Fit:
    """Return the fit of an objective by a solver."""
    began = time.perf_counter()
    found = solve(objective, solver, stopping=stopping, steps=steps, callbacks=callbacks)
    fit = as_fit(objective, found, time.perf_counter() - began)
    for callback in as_callbacks(callbacks):
        callback.end(fit)
    return fit


def as_fit(objective: Objective, found: Solved, seconds: float) -> Fit:
    """Return what a solver reached as a `Fit`."""
    run = found.run
    free = objective.unpack(run.vector)
    sign = -1.0 if objective.maximize else 1.0
    norm = run.history.gradient_norm
    reason, stop, bounds = run.reason, run.stop, at_bounds(objective, run.vector)
    slope = float(norm[-1]) if len(norm) else float(np.nan)
    if bounds:
        if stop.kind in ("stuck", "steps", "endless") and slope <= FLAT * max(1.0, abs(float(run.loss))):
            # A bound is never reached, so a solver's own tests of convergence fail there.
            stop = replace(stop, converged=True)
            reason = Reason("bound", step=run.steps, norm=slope)
        key = "at bound" if len(bounds) == 1 else "at bounds"
        reason = reason.plus(Line(key, names=list(bounds), bounds=list(bounds.values())))
    return Fit(
        parameters=objective.external(free),
        loss=sign * float(run.loss),
        reason=reason,
        converged=stop.converged,
        steps=run.steps,
        epochs=run.steps,
        history=run.history,
        solver=found.solver,
        target="numpy",
        plan=found.plan,
        seconds=seconds,
        objective=objective,
        stop=stop,
        free=free,
        gradient_norm=slope,
        details={"least_squares": found.least_squares, "notes": found.notes, "choice": found.reason},
    )
