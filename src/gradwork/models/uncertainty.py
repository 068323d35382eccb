"""Standard errors of a formula's parameters: from least squares, or from a likelihood's exact Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import DerivativeError, GradworkError
from gradwork.expr import Expr
from gradwork.expr.node import is_zero
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import Squares, squares
from gradwork.learn.rows import NotRows
from gradwork.learn.solvers.blocks import Blocks
from gradwork.learn.solvers.lm import Residuals
from gradwork.models.words import say
from gradwork.stats.inference import observed_information, sandwich
from gradwork.stats.numbers import short

Array = NDArray[Any]


def sandwich_kind(cov: str | None) -> str | None:
    """Return "HC0" or "HC1", or None for the standard errors of the model.

    >>> sandwich_kind("sandwich"), sandwich_kind(None)
    ('HC0', None)
    """
    if cov in (None, "observed", "nonrobust"):
        return None
    kind = {"sandwich": "HC0", "robust": "HC0"}.get(str(cov).lower(), str(cov).upper())
    if kind not in ("HC0", "HC1"):
        raise GradworkError(
            f"standard errors are 'observed', 'HC0' or 'HC1' ('sandwich' is HC0), not {cov!r}"
        )
    return kind


@dataclass
class Uncertainty:
    """A covariance, the degrees of freedom behind it, the residual deviation, and what is to be said of them."""

    covariance: Array
    df: float | None
    sigma: float
    notes: list[str]
    squared: bool


def uncertainty(
    expression: Expr, parameters: Mapping[str, Any], data: Mapping[str, Array], cov: str | None
) -> Uncertainty:
    """Return the covariance of the parameters on the formula's own scale: bounds play no part in it."""
    # The parameters of a formula are plain numbers, so this objective has no transforms.
    objective, kind = Objective(expression, dict(parameters), data), sandwich_kind(cov)
    found = squares(expression, objective.symbols)
    try:
        if found is not None and len(found.blocks) == 1 and not found.outer and is_zero(found.constant):
            return _least_squares(objective, found, kind)
        return _likelihood(objective, kind)
    except DerivativeError as error:
        p = objective.size
        return Uncertainty(np.full((p, p), np.nan), None, float("nan"), [str(error)], False)


def _least_squares(objective: Objective, found: Squares, kind: str | None) -> Uncertainty:
    at, residuals = objective.start_vector, Residuals(objective, found)
    r, J = residuals.residual(at), residuals.jacobian(at)
    (n, p), names = J.shape, objective.labels
    scale = np.linalg.norm(J, axis=0)
    scale[scale == 0] = 1.0
    R = np.linalg.qr(J / scale, mode="r")
    singular = np.linalg.svd(R, compute_uv=False)
    notes = []
    if n < p or singular[-1] <= 1e-14 * singular[0]:
        information = observed_information(J.T @ J, names)
        inverse = information.covariance
        notes.append(information.note)
    else:
        half = np.linalg.inv(R) / scale[:, None]
        inverse = half @ half.T
    df = n - p
    s2 = float(r @ r) / df if df > 0 else float("nan")
    if kind is not None:
        notes.append(say("sandwich", kind=kind))
        return Uncertainty(sandwich(inverse, J * r[:, None], kind), df, float(np.sqrt(s2)), notes, True)
    notes.append(say("least squares errors", s2=short(s2), df=df))
    return Uncertainty(inverse * s2, df, float(np.sqrt(s2)), notes, True)


def _likelihood(objective: Objective, kind: str | None) -> Uncertainty:
    at, notes = objective.start_vector, [say("likelihood errors")]
    try:
        blocks = Blocks(objective)
        # A loss whose batches need no count of all rows is a mean over them.
        factor = blocks.n if blocks.proof.whole is None else 1
    except NotRows as refusal:
        if kind is not None:
            raise GradworkError(f"the sandwich needs a sum over rows: {refusal}") from refusal
        blocks, factor = None, 1
    if factor != 1:
        notes.append(say("mean likelihood", n=factor))
    information = observed_information(factor * objective.hessian(at), objective.labels)
    covariance = information.covariance
    if information.note:
        notes.append(information.note)
    if kind is not None:
        assert blocks is not None
        # A batch of one row estimates the whole: its gradient over n is that row's score.
        rows = [blocks.take(slice(i, i + 1)).gradient(at) for i in range(blocks.n)]
        covariance = sandwich(covariance, np.array(rows) * factor / blocks.n, kind)
        notes.append(say("sandwich", kind=kind))
    return Uncertainty(covariance, None, float("nan"), notes, False)
