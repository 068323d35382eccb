"""From estimates and second derivatives to standard errors, tests and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from gradwork.errors import GradworkError, ShapeError
from gradwork.words.notes import Caution, Line
from gradwork.words.numbers import linear_combination

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Inference:
    """Estimates with their standard errors, tests of being zero, and confidence intervals.

    All arrays have length p, `covariance` is p×p. `df` None means that the estimates are taken as normal (z),
    a number that they are Student's t with that many degrees of freedom. What is not determined is NaN.
    """

    names: tuple[str, ...]
    estimate: Array
    std_error: Array
    statistic: Array
    p_value: Array
    lower: Array
    upper: Array
    covariance: Array
    df: float | None
    level: float
    signs: NDArray[np.int_] | None = None

    @property
    def statistic_name(self) -> str:
        """Return "t" or "z"."""
        return "z" if self.df is None else "t"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one dict of numbers per parameter.

        >>> table = coefficient_table([1.5], [[0.25]], ["x"])
        >>> {k: round(v, 3) for k, v in table.to_rows()[0].items() if k != "name"}
        {'estimate': 1.5, 'std_error': 0.5, 'statistic': 3.0, 'p_value': 0.003, 'lower': 0.52, 'upper': 2.48}
        """
        columns = (self.estimate, self.std_error, self.statistic, self.p_value, self.lower, self.upper)
        keys = ("estimate", "std_error", "statistic", "p_value", "lower", "upper")
        return [
            {"name": name} | {key: float(column[j]) for key, column in zip(keys, columns, strict=True)}
            for j, name in enumerate(self.names)
        ]


