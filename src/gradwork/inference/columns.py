"""From a fitted model to covariances: which Hessian, which scores, on which scale."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from gradwork.data.scaling import Standardise
from gradwork.learn.fit import Fit
from gradwork.models.tables.named import Model
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
from gradwork.stats.least_squares import least_squares
from gradwork.stats.separation import Separation, pair_differences
from gradwork.words.numbers import short
from gradwork.words.say import say

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
    """

    covariance: Array
    df: float | None
    rank: float
    null: Array
    sigma2: float = float("nan")
    condition_number: float = float("nan")
    notes: tuple[str, ...] = field(default=())
    distance: float = float("nan")
    variances: Array | None = None

    @property
    def determined(self) -> NDArray[np.bool_]:
        """Which coefficients the data determine."""
        return np.abs(self.null).max(axis=1, initial=0.0) == 0


def beta_of(model: Model, parameters: dict[str, Array]) -> Array:
    """Return the coefficients as p, or p×k for classes, with the intercept first; classes are against the first."""
    if model.name == "softmax":
        W = np.asarray(parameters["W"])
        beta = np.vstack([np.asarray(parameters["b"])[None], W]) if model.intercept else W
        return beta - beta[:, :1]
    w = np.asarray(parameters["w"])
    return np.concatenate([[float(parameters["b"])], w]) if model.intercept else w


def parameters_of(model: Model, beta: Array) -> dict[str, Array]:
    """Return coefficients as the values of the model's symbols: the inverse of `beta_of`."""
    names = ("W", "b") if model.name == "softmax" else ("w", "b")
    if not model.intercept:
        return {names[0]: beta}
    return {names[0]: beta[1:], names[1]: beta[0]}


