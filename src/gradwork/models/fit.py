"""The front door for tables: choose a model, learn it, and say what was learned."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from gradwork.data.design import Design, design
from gradwork.data.tables import Table
from gradwork.errors import GradworkError
from gradwork.families.family import Family
from gradwork.families.model import Model, model_of
from gradwork.learn.settings import opens
from gradwork.models.networks.names import names_network
from gradwork.models.settings import (
    FIT,
    FIT_NETWORK,
    FORMULAS,
    NETWORKS,
    TABLES,
    Fitting,
    Settings,
    check_fit,
)
from gradwork.models.tables.learn import TableFit
from gradwork.models.tables.named import parse_model
from gradwork.models.tables.polynomial import Terms
from gradwork.words.notes import Caution, Line, Note

BY_KIND = {"continuous": "linear", "binary": "logistic", "categorical": "softmax", "count": "poisson"}

FEW, OFTEN = 20, 5  # values of a target, and rows for each of them: labels or counts, perhaps


@opens(FIT)
def fit(
    data: Any,
    target: Any = None,
    model: str | Model | Family | None = None,
    **options: Unpack[Fitting],
) -> Any:
    """Return a model that predicts one column of a table from others, or a formula fitted to its columns.

    data:     a table, a path of a CSV or Parquet file, a data frame, a dict of columns, or an array.
    target:   the column to predict (for an array: the values themselves will do).
    model:    linear, poly:3, poly:2:interactions, ridge:0.1, logistic, softmax, poisson; by default by the
              target's type, which `reason` says. logistic:0.1, softmax:0.1 and poisson:0.1 have a penalty.
              Networks: mlp:64,32, conv:8,16, rnn:64, gru:64, lstm:64; with them their own options `activation`,
              `image`, `sequence`, `task`, `l2`, `normalise` (see `gw.models.fit_network`).
    features: the columns to predict from; all others by default.
    formula, params: a formula over the columns, say "mean((y - a*exp(-k*x))^2)", and the starts of its
              parameters, "a=1, k=0.1"; then a `FittedFormula` is returned. A column whose name is no symbol stands
              in backquotes: `petal width (cm)`.
    loss:     of a linear or polynomial model: mse, mae, rmse, huber, huber:1.5 (δ in the units of the target; by
              default 1.345 robust standard deviations of the residuals of least squares).
    solver:   auto, closed, gd, lbfgs, newton, lm. optimizer, learning_rate, schedule, epochs, batch_size,
              patience: descend in place of solving.
    validation: the share of the rows that is held out; the others are learned from, in whatever way.
    scale:    standardise columns inside for whatever is not solved in closed form, and a target of numbers for
              descent; coefficients and losses are reported on the original scale all the same.
    missing:  "error", "drop" or "mean".
    cov:      None for the standard errors of the model, "HC0" or "HC1" (or "sandwich") for robust ones; for a
              formula that is not recognised as a likelihood "observed" takes the inverse Hessian all the same.

    >>> table = {"q1": [73, 93, 89, 96, 73], "q2": [80, 88, 91, 98, 66], "final": [152, 185, 180, 196, 142]}
    >>> fitted = fit(table, "final")
    >>> {name: round(value, 3) for name, value in fitted.coefficients.items()}
    {'intercept': -3.38, 'q1': 1.378, 'q2': 0.68}
    """
    asked = FIT.takes(options)
    network = names_network(model)
    way = NETWORKS if network else TABLES if asked.formula is None else FORMULAS
    check_fit(asked, way, str(model))
    if network:
        from gradwork.models.networks.learn import fit_network

        if isinstance(data, np.ndarray) and target is not None and not isinstance(target, str):
            data, target = _table(data, target)
        return fit_network(data, target, str(model), **asked.only(*FIT_NETWORK.records))
    table, target = _table(data, target)
    if asked.formula is not None:
        from gradwork.models.formulas.fitted import fit_formula

        if target is not None or model is not None or asked.features is not None:
            raise GradworkError("formula names its columns itself")
        return fit_formula(table, asked.formula, asked)
    if target is None:
        raise GradworkError("name target column to predict")
    return _fit_table(table, target, model, asked)


def _fit_table(table: Table, target: str, model: Any, asked: Settings) -> Any:
    loss, intercept = asked.loss, asked.intercept
    if isinstance(model, Model) and asked.asked("loss", "intercept"):
        raise GradworkError("made of options", name=model.name, setting=asked.asked("loss", "intercept")[0])
    chosen = _model(model, loss, intercept)
    kind = None if chosen is None else chosen.support.kind
    constant = intercept if chosen is None else chosen.intercept
    made = design(
        table, target, asked.features, missing=asked.missing, kind=kind, unusable=asked.unusable, intercept=constant
    )  # fmt: skip
    notes = list(made.notes)
    reason: Line | None = None
    if chosen is None:
        if loss is not None and made.target.kind != "continuous":
            raise GradworkError("loss is for numbers", target=target, kind=Line(f"kind {made.target.kind}"))
        chosen = parse_model(BY_KIND[made.target.kind], loss=loss, intercept=intercept)
        reason = Note(
            "chosen",
            target=target,
            kind=Line(f"kind {made.target.kind}"),
            reason=made.target.reason,
            model=chosen.title,
        )
        if made.target.kind == "continuous" and _few(made.y):
            notes.append(Caution("few values", target=target, reason=made.target.reason))
    terms = _terms(chosen, made)
    raw = made.X if terms is None else terms.expand(made.X)
    columns = made.names if terms is None else terms.names
    return TableFit(chosen, made, raw, columns, terms, table, reason, asked.level, notes).go(asked)


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
            raise GradworkError("shapes of X and y", shape=X.shape, y_shape=y.shape)
        columns = {f"x{j + 1}": X[:, j] for j in range(X.shape[1])}
        return Table.from_any({**columns, "y": y}, "the arrays"), "y"
    return Table.from_any(data), target


def _model(model: Any, loss: str | None, intercept: bool) -> Model | None:
    if model is None or isinstance(model, Model):
        return model
    if isinstance(model, Family):
        return model_of(model, intercept=intercept)
    return parse_model(model, loss=loss, intercept=intercept)


def _few(y: np.ndarray) -> bool:
    """Tell whether numbers may well be labels or counts: few whole ones from zero or one, each of them often."""
    values = np.unique(y)
    if values[0] not in (0, 1) or len(values) > FEW or len(y) < OFTEN * len(values):
        return False
    return bool((values == np.round(values)).all())


def _terms(model: Model, made: Design) -> Terms | None:
    if model.degree is None:
        return None
    features = made.encoding.features
    binary = [f.kind != "number" for f in features for _ in f.columns]
    factors = [i for i, f in enumerate(features) for _ in f.columns]
    return Terms.of(made.names, model.degree, model.options["interactions"], binary, factors)
