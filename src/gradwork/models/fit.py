"""The front door for tables: choose a model, learn it, and say what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.batches import split
from gradwork.data.design import Design, design
from gradwork.data.scaling import Standardise
from gradwork.data.tables import Table
from gradwork.errors import GradworkError
from gradwork.learn.fit import Fit
from gradwork.learn.front import _run, solved
from gradwork.learn.objective import Objective
from gradwork.learn.stopping import Stopping
from gradwork.models.builders import Model, parse_model
from gradwork.models.fitted import FittedModel
from gradwork.models.inference import Errors, beta_of, errors
from gradwork.models.terms import Terms
from gradwork.models.uncertainty import sandwich_kind
from gradwork.models.words import KINDS, say
from gradwork.stats.likelihoods import LikelihoodMetrics, likelihood_metrics
from gradwork.stats.metrics import RegressionMetrics, regression_metrics
from gradwork.stats.numbers import short
from gradwork.stats.separation import find_separation, looks_separated

Array = NDArray[Any]

BY_KIND = {"continuous": "linear", "binary": "logistic", "categorical": "softmax", "count": "poisson"}
KIND_OF = {
    "linear": "continuous", "polynomial": "continuous", "ridge": "continuous", "logistic": "binary",
    "softmax": "categorical", "poisson": "count",
}  # fmt: skip


def fit(
    data: Any,
    target: Any = None,
    model: str | Model | None = None,
    *,
    features: Sequence[str] | None = None,
    formula: str | None = None,
    params: Any = None,
    bounds: Any = None,
    loss: str | None = None,
    intercept: bool = True,
    solver: str = "auto",
    optimizer: Any = None,
    learning_rate: Any = None,
    schedule: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    scale: bool = True,
    validation: float | None = None,
    stopping: Stopping | None = None,
    patience: int | None = None,
    seed: int = 0,
    missing: str = "error",
    unusable: str = "error",
    cov: str | None = None,
    level: float = 0.95,
    dtype: str = "float64",
    run_on: str = "auto",
    callbacks: Any = None,
    checkpoint: Any = None,
    resume: bool = False,
) -> Any:
    """Return a model that predicts one column of a table from others, or a formula fitted to its columns.

    data:     a table, a path of a CSV or Parquet file, a data frame, a dict of columns, or an array.
    target:   the column to predict (for an array: the values themselves will do).
    model:    linear, poly:3, poly:2:interactions, ridge:0.1, logistic, softmax, poisson; by default by the
              target's type, which `reason` says.
    features: the columns to predict from; all others by default.
    formula, params: a formula over the columns, say "mean((y - a*exp(-k*x))^2)", and the starts of its
              parameters, "a=1, k=0.1"; then a `FittedFormula` is returned.
    loss:     of a linear or polynomial model: mse, mae, rmse, huber, huber:1.5.
    solver:   auto, closed, gd, lbfgs, newton, lm. optimizer, learning_rate, schedule, epochs, batch_size,
              validation (a share of the rows), patience: descend in place of solving.
    scale:    standardise columns inside for whatever is not solved in closed form; coefficients are reported
              on the original scale all the same.
    missing:  "error", "drop" or "mean".
    cov:      None for the standard errors of the model, "HC0" or "HC1" (or "sandwich") for robust ones.

    >>> table = {"q1": [73, 93, 89, 96, 73], "q2": [80, 88, 91, 98, 66], "final": [152, 185, 180, 196, 142]}
    >>> fitted = fit(table, "final")
    >>> {name: round(value, 3) for name, value in fitted.coefficients.items()}
    {'intercept': -3.38, 'q1': 1.378, 'q2': 0.68}
    """
    table, target = _table(data, target)
    if formula is not None:
        from gradwork.models.formula import fit_formula

        if target is not None or model is not None or features is not None:
            raise GradworkError("a formula names its columns itself: leave target, model and features out")
        options = {
            "solver": solver, "optimizer": optimizer, "learning_rate": learning_rate, "schedule": schedule,
            "epochs": epochs, "batch_size": batch_size, "stopping": stopping, "seed": seed, "level": level,
            "dtype": dtype, "target": run_on, "callbacks": callbacks, "checkpoint": checkpoint, "resume": resume,
        }  # fmt: skip
        return fit_formula(table, formula, params, bounds=bounds, missing=missing, cov=cov, options=options)
    if params is not None:
        raise GradworkError("params belong to a formula: name the formula too")
    if target is None:
        raise GradworkError("name the target, the column to predict")
    chosen = parse_model(model, loss=loss, intercept=intercept) if isinstance(model, str) else model
    kind = None if chosen is None else KIND_OF[chosen.name]
    made = design(table, target, features, missing=missing, kind=kind, unusable=unusable)
    notes = list(made.notes)
    reason = ""
    if chosen is None:
        if loss is not None and made.target.kind != "continuous":
            raise GradworkError(f"a loss is for numbers; '{target}' is {KINDS[made.target.kind]}")
        chosen = parse_model(BY_KIND[made.target.kind], loss=loss, intercept=intercept)
        reason = say(
            "chosen",
            target=target,
            kind=KINDS[made.target.kind],
            reason=made.target.reason,
            model=chosen.title,
        )
    terms = _terms(chosen, made)
    raw = made.X if terms is None else terms.expand(made.X)
    columns = made.names if terms is None else terms.names
    work = _Work(chosen, made, raw, columns, terms, table, reason, level, notes)
    patient = stopping
    if patience is not None:
        patient = Stopping(patience=patience) if stopping is None else _patient(stopping, patience)
    descent = {
        "optimizer": optimizer, "learning_rate": learning_rate, "schedule": schedule, "epochs": epochs,
        "batch_size": batch_size, "validation": validation, "checkpoint": checkpoint,
    }  # fmt: skip
    return work.go(
        solver, descent, scale=scale, stopping=patient, seed=seed, cov=sandwich_kind(cov), dtype=dtype, run_on=run_on,
        callbacks=callbacks, resume=resume,
    )  # fmt: skip


def _table(data: Any, target: Any) -> tuple[Table, Any]:
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        from gradwork.data.reading import read_table

        return read_table(data), target
    if isinstance(data, tuple) and len(data) == 2 and target is None:
        data, target = data
    if target is not None and not isinstance(target, str):
        # Arrays: the target is a column beside those of the matrix.
        X, y = np.asarray(data), np.asarray(target)
        if X.ndim == 1:
            X = X[:, None]
        if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
            raise GradworkError(f"X is n×p and y has n values; got shapes {X.shape} and {y.shape}")
        columns = {f"x{j + 1}": X[:, j] for j in range(X.shape[1])}
        return Table.from_any({**columns, "y": y}, "the arrays"), "y"
    return Table.from_any(data), target


def _patient(stopping: Stopping, patience: int) -> Stopping:
    from dataclasses import replace

    return replace(stopping, patience=patience)


def _terms(model: Model, made: Design) -> Terms | None:
    if model.name != "polynomial":
        return None
    binary = [f.kind != "number" for f in made.encoding.features for _ in f.columns]
    return Terms.of(made.names, model.options["degree"], model.options["interactions"], binary)


class _Work:
    """One fit: the table as numbers, then the run, then what is said of it."""

    def __init__(
        self, model: Model, made: Design, raw: Array, columns: tuple[str, ...], terms: Terms | None, table: Table,
        reason: str, level: float, notes: list[str],
    ):  # fmt: skip
        self.model, self.made, self.raw, self.columns, self.terms = model, made, raw, columns, terms
        self.table, self.reason, self.level, self.notes = table, reason, level, notes
        self.names = ("intercept", *columns) if model.intercept else tuple(columns)
        self.y = made.target.onehot() if model.name == "softmax" else made.y

    def go(
        self, solver: str, descent: dict[str, Any], *, scale: bool, stopping: Any, seed: int, cov: str | None,
        dtype: str, run_on: str, callbacks: Any, resume: bool,
    ) -> FittedModel:  # fmt: skip
        model, share = self.model, descent.pop("validation")
        training, held = self._split(share, seed)
        descends = share is not None or any(v is not None for v in descent.values())
        closed = model.loss_name in ("mse", "rmse") and not descends and solver in ("auto", "closed")
        # Least squares by QR does not care about units; everything else learns better on scaled columns.
        scaling = (
            None
            if closed or not scale
            else Standardise.fit(self.raw[training], self.columns, model.intercept)
        )
        Z = self.raw if scaling is None else scaling.transform(self.raw)
        objective = self._objective(Z[training], self.y[training], seed, dtype)
        if descends:
            validation = None if held is None else {model.X: Z[held], model.y: self.y[held]}
            run = _run(
                objective, None if solver == "auto" else solver, descent["optimizer"], descent["learning_rate"],
                descent["epochs"], None, descent["batch_size"], True, stopping, validation, descent["schedule"],
                callbacks, run_on, None, descent["checkpoint"], resume, "epoch",
            )  # fmt: skip
        else:
            if stopping is None and model.family in ("binomial", "multinomial"):
                # Separated classes have no minimum: there the gradient's norm ends the run, not the step.
                stopping = Stopping(gradient_norm=1e-12, growth=None)
            run = solved(objective, solver, stopping=stopping, callbacks=callbacks)
        beta = beta_of(model, run.parameters)
        original = beta if scaling is None else scaling.to_original(beta)
        X, y = self.raw[training], self.y[training]
        separation = self._separation(X, training, original)
        spread = errors(model, run, Z[training], y, scaling, self.names, cov, X)
        return self._fitted(run, original, spread, scaling, separation, X, training, held)

    def _split(self, share: float | None, seed: int) -> tuple[Array, Array | None]:
        n = len(self.raw)
        if share is None:
            return np.arange(n), None
        stratify = self.made.target.codes if self.made.target.levels else None
        training, held = split(n, share, seed, stratify)
        return training, held

    def _objective(self, Z: Array, y: Array, seed: int, dtype: str) -> Objective:
        model = self.model
        data: dict[Any, Any] = {model.X: Z, model.y: y, **model.constants}
        return Objective(model.loss, dict.fromkeys(model.parameters), data, dtype, seed=seed)

    # --- what is said ---

    def _means(self, X: Array, beta: Array) -> Array:
        from gradwork.models.inference import parameters_of
        from gradwork.run import function

        model = self.model
        program = function(model.prediction, arguments=[model.X, *model.parameters])
        return np.asarray(program(X, *parameters_of(model, beta).values()))

    def _separation(self, X: Array, training: Array, beta: Array) -> Any:
        if self.model.family not in ("binomial", "multinomial"):
            return None
        probabilities = self._means(X, beta)
        # Near-certain rows are the cheap sign; a linear program then decides. The limit is loose because a run
        # that was stopped on the way has not separated its classes yet.
        if not looks_separated(probabilities, 1e-4):
            return None
        full = np.column_stack([np.ones(len(X)), X]) if self.model.intercept else X
        codes = self.made.target.codes[training]
        return find_separation(full, codes, self.names, self.made.target.levels, self.made.target.name)

    def _fitted(
        self,
        run: Fit,
        beta: Array,
        spread: Errors,
        scaling: Any,
        separation: Any,
        X: Array,
        training: Array,
        held: Any,
    ) -> FittedModel:
        model, goal = self.model, self.made.target
        covariance, notes = spread.covariance, [*self.notes, *spread.notes]
        if separation is not None:
            notes = [*self.notes, separation.sentence, separation.help]
            covariance = self._undetermined(covariance, separation)
        if not run.converged:
            text, far = self._unfinished(run, beta, spread, X, training)
            notes.append(text)
            # Far from the minimum the table would test numbers that mean nothing.
            covariance = np.full_like(covariance, np.nan) if far else covariance
        if held is not None:
            notes.append(say("validation", count=len(held), loss=run.validation_loss))
        if model.name == "softmax":
            notes.append(say("reference", label=goal.levels[0]))
        means = self._means(X, beta)
        details = {
            "errors": spread,
            "training": training,
            "held": held,
            "fitted": means,
            "columns": self.columns,
        }
        return FittedModel(
            model, beta, self.names, covariance, spread.df, self.made.encoding, self.terms, goal.name, goal.kind,
            goal.levels, len(X), self._metrics(means, spread, training, run), spread.condition_number,
            float(np.sqrt(spread.sigma2)), self.level, self._heading(run, len(X)), self.reason,
            tuple(dict.fromkeys(filter(None, notes))), run, separation, scaling, self.table.source, details,
        )  # fmt: skip

    def _undetermined(self, covariance: Array, separation: Any) -> Array:
        # Complete separation leaves nothing; otherwise the columns that take part (and the intercept with them)
        # have no standard error.
        p = len(self.names)
        lost = set(self.names) if separation.kind != "quasi" else {*separation.columns, "intercept"}
        gone = np.tile([name in lost for name in self.names], len(covariance) // p)
        covariance = covariance.copy()
        covariance[gone] = np.nan
        covariance[:, gone] = np.nan
        return covariance

    def _unfinished(
        self, run: Fit, beta: Array, spread: Errors, X: Array, training: Array
    ) -> tuple[str, bool]:
        reason, diverged = run.reason.split(";")[0], getattr(run.stop, "kind", "") in ("growth", "non-finite")
        if self.model.family != "normal" or self.model.name == "ridge":
            return say("stopped", reason=reason), diverged
        full = np.column_stack([np.ones(len(X)), X]) if self.model.intercept else X
        best = np.linalg.lstsq(full, self.made.y[training], rcond=None)[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = np.nanmax(np.abs(beta - best) / np.sqrt(np.diag(spread.covariance)), initial=0.0)
        if not np.isfinite(distance):
            return say("stopped", reason=reason), diverged
        return say("not converged", reason=reason, distance=short(float(distance), 2)), diverged or bool(
            distance > 1
        )

    def _metrics(
        self, means: Array, spread: Errors, training: Array, run: Fit
    ) -> RegressionMetrics | LikelihoodMetrics | None:
        model, y = self.model, self.made.y[training]
        if model.family in ("", "normal"):
            found = run.details.get("least_squares")
            residuals = found.residuals if found is not None and model.name != "ridge" else None
            return regression_metrics(
                y, means, int(round(spread.rank)), intercept=model.intercept, residuals=residuals
            )
        k = len(self.made.target.levels) if model.family == "multinomial" else 2
        p = len(self.names) * max(1, k - 1)
        return likelihood_metrics(model.family, y, means, p, (k - 1) * bool(model.intercept))

    def _heading(self, run: Fit, rows: int) -> str:
        features = [f.name for f in self.made.encoding.features]
        shown = ", ".join(features[:8]) + (", …" if len(features) > 8 else "")
        key = "one feature" if len(features) == 1 else "features"
        how = run.reason.removeprefix("solved in ") if run.solver == "closed" else run.solver
        return say(
            "heading", source=self.table.source, rows=rows, features=say(key, count=len(features), names=shown),
            target=self.made.target.name, kind=KINDS[self.made.target.kind], model=self.model.title, how=how,
        )  # fmt: skip
