"""One fit of a table: its columns as numbers, the run, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.batches import split
from gradwork.data.design import Design
from gradwork.data.scaling import Standardise
from gradwork.data.tables import Table
from gradwork.errors import GradworkError
from gradwork.inference.columns import Errors, beta_of, errors, parameters_of
from gradwork.inference.measures import held_facts, measures, spread_note
from gradwork.learn.callbacks import Called, Progress, as_callbacks
from gradwork.learn.fit import Fit
from gradwork.learn.front import learned, solved
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping
from gradwork.models.tables.fitted import FittedModel
from gradwork.models.tables.named import Model, build
from gradwork.models.tables.polynomial import Terms
from gradwork.models.tables.target_scale import TargetScale
from gradwork.stats.determined import spans_constant
from gradwork.stats.least_squares import least_squares
from gradwork.stats.separation import Separation, find_separation, find_zero_counts, looks_separated
from gradwork.words.numbers import short
from gradwork.words.say import say

Array = NDArray[Any]

NEWTON = 300  # parameters of a softmax model: with more L-BFGS is quicker than its Hessians
CLASSES, ROWS = 10, 5  # more classes than this need so many rows each
CLEAR = 0.999  # all rows as probable as this in their own class: the classes are separated
NEAR = 0.1  # standard errors from the minimum within which a run that was cut short has its table


class TableFit:
    """One fit: the table as numbers, then the run, then what is said of it."""

    def __init__(
        self, model: Model, made: Design, raw: Array, columns: tuple[str, ...], terms: Terms | None, table: Table,
        reason: str, level: float, notes: list[str],
    ):  # fmt: skip
        self.model, self.made, self.raw, self.columns, self.terms = model, made, raw, columns, terms
        self.table, self.reason, self.level, self.notes = table, reason, level, notes
        self.names = ("intercept", *columns) if model.intercept else tuple(columns)
        if model.name == "softmax":
            self._enough()
        self.y = made.target.onehot() if model.name == "softmax" else made.y

    def _enough(self) -> None:
        goal = self.made.target
        rows, k = len(self.raw), len(goal.levels)
        if k > CLASSES and rows < ROWS * k:
            typical = int(np.median(np.bincount(goal.codes, minlength=k)))
            key = "many classes, numbers" if not isinstance(goal.levels[0], str) else "many classes"
            raise GradworkError(say(key, target=goal.name, count=k, rows=rows, typical=typical))

    def go(
        self, solver: str, descent: dict[str, Any], *, share: float | None, scale: bool, stopping: Any, seed: int,
        cov: str | None, dtype: str, run_on: str, callbacks: Any, resume: bool,
    ) -> FittedModel:  # fmt: skip
        """Learn the model and return it."""
        training, held = self._split(share, seed)
        X, y = self.raw[training], self.y[training]
        if "delta" in self.model.options and self.model.options["delta"] is None:
            self.model = self._with_delta(X, y)
        model = self.model
        descends = any(v is not None for v in descent.values())
        closed = model.loss_name in ("mse", "rmse") and not descends and solver in ("auto", "closed")
        # Least squares by QR does not care about units; everything else learns better on scaled columns.
        scaling = None if closed or not scale else Standardise.fit(X, self.columns, model.intercept)
        Z = self.raw if scaling is None else scaling.transform(self.raw)
        objective = self._objective(Z[training], y, seed, dtype)
        if descends:
            moves = TargetScale.of(model, y) if scale and self.made.target.kind == "continuous" else None
            run = self._descend(
                objective, moves, Z, training, held, solver, descent, stopping, callbacks, run_on, resume, seed, dtype
            )  # fmt: skip
        else:
            run = self._solve(objective, solver, stopping, callbacks)
        if held is not None and not descends:
            run.validation_loss = objective.with_data({model.X: Z[held], model.y: self.y[held]}).value(
                run.vector
            )
        beta = beta_of(model, run.parameters)
        original = beta if scaling is None else scaling.to_original(beta)
        separation = self._separation(X, training, original)
        spread = errors(model, run, Z[training], y, scaling, self.names, cov, X, separation)
        return self._fitted(run, original, spread, scaling, separation, X, training, held, cov)

    def _split(self, share: float | None, seed: int) -> tuple[Array, Array | None]:
        n = len(self.raw)
        if share is None:
            return np.arange(n), None
        return split(n, share, seed, self.made.target.codes if self.made.target.levels else None)

    def _with_delta(self, X: Array, y: Array) -> Model:
        """Return the Huber model with δ = 1.345 robust standard deviations of the residuals of least squares."""
        r = least_squares(self._full(X), y).residuals
        spread = float(np.median(np.abs(r - np.median(r)))) / 0.6745
        spread = spread or float(r.std())
        return build(self.model.name, {**self.model.options, "delta": 1.345 * (spread or 1.0)})

    def _full(self, X: Array) -> Array:
        return np.column_stack([np.ones(len(X)), X]) if self.model.intercept else X

    def _objective(
        self, Z: Array, y: Array, seed: int, dtype: str, constants: dict[str, float] | None = None
    ) -> Objective:
        model = self.model
        data: dict[Any, Any] = {
            model.X: Z,
            model.y: y,
            **(model.constants if constants is None else constants),
        }
        starts: dict[Any, Any] = dict.fromkeys(model.parameters)
        if model.name == "poisson" and model.intercept and y.any():
            starts[model.parameters[-1]] = float(np.log(y.mean()))  # from b = 0 large counts are far away
        return Objective(model.loss, starts, data, dtype, seed=seed)

    def _solve(self, objective: Objective, solver: str, stopping: Any, callbacks: Any) -> Fit:
        model, watching = self.model, as_callbacks(callbacks)
        if solver == "auto" and model.name == "softmax" and objective.size > NEWTON:
            solver = "lbfgs"
        if model.family in ("binomial", "multinomial", "poisson") and "lam" not in model.constants:
            if stopping is None and solver != "lbfgs":
                # Separated classes have no minimum: there the gradient's norm ends the run, not the step.
                stopping = Stopping(gradient_norm=1e-12, growth=None)
            if model.family != "poisson":
                watching = [*watching, Called(lambda p: self._clear(objective, p), every=1)]
        run = solved(objective, solver, stopping=stopping, callbacks=watching)
        if say("separated") in run.reason:  # that is what it stopped for, and no accident
            run = replace(
                run, reason=say("separated at", step=run.steps, why=say("separated")), converged=True
            )
        return run

    def _clear(self, objective: Objective, progress: Progress) -> str | None:
        """Return why to stop where all rows are nearly certain of their classes."""
        if progress.loss > -np.log(CLEAR):
            return None
        X, y = (objective.data[s.params[0]] for s in (self.model.X, self.model.y))
        z = self._full(X) @ beta_of(self.model, dict(progress.parameters()))
        if z.ndim == 1:
            least = np.where(y > 0, z, -z).min()
        else:
            own = (z * y).sum(axis=1)
            least = (own - np.where(y > 0, -np.inf, z).max(axis=1)).min()
        return say("separated") if least > np.log(CLEAR / (1 - CLEAR)) else None

    def _descend(
        self, objective: Objective, moves: TargetScale | None, Z: Array, training: Array, held: Array | None,
        solver: str, descent: dict[str, Any], stopping: Any, callbacks: Any, run_on: str, resume: bool, seed: int,
        dtype: str,
    ) -> Fit:  # fmt: skip
        model, inner, y = self.model, objective, self.y
        if moves is not None:
            y = moves.transform(y)
            inner = self._objective(Z[training], y[training], seed, dtype, moves.constants(model))
            callbacks = moves.callbacks(callbacks, objective)
        run = learned(
            inner, solver=None if solver == "auto" else solver, optimizer=descent["optimizer"],
            learning_rate=descent["learning_rate"], epochs=descent["epochs"], batch_size=descent["batch_size"],
            stopping=stopping, validation=None if held is None else {model.X: Z[held], model.y: y[held]},
            schedule=descent["schedule"], callbacks=callbacks, target=run_on, checkpoint=descent["checkpoint"],
            resume=resume,
        )  # fmt: skip
        return run if moves is None else moves.fit(run, objective)

    # --- what is said ---

    def _means(self, X: Array, beta: Array) -> Array:
        from gradwork.run import function

        model = self.model
        program = function(model.prediction, arguments=[model.X, *model.parameters])
        return np.asarray(program(X, *parameters_of(model, beta).values()))

    def _separation(self, X: Array, training: Array, beta: Array) -> Separation | None:
        model, goal = self.model, self.made.target
        if model.family not in ("binomial", "multinomial", "poisson") or "lam" in model.constants:
            return None
        full, means = self._full(X), self._means(X, beta)
        # Near-certain rows are the cheap sign; linear programs then decide. The limit is loose because a run
        # that was stopped on the way has not separated its classes yet.
        if model.family == "poisson":
            zero = goal.y[training] == 0
            if not (means[zero] < 1e-3 * max(float(means.mean()), 1e-300)).any():
                return None
            return find_zero_counts(full, goal.y[training], self.names, goal.name)
        if not looks_separated(means, 1 - CLEAR):
            return None
        at = beta if beta.ndim > 1 else np.column_stack([np.zeros_like(beta), beta])
        return find_separation(full, goal.codes[training], self.names, goal.levels, goal.name, at)

    def _fitted(
        self, run: Fit, beta: Array, spread: Errors, scaling: Any, separation: Separation | None, X: Array,
        training: Array, held: Array | None, cov: str | None,
    ) -> FittedModel:  # fmt: skip
        model, goal = self.model, self.made.target
        notes = [*self.notes, *spread.notes]
        if separation is not None:
            notes += [separation.sentence, separation.help]
        text, far = self._unfinished(run, spread, separation)
        notes.append(text)
        if far:  # the table would test numbers that mean nothing
            spread = replace(spread, covariance=np.full_like(spread.covariance, np.nan))
        means = self._means(X, beta)
        if model.loss_name == "huber":
            inside = float((np.abs(goal.y[training] - means) <= model.constants["delta"]).mean())
            if inside < 0.5:
                notes.append(
                    say("small delta", delta=short(model.constants["delta"]), share=f"{100 * inside:.0f}")
                )
        metrics = measures(
            model, goal, means, training, spread, run, beta, cov, far, model.intercept or spans_constant(X)
        )
        notes.append(spread_note(model, goal.y[training], means, spread, cov, far))
        if held is not None:
            found = held_facts(goal, self._means(self.raw[held], beta), held)
            notes.append(say("validation", count=len(held), loss=run.validation_loss) + found)
        if model.name == "softmax":
            notes.append(say("reference class", label=goal.levels[0]))
        details = {
            "errors": spread,
            "training": training,
            "held": held,
            "fitted": means,
            "columns": self.columns,
        }
        return FittedModel(
            model, beta, self.names, spread.covariance, spread.df, self.made.encoding, self.terms, goal.name,
            goal.kind, goal.levels, len(X), metrics, spread.condition_number, float(np.sqrt(spread.sigma2)),
            self.level, self._heading(run, len(X)), self.reason, tuple(dict.fromkeys(filter(None, notes))), run,
            separation, scaling, self.table.source, details, null=spread.null,
            signs=None if separation is None else separation.signs,
        )  # fmt: skip

    def _unfinished(self, run: Fit, spread: Errors, separation: Separation | None) -> tuple[str, bool]:
        """Return what is to be said of a run that did not converge, and whether it is far from the minimum."""
        if run.converged or (separation is not None and separation.kind == "complete"):
            return "", False
        reason, stopped = run.reason.split(";")[0], getattr(run.stop, "kind", "") in ("growth", "non-finite")
        if np.isnan(spread.distance) or stopped:
            return say("unfinished", reason=reason), True
        if spread.distance > NEAR:
            return say("not converged", reason=reason, distance=short(spread.distance, 2)), True
        return say("nearly converged", reason=reason, distance=short(spread.distance, 2)), False

    def _heading(self, run: Fit, rows: int) -> str:
        features = [f.name for f in self.made.encoding.features]
        shown = ", ".join(features[:8]) + (", …" if len(features) > 8 else "")
        key = "one feature" if len(features) == 1 else "features"
        how = run.how
        return say(
            "heading", source=self.table.source, rows=rows, features=say(key, count=len(features), names=shown),
            target=self.made.target.name, kind=say(f"kind {self.made.target.kind}"), model=self.model.title, how=how,
        )  # fmt: skip
