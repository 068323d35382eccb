"""From a fitted model and its table to the content of a page: everything is read off, nothing is fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.report.content import Classes, ColumnFacts, Content, Numbers
from gradwork.report.words import say
from gradwork.stats import LikelihoodMetrics, RegressionMetrics, classification_metrics
from gradwork.stats.numbers import fixed, short
from gradwork.stats.summary import share

Array = NDArray[Any]
BARS = 18  # of the small histograms


def describe(
    fitted: Any,
    table: Any,
    design: Any,
    *,
    command: str = "",
    provenance: Sequence[tuple[str, str]] = (),
    diagnosis: str = "",
) -> Content:
    """Return what the page of a fitted model shows.

    fitted: a FittedModel fresh from its run; table: the table it was fitted to; design: its columns as numbers.
    """
    training = np.asarray(fitted.details["training"])
    raw = design.X if fitted.terms is None else fitted.terms.expand(design.X)
    outcome = _outcome(fitted, table, design, training)
    return Content(
        title=_title(fitted, table),
        heading=fitted.heading,
        target=fitted.target,
        source=table.source,
        rows=fitted.rows,
        facts=_facts(fitted, outcome),
        outcome=outcome,
        columns=columns(table, fitted.target, [f.name for f in fitted.encoding.features]),
        model_latex=_model_latex(fitted),
        model_where=_where(fitted),
        equation=fitted.equation,
        summary=fitted.formatted,
        scales=_scales(fitted, raw[training]),
        objective_latex=_objective(fitted.derivation),
        derivation=_derivation(fitted.derivation),
        certificate=_certificate(fitted.derivation),
        history=fitted.fit.history if fitted.fit.solver != "closed" else None,
        best=_best(fitted.fit),
        reason=_sentence(fitted.fit.reason),
        diagnosis=tuple(diagnosis.splitlines()),
        notes=tuple(fitted.notes),
        plan=fitted.fit.plan,
        command=command,
        provenance=tuple(provenance),
        sample=_sample(fitted),
    )


def describe_formula(
    fitted: Any,
    table: Any,
    *,
    command: str = "",
    provenance: Sequence[tuple[str, str]] = (),
    diagnosis: str = "",
) -> Content:
    """Return what the page of a fitted formula shows."""
    features = [name for name in fitted.columns if name != fitted.target]
    return Content(
        title=_formula_title(fitted, features, table),
        heading=fitted.heading,
        target=fitted.target,
        source=table.source,
        rows=fitted.rows,
        facts=_formula_facts(fitted),
        outcome=_formula_rows(fitted, table),
        columns=columns(table, fitted.target, features),
        model_latex=_formula_model(fitted),
        equation="" if fitted.prediction is None else _numbers_in(fitted),
        summary=fitted.formatted,
        objective_latex=_objective(fitted.derivation),
        derivation=_derivation(fitted.derivation),
        certificate=_certificate(fitted.derivation),
        history=fitted.fit.history if fitted.fit.solver != "closed" else None,
        best=_best(fitted.fit),
        reason=_sentence(fitted.fit.reason),
        diagnosis=tuple(diagnosis.splitlines()),
        notes=tuple(fitted.notes),
        plan=fitted.fit.plan,
        command=command,
        provenance=tuple(provenance),
        sample=say("sample", rows=f"{fitted.rows:,}") if fitted.prediction is not None else "",
    )


# --- the table ----------------------------------------------------------------------------------------------


def columns(table: Any, target: str, features: Sequence[str]) -> tuple[ColumnFacts, ...]:
    """Return the facts of every column of a table, the target first, then the features, then the rest."""
    order = [target, *features] if target in table else list(features)
    order += [name for name in table.names if name not in order]
    parts = {target: "target", **dict.fromkeys(features, "feature")} | ({target: "target"} if target else {})
    return tuple(column_facts(table[name], parts.get(name, "unused")) for name in order if name in table)


def column_facts(c: Any, role: str) -> ColumnFacts:
    """Return one column in words and as a small histogram."""
    missing = int(c.missing.sum())
    if c.kind in ("number", "boolean"):
        values = c.values[~c.missing]
        values = values[np.isfinite(values)]
        if c.kind == "boolean":
            yes = int(values.sum())
            return ColumnFacts(
                c.name, role, say("kind boolean"), say("values boolean", yes=yes, no=len(values) - yes), missing,
                (len(values) - yes, yes),
            )  # fmt: skip
        low, high, mean = (short(float(f(values)), 5) for f in (np.min, np.max, np.mean))
        key = "kind whole" if c.whole else "kind number"
        return ColumnFacts(
            c.name,
            role,
            say(key),
            say("values number", low=low, high=high, mean=mean),
            missing,
            _bars(values),
        )
    if c.kind == "text":
        codes = c.values[~c.missing].astype(int)
        counts = np.bincount(codes, minlength=len(c.levels))
        used = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
        shown = ", ".join(str(c.levels[i]) for i in used[:4]) + (", …" if len(used) > 4 else "")
        text = say("values text", count=len(used), shown=shown)
        return ColumnFacts(
            c.name, role, say("kind text"), text, missing, tuple(int(counts[i]) for i in used[:BARS])
        )
    kind = say("kind " + c.kind) if c.kind in ("date", "empty", "mixed", "other") else c.kind
    return ColumnFacts(c.name, role, kind, "", missing)


def _bars(values: Array) -> tuple[int, ...]:
    if not len(values) or np.ptp(values) == 0:
        return (len(values),)
    return tuple(np.histogram(values, BARS)[0].tolist())


# --- what the model did -------------------------------------------------------------------------------------


def _title(fitted: Any, table: Any) -> str:
    features = [f.name for f in fitted.encoding.features]
    key = "title one" if len(features) == 1 else "title"
    return say(key, target=fitted.target, feature=features[0], count=len(features), source=table.source)


def _outcome(fitted: Any, table: Any, design: Any, training: Array) -> Numbers | Classes:
    means = np.asarray(fitted.details["fitted"], dtype=float)
    if fitted.levels:
        P = np.column_stack([1 - means, means]) if means.ndim == 1 else means
        return Classes(design.target.codes[training], P, tuple(fitted.levels))
    y = design.y[training]
    counted = fitted.model.name == "poisson"
    residual = (y - means) / np.sqrt(np.maximum(means, 1e-300)) if counted else y - means
    return Numbers(y, means, residual, _curve(fitted, design.X[training]), not counted)


def _curve(fitted: Any, X: Array) -> Any:
    """Return the fitted curve over the only feature, with the interval of its mean, where there is one feature."""
    if len(fitted.encoding.features) != 1 or X.shape[1] != 1 or len(np.unique(X)) < 3:
        return None
    x = X[:, 0]
    grid = np.linspace(x.min(), x.max(), 160)
    try:
        line, low, high = fitted.predict_interval(grid[:, None], kind="mean")
    except ValueError:
        line, low, high = fitted.predict(grid[:, None]), None, None
    if low is not None and high is not None and not (np.isfinite(low).all() and np.isfinite(high).all()):
        low = high = None
    return fitted.encoding.features[0].name, x, grid, line, low, high


def _facts(fitted: Any, outcome: Any) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    m = fitted.metrics
    if isinstance(outcome, Classes):
        c = classification_metrics(outcome.codes, outcome.probabilities)
        found = [
            (say("accuracy"), percent(c.accuracy)),
            (say("auc"), fixed(c.auc, 3)),
            (say("log loss"), short(c.log_loss, 3)),
        ]
    elif isinstance(m, RegressionMetrics):
        found = [(say("r2"), share(m.r2)), (say("rmse"), short(m.rmse)), (say("mae"), short(m.mae))]
    if isinstance(m, LikelihoodMetrics):
        found.append((say("pseudo r2"), share(m.pseudo_r2)))
    if m is not None and math.isfinite(m.aic):
        found.append((say("aic"), short(m.aic)))
    found.append((say("rows"), f"{fitted.rows:,}"))
    found.append((say("parameters"), f"{sum(len(b.inference.names) for b in fitted.blocks):,}"))
    return tuple(found)


def percent(value: float) -> str:
    """Return a share as a percentage, never rounded up to 100.

    >>> percent(0.93321), percent(0.9999), percent(1.0)
    ('93.3 %', '99.9 %', '100.0 %')
    """
    return f"{math.floor(1000 * value + (0.5 if value < 0.999 else 1e-9)) / 10:.1f} %"


def _scales(fitted: Any, X: Array) -> tuple[float, ...]:
    """Return what makes an estimate the effect of one standard deviation of its column; the intercept has none."""
    spread = X.std(axis=0)
    return (0.0, *spread.tolist()) if fitted.names[:1] == ("intercept",) else tuple(spread.tolist())


def _model_latex(fitted: Any) -> str:
    lefts = {"logistic": r"\Pr(y = 1)", "softmax": r"\Pr(y = j)", "poisson": r"\operatorname{E}(y)"}
    return f"{lefts.get(fitted.model.name, chr(92) + 'hat y')} = {fitted.model.prediction.latex()}"


def _where(fitted: Any) -> str:
    scaled = say("where scaled") if fitted.scaling is not None else say("where raw")
    label = fitted.levels[1] if len(fitted.levels) == 2 else ""
    one = say("where one", target=fitted.target, label=label) if label != "" else ""
    return one + scaled


def _objective(derivation: Any) -> str:
    names = ", ".join(v.latex() for v in derivation.variables)
    return f"f({names}) = {derivation.function.latex()}"


def _derivation(derivation: Any) -> Any:
    def written() -> str:
        from gradwork.show.derivation import render

        return render(derivation, "html")

    return written


def _certificate(derivation: Any) -> str:
    from gradwork.diff.certificate import check

    return str(check(derivation.checks))


def _best(fit: Any) -> int | None:
    stop = fit.stop
    if stop is None or getattr(stop, "keep", None) in (None, getattr(stop, "index", None)):
        return None
    return int(stop.keep)


def _sample(fitted: Any) -> str:
    held = fitted.details.get("held")
    if held is None:
        return say("sample", rows=f"{fitted.rows:,}")
    return say(
        "sample held", rows=f"{fitted.rows:,}", held=f"{len(held):,}", loss=short(fitted.fit.validation_loss)
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!")) else ".") if text else ""


# --- formulas -----------------------------------------------------------------------------------------------


def _formula_title(fitted: Any, features: Sequence[str], table: Any) -> str:
    if not fitted.target:
        return say("formula title", source=table.source)
    if len(features) == 1:
        return say("title one", target=fitted.target, feature=features[0], source=table.source)
    return say("title", target=fitted.target, count=len(features), source=table.source)


def _formula_model(fitted: Any) -> str:
    if fitted.prediction is None:
        return ""
    return rf"\widehat{{{fitted.expression.symbols[fitted.target].latex()}}} = {fitted.prediction.latex()}"


def _numbers_in(fitted: Any) -> str:
    """Return the estimates as one line: a = 1.2, k = 0.3."""
    return ",   ".join(f"{name} = {short(value, 5)}" for name, value in fitted.coefficients.items())


def _formula_rows(fitted: Any, table: Any) -> Numbers | None:
    """Return the rows of the column that a formula predicts; None where it is no sum of squares of residuals."""
    if fitted.prediction is None:
        return None
    values = {name: table.numbers(name) for name in fitted.columns}
    kept = ~np.logical_or.reduce([np.isnan(v) for v in values.values()])
    values = {name: v[kept] for name, v in values.items()}
    y = values[fitted.target]
    needed = [name for name in fitted.prediction.symbols if name in values]

    def at(columns: Mapping[str, Array], rows: int) -> Array:
        held = {name: v for name, v in fitted.coefficients.items() if name in fitted.prediction.symbols}
        return np.broadcast_to(np.asarray(fitted.prediction.evaluate(**columns, **held)), rows)

    means = at({name: values[name] for name in needed}, len(y))
    curve = None
    if len(needed) == 1 and len(np.unique(values[needed[0]])) > 2:
        x = values[needed[0]]
        grid = np.linspace(x.min(), x.max(), 240)
        curve = (needed[0], x, grid, at({needed[0]: grid}, len(grid)), None, None)
    return Numbers(y, means, y - means, curve)


def _formula_facts(fitted: Any) -> tuple[tuple[str, str], ...]:
    if fitted.metrics is not None:
        return _facts(fitted, None)
    return (
        (say("loss value"), short(fitted.fit.loss)),
        (say("rows"), f"{fitted.rows:,}"),
        (say("parameters"), f"{len(fitted.blocks[0].inference.names):,}"),
    )


__all__ = ["column_facts", "columns", "describe", "describe_formula", "percent"]
