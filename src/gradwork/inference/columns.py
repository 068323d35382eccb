"""From a fitted model to covariances: its second derivatives, its scores, and the scale they are on.

Nothing here knows which model it is. The loss of a row by its predictor z gives scores s = ∂ℓ/∂z and weights
w = ∂²ℓ/∂z² (see `families`), and with the columns X of z = Xβ

    H = Σ wᵢ xᵢxᵢᵀ,    sᵢxᵢ the score of row i

Where a loss depends on the parameters in another way, too, both are derived by the parameters themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.data.scaling import Standardise
from gradwork.errors import DerivativeError
from gradwork.families.family import TWO
from gradwork.families.model import Model
from gradwork.inference.scores import scores as scores_of
from gradwork.inference.spread import curvature_holds, distance, spread
from gradwork.learn.fit import Fit
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import kinks
from gradwork.ops import FUNCTIONS
from gradwork.rows.blocks import Blocks
from gradwork.stats.collinearity import (
    NEAR,
    find_collinear,
    inflated,
    inflation,
    nearly_collinear,
    rank_tolerance,
)
from gradwork.stats.determined import moved, row_space, triangle
from gradwork.stats.inference import observed_information, sandwich
from gradwork.stats.least_squares import LeastSquares, degrees_of_freedom, least_squares, passes_through
from gradwork.stats.separation import Separation, pair_differences
from gradwork.words.notes import Caution, Line, Note

Array = NDArray[Any]

MOST = 2_000  # parameters: the covariance of more takes minutes, and no one reads so many lines


@dataclass(frozen=True)
class Errors:
    """The covariance of the coefficients on the original scale, and what is to be said of it.

    For k classes the parameters of each class but the reference stand together. `df` None means z. `rank` counts
    what the model spends; `sigma2` is the residual variance of a normal model. The columns of `null` are the
    directions of which the data know nothing, exactly zero for what is determined; the covariance is that of the
    rest. `distance` is how far the estimates are from the minimum, in standard errors (NaN: not known).
    `variances` are those by the Hessian, of the columns as they were learned, where there is one predictor.
    `dispersion` is φ̂ of a family that has one, else 1; `pearson` is Pearson's χ² of numbers;
    `curved` the share of the rows at which the loss is curved;
    `exact` that the residuals are nothing but rounding.
    """

    covariance: Array
    df: float | None
    rank: float
    null: Array
    sigma2: float = float("nan")
    condition_number: float = float("nan")
    notes: tuple[Line, ...] = field(default=())
    distance: float = float("nan")
    variances: Array | None = None
    dispersion: float = 1.0
    pearson: float = float("nan")
    curved: float = 1.0
    exact: bool = False

    @property
    def determined(self) -> NDArray[np.bool_]:
        """Which coefficients the data determine."""
        return np.abs(self.null).max(axis=1, initial=0.0) == 0


def beta_of(model: Model, parameters: dict[str, Array]) -> Array:
    """Return the coefficients as p, or p×k for classes, with the intercept first; classes are against the first."""
    weights, *constant = (np.asarray(parameters[s.params[0]], dtype=float) for s in model.parameters)
    if model.classes:
        beta = np.vstack([constant[0][None], weights]) if model.intercept else weights
        return beta - beta[:, :1]
    return np.concatenate([np.atleast_1d(constant[0]), weights]) if model.intercept else weights


def parameters_of(model: Model, beta: Array) -> dict[str, Array]:
    """Return coefficients as the values of the model's symbols: the inverse of `beta_of`."""
    names = [s.params[0] for s in model.parameters]
    if not model.intercept:
        return {names[0]: beta}
    return {names[0]: beta[1:], names[1]: beta[0]}


