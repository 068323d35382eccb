"""Why a run went as it did, in words, from what is computed: curvatures, the first bad value, the record."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.learn.diagnosis.curvature import Curvature, curvature
from gradwork.learn.diagnosis.nonfinite import NonFinite, explain_nonfinite
from gradwork.learn.diagnosis.remaining import MOST, REACH, Noise, Remaining, noise, reach, remaining
from gradwork.learn.objective import Objective
from gradwork.words.notes import Line, Reason
from gradwork.words.say import known, say

if TYPE_CHECKING:
    from gradwork.learn.fit import Fit
    from gradwork.learn.history import History

Array = NDArray[Any]

WIDTH = 96
LITTLE = 1e-4  # of the loss: what is not worth going on for


@dataclass(frozen=True)
class Diagnosis:
    """What is to be said of a run.

    reason:    why it ended.
    why:       the causes, sentence by sentence;  do: what would mend it.
    curvature: the largest and smallest curvature where it was measured; `limit` the largest stable learning
               rate of the optimizer that was used (2/L for plain descent), NaN where there is none.
    scaled:    the same with the columns of the data standardised.
    nonfinite: the first value that left its domain.
    turned:    the epoch at which validation was best, where it turned.
    """

    reason: Reason
    why: tuple[Line, ...] = ()
    do: tuple[Line, ...] = ()
    curvature: Curvature | None = None
    limit: float = float("nan")
    rate: float = float("nan")
    scaled: Curvature | None = None
    nonfinite: NonFinite | None = None
    turned: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def text(self, language: str | None = None, width: int = WIDTH) -> str:
        """Return the diagnosis as lines: the reason, then `why` and `do` in a column of their own."""
        parts = [self.reason.tell(language)]
        if self.why:
            parts += ["", *_column(say("why", language), [line.tell(language) for line in self.why], width)]
        if self.do:
            one = say("any of", language, lines=self.do)
            parts += _column(say("do", language), [one], width)
        return "\n".join(parts)

    def __str__(self) -> str:
        return self.text()


def _column(label: str, sentences: Any, width: int) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, width - 6, break_long_words=False, break_on_hyphens=False)
    return [(f"{label:<6}" if i == 0 else " " * 6) + line for i, line in enumerate(lines)]


def diagnose(
    fit: Fit,
    *,
    scaled: Mapping[str, Any] | None = None,
    flags: bool = False,
    units: float = 1.0,
    labels: Sequence[str] | None = None,
) -> Diagnosis:
    """Return why a run went as it did.

    scaled: data with standardised columns to compare with, if the caller knows them better than the formula
            tells; flags: name remedies by the options of the command line.
    units:  the factor by which losses are told, where the run was on another scale than its reader.
    labels: names for the components of the vector in place of `w[1]`, `w[2]`, ….

    >>> import gradwork as gw
    >>> a, b = gw.scalar("a"), gw.scalar("b")
    >>> fit = gw.minimize(500 * a**2 + b**2, {a: 1, b: 1}, solver="gd", learning_rate=0.01, epochs=50)
    >>> fit.diagnosis.limit, fit.diagnosis.curvature.condition
    (0.002, 500.0)
    """
    objective = fit.objective
    kind = getattr(fit.stop, "kind", "")
    words = _Words(flags, units, tuple(labels or objective.labels))
    if kind in ("unbounded", "endless"):  # curvatures explain nothing there
        return Diagnosis(fit.reason, facts={"kind": kind, "at": fit.vector})
    diverged = kind in ("growth", "non-finite")
    bad = _left(fit) if kind == "non-finite" else None
    rate, factor = _rate(fit)
    where = objective.start_vector if diverged else fit.vector
    found, problem = _measured(objective, where, _decay(fit))
    turned, overfit = _turned(fit.history, -1.0 if objective.maximize else 1.0)
    limit = factor * found.limit if found is not None and factor else float("nan")
    compared = _scaled_curvature(objective, scaled, found, _decay(fit))
    known = None if diverged else remaining(objective, fit.vector)
    why: list[Line] = []
    do: list[Line] = []
    if bad is not None:
        why.append(bad.sentence)
        more, mend = _about_step(words, fit, rate, limit)
        why += more
        do += mend
    if found is None:
        why.append(words("curvature unknown", why=problem))
    else:
        # A run that was ended by patience, a person or a callback was not at fault.
        stuck = diverged or (not fit.converged and kind not in ("patience", "interrupted", "callback"))
        if stuck and known is not None and known.gain <= LITTLE * abs(fit.loss):
            why.append(words("why little left", gain=known.gain, loss=abs(fit.loss)))
        elif not diverged and (noisy := _noise(fit)) is not None and noisy.dominates:
            more, mend = _about_noise(words, fit, noisy, known)
            why.append(more)
            do += [*mend, *_solvers(words, objective, fit)] if stuck else []
        elif not diverged and fit.solver in REACH:
            more, mend = _about_reach(words, fit, known)
            why += more
            do += [*mend, *_solvers(words, objective, fit)] if stuck else []
        else:
            why += _about_curvature(words, found, rate, limit, factor, diverged)
            do += _remedies(words, objective, fit, found, compared, rate, limit) if stuck else []
    if overfit:
        why.append(words("overfit", **overfit))
        do.insert(0, words("do overfit", patience=max(5, round(0.1 * overfit["epoch"]))))
    return Diagnosis(
        fit.reason, tuple(why), tuple(do), found, limit, rate, compared, bad, turned,
        {"kind": kind, "at": where},
    )  # fmt: skip


# The values in sentences that are losses, and so have the unit of the loss.
LOSSES = frozenset({"gain", "loss", "best", "last", "train_then", "train_now"})


class _Words:
    def __init__(self, flags: bool, units: float, labels: tuple[str, ...]):
        self.flags, self.units, self.labels = flags, units, labels

    def __call__(self, key: str, **values: Any) -> Line:
        values = {
            n: v * self.units if n in LOSSES and not isinstance(v, str) else v for n, v in values.items()
        }
        flagged = f"{key} flag"
        return Line(flagged if self.flags and known(flagged) else key, **values)


def _noise(fit: Fit) -> Noise | None:
    """Return the noise of a run's batches at its end, at its last rate; None where it had none or it cannot be told."""
    batching, proof, optimizer = (fit.details.get(name) for name in ("batching", "proof", "optimizer"))
    if batching is None or proof is None or optimizer is None or fit.steps == 0 or batching.full < 2:
        return None
    rate = float(optimizer.learning_rate.values([fit.steps - 1], batching.steps)[0])
    if optimizer.name in REACH:
        # Its steps are the gradient over its root mean square, in which the noise counts as well.
        found = noise(fit.objective, proof, batching, fit.vector, rate)
        size = math.hypot(found.norm, found.spread) / math.sqrt(fit.objective.size)
        rate = rate / size if size > 0 else rate
    elif optimizer.memory:  # a running sum of gradients is longer than one
        rate /= 1 - optimizer.numbers.get("mu", 0.0)
    return noise(fit.objective, proof, batching, fit.vector, rate)


