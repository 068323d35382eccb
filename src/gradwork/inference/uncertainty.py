"""Standard errors of a formula's parameters, by what the formula is (see `form`).

least squares      s²(JᵀJ)⁻¹ with s² = rss/(n − rank)
with a penalty     s² A⁻¹(JᵀJ)A⁻¹ with A = JᵀJ + ½∇²P and s² = rss/(n − tr A⁻¹JᵀJ)
a likelihood       H⁻¹, where the scores vary as much as H says
any other sum      H⁻¹(Σ sᵢsᵢᵀ)H⁻¹, the sandwich of an M-estimator

What is no sum over rows has no standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.diff.api import hessian
from gradwork.errors import DerivativeError, GradworkError
from gradwork.expr import Expr
from gradwork.inference.form import Form
from gradwork.inference.scores import scores
from gradwork.inference.spread import curvature_holds, distance, spread
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import kinks
from gradwork.learn.solvers.lm import Residuals
from gradwork.rows.blocks import Blocks
from gradwork.rows.proof import NotRows
from gradwork.stats.collinearity import rank_tolerance
from gradwork.stats.inference import observed_information, sandwich
from gradwork.words.notes import Caution, Line, Note
from gradwork.words.numbers import linear_combination

Array = NDArray[Any]

OBSERVED = ("observed", "hessian")
HESSIAN = (*OBSERVED, "nonrobust")
# How far the variances by the scores and by the Hessian may lie apart in a likelihood: by this factor, which changes
# standard errors by a quarter, and by as many of its own standard deviations.
FACTOR, NEAR = 1.6, 2.5
NAN = float("nan")


def sandwich_kind(cov: str | None) -> str | None:
    """Return "HC0" or "HC1", or None for the standard errors of the model.

    >>> sandwich_kind("sandwich"), sandwich_kind("hessian"), sandwich_kind(None)
    ('HC0', None, None)
    """
    if cov is None or str(cov).lower() in HESSIAN:
        return None
    kind = {"sandwich": "HC0", "robust": "HC0"}.get(str(cov).lower(), str(cov).upper())
    if kind not in ("HC0", "HC1"):
        raise GradworkError("unknown kind of standard errors", cov=cov)
    return kind


def asks_observed(cov: str | None) -> bool:
    """Tell whether the inverse Hessian was asked for, rather than what suits the model.

    >>> asks_observed("observed"), asks_observed("nonrobust"), asks_observed(None)
    (True, False, False)
    """
    return str(cov).lower() in OBSERVED


@dataclass
class Uncertainty:
    """A covariance, the degrees of freedom behind it, the residual deviation, and what is to be said of them.

    kind:     "least squares", "penalised", "likelihood", "sandwich", or "" where there are no standard errors.
    rank:     how many combinations of parameters the rows determine (with a penalty: the effective number).
    distance: how far the parameters are from the minimum, in standard errors, by one Newton step.
    exact:    whether the residuals of least squares are nothing but rounding.
    factor:   how many times the formula is the negative log-likelihood, where it is recognised as one.
    """

    covariance: Array
    df: float | None = None
    sigma: float = NAN
    notes: list[Line] = field(default_factory=list)
    kind: str = ""
    rank: float = NAN
    distance: float = float("inf")
    factor: int | None = None
    exact: bool = False


def uncertainty(
    expression: Expr,
    form: Form,
    parameters: Mapping[str, Any],
    data: Mapping[str, Array],
    cov: str | None,
    fixed: Mapping[str, str] | None = None,
) -> Uncertainty:
    """Return the covariance of the parameters on the formula's own scale.

    `fixed` are parameters that ended at a bound (with the bound as text): the others' covariance is that with these
    held where they are.
    """
    kind, fixed = sandwich_kind(cov), fixed or {}
    free = {name: value for name, value in parameters.items() if name not in fixed}
    held = {name: np.asarray(value, dtype=float) for name, value in parameters.items() if name in fixed}
    notes: list[Line] = [Caution("fit at bound", bounds=list(fixed.values()))] if held else []
    if not free:
        return Uncertainty(np.full((len(parameters), len(parameters)), NAN), notes=notes)

    def objective(x: Expr) -> Objective:
        # The parameters of a formula are plain numbers, so this objective has no transforms.
        kept = x.symbols
        return Objective(
            x,
            {n: v for n, v in free.items() if n in kept},
            {n: v for n, v in (*data.items(), *held.items()) if n in kept},
            sizes=_sizes(expression, data),
        )

    # Asked for by name it is the inverse Hessian of the formula as it stands, of a sum of squares too: with known
    # deviations in it that are not estimated anew.
    forced = asks_observed(cov) or (str(cov).lower() in HESSIAN and form.found is None)
    over = objective(expression if forced else form.core)
    try:
        if forced:
            found = _hessian(over, form)
        elif form.found is not None:
            found = _least_squares(over, form, kind)
        else:
            found = _m_estimate(over, form, kind)
    except DerivativeError as error:
        found = Uncertainty(np.full((over.size, over.size), NAN), notes=[Caution("because of", error=error)])
    at = [list(parameters).index(name) for name in over.labels]
    whole = np.full((len(parameters), len(parameters)), NAN)
    whole[np.ix_(at, at)] = found.covariance
    found.covariance, found.notes = whole, notes + found.notes
    return found


def _sizes(expression: Expr, data: Mapping[str, Array]) -> dict[str, int]:
    # The number of rows by its name, for a formula whose core holds no column.
    return {
        dim: len(data[name])
        for name, s in expression.symbols.items()
        if name in data
        for axis in s.shape
        for dim in axis.names
    }


def _least_squares(objective: Objective, form: Form, kind: str | None) -> Uncertainty:
    assert form.found is not None
    at, residuals = (
        objective.start_vector,
        Residuals(objective, replace(form.found, symbols=objective.symbols)),
    )
    # f = c (Σ w r² + P/c): from here on the unit is that of w r².
    (c,) = objective.evaluate("factor", [form.factor], at)
    unit = np.sqrt(residuals.scale / float(c))
    r, J = residuals.residual(at) * unit, residuals.jacobian(at) * unit
    n, names = _rows(objective, form, len(r)), objective.labels
    if not (np.isfinite(r).all() and np.isfinite(J).all()):
        return Uncertainty(np.full((len(names), len(names)), NAN), notes=[Caution("derivatives not finite")])
    if form.penalty is not None:
        return _penalised(objective, form, r, J, n, float(c), kind)
    inverse, rank, note = _inverse(J, names)
    notes: list[Line] = [note] if note else []
    df = n - rank
    s2 = float(r @ r) / df if df > 0 else NAN
    S = J * r[:, None]
    step = inverse @ (J.T @ r) if rank == len(names) else np.linalg.lstsq(J, r, rcond=None)[0]
    covariance = spread(inverse, S, likelihood=True, kind=kind, dispersion=s2).covariance
    exact = df > 0 and _rounding(objective, form, r)
    if exact:
        covariance = np.full_like(covariance, NAN)
        notes.append(Caution("perfect fit"))
    elif kind is not None:
        notes.append(Note("sandwich", kind=kind, more=None))
    else:
        if df > 0:
            notes.append(Note("least squares errors", s2=s2, df=df))
        else:
            notes.append(Caution("no degree of freedom", rows=n, parameters=len(names)))
    away = 0.0 if exact else distance(step, covariance)
    return Uncertainty(covariance, df, float(np.sqrt(s2)), notes, "least squares", rank, away, exact=exact)


def _rounding(objective: Objective, form: Form, r: Array) -> bool:
    """Tell whether residuals of a column minus a prediction are what arithmetic leaves of the column."""
    if form.target not in objective.data:
        return False
    y = np.abs(objective.data[form.target])
    weight = (
        np.ones(1)
        if form.weight is None
        else objective.evaluate("weight", [form.weight], objective.start_vector)[0]
    )
    return bool(np.linalg.norm(r) <= 8 * np.finfo(float).eps * np.linalg.norm(np.sqrt(weight) * y))


def _rows(objective: Objective, form: Form, residuals: int) -> int:
    # A row of weight zero is no observation.
    if form.weight is None:
        return residuals
    (w,) = objective.evaluate("weight", [form.weight], objective.start_vector)
    return int(np.count_nonzero(w)) if w.ndim else residuals


def _inverse(J: Array, names: tuple[str, ...]) -> tuple[Array, int, Caution | None]:
    """Return (JᵀJ)⁻¹ from the singular values of J, its rank, and what is not determined."""
    p, length = J.shape[1], np.linalg.norm(J, axis=0)
    length[length == 0] = 1.0
    _, singular, Vt = np.linalg.svd(np.linalg.qr(J / length, mode="r"), full_matrices=True)
    singular = np.concatenate([singular, np.zeros(p - len(singular))])
    good = singular > rank_tolerance(p) * singular[0]
    half = (Vt[good] / singular[good, None]).T / length[:, None]
    inverse = half @ half.T
    if good.all():
        return inverse, p, None
    lost = (Vt[~good] ** 2).sum(axis=0) > 1e-8
    inverse[lost] = NAN
    inverse[:, lost] = NAN
    flat = Vt[-1] / length
    flat = flat / flat[np.argmax(np.abs(flat))]
    parts = np.flatnonzero(np.abs(flat) > 1e-6)
    flat = flat * np.sign(flat[parts[0]])
    note = Caution(
        "undetermined" if lost.sum() > 1 else "undetermined one",
        rank=int(good.sum()),
        p=p,
        names=[name for name, gone in zip(names, lost, strict=True) if gone],
        direction=linear_combination(flat[parts][:6].round(3), [names[j] for j in parts[:6]], 3),
    )
    return inverse, int(good.sum()), note


def _penalised(
    objective: Objective, form: Form, r: Array, J: Array, n: int, c: float, kind: str | None
) -> Uncertainty:
    at, penalty = objective.start_vector, form.penalty
    assert penalty is not None
    bent = kinks(penalty, objective.symbols)
    p = objective.size
    if bent:
        return Uncertainty(np.full((p, p), NAN), notes=[Caution("penalty kinks", ops=bent)])
    G = J.T @ J
    P = np.zeros((p, p))
    own = [j for j, s in enumerate(objective.symbols) if s in penalty.symbols.values()]
    if own:
        blocks = hessian(penalty, [objective.symbols[j] for j in own])
        values = objective.evaluate("penalty", [block for row in blocks for block in row], at)
        P[np.ix_(own, own)] = np.reshape([float(v) for v in values], (len(own), len(own))) / (2 * c)
    information = observed_information(G + P, objective.labels)
    inverse = information.covariance
    spent = float(np.trace(inverse @ G))
    df = n - spent
    s2 = float(r @ r) / df if df > 1e-9 else NAN
    notes: list[Line] = [information.note] if information.note else []
    notes.append(Note("penalised", df=spent))
    made = spread(inverse, J * r[:, None], likelihood=True, kind=kind, dispersion=s2, curvature=G)
    covariance = made.covariance
    if kind is not None:
        notes.append(Note("sandwich", kind=kind, more=None))
    step = inverse @ objective.gradient(at) / (2 * c)
    return Uncertainty(
        covariance, df, float(np.sqrt(s2)), notes, "penalised", spent, distance(step, covariance)
    )


def _hessian(objective: Objective, form: Form) -> Uncertainty:
    """The inverse Hessian, because it was asked for; a mean over rows counts n-fold."""
    at = objective.start_vector
    try:
        blocks = Blocks(objective)
        factor = blocks.n if blocks.proof.whole is None else 1
    except NotRows:
        factor = 1
    information = observed_information(factor * objective.hessian(at), objective.labels)
    notes: list[Line] = [Note("likelihood errors")]
    if factor != 1:
        notes.append(Note("mean likelihood", n=factor))
    if information.note:
        notes.append(information.note)
    C = information.covariance
    sigma = NAN
    if form.found is not None and not form.curved:  # exp(−c w r²) is normal with the variance 1/(2 c w)
        (c,) = objective.evaluate("factor", [form.factor], at)
        sigma = float(np.sqrt(1 / (2 * factor * float(c))))
    return Uncertainty(
        C, sigma=sigma, notes=notes, kind="likelihood", rank=objective.size,
        distance=distance(factor * C @ objective.gradient(at), C),
    )  # fmt: skip


def _m_estimate(objective: Objective, form: Form, kind: str | None) -> Uncertainty:
    at, p = objective.start_vector, objective.size
    nothing = np.full((p, p), NAN)
    try:
        blocks = Blocks(objective)
    except NotRows as refusal:
        return Uncertainty(nothing, notes=[Caution("no rows errors", why=refusal)])
    # A loss whose batches need no count of all rows is a mean over them.
    factor = blocks.n if blocks.proof.whole is None else 1
    H, S = factor * objective.hessian(at), factor * scores(objective, blocks)
    if not (np.isfinite(H).all() and np.isfinite(S).all()):
        return Uncertainty(nothing, notes=[Caution("derivatives not finite")])
    information = observed_information(H, objective.labels)
    A = information.covariance
    bent = kinks(objective.loss, objective.symbols)
    errors = np.sqrt(np.diag(sandwich(A, S)))
    if bent and not curvature_holds(objective.gradient, at, np.diag(H) / factor, errors):
        return Uncertainty(nothing, notes=[Caution("kinked errors", ops=bent)])
    notes: list[Line] = [information.note] if information.note else []
    if kind is None:
        doubt = _doubt(objective, form, blocks, A, S)
        if not doubt:
            notes.insert(0, Note("likelihood errors"))
            if factor != 1:
                notes.insert(1, Note("mean likelihood", n=factor))
            if blocks.n < _enough(p):
                notes.append(Caution("few rows", n=blocks.n))
            step = A @ objective.gradient(at) * factor
            return Uncertainty(
                A, notes=notes, kind="likelihood", rank=p, distance=distance(step, A), factor=factor
            )
        kind = "HC0"
        notes.append(doubt)
    else:
        notes.append(Note("sandwich", kind=kind, more=None))
    C = spread(A, S, likelihood=False, kind=kind).covariance
    step = A @ objective.gradient(at) * factor
    return Uncertainty(C, notes=notes, kind="sandwich", rank=p, distance=distance(step, C))


def _enough(p: int) -> int:
    # With fewer rows even scores of half or twice the variance would not be told from what the Hessian says.
    return max(40, 5 * p)


def _doubt(objective: Objective, form: Form, blocks: Blocks, A: Array, S: Array) -> Note | None:
    """Return why a sum over rows is not taken as a negative log-likelihood; None if it may be one.

    At the parameters of the density exp(−ℓ) the scores have the covariance that the Hessian says, E ssᵀ = E ∇²ℓ.
    For each parameter the two variances that follow, (A SᵀS A)ⱼⱼ and Aⱼⱼ, are compared: their ratio is the mean
    of a square over rows, whose own spread says how far from 1 it may be by chance.

    Source: H. White, *Maximum likelihood estimation of misspecified models*, Econometrica 50 (1982).
    """
    if form.curved:
        return Note("not a likelihood", why=Line("curved"))
    if form.residual is not None:
        return Note("not a likelihood", why=Line("no scale", residual=form.residual))
    if set(blocks.proof.free.symbols) & set(objective.labels):
        return Note("not a likelihood", why=Line("free terms"))
    n = len(S)
    with np.errstate(divide="ignore", invalid="ignore"):
        t2 = n * (S @ A) ** 2 / np.diag(A)
        ratio, spread = t2.mean(axis=0), t2.std(axis=0) / np.sqrt(n)
        # On the scale of logarithms, where the chance of being too small is that of being too large.
        apart = np.abs(np.log(ratio))
        apart = np.maximum(apart / np.log(FACTOR), apart * ratio / spread / NEAR)
    apart = np.where(np.isfinite(apart), apart, 0.0)
    worst = int(np.argmax(apart))
    if apart[worst] <= 1:
        return None
    why = Line("scores differ", name=objective.labels[worst], ratio=float(ratio[worst]))
    return Note("not a likelihood", why=why)


__all__ = ["Uncertainty", "asks_observed", "sandwich_kind", "uncertainty"]
