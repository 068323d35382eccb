"""A loss that is a sum over rows, with its value, gradient and Hessian by blocks, and samples of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradwork.rewrite import normalise
from gradwork.rows.proof import RowSum, row_sum
from gradwork.rows.sums import BLOCK, OverRows, pieces, size_of_block, taken
from gradwork.run.program import build, execute

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective

Array = NDArray[Any]


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
        self.block = size_of_block(BLOCK, widest)
        self.passes = 0
        self._programs: dict[str, OverRows] = {}
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
                part[name] = taken(self.batch.data[name], axis, rows)
        return self.batch.restricted(part)

    def value(self, vector: Array) -> float:
        """Return f over all rows."""
        return self.value_and_gradient(vector)[0]

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        """Return f and ∇f over all rows."""
        self.passes += 1
        f, g = self._total("both", vector)
        return float(f), g

    def gradient_and_hessian(
        self, vector: Array, rows: NDArray[np.int64] | None = None
    ) -> tuple[Array, Array]:
        """Return ∇f and ∇²f over all rows, or estimates from some."""
        g, H = self._total("second", vector, rows)
        return g, (H + H.T) / 2

    def hessian(self, vector: Array) -> Array:
        """Return ∇²f over all rows."""
        return self.gradient_and_hessian(vector)[1]

    def choose(self, count: int, rng: np.random.Generator) -> NDArray[np.int64] | None:
        """Return `count` rows drawn without replacement, in rising order so that memory is read in order."""
        if count >= self.n:
            return None
        return np.sort(rng.choice(self.n, count, replace=False, shuffle=False))

    def _total(self, kind: str, vector: Array, rows: NDArray[np.int64] | None = None) -> list[Any]:
        """Return what the program of a kind gives over all rows, or over some."""
        count = self.n if rows is None else len(rows)
        columns = {**self.batch.data, **self.batch.unpack(vector)}
        return self._program(kind).total(columns, pieces(count, self.block, rows), count)

    def _program(self, kind: str) -> OverRows:
        # The generated function itself, without the checks of a Program: shapes were checked once for all rows.
        if kind not in self._programs:
            batch = self.batch
            if kind == "both":
                exprs = [batch.loss, *batch.gradients]
            else:
                exprs = [*batch.gradients, *batch.hessians.values()]
            given = [*batch.data_symbols.values(), *batch.symbols]
            sizes = {**batch.sizes, self.proof.rows: self.block}
            source, _, _ = build(exprs, "numpy", self.dtype.name, given, sizes)
            function = execute(source, "numpy")[source.name]
            places = tuple((a.label, self.axes.get(a.label)) for a in source.signature.arguments)
            self._programs[kind] = OverRows(lambda *arrays: self._joined(kind, function(*arrays)), places)
        return self._programs[kind]

    def _joined(self, kind: str, found: Sequence[Any]) -> list[Any]:
        if kind == "both":
            value, *parts = found
            return [float(value), np.concatenate([np.ravel(part) for part in parts])]
        count = len(self.batch.symbols)
        gradient = np.concatenate([np.ravel(part) for part in found[:count]])
        return [gradient, self.batch.assembled(found[count:])]


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
