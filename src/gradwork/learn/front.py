"""The front door: minimise or maximise a formula."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.callbacks import as_callbacks
from gradwork.learn.descent.run import descend
from gradwork.learn.diagnosis.bounds import at_bounds
from gradwork.learn.fit import Fit
from gradwork.learn.objective import Objective
from gradwork.learn.settings import (
    BATCHES,
    DESCEND,
    DESCENT,
    DRAWS,
    ITERATIONS,
    MAXIMIZE,
    MINIMIZE,
    Minimizing,
    Settings,
    opens,
)
from gradwork.learn.solvers import SOLVERS, Solved, solve
from gradwork.words.notes import Line, Reason

FLAT = 1e-8  # a gradient's norm that says that a parameter at its bound goes no further


@opens(MINIMIZE)
def minimize(
    loss: Expr | str,
    parameters: Any,
    data: Mapping[Any, Any] | None = None,
    **options: Unpack[Minimizing],
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
    return _optimum(MINIMIZE.takes(options), loss, parameters, data, False)


@opens(MAXIMIZE)
def maximize(
    objective: Expr | str,
    parameters: Any,
    data: Mapping[Any, Any] | None = None,
    **options: Unpack[Minimizing],
) -> Fit:
    """Return the parameters at which a formula is largest: `minimize` of its negative, reported with its sign.

    >>> import gradwork as gw
    >>> p = gw.scalar("p")
    >>> fit = maximize(27 * gw.log(p) + 73 * gw.log(1 - p), {p: 0.5})
    >>> round(float(fit[p]), 12), round(fit.loss, 6)
    (0.27, -58.325884)
    """
    return _optimum(MAXIMIZE.takes(options), objective, parameters, data, True)


def _optimum(asked: Settings, formula: Expr | str, parameters: Any, data: Any, maximize: bool) -> Fit:
    made = Objective(
        _formula(formula, parameters, data), parameters, data, asked.dtype, maximize, asked.seed,
        bounds=asked.bounds, sizes=asked.sizes,
    )  # fmt: skip
    return learned(made, asked)


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


def learned(objective: Objective, asked: Settings) -> Fit:
    """Return the fit of an objective by descent where the settings ask for it, else by a solver (see `minimize`)."""
    check_way(asked, draws=objective.draws)
    if not asked.descends:
        stopping = asked.stopping
        every = [*as_callbacks(asked.callbacks), *as_callbacks(asked.progress)]
        return solved(
            objective, asked.solver or "auto", stopping=stopping, steps=asked.steps, callbacks=every
        )
    made = _optimizer(asked.optimizer, asked.solver, asked.learning_rate)
    return descend(objective, made, **asked.only(*DESCEND.records))


def check_way(asked: Settings, draws: bool = False, also: Iterable[str] = ()) -> None:
    """Raise GradworkError for settings that do not go together, or not with the solver or optimizer that is asked for.

    draws: whether something is drawn at random besides batches.   also: the ways that the model adds.
    """
    if asked.solver not in ("auto", *SOLVERS):
        raise GradworkError("no solver", given=asked.solver, known=["auto", *SOLVERS])
    by_name = asked.solver if asked.solver not in (None, "auto", "gd") else None
    if by_name and asked.optimizer is not None:
        raise GradworkError("solver or optimizer", solver=by_name)
    if by_name and asked.starts:
        first = asked.door.spelled(asked.starts[0])
        raise GradworkError("solver has no setting", solver=by_name, setting=first)
    if asked.asked("learning_rate", "schedule") == ["learning_rate", "schedule"]:
        raise GradworkError("rate or schedule")
    if asked.resume and asked.checkpoint is None:
        raise GradworkError("resume what")
    ways = {*also, *((DRAWS,) if draws or asked.batch_size is not None else ())}
    if asked.descends:
        ways |= {DESCENT, ITERATIONS, *((BATCHES,) if asked.batch_size is not None else ())}
    elif by_name != "closed":
        ways.add(ITERATIONS)
    asked.fits(ways)


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
