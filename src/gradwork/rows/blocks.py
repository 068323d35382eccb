"""A loss that is a sum over rows, computed in blocks of rows that fit the cache, on all cores.

    f = Σ_B m_B/N f_B,    ∇f = Σ_B m_B/N ∇f_B

where f_B is the loss of a batch (see `rows`). The rows stay where they are: a block is a view. NumPy releases
the interpreter's lock in its loops, so threads do run side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradwork.rewrite import normalise
from gradwork.rows.proof import RowSum, row_sum
from gradwork.run.program import build, execute

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective

Array = NDArray[Any]

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


class Blocks:
    """An objective that is a sum over rows, with its value and gradient by blocks, and samples of its rows.

    Raises NotRows (a GradworkError) with the reason where the loss is not a sum over rows.
    """

    def __init__(self, objective: Objective, proof: RowSum | None = None):
        self.objective = objective
        self.proof = proof or row_sum(objective.loss, objective.data_symbols.values(), objective.symbols)
        self.axes = self.proof.axes
        self.n = objective.sizes[self.proof.rows]
        self.batch = self._batch()
        widest = max(
            (a.size // max(self.n, 1) for n, a in objective.data.items() if n in self.axes), default=1
        )
        self.block = int(np.clip(BLOCK // max(widest, 1), 256, 65_536))
        self.passes = 0
        self._functions: dict[str, _Function] = {}
        self.dtype, self.size = objective.dtype, self.batch.size

    def _batch(self) -> Objective:
        objective, batch = self.objective, self.proof.batch
        if batch is normalise(objective.loss):
            # The loss is a mean, and so its own batch: its programs and derivatives serve for some rows too.
            return objective.free
        held = batch.symbols
        data: dict[Any, Any] = {
            s: objective.data[name] for name, s in objective.data_symbols.items() if name in held
        }
        if self.proof.whole is not None:
            data[self.proof.whole] = float(self.n)
        starts = {s: objective.start[s.params[0]] for s in objective.symbols if s.params[0] in held}
        return objective.under(batch, starts, data)

    def take(self, rows: NDArray[np.int64] | slice | None) -> Objective:
        """Return the batch loss of some rows (None: all), as an objective of its own."""
        if rows is None:
            return self.batch
        part = {}
        for name, axis in self.axes.items():
            if name in self.batch.data:
                array = self.batch.data[name]
                part[name] = array[rows] if axis == 0 else array[(slice(None),) * axis + (rows,)]
        return self.batch.restricted(part)

    def value(self, vector: Array) -> float:
        """Return f over all rows."""
        return self.value_and_gradient(vector)[0]

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        """Return f and ∇f over all rows."""
        self.passes += 1
        pieces = [slice(low, min(low + self.block, self.n)) for low in range(0, self.n, self.block)]
        f, g = self._total("both", pieces, self.n, vector)
        return float(f), g

    def gradient_and_hessian(
        self, vector: Array, rows: NDArray[np.int64] | None = None
    ) -> tuple[Array, Array]:
        """Return ∇f and ∇²f over all rows, or estimates from some."""
        if rows is None:
            pieces: list[Any] = [
                slice(low, min(low + self.block, self.n)) for low in range(0, self.n, self.block)
            ]
            count = self.n
        else:
            count = len(rows)
            pieces = [rows[low : low + self.block] for low in range(0, count, self.block)]
        g, H = self._total("second", pieces, count, vector)
        return g, (H + H.T) / 2

    def hessian(self, vector: Array) -> Array:
        """Return ∇²f over all rows."""
        return self.gradient_and_hessian(vector)[1]

    def choose(self, count: int, rng: np.random.Generator) -> NDArray[np.int64] | None:
        """Return `count` rows drawn without replacement, in rising order so that memory is read in order."""
        if count >= self.n:
            return None
        return np.sort(rng.choice(self.n, count, replace=False, shuffle=False))

    # --- sums over pieces of rows -----------------------------------------------------------------------

    def _total(self, kind: str, pieces: Sequence[Any], count: int, vector: Array) -> list[Any]:
        """Return the weighted sums of what the program of a kind gives for each piece."""
        program = self._program(kind)  # made before threads need it
        workers = min(threads(), len(pieces))
        if workers <= 1:
            return self._some(program, pieces, count, vector)
        # Each thread takes neighbouring pieces, and sums are added in a fixed order: a run repeats exactly.
        shares = [
            pieces[len(pieces) * k // workers : len(pieces) * (k + 1) // workers] for k in range(workers)
        ]
        tasks = [_pool().submit(self._some, program, share, count, vector) for share in shares]
        parts = [task.result() for task in tasks]
        return [sum(values[1:], values[0]) for values in zip(*parts, strict=True)]

    def _program(self, kind: str) -> _Function:
        # The generated function itself, without the checks of a Program: shapes were checked once for all rows.
        if kind not in self._functions:
            batch = self.batch
            if kind == "both":
                exprs = [batch.loss, *batch.gradients]
            else:
                exprs = [*batch.gradients, *batch.hessians.values()]
            given = [*batch.data_symbols.values(), *batch.symbols]
            sizes = {**batch.sizes, self.proof.rows: self.block}
            source, _, _ = build(exprs, "numpy", self.dtype.name, given, sizes)
            places = [(a.label, self.axes.get(a.label)) for a in source.signature.arguments]
            self._functions[kind] = _Function(execute(source, "numpy")[source.name], places, kind)
        return self._functions[kind]

    def _some(self, program: _Function, pieces: Sequence[Any], count: int, vector: Array) -> list[Any]:
        values = {**self.batch.data, **self.batch.unpack(vector)}
        total: list[Any] = []
        with np.errstate(all="ignore"):
            for piece in pieces:
                arrays = [_rows(values[name], axis, piece) for name, axis in program.places]
                found = self._joined(program.kind, program.call(*arrays))
                rows = piece.stop - piece.start if isinstance(piece, slice) else len(piece)
                share = rows / count
                if total:
                    for i, part in enumerate(found):
                        total[i] += share * part
                else:
                    total = [share * part for part in found]
        return total

    def _joined(self, kind: str, found: Sequence[Any]) -> list[Any]:
        if kind == "both":
            value, *parts = found
            return [float(value), np.concatenate([np.ravel(part) for part in parts])]
        count = len(self.batch.symbols)
        gradient = np.concatenate([np.ravel(part) for part in found[:count]])
        return [gradient, self.batch.assembled(found[count:])]


@dataclass(frozen=True)
class _Function:
    call: Callable[..., Any]
    places: list[tuple[str, int | None]]
    kind: str


@contextmanager
def single_blas() -> Iterator[None]:
    """Keep BLAS to one thread while several threads call it: its own would fight with them for the cores.

    threadpoolctl (which scikit-learn brings) can do that; without it the threads still work, a little slower.
    """
    controller = _controller()
    if controller is None:
        yield
        return
    with controller.limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


def _rows(array: Array, axis: int | None, rows: Any) -> Array:
    if axis is None:
        return array
    return array[rows] if axis == 0 else array[(slice(None),) * axis + (rows,)]