def _about_noise(words: _Words, fit: Fit, found: Noise, known: Remaining | None) -> tuple[Line, list[Line]]:
    batching = fit.details["batching"]
    facts = {"size": batching.size, "spread": found.spread, "norm": found.norm}
    above = words("why noise above", gain=known.gain) if known is not None else None
    rate = float(fit.details["optimizer"].learning_rate.initial)
    do = [words("do decay", rate=rate, steps=fit.steps)] if not words.flags else []
    if 4 * batching.size <= batching.rows:
        do.append(words("do batch", size=4 * batching.size))
    return words("why noise", above=above, **facts), do


def _about_reach(words: _Words, fit: Fit, known: Remaining | None) -> tuple[list[Line], list[Line]]:
    """Return what is to be said of an optimizer whose steps are about its rate long, whatever the slope."""
    optimizer, batching = fit.details["optimizer"], fit.details["batching"]
    if known is None or fit.steps == 0:
        return [], []
    j = int(np.argmax(np.abs(known.step)))
    left, can = float(abs(known.step[j])), reach(fit)
    rate = float(optimizer.learning_rate.initial)
    facts = {"name": optimizer.name, "label": words.labels[j], "left": left, "reach": can}
    if left < 0.5 * can:
        return [words("why adaptive", rate=rate, **facts)], []
    per_epoch = batching.steps if batching else 1
    key = "why out of reach, epochs" if batching else "why out of reach"
    # Twice the way from the start, and one digit of it.
    whole = left + float(abs(fit.vector - fit.objective.start_vector)[j])
    needed = above(2 * rate * whole / can)
    said = words(key, steps=fit.steps, epochs=fit.epochs, per_epoch=per_epoch, **facts)
    return [said], [words("do rate", rate=(needed))]


