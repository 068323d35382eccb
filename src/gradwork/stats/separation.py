"""Separation: where the likelihood of a logistic, softmax or Poisson model has no maximum, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from gradwork.errors import ShapeError
from gradwork.stats.recession import TINY, exists, shortest, signs, unmoved
from gradwork.words.notes import Caution, Line
from gradwork.words.numbers import linear_combination

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The linear program takes seconds from about a million numbers on; a random part of the rows is then tried
# first, for overlap within a part is overlap of the whole.
_PART = 200_000
_CERTAIN = np.log(1e4)  # a margin of a converged fit below which a row is on no side


@dataclass(frozen=True)
class Separation:
    """What separates the classes, or sets counts to zero.

    `kind` is "complete" (every row on its own side), "quasi" (some rows on the border) or "one class".
    `columns` are the names with a part in it, `direction` the coefficients (p, or p×k for k > 2 classes)
    along which the likelihood never falls, `sentence` says it, `help` what to do.
    `overlap` (n×k, for counts n×1) says of each row and each other class whether no direction separates them:
    these alone determine what the data determine. `signs` (p for each class but the first) is ±1 where a
    coefficient goes to ±∞, and 0 elsewhere.
    """

    kind: str
    columns: tuple[str, ...]
    direction: Array
    sentence: Caution
    help: Caution
    overlap: Mask = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    signs: NDArray[np.int_] = field(default_factory=lambda: np.zeros(0, dtype=int))


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
    at: ArrayLike | None = None,
) -> Separation | None:
    """Return what separates the classes of a logistic or softmax model, or None if its maximum exists.

    The maximum fails to exist exactly if some B ≠ 0 (modulo directions that change nothing) has

        xᵢᵀ(B[:, yᵢ] − B[:, j]) ≥ 0  for all rows i and classes j, and > 0 for one of them;

    linear programs find such directions. The rows that one separates are set aside, and the rest is searched
    again, until none is found: what is left overlaps.
    Shapes: X: n×p, with the column of ones if the model has an intercept; codes: n, class numbers 0 … k−1;
    names: p; labels: k. `at` are the coefficients (p×k, the first class 0) at which a run converged: a row that
    is not nearly certain there is on no side, which makes the programs small.

    >>> s = find_separation([[1, 1.0], [1, 2], [1, 4], [1, 5]], [0, 0, 1, 1], ["intercept", "dose"])
    >>> s.kind, s.columns
    ('complete', ('dose',))

    Source: A. Albert, J. A. Anderson, Biometrika 71 (1984); K. Konis, D.Phil. thesis, Oxford (2007).
    """
    X, y = np.asarray(X, dtype=float), np.asarray(codes).astype(int)
    if X.ndim != 2 or y.shape != (len(X),) or len(names) != X.shape[1]:
        raise ShapeError("separation needs X", shape=X.shape, y_shape=y.shape, count=len(names))
    k = max(len(labels), int(y.max()) + 1)
    n, p = X.shape
    if len(np.unique(y)) == 1:
        none = np.zeros((n, k), dtype=bool)
        return Separation(
            "one class", (), np.zeros(p), Caution("one class"), Caution("separation help"), none
        )
    pairs = np.ones((n, k), dtype=bool)
    pairs[np.arange(n), y] = False
    null = None
    Z, T = _conditioned(X)
    if at is not None and n * p * (k - 1) > _PART:
        margin = _margins(X @ np.asarray(at, dtype=float), y)
        if (margin[pairs] > 0).all():  # the fit itself separates every row
            return _complete(np.asarray(at, dtype=float), X, names, labels)
        sure = pairs & (margin > _CERTAIN)
        open_ = np.argwhere(pairs & ~sure)
        if len(open_) * p * (k - 1) > 10 * _PART:
            # Some of many such rows are likely to determine everything already.
            few = np.zeros_like(pairs)
            size = 20 * p * (k - 1)
            few[tuple(np.random.default_rng(0).choice(open_, min(size, len(open_)), replace=False).T)] = True
            if unmoved(pair_differences(Z, y, k, few).toarray()).shape[1] == 0:
                return None
            if len(open_) * p * (k - 1) > 200 * _PART:
                return None
        null = unmoved(pair_differences(Z, y, k, pairs & ~sure).toarray())
        if null.shape[1] == 0:
            return None
        pairs = sure
    elif n * p * (k - 1) > _PART:
        size = min(n, max(_PART // (p * (k - 1)), 20 * p))
        part = np.random.default_rng(0).choice(n, size, replace=False)
        if len(np.unique(y[part])) == k and exists(_constraints(X[part], y[part], k)) is None:
            return None
    found = _Search(X, Z, T, y, k, pairs, null, names, labels, target)
    return found.answer()


def find_zero_counts(
    X: ArrayLike, counts: ArrayLike, names: Sequence[str], target: str = "the target"
) -> Separation | None:
    """Return the direction along which a Poisson model sets the means of zero counts to zero, or None.

    The maximum fails to exist exactly if some b has xᵢᵀb = 0 where yᵢ > 0, and xᵢᵀb ≤ 0, not all 0, where
    yᵢ = 0: as for a category whose counts are all zero.
    Shapes: X: n×p, with the column of ones if the model has an intercept; counts: n; names: p.

    >>> found = find_zero_counts([[1, 0], [1, 0], [1, 1.0]], [2, 3, 0], ["intercept", "night"])
    >>> found.columns, found.signs.tolist()
    (('night',), [0, -1])

    Source: S. Correia, P. Guimarães, T. Zylkin, arXiv:1903.01633 (2019).
    """
    X, y = np.asarray(X, dtype=float), np.asarray(counts, dtype=float)
    if X.ndim != 2 or y.shape != (len(X),) or len(names) != X.shape[1]:
        raise ShapeError("separation needs X", shape=X.shape, y_shape=y.shape, count=len(names))
    size = np.maximum(np.abs(X).max(axis=0), 1e-300)
    null = unmoved(X[y > 0] / size)
    zero = np.flatnonzero(y == 0)
    if null.shape[1] == 0 or len(zero) == 0:
        return None
    G, free = -X[zero] / size, np.zeros(X.shape[1], dtype=bool)
    left, rules, columns = np.ones(len(zero), dtype=bool), [], []
    first: Array | None = None
    while left.any():
        if exists(G[left], null) is None or (b := shortest(G[left], free, 0.0, null)) is None:
            break
        margin = G @ b
        gone = left & (margin > TINY * margin[left].max())
        left &= ~gone
        fall = -b / size
        fixed = np.ptp(X, axis=0) == 0
        cut = 0.0 - float(X[0, fixed] @ fall[fixed]) / np.abs(fall[~fixed]).max(initial=1e-300)
        cut = 0.0 if abs(cut) < TINY * np.abs(X).max() else cut
        text, involved = _written(np.where(fixed, 0.0, fall), X, names)
        columns += [c for c in involved if c not in columns]
        rules.append(Line("rule zero", count=int(gone.sum()), direction=text, cut=cut, target=target))
        first = b / size if first is None else first
    if first is None:
        return None
    overlap = np.ones((len(X), 1), dtype=bool)
    overlap[zero[~left], 0] = False
    null = unmoved(X[overlap[:, 0]] / size)
    where = (
        signs(G[~left], null, np.diag(1 / size)) if null.shape[1] <= 40 else np.zeros(len(names), dtype=int)
    )
    sentence = Caution("zero counts", rule=rules)
    return Separation("quasi", tuple(columns), first, sentence, Caution("zero help"), overlap, where)


class _Search:
    """The search for directions, one after the other, and what is told of them."""

    def __init__(
        self, X: Array, Z: Array, T: Array, y: NDArray[np.int_], k: int, pairs: Mask, null: Array | None,
        names: Sequence[str], labels: Sequence[Any], target: str,
    ):  # fmt: skip
        self.X, self.Z, self.T, self.y, self.k, self.null = X, Z, T, y, k, null
        self.names, self.labels, self.target = names, labels, target
        self.pairs, self.left = pairs, pairs.copy()
        self.held = null is not None  # rows that no direction may move
        self.free = np.tile(np.ptp(Z, axis=0) == 0, k - 1)
        self.constant = (np.ptp(X, axis=0) == 0) & (X[0] != 0)
        self.rules: list[Line] = []
        self.columns: list[str] = []
        self.first: Array | None = None

    def answer(self) -> Separation | None:
        """Return what separates, or None."""
        while self.left.any() and self._step():
            pass
        if self.first is None:
            return None
        complete = not self.left.any() and not self.held
        own = np.zeros_like(self.left)
        own[np.arange(len(self.y)), self.y] = True
        overlap = ~own & ~(self.pairs & ~self.left)
        kind = "complete" if complete else "quasi"
        rule = self.rules if self.k == 2 else [self._rule(overlap, complete)]
        columns = tuple(self.columns)
        return Separation(
            kind, columns, self.first, Caution(f"{kind} separation", rule=rule), Caution("separation help"), overlap,
            self._signs(overlap),
        )  # fmt: skip

    def _step(self) -> bool:
        """Find one more direction, and set aside the rows that it separates."""
        if self.k == 2 and not self.held and (found := self._one_column()) is not None:
            score, j, rule, sign = found
            direction = np.zeros(self.X.shape[1])
            direction[j] = sign
            margin, told = _margins(np.column_stack([-score, score]), self.y), (rule, [str(self.names[j])])
        else:
            G = pair_differences(self.Z, self.y, self.k, self.left)
            b = exists(G, self.null)
            if b is None:
                return False
            b = self._plainest(G, b)
            B = np.zeros((self.X.shape[1], self.k))
            B[:, 1:] = self.T @ b.reshape(self.k - 1, -1).T
            scores = np.zeros((len(self.X), self.k))
            scores[:, 1:] = self.Z @ b.reshape(self.k - 1, -1).T
            margin, direction = _margins(scores, self.y), B
            told = (None, _involved(B, self.X, self.names))
            if self.k == 2:
                direction = B[:, 1] / np.abs(B[_weight(B, self.X) > 0, 1]).max()
                text, involved = _written(direction, self.X, self.names)
                told = (Line("rule direction", direction=text), involved)
        gone = self.left & (margin > TINY * margin[self.left].max())
        if not gone.any():
            return False
        self.left &= ~gone
        if told[0] is not None:
            self.rules.append(told[0])
        self.columns += [c for c in told[1] if c not in self.columns]
        self.first = direction if self.first is None else self.first
        return True

    def _plainest(self, G: Any, b: Array) -> Array:
        # Of all directions the one with the least Σ|b| is told, for it involves few columns; of several classes
        # that separates but few rows, and is asked for only where it may separate all.
        found = None
        if not self.held:
            found = shortest(G, self.free, 1.0)
        if found is None and self.k == 2:
            found = shortest(G, self.free, 0.0, self.null)
        return b if found is None else found

    def _one_column(self) -> tuple[Array, int, Line, float] | None:
        """Return the separation of what is left by a threshold on one column, the most useful to be told."""
        if not self.constant.any():
            return None  # without an intercept a threshold other than zero is not in the model
        rows = self.left.any(axis=1)
        X, y = self.X[rows], self.y[rows]
        if len(np.unique(y)) == 1:
            return None
        low0, high0 = X[y == 0].min(axis=0), X[y == 0].max(axis=0)
        low1, high1 = X[y == 1].min(axis=0), X[y == 1].max(axis=0)
        best = None
        for j in np.flatnonzero(np.ptp(X, axis=0) > 0).tolist():
            rising, falling = high0[j] <= low1[j], high1[j] <= low0[j]
            if not (rising or falling):
                continue
            a, b = (high0[j], low1[j]) if rising else (high1[j], low0[j])
            column, sign = str(self.names[j]), 1.0 if rising else -1.0
            values: dict[str, Any] = {"column": column, "target": self.target}
            score = sign * (self.X[:, j] - (a + b) / 2)
            if a < b:
                key = "rule above" if rising else "rule below"
                cut = float(a + b) / 2
                return score, j, Line(key, high=self.labels[1], low=self.labels[0], cut=cut, **values), sign
            above, below = (self.labels[1], self.labels[0]) if rising else (self.labels[0], self.labels[1])
            rule = Line("rule touch", cut=float(a), above=above, below=below, **values)
            best = best or (score, j, rule, sign)
        return best

    def _rule(self, overlap: Mask, complete: bool) -> Line:
        shown = self.columns
        if complete:
            return Line("rule columns", columns=shown, classes=self.labels)
        apart, together = [], []
        for a in range(self.k):
            for b in range(a + 1, self.k):
                cells = np.concatenate([overlap[self.y == a, b], overlap[self.y == b, a]])
                pair = Line("pair", first=self.labels[a], second=self.labels[b])
                (together if cells.any() else apart).append(pair)
        if not apart:
            return Line("rule some", columns=shown)
        more = Line("pairs overlap", pairs=together) if together else None
        return Line("rule pairs", columns=shown, pairs=apart, overlap=more)

    def _signs(self, overlap: Mask) -> NDArray[np.int_]:
        q = self.Z.shape[1] * (self.k - 1)
        found = np.zeros(q, dtype=int)
        separated = self.pairs & ~self.left
        if q > 40 or np.count_nonzero(separated) * q > _PART:
            return found
        null = unmoved(pair_differences(self.Z, self.y, self.k, overlap).toarray())
        G = pair_differences(self.Z, self.y, self.k, separated)
        return signs(G, null, np.asarray(np.kron(np.eye(self.k - 1), self.T), dtype=float))


def _complete(B: Array, X: Array, names: Sequence[str], labels: Sequence[Any]) -> Separation:
    k = len(labels)
    rule = Line("rule all", count=X.shape[1], classes=labels)
    none = np.zeros((len(X), k), dtype=bool)
    return Separation(
        "complete", tuple(names), B[:, 1] if k == 2 else B, Caution("complete separation", rule=[rule]),
        Caution("separation help"), none, np.zeros(X.shape[1] * (k - 1), dtype=int),
    )  # fmt: skip


def _margins(scores: Array, y: NDArray[np.int_]) -> Array:
    """Return how far the score of each row's own class is above that of each class, n×k."""
    return scores[np.arange(len(y)), y][:, None] - scores


