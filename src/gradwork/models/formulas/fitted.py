"""Any formula over the columns of a table, fitted, with standard errors, tests and intervals where it has them.

What the formula is decides what is said: see `form` and `uncertainty`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradwork.data.batches import split
from gradwork.data.tables import Table
from gradwork.diff.api import grad, jacobian
from gradwork.errors import GradworkError, ShapeError, TableError
from gradwork.expr import Expr
from gradwork.inference.form import Form, form_of, nests_constant
from gradwork.inference.measures import ROUNDING
from gradwork.inference.uncertainty import Uncertainty, sandwich_kind, uncertainty
from gradwork.learn.diagnosis.bounds import at_bounds
from gradwork.learn.fit import Fit
from gradwork.learn.front import learned
from gradwork.learn.objective import Objective
from gradwork.models.formulas.columns import (
    as_table,
    complete,
    numbers_of,
    parse_columns,
    parse_params,
    read_formula,
    symbols_of,
)
from gradwork.models.settings import Settings, as_minimization
from gradwork.stats.determined import spans_constant
from gradwork.stats.inference import Inference, coefficient_table
from gradwork.stats.likelihoods import aic, bic
from gradwork.stats.metrics import RegressionMetrics, regression_metrics
from gradwork.stats.summary import Block, FitSummary, format_summary, regression_facts
from gradwork.store.savable import Savable
from gradwork.words.notes import Caution, Line, Note, from_data, to_data
from gradwork.words.numbers import short
from gradwork.words.say import say

Array = NDArray[Any]

NEAR = 0.1  # standard errors from the minimum within which a run that had not converged is reported as usual


@dataclass(eq=False)
class FittedFormula(Savable):
    """A formula with its parameters.

    formula:    its text;  expression: the same as an expression;  names: the parameters.
    estimate:   p numbers; covariance: p×p; df: of Student's t, or None for the normal distribution.
    columns:    the columns of the table in it; `symbols` has the symbols that stand for them.
    prediction: what predicts the column `target`, where the formula is made of residuals target − prediction.
    sigma:      the residual standard deviation, of a row of weight one.
    errors:     what the standard errors are of: "least squares", "penalised", "likelihood", "sandwich"; "" for none.
    loss:       the value of the formula at the estimate; log_likelihood: where it is recognised as a negative
                log-likelihood, as far as the formula holds its constants.
    """

    formula: str
    expression: Expr
    names: tuple[str, ...]
    estimate: Array
    covariance: Array
    df: float | None
    columns: tuple[str, ...]
    rows: int
    fit: Fit | None = None
    target: str = ""
    prediction: Expr | None = None
    metrics: RegressionMetrics | None = None
    sigma: float = float("nan")
    level: float = 0.95
    heading: str = ""
    notes: tuple[Line, ...] = ()
    source: str = "the table"
    errors: str = ""
    loss: float = float("nan")
    log_likelihood: float = float("nan")
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def coefficients(self) -> dict[str, float]:
        """The estimates by name."""
        return dict(zip(self.names, map(float, self.estimate), strict=True))

    @cached_property
    def inference(self) -> Inference:
        """Standard errors, tests and intervals."""
        return coefficient_table(self.estimate, self.covariance, self.names, self.df, self.level)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The table of parameters."""
        return (Block(self.inference),)

    @property
    def equation(self) -> str:
        """The prediction as a formula, where there is one."""
        return "" if self.prediction is None else f"{self.form.target} = {self.prediction}"

    @cached_property
    def symbols(self) -> dict[str, str]:
        """The columns in the formula, by the symbols that stand for them."""
        return {symbol: name for symbol, name in symbols_of(self.formula).items() if name in self.columns}

    def script(self, target: str = "numpy") -> str:
        """Return the training run as one standalone script, from the CSV file to the parameters (see `script`)."""
        from gradwork.models.tables.script import script

        return script(self, target)

    @cached_property
    def form(self) -> Form:
        """The formula's parts: residuals, weight, penalty."""
        return form_of(self.expression, self.names)

    @property
    def formatted(self) -> FitSummary:
        """The summary as data."""
        facts = regression_facts(self.metrics) if self.metrics is not None else self._facts()
        remarks = tuple(str(note) for note in self.notes if note.severity == "note")
        notes = tuple(str(note) for note in self.notes if note.severity != "note")
        return FitSummary(self.heading, self.equation, self.blocks, facts, notes, remarks=remarks)

    def _facts(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Return the value of the formula, and what a likelihood makes of it."""
        facts = [(say("loss word"), short(self.loss, 6))] if np.isfinite(self.loss) else []
        if np.isfinite(self.log_likelihood):
            k = len(self.names) - len(self.details.get("bounds", {}))
            facts += [
                (say("log likelihood"), short(self.log_likelihood, 6)),
                (say("aic"), short(aic(self.log_likelihood, k), 6)),
                (say("bic"), short(bic(self.log_likelihood, k, self.rows), 6)),
            ]
        return (tuple(facts),)

    def summary(self, width: int = 100) -> str:
        """Return the summary as text."""
        return format_summary(self.formatted, width)

    def __str__(self) -> str:
        return self.summary()

    @cached_property
    def derivation(self) -> Any:
        """How the gradient is derived."""
        first, *_ = grad(self.expression, list(self.names))
        return first.derivation

    def diagnosis(self, flags: bool = False) -> Any:
        """Return why the run went as it did; None for a model that was read."""
        if self.fit is None:
            return None
        from gradwork.learn.diagnosis.why import diagnose

        return diagnose(self.fit, flags=flags)

    def at(self, columns: Mapping[str, Array], rows: int) -> Array:
        """Return the prediction for columns given by name, each of as many rows."""
        if self.prediction is None:
            raise GradworkError("formula does not show column minus", formula=self.formula)
        return self._values(self.prediction, columns, rows)

    def predict(self, data: Any) -> Array:
        """Return the prediction for new rows; GradworkError where the formula does not show what it predicts."""
        table = as_table(data)
        return self.at(self._needed(table), table.rows)

    def predict_interval(
        self, data: Any, level: float | None = None, kind: str = "prediction"
    ) -> tuple[Array, Array, Array]:
        """Return the prediction of each row, and the bounds of its interval, by the delta method.

        kind: "prediction", where a new observation will lie, or "mean", where the mean lies.

            ŷ ± q √(gᵀCg + s²/w)    with g = ∂ŷ/∂θ, and without s²/w for the mean

        q is of Student's t, or of the normal distribution where the table of parameters has z; C is the covariance of
        the parameters, w the weight of the row, one where the formula has none.
        """
        level = self.level if level is None else level
        if not 0 < level < 1:
            raise GradworkError("level of interval lies between 0", level=level)
        if kind not in ("prediction", "mean"):
            raise GradworkError("interval is of prediction'", kind=kind)
        # Another loss of residuals has a covariance, but says nothing of how observations spread.
        if self.prediction is None or (self.form.found is None and kind == "prediction"):
            raise GradworkError("no interval", formula=self.formula)
        table = as_table(data)
        columns, rows = self._needed(table), table.rows
        y = self.at(columns, rows)
        held = [j for j, name in enumerate(self.names) if name in self.prediction.symbols]
        # A parameter that ended at its bound is held there, and adds nothing.
        fixed = self.details.get("bounds", {})
        lost = [self.names[j] for j in held if np.isnan(self.covariance[j, j]) and self.names[j] not in fixed]
        if lost:
            raise GradworkError("no interval undetermined", names=", ".join(lost))
        held = [j for j in held if self.names[j] not in fixed]
        G = self.gradient(columns, rows)[:, held]
        variance = np.maximum(np.einsum("ij,jk,ik->i", G, self.covariance[np.ix_(held, held)], G), 0.0)
        if kind == "prediction":
            variance = variance + self.sigma**2 / self._weights(table)
        if self.df is None:
            q = float(special.ndtri((1 + level) / 2))
        else:
            q = float(special.stdtrit(self.df, (1 + level) / 2)) if self.df > 0 else float("nan")
        return y, y - q * np.sqrt(variance), y + q * np.sqrt(variance)

    def gradient(self, columns: Mapping[str, Array], rows: int) -> Array:
        """Return ∂ŷ/∂θ for columns given by name, rows×p."""
        assert self.prediction is not None
        held, G = self.prediction.symbols, np.zeros((rows, len(self.names)))
        for j, name in enumerate(self.names):
            if name in held:
                G[:, j] = self._values(jacobian(self.prediction, held[name]), columns, rows)
        return G

    def _needed(self, table: Table) -> dict[str, Array]:
        held = self.prediction.symbols if self.prediction is not None else {}
        return {name: complete(table, name) for symbol, name in self.symbols.items() if symbol in held}

    def _weights(self, table: Table) -> Array:
        if self.form.weight is None:
            return np.ones(table.rows)
        needed = [self.symbols[name] for name in self.form.weight.symbols]
        for name in needed:
            if name not in table:
                raise GradworkError("no interval weights", name=name)
        return self._values(self.form.weight, {name: complete(table, name) for name in needed}, table.rows)

    def _values(self, x: Expr, columns: Mapping[str, Array], rows: int) -> Array:
        held = x.symbols
        values = {symbol: columns[name] for symbol, name in self.symbols.items() if symbol in held}
        values |= {name: value for name, value in self.coefficients.items() if name in held}
        # What holds no column is told how many rows there are; elsewhere the columns tell.
        dims = (
            {dim for axis in x.shape for dim in axis.names} if not held.keys() & self.symbols.keys() else ()
        )
        found = x.evaluate(**values, **dict.fromkeys(dims, rows))
        return np.broadcast_to(np.asarray(found, dtype=float), rows).copy()

    def spec(self) -> dict[str, Any]:
        """Return the fit as plain data, from which `from_spec` makes it again."""
        from gradwork.models.tables.fitted import _plain

        return {
            "type": "formula",
            "formula": self.formula,
            "names": list(self.names),
            "estimate": np.asarray(self.estimate, dtype=float),
            "covariance": np.asarray(self.covariance, dtype=float),
            "df": self.df,
            "columns": list(self.columns),
            "rows": self.rows,
            "sigma": None if np.isnan(self.sigma) else float(self.sigma),
            "level": self.level,
            "heading": self.heading,
            "notes": [to_data(note) for note in self.notes],
            "metrics": None
            if self.metrics is None
            else {"class": type(self.metrics).__name__, **_plain(self.metrics)},
            "source": self.source,
            "errors": self.errors,
            "loss": float(self.loss) if np.isfinite(self.loss) else None,
            "log_likelihood": float(self.log_likelihood) if np.isfinite(self.log_likelihood) else None,
            "bounds": dict(self.details.get("bounds", {})),
        }

    @classmethod
    def from_spec(cls, data: Any) -> FittedFormula:
        """Return the fit from plain data; TableError if it was tampered with. The formula is parsed, never run."""
        try:
            names, columns = tuple(map(str, data["names"])), tuple(map(str, data["columns"]))
            formula = str(data["formula"])
            symbols = [symbol for symbol, name in symbols_of(formula).items() if name in columns]
            expression = parse_columns(formula, symbols, names)
            estimate = np.asarray(data["estimate"], dtype=float)
            covariance = np.asarray(data["covariance"], dtype=float)
            p = len(names)
            if estimate.shape != (p,) or covariance.shape != (p, p):
                raise ValueError("shapes")
            form = form_of(expression, names)
            target = symbols_of(formula).get(form.target, "")
            return cls(
                formula, expression, names, estimate, covariance,
                None if data["df"] is None else float(data["df"]), columns, int(data["rows"]), None, target,
                form.prediction, _regression(data["metrics"]),
                float("nan") if data["sigma"] is None else float(data["sigma"]), float(data["level"]),
                str(data["heading"]), tuple(map(from_data, data["notes"])), str(data["source"]),
                str(data.get("errors", "")), _number(data.get("loss")), _number(data.get("log_likelihood")),
                {"bounds": dict(data.get("bounds", {}))},
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise TableError("description of model is damaged") from error


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _regression(data: Any) -> RegressionMetrics | None:
    from gradwork.models.tables.fitted import _metrics

    found = _metrics(data)
    if found is not None and not isinstance(found, RegressionMetrics):
        raise ValueError("metrics")
    return found


def fit_formula(table: Table, formula: str, asked: Settings) -> FittedFormula:
    """Return a formula fitted to the columns of a table (see `gradwork.fit`)."""
    starts, share, bounds = parse_params(asked.params), asked.validation, asked.bounds
    named = read_formula(formula, table, starts)
    if named.expression.ndim:
        raise ShapeError("formula is one number for each")
    every, kept, notes = numbers_of(table, named.columns, asked.missing)
    training, held = np.arange(len(kept)), None
    if share is not None:
        training, held = split(len(kept), share, asked.seed)
    data = {name: v[training] for name, v in every.items()}
    validation = None if held is None else {name: v[held] for name, v in every.items()}
    objective = Objective(
        named.expression,
        starts,
        data,
        asked.dtype,
        seed=asked.seed,
        bounds=dict(bounds) if bounds else None,
    )
    try:
        # Rows that are held out are no reason to descend: a solver's answer is scored on them.
        run = learned(objective, as_minimization(asked, validation if asked.descends else None))
    except GradworkError as error:
        raise _placed(objective, table, kept[training], error) from error
    if validation is not None:
        run.validation_loss = objective.with_data(validation).value(run.vector)
        notes.append(Note("validation", count=len(kept) - len(training), loss=run.validation_loss, held=None))
    return _fitted(
        table, formula, named.columns, objective, run, data, asked.cov, asked.level, notes, training, held
    )


def _placed(objective: Objective, table: Table, kept: Array, error: GradworkError) -> GradworkError:
    """Return an error with the row of the table in place of that among the rows that were learned."""
    if len(kept) == table.rows and table.origin is None:
        return error
    why = error.facts.get("why")
    if not isinstance(why, Line) or why.key != "nonfinite":
        return error
    row = why.facts["row"].facts["row"] - 1
    placed = why.with_facts(row=table.row_numbers([int(kept[row])]))
    return GradworkError(error.key, **{**error.facts, "why": placed})


def _fitted(
    table: Table, formula: str, columns: dict[str, str], objective: Objective, run: Fit, data: dict[str, Array],
    cov: str | None, level: float, notes: list[Line], training: Array, held: Array | None,
) -> FittedFormula:  # fmt: skip
    expression, names, rows = objective.formula, tuple(objective.parameters), len(training)
    form = form_of(expression, names)
    estimate = np.array([float(run.parameters[name]) for name in names])
    bounds = at_bounds(objective, run.vector)
    nothing = Uncertainty(np.full((len(names), len(names)), np.nan))
    # Where a run diverged there is no curvature to speak of.
    found = (
        uncertainty(expression, form, run.parameters, data, cov, bounds) if np.isfinite(run.loss) else nothing
    )
    reason = run.reason.alone
    if found.factor is not None:
        found.notes.append(Note("constants"))
    if run.converged:
        notes += found.notes
    elif found.distance <= NEAR:
        notes += [*found.notes, Caution("nearly converged", reason=reason, distance=found.distance)]
    else:
        found = nothing
        notes.append(Caution("unfinished", reason=reason))
    how = run.how
    heading = say("formula heading", source=table.source, rows=rows, formula=formula, how=how)
    fitted = FittedFormula(
        formula, expression, names, estimate, found.covariance, found.df, tuple(columns.values()), rows, run,
        columns.get(form.target, ""), form.prediction, None, found.sigma, level, heading,
        tuple(dict.fromkeys(notes)), table.source, found.kind, float(run.loss),
        float("nan") if found.factor is None else -found.factor * float(run.loss),
        {"bounds": bounds, "training": training, "held": held},
    )  # fmt: skip
    known, robust = {columns[name]: v for name, v in data.items()}, sandwich_kind(cov) is not None
    fitted.metrics = _metrics(fitted, form, found, known, robust)
    return fitted


def _metrics(
    fitted: FittedFormula, form: Form, found: Uncertainty, columns: dict[str, Array], robust: bool
) -> RegressionMetrics | None:
    """Return what a sum of squared residuals says of the fit; what it says nothing of is NaN.

    R² compares with the mean where the prediction can be one, else with zero. F tests linear models only, and a
    penalty leaves neither F nor a likelihood, and no more do robust standard errors, which do not believe in s².
    """
    if not found.kind or form.found is None or form.prediction is None:
        return None
    y, rows = columns[fitted.target], fitted.rows
    weights = None if form.weight is None else fitted._values(form.weight, columns, rows)
    G = fitted.gradient(columns, rows)
    linear = form.found.linear
    constant = spans_constant(G) or (not linear and nests_constant(form.prediction, fitted.names))
    m = regression_metrics(
        y, fitted.at(columns, rows), round(found.rank), intercept=constant, weights=weights
    )  # fmt: skip
    nan = float("nan")
    if found.kind != "least squares":  # a penalty, or deviations that are known and not estimated
        return replace(
            m, sigma=found.sigma, r2_adjusted=nan, f=nan, f_p=nan, log_likelihood=nan, aic=nan, bic=nan
        )
    if found.exact:  # what is left is rounding
        small = m.rmse <= ROUNDING * float(np.abs(y).max())
        m = replace(m, f=nan, f_p=nan, log_likelihood=nan, aic=nan, bic=nan, sigma=nan)
        return replace(m, rmse=0.0, mae=0.0) if small else m
    if robust:
        return replace(m, f=nan, f_p=nan, log_likelihood=nan, aic=nan, bic=nan)
    return m if linear else replace(m, f=nan, f_p=nan)
