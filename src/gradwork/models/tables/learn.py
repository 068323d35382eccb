"""One fit of a table: its columns as numbers, the run, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.batches import split
from gradwork.data.columns import number_text
from gradwork.data.design import Design
from gradwork.data.scaling import Standardise
from gradwork.data.tables import Table
from gradwork.errors import GradworkError, TableError
from gradwork.families.model import Model
from gradwork.inference.columns import Errors, beta_of, errors, parameters_of
from gradwork.inference.measures import held_facts, measures, spread_note
from gradwork.inference.uncertainty import asks_observed, sandwich_kind
from gradwork.learn.callbacks import Called, Progress, as_callbacks
from gradwork.learn.fit import Fit
from gradwork.learn.front import learned, solved
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping
from gradwork.models.settings import Settings, as_minimization
from gradwork.models.tables.fitted import FittedModel
from gradwork.models.tables.named import build
from gradwork.models.tables.polynomial import Terms
from gradwork.models.tables.target_scale import TargetScale
from gradwork.stats.determined import spans_constant
from gradwork.stats.least_squares import degrees_of_freedom, least_squares
from gradwork.stats.separation import Separation, find_separation, find_zero_counts, looks_separated
from gradwork.words.notes import Caution, Line, Note, Reason
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
        reason: Line | None, level: float, notes: list[Line],
    ):  # fmt: skip
        self.model, self.made, self.raw, self.columns, self.terms = model, made, raw, columns, terms
        self.table, self.reason, self.level, self.notes = table, reason, level, notes
        self.names = ("intercept", *columns) if model.intercept else tuple(columns)
        if model.classes:
            self._enough()
        self.y = made.target.onehot() if model.classes else made.y
        self._check_support()

    def _enough(self) -> None:
        goal = self.made.target
        rows, k = len(self.raw), len(goal.levels)
        if k > CLASSES and rows < ROWS * k:
            typical = int(np.median(np.bincount(goal.codes, minlength=k)))
            key = "many classes, numbers" if not isinstance(goal.levels[0], str) else "many classes"
            raise GradworkError(key, target=goal.name, count=k, rows=rows, typical=typical)

    def _check_support(self) -> None:
        support, goal = self.model.support, self.made.target
        if goal.levels:
            return
        wrong = np.flatnonzero(~support.holds(goal.y))
        if len(wrong):
            row = int(wrong[0])
            raise TableError(
                "outside the support", place=self.table.place(int(self.made.rows[row]), goal.name),
                value=number_text(float(goal.y[row])), model=self.model.title, what=support.what,
            )  # fmt: skip

    def go(self, asked: Settings) -> FittedModel:
        """Learn the model as it was asked and return it."""
        share, seed, cov, scale = asked.validation, asked.seed, sandwich_kind(asked.cov), asked.scale
        training, held = self._split(share, seed)
        at = slice(None) if held is None else training  # all rows are not copied
        X, y = self.raw[at], self.y[at]
        self.model = model = self._with_constants(X, y)
        descends = asked.descends
        closed = model.squares and not descends and asked.solver in (None, "auto", "closed")
        # Least squares by QR does not care about units; everything else learns better on scaled columns.
        scaling = None if closed or not scale else Standardise.fit(X, self.columns, model.intercept)
        Z = self.raw if scaling is None else scaling.transform(self.raw)
        objective = self._objective(Z[at], y, asked)
        if descends:
            run = self._descend(
                objective, TargetScale.of(model, y) if scale else None, Z, training, held, asked
            )
        else:
            run = self._solve(objective, asked)
        if held is not None and not descends:
            run.validation_loss = objective.with_data({model.X: Z[held], model.y: self.y[held]}).value(
                run.vector
            )
        beta = beta_of(model, run.parameters)
        original = beta if scaling is None else scaling.to_original(beta)
        separation = self._separation(X, training, original)
        spread = errors(
            model, run, Z[at], y, scaling, self.names, cov, X, separation, asks_observed(asked.cov)
        )  # fmt: skip
        if spread.exact:
            original = self._without_rounding(original, X, y)
        return self._fitted(run, original, spread, scaling, separation, X, training, held, cov)

    def _without_rounding(self, beta: Array, X: Array, y: Array) -> Array:
        """Return the coefficients of an exact fit, zero where what they add to each row is nothing but rounding."""
        largest = np.abs(X).max(axis=0)
        largest = np.append(1.0, largest) if self.model.intercept else largest
        return np.where(np.abs(beta) * largest <= 16 * np.finfo(float).eps * np.abs(y).max(), 0.0, beta)

    def _split(self, share: float | None, seed: int) -> tuple[Array, Array | None]:
        n = len(self.raw)
        if share is None:
            return np.arange(n), None
        return split(n, share, seed, self.made.target.codes if self.made.target.levels else None)

    def _with_constants(self, X: Array, y: Array) -> Model:
        """Return the model with the constants of its loss that were left open, from the residuals of least squares."""
        block = self.model.block
        left = [name for name in (block.constants if block else ()) if name not in self.model.constants]
        if block is None or not left or not self.model.own:
            return self.model
        r = least_squares(self._full(X), y).residuals
        chosen = {name: block.constants[name].default(r) for name in left}
        return build(self.model.name, {**self.model.options, **chosen})

    def _full(self, X: Array) -> Array:
        return np.column_stack([np.ones(len(X)), X]) if self.model.intercept else X

    def _objective(
        self, Z: Array, y: Array, asked: Settings, constants: dict[str, float] | None = None
    ) -> Objective:
        model = self.model
        data: dict[Any, Any] = {
            model.X: Z,
            model.y: y,
            **(model.constants if constants is None else constants),
        }
        starts: dict[Any, Any] = dict.fromkeys(model.parameters)
        block = model.block
        if model.intercept and model.own and block is not None and block.starts and block.null is not None:
            starts[model.parameters[-1]] = block.null(y)  # from b = 0 large numbers are far away
        return Objective(model.loss, starts, data, asked.dtype, seed=asked.seed)

    def _solve(self, objective: Objective, asked: Settings) -> Fit:
        model, solver, stopping = self.model, asked.solver or "auto", asked.stopping
        watching = [*as_callbacks(asked.callbacks), *as_callbacks(asked.progress)]
        if solver == "auto" and model.classes and objective.size > NEWTON:
            solver = "lbfgs"
        if apart := self._separates():
            if stopping is None and solver != "lbfgs":
                # Separated classes have no minimum: there the gradient's norm ends the run, not the step.
                stopping = Stopping(gradient_norm=1e-12, growth=None)
            if apart == "classes":
                watching = [*watching, Called(lambda p: self._clear(objective, p), every=1)]
        run = solved(objective, solver, stopping=stopping, steps=asked.steps, callbacks=watching)
        if run.reason.says("separated"):  # that is what it stopped for, and no accident
            run = replace(
                run, reason=Reason("separated at", step=run.steps, why=Line("separated")), converged=True
            )
        return run

    def _separates(self) -> str:
        """Return how parts of the data may put the maximum of this likelihood at infinity; "" where they cannot."""
        block = self.model.block
        return block.separates if block is not None and self.model.penalty is None else ""

    def _clear(self, objective: Objective, progress: Progress) -> Line | None:
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
        return Line("separated") if least > np.log(CLEAR / (1 - CLEAR)) else None

    def _descend(
        self,
        objective: Objective,
        moves: TargetScale | None,
        Z: Array,
        training: Array,
        held: Array | None,
        asked: Settings,
    ) -> Fit:
        model, inner, y = self.model, objective, self.y
        callbacks: Any = [*as_callbacks(asked.callbacks), *as_callbacks(asked.progress)]
        if moves is not None:
            y = moves.transform(y)
            inner = self._objective(Z[training], y[training], asked, moves.constants(model))
            callbacks = moves.callbacks(callbacks, objective)
        validation = None if held is None else {model.X: Z[held], model.y: y[held]}
        run = learned(inner, as_minimization(asked, validation).but(callbacks=callbacks, progress=None))
        return run if moves is None else moves.fit(run, objective)

    # --- what is said ---

    def _means(self, X: Array, beta: Array) -> Array:
        model = self.model
        return model.by_row(model.prediction, {model.X.params[0]: X, **parameters_of(model, beta)})

    def _losses(self, X: Array, y: Array, beta: Array) -> Array:
        """Return the loss of each row, with coefficients on the original scale."""
        model = self.model
        data = {model.X.params[0]: X, model.y.params[0]: y}
        return model.by_row(model.rows, {**data, **parameters_of(model, beta), **model.constants})

    def _deviations(self, X: Array, beta: Array) -> Array | None:
        """Return the standard deviation of each row, up to the dispersion; None where all rows have the same."""
        model = self.model
        if model.unit is None or model.classes or not model.likelihood or model.unit.quadratic:
            return None
        z = self._full(X) @ beta
        variances = model.unit.variances(np.zeros(len(z)), z, model.constants)
        return np.sqrt(np.maximum(variances, 1e-300)) if np.isfinite(variances).all() else None

    def _separation(self, X: Array, training: Array, beta: Array) -> Separation | None:
        goal, apart = self.made.target, self._separates()
        if not apart:
            return None
        full, means = self._full(X), self._means(X, beta)
        # Near-certain rows are the cheap sign; linear programs then decide. The limit is loose because a run
        # that was stopped on the way has not separated its classes yet.
        if apart == "zeros":
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
        notes: list[Line | None] = [*self.notes, *spread.notes]
        if separation is not None:
            notes += [separation.sentence, separation.help]
        text, far = self._unfinished(run, spread, separation)
        notes.append(text)
        if far:  # the table would test numbers that mean nothing
            spread = replace(spread, covariance=np.full_like(spread.covariance, np.nan))
        if spread.df == 1 and np.isfinite(spread.covariance).any():  # of intervals that are shown
            notes += degrees_of_freedom(len(X), len(self.names), len(X) - 1)
        means = self._means(X, beta)
        if "delta" in model.constants and spread.curved < 0.5:
            notes.append(Caution("small delta", delta=model.constants["delta"], share=float(spread.curved)))
        y, losses = self.y[training], self._losses(X, self.y[training], beta)
        metrics = measures(
            model, y, means, losses, spread, run, beta, cov, far, model.intercept or spans_constant(X)
        )
        notes.append(spread_note(model, goal.y[training], means, spread, cov, far))
        if held is not None:
            found = held_facts(goal, self._means(self.raw[held], beta), held)
            notes.append(Note("validation", count=len(held), loss=run.validation_loss, held=found))
        if model.classes:
            notes.append(Note("reference class", label=goal.levels[0]))
        details = {
            "errors": spread,
            "training": training,
            "held": held,
            "fitted": means,
            "columns": self.columns,
            "design": self.made,
            "matrix": self.raw,
            "deviations": self._deviations(X, beta),
        }
        return FittedModel(
            model, beta, self.names, spread.covariance, spread.df, self.made.encoding, self.terms, goal.name,
            goal.kind, goal.levels, len(X), metrics, spread.condition_number, float(np.sqrt(spread.sigma2)),
            self.level, self._heading(run, len(X)), self.reason, tuple(dict.fromkeys(filter(None, notes))), run,
            separation, scaling, self.table.source, details, null=spread.null,
            signs=None if separation is None else separation.signs, dispersion=spread.dispersion,
        )  # fmt: skip

    def _unfinished(
        self, run: Fit, spread: Errors, separation: Separation | None
    ) -> tuple[Caution | None, bool]:
        """Return what is to be said of a run that did not converge, and whether it is far from the minimum."""
        if run.converged or (separation is not None and separation.kind == "complete"):
            return None, False
        reason, stopped = run.reason.alone, getattr(run.stop, "kind", "") in ("growth", "non-finite")
        if np.isnan(spread.distance) or stopped:
            return Caution("unfinished", reason=reason), True
        if spread.distance > NEAR:
            return Caution("not converged", reason=reason, distance=spread.distance), True
        return Caution("nearly converged", reason=reason, distance=spread.distance), False

    def _heading(self, run: Fit, rows: int) -> str:
        features = [f.name for f in self.made.encoding.features]
        shown = ", ".join(features[:8]) + (", …" if len(features) > 8 else "")
        key = "one feature" if len(features) == 1 else "features"
        how = run.how
        return say(
            "heading", source=self.table.source, rows=rows, features=say(key, count=len(features), names=shown),
            target=self.made.target.name, kind=say(f"kind {self.made.target.kind}"), model=self.model.title, how=how,
        )  # fmt: skip
