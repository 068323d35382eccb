"""From a fitted model and its table to the content of a page: everything is read off, nothing is fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.expr.dims import shape_text
from gradwork.expr.node import Expr
from gradwork.report.content import Classes, ColumnFacts, Content, Numbers
from gradwork.show.mathml import MATHML, hat, math_element, upright
from gradwork.stats import LikelihoodMetrics, RegressionMetrics, classification_metrics
from gradwork.stats.summary import share
from gradwork.words.forms import sentence
from gradwork.words.notes import apart
from gradwork.words.numbers import fixed, percent, short
from gradwork.words.say import say

Array = NDArray[Any]
BARS = 18  # of the small histograms
LONGEST = 220  # characters of LaTeX of a gradient that is written out


def describe(
    fitted: Any,
    table: Any,
    *,
    command: str = "",
    provenance: Sequence[tuple[str, str]] = (),
    diagnosis: str = "",
) -> Content:
    """Return what the page of a fitted model shows.

    fitted: a FittedModel fresh from its run, which holds its columns as numbers; table: the table it was fitted to.
    """
    training = np.asarray(fitted.details["training"])
    design, raw = fitted.details["design"], fitted.details["matrix"]
    outcome = _outcome(fitted, design, training)
    features = [f.name for f in fitted.encoding.features]
    return Content(
        **_common(fitted, table, features),
        **of_run(fitted.fit),
        **of_derivation(fitted.derivation),
        facts=_facts(fitted, outcome),
        outcome=outcome,
        model_formulas=(_model(fitted),),
        model_where=_where(fitted),
        equation=fitted.equation,
        scales=_scales(fitted, raw if len(training) == len(raw) else raw[training]),
        sample=_sample(fitted),
        **of_call(command, provenance, diagnosis),
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
    predicts = fitted.prediction is not None
    return Content(
        **_common(fitted, table, [name for name in fitted.columns if name != fitted.target]),
        **of_run(fitted.fit),
        **of_derivation(fitted.derivation),
        facts=_facts(fitted, None) if fitted.metrics is not None else _formula_facts(fitted),
        outcome=_formula_rows(fitted, table),
        model_formulas=(_formula_model(fitted),) if predicts else (),
        equation=_numbers_in(fitted) if predicts else "",
        estimates=say("estimates formula"),
        sample=_sample(fitted) if predicts else "",
        **of_call(command, provenance, diagnosis),
    )


# --- what every page says -----------------------------------------------------------------------------------


def _common(fitted: Any, table: Any, features: Sequence[str]) -> dict[str, Any]:
    """Return the parts of a page that models and formulas share: the table, the summary, the notes."""
    warn, inform = apart(fitted.notes)
    return {
        "title": _title(fitted.target, features, table.source),
        "heading": fitted.heading,
        "target": fitted.target,
        "source": table.source,
        "rows": fitted.rows,
        "columns": columns(table, fitted.target, features),
        "summary": fitted.formatted,
        "notes": warn,
        "remarks": inform,
    }


def of_run(fit: Any) -> dict[str, Any]:
    """Return what a page says of a run: its record, why it ended, the epoch that was kept, what was computed."""
    return {
        "history": fit.history if fit.solver != "closed" else None,
        "best": _best(fit),
        "reason": sentence(str(fit.reason)),
        "plan": fit.plan,
    }


def of_derivation(derivation: Any) -> dict[str, Any]:
    """Return what a page says of a derivation: the function, the lines with the gradients below, the check."""
    from gradwork.check.certificate import check

    return {
        "objective": objective(derivation),
        "derivation": lambda: _lines(derivation),
        "certificate": str(check(derivation.checks)),
    }


def of_call(command: str, provenance: Sequence[tuple[str, str]], diagnosis: str) -> dict[str, Any]:
    """Return what a page says of how it was made."""
    return {
        "command": command,
        "provenance": tuple(provenance),
        "diagnosis": tuple(diagnosis.splitlines()),
    }


def objective(derivation: Any) -> str:
    """Return the function that was derived, with its variables, as the elements of MathML."""
    from gradwork.show.derivation import loss_letter

    write = _writer()
    left = MATHML.applied(MATHML.plain(loss_letter(derivation)), *(write(v) for v in derivation.variables))
    return MATHML.row(left, "=", write(derivation.function))


def _lines(derivation: Any) -> str:
    """Return the lines of a derivation as a table of HTML, ending in the gradient by each variable."""
    from gradwork.show.derivation import render
    from gradwork.show.whole import written_out

    text = render(derivation, "html")
    if '<tr class="result">' in text:
        return text
    # Where the last lines backward are the gradients, they name what was found on the way: written out they stand
    # on their own, unless that makes them long.
    found, write = [], _writer()
    for v, g in zip(derivation.variables, derivation.results, strict=True):
        if len(written_out(g).latex()) > LONGEST:
            return text
        left = math_element(MATHML.applied(MATHML.nabla(), write(v)))
        right = math_element(MATHML.row("", "=", write(written_out(g))))
        size = shape_text(v.shape) if v.ndim else say("scalar")
        found.append(
            f'<tr class="result"><th></th><td class="left">{left}</td>'
            f'<td class="right">{right}</td><td class="note">{escape(size)}</td></tr>'
        )
    return text.replace("</table>", "\n".join([*found, "</table>"]))


def _writer() -> Callable[[Expr], str]:
    """Return what spells an expression as the elements of MathML."""
    from gradwork.show import math

    return lambda x: MATHML.spell(math(x))


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


def _title(target: str, features: Sequence[str], source: str) -> str:
    if not target:
        return say("formula title", source=source)
    key = "title one" if len(features) == 1 else "title"
    return say(key, target=target, feature=(*features, "")[0], count=len(features), source=source)


def _outcome(fitted: Any, design: Any, training: Array) -> Numbers | Classes:
    means = np.asarray(fitted.details["fitted"], dtype=float)
    if fitted.levels:
        P = np.column_stack([1 - means, means]) if means.ndim == 1 else means
        return Classes(design.target.codes[training], P, tuple(fitted.levels))
    y = design.y[training]
    spread = fitted.details.get("deviations")  # where rows spread differently
    residual = y - means if spread is None else (y - means) / spread
    return Numbers(y, means, residual, _curve(fitted, design.X[training]), spread is None)


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


def _scales(fitted: Any, X: Array) -> tuple[float, ...]:
    """Return what makes an estimate the effect of one standard deviation of its column; the intercept has none."""
    spread = X.std(axis=0)
    return (0.0, *spread.tolist()) if fitted.names[:1] == ("intercept",) else tuple(spread.tolist())


def _model(fitted: Any) -> str:
    block = fitted.model.block
    left = _expected("" if block is None else block.symbol)
    return MATHML.row(left, "=", _writer()(fitted.model.prediction))


def _expected(symbol: str) -> str:
    """Return what a likelihood predicts: Pr(y = 1) or E(y), with its function upright, or ŷ."""
    function, bracket, of = symbol.partition("(")
    return MATHML.applied(upright(function), MATHML.plain(of[:-1])) if bracket else hat(MATHML.plain("y"))


def _where(fitted: Any) -> str:
    scaled = say("where scaled") if fitted.scaling is not None else say("where raw")
    label = fitted.levels[1] if len(fitted.levels) == 2 else ""
    one = say("where one", target=fitted.target, label=label) if label != "" else ""
    return one + scaled


def _best(fit: Any) -> int | None:
    """Return the epoch whose parameters were kept, where that is not the last."""
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


# --- formulas -----------------------------------------------------------------------------------------------


def _formula_model(fitted: Any) -> str:
    if fitted.prediction is None:
        return ""
    write = _writer()
    target = write(fitted.expression.symbols[fitted.form.target])
    return MATHML.row(hat(target), "=", write(fitted.prediction))


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
    needed = [name for symbol, name in fitted.symbols.items() if symbol in fitted.prediction.symbols]
    means = fitted.at(values, len(y))
    curve = None
    if len(needed) == 1 and len(np.unique(values[needed[0]])) > 2:
        x = values[needed[0]]
        grid = np.linspace(x.min(), x.max(), 240)
        curve = (needed[0], x, grid, fitted.at({needed[0]: grid}, len(grid)), None, None)
    return Numbers(y, means, y - means, curve)


def _formula_facts(fitted: Any) -> tuple[tuple[str, str], ...]:
    return (
        (say("loss word"), short(fitted.fit.loss)),
        (say("rows"), f"{fitted.rows:,}"),
        (say("parameters"), f"{len(fitted.blocks[0].inference.names):,}"),
    )


__all__ = [
    "column_facts",
    "columns",
    "describe",
    "describe_formula",
    "objective",
    "of_call",
    "of_derivation",
    "of_run",
    "percent",
]