def _about_step(words: _Words, fit: Fit, rate: float, limit: float) -> tuple[list[Line], list[Line]]:
    """Return what is to be said of a step of plain descent out of the domain that no limit of the rate explains."""
    if fit.solver != "SGD" or not math.isfinite(rate) or rate >= limit:
        return [], []
    objective, at = fit.objective, fit.vector
    step = -objective.gradient(at)
    finite = next(
        (r for r in rate * 0.5 ** np.arange(1, 60) if np.isfinite(objective.value(at + r * step))), None
    )
    if finite is None:
        return [], []
    do = [words("do rate", rate=(below(finite)))]
    if not all(
        t.identity for t in objective.transforms
    ):  # the step is taken on another scale than the formula's
        return [], do
    j = int(np.argmax(np.abs(step)))
    facts = {"label": words.labels[j], "before": float(at[j]), "after": float(at[j] + rate * step[j])}
    return [words("why far step", rate=rate, **facts)], do


def _rate(fit: Fit) -> tuple[float, float]:
    """Return the learning rate of a run and the factor c of its stability limit c · 2/L, 0 where none is known.

    Plain descent: 1. With momentum β, 1 + β; with Nesterov's (1 + β)/(1 + 2β).
    """
    optimizer = fit.details.get("optimizer")
    if optimizer is None:
        return float("nan"), 0.0
    rate = float(optimizer.learning_rate.initial)
    # The limit of the whole gradient holds for batches too: their noise can only lower it.
    name, beta = optimizer.name.lower(), float(optimizer.numbers.get("mu", 0.0))
    factors = {"sgd": 1.0, "momentum": 1.0 + beta, "nesterov": (1.0 + beta) / (1.0 + 2.0 * beta)}
    return rate, factors.get(name, 0.0)


def _decay(fit: Fit) -> float:
    """Return the weight decay λ of a run: a step against ∇f + λw descends on f + λ/2 ‖w‖², which bends by λ more."""
    optimizer = fit.details.get("optimizer")
    return 0.0 if optimizer is None else float(optimizer.numbers.get("lambda_", 0.0))


def _measured(objective: Objective, vector: Array, decay: float = 0.0) -> tuple[Curvature | None, Any]:
    try:
        found = curvature(objective, vector)
        found = Curvature(found.largest + decay, found.smallest + decay)
    except (GradworkError, np.linalg.LinAlgError, ValueError) as error:
        return None, error
    if not math.isfinite(found.largest) or not math.isfinite(found.smallest):
        return None, Line("Hessian infinite there")
    return found, ""


def _about_curvature(
    words: _Words, c: Curvature, rate: float, limit: float, factor: float, diverged: bool
) -> list[Line]:
    lines = []
    facts: dict[str, Any] = {"largest": c.largest, "smallest": c.smallest, "limit": limit, "rate": (rate)}
    if factor and math.isfinite(limit):
        key = "why limit" if rate >= limit else "why below limit"
        # Only Nesterov's look ahead makes the limit lower than that of plain descent.
        shown = "2/L" if factor == 1.0 else "2(1 + β)/L" if factor > 1.0 else "2(1 + β)/((1 + 2β)L)"
        lines.append(words(key, bound=shown, **facts))
    if c.smallest < -1e-12 * abs(c.largest):
        lines.append(words("why saddle", **facts))
    elif not c.determined:
        lines.append(words("why flat", **facts))
    else:
        if c.condition < 1 + 1e-9:
            lines.append(words("why one curvature", rate_best=(c.best_rate), **facts))
        else:
            contraction = c.best_contraction
            lines.append(words("why spans", condition=c.condition, contraction=contraction, **facts))
        if factor == 1.0 and not diverged and math.isfinite(rate) and rate < limit:
            own = c.contraction(rate)
            steps = math.ceil(math.log(10) / -math.log(own)) if 0 < own < 1 else 0
            if steps > 100:
                lines.append(words("why crawls", contraction=(own), steps=steps))
    return lines


def _remedies(
    words: _Words,
    objective: Objective,
    fit: Fit,
    found: Curvature,
    scaled: Curvature | None,
    rate: float,
    limit: float,
) -> list[Line]:
    do = []
    # Both at the start: elsewhere a curvature differs for other reasons than scaling.
    here = _measured(objective, objective.start_vector, _decay(fit))[0]
    if (
        scaled is not None
        and scaled.determined
        and here is not None
        and scaled.condition < 0.5 * here.condition
    ):
        data = ", ".join(_tables(objective))
        stable = scaled.limit * (limit / found.limit if math.isfinite(limit) else 1.0)
        do.append(words("do scale", data=data, limit=stable, condition=scaled.condition))
    if math.isfinite(limit) and rate >= limit:
        do.append(words("do rate", rate=(below(limit))))
    return do + _solvers(words, objective, fit)


def _solvers(words: _Words, objective: Objective, fit: Fit) -> list[Line]:
    if fit.solver in ("closed", "newton", "lm"):
        return []
    if objective.size > MOST:
        return [words("do lbfgs")] if fit.solver != "lbfgs" else []
    from gradwork.learn.solvers import Analysis

    return [words("do closed" if Analysis(objective).linear and not words.flags else "do newton")]


