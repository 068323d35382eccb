"""Any formula over the columns of a table, fitted, with standard errors where the formula gives them.

A sum or mean of squares is least squares: s²(JᵀJ)⁻¹ with s² = rss/(n − p). Anything else is taken as a negative
log-likelihood, total or mean over rows: the inverse of its exact Hessian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.tables import Table
from gradwork.diff.api import grad
from gradwork.errors import GradworkError, ShapeError, TableError
from gradwork.expr import Dim, Expr, scalar, vector
from gradwork.learn.fit import Fit
from gradwork.learn.front import _run
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import squares
from gradwork.models.uncertainty import uncertainty
from gradwork.models.words import say
from gradwork.ops.arithmetic import ADD, total
from gradwork.rewrite import normalise
from gradwork.stats.inference import Inference, coefficient_table
from gradwork.stats.metrics import RegressionMetrics, regression_metrics
from gradwork.stats.summary import Block, FitSummary, format_summary, regression_facts

Array = NDArray[Any]


@dataclass(eq=False)
class FittedFormula:
    """A formula with its parameters.

    formula:    its text;  expression: the same as an expression;  names: the parameters.
    estimate:   p numbers; covariance: p×p; df: of Student's t, or None for the normal distribution.
    prediction: what predicts the column `target`, where the formula is made of residuals target − prediction.
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
    notes: tuple[str, ...] = ()
    source: str = "the table"
    maximised: bool = False
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
        return "" if self.prediction is None else f"{self.target} = {self.prediction}"

    @property
    def formatted(self) -> FitSummary:
        """The summary as data."""
        facts = regression_facts(self.metrics) if self.metrics is not None else ()
        return FitSummary(self.heading, self.equation, self.blocks, facts, self.notes)

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
        from gradwork.learn.diagnosis import diagnose

        return diagnose(self.fit, flags=flags)

    def predict(self, data: Any) -> Array:
        """Return the prediction for new rows; GradworkError where the formula does not show what it predicts."""
        if self.prediction is None:
            raise GradworkError(f"the formula {self.formula} does not show a column minus a prediction")
        table = _read(data)
        needed = [name for name in self.prediction.symbols if name not in self.names]
        values = {name: _numbers(table, name) for name in needed}
        found = np.asarray(self.prediction.evaluate(**values, **self.coefficients))
        return np.full(table.rows, float(found)) if found.ndim == 0 else found

    def spec(self) -> dict[str, Any]:
        """Return the fit as plain data, from which `from_spec` makes it again."""
        from gradwork.models.fitted import _plain

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
            "notes": list(self.notes),
            "metrics": None
            if self.metrics is None
            else {"class": type(self.metrics).__name__, **_plain(self.metrics)},
            "source": self.source,
        }

    @classmethod
    def from_spec(cls, data: Any) -> FittedFormula:
        """Return the fit from plain data; TableError if it was tampered with. The formula is parsed, never run."""
        try:
            names, columns = tuple(map(str, data["names"])), tuple(map(str, data["columns"]))
            expression = parse_columns(str(data["formula"]), columns, names)
            estimate = np.asarray(data["estimate"], dtype=float)
            covariance = np.asarray(data["covariance"], dtype=float)
            p = len(names)
            if estimate.shape != (p,) or covariance.shape != (p, p):
                raise ValueError("shapes")
            target, prediction = predicts(expression, names)
            return cls(
                str(data["formula"]), expression, names, estimate, covariance,
                None if data["df"] is None else float(data["df"]), columns, int(data["rows"]), None, target,
                prediction, _regression(data["metrics"]),
                float("nan") if data["sigma"] is None else float(data["sigma"]), float(data["level"]),
                str(data["heading"]), tuple(map(str, data["notes"])), str(data["source"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise TableError("the description of the model is damaged") from error


def _regression(data: Any) -> RegressionMetrics | None:
    from gradwork.models.fitted import _metrics

    found = _metrics(data)
    if found is not None and not isinstance(found, RegressionMetrics):
        raise ValueError("metrics")
    return found


def parse_params(params: Any) -> dict[str, float]:
    """Return the starts of parameters from "a=1, k=0.1", or from a mapping.

    >>> parse_params("a=1, k = 0.1")
    {'a': 1.0, 'k': 0.1}
    """
    if isinstance(params, Mapping):
        pairs = list(params.items())
    elif isinstance(params, str) and params.strip():
        pairs = []
        for part in params.split(","):
            name, sign, value = part.partition("=")
            if not sign:
                raise GradworkError(f"a parameter is given with its start, as in a=1; got '{part.strip()}'")
            pairs.append((name.strip(), value.strip()))
    else:
        raise GradworkError('name the parameters of the formula with their starts: params="a=1, k=0.1"')
    found: dict[str, float] = {}
    for name, value in pairs:
        if not isinstance(name, str) or not name.isidentifier():
            raise GradworkError(f"a parameter's name is letters, digits and underscores, not {name!r}")
        if name in found:
            raise GradworkError(f"the parameter {name} is given twice")
        try:
            found[name] = float(value)
        except (TypeError, ValueError) as error:
            raise GradworkError(f"the start of {name} is a number, not {value!r}") from error
        if not np.isfinite(found[name]):
            raise GradworkError(f"the start of {name} is {found[name]}; it must be finite")
    return found


def parse_columns(formula: str, columns: tuple[str, ...], parameters: tuple[str, ...]) -> Expr:
    """Return a formula whose names are columns (vectors of size n) and parameters (numbers)."""
    from gradwork.formula import parse

    size = Dim.of("n" if "n" not in {*columns, *parameters} else "rows_")
    symbols = {name: vector(name, size) for name in columns} | {name: scalar(name) for name in parameters}
    return parse(formula, symbols=symbols)


def _named(formula: str) -> list[str]:
    from gradwork.formula.lexer import tokenize

    return list(dict.fromkeys(t.text for t in tokenize(formula) if t.kind == "name"))


def fit_formula(
    table: Table,
    formula: str,
    params: Any,
    *,
    bounds: Any,
    missing: str,
    cov: str | None,
    options: dict[str, Any],
) -> FittedFormula:
    """Return a formula fitted to the columns of a table (see `gradwork.fit`)."""
    starts, level = parse_params(params), options.pop("level")
    used = tuple(name for name in _named(formula) if name in table and name not in starts)
    expression = parse_columns(formula, used, tuple(starts))
    _check_names(expression, table, starts, used)
    if expression.ndim:
        raise ShapeError("the formula is one number for each row; take its mean or sum")
    data, rows, notes = _columns(table, used, missing)
    objective = Objective(
        expression, starts, data, options.pop("dtype"), seed=options.pop("seed"), bounds=_limits(bounds)
    )
    solver = options.pop("solver")
    run = _run(
        objective, None if solver == "auto" else solver, options["optimizer"], options["learning_rate"],
        options["epochs"], None, options["batch_size"], True, options["stopping"], None, options["schedule"],
        options["callbacks"], options["target"], None, options["checkpoint"], options["resume"], "epoch",
    )  # fmt: skip
    names = tuple(starts)
    estimate = np.array([float(run.parameters[name]) for name in names])
    found = uncertainty(expression, run.parameters, data, cov)
    target, prediction = predicts(expression, names)
    metrics = None
    if prediction is not None and found.squared:
        fitted = np.broadcast_to(np.asarray(prediction.evaluate(**_held(prediction, data, run))), rows)
        metrics = regression_metrics(data[target], fitted, len(names))
    notes += found.notes
    if not run.converged:
        notes.append(say("stopped", reason=run.reason))
    how = run.reason.removeprefix("solved in ") if run.solver == "closed" else run.solver
    heading = say("formula heading", source=table.source, rows=rows, formula=formula, how=how)
    return FittedFormula(
        formula, expression, names, estimate, found.covariance, found.df, used, rows, run, target, prediction,
        metrics, found.sigma, level, heading, tuple(notes), table.source,
    )  # fmt: skip


def _limits(bounds: Any) -> Any:
    return dict(bounds) if bounds else None


def _held(x: Expr, data: Mapping[str, Array], run: Fit) -> dict[str, Any]:
    return {name: data[name] if name in data else run.parameters[name] for name in x.symbols}


def _check_names(expression: Expr, table: Table, starts: Mapping[str, float], used: tuple[str, ...]) -> None:
    held = expression.symbols
    for name in starts:
        if name not in held:
            raise GradworkError(f"the parameter {name} is not in the formula")
    unknown = [name for name in held if name not in starts and name not in used]
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], [*table.names, *starts], 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        shown = ", ".join(table.names[:30])
        raise GradworkError(
            f"the formula names {unknown[0]}, which is neither a column nor a parameter{hint}\n  columns: {shown}"
        )
    if not used:
        raise GradworkError(
            f"the formula names no column of {table.source}; columns: {', '.join(table.names[:30])}"
        )


def _columns(table: Table, used: tuple[str, ...], missing: str) -> tuple[dict[str, Array], int, list[str]]:
    values = {name: table.numbers(name) for name in used}
    gone = np.logical_or.reduce([np.isnan(v) for v in values.values()])
    if not gone.any():
        return values, table.rows, []
    rows = table.row_numbers(np.flatnonzero(gone))
    if missing == "error":
        first = next(name for name, v in values.items() if np.isnan(v).any())
        raise TableError(
            f"{table.source}: values are missing in {rows} (the first column of them is '{first}')\n"
            "  --missing drop leaves such rows out"
        )
    if missing != "drop":
        raise TableError(f"for a formula missing is 'error' or 'drop', not {missing!r}")
    kept = int((~gone).sum())
    if kept == 0:
        raise TableError(f"{table.source}: every row misses a value that the formula needs")
    notes = [f"{int(gone.sum())} of {table.rows} rows miss values and were left out"]
    return {name: v[~gone] for name, v in values.items()}, kept, notes


def _read(data: Any) -> Table:
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        from gradwork.data.reading import read_table

        return read_table(data)
    return Table.from_any(data)


def _numbers(table: Table, name: str) -> Array:
    values = table.numbers(name)
    if np.isnan(values).any():
        raise TableError(
            f"{table.place(int(np.flatnonzero(np.isnan(values))[0]), name)}: the value is missing"
        )
    return values


def predicts(expression: Expr, names: tuple[str, ...]) -> tuple[str, Expr | None]:
    """Return the column that a sum of squared residuals predicts, and by what: r = y − ŷ gives y and ŷ.

    >>> target, prediction = predicts(parse_columns("mean((y - a*x)^2)", ("y", "x"), ("a",)), ("a",))
    >>> print(target, "=", prediction)
    y = ax
    """
    symbols = [expression.symbols[name] for name in names]
    found = squares(expression, symbols)
    if found is None or len(found.blocks) != 1:
        return "", None
    r = found.blocks[0].r
    terms = r.args if r.op is ADD else ()
    for sign in (1, -1):
        for term in terms:
            y = normalise(sign * term)
            if y.op.name != "symbol" or y.ndim != 1:
                continue
            # r = ±(y − ŷ): what is left, turned round, is ŷ.
            rest = [normalise(-sign * other) for other in terms if other is not term]
            if rest and not any(y.params[0] in other.symbols for other in rest):
                return y.params[0], normalise(total(rest, r.shape))
    return "", None