def errors(
    model: Model, fit: Fit, Z: Array, y: Array, scaling: Standardise | None, names: tuple[str, ...], kind: str | None,
    raw: Array, separation: Separation | None = None,
) -> Errors:  # fmt: skip
    """Return the covariance of a fit.

    Z is the (scaled) table the model was fitted to, `raw` the one on the original scale, both without a column of
    ones; y are numbers, or one-hot rows; `names` has the intercept first. `kind` is None, "HC0" or "HC1".
    """
    if model.family == "normal" and not model.constants:
        return _least_squares(model, fit, raw, y, scaling, names, kind)
    told = _columns(model, raw, names)
    q = len(names) * (y.shape[1] - 1 if y.ndim > 1 else 1)
    refusal = ""
    if model.loss_name == "mae":
        refusal = say("no errors", loss=model.loss_name)
    elif q > MOST:
        refusal = say("no errors, many", count=q)
    if refusal:
        lost = np.full((q, q), np.nan)
        return Errors(lost, None, told.rank * (q // len(names)), np.zeros((q, 0)), float("nan"), told.condition,
                      (*told.notes, refusal))  # fmt: skip
    part = _Part.of(model, fit, _ones(model, Z), y)
    if "lam" in model.constants:
        return _penalised(model, part, scaling, kind, told)
    found = _likelihood(model, part, scaling, kind, told, separation)
    if found.variances is None or separation is not None or told.notes:
        return found
    near = _inflated(model, found.variances, Z, raw, names, part.weights)
    return replace(found, notes=(*found.notes, near) if near else found.notes)


def _ones(model: Model, X: Array) -> Array:
    return np.column_stack([np.ones(len(X)), X]) if model.intercept else X


@dataclass(frozen=True)
class _Columns:
    """Rank and condition number of the columns on the original scale, and what is said of them."""

    rank: int
    condition: float
    notes: tuple[str, ...]


def _columns(model: Model, X: Array, names: tuple[str, ...]) -> _Columns:
    full = _ones(model, X)
    n, p = full.shape
    length = np.linalg.norm(full, axis=0)
    unit = np.where(length > 0, length, 1.0)
    R = triangle(full / unit)
    space = row_space(R)
    if space.rank == p:
        near, singular = nearly_collinear(R, names), linalg.svdvals(R * unit)
        return _Columns(p, float(singular[0] / singular[-1]), (near,) if near else ())
    notes = []
    if n >= p:
        notes = [c.sentence() for c in find_collinear(R, unit, names, rank_tolerance(p))]
    elif "lam" not in model.constants:
        notes = [say("more parameters", parameters=p, rows=n)]
    if "lam" in model.constants:
        notes.append(say("rank penalised", parameters=p, rank=space.rank, rows=n))
        return _Columns(space.rank, float("inf"), tuple(notes))
    lost = [f"'{name}'" for name, fine in zip(names, space.determined, strict=True) if not fine]
    shown = ", ".join(lost[:6]) + (", …" if len(lost) > 6 else "")
    notes.append(say("rank", parameters=p, rank=space.rank, columns=shown))
    return _Columns(space.rank, float("inf"), tuple(notes))


def _inflated(
    model: Model, variances: Array, X: Array, raw: Array, names: tuple[str, ...], weights: Array | None = None
) -> str:
    # Powers of one column are correlated by their nature, and a penalty is what one takes against it.
    if not model.intercept or model.name == "polynomial" or "lam" in model.constants:
        return ""
    return inflated(inflation(variances[1:], X, weights), raw, names[1:])


def _least_squares(
    model: Model, fit: Fit, X: Array, y: Array, scaling: Standardise | None, names: tuple[str, ...],
    kind: str | None,
) -> Errors:  # fmt: skip
    full = _ones(model, X)
    answer = least_squares(full, y, names)
    notes, df = list(answer.notes), answer.df_residual
    if df > 1 and not answer.exact and answer.scaled_condition_number < NEAR:
        notes.append(_inflated(model, (answer.root**2).sum(axis=1), X, X, names))
    sigma2 = answer.rss / df if df > 0 else float("nan")
    covariance = sigma2 * answer.root @ answer.root.T
    if kind is not None:
        scores = full * answer.residuals[:, None]
        covariance = sandwich(answer.root @ answer.root.T, scores, kind, answer.rank)
        notes.append(say("sandwich", kind=kind + say("wald")))
    if answer.exact:  # rounding is no spread
        covariance = np.full_like(covariance, np.nan)
    beta = beta_of(model, fit.parameters)
    beta = beta if scaling is None else scaling.to_original(beta)
    distance = float("nan")
    if not answer.exact and df > 0 and not answer.collinear:
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.abs(beta - answer.estimate) / np.sqrt(np.diag(covariance))
        distance = float(np.nanmax(away, initial=0.0)) if np.isfinite(beta).all() else float("inf")
    return Errors(
        covariance, df, answer.rank, answer.null, sigma2, answer.condition_number, tuple(notes), distance
    )


@dataclass(frozen=True)
class _Part:
    """The second-order part of a loss that is a sum over rows of a function of z = Xβ.

    full: n×p, with the ones;  beta: p or p×k;  scores: the derivative of each row's loss by z, n or n×k;
    weights: the second derivative, n, or None for classes, where it is diag(P) − P Pᵀ with P = `means`, n×k.
    """

    full: Array
    beta: Array
    y: Array
    means: Array
    scores: Array
    weights: Array | None

    @classmethod
    def of(cls, model: Model, fit: Fit, full: Array, y: Array) -> _Part:
        beta = beta_of(model, fit.parameters)
        z = full @ beta
        if model.family == "multinomial":
            P = np.asarray(special.softmax(z, axis=1))
            return cls(full, beta, y, P, P - y, None)
        if model.family == "binomial":
            p = special.expit(z)
            return cls(full, beta, y, p, p - y, p * special.expit(-z))
        if model.family == "poisson":
            with np.errstate(over="ignore"):
                mean = np.exp(z)
            return cls(full, beta, y, mean, mean - y, mean)
        if model.loss_name == "huber":
            delta = model.constants["delta"]
            return cls(
                full, beta, y, z, np.clip(z - y, -delta, delta), (np.abs(z - y) <= delta).astype(float)
            )
        return cls(full, beta, y, z, z - y, np.ones(len(z)))


def _likelihood(
    model: Model, part: _Part, scaling: Standardise | None, kind: str | None, told: _Columns,
    separation: Separation | None,
) -> Errors:  # fmt: skip
    notes = list(told.notes)
    if model.loss_name == "huber" and kind is None:
        kind = "HC0"
        notes.append(say("robust errors", loss=model.loss_name))
    elif kind is not None:
        notes.append(say("sandwich", kind=kind))
    found = _classes if part.weights is None else _single
    root, null, scores = found(part, separation)
    size = scores.shape[1]
    rank = told.rank * (size // part.full.shape[1])
    if not np.isfinite(root).all():
        notes.append(say("no curvature"))
        return Errors(
            np.full((size, size), np.nan), None, rank, null, float("nan"), told.condition, tuple(notes)
        )
    covariance = root @ root.T
    variances = None if part.weights is None else np.diag(covariance)
    step = covariance @ scores.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = float(np.nanmax(np.abs(step) / np.sqrt(np.diag(covariance)), initial=0.0))
    if kind is not None:
        covariance = sandwich(covariance, scores, kind, min(rank, len(scores) - 1))
    if scaling is not None:
        covariance = scaling.covariance_to_original(covariance)
        T = scaling.matrix()
        null = moved(null, np.asarray(np.kron(np.eye(size // len(T)), T), dtype=float))
    return Errors(
        covariance, None, rank, null, float("nan"), told.condition, tuple(notes), distance, variances
    )


def _single(part: _Part, separation: Separation | None) -> tuple[Array, Array, Array]:
    """Return the root of the covariance, the directions that are not determined, and the scores that are left."""
    assert part.weights is not None
    rows = part.weights > 0
    if separation is not None:
        rows &= separation.overlap.any(axis=1)
    space = row_space(part.full[rows])
    # QR of √W X: to form XᵀWX would square the condition number.
    A = np.sqrt(part.weights[rows])[:, None] * (part.full[rows] @ space.basis)
    return (
        space.basis @ _inverse_triangle(A),
        space.null,
        part.full * np.where(rows, part.scores, 0.0)[:, None],
    )


def _inverse_triangle(A: Array) -> Array:
    """Return R⁻¹ for A = QR with columns of unit length; NaN where A has not full rank."""
    length = np.linalg.norm(A, axis=0)
    if not np.isfinite(length).all() or not (length > 0).all():
        return np.full((A.shape[1], A.shape[1]), np.nan)
    R = triangle(A / length)
    if len(R) < A.shape[1] or np.abs(np.diag(R)).min(initial=1.0) <= rank_tolerance(A.shape[1]):
        return np.full((A.shape[1], A.shape[1]), np.nan)
    return linalg.solve_triangular(R, np.eye(len(R))) / length[:, None]


def _classes(part: _Part, separation: Separation | None) -> tuple[Array, Array, Array]:
    P, Y, full = part.means, part.y, part.full
    k = P.shape[1]
    if separation is None:
        space = row_space(full)
        basis, null = np.kron(np.eye(k - 1), space.basis), np.kron(np.eye(k - 1), space.null)
    else:
        # A row counts among the classes that nothing separates it from.
        possible = separation.overlap | (Y > 0)
        P = np.where(possible, P, 0.0)
        P = P / P.sum(axis=1, keepdims=True)
        space = row_space(pair_differences(full, Y.argmax(axis=1), k, separation.overlap).toarray())
        basis, null = space.basis, space.null
    scores = _by_class(full, (P - Y)[:, 1:])
    if basis.shape[1] == 0:
        return np.zeros_like(basis), null, scores
    H = _curvature(full, P)[full.shape[1] :, full.shape[1] :]
    inner = observed_information(basis.T @ H @ basis)
    if not inner.definite:
        return np.full_like(basis, np.nan), null, scores
    return basis @ np.linalg.cholesky(inner.covariance), null, scores


def _by_class(full: Array, scores: Array) -> Array:
    return (scores[:, :, None] * full[:, None, :]).reshape(len(full), -1)


def _curvature(full: Array, P: Array) -> Array:
    """Return the Hessian of −Σ log P[i, yᵢ], class by class: Xᵀ diag(Pₐ([a = b] − P_b)) X for classes a and b."""
    p, k = full.shape[1], P.shape[1]
    H = np.zeros((k, p, k, p))
    for a in range(k):
        for b in range(a, k):
            w = P[:, a] * (1 - P[:, a]) if a == b else -P[:, a] * P[:, b]
            H[a, :, b] = full.T @ (w[:, None] * full)
            H[b, :, a] = H[a, :, b].T
    return H.reshape(k * p, k * p)


def _penalised(
    model: Model, part: _Part, scaling: Standardise | None, kind: str | None, told: _Columns
) -> Errors:
    """Return A⁻¹ G A⁻¹ with the curvature G of the rows and A = G + that of the penalty."""
    full, lam = part.full, model.constants["lam"]
    n, p = full.shape
    k = part.means.shape[1] if part.weights is None else 1
    if part.weights is None:
        G, scores = _curvature(full, part.means), _by_class(full, part.scores)
    else:
        half = np.sqrt(part.weights)[:, None] * full
        G, scores = half.T @ half, full * part.scores[:, None]
    # The rows' part of ridge is r²/2 here, that of the others their negative log-likelihood.
    shrunk = np.full(p, n * lam * (1 if model.family == "normal" else 2))
    if model.intercept:
        shrunk[0] = 0.0
    inverse = np.asarray(linalg.pinvh(G + np.diag(np.tile(shrunk, k))))
    spent = float(np.trace(inverse @ G))
    notes = [*told.notes, say("penalised", df=short(spent, 4))]
    if scaling is not None:
        notes.append(say("penalty scale", penalty=lam))
    df = sigma2 = None
    if model.family == "normal":
        df = n - spent
        sigma2 = float(part.scores @ part.scores) / df if df > 1e-9 else float("nan")
    covariance = (1.0 if sigma2 is None else sigma2) * inverse @ G @ inverse
    if kind is not None:
        covariance = sandwich(inverse, scores, kind)
        notes.append(say("sandwich", kind=kind))
    if k > 1:  # against the first class
        against = np.kron(np.column_stack([-np.ones(k - 1), np.eye(k - 1)]), np.eye(p))
        covariance = against @ covariance @ against.T
    if scaling is not None:
        covariance = scaling.covariance_to_original(covariance)
    nan = float("nan")
    return Errors(
        covariance, df, spent, np.zeros((len(covariance), 0)), nan if sigma2 is None else sigma2, told.condition,
        tuple(notes),
    )  # fmt: skip
