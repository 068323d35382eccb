"""How well classes are predicted: accuracy, confusion, ROC, calibration, log loss, Brier score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gradwork.errors import GradworkError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClassificationMetrics:
    """Measures over k classes; arrays of length k are by class, in the order of `labels`.

    `confusion[i, j]` counts rows of class i that were predicted as j. A precision without predictions, or a
    recall without rows, is NaN: it does not exist.
    """

    labels: tuple[Any, ...]
    accuracy: float
    confusion: NDArray[np.int64]
    precision: Array
    recall: Array
    f1: Array
    support: NDArray[np.int64]
    log_loss: float
    brier: float
    auc: float


def classification_metrics(
    codes: ArrayLike, probabilities: ArrayLike, labels: Sequence[Any] | None = None
) -> ClassificationMetrics:
    """Return the measures of predicted probabilities; the most probable class is predicted.

    Of equally probable classes the first is predicted.
    Shapes: codes: n, class numbers 0 … k−1; probabilities: n×k, or n for the probability of class 1 of two.
    The AUC over more than two classes is the plain mean of each class against the rest.

    >>> m = classification_metrics([0, 0, 1, 1], [0.2, 0.6, 0.4, 0.9], ["no", "yes"])
    >>> m.accuracy, m.confusion.tolist(), m.auc
    (0.5, [[1, 1], [1, 1]], 0.75)
    """
    y = np.asarray(codes).astype(int)
    P = np.asarray(probabilities, dtype=float)
    if P.ndim == 1:
        P = np.column_stack([1 - P, P])
    if P.ndim != 2 or y.shape != (len(P),) or len(P) == 0:
        raise GradworkError("classes and probabilities do not go", shape=y.shape, P_shape=P.shape)
    k = P.shape[1]
    names = tuple(labels) if labels is not None else tuple(range(k))
    if len(names) != k or y.min() < 0 or y.max() >= k:
        raise GradworkError("columns of probabilities but labels", k=k, count=len(names), max=y.max())
    confusion = confusion_matrix(y, P.argmax(axis=1), k)
    hit, support, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    with np.errstate(invalid="ignore"):
        precision, recall, f1 = hit / said, hit / support, 2 * hit / (support + said)
    each = [roc_auc(y == c, P[:, c]) for c in (range(k) if k > 2 else [1])]
    return ClassificationMetrics(
        labels=names,
        accuracy=float(hit.sum() / len(y)),
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        log_loss=log_loss(y, P),
        brier=brier_score(y, P),
        auc=float(np.mean(each)),
    )


def confusion_matrix(codes: ArrayLike, predicted: ArrayLike, k: int) -> NDArray[np.int64]:
    """Return the k×k counts, true class by row, predicted class by column.

    >>> confusion_matrix([0, 1, 1], [0, 1, 0], 2).tolist()
    [[1, 0], [1, 1]]
    """
    pairs = np.asarray(codes).astype(int) * k + np.asarray(predicted).astype(int)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def log_loss(codes: ArrayLike, probabilities: ArrayLike) -> float:
    """Return −mean log P[i, yᵢ]; infinite if something was said to be impossible and happened.

    >>> round(log_loss([0, 1], [[0.5, 0.5], [0.5, 0.5]]), 6)
    0.693147
    """
    y, P = np.asarray(codes).astype(int), np.asarray(probabilities, dtype=float)
    with np.errstate(divide="ignore"):
        return float(-np.log(P[np.arange(len(y)), y]).mean())


def brier_score(codes: ArrayLike, probabilities: ArrayLike) -> float:
    """Return mean Σⱼ (Pᵢⱼ − [yᵢ = j])², halved for two classes, where it is then mean (p − y)².

    >>> round(brier_score([0, 1], [[0.5, 0.5], [0.0, 1.0]]), 6)
    0.125
    """
    y, P = np.asarray(codes).astype(int), np.asarray(probabilities, dtype=float)
    Y = np.zeros_like(P)
    Y[np.arange(len(y)), y] = 1.0
    return float(((P - Y) ** 2).sum(axis=1).mean() / (2 if P.shape[1] == 2 else 1))


def roc_auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Return the probability that a positive row scores above a negative one, ties counting half.

    NaN if one of the two is absent.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    y = np.asarray(positive).astype(bool)
    ones, zeros = int(y.sum()), int((~y).sum())
    if ones == 0 or zeros == 0:
        return float("nan")
    _, place, count = np.unique(np.asarray(score, dtype=float), return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # mean rank of tied scores, counted from 1
    return float((rank[place][y].sum() - ones * (ones + 1) / 2) / ones / zeros)


def roc_curve(positive: ArrayLike, score: ArrayLike) -> tuple[Array, Array]:
    """Return false and true positive rates for every threshold, from (0, 0) to (1, 1).

    >>> fpr, tpr = roc_curve([0, 1, 1], [0.2, 0.2, 0.9])
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 1.0], [0.0, 0.5, 1.0])
    """
    y, s = np.asarray(positive).astype(bool), np.asarray(score, dtype=float)
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    true, false = np.cumsum(y)[last], np.cumsum(~y)[last]
    with np.errstate(invalid="ignore"):
        return np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])


@dataclass(frozen=True)
class Calibration:
    """Bins of predicted probability: mean prediction, share that happened with its interval, count."""

    predicted: Array
    observed: Array
    lower: Array
    upper: Array
    count: NDArray[np.int64]


def calibration(
    positive: ArrayLike, probability: ArrayLike, bins: int = 10, level: float = 0.95
) -> Calibration:
    """Return what happened among rows of like prediction, in bins of (nearly) equal count.

    Equal predictions stay in one bin, so there may be fewer bins. The interval of a share is Wilson's.

    >>> c = calibration([0, 0, 1, 1], [0.1, 0.1, 0.8, 0.8], bins=2)
    >>> c.predicted.tolist(), c.observed.tolist(), c.count.tolist()
    ([0.1, 0.8], [0.0, 1.0], [2, 2])
    """
    y, p = np.asarray(positive, dtype=float), np.asarray(probability, dtype=float)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="left")
    _, place = np.unique(place, return_inverse=True)
    count = np.bincount(place)
    observed = np.bincount(place, y) / count
    z2 = special.ndtri((1 + level) / 2) ** 2
    centre = (observed + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (observed * (1 - observed) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return Calibration(np.bincount(place, p) / count, observed, centre - half, centre + half, count)