def below(limit: float) -> float:
    """Return the largest number with one digit that is below a limit.

    >>> below(4.544e-5), below(0.3)
    (4e-05, 0.2)
    """
    exponent = math.floor(math.log10(limit))
    digit = math.ceil(limit / 10.0**exponent * (1 - 1e-9)) - 1
    return float(f"{digit}e{exponent}") if digit >= 1 else float(f"9e{exponent - 1}")


def above(value: float) -> float:
    """Return the smallest number with one digit that is not below a value.

    >>> above(1.09), above(0.003)
    (2.0, 0.003)
    """
    exponent = math.floor(math.log10(value))
    return float(f"{math.ceil(value / 10.0**exponent * (1 - 1e-9))}e{exponent}")


# --- scaling ----------------------------------------------------------------------------------------------


def _tables(objective: Objective) -> list[str]:
    # Matrices of data with more rows than columns, that is: tables.
    return [
        name
        for name, a in objective.data.items()
        if a.ndim == 2 and a.dtype.kind == "f" and a.shape[0] >= a.shape[1] and not _onehot(objective, name)
    ]


def _onehot(objective: Objective, name: str) -> bool:
    from gradwork.expr.node import facts

    return "onehot" in facts(objective.data_symbols[name])


def standardised(X: Array, centre: bool) -> Array:
    """Return the columns of X with mean 0 (if `centre`) and deviation 1; constant columns stay as they are.

    >>> standardised(np.array([[1.0, 1.0], [1.0, 3.0]]), centre=True).tolist()
    [[1.0, -1.0], [1.0, 1.0]]
    """
    constant = np.ptp(X, axis=0) == 0
    mean = np.where(constant | (not centre), 0.0, X.mean(axis=0))
    spread = np.sqrt(((X - mean) ** 2).mean(axis=0))
    return (X - mean) / np.where(constant | (spread == 0), 1.0, spread)


def _scaled_curvature(
    objective: Objective, given: Mapping[str, Any] | None, found: Curvature | None, decay: float
) -> Curvature | None:
    if found is None:
        return None
    if given is None:
        names = _tables(objective)
        if not names:
            return None
        # Columns are moved only where the formula has an intercept: a scalar parameter or a constant column.
        scalar = any(s.ndim == 0 for s in objective.symbols)
        given = {}
        for name in names:
            X = objective.data[name]
            given[name] = standardised(X, scalar or bool((np.ptp(X, axis=0) == 0).any()))
    try:
        other = objective.with_data(given)
        return _measured(other, other.start_vector, decay)[0]
    except GradworkError:
        return None


# --- the record -------------------------------------------------------------------------------------------


def _left(fit: Fit) -> NonFinite | None:
    """Return the first value that left its domain: one step beyond the last finite parameters."""
    objective = fit.objective
    found = fit.details.get("nonfinite") or explain_nonfinite(objective, fit.vector)
    if found is not None:
        return found
    rate, _ = _rate(fit)
    if not math.isfinite(rate):
        return None
    # The run kept the last finite parameters; a step of plain descent from there shows where it went.
    return explain_nonfinite(objective, fit.vector - rate * objective.gradient(fit.vector))


def _turned(history: History, sign: float = 1.0) -> tuple[int | None, dict[str, Any]]:
    """Return the epoch at which validation was best if it turned there for good, and facts for the sentence.

    The sign is −1 for a maximisation, of which the record holds what is to be large.
    """
    held = sign * history.validation_loss
    seen = np.flatnonzero(np.isfinite(held))
    if len(seen) < 5:
        return None, {}
    values, epochs, train = held[seen], history.epoch[seen], sign * history.loss[seen]
    at = int(np.argmin(values))
    best, last = float(values[at]), float(values[-1])
    rest = len(values) - 1 - at
    # A rise that noise could make does not count: it must last, and the lowest of thousands of values of equal height
    # lies four deviations below them. Second differences tell the noise from the trend: theirs is √6 times as large.
    noise = float(np.median(np.abs(np.diff(values, 2)))) / (0.6745 * math.sqrt(6))
    end = slice(-max(3, len(values) // 10), None)
    rose = float(np.median(values[end])) - best > max(0.01 * abs(best), 4 * noise)
    if rest < max(3, len(values) // 20) or not rose or not np.median(train[end]) < train[at]:
        return None, {}
    facts = {"epoch": int(epochs[at]), "best": best, "last": last}
    return int(epochs[at]), facts | {"train_then": float(train[at]), "train_now": float(train[-1])}
