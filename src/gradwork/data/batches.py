"""Batches of rows in an order that depends on seed and epoch alone, and the split for validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.errors import GradworkError

Rows = NDArray[np.int64]


def permutation(n: int, seed: int, epoch: int) -> Rows:
    """Return the order of the n rows in an epoch, counted from 0.

    The generator is PCG64 seeded with (seed, epoch), so a run that resumes at an epoch needs no saved state,
    and two runs with one seed see the same batches.

    >>> permutation(5, seed=1, epoch=0).tolist() == permutation(5, seed=1, epoch=0).tolist()
    True
    """
    _check_seed(seed)
    if epoch < 0:
        raise GradworkError("epoch is 0 or more", epoch=epoch)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch)))).permutation(n)


def batches(n: int, batch_size: int, seed: int, epoch: int, shuffle: bool = True) -> Iterator[Rows]:
    """Yield the rows of each batch of an epoch: every row once, the last batch as small as it comes.

    A mean over rows weights the last batch right if its gradient is scaled by its own size. Raises
    GradworkError for a batch size below 1 or above n.

    >>> [len(rows) for rows in batches(10, 4, seed=0, epoch=3)]
    [4, 4, 2]
    """
    check_batch_size(n, batch_size)
    order = permutation(n, seed, epoch) if shuffle else np.arange(n)
    return (order[i : i + batch_size] for i in range(0, n, batch_size))


def check_batch_size(n: int, batch_size: int) -> None:
    """Raise GradworkError unless 1 ≤ batch_size ≤ n."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise GradworkError("batch size below 1", batch_size=batch_size)
    if batch_size > n:
        raise GradworkError("batch larger than data", batch_size=batch_size, n=n)


def split(
    n: int, validation: float = 0.2, seed: int = 0, stratify: ArrayLike | None = None
) -> tuple[Rows, Rows]:
    """Return the rows for training and for validation, each in rising order, drawn without replacement.

    `validation` is the share, rounded to rows, at least one on either side. With `stratify` (n class numbers
    or labels) each class is shared out alike, by largest remainder; a class always keeps a row for training.

    >>> training, held = split(10, 0.3, seed=1)
    >>> len(training), len(held), sorted([*training, *held]) == list(range(10))
    (7, 3, True)
    """
    _check_seed(seed)
    if not 0 < validation < 1:
        raise GradworkError("validation share out of range", validation=validation)
    if n < 2:
        raise GradworkError("cannot be split for validation", n=n)
    # A stream of its own: the split must not be the shuffle of some epoch.
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(1,))))
    wanted = min(max(1, round(n * validation)), n - 1)
    order = rng.permutation(n)
    if stratify is None:
        held = order[:wanted]
    else:
        held = _stratified(order, np.asarray(stratify), wanted)
    mask = np.zeros(n, dtype=bool)
    mask[held] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _stratified(order: Rows, labels: NDArray, wanted: int) -> Rows:
    n = len(order)
    if labels.shape != (n,):
        raise GradworkError("stratify needs one class per row", n=n, shape=labels.shape)
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    exact = sizes * wanted / n
    counts = np.minimum(np.floor(exact), sizes - 1).astype(int)
    # The rows that rounding left over go to the classes with the largest remainder that can spare one.
    for c in np.argsort(-(exact - counts), kind="stable"):
        if counts.sum() >= wanted:
            break
        counts[c] += counts[c] < sizes[c] - 1
    if counts.sum() == 0:
        raise GradworkError("no class has row to spare")
    return np.concatenate([order[codes[order] == c][:k] for c, k in enumerate(counts)])


def _check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise GradworkError("seed not a whole number", seed=seed)
