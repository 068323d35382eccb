"""From a fitted model to covariances: which Hessian, which scores, on which scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradwork.data.scaling import Standardise
from gradwork.diff.api import jacobian
from gradwork.learn.fit import Fit
from gradwork.learn.objective import Objective
from gradwork.models.builders import Model
from gradwork.models.words import say
from gradwork.stats.collinearity import find_collinear, rank_tolerance
from gradwork.stats.inference import observed_information, sandwich
from gradwork.stats.least_squares import LeastSquares, least_squares
from gradwork.stats.numbers import short

Array = NDArray[Any]


@dataclass(frozen=True)
class Errors:
    """The covariance of the coefficients on the original scale, and what is to be said of it.

    For k classes the parameters of each class but the reference stand together. `df` None means z. `rank` counts
    what the model spends; `sigma2` is the residual variance of a normal model.
    """

    covariance: Array
    df: float | None
    rank: float
    sigma2: float = float("nan")
    condition_number: float = float("nan")
    notes: tuple[str, ...] = field(default=())


def places(model: Model, d: int, k: int) -> list[Array]:
    """Return, for each class but the reference, where its coefficients stand in the packed vector, intercept first.

    Models with one predictor have one entry.
    """
    if model.name != "softmax":
        own = np.arange(d)
        return [np.concatenate([[d], own]) if model.intercept else own]
    found = []
    for c in range(1, k):
        own = np.arange(d) * k + c
        found.append(np.concatenate([[d * k + c], own]) if model.intercept else own)
    return found


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
    raw: Array,
) -> Errors:  # fmt: skip
    """Return the covariance of a fit.

    Z is the (scaled) table the model was fitted to, `raw` the one on the original scale, both without a column of
    ones; `names` has the intercept first. `kind` is None, "HC0" or "HC1".
    """
    if model.name == "ridge":
        return _ridge(model, fit, Z, y, scaling, kind)
    if model.family == "normal":
        return _least_squares(model, fit, raw, y, names, kind)
    return _likelihood(model, fit, Z, scaling, names, kind)


def _ones(model: Model, X: Array) -> Array:
    return np.column_stack([np.ones(len(X)), X]) if model.intercept else X


def _least_squares(
    model: Model, fit: Fit, X: Array, y: Array, names: tuple[str, ...], kind: str | None
) -> Errors:
    full = _ones(model, X)
    answer: LeastSquares = least_squares(full, y, names)
    notes = list(answer.notes)
    covariance = answer.covariance
    if kind is not None:
        covariance = sandwich(answer.inverse, full * answer.residuals[:, None], kind)
        notes.append(say("sandwich", kind=kind))
    sigma2 = answer.rss / answer.df_residual if answer.df_residual > 0 else float("nan")
    return Errors(covariance, answer.df_residual, answer.rank, sigma2, answer.condition_number, tuple(notes))


def _ridge(
    model: Model, fit: Fit, Z: Array, y: Array, scaling: Standardise | None, kind: str | None
) -> Errors:
    n = len(Z)
    full = _ones(model, Z)
    G = full.T @ full
    penalty = np.full(full.shape[1], n * model.constants["lam"])
    if model.intercept:
        penalty[0] = 0.0
    A = G + np.diag(penalty)
    inverse = np.asarray(linalg.pinvh(A))
    beta = beta_of(model, fit.parameters)
    r = y - full @ beta
    spent = float(np.trace(inverse @ G))
    df = n - spent
    sigma2 = float(r @ r) / df if df > 1e-9 else float("nan")
    covariance = sigma2 * inverse @ G @ inverse
    notes = [say("penalised", df=short(spent, 4))]
    if scaling is not None:
        notes.append(say("penalty scale", penalty=model.constants["lam"]))
    if kind is not None:
        covariance = sandwich(inverse, full * r[:, None], kind)
        notes.append(say("sandwich", kind=kind))
    if scaling is not None:
        covariance = scaling.covariance_to_original(covariance)
    singular = linalg.svdvals(full)
    condition = float(np.sqrt(np.linalg.cond(A))) if singular[-1] == 0 else float(singular[0] / singular[-1])
    return Errors(covariance, df, spent, sigma2, condition, tuple(notes))


def _likelihood(
    model: Model, fit: Fit, Z: Array, scaling: Standardise | None, names: tuple[str, ...], kind: str | None
) -> Errors:
    objective, n, d = fit.objective, *Z.shape
    k = fit.parameters["W"].shape[1] if model.name == "softmax" else 2
    where = np.concatenate(places(model, d, k))
    p = len(where)
    if model.loss_name == "mae":
        return Errors(np.full((p, p), np.nan), None, p, notes=(say("no errors", loss=model.loss_name),))
    H = n * _hessian(objective, fit.vector)[np.ix_(where, where)]
    labels = names * max(1, k - 1) if model.name == "softmax" else names
    information = observed_information(H, labels)
    covariance, notes = information.covariance, [information.note] if information.note else []
    if model.loss_name == "huber" and kind is None:
        kind = "HC0"
        notes.append(say("robust errors", loss=model.loss_name))
    elif kind is not None:
        notes.append(say("sandwich", kind=kind))
    if kind is not None:
        covariance = sandwich(covariance, scores(model, objective, fit.vector)[:, where], kind)
    if scaling is not None:
        covariance = _original(scaling, covariance)
    full = _ones(model, scaling.inverse(Z) if scaling is not None else Z)
    condition, told = _conditioning(full, names)
    if told:  # which column is a combination of which says more than an eigenvector
        notes = [*told, *(note for note in notes if note != information.note)]
    return Errors(covariance, None, p, condition_number=condition, notes=tuple(notes))


def _conditioning(full: Array, names: tuple[str, ...]) -> tuple[float, list[str]]:
    """Return the condition number of the columns, and sentences on those that are combinations of others."""
    length = np.linalg.norm(full, axis=0)
    unit = np.where(length > 0, length, 1.0)
    _, R = np.linalg.qr(full / unit)
    singular, tolerance = linalg.svdvals(R), rank_tolerance(full.shape[1])
    if len(full) < full.shape[1] or singular[-1] <= tolerance * singular[0]:
        return float("inf"), [c.sentence() for c in find_collinear(R, unit, names, tolerance)]
    singular = linalg.svdvals(R * unit)
    return float(singular[0] / singular[-1]), []


def _original(scaling: Standardise, covariance: Array) -> Array:
    # NaN marks what is not determined; it must not spread to the rest through T C Tᵀ.
    lost = np.isnan(np.diag(covariance))
    found = scaling.covariance_to_original(np.where(np.isnan(covariance), 0.0, covariance))
    if not lost.any():
        return found
    size = len(scaling.matrix())
    T = np.kron(np.eye(len(lost) // size), scaling.matrix()) != 0
    gone = (T & lost[None, :]).any(axis=1)
    found[gone] = np.nan
    found[:, gone] = np.nan
    return found


def _hessian(objective: Objective, vector: Array) -> Array:
    if objective.size > 3_000:
        return np.full((objective.size, objective.size), np.nan)
    return objective.hessian(vector)


def scores(model: Model, objective: Objective, vector: Array) -> Array:
    """Return the gradient of each row's loss, n×(all parameters), in the order of the packed vector."""
    parts = [jacobian(model.rows, s) for s in model.parameters]
    values = objective.evaluate("scores", parts, vector)
    return np.column_stack([v.reshape(len(v), -1) for v in values])
