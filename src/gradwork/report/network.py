"""From a fitted network and its samples to the content of a page: layers, mistakes, filters, gradients, the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.diff.api import grad
from gradwork.expr.dims import shape_text
from gradwork.expr.node import NAME, Expr
from gradwork.report.content import (
    Classes,
    ColumnFacts,
    Content,
    Gallery,
    Inside,
    LayerFacts,
    Numbers,
    Picture,
)
from gradwork.report.describe import objective, of_call, of_run, percent
from gradwork.rewrite import normalise
from gradwork.show.mathml import MATHML, hat
from gradwork.stats import classification_metrics
from gradwork.stats.summary import share
from gradwork.words.notes import Line, apart
from gradwork.words.numbers import fixed, short
from gradwork.words.say import say

Array = NDArray[Any]

# Samples at which the inside of a network is shown, and at which its gradients are checked: so many that a page is
# made in seconds. Each is (most samples, fewest, products of numbers that all of them may cost).
TRACED, CHECKED = (256, 16, 1e8), (64, 8, 1e7)
MISTAKES, FILTERS = 12, 32  # images that are shown
LINES = 16  # of a derivation that are open, where there are many more
FADES = 1e3  # a factor over all steps beyond which adjoints are said to vanish or explode


def describe_network(
    model: Any,
    X: Any,
    y: ArrayLike,
    held: ArrayLike | None = None,
    *,
    title: str = "",
    heading: str = "",
    target: str = "y",
    notes: Sequence[Line] = (),
    command: str = "",
    provenance: Sequence[tuple[str, str]] = (),
    diagnosis: str = "",
    columns: Sequence[ColumnFacts] = (),
) -> Content:
    """Return what the page of a fitted network shows.

    model:   a NetworkModel (MLP, ConvNet, Recurrent, or of layers of one's own) after `fit`.
    X, y:    the samples as they were given to `fit`: n×…, or a list of n arrays Tᵢ×d.
    held:    the numbers of the rows that were held out from learning, on which it is scored; None for all rows.
    title, heading: of the page;  target: what y is called;  columns: facts of the table that X was made from.
    notes:   what is to be said of the fit, warnings and remarks.

    >>> from gradwork.models import MLP
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 2))
    >>> y = np.where(X[:, 0] > 0, "right", "left")
    >>> content = describe_network(MLP((4,), epochs=3).fit(X, y), X, y, target="side")
    >>> [layer.title for layer in content.layers], content.outcome.labels
    (['input', 'Dense(4, relu)', 'Dense(2)'], ('left', 'right'))
    """
    y = np.asarray(y)
    rows = len(y)
    chosen = np.arange(rows) if held is None else np.asarray(held, dtype=np.int64)
    X_held, y_held = _rows(X, chosen), y[chosen]
    outcome = _outcome(model, X_held, y_held)
    cost = _cost(model, X)
    traced, checked = (
        model.trace(_rows(X_held, np.arange(k)), y_held[:k])
        for k in (min(len(y_held), _affordable(cost, *limits)) for limits in (TRACED, CHECKED))
    )
    derivation = grad(model.loss, list(model.network.parameters))[0].derivation
    warn, inform = apart(notes)
    return Content(
        title=title or say("title one", target=target, feature="X", source=type(model).__name__),
        heading=heading or _heading(model, X, rows, target),
        target=target,
        source="",
        rows=rows,
        facts=_facts(model, outcome, rows),
        outcome=outcome,
        columns=tuple(columns),
        model_formulas=formulas(derivation, model.target_symbol),
        model_where=_where(model),
        notes=warn,
        remarks=inform,
        layers=layer_facts(model.network),
        galleries=tuple(g for g in (_mistakes(model, X_held, outcome), _filters(model)) if g is not None),
        inside=inside(traced),
        objective=objective(derivation) if len(derivation.variables) <= 4 else "",
        derivation=derivation.html,
        shown=LINES,
        certificate=_checked(checked),
        sample=_sample(outcome, y_held, rows, held is not None),
        **of_run(model.result),
        **of_call(command, provenance, diagnosis),
    )


def _rows(X: Any, chosen: Array) -> Any:
    return [X[i] for i in chosen] if isinstance(X, (list, tuple)) else np.asarray(X)[chosen]


def _cost(model: Any, X: Any) -> float:
    """Return about how many products one sample takes: a weight is used once for each place of what it gives."""
    steps = max(len(np.atleast_1d(x)) for x in X) if model.network.input.shape[1].value is None else 1
    total = 0.0
    for r in model.network.records:
        weights = sum(float(np.prod([d.value or 1 for d in p.shape])) for p in r.parameters)
        places = np.prod([d.value or 1 for d in r.output.shape[1:-1]])
        total += weights * float(places)
    return total * steps


def _affordable(cost: float, most: int, fewest: int, budget: float) -> int:
    return int(np.clip(budget / max(cost, 1.0), fewest, most))


# --- what it is ---------------------------------------------------------------------------------------------


def layer_facts(network: Any) -> tuple[LayerFacts, ...]:
    """Return the layers of a network with the shapes of what they give, the input first.

    >>> from gradwork.nn import Conv2D, network
    >>> layer_facts(network([Conv2D(4, 3)], (8, 8, 1)))[1]
    LayerFacts(title='Conv2D(4, 3×3)', output='n×6×6×4', count=40, parameters='W₁: 3×3×1×4, b₁: 4',
               remark='6 = 8 − 3 + 1')
    """
    found, before = [LayerFacts("input", shape_text(network.input.shape), 0)], network.input.shape
    for r in network.records:
        own = ", ".join(f"{p.unicode()}: {shape_text(p.shape)}" for p in r.parameters)
        count = sum(int(np.prod([d.value or 0 for d in p.shape])) for p in r.parameters)
        remark = r.remark or _size(before, r)
        found.append(LayerFacts(r.title, shape_text(r.output.shape), count, own, remark))
        before = r.output.shape
    return tuple(found)


def _size(before: Sequence[Any], record: Any) -> str:
    """Return how the size of what a layer gives comes about, where the layer itself does not say it."""
    old, new = ([d.value for d in shape[1:]] for shape in (before, record.output.shape))
    if None in old or None in new or old == new and not record.parameters:
        return ""
    name = record.title.partition("(")[0]
    if name == "Flatten":
        return f"{new[0]} = {' · '.join(map(str, old))}"
    if "Pool" in name and len(new) == len(old) and old[0] % new[0] == 0:
        return f"{new[0]} = {old[0]} / {old[0] // new[0]}"
    if name.startswith("Conv") and old[:-1] == new[:-1]:  # filled up at its edges to keep its size
        k = int(record.parameters[0].shape[0].value or 1)
        return f"{new[0]} = {old[0]} + {k - 1} − {k} + 1"
    return ""


def formulas(derivation: Any, target: Expr) -> tuple[str, ...]:
    """Return what a network computes, line by line as elements of MathML, without the loss.

    target: the symbol of what is to be predicted. Where a line is the residual R = (…) − Y, the prediction is shown.
    """
    from gradwork.show import math
    from gradwork.show.derivation import rows

    def write(x: Expr) -> str:
        return MATHML.spell(math(x))

    named = {write(line.left): line.left.args[0] for line in derivation.lines if line.left.op is NAME}
    found = []
    for r in rows(derivation, "mathml"):
        if r.section != "forward" or r.left == MATHML.plain("f"):
            continue
        body = named.get(r.left)
        if body is not None and target in body.symbols.values():
            found.append(MATHML.row(hat(write(target)), "=", write(normalise(body + target))))
        else:
            found.append(MATHML.row(r.left, "=", r.right))
    return tuple(found)


def _heading(model: Any, X: Any, rows: int, target: str) -> str:
    from gradwork.learn.optimizers.named import as_optimizer

    shape = shape_text(model.network.input.shape[1:])
    if model.network.input.shape[1].value is None:  # sequences of any length
        lengths = sorted({len(np.atleast_1d(x)) for x in X})
        wide = np.asarray(X[0]).shape[1:]
        shape = "×".join(map(str, ("…".join(map(str, dict.fromkeys((lengths[0], lengths[-1])))), *wide)))
    outputs = (
        len(model.classes) if model.classes is not None else int(model.network.output.shape[-1].value or 1)
    )
    key = "classes counted" if model.classes is not None else "network outputs"
    kind = say("network numbers") if key == "network outputs" and outputs == 1 else say(key, count=outputs)
    how = getattr(as_optimizer(model.optimizer), "name", model.result.solver)
    name = type(model).__name__
    return say(
        "network heading", rows=rows, shape=shape, target=target, kind=kind,
        network=name if name != "NetworkModel" else "network", how=how,
    )  # fmt: skip


def _where(model: Any) -> str:
    key = (
        model.normalise if isinstance(model.normalise, str) else "raw" if model.normalise is None else "given"
    )
    text = say("network where", n="n", normalised=say(f"network where {key}"), count=model.network.size)
    return text + ("" if model.classes is not None else say("network where numbers"))


# --- how well it does ---------------------------------------------------------------------------------------


def _outcome(model: Any, X: Any, y: Array) -> Classes | Numbers:
    if model.classes is not None:
        codes = np.searchsorted(model.classes, y.reshape(len(y)))
        return Classes(codes.astype(np.int64), model.predict_proba(X), tuple(model.classes.tolist()))
    given = y.astype(float).reshape(len(y), -1)[:, 0]
    fitted = np.asarray(model.predict(X), dtype=float).reshape(len(y), -1)[:, 0]
    return Numbers(given, fitted, given - fitted)


def _facts(model: Any, outcome: Classes | Numbers, rows: int) -> tuple[tuple[str, str], ...]:
    if isinstance(outcome, Classes):
        c = classification_metrics(outcome.codes, outcome.probabilities)
        found = [
            (say("accuracy"), percent(c.accuracy)),
            (say("auc"), fixed(c.auc, 3)),
            (say("log loss"), short(c.log_loss, 3)),
        ]
    else:
        square, spread = np.mean(outcome.residual**2), np.var(outcome.y)
        found = [
            (say("r2"), share(float(1 - square / spread)) if spread > 0 else "—"),
            (say("rmse"), short(float(np.sqrt(square)))),
            (say("mae"), short(float(np.mean(np.abs(outcome.residual))))),
        ]
    return (
        *found,
        (say("samples"), f"{rows:,}"),
        (say("parameters"), f"{model.network.size:,}"),
        (say("epochs word"), f"{model.result.epochs:,}"),
    )


def _sample(outcome: Classes | Numbers, y: Array, rows: int, held: bool) -> str:
    text = say("network sample", held=len(y), rows=rows) if held else say("network sample all", rows=rows)
    if isinstance(outcome, Numbers) and y.ndim > 1 and y.shape[1] > 1:
        text += " " + say("network sample first", count=y.shape[1])
    return text


def _mistakes(model: Any, X: Any, outcome: Classes | Numbers) -> Gallery | None:
    """Return the samples that were most surely taken for another class, where samples are images."""
    if not isinstance(outcome, Classes) or model.network.input.ndim != 4:
        return None
    found = outcome.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(found != outcome.codes)
    if not len(wrong):
        return None
    wrong = wrong[np.argsort(-outcome.probabilities[wrong, found[wrong]], kind="stable")]
    images = model._samples(_rows(X, wrong[:MISTAKES]))
    low, high = float(images.min()), float(images.max())
    pictures = [
        Picture(
            _visible((image - low) / ((high - low) or 1.0)),
            say(
                "mistake", true=outcome.labels[outcome.codes[i]], predicted=outcome.labels[found[i]],
                share=percent(float(outcome.probabilities[i, found[i]])).replace(" ", "\u00a0"),
            ),
        )
        for i, image in zip(wrong, images)
    ]  # fmt: skip
    title = say("mistakes one") if len(wrong) == 1 else say("mistakes", count=len(pictures))
    return Gallery(title, tuple(pictures), say("mistakes caption", all=len(wrong), rows=len(found)))


def _visible(image: Array) -> Array:
    # One channel is grey and three are colours; of others the mean is shown.
    return image if image.shape[-1] == 3 else image.mean(axis=-1)


def _filters(model: Any) -> Gallery | None:
    """Return the filters of the first convolution of images, each scaled by its largest weight."""
    first = next(
        (
            p
            for r in model.network.records
            if r.title.startswith("Conv2D")
            for p in r.parameters
            if p.ndim == 4
        ),
        None,
    )
    if first is None:
        return None
    W = np.asarray(model.parameters[first.params[0]], dtype=float)
    pictures = []
    for k in range(min(W.shape[-1], FILTERS)):
        seen = _visible(W[..., k])
        top = float(np.abs(seen).max())
        pictures.append(Picture(seen / (top or 1.0), say("filter", number=k + 1), signed=True))
    key = {1: "filters caption", 3: "filters caption colour"}.get(W.shape[2], "filters caption mean")
    caption = say(key, letter=first.unicode(), shape=shape_text(first.shape), channels=W.shape[2])
    return Gallery(say("filters"), tuple(pictures), caption)


# --- what happens inside ------------------------------------------------------------------------------------


def inside(traced: Any) -> Inside:
    """Return what a trace tells of a network: where gradients fade or grow, which units are dead, the graph."""
    values = {q.name: q for q in traced.quantities}
    steps = {q.of: q.value for q in traced.quantities if q.kind == "adjoint" and q.timed}
    norms = [
        (say("gradients by layer"), say("gradients by layer caption"), "‖∂f/∂θ‖", traced.gradient_norms),
        (say("adjoints by layer"), say("adjoints by layer caption"), "‖∂f/∂z‖", traced.adjoint_norms),
    ]
    rows = next((len(values[n].value) for n in traced.adjoint_norms), 0)
    told = [say("traced", rows=rows)] if rows else []
    told += [_fading(letter, n) for letter, n in traced.step_norms.items() if len(n) > 2]
    dead = traced.dead
    told += [
        say("dead", dead=count, units=values[name].shape[-1], name=name, rows=rows)
        for name, count in dead.items()
        if count
    ]
    if dead and not any(dead.values()):
        told.append(say("none dead", names=", ".join(dead), rows=rows))
    return Inside(tuple(n for n in norms if n[3]), steps, traced.svg(), tuple(told))


def _fading(letter: str, norms: Array) -> str:
    letter = letter.partition("_")[0]
    first, last = float(norms[0]), float(norms[-1])
    if not (first > 0 and last > 0):
        return say("vanishing", letter=letter, factor="∞", rate="0") if last > 0 else ""
    factor = first / last
    rate = short(factor ** (1 / (len(norms) - 1)), 3)
    if factor < 1 / FADES:
        return say("vanishing", letter=letter, factor=short(1 / factor, 3), rate="× " + rate)
    if factor > FADES:
        return say("exploding", letter=letter, factor=short(factor, 3), rate="× " + rate)
    return say("steady", letter=letter, factor=short(factor, 3))


def _checked(traced: Any) -> str:
    """Return the check of the gradients at the learned parameters in words."""
    errors = traced.check(1)
    rows = next(len(q.value) for q in traced.quantities if q.value.ndim and not q.timed)
    if not np.isfinite(list(errors.values())).all():
        return say("directions missing")
    worst = max(errors.values())
    return say(
        "directions",
        mark="✓" if worst < 1e-5 else "✗",
        rows=rows,
        parameters=len(errors),
        worst=f"{worst:.0e}",
    )


__all__ = ["describe_network", "formulas", "inside", "layer_facts"]
