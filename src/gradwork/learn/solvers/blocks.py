"""A loss that is a sum over rows, computed in blocks of rows that fit the cache, on all cores.

    f = Σ_B m_B/N f_B,    ∇f = Σ_B m_B/N ∇f_B

where f_B is the loss of a batch (see `rows`). The rows stay where they are: a block is a view. NumPy releases
the interpreter's lock in its loops, so threads do run side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.learn.objective import Objective
from gradwork.learn.rows import RowSum, row_sum
from gradwork.rewrite import normalise
from gradwork.run.program import build, execute

Array = NDArray[Any]

BLOCK = 200_000  # numbers in a block: 1.6 MB of float64, about what a core keeps to itself


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads(), thread_name_prefix="gradwork")


def threads() -> int:
    """Return how many threads work on blocks: the cores that this process may use, eight at most."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        count = os.cpu_count() or 1
    return max(1, min(count, 8))


class Blocks:
    """An objective that is a sum over rows, with its value and gradient by blocks, and samples of its rows.

    Raises NotRows (a GradworkError) with the reason where the loss is not a sum over rows.
    """

    def __init__(self, objective: Objective, proof: RowSum | None = None):
        self.objective = objective
        self.proof = proof or row_sum(objective.loss, objective.data_symbols.values(), objective.symbols)
        self.axes = self.proof.axes
        self.n = objective.sizes[self.proof.rows]
        data: dict[Any, Any] = {s: objective.data[name] for name, s in objective.data_symbols.items()}
        # Where the batch's loss is the loss itself (a mean), the form in which it was written gives the shorter
        # gradient.
        batch = self.proof.batch
        if batch is normalise(objective.loss):
            batch = objective.loss
        held = batch.symbols
        data = {s: array for s, array in data.items() if s.params[0] in held}
        if self.proof.whole is not None:
            data[self.proof.whole] = float(self.n)
        starts = {s: objective.start[s.params[0]] for s in objective.symbols if s.params[0] in held}
        self.batch = Objective(batch, starts, data, objective.dtype, sizes=objective.sizes)
        widest = max((a.size // max(self.n, 1) for n, a in objective.data.items() if n in self.axes), default=1)
        self.block = int(np.clip(BLOCK // max(widest, 1), 256, 65_536))
        self.passes = 0
        self.dtype, self.size = objective.dtype, objective.size

    def take(self, rows: NDArray[np.int64] | slice) -> Objective:
        """Return the batch loss of some rows, as an objective of its own."""
        part = {}
        for name, axis in self.axes.items():
            if name in self.batch.data:
                array = self.batch.data[name]
                part[name] = array[rows] if axis == 0 else array[(slice(None),) * axis + (rows,)]
        return self.batch.restricted(part)

    def sample(self, count: int, rng: np.random.Generator) -> Objective:
        """Return the batch loss of `count` rows drawn without replacement."""
        if count >= self.n:
            return self.batch
        # Sorted, so that memory is read in order.
        return self.take(np.sort(rng.choice(self.n, count, replace=False, shuffle=False)))

    def value(self, vector: Array) -> float:
        """Return f over all rows."""
        return self.value_and_gradient(vector)[0]

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        """Return f and ∇f over all rows."""
        self.passes += 1
        self._function  # made before threads need it
        edges = list(range(0, self.n, self.block))
        workers = min(threads(), len(edges))
        if workers == 1:
            return self._some(edges, vector)
        # Each thread takes a run of neighbouring blocks; sums are added in a fixed order, so that a run repeats.
        shares = [edges[len(edges) * k // workers : len(edges) * (k + 1) // workers] for k in range(workers)]
        parts = list(_pool().map(self._some, shares, [vector] * workers))
        return sum(f for f, _ in parts), np.sum([g for _, g in parts], axis=0)

    @cached_property
    def _function(self) -> tuple[Callable[..., Any], list[tuple[str, int | None]]]:
        # The generated function itself, without the checks of a Program: shapes were checked once for all rows.
        batch = self.batch
        exprs = [batch.loss, *batch.gradients]
        given = [*batch.data_symbols.values(), *batch.symbols]
        source, _, _ = build(exprs, "numpy", self.dtype.name, given, {**batch.sizes, self.proof.rows: self.block})
        places = [(a.label, self.axes.get(a.label)) for a in source.signature.arguments]
        return execute(source, "numpy")[source.name], places

    def _some(self, edges: list[int], vector: Array) -> tuple[float, Array]:
        function, places = self._function
        f, g = 0.0, np.zeros(self.size, dtype=self.dtype)
        values = {**self.batch.data, **self.batch.unpack(vector)}
        with np.errstate(all="ignore"):
            for low in edges:
                high = min(low + self.block, self.n)
                arrays = [_rows(values[name], axis, low, high) for name, axis in places]
                value, *parts = function(*arrays)
                share = (high - low) / self.n
                f += share * float(value)
                g += share * np.concatenate([np.ravel(part) for part in parts])
        return f, g

    def hessian(self, vector: Array) -> Array:
        """Return ∇²f over all rows, block by block."""
        H = np.zeros((self.size, self.size), dtype=self.dtype)
        for low in range(0, self.n, self.block):
            high = min(low + self.block, self.n)
            H += (high - low) / self.n * self.take(slice(low, high)).hessian(vector)
        return H


def _rows(array: Array, axis: int | None, low: int, high: int) -> Array:
    if axis is None:
        return array
    return array[low:high] if axis == 0 else array[(slice(None),) * axis + (slice(low, high),)]