def coefficient_table(
    estimate: ArrayLike,
    covariance: ArrayLike,
    names: Sequence[str],
    df: float | None = None,
    level: float = 0.95,
    signs: NDArray[np.int_] | None = None,
) -> Inference:
    """Return standard errors √Cⱼⱼ, statistics bⱼ/√Cⱼⱼ, two-sided p-values and intervals bⱼ ± q √Cⱼⱼ.

    q is the (1 + level)/2 quantile of the normal distribution, or of Student's t where `df` is given.
    With df = 0 nothing can be said, and everything but the estimate is NaN.
    Shapes: estimate: p; covariance: p×p. Raises ShapeError, and GradworkError for a level outside (0, 1).

    >>> table = coefficient_table([2.0], [[1.0]], ["x"], df=1)
    >>> round(float(table.p_value[0]), 4), table.statistic_name
    (0.2952, 't')
    """
    b, C = np.asarray(estimate, dtype=float), np.asarray(covariance, dtype=float)
    p = len(names)
    if b.shape != (p,) or C.shape != (p, p):
        raise ShapeError("estimate and names differ", p=p, shape=b.shape, C_shape=C.shape)
    if not 0 < level < 1:
        raise GradworkError("level of interval lies between 0", level=level)
    variance = np.diag(C)
    valid = variance >= 0 if df is None or df > 0 else np.zeros(p, dtype=bool)
    se = np.sqrt(np.where(valid, variance, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = b / se
    if df is None:
        p_value, q = 2 * special.ndtr(-np.abs(statistic)), special.ndtri((1 + level) / 2)
    else:
        p_value = 2 * special.stdtr(max(df, 1e-300), -np.abs(statistic))
        q = special.stdtrit(df, (1 + level) / 2) if df > 0 else np.nan
    p_value = np.where(np.isnan(statistic), np.nan, p_value)
    return Inference(tuple(names), b, se, statistic, p_value, b - q * se, b + q * se, C, df, level, signs)


@dataclass(frozen=True)
class Information:
    """The covariance that a Hessian gives, whether it was positive definite, and if not, a sentence."""

    covariance: Array
    definite: bool
    condition_number: float
    note: Line | None = None


def observed_information(hessian: ArrayLike, names: Sequence[str] | None = None) -> Information:
    """Return H⁻¹ for the Hessian H of the *total* negative log-likelihood at its minimum.

    H is scaled to a unit diagonal (so that units do not matter) and factored by Cholesky. If it is not
    positive definite to working precision, the eigenvectors say along which direction; parameters with a part
    in such a direction get NaN, the others keep their variance.
    Shapes: hessian, covariance: p×p.

    >>> observed_information([[4.0, 0.0], [0.0, 25.0]]).covariance.tolist()
    [[0.25, 0.0], [0.0, 0.04]]
    >>> str(observed_information([[1.0, 1.0], [1.0, 1.0]], ["a", "b"]).note)
    'the Hessian is not positive definite (smallest eigenvalue 0 after scaling, along a − b): a, b have no \
standard error'
    """
    H = np.asarray(hessian, dtype=float)
    if H.ndim != 2 or H.shape[0] != H.shape[1] or H.shape[0] == 0:
        raise ShapeError("Hessian not square", shape=H.shape)
    p = len(H)
    labels = tuple(names) if names is not None else tuple(f"b{j + 1}" for j in range(p))
    if len(labels) != p:
        raise ShapeError("Hessian needs names", p=p, count=len(labels))
    if not np.isfinite(H).all():
        i, j = np.argwhere(~np.isfinite(H))[0]
        note = Caution("Hessian not finite", row=labels[i], column=labels[j])
        return Information(np.full((p, p), np.nan), False, np.nan, note)
    d = np.sqrt(np.abs(np.diag(H)))
    d[d == 0] = 1.0
    scaled = (H / d) / d[:, None]
    scaled = (scaled + scaled.T) / 2
    tolerance = 16 * p * np.finfo(float).eps
    eigenvalues = linalg.eigvalsh(scaled, check_finite=False)
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    if smallest > tolerance * max(largest, 1.0):
        try:
            factor = linalg.cho_factor(scaled, lower=True, check_finite=False)
            inverse = linalg.cho_solve(factor, np.eye(p), check_finite=False)
            return Information(((inverse + inverse.T) / 2 / d) / d[:, None], True, largest / smallest)
        except linalg.LinAlgError:
            pass
    return _indefinite(scaled, d, labels, tolerance)


def _indefinite(scaled: Array, d: Array, names: tuple[str, ...], tolerance: float) -> Information:
    values, V = linalg.eigh(scaled, check_finite=False)
    good = values > tolerance * max(values[-1], 1.0)
    root = V[:, good] / np.sqrt(values[good])
    covariance = (root @ root.T / d) / d[:, None]
    lost = (V[:, ~good] ** 2).sum(axis=1) > 1e-8
    covariance[lost] = np.nan
    covariance[:, lost] = np.nan
    flat = V[:, 0] / d
    flat = flat / flat[np.argmax(np.abs(flat))]
    parts = np.flatnonzero(np.abs(flat) > 0.05)
    flat = flat * np.sign(flat[parts[0]])
    lost_names = [names[j] for j in np.flatnonzero(lost)]
    smallest = float(values[0]) if abs(values[0]) > tolerance else 0.0
    note = Caution(
        "not definite",
        eigenvalue=smallest,
        direction=linear_combination(flat[parts][:6].round(3), [names[j] for j in parts[:6]], 3),
        columns=lost_names,
        count=len(lost_names),
    )
    return Information(covariance, False, np.inf, note)


def sandwich(covariance: ArrayLike, scores: ArrayLike, kind: str = "HC0", rank: int | None = None) -> Array:
    """Return A (SᵀS) A, the covariance that holds although the model of the spread is wrong.

    A = H⁻¹ is the covariance from `observed_information`, row i of S the gradient of the negative
    log-likelihood of row i at the estimate. "HC1" multiplies by n/(n − p), for p the `rank` where it is less.
    Shapes: covariance: p×p; scores: n×p. Raises GradworkError for an unknown kind, or n ≤ p with HC1.

    >>> sandwich([[0.5]], [[1.0], [-1.0]]).tolist()
    [[0.5]]

    Source: H. White, *A heteroskedasticity-consistent covariance matrix estimator*, Econometrica 48 (1980).
    """
    A, S = np.asarray(covariance, dtype=float), np.asarray(scores, dtype=float)
    if S.ndim != 2 or A.shape != (S.shape[1], S.shape[1]):
        raise ShapeError("scores n p need p p", shape=S.shape, A_shape=A.shape)
    n, p = len(S), S.shape[1] if rank is None else rank
    if kind not in ("HC0", "HC1"):
        raise GradworkError("unknown sandwich", kind=kind)
    if kind == "HC1" and n <= p:
        raise GradworkError("HC1 without degrees of freedom", n=n - p)
    half = S @ A
    return half.T @ half * (n / (n - p) if kind == "HC1" else 1.0)