def errors(
    model: Model, fit: Fit, Z: Array, y: Array, scaling: Standardise | None, names: tuple[str, ...], kind: str | None,
    raw: Array, separation: Separation | None = None, observed: bool = False,
) -> Errors:  # fmt: skip
    """Return the covariance of a fit, at the parameters that it reports.

    Z is the (scaled) table the model was fitted to, `raw` the one on the original scale, both without a column of
    ones; y are numbers, or one-hot rows; `names` has the intercept first. `kind` is None, "HC0" or "HC1";
    `observed` asks for the observed information of a likelihood in place of the expected one.
    """
    if model.squares:
        return _least_squares(model, fit, raw, y, scaling, names, kind)
    told = _columns(model, raw, names)
    q = len(names) * (y.shape[1] - 1 if y.ndim > 1 else 1)
    if q > MOST:
        return _none(told, q, names, Note("no errors, many", count=q))
    if model.unit is not None and model.unit.flat:
        return _none(told, q, names, Caution("no errors", loss=model.loss_name))
    if model.penalty is not None and model.share == "other":
        return _none(told, q, names, Caution("no errors, penalty"))
    try:
        if model.unit is None:
            part = _by_parameters(model, fit, Z, y)
        else:
            # A sandwich holds also where the model is wrong, so its curvature is that of the data.
            expected = model.likelihood and kind is None and not observed
            part = _by_predictor(model, fit, _ones(model, Z), y, separation, expected)
    except DerivativeError as error:
        return _none(told, q, names, Caution("because of", error=error))
    if observed and kind is None and model.unit is not None and not model.unit.canonical:
        told = replace(told, notes=(*told.notes, Note("likelihood errors")))
    found = _spread(model, part, scaling, kind, told, 0.0 if model.unit is None else model.unit.variance)
    if found.variances is None or separation is not None or told.notes:
        return found
    near = _inflated(model, found.variances, Z, raw, names, part.weights)
    return replace(found, notes=(*found.notes, near) if near else found.notes)


