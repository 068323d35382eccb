"""The loop in NumPy: the step's NumPy text, called once a step. Right for small work: nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data import permutation
from gradwork.learn.descent.loops import Array, Record, Setup, State, measuring, raw, written
from gradwork.learn.interrupt import asked


class NumpyLoop:
    """Runs a setup by NumPy."""

    target = "numpy"
    capacity = 1 << 16

    def __init__(self, setup: Setup):
        self.setup = setup
        step = setup.step
        outputs = [*step.after, step.loss, step.squares]
        outputs += [step.moved] if setup.moved else []
        outputs += step.gradients if setup.batching else []
        self.source = written(outputs, "numpy", setup.dtype, step.inner, setup.sizes)
        self.function = raw(self.source, "numpy")
        self.names = [a.label for a in self.source.signature.arguments][len(step.inner) :]
        rows = setup.sizes if setup.batching is None else {}
        self.free = {s: rows[s] if s in rows else setup.sizes[s] for s in self.source.signature.free}
        self._validate = measuring(setup, loss_only=True) if setup.validation is not None else None

    @cached_property
    def _measure(self) -> Callable:
        return measuring(self.setup)

    def refresh(self, values: Mapping[str, Array]) -> None:
        """Take note that these data have changed."""

    def start(self, arrays: Sequence[Array]) -> State:
        """Return the state for these arrays."""
        return State(tuple(np.asarray(a, self.setup.dtype) for a in arrays))

    def read(self, state: State) -> list[Array]:
        """Return the state's arrays."""
        return [np.array(a, self.setup.dtype) for a in state.arrays]

    def measure(self, state: State) -> tuple[float, float, float]:
        """Return loss, gradient norm and validation loss at the state's parameters, on all rows."""
        parameters = state.arrays[: len(self.setup.step.symbols)]
        loss, norm = self._measure(parameters, self.setup.data)
        return loss, norm, self._validated(parameters)

    def _validated(self, parameters: Sequence[Any]) -> float:
        if self._validate is None or self.setup.validation is None:
            return float("nan")
        return self._validate(parameters, self.setup.validation)[0]

    def advance(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        """Run `count` units from `unit` on, fewer where Ctrl-C asks to end."""
        with np.errstate(all="ignore"):
            return (self._steps if self.setup.batching is None else self._epochs)(state, unit, count)

    def _steps(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        setup, function = self.setup, self.function
        data = [setup.data[name] for name in self.names]
        width, learned = len(state.arrays), len(setup.step.symbols)
        arrays, eta, dtype = list(state.arrays), setup.eta, setup.dtype
        loss, norm = np.empty(count), np.empty(count)
        moved = np.empty(count) if setup.moved else None
        validation = np.empty(count) if self._validate else None
        for i in range(count):
            if asked():
                count = i
                break
            if validation is not None:
                validation[i] = self._validated(arrays[:learned])
            out = function(*arrays, unit + i + 1.0, eta, *data, **self.free)
            arrays = [np.asarray(a, dtype) for a in out[:width]]
            loss[i], norm[i] = out[width], out[width + 1]
            if moved is not None:
                moved[i] = out[width + 2]
        record = Record(loss, np.sqrt(norm), moved, validation)
        return State(tuple(arrays), state.extra), record.first(count)

    def _epochs(self, state: State, unit: int, count: int) -> tuple[State, Record]:
        setup, function = self.setup, self.function
        batching = setup.batching
        assert batching is not None
        width, learned = len(state.arrays), len(setup.step.symbols)
        arrays, eta, dtype = list(state.arrays), setup.eta, setup.dtype
        rows = [batching.axes.get(name) for name in self.names]
        data = [setup.data[name] for name in self.names]
        loss, norm = np.empty(count), np.empty(count)
        validation = np.empty(count) if self._validate else None
        step_loss = np.empty((count, batching.steps)) if setup.steps else None
        step_norm = np.empty((count, batching.steps)) if setup.steps else None
        for e in range(count):
            order = permutation(batching.rows, batching.seed, unit + e) if batching.shuffle else None
            total, sums, before = 0.0, [np.zeros_like(a) for a in arrays[:learned]], arrays
            for k in range(batching.steps):
                if asked():
                    break
                at = k * batching.size
                end = min(at + batching.size, batching.rows)
                taken = [
                    x if axis is None else _rows(x, axis, order, at, end)
                    for x, axis in zip(data, rows, strict=True)
                ]
                out = function(*arrays, (unit + e) * batching.steps + k + 1.0, eta, *taken, **self.free)
                arrays = [np.asarray(a, dtype) for a in out[:width]]
                share = (end - at) / batching.rows
                total += share * float(out[width])
                for s, g in zip(sums, out[len(out) - learned :], strict=True):
                    s += share * g
                if step_loss is not None and step_norm is not None:
                    step_loss[e, k], step_norm[e, k] = out[width], out[width + 1]
            else:
                loss[e], norm[e] = total, _norm(sums)
                if validation is not None:
                    validation[e] = self._validated(arrays[:learned])
                continue
            # A part of an epoch is no epoch: back to where it began.
            arrays, count = before, e
            break
        record = Record(loss, norm, None, validation, step_loss, _root(step_norm))
        return State(tuple(arrays), state.extra), record.first(count)


def _rows(x: Array, axis: int, order: NDArray[np.int64] | None, at: int, end: int) -> Array:
    if order is not None:
        return x.take(order[at:end], axis=axis)
    return x[(slice(None),) * axis + (slice(at, end),)]


def _root(squares: Array | None) -> Array | None:
    return None if squares is None else np.sqrt(squares)


def _norm(parts: Sequence[Array]) -> float:
    return float(np.sqrt(sum(float(np.vdot(g, g)) for g in parts)))
