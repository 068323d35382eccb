"""A loss and its gradient over all rows, in one pass over the data where the formula allows it.

A sum over rows is taken in blocks (see `sums`) that stay in a core's cache between the product that reads them first
(Xb) and the one that reads them again (Xᵀr), side by side on all cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.diff.api import grad
from gradwork.expr.node import Expr, plain, walk
from gradwork.rewrite import normalise
from gradwork.rewrite.likeness import unified
from gradwork.rows.proof import NotRows, RowSum, row_sum
from gradwork.rows.sums import OverRows, pieces, size_of_block
from gradwork.run.program import build, execute
from gradwork.run.source import Source

Array = NDArray[Any]

LARGE = 2_000_000  # numbers of data beyond which blocks pay
BLOCK = 100_000  # numbers in a block: 0.8 MB of float64


@lru_cache(maxsize=64)
def _source(outputs: tuple, dtype: str, arguments: tuple, sizes: tuple, target: str = "numpy") -> Source:
    return build(list(outputs), target, dtype, arguments, dict(sizes), "value")[0]


def _compiled(source: Source, free: Mapping[str, int]) -> Callable:
    import jax

    function = jax.jit(partial(execute(source, "xla")[source.name], **free))

    def call(*arrays: Any) -> list[Array]:
        with jax.enable_x64(True):
            return [np.asarray(v) for v in function(*arrays)]

    return call


class Pass:
    """Computes [f, ∂f/∂s for each symbol s] at given values, on data of one kind.

    gradients: the gradients if they are known; `loss_only` leaves them out.
    compiled:  whether blocks of rows are computed by XLA, which has threads of its own.
    """

    def __init__(
        self,
        loss: Expr,
        symbols: Sequence[Expr],
        data: Mapping[str, Array],
        sizes: Mapping[str, int],
        dtype: np.dtype[Any],
        gradients: Sequence[Expr] | None = None,
        loss_only: bool = False,
        compiled: bool = False,
    ):
        self.symbols, self.sizes, self.dtype = tuple(symbols), dict(sizes), dtype
        self.proof = self._proof(loss, data)
        if self.proof is not None and self.proof.batch is not normalise(loss):
            loss, gradients = self.proof.batch, None  # a mean is its own batch's loss
        slopes = [] if loss_only else grad(loss, list(symbols)) if gradients is None else list(gradients)
        outputs = unified([loss, *(plain(g) for g in slopes)])
        self.compiled = compiled and self.proof is not None
        target = "jax" if self.compiled else "numpy"
        source = _source(tuple(outputs), dtype.name, self.symbols, tuple(sorted(self.sizes.items())), target)
        self.names = [a.label for a in source.signature.arguments][len(self.symbols) :]
        self.free = {s: self.sizes[s] for s in source.signature.free}
        if self.compiled:
            self.function, self.free = _compiled(source, self.free), {}
        else:
            self.function = execute(source, "numpy")[source.name]

    def _proof(self, loss: Expr, data: Mapping[str, Array]) -> RowSum | None:
        held = [s for name, s in loss.symbols.items() if name in data]
        if sum(np.size(data[s.params[0]]) for s in held) < LARGE:
            return None
        if any(node.op.name == "batchmean" for node in walk(loss)):
            return None  # its value depends on which rows stand together
        try:
            return row_sum(loss, held, self.symbols)
        except NotRows:
            return None

    def __call__(self, values: Sequence[Array], data: Mapping[str, Array]) -> list[Array]:
        """Return the value and the gradients for the symbols' values, in their order."""
        if self.proof is None:
            with np.errstate(all="ignore"):
                return [
                    np.asarray(v) for v in self.function(*values, *(data[n] for n in self.names), **self.free)
                ]
        return self._blocks(values, data, self.proof)

    def _blocks(self, values: Sequence[Array], data: Mapping[str, Array], proof: RowSum) -> list[Array]:
        first = next(name for name in proof.axes if name in data)
        count = data[first].shape[proof.axes[first]]
        learned = {s.params[0]: value for s, value in zip(self.symbols, values, strict=True)}
        columns = {**data, **learned}
        if proof.whole is not None:
            columns[proof.whole.params[0]] = self.dtype.type(count)
        block = size_of_block(BLOCK, max(data[n].size // count for n in proof.axes if n in data))
        places = tuple((name, None) for name in learned) + tuple((n, proof.axes.get(n)) for n in self.names)
        over = OverRows(partial(self.function, **self.free), places)
        # XLA has threads of its own.
        found = over.total(columns, pieces(count, block), count, parallel=not self.compiled)
        return [np.asarray(v) for v in found]