def _none(told: _Columns, q: int, names: tuple[str, ...], why: Line) -> Errors:
    lost, rank = np.full((q, q), np.nan), told.rank * (q // len(names))
    return Errors(
        lost, None, rank, np.zeros((q, 0)), condition_number=told.condition, notes=(*told.notes, why)
    )


def _ones(model: Model, X: Array) -> Array:
    return np.column_stack([np.ones(len(X)), X]) if model.intercept else X


@dataclass(frozen=True)
class _Columns:
    """Rank and condition number of the columns on the original scale, and what is said of them."""

    rank: int
    columns: int
    condition: float
    notes: tuple[Line, ...]


def _columns(model: Model, X: Array, names: tuple[str, ...]) -> _Columns:
    full = _ones(model, X)
    n, p = full.shape
    length = np.linalg.norm(full, axis=0)
    unit = np.where(length > 0, length, 1.0)
    R = triangle(full / unit)
    space = row_space(R)
    if space.rank == p:
        near, singular = nearly_collinear(R, names), linalg.svdvals(R * unit)
        return _Columns(p, p, float(singular[0] / singular[-1]), (near,) if near else ())
    notes: list[Line] = []
    if n >= p:
        notes = [c.sentence() for c in find_collinear(R, unit, names, rank_tolerance(p))]
    elif model.penalty is None:
        notes = [Caution("more parameters", parameters=p, rows=n)]
    if model.penalty is not None:
        notes.append(Note("rank penalised", parameters=p, rank=space.rank, rows=n))
        return _Columns(space.rank, p, float("inf"), tuple(notes))
    lost = [name for name, fine in zip(names, space.determined, strict=True) if not fine]
    notes.append(Caution("rank", parameters=p, rank=space.rank, columns=lost))
    return _Columns(space.rank, p, float("inf"), tuple(notes))


def _inflated(
    model: Model, variances: Array, X: Array, raw: Array, names: tuple[str, ...], weights: Array | None = None
) -> Caution | None:
    # Powers of one column are correlated by their nature, and a penalty is what one takes against it.
    if not model.intercept or model.degree is not None or model.penalty is not None:
        return None
    return inflated(inflation(variances[1:], X, weights), raw, names[1:])


# --- least squares -------------------------------------------------------------------------------------------


def _least_squares(
    model: Model, fit: Fit, X: Array, y: Array, scaling: Standardise | None, names: tuple[str, ...],
    kind: str | None,
) -> Errors:  # fmt: skip
    """The covariance of least squares, from the factors of the columns and the residuals of the reported parameters."""
    solved = fit.details.get("least_squares")
    if solved is not None and scaling is None and not solved.collinear:
        # The run has factored these columns; in its parameters the intercept comes last.
        order = [len(names) - 1, *range(len(names) - 1)] if model.intercept else list(range(len(names)))
        answer: LeastSquares = solved.reordered(order, names)
    else:
        answer = least_squares(_ones(model, X), y, names)
    beta = beta_of(model, fit.parameters)
    beta = beta if scaling is None else scaling.to_original(beta)
    df = answer.df_residual
    if solved is not None:
        residuals, exact = answer.residuals, answer.exact
    else:  # the residuals of the run, not of the minimum
        full = _ones(model, X)
        residuals = y - full @ beta
        exact = df > 0 and passes_through(full, y, beta, residuals)
    sigma2 = float(residuals @ residuals) / df if df > 0 else float("nan")
    inverse = answer.root @ answer.root.T
    covariance = sigma2 * inverse
    notes = [*answer.of_columns, *([Caution("perfect fit")] if exact else [])]
    if df == 0:
        notes += degrees_of_freedom(len(y), len(names), answer.rank)
    if df > 1 and not exact and answer.scaled_condition_number < NEAR:
        notes += filter(None, [_inflated(model, np.diag(inverse), X, X, names)])
    if kind is not None:
        covariance = sandwich(inverse, _ones(model, X) * residuals[:, None], kind, answer.rank)
        notes.append(Note("sandwich", kind=kind, more=Line("wald")))
    if exact:  # rounding is no spread
        covariance = np.full_like(covariance, np.nan)
    away = float("nan")
    if not exact and df > 0 and not answer.collinear:
        away = distance(beta - answer.estimate, covariance) if np.isfinite(beta).all() else float("inf")
    return Errors(
        covariance,
        df,
        answer.rank,
        answer.null,
        sigma2,
        answer.condition_number,
        tuple(notes),
        away,
        exact=exact,
    )


# --- every other loss ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """The second-order part of a loss that is a sum over rows, at the parameters of a fit.

    root:       r×q with root rootᵀ = H⁻¹ on what the rows determine, or NaN; null: what they do not determine.
    hessian:    H, where it was formed.
    scores:     n×q, of all rows but those of which separation leaves nothing to say.
    penalty:    the curvature of the penalty, q×q, or None.
    pearson:    Σ s²/w, from which the dispersion is taken.
    weights:    ∂²ℓ/∂z², n, where there is one predictor.
    hidden:     operations with kinks whose share in the curvature no second derivative shows.
    against:    from all classes to those against the first, where q counts all of them.
    slope:      the gradient of the penalty.
    """

    root: Array
    null: Array
    scores: Array
    hessian: Array | None = None
    penalty: Array | None = None
    pearson: float = float("nan")
    weights: Array | None = None
    hidden: tuple[str, ...] = ()
    against: Array | None = None
    slope: Array | None = None


def _by_predictor(
    model: Model, fit: Fit, full: Array, y: Array, separation: Separation | None, expected: bool
) -> _Part:
    unit, constants = model.unit, model.constants
    assert unit is not None
    beta = beta_of(model, fit.parameters)
    z = full @ beta
    scores = unit.scores(y, z, constants)
    weights = unit.weights(y, z, constants, expected)
    penalty, slope = _penalty(model, fit, len(full))
    if z.ndim > 1:
        if penalty is not None:
            return replace(_penalised_classes(full, scores, weights, penalty), slope=slope)
        return _classes(model, full, y, z, scores, weights, separation)
    pearson = float("nan")
    if model.likelihood and model.support is not TWO:
        likely = weights if expected else unit.weights(y, z, constants, expected=True)
        some = (likely > 0) | (scores != 0)  # a row whose spread has come down to zero adds nothing
        with np.errstate(divide="ignore", invalid="ignore"):
            pearson = float((scores[some] ** 2 / likely[some]).sum())
    if penalty is not None:
        H = full.T @ (weights[:, None] * full)
        own = full * scores[:, None]
        return _Part(
            _root(H + penalty), np.zeros((len(H), 0)), own, H, penalty, pearson, weights, slope=slope
        )
    rows = weights != 0
    if separation is not None:
        rows &= separation.overlap.any(axis=1)
        scores = np.where(rows, scores, 0.0)
    space = row_space(full[rows])
    if (weights[rows] < 0).any():  # the loss bends down at some rows
        H = space.basis.T @ (full.T @ (weights[:, None] * full)) @ space.basis
        root = space.basis @ _root(H)
    else:
        # QR of √W X: to form XᵀWX would square the condition number.
        root = space.basis @ _inverse_triangle(np.sqrt(weights[rows])[:, None] * (full[rows] @ space.basis))
    part = _Part(root, space.null, full * scores[:, None], None, None, pearson, weights)
    return part if model.likelihood else replace(part, hidden=_hidden(model, full, y, beta, part))


def _hidden(model: Model, full: Array, y: Array, beta: Array, part: _Part) -> tuple[str, ...]:
    """Return the operations of a loss whose kinks have a share in the curvature that second derivatives do not show."""
    unit = model.unit
    assert unit is not None and part.weights is not None
    bent = kinks(unit.rows, [unit.z])
    if not bent or not np.isfinite(part.root).all() or part.null.shape[1]:
        return ()

    def gradient(b: Array) -> Array:
        return full.T @ unit.scores(y, full @ b, model.constants)

    diagonal = np.einsum("n,nj,nj->j", part.weights, full, full)
    spread_ = np.sqrt(np.diag(sandwich(part.root @ part.root.T, part.scores)))
    return () if curvature_holds(gradient, beta, diagonal, spread_) else bent


def _penalty(model: Model, fit: Fit, rows: int) -> tuple[Array | None, Array | None]:
    """Return curvature and gradient of the penalty beside the sum over rows, class by class, the intercept first."""
    if model.penalty is None:
        return None, None
    constants = {name: value for name, value in model.constants.items() if name in model.penalty.symbols}
    held = [s for s in model.parameters if s in model.penalty.symbols.values()]
    values = {s.params[0]: np.asarray(fit.parameters[s.params[0]], dtype=float) for s in model.parameters}
    objective = Objective(model.penalty, {s: values[s.params[0]] for s in held}, constants)
    factor = rows if model.share == "mean" else 1
    ends = np.cumsum([values[s.params[0]].size for s in model.parameters])
    whole, slope = np.zeros((ends[-1], ends[-1])), np.zeros(ends[-1])
    places = {
        s: np.arange(end - values[s.params[0]].size, end)
        for s, end in zip(model.parameters, ends, strict=True)
    }
    at = np.concatenate([places[s] for s in held])
    whole[np.ix_(at, at)] = factor * objective.hessian(objective.start_vector)
    slope[at] = factor * objective.gradient(objective.start_vector)
    order = _order(model, values)
    return whole[np.ix_(order, order)], slope[order]


def _order(model: Model, values: dict[str, Array]) -> Array:
    """Return where the coefficients, class by class with the intercept first, stand in the vector of the parameters."""
    weights = values[model.parameters[0].params[0]]
    places = np.arange(weights.size).reshape(weights.shape)
    if model.intercept:
        places = np.concatenate(
            [weights.size + np.arange(weights[0].size).reshape(1, *weights.shape[1:]), places]
        )
    return places.T.ravel()


def _root(H: Array) -> Array:
    """Return a root of H⁻¹; NaN where H is not positive definite."""
    if not np.isfinite(H).all():
        return np.full_like(H, np.nan)
    inner = observed_information(H) if H.size else None
    if inner is None:
        return H
    return np.linalg.cholesky(inner.covariance) if inner.definite else np.full_like(H, np.nan)


def _inverse_triangle(A: Array) -> Array:
    """Return R⁻¹ for A = QR with columns of unit length; NaN where A has not full rank."""
    length = np.linalg.norm(A, axis=0)
    if not np.isfinite(length).all() or not (length > 0).all():
        return np.full((A.shape[1], A.shape[1]), np.nan)
    R = triangle(A / length)
    if len(R) < A.shape[1] or np.abs(np.diag(R)).min(initial=1.0) <= rank_tolerance(A.shape[1]):
        return np.full((A.shape[1], A.shape[1]), np.nan)
    return linalg.solve_triangular(R, np.eye(len(R))) / length[:, None]


def _classes(
    model: Model,
    full: Array,
    Y: Array,
    z: Array,
    scores: Array,
    weights: Array,
    separation: Separation | None,
) -> _Part:
    k, unit = z.shape[1], model.unit
    assert unit is not None
    if separation is None:
        space = row_space(full)
        basis, null = np.kron(np.eye(k - 1), space.basis), np.kron(np.eye(k - 1), space.null)
    else:
        # A row counts among the classes that nothing separates it from: the others are as good as impossible.
        possible = separation.overlap | (Y > 0)
        apart = np.where(possible, z, z.max(axis=1, keepdims=True) - IMPOSSIBLE)
        scores, weights = unit.scores(Y, apart, model.constants), unit.weights(Y, apart, model.constants)
        space = row_space(pair_differences(full, Y.argmax(axis=1), k, separation.overlap).toarray())
        basis, null = space.basis, space.null
    own = _by_class(full, scores[:, 1:])
    if basis.shape[1] == 0:
        return _Part(np.zeros_like(basis), null, own)
    H = _curvature(full, weights)[full.shape[1] :, full.shape[1] :]
    inner = _root(basis.T @ H @ basis)
    return _Part(basis @ inner, null, own)


def _penalised_classes(full: Array, scores: Array, weights: Array, penalty: Array) -> _Part:
    H, k = _curvature(full, weights), scores.shape[1]
    inverse = np.asarray(linalg.pinvh(H + penalty))
    values, V = np.linalg.eigh(inverse)
    against = np.kron(np.column_stack([-np.ones(k - 1), np.eye(k - 1)]), np.eye(full.shape[1]))
    root = V * np.sqrt(np.maximum(values, 0.0))
    return _Part(root, np.zeros((len(H), 0)), _by_class(full, scores), H, penalty, against=against)


IMPOSSIBLE = 1e4  # below the largest predictor: e to the minus of this is zero


def _by_class(full: Array, scores: Array) -> Array:
    return (scores[:, :, None] * full[:, None, :]).reshape(len(full), -1)


def _curvature(full: Array, weights: Array) -> Array:
    """Return the Hessian of the loss, class by class: Xᵀ diag(w[:, a, b]) X for the classes a and b."""
    p, k = full.shape[1], weights.shape[1]
    H = np.zeros((k, p, k, p))
    for a in range(k):
        for b in range(a, k):
            H[a, :, b] = full.T @ (weights[:, a, b][:, None] * full)
            H[b, :, a] = H[a, :, b].T
    return H.reshape(k * p, k * p)


def _by_parameters(model: Model, fit: Fit, Z: Array, y: Array) -> _Part:
    """The same for a loss that is no function of its predictor, by derivatives with respect to the parameters."""
    values = {s: np.asarray(fit.parameters[s.params[0]], dtype=float) for s in model.parameters}
    held = model.rows.symbols
    constants = {name: v for name, v in model.constants.items() if name in held}
    objective = Objective(
        FUNCTIONS["sum"](model.rows), values, {model.X: Z, model.y: y, **constants}, checked=True
    )
    order = _order(model, {s.params[0]: v for s, v in values.items()})
    H = objective.hessian(objective.start_vector)[np.ix_(order, order)]
    S = scores_of(objective, Blocks(objective))[:, order]
    penalty, slope = _penalty(model, fit, len(y))
    root = _root(H if penalty is None else H + penalty)
    bent = () if model.likelihood else kinks(objective.loss, objective.symbols)
    if bent and np.isfinite(root).all():
        at, errors_ = objective.start_vector, np.sqrt(np.diag(sandwich(root @ root.T, S)))
        holds = curvature_holds(lambda v: objective.gradient(v)[order], at[order], np.diag(H), errors_)
        bent = () if holds else bent
    return _Part(root, np.zeros((len(H), 0)), S, H, penalty, hidden=bent, slope=slope)


def _spread(
    model: Model, part: _Part, scaling: Standardise | None, kind: str | None, told: _Columns, variance: float
) -> Errors:
    """Return the covariance of the coefficients on the original scale, and what is to be said of it."""
    notes, n = list(told.notes), len(part.scores)
    q = part.scores.shape[1] if part.against is None else len(part.against)
    rank: float = told.rank * (q // told.columns)
    if not np.isfinite(part.root).all() or part.hidden:
        notes.append(Caution("kinked errors", ops=part.hidden) if part.hidden else Caution("no curvature"))
        lost = np.full((q, q), np.nan)
        null = part.null if part.null.shape[0] == q else np.zeros((q, 0))
        return Errors(lost, None, rank, null, condition_number=told.condition, notes=tuple(notes))
    inverse, penalised = part.root @ part.root.T, part.penalty is not None
    if part.penalty is not None:
        assert part.hessian is not None
        rank = float(np.trace(inverse @ part.hessian))
        notes.append(Note("penalised", df=rank))
        if scaling is not None and "lam" in model.constants:
            notes.append(Note("penalty scale", penalty=model.constants["lam"]))
    df, dispersion = None, 1.0
    if model.likelihood and model.block is not None and model.block.dispersion:
        df = n - rank
        dispersion = part.pearson / df if df > 1e-9 else float("nan")
    found = spread(
        inverse, part.scores, likelihood=model.likelihood, kind=kind, dispersion=dispersion,
        rank=None if penalised else min(int(rank), n - 1), curvature=part.hessian if penalised else None,
    )  # fmt: skip
    if found.source == "sandwich":
        key = "sandwich" if kind is not None else "robust errors"
        notes.append(Note(key, kind=found.kind, loss=model.loss_name, more=None))
    # How far the estimates are from the minimum, in the standard errors of the curvature.
    step = inverse @ (part.scores.sum(axis=0) + (0.0 if part.slope is None else part.slope))
    away = distance(step, inverse * dispersion, 0.0)
    covariance, null = found.covariance, part.null
    variances = None if part.weights is None or penalised else np.diag(inverse)
    if part.against is not None:
        covariance = part.against @ covariance @ part.against.T
    if scaling is not None:
        covariance = scaling.covariance_to_original(covariance)
    null = np.zeros((q, 0)) if penalised else null
    if scaling is not None and null.size:
        T = scaling.matrix()
        null = moved(null, np.asarray(np.kron(np.eye(q // len(T)), T), dtype=float))
    exactly = (
        df if variance > 0 else None
    )  # of squares alone the ratio to the error has Student's distribution
    return Errors(
        covariance, exactly, rank, null, dispersion * variance if variance > 0 else float("nan"), told.condition,
        tuple(notes), away, variances, dispersion, part.pearson,
        1.0 if part.weights is None else float((part.weights != 0).mean()),
    )  # fmt: skip
