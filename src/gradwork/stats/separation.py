"""Separation of classes: where the likelihood of a logistic or softmax model has no maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..errors import ShapeError
from .numbers import linear_combination, short
from .words import say

Array = NDArray[np.float64]

# The linear program takes seconds from about a million numbers on; a random part of the rows is then tried
# first, for overlap within a part is overlap of the whole.
_PART = 200_000


@dataclass(frozen=True)
class Separation:
    """What separates the classes.

    `kind` is "complete" (every row on its own side), "quasi" (some rows on the border) or "one class".
    `columns` are the names with a part in it, `direction` the coefficients (p, or p×k for k > 2 classes)
    along which the likelihood never falls, `sentence` says it, `help` what to do.
    """

    kind: str
    columns: tuple[str, ...]
    direction: Array
    sentence: str
    help: str


def looks_separated(probabilities: ArrayLike, tolerance: float = 1e-8) -> bool:
    """Return whether some fitted probability is nearly 0 or 1, so that `find_separation` should be asked.

    >>> looks_separated([0.3, 0.9]), looks_separated([0.3, 1 - 1e-12])
    (False, True)
    """
    p = np.asarray(probabilities, dtype=float)
    return bool(((p < tolerance) | (p > 1 - tolerance)).any())


def find_separation(
    X: ArrayLike,
    codes: ArrayLike,
    names: Sequence[str],
    labels: Sequence[Any] = (0, 1),
    target: str = "the target",
) -> Separation | None:
    """Return what separates the classes of a logistic or softmax model, or None if its maximum exists.

    The maximum fails to exist exactly if some B ≠ 0 (modulo directions that change nothing) has

        xᵢᵀ(B[:, yᵢ] − B[:, j]) ≥ 0  for all rows i and classes j, and > 0 for one of them;

    a linear program says whether there is one, a second gives the sparsest.
    Shapes: X: n×p, with the column of ones if the model has an intercept; codes: n, class numbers 0 … k−1;
    names: p; labels: k.

    >>> s = find_separation([[1, 1.0], [1, 2], [1, 4], [1, 5]], [0, 0, 1, 1], ["intercept", "dose"])
    >>> s.kind, s.columns
    ('complete', ('dose',))

    Source: A. Albert, J. A. Anderson, Biometrika 71 (1984); K. Konis, D.Phil. thesis, Oxford (2007).
    """
    X, y = np.asarray(X, dtype=float), np.asarray(codes).astype(int)
    if X.ndim != 2 or y.shape != (len(X),) or len(names) != X.shape[1]:
        raise ShapeError(f"separation needs X: n×p, y: n and p names; got {X.shape}, {y.shape}, {len(names)}")
    k = max(len(labels), int(y.max()) + 1)
    help = say("separation help")
    if len(np.unique(y)) == 1:
        return Separation("one class", (), np.zeros(X.shape[1]), say("one class"), help)
    if k == 2 and (found := _one_column(X, y, names, labels, target)) is not None:
        return found
    n, p = X.shape
    if n * p * (k - 1) > _PART:
        size = min(n, max(_PART // (p * (k - 1)), 20 * p))
        part = np.random.default_rng(0).choice(n, size, replace=False)
        if len(np.unique(y[part])) == k and not _exists(_constraints(X[part], y[part], k)[0]):
            return None
    found = _program(X, y, k)
    return None if found is None else _told(*found, X, names, labels, help)


def _one_column(
    X: Array, y: NDArray[np.int_], names: Sequence[str], labels: Sequence[Any], target: str
) -> Separation | None:
    """Return the separation by a threshold on a single column, the most useful thing to be told."""
    if not (np.ptp(X, axis=0) == 0).any():
        return None  # without an intercept a threshold other than zero is not in the model
    low0, high0 = X[y == 0].min(axis=0), X[y == 0].max(axis=0)
    low1, high1 = X[y == 1].min(axis=0), X[y == 1].max(axis=0)
    best: Separation | None = None
    for j in np.flatnonzero(np.ptp(X, axis=0) > 0).tolist():
        rising, falling = high0[j] <= low1[j], high1[j] <= low0[j]
        if not (rising or falling):
            continue
        a, b = (high0[j], low1[j]) if rising else (high1[j], low0[j])
        direction = np.zeros(X.shape[1])
        direction[j] = 1.0 if rising else -1.0
        column = str(names[j])
        if a < b:
            cut, key = short(float(a + b) / 2), "rule above" if rising else "rule below"
            rule = say(key, column=column, target=target, high=labels[1], low=labels[0], cut=cut)
            sentence = say("complete separation", rule=rule)
            return Separation("complete", (column,), direction, sentence, say("separation help"))
        above, below = (labels[1], labels[0]) if rising else (labels[0], labels[1])
        rule = say("rule touch", column=column, cut=short(float(a)), target=target, above=above, below=below)
        best = best or Separation(
            "quasi", (column,), direction, say("quasi separation", rule=rule), say("separation help")
        )
    return best


def _program(X: Array, y: NDArray[np.int_], k: int) -> tuple[str, Array] | None:
    """Return the kind of separation and the sparsest separating B (p×k, first class 0); None for overlap."""
    G, T, free = _constraints(X, y, k)
    if not _exists(G):
        return None
    # Of all directions the one with the least Σ|b| is told, for it involves few columns.
    kind, b = "complete", _shortest(G, free, least=1.0)
    if b is None:
        kind, b = "quasi", _shortest(G, free, least=0.0)
    if b is None:
        return None
    B = np.zeros((X.shape[1], k))
    B[:, 1:] = T @ b.reshape(k - 1, X.shape[1]).T
    return kind, B


def _exists(G: Any) -> bool:
    """Return whether some b has Gb ≥ 0 and not = 0."""
    bounds = [(-1, 1)] * G.shape[1]
    b = _solved(-_mean(G), bounds, A_ub=-G, b_ub=np.zeros(G.shape[0]))
    if b is None:
        return False
    margins = G @ b
    # The solver allows margins of −1e-10, by which an overlap far smaller than the spread of its column could
    # pass; so a negative margin must also be nothing beside the largest.
    return bool(margins.max() > 1e-7 and margins.min() >= -1e-9 * margins.max())


def _shortest(G: Any, free: NDArray[np.bool_], least: float) -> Array | None:
    """Return the b of least Σ|b| (free entries not counted) with Gb ≥ least, and of mean 1 if least is 0."""
    width = G.shape[1]
    cost = np.concatenate([~free, ~free]).astype(float)
    A = sparse.hstack([-G, G])
    more: dict[str, Any] = {}
    if least == 0:
        mean = _mean(G)
        more = {"A_eq": np.concatenate([mean, -mean])[None], "b_eq": np.ones(1)}
    b = _solved(cost, [(0, None)] * (2 * width), A_ub=A, b_ub=np.full(G.shape[0], -least), **more)
    return None if b is None else b[:width] - b[width:]


def _solved(cost: Array, bounds: list[Any], **constraints: Any) -> Array | None:
    from scipy.optimize import linprog  # costs a tenth of a second to import, and few fits come here

    options = {"primal_feasibility_tolerance": 1e-10}
    answer = linprog(cost, bounds=bounds, method="highs", options=options, **constraints)
    return answer.x if answer.status == 0 else None


def _mean(G: Any) -> Array:
    return np.asarray(G.mean(axis=0)).ravel()


def _constraints(X: Array, y: NDArray[np.int_], k: int) -> tuple[Any, Array, NDArray[np.bool_]]:
    """Return G with Gb the margins for columns of size one, T that leads back, and which b are intercepts."""
    Z, T = _conditioned(X)
    return _differences(Z, y, k), T, np.tile(np.ptp(Z, axis=0) == 0, k - 1)


def _conditioned(X: Array) -> tuple[Array, Array]:
    """Return Z = X T with columns of size one, centred if X has a constant column, and T."""
    T = np.eye(X.shape[1])
    constant = np.flatnonzero((np.ptp(X, axis=0) == 0) & (X[0] != 0))
    if len(constant):
        c = int(constant[0])
        T[c] = -X.mean(axis=0) / X[0, c]
        T[c, c] = 1.0
    Z = X @ T
    size = np.maximum(np.abs(Z).max(axis=0), 1e-300)
    return Z / size, T / size


def _differences(X: Array, y: NDArray[np.int_], k: int) -> Any:
    """Return the matrix whose rows give xᵢᵀ(B[:, yᵢ] − B[:, j]), for B flattened class by class from 1 on."""
    blocks = []
    for j in range(k):
        rows = np.flatnonzero(y != j)
        signs = (y[rows, None] == np.arange(1, k)).astype(float)
        if j > 0:
            signs[:, j - 1] = -1.0
        blocks.append(sparse.hstack([sparse.csr_array(X[rows] * signs[:, [c]]) for c in range(k - 1)]))
    return sparse.csr_array(sparse.vstack(blocks))


def _told(
    kind: str, B: Array, X: Array, names: Sequence[str], labels: Sequence[Any], help: str
) -> Separation:
    weight = np.abs(B - B.mean(axis=1, keepdims=True)).max(axis=1) * np.ptp(X, axis=0)
    involved = np.flatnonzero(weight > 1e-6 * weight.max()) if weight.max() > 0 else np.arange(len(names))
    columns = tuple(str(names[j]) for j in involved.tolist())
    if B.shape[1] == 2:
        B = B[:, 1] / np.abs(B[involved, 1]).max()
        order = involved[np.argsort(-weight[involved], kind="stable")][:6]
        text = linear_combination(B[order], [str(names[j]) for j in order.tolist()], 3)
        more = " + …" if len(involved) > len(order) else ""
        rule = say("rule direction", direction=text + more)
    else:
        shown = ", ".join(f"'{c}'" for c in columns[:6]) + (", …" if len(columns) > 6 else "")
        rule = say("rule columns", columns=shown, classes=", ".join(str(label) for label in labels[:6]))
    return Separation(kind, columns, B, say(f"{kind} separation", rule=rule), help)
