"""A fitted model: its coefficients, what is known of them, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data.encoding import Encoding
from gradwork.data.tables import Table
from gradwork.diff.api import grad
from gradwork.errors import GradworkError, TableError
from gradwork.families.model import Model
from gradwork.inference.columns import parameters_of
from gradwork.inference.intervals import interval
from gradwork.models.tables.named import build, builders
from gradwork.models.tables.polynomial import Terms
from gradwork.stats.inference import Inference, coefficient_table
from gradwork.stats.likelihoods import LikelihoodMetrics
from gradwork.stats.metrics import RegressionMetrics
from gradwork.stats.summary import (
    Block,
    FitSummary,
    endless,
    format_equation,
    format_summary,
    likelihood_facts,
    regression_facts,
)
from gradwork.store.savable import Savable
from gradwork.words.notes import Line, Note, from_data, to_data
from gradwork.words.say import say

Array = NDArray[Any]


@dataclass(eq=False)
class FittedModel(Savable):
    """A model with its coefficients on the original scale.

    model:        the expressions (loss, prediction, parameters).
    beta:         p coefficients, the intercept first; for k classes p×k, zero for the first class.
    names:        of the coefficients: "intercept", then the columns (and their powers).
    covariance:   of beta, p×p; for classes those of each class but the first together.
    null:         the directions of beta of which the data say nothing, as columns; a row of zeros is a coefficient
                  that is determined, and the covariance is of these alone. signs: ±1 for estimates of ±∞.
    target, kind, levels: what is predicted.
    metrics:      of the rows that it was fitted to.
    fit:          the run (None for a model that was read from a folder).
    sigma:        the residual standard deviation of a normal model;  dispersion: φ of a family that has one.
    heading, notes: what the summary says above and below the table.
    """

    model: Model
    beta: Array
    names: tuple[str, ...]
    covariance: Array
    df: float | None
    encoding: Encoding
    terms: Terms | None
    target: str
    kind: str
    levels: tuple[Any, ...]
    rows: int
    metrics: RegressionMetrics | LikelihoodMetrics | None = None
    condition_number: float = float("nan")
    sigma: float = float("nan")
    level: float = 0.95
    heading: str = ""
    reason: Line | None = None
    notes: tuple[Line, ...] = ()
    fit: Any = None
    separation: Any = None
    scaling: Any = None
    source: str = "the table"
    details: dict[str, Any] = field(default_factory=dict)
    null: Array | None = None
    signs: Array | None = None
    dispersion: float = 1.0

    # --- what was estimated ---

    @property
    def coefficients(self) -> dict[str, Any]:
        """The estimates by name; for classes one such dict per class against the first."""
        if self.beta.ndim == 1:
            return dict(zip(self.names, map(float, self.beta), strict=True))
        return {
            str(label): dict(zip(self.names, map(float, self.beta[:, j + 1]), strict=True))
            for j, label in enumerate(self.levels[1:])
        }

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The tables of coefficients: one, or one for each class against the first."""
        if self.beta.ndim == 1:
            return (Block(self._table(np.eye(len(self.beta)), self.beta, self.signs)),)
        p, k = self.beta.shape
        signs = None if self.signs is None else self.signs.reshape(k - 1, p)
        found = []
        for j, label in enumerate(self.levels[1:]):
            own = np.eye(p * (k - 1))[j * p : (j + 1) * p]
            table = self._table(own, self.beta[:, j + 1], None if signs is None else signs[j])
            found.append(Block(table, say("class against", label=label, reference=self.levels[0])))
        return tuple(found + self._overlapping())

    def _table(self, contrast: Array, estimate: Array, signs: Array | None = None) -> Inference:
        """Return the table of linear combinations of the parameters; what is not determined has no error."""
        covariance = contrast @ self.covariance @ contrast.T
        covariance[~_seen(contrast, self.null)] = np.nan
        covariance[:, ~_seen(contrast, self.null)] = np.nan
        return coefficient_table(estimate, covariance, self.names, self.df, self.level, signs)

    def _overlapping(self) -> list[Block]:
        """Return the tables of two classes that overlap, where both are separated from the reference."""
        p, k = self.beta.shape
        if self.null is None or not self.null.shape[1] or np.isnan(self.covariance).all():
            return []
        own = np.eye(p * (k - 1)).reshape(k - 1, p, -1)
        lost = [not _seen(own[j], self.null).any() for j in range(k - 1)]
        found = []
        for a in range(k - 1):
            for b in range(a + 1, k - 1):
                contrast = own[b] - own[a]
                if lost[a] and lost[b] and _seen(contrast, self.null).any():
                    table = self._table(contrast, self.beta[:, b + 1] - self.beta[:, a + 1])
                    title = say("class against", label=self.levels[b + 1], reference=self.levels[a + 1])
                    found.append(Block(table, title))
        return found

    @property
    def inference(self) -> Inference:
        """Standard errors, tests and intervals of a model with one predictor."""
        if len(self.blocks) != 1:
            raise GradworkError("this model has one table")
        return self.blocks[0].inference

    @property
    def equation(self) -> str:
        """The model with its numbers, as one line; "" for several classes, and where an estimate has no number."""
        if self.beta.ndim > 1:
            return ""
        shown = endless(self.inference)
        if np.isnan(shown).any() or np.isinf(shown).all():
            return ""
        label = self.levels[1] if len(self.levels) == 2 else ""
        left = self.model.link.format(target=self.target, label=label)
        return format_equation(left, self.names, shown)

    @property
    def formatted(self) -> FitSummary:
        """The summary as data: heading, equation, tables, facts, notes."""
        facts: tuple = ()
        if isinstance(self.metrics, RegressionMetrics):
            facts = regression_facts(self.metrics, self.condition_number)
        elif isinstance(self.metrics, LikelihoodMetrics):
            facts = likelihood_facts(self.metrics, self.condition_number)
        remarks = tuple(str(note) for note in self.notes if note.severity == "note")
        notes = tuple(str(note) for note in self.notes if note.severity != "note")
        return FitSummary(self.heading, self.equation, self.blocks, facts, notes, remarks=remarks)

    def summary(self, width: int = 100) -> str:
        """Return the summary as text."""
        return format_summary(self.formatted, width)

    def __str__(self) -> str:
        return self.summary()

    def diagnosis(self, flags: bool = False) -> Any:
        """Return why the run went as it did (see `learn.diagnosis`); None for a model that was read.

        flags: name remedies by the options of the command line.
        """
        if self.fit is None:
            return None
        from gradwork.learn.diagnosis.why import diagnose

        # A descent on the standardised target is judged as it went, and told in the units of the table.
        run, scale = self.fit.details.get("descended", self.fit), self.fit.details.get("target_scale")
        units = 1.0 if scale is None else scale.deviation**scale.power
        labels = [self._column_of(label) for label in run.objective.labels]
        return replace(diagnose(run, flags=flags, units=units, labels=labels), reason=self.fit.reason)

    def _column_of(self, label: str) -> str:
        """Return a component of the run's parameters by its column: `w[2]` is `bmi`, `W[2,1]` that of a class."""
        name, _, places = label.rstrip("]").partition("[")
        at = [int(place) - 1 for place in places.split(",")] if places else []
        if self.model.intercept and name == self.model.parameters[-1].params[0]:
            title, classes = "intercept", at
        else:
            title, classes = self.names[at[0] + bool(self.model.intercept)], at[1:]
        if classes:
            title += f" of {self.levels[classes[0]]}"
        return title if self.scaling is None else f"{title} (standardised)"

    @cached_property
    def derivation(self) -> Any:
        """How the gradient that was descended is derived from the loss."""
        first, *_ = grad(self.model.loss, list(self.model.parameters))
        return first.derivation

    def script(self, target: str = "numpy") -> str:
        """Return the training run as one standalone script, from the CSV file to the coefficients (see `script`)."""
        from gradwork.models.tables.script import script

        return script(self, target)

    # --- what is predicted ---

    def matrix(self, data: Any) -> Array:
        """Return the columns of the model for new rows, n×(p without the intercept).

        data: a table, a frame, a dict of columns, a path, or an array with the columns in their order.
        """
        X = self.encoding.apply(as_table(data, self.encoding))
        return self.terms.expand(X) if self.terms is not None else X

    def mean(self, data: Any) -> Array:
        """Return the predicted mean of each row, or the probabilities of all classes, n×k."""
        model = self.model
        values = {model.X.params[0]: self.matrix(data), **parameters_of(model, self.beta)}
        p = model.by_row(model.prediction, values)
        return np.column_stack([1 - p, p]) if p.ndim == 1 and len(self.levels) == 2 else p

    def predict(self, data: Any) -> Array:
        """Return the prediction of each row: a number, or the label of the most probable class."""
        found = self.mean(data)
        if not self.levels:
            return found
        return np.array(self.levels, dtype=object if isinstance(self.levels[0], str) else None)[
            found.argmax(axis=1)
        ]

    def probabilities(self, data: Any) -> Array:
        """Return the probability of each class, n×k, in the order of `levels`."""
        if not self.levels:
            raise GradworkError("number has no class probabilities", target=self.target, kind=self.kind)
        return self.mean(data)

    def predict_interval(
        self, data: Any, level: float | None = None, kind: str = "prediction"
    ) -> tuple[Array, Array, Array]:
        """Return the prediction of each row, and the bounds of its interval.

        kind: "prediction", where a new observation will lie, or "mean", where the mean lies. The first adds the
        spread of the observations (normal with the residual variance, or the family's quantiles) to the uncertainty of
        the mean. For a logistic model the interval is that of the probability.

            z ± q √(xᵀCx)    with q of Student's t or the normal distribution, mapped by the inverse link
        """
        level = self.level if level is None else level
        if not 0 < level < 1:
            raise GradworkError("level of interval lies between 0", level=level)
        if kind not in ("prediction", "mean"):
            raise GradworkError("interval is of prediction'", kind=kind)
        if self.model.classes:
            raise GradworkError("intervals of several probabilities at once")
        X = self.matrix(data)
        full = np.column_stack([np.ones(len(X)), X]) if self.model.intercept else X
        z = full @ self.beta
        spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", full, self.covariance, full), 0.0))
        spread[~_seen(full, self.null)] = np.nan
        return interval(self.model, z, spread, level, kind, self.df, self.sigma, self.dispersion)

    # --- to and from plain data ---

    def spec(self) -> dict[str, Any]:
        """Return the model as plain data (arrays as NumPy arrays), from which `from_spec` makes it again.

        Raises GradworkError for a model whose expressions are not what its name and options build.
        """
        self._check_built()
        return {
            "type": "model",
            "model": self.model.name,
            "options": self.model.options,
            "beta": np.asarray(self.beta, dtype=float),
            "covariance": np.asarray(self.covariance, dtype=float),
            "names": list(self.names),
            "df": self.df,
            "encoding": self.encoding.to_dict(),
            "monomials": None if self.terms is None else [list(m) for m in self.terms.monomials],
            "target": self.target,
            "kind": self.kind,
            "levels": list(self.levels),
            "rows": self.rows,
            "dispersion": float(self.dispersion) if np.isfinite(self.dispersion) else None,
            "sigma": None if np.isnan(self.sigma) else float(self.sigma),
            "level": self.level,
            "heading": self.heading,
            "reason": None if self.reason is None else to_data(self.reason),
            "notes": [to_data(note) for note in self.notes],
            "condition_number": float(self.condition_number) if np.isfinite(self.condition_number) else None,
            "metrics": None
            if self.metrics is None
            else {"class": type(self.metrics).__name__, **_plain(self.metrics)},
            "source": self.source,
            "null": None if self.null is None or not self.null.size else self.null.tolist(),
            "signs": None if self.signs is None else [int(v) for v in self.signs],
        }

    def _check_built(self) -> None:
        known, own = builders().get(self.model.name), True
        if known is not None:
            try:
                made = build(self.model.name, self.model.options)
                own = made.loss is not self.model.loss or made.prediction is not self.model.prediction
            except (GradworkError, TypeError):
                own = True
        if own:
            raise GradworkError("own model", name=self.model.name)

    @classmethod
    def from_spec(cls, data: Any) -> FittedModel:
        """Return the model from plain data; TableError if it was tampered with."""
        try:
            encoding = Encoding.from_dict(data["encoding"])
            model = build(data["model"], dict(data["options"]))
            names = tuple(str(n) for n in data["names"])
            beta = np.asarray(data["beta"], dtype=float)
            covariance = np.asarray(data["covariance"], dtype=float)
            monomials = data["monomials"]
            terms = None
            if monomials is not None:
                terms = Terms(encoding.names, tuple(tuple(int(j) for j in m) for m in monomials))
            levels = tuple(data["levels"])
            width = len(encoding.names) if terms is None else len(terms.monomials)
            p = width + model.intercept
            classes = len(levels) if model.classes else 1
            q = p * max(classes - 1, 1)
            shape = (p, classes) if model.classes else (p,)
            if (
                len(names) != p
                or beta.shape != shape
                or covariance.shape != (q, q)
                or not np.isfinite(beta).all()
            ):
                raise ValueError("shapes")
            null = None if data.get("null") is None else np.asarray(data["null"], dtype=float)
            signs = None if data.get("signs") is None else np.asarray(data["signs"], dtype=int)
            if (null is not None and (null.ndim != 2 or len(null) != q)) or (
                signs is not None and len(signs) != q
            ):
                raise ValueError("shapes")
            if terms is not None and not all(
                0 <= j < len(encoding.names) for m in terms.monomials for j in m
            ):
                raise ValueError("monomials")
            return cls(
                model, beta, names, covariance, None if data["df"] is None else float(data["df"]), encoding, terms,
                str(data["target"]), str(data["kind"]), levels, int(data["rows"]), _metrics(data["metrics"]),
                float("nan") if data["condition_number"] is None else float(data["condition_number"]),
                float("nan") if data["sigma"] is None else float(data["sigma"]), float(data["level"]),
                str(data["heading"]), from_data(data["reason"], Note) if data["reason"] else None,
                tuple(map(from_data, data["notes"])), source=str(data["source"]),
                null=null, signs=signs, dispersion=_number(data.get("dispersion", 1.0)),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, TableError):
                raise
            raise TableError("description of model is damaged") from error


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _seen(combinations: Array, null: Array | None) -> Array:
    """Return which linear combinations of the parameters the data determine, row by row: null changes none."""
    if null is None or not null.size:
        return np.ones(len(combinations), dtype=bool)
    beyond = np.abs(combinations @ null) - 1e-8 * (np.abs(combinations) @ np.abs(null))
    return beyond.max(axis=1) <= 0


def as_table(data: Any, encoding: Encoding) -> Table:
    """Return new rows as a table with the columns of an encoding; a plain array has them in their order."""
    from gradwork.data.reading import read_table

    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return read_table(data, text_columns=encoding.text_columns)
    if isinstance(data, (np.ndarray, list, tuple)):
        return Table.from_any(data, names=[f.name for f in encoding.features])
    return Table.from_any(data)


def _plain(metrics: Any) -> dict[str, Any]:
    # JSON knows neither nan nor infinity; the text that Python reads back as such stands for them.
    found = {}
    for name, value in vars(metrics).items():
        odd = isinstance(value, float) and not np.isfinite(value)
        found[name] = repr(float(value)) if odd else value.item() if isinstance(value, np.generic) else value
    return found


def _metrics(data: Any) -> RegressionMetrics | LikelihoodMetrics | None:
    if data is None:
        return None
    values = dict(data)
    kind = {"RegressionMetrics": RegressionMetrics, "LikelihoodMetrics": LikelihoodMetrics}[
        values.pop("class")
    ]
    odd = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
    return kind(**{k: odd.get(v, v) if isinstance(v, str) else v for k, v in values.items()})
