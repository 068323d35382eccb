"""What every loop shares: what is asked of it, the state between its calls, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradwork.expr.node import Expr
from gradwork.learn.descent.step import Step
from gradwork.rows.passes import Pass
from gradwork.run.program import build, execute
from gradwork.run.source import Source

Array = NDArray[Any]


@dataclass(frozen=True)
class Batching:
    """How rows are drawn: the size of a batch, the order by seed and epoch, and which data have rows where."""

    size: int
    rows: int
    axes: dict[str, int]
    shuffle: bool
    seed: int

    @property
    def full(self) -> int:
        """How many batches of full size an epoch has."""
        return self.rows // self.size

    @property
    def rest(self) -> int:
        """How many rows the last, smaller batch has (0: there is none)."""
        return self.rows % self.size

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return self.full + (self.rest > 0)


@dataclass(frozen=True)
class Setup:
    """What a loop runs.

    step:       the expressions of a step (of a batch, with batches).
    loss:       the loss on all rows, for what is measured between epochs.
    data:       the arrays by name, of `dtype`.
    validation: the same symbols over other rows, or None.
    moved:      whether to record how far each step moves.
    steps:      whether to record each step of an epoch.
    """

    step: Step
    loss: Expr
    gradients: tuple[Expr, ...]
    data: Mapping[str, Array]
    sizes: Mapping[str, int]
    dtype: np.dtype[Any]
    eta: float
    batching: Batching | None = None
    validation: Mapping[str, Array] | None = None
    moved: bool = False
    steps: bool = False


@dataclass(frozen=True)
class State:
    """The arrays between two calls of a loop, in the order of `Step.state`, and what the plan keeps besides."""

    arrays: tuple[Any, ...]
    extra: dict[str, Array] = field(default_factory=dict)


@dataclass
class Record:
    """What a call of a loop recorded, one entry a unit (a full-batch step, or an epoch of batches).

    In a full-batch record the entries belong to the parameters before each step; `moved` to the step itself.
    In an epoch's record `loss` is the mean over its rows, each taken before its batch's update.
    """

    loss: NDArray[np.float64]
    norm: NDArray[np.float64]
    moved: NDArray[np.float64] | None = None
    validation: NDArray[np.float64] | None = None
    step_loss: NDArray[np.float64] | None = None
    step_norm: NDArray[np.float64] | None = None

    def first(self, count: int) -> Record:
        """Return the record of the first units."""
        if count == len(self.loss):
            return self
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return Record(**{n: None if c is None else c[:count] for n, c in columns.items()})  # type: ignore[arg-type]

    @staticmethod
    def joined(records: Sequence[Record]) -> Record:
        """Return records one after the other."""
        if len(records) == 1:
            return records[0]
        columns = {name: [getattr(r, name) for r in records] for name in _COLUMNS}
        return Record(**{n: None if c[0] is None else np.concatenate(c) for n, c in columns.items()})  # type: ignore[arg-type]


_COLUMNS = tuple(f.name for f in fields(Record))


class Loop(Protocol):
    """A loop over a setup. `unit` 0, 1, … counts steps of full batches, or epochs of batches."""

    target: str
    capacity: int

    def start(self, arrays: Sequence[Array]) -> State:
        """Return the state for these arrays."""
        ...

    def advance(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        """Run `count` units from `unit` on; the given state stays valid.

        Where Ctrl-C asks to end, the state and the record are those of the units done by then, whole ones only.
        """
        ...

    def read(self, state: State) -> list[Array]:
        """Return the state's arrays as NumPy arrays."""
        ...

    def measure(self, state: State) -> tuple[float, float, float]:
        """Return loss, gradient norm and validation loss at the state's parameters, on all rows."""
        ...


def written(
    outputs: Sequence[Expr],
    target: str,
    dtype: np.dtype[Any],
    arguments: Sequence[Expr],
    sizes: Mapping[str, int],
    name: str = "step",
) -> Source:
    """Return the source of a function of the arguments and then the data symbols in order of appearance."""
    return _written(tuple(outputs), target, dtype.name, tuple(arguments), tuple(sorted(sizes.items())), name)


@lru_cache(maxsize=128)
def _written(outputs: tuple, target: str, dtype: str, arguments: tuple, sizes: tuple, name: str) -> Source:
    # Expressions are interned: a formula that is learned from again finds its text here.
    return build(list(outputs), target, dtype, arguments, dict(sizes), name)[0]


def raw(source: Source, kind: str) -> Callable[..., tuple]:
    """Return the function that a source defines, without the checks of a program's call."""
    return execute(source, kind)[source.name]


def measuring(
    setup: Setup, loss_only: bool = False, compiled: bool = False
) -> Callable[[Sequence[Array], Mapping[str, Array]], list[float]]:
    """Return a function (parameters, data) -> [loss] or [loss, gradient norm] on all rows.

    It is NumPy's, or, of blocks of many rows, compiled.
    """
    data = setup.data if not loss_only or setup.validation is None else setup.validation
    found = Pass(
        setup.loss, setup.step.symbols, data, setup.sizes, setup.dtype, setup.gradients, loss_only, compiled
    )

    def measure(parameters: Sequence[Array], data: Mapping[str, Array]) -> list[float]:
        value, *slopes = found(parameters, data)
        if loss_only:
            return [float(value)]
        with np.errstate(all="ignore"):
            squares = sum(float(np.vdot(g, g)) for g in slopes)
            return [float(value), float(np.sqrt(squares))]

    return measure
