"""The one way to go over the rows of the data: in blocks, each by itself, and merged in a fixed order.

    block(columns, θ, B)  →  what a program gives for the rows B, weighted by their share m_B/N
    merge(parts)          →  Σ_B of it, or the parts one after the other

    f = Σ_B m_B/N f_B,    ∇f = Σ_B m_B/N ∇f_B,    ∇²f = Σ_B m_B/N ∇²f_B;    ŷ = (ŷ_B for each B)

f_B is the loss of a batch (see `proof`). A block is a view of the rows where they lie, and fits the cache. Blocks do
not know of each other: they may be computed by threads, or elsewhere. Merging keeps their order, so that a run repeats
exactly. NumPy releases the interpreter's lock in its loops, so threads do run side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = Any  # a slice, or positions
LEAST, MOST = 256, 65_536  # rows in a block
BLOCK = 200_000  # numbers in a block: 1.6 MB of float64, about what a core keeps to itself


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads(), thread_name_prefix="gradwork")


if hasattr(os, "register_at_fork"):
    # A forked child has the pool without its threads, and would wait for them for ever: it makes its own.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def threads() -> int:
    """Return how many threads work on blocks: the cores that this process may use, eight at most."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        count = os.cpu_count() or 1
    return max(1, min(count, 8))


def size_of_block(numbers: int, widest: int) -> int:
    """Return how many rows make a block of about so many numbers, where a row has `widest` of them.

    >>> size_of_block(100_000, 50), size_of_block(100_000, 100_000)
    (2000, 256)
    """
    return int(np.clip(numbers // max(widest, 1), LEAST, MOST))


def pieces(count: int, block: int, rows: NDArray[np.int64] | None = None) -> list[Rows]:
    """Return blocks of all rows as slices, or of some as positions.

    >>> pieces(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    cuts = range(0, count, block)
    if rows is not None:
        return [rows[low : low + block] for low in cuts]
    return [slice(low, min(low + block, count)) for low in cuts]


def length(rows: Rows) -> int:
    """Return how many rows a block has."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def taken(array: Array, axis: int | None, rows: Rows) -> Array:
    """Return the rows of an array that has them on an axis; all of one that has none (None)."""
    if axis is None:
        return array
    return array[rows] if axis == 0 else array[(slice(None),) * axis + (rows,)]


@dataclass(frozen=True)
class OverRows:
    """A program of some rows, by its arguments: their names, and the axis on which each has the rows (None: none).

    call: arrays -> arrays.  Its results are sums or means over the rows it is given; with `joined` they are one row
    for each of them, and are put one after the other.

    >>> mean = OverRows(lambda x, b: [(b * x).mean()], (("x", 0), ("b", None)))
    >>> columns = {"x": np.arange(5.0), "b": np.array(2.0)}
    >>> [float(v) for v in mean.total(columns, pieces(5, 2), 5)]
    [4.0]
    >>> double = OverRows(lambda x: [2 * x], (("x", 0),), joined=True)
    >>> double.total(columns, pieces(5, 2), 5)[0].tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """

    call: Callable[..., Sequence[Any]]
    places: tuple[tuple[str, int | None], ...]
    joined: bool = False

    def block(self, columns: Mapping[str, Array], rows: Rows, count: int) -> list[Any]:
        """Return what a block of rows adds, of `count` in all."""
        found = self.call(*(taken(columns[name], axis, rows) for name, axis in self.places))
        if self.joined:
            return list(found)
        share = length(rows) / count
        return [share * part for part in found]

    def merge(self, parts: Sequence[Sequence[Any]]) -> list[Any]:
        """Return blocks' parts as one, in their order; the arrays of the first are used for the sums."""
        if self.joined:
            return [np.concatenate(column) for column in zip(*parts, strict=True)]
        total = list(parts[0])
        for part in parts[1:]:
            for i, value in enumerate(part):
                total[i] += value
        return total

    def total(
        self, columns: Mapping[str, Array], blocks: Sequence[Rows], count: int, parallel: bool = True
    ) -> list[Any]:
        """Return the whole over blocks: neighbouring ones in one thread, all merged in order."""
        workers = min(threads(), len(blocks)) if parallel else 1
        if workers <= 1:
            return self._some(columns, blocks, count)
        shares = [
            blocks[len(blocks) * k // workers : len(blocks) * (k + 1) // workers] for k in range(workers)
        ]
        tasks = [_pool().submit(self._some, columns, share, count) for share in shares]
        return self.merge([task.result() for task in tasks])

    def _some(self, columns: Mapping[str, Array], blocks: Sequence[Rows], count: int) -> list[Any]:
        with np.errstate(all="ignore"):
            if self.joined:
                return self.merge([self.block(columns, rows, count) for rows in blocks])
            total: list[Any] = []
            for rows in blocks:  # merged as they come: only one block's arrays are alive
                part = self.block(columns, rows, count)
                total = self.merge([total, part]) if total else part
            return total


def each_row(
    call: Callable[..., Any], places: Sequence[tuple[str, int | None]], columns: Mapping[str, Array], count: int
) -> Array:  # fmt: skip
    """Return what a program gives for each of `count` rows, by blocks: a prediction, a loss.

    >>> columns = {"x": np.arange(3.0), "b": np.array(2.0)}
    >>> each_row(lambda x, b: b * x, (("x", 0), ("b", None)), columns, 3).tolist()
    [0.0, 2.0, 4.0]
    """
    widest = max(
        (columns[name].size // max(count, 1) for name, axis in places if axis is not None), default=1
    )
    over = OverRows(lambda *arrays: [call(*arrays)], tuple(places), joined=True)
    return np.asarray(over.total(columns, pieces(count, size_of_block(BLOCK, widest)), count)[0])


__all__ = ["OverRows", "each_row", "length", "pieces", "size_of_block", "taken", "threads"]