def _constraints(X: Array, y: NDArray[np.int_], k: int) -> Any:
    left = np.ones((len(X), k), dtype=bool)
    left[np.arange(len(X)), y] = False
    return pair_differences(_conditioned(X)[0], y, k, left)


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


def pair_differences(X: Array, y: NDArray[np.int_], k: int, pairs: Mask) -> Any:
    """Return the matrix whose rows give xᵢᵀ(B[:, yᵢ] − B[:, j]) for the pairs, for B class by class from 1 on."""
    blocks = []
    for j in range(k):
        rows = np.flatnonzero(pairs[:, j])
        signs_ = (y[rows, None] == np.arange(1, k)).astype(float)
        if j > 0:
            signs_[:, j - 1] = -1.0
        blocks.append(sparse.hstack([sparse.csr_array(X[rows] * signs_[:, [c]]) for c in range(k - 1)]))
    return sparse.csr_array(sparse.vstack(blocks))


def _weight(B: Array, X: Array) -> Array:
    weight = np.abs(B - B.mean(axis=1, keepdims=True)).max(axis=1) * np.ptp(X, axis=0)
    return np.where(weight > 1e-6 * weight.max(), weight, 0.0) if weight.max() > 0 else np.ones(len(B))


def _involved(B: Array, X: Array, names: Sequence[str]) -> list[str]:
    return [str(names[j]) for j in np.flatnonzero(_weight(B, X) > 0).tolist()]


def _written(b: Array, X: Array, names: Sequence[str]) -> tuple[str, list[str]]:
    """Return a direction as text, its weightiest columns first, and the names of all."""
    weight = _weight(np.column_stack([np.zeros_like(b), b]), X)
    involved = np.flatnonzero(weight > 0)
    order = involved[np.argsort(-weight[involved], kind="stable")][:6]
    b = b / np.abs(b[involved]).max()
    text = linear_combination(b[order], [str(names[j]) for j in order.tolist()], 3)
    return text + (" + …" if len(involved) > len(order) else ""), [str(names[j]) for j in involved.tolist()]
